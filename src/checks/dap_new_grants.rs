//! Nobody grants DAP any more.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::client::Api;
use crate::posture::Posture;
use crate::posture::dap::new_grants;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "dap-new-grants",
    title: "No customer has granted DAP lately",
    tier: Tier::Recommended,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/account-settings/activity-logs",
    portal: "https://partner.microsoft.com/dashboard/account/v3/activitylog",
    remedy: "find out who asked for it, in the activity log: Microsoft no longer grants DAP with a new customer, and whoever brings it about in the partner's name may be an attacker; then remove it, and make a GDAP relationship where access is needed",
    sources: &["audit_records", "customer_dap", "customers"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let grants = match (new_grants(posture.facts), posture.exempt(Api::PartnerCenter)) {
        (Err(why), Some(fact)) if why != Unread::Pending => {
            return Ok(Verdict::of_no_concern(fact));
        }
        (grants, _) => grants?,
    };
    let customers = posture.facts.customers.rows().ok();
    let findings = grants.into_iter().map(|(customer, at)| {
        let name = customers.and_then(|it| it.of(customer)).map_or("", |it| &it.name);
        Finding { since: Some(at), ..Finding::object(customer, name, "has granted DAP lately") }
    });
    let audit = posture.facts.audit_records.rows()?;
    let gaps = audit.has_gaps().then_some(Unread::SourceFailed);
    let rest = (!audit.is_whole()).then_some(Unread::Pending);
    terms.verdict(findings).unless_doubtful(rest.or(gaps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::posture::dap::tests::{DAY, NOW, YES, at, facts, id, organization};
    use crate::sources::{AuditRecords, Fact, Facts};

    /// Grants and ends of DAP by customer and days ago, in a log of so many days.
    fn audited(days: i64, grants: &[(u8, i64)], ends: &[(u8, i64)]) -> Facts {
        let of = |word: &'static str, all: &[(u8, i64)]| {
            let record =
                move |(customer, ago): &(u8, i64)| (id(*customer), word, at(NOW - ago * DAY));
            all.iter().map(record).collect::<Vec<_>>()
        };
        let records = [
            of("dap_admin_relationship_approved", grants),
            of("dap_admin_relationship_terminated", ends),
        ];
        let audit = AuditRecords::of_days(at(NOW), days, records.concat());
        Facts { audit_records: Fact::known(audit, at(NOW)), ..facts(&[YES, YES], 0, &[]) }
    }

    fn judged(facts: &Facts) -> Verdict {
        CHECK.judge(&Posture::of(facts, &Declarations::default()))
    }

    #[test]
    fn a_grant_is_found_until_it_is_ended() {
        assert_eq!(judged(&audited(90, &[], &[])).state(), State::Compliant);
        let one = judged(&audited(90, &[(0, 20)], &[(0, 30)]));
        assert_eq!((one.state(), one.found()), (State::Noncompliant, 1));
        assert_eq!(one.findings()[0].since, Some(at(NOW - 20 * DAY)));
        assert_eq!(judged(&audited(90, &[(0, 20)], &[(0, 3)])).state(), State::Compliant);
        // Customer 9 is none any more.
        assert_eq!(judged(&audited(90, &[(9, 20)], &[])).state(), State::Compliant);
        // Customer 2 has no DAP any more, though no record says so.
        let mut gone = audited(90, &[(2, 20)], &[]);
        gone.customer_dap = facts(&[YES, YES, Some(false)], 0, &[]).customer_dap;
        assert_eq!(judged(&gone).state(), State::Compliant);
    }

    #[test]
    fn until_all_days_are_read_there_may_be_one_that_was_not_seen() {
        assert_eq!(judged(&audited(89, &[], &[])).why_unknown(), Some(Unread::Pending));
        assert_eq!(judged(&audited(3, &[(1, 2)], &[])).state(), State::Noncompliant);
    }

    #[test]
    fn an_indirect_reseller_has_no_log_there() {
        let mut facts = facts(&[], 0, &[]);
        facts.audit_records = Fact::Unread(Unread::Permission);
        assert_eq!(judged(&facts).why_unknown(), Some(Unread::Permission));
        facts.organization = organization("valueAddedResellerPartnerDelegatedAdmin");
        assert!(judged(&facts).fact().is_some());
    }
}
