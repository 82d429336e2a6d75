//! MFA comes from one of the ways Microsoft supports.

use super::check::{Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "mfa-supported-method",
    title: "A way to enforce MFA that Microsoft supports is in use",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "switch security defaults on, or enable a Conditional Access policy that demands MFA",
    sources: &["security_defaults", "conditional_access_policies", "per_user_mfa"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let options = posture.options();
    let per_user = options.per_user_or_none();
    let all = [options.security_defaults, options.conditional_access, per_user];
    if all.contains(&Ok(true)) {
        return Ok(terms.verdict([]));
    }
    match all.into_iter().filter_map(Result::err).min() {
        Some(why) => Err(why),
        None => Ok(terms.verdict([Finding::tenant(
            "neither security defaults nor Conditional Access nor per-user MFA is in use",
        )])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn any_way_will_do_and_none_will_not() {
        let state = |tenant: &str| judged(&CHECK, tenant).state();
        assert_eq!(state("{ security_defaults: true }"), State::Compliant);
        assert_eq!(
            state(
                "{ policies: [{ id: p, displayName: MFA, state: enabled, conditions: { users: { includeUsers: [All] }, applications: { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }] }"
            ),
            State::Compliant
        );
        assert_eq!(state("{ per_user: { anna: enabled } }"), State::Compliant);
        assert_eq!(state("{}"), State::Noncompliant);
        assert_eq!(state("{ per_user: absent }"), State::Noncompliant);
    }

    #[test]
    fn a_policy_that_could_not_be_judged_may_be_the_way() {
        let lost =
            "{ policies: [{ id: p, state: enabled, conditions: { users: { includeUsers: [All] },
            applications: { includeApplications: [All] } }, grantControls: { operator: OR,
            authenticationStrength: { id: lost } } }] }";
        assert_eq!(judged(&CHECK, lost).state(), State::Unknown);
        let unreadable = "{ policies: [], unreadable_policies: 1 }";
        assert_eq!(judged(&CHECK, unreadable).why_unknown(), Some(Unread::SourceFailed));
    }

    #[test]
    fn what_could_not_be_read_matters_only_where_nothing_else_holds() {
        let refused = "{ policies: refused }";
        assert_eq!(judged(&CHECK, refused).why_unknown(), Some(Unread::Permission));
        let on = "{ security_defaults: true, policies: refused }";
        assert_eq!(judged(&CHECK, on).state(), State::Compliant);
    }
}
