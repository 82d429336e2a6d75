//! What it means: one file per requirement, named as its id.
//!
//! A check does no I/O, reads no clock and knows no other check. To add one: its file, a `mod`
//! and a place in [`ALL`].

mod check;

mod accounts_without_mfa_ability;
mod admin_agents_membership;
mod app_passwords;
mod automation_control_panel;
mod automation_inventory;
mod automation_invoicing;
mod automation_user_credentials;
mod azure_budget;
mod azure_over_budget;
mod baseline_transition;
mod bp_admin_count;
mod bp_dedicated_accounts;
mod bp_dual_custody;
mod bp_leavers;
mod bp_separate_admins;
mod connect_sync_account;
mod customer_admins_mfa;
mod dap_inactive;
mod dap_new_grants;
mod dap_remaining;
mod defaults_ca_exclusive;
mod defaults_registration_grace;
mod enforcement_active;
mod exchange_modern_auth;
mod exporter_exceptions;
mod fraud_alerts_open;
mod fraud_feed_reachable;
mod fraud_response_time;
mod gdap_assignments;
mod gdap_auto_extend;
mod gdap_coverage;
mod gdap_expiry;
mod gdap_least_privilege;
mod gdap_microsoft_led;
mod gdap_no_global_admin;
mod gdap_pending;
mod legacy_auth_blocked;
mod legacy_clients;
mod log_retention;
mod mfa_admins_enforced;
mod mfa_all_users_enforced;
mod mfa_all_users_registered;
mod mfa_aobo;
mod mfa_api_requests;
mod mfa_break_glass;
mod mfa_claim_self_test;
mod mfa_cloud_signins;
mod mfa_every_authentication;
mod mfa_guests;
mod mfa_no_exclusions;
mod mfa_per_tenant;
mod mfa_phishing_resistant;
mod mfa_portal_requests;
mod mfa_supported_method;
mod mfa_third_party_claim;
mod mfa_third_party_exception;
mod mpa_accepted;
mod mpa_resellers_signed;
mod office_2013_registry;
mod office_client_versions;
mod p2_admin_agents;
mod partner_security_score;
mod pim_in_use;
mod powershell_user_credentials;
mod risk_based_ca;
mod risky_users;
mod sam_adopted;
mod sam_least_privilege;
mod sam_refresh_token;
mod security_contact;
mod security_defaults;
mod signin_log_available;
mod totp_available;
mod transact_ability;

use crate::posture::{Exception, Posture, Status};
use crate::sources::{Unread, Users};
use crate::wire::ObjectId;

pub use check::{About, Check, Evidence, Finding, State, Subject, Terms, Tier, Verdict};

/// All checks, in the order of the reference.
pub static ALL: [&Check; 74] = [
    &mpa_accepted::CHECK,
    &mpa_resellers_signed::CHECK,
    &transact_ability::CHECK,
    &partner_security_score::CHECK,
    &mfa_all_users_enforced::CHECK,
    &mfa_all_users_registered::CHECK,
    &mfa_admins_enforced::CHECK,
    &mfa_guests::CHECK,
    &mfa_no_exclusions::CHECK,
    &mfa_break_glass::CHECK,
    &mfa_every_authentication::CHECK,
    &mfa_supported_method::CHECK,
    &mfa_per_tenant::CHECK,
    &mfa_portal_requests::CHECK,
    &mfa_aobo::CHECK,
    &mfa_cloud_signins::CHECK,
    &mfa_api_requests::CHECK,
    &mfa_claim_self_test::CHECK,
    &enforcement_active::CHECK,
    &mfa_third_party_exception::CHECK,
    &mfa_third_party_claim::CHECK,
    &mfa_phishing_resistant::CHECK,
    &accounts_without_mfa_ability::CHECK,
    &totp_available::CHECK,
    &security_defaults::CHECK,
    &defaults_ca_exclusive::CHECK,
    &defaults_registration_grace::CHECK,
    &baseline_transition::CHECK,
    &legacy_auth_blocked::CHECK,
    &legacy_clients::CHECK,
    &app_passwords::CHECK,
    &office_client_versions::CHECK,
    &office_2013_registry::CHECK,
    &exchange_modern_auth::CHECK,
    &connect_sync_account::CHECK,
    &sam_adopted::CHECK,
    &sam_refresh_token::CHECK,
    &sam_least_privilege::CHECK,
    &automation_control_panel::CHECK,
    &automation_invoicing::CHECK,
    &automation_user_credentials::CHECK,
    &powershell_user_credentials::CHECK,
    &automation_inventory::CHECK,
    &dap_inactive::CHECK,
    &dap_remaining::CHECK,
    &dap_new_grants::CHECK,
    &gdap_coverage::CHECK,
    &gdap_no_global_admin::CHECK,
    &gdap_least_privilege::CHECK,
    &gdap_expiry::CHECK,
    &gdap_auto_extend::CHECK,
    &gdap_pending::CHECK,
    &gdap_assignments::CHECK,
    &gdap_microsoft_led::CHECK,
    &fraud_alerts_open::CHECK,
    &fraud_response_time::CHECK,
    &fraud_feed_reachable::CHECK,
    &security_contact::CHECK,
    &azure_budget::CHECK,
    &azure_over_budget::CHECK,
    &customer_admins_mfa::CHECK,
    &admin_agents_membership::CHECK,
    &p2_admin_agents::CHECK,
    &pim_in_use::CHECK,
    &risk_based_ca::CHECK,
    &risky_users::CHECK,
    &bp_separate_admins::CHECK,
    &bp_admin_count::CHECK,
    &bp_leavers::CHECK,
    &bp_dual_custody::CHECK,
    &bp_dedicated_accounts::CHECK,
    &signin_log_available::CHECK,
    &log_retention::CHECK,
    &exporter_exceptions::CHECK,
];

/// The verdict on the requirement with this id.
fn judge(requirement: &str, posture: &Posture<'_>) -> Verdict {
    let check = ALL.into_iter().find(|check| check.id == requirement);
    check.map(|check| check.judge(posture)).unwrap_or_default()
}

/// How an exception stands by the verdict on its requirement, and what it names that nothing was
/// found about.
pub fn standing<'e>(
    exception: &'e Exception,
    verdict: &Verdict,
    posture: &Posture<'_>,
) -> Result<(Status, Vec<&'e ObjectId>), Unread> {
    match verdict.standing(exception, posture.facts.now)? {
        // What it names may be an account whose row could not be read.
        (Status::Unmatched, missing)
            if !missing.is_empty() && posture.facts.users.rows().is_ok_and(Users::has_gaps) =>
        {
            Err(Unread::SourceFailed)
        }
        standing => Ok(standing),
    }
}

/// The verdict on a tenant made by hand.
#[cfg(test)]
fn judged(check: &Check, yaml: &str) -> Verdict {
    let tenant = crate::posture::tenants::tenant(yaml);
    check.judge(&crate::posture::Posture::of(&tenant.facts(), &tenant.declared()))
}

/// The verdict on a tenant made by hand of two accounts, `anna` and `robot`, with these rows in its
/// log; `rest` is more of the tenant.
#[cfg(test)]
fn logged(check: &Check, rows: &str, rest: &str) -> Verdict {
    let tenant = format!("{{ users: {{ anna: {{}}, robot: {{}} }}, sign_ins: {rows}, {rest} }}");
    // Who signs in is known by a GUID.
    let tenant = tenant.replace("anna", "a0000000-0000-4000-8000-000000000001");
    judged(check, &tenant.replace("robot", "b0000000-0000-4000-8000-000000000002"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::posture::{Declarations, Posture};
    use crate::sources::{self, Facts};

    #[test]
    fn every_check_is_named_once_documented_and_reads_sources_that_exist() {
        let ids: BTreeSet<_> = ALL.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), ALL.len());
        let sources: BTreeSet<_> = sources::all().iter().map(|about| about.id).collect();
        for check in ALL {
            let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(check.id.chars().all(legal), "{}", check.id);
            assert!(check.docs.starts_with("https://learn.microsoft.com/"), "{}", check.id);
            assert!(check.portal.starts_with("https://"), "{}", check.id);
            assert!(check.title.len() > 20 && check.remedy.len() > 20, "{}", check.id);
            // One compares declarations with each other.
            assert!(!check.sources.is_empty() || check.id == "mfa-per-tenant", "{}", check.id);
            assert!(check.sources.iter().all(|id| sources.contains(id)), "{}", check.id);
        }
    }

    #[test]
    fn what_was_never_read_is_unknown_everywhere() {
        let facts = Facts::unread(Timestamp::UNIX_EPOCH);
        let declared = Declarations::default();
        let posture = Posture::of(&facts, &declared);
        // Nothing is declared, so there is nothing to be read for this one.
        for check in ALL.into_iter().filter(|check| check.id != "exporter-exceptions") {
            assert_eq!(check.judge(&posture).state(), State::Unknown, "{}", check.id);
        }
    }
}
