//! MFA comes from one of the ways Microsoft supports.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::coverage::SOURCES;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "mfa-supported-method",
    title: "A way to enforce MFA that Microsoft supports is in use",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "switch security defaults on, or enable a Conditional Access policy that demands MFA",
    sources: &SOURCES,
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
                "{ users: { anna: {} }, policies: [{ id: p, displayName: MFA, state: enabled, conditions: { users: { includeUsers: [All] }, applications: { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }] }"
            ),
            State::Compliant
        );
        assert_eq!(state("{ users: { anna: {} }, per_user: { anna: enabled } }"), State::Compliant);
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

    #[test]
    fn a_way_that_is_used_on_nobody_who_may_sign_in_is_none() {
        let state = |tenant: &str| judged(&CHECK, tenant).state();
        assert_eq!(
            state(
                "{ users: { anna: {}, gone: { disabled: true } }, per_user: { gone: enforced } }"
            ),
            State::Noncompliant
        );
        let policy = |users: &str, more: &str| {
            format!(
                "{{ users: {{ anna: {{}}, gone: {{ disabled: true }} }}, {more} policies: [{{ id: p,
                    state: enabled, conditions: {{ users: {users}, applications:
                    {{ includeApplications: [All] }} }}, grantControls: {{ operator: OR,
                    builtInControls: [mfa] }} }}] }}"
            )
        };
        for nobody in [
            "{ includeUsers: [None] }",
            "{ includeUsers: [gone] }",
            "{ includeGroups: [left] }",
            "{ includeRoles: [admin] }",
            "{ includeUsers: [All], excludeUsers: [anna] }",
        ] {
            assert_eq!(state(&policy(nobody, "groups: { left: deleted },")), State::Noncompliant);
        }
        assert_eq!(state(&policy("{ includeUsers: [anna] }", "")), State::Compliant);
        let perhaps = policy("{ includeGroups: [hidden] }", "groups: { hidden: refused },");
        assert_eq!(state(&perhaps), State::Unknown);
    }

    #[test]
    fn a_policy_that_leaves_sign_ins_out_is_a_way_whatever_else_is_on_and_unread() {
        let partly = "users: { anna: {} }, policies: [{ id: p, state: enabled, conditions: { users:
            { includeUsers: [All] }, applications: { includeApplications: [All] }, clientAppTypes:
            [browser] }, grantControls: { operator: OR, builtInControls: [mfa] } }]";
        for more in ["", "locations: refused,", "unreadable_policies: 1,", "per_user: refused,"] {
            let state = judged(&CHECK, &format!("{{ {more} {partly} }}")).state();
            assert_eq!(state, State::Compliant, "{more}");
        }
    }
}
