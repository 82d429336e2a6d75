//! Every administrator is always challenged for MFA.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict, unenforced};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::User;

pub(super) static CHECK: Check = Check {
    id: "mfa-admins-enforced",
    title: "MFA is enforced for every holder of an admin role and every Partner Center agent",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "run `partnercenter_exporter explain` with the account, and include it in a policy that demands MFA of every sign-in; or take the role away",
    sources: &[
        "users",
        "security_defaults",
        "conditional_access_policies",
        "per_user_mfa",
        "role_assignments",
        "role_eligibilities",
        "agent_groups",
        "groups",
        "authentication_strengths",
        "named_locations",
    ],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let (administrators, more) = posture.administrators.as_ref().map_err(|why| *why)?;
    let is_administrator = |number: usize, _: &User| administrators.contains(number);
    let verdict = terms.verdict(unenforced(posture.unenforced(is_administrator)?));
    let doubt = posture.enforcement_doubt(is_administrator).into_iter().chain(*more).min();
    verdict.unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn who_may_activate_a_role_is_an_administrator_and_others_do_not_matter_here() {
        let tenant = |roles: &str| {
            format!(
                "{{ users: {{ anna: {{}}, bert: {{}} }}, roles: {roles}, policies: [{{ id: p, displayName: MFA, state: enabled, conditions: {{ users: {{ includeUsers: [All], excludeUsers: [bert] }}, applications: {{ includeApplications: [All] }} }}, grantControls: {{ operator: OR, builtInControls: [mfa] }} }}] }}"
            )
        };
        let state = |roles: &str| judged(&CHECK, &tenant(roles)).state();
        assert_eq!(state("{ active: { global-admin: [anna] } }"), State::Compliant);
        assert_eq!(state("{ eligible: { global-admin: [bert] } }"), State::Noncompliant);
        assert_eq!(state("{ unit: { helpdesk: [bert] } }"), State::Noncompliant);
        assert_eq!(state("refused"), State::Unknown);
        assert_eq!(state("{ eligible: refused }"), State::Unknown);
    }

    #[test]
    fn agents_are_administrators_in_nested_groups_too() {
        let tenant =
            "{ users: { anna: {} }, agents: [agents], groups: { agents: [inner], inner: [anna] } }";
        assert_eq!(judged(&CHECK, tenant).found(), 1);
        let refused = "{ users: { anna: {} }, agents: [agents], groups: { agents: refused } }";
        assert_eq!(judged(&CHECK, refused).why_unknown(), Some(Unread::Permission));
    }
}
