//! Every enabled account is always challenged for MFA.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict, unenforced};
use crate::posture::{Posture, coverage};
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "mfa-all-users-enforced",
    title: "MFA is enforced for every enabled account, guests, service and emergency accounts included",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "run `partnercenter_exporter explain` with the account for the policy that leaves it out, and close the gap in Conditional Access; block the sign-in of accounts nobody needs",
    sources: &coverage::SOURCES,
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let verdict = terms.verdict(unenforced(posture.unenforced(|_, _| true)?));
    verdict.unless_doubtful(posture.enforcement_doubt(|_, _| true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn met_when_everybody_is_always_challenged_and_not_when_one_is_not() {
        let all = "{ users: { anna: {}, bert: {} }, policies: [{ id: p, displayName: MFA, state: enabled, conditions: { users: { includeUsers: [All] }, applications: { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }] }";
        assert_eq!(judged(&CHECK, all).state(), State::Compliant);
        let one = "{ users: { anna: {}, bert: {} }, policies: [{ id: p, displayName: MFA, state: enabled, conditions: { users: { includeUsers: [All], excludeUsers: [bert] }, applications: { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }] }";
        let verdict = judged(&CHECK, one);
        assert_eq!((verdict.state(), verdict.found()), (State::Noncompliant, 1));
        assert_eq!(verdict.findings()[0].what, "is left out of MFA by name");
    }

    #[test]
    fn unknown_while_somebody_depends_on_what_could_not_be_read() {
        let refused = "{ users: { anna: {} }, policies: refused }";
        assert_eq!(judged(&CHECK, refused).why_unknown(), Some(Unread::Permission));
        let covered = "{ users: { anna: {} }, per_user: refused, policies: [{ id: p, displayName: MFA, state: enabled, conditions: { users: { includeUsers: [All] }, applications: { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }] }";
        assert_eq!(judged(&CHECK, covered).state(), State::Compliant, "nobody depends on it");
    }
}
