//! Nobody is left out of MFA, not even service and emergency accounts.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::{Posture, coverage};
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "mfa-no-exclusions",
    title: "No account is left out of the policies that demand MFA",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "take the account, group, role or kind of guest out of the policy's exclusions, or cover it with another policy; emergency accounts belong under break_glass in the configuration and hold a security key",
    sources: &coverage::SOURCES,
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let people = posture.people.as_ref().map_err(|why| *why)?;
    let enforcement = posture.enforcement.as_ref().map_err(|why| *why)?;
    let left_out = people.everyone().iter().enumerate().filter_map(|(number, user)| {
        let (by, policy) = enforcement.left_out(number)?;
        let what = format!("is left out of {} {}", enforcement.policy(policy), by.in_words());
        // Declared for emergencies: known, and still not challenged.
        Some(Finding::account(user, what).waived_if(posture.is_break_glass(user)))
    });
    terms.verdict(left_out).unless_doubtful(posture.enforcement_doubt(|_, _| true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn who_is_left_out_is_found_unless_another_policy_covers_them() {
        let out = "{ users: { anna: {} }, groups: { g: [anna] }, policies: [{ id: p, displayName: MFA, state: enabled, conditions: { users: { includeUsers: [All], excludeGroups: [g] }, applications: { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }] }";
        let verdict = judged(&CHECK, out);
        assert_eq!(verdict.state(), State::Noncompliant);
        assert_eq!(verdict.findings()[0].what, "is left out of MFA as a member of a group");
        let covered = "{ users: { anna: {} }, per_user: { anna: enforced }, policies: [{ id: p, displayName: MFA, state: enabled, conditions: { users: { includeUsers: [All], excludeUsers: [anna] }, applications: { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }] }";
        assert_eq!(judged(&CHECK, covered).state(), State::Compliant);
    }

    #[test]
    fn an_account_for_emergencies_is_waived_and_still_counted() {
        let tenant = "{ users: { anna: {} }, break_glass: [anna], policies: [{ id: p, displayName: MFA, state: enabled, conditions: { users: { includeUsers: [All], excludeUsers: [anna] }, applications: { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }] }";
        let verdict = judged(&CHECK, tenant);
        assert_eq!((verdict.state(), verdict.found(), verdict.waived()), (State::Waived, 1, 1));
    }
}
