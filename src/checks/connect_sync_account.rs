//! Connect sync accounts do nothing but synchronise.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "connect-sync-account",
    title: "Accounts of Entra Connect hold no other role and are no agents",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-accounts-permissions",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/RolesManagementMenuBlade/~/AllRoles",
    remedy: "take every role but Directory Synchronization Accounts from the account, and take it out of the agent groups; it is left out of MFA and its password lies on a server",
    sources: &["users", "role_assignments", "role_eligibilities", "agent_groups", "groups"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let people = posture.people.as_ref().map_err(|why| *why)?;
    posture.facts.role_assignments.rows()?;
    if people.synchronizers().is_empty() {
        return Ok(Verdict::not_applicable());
    }
    let (busy, doubt) = people.busy_synchronizers();
    let what = "synchronises and holds another role or is an agent";
    let findings = busy.into_iter().map(|user| Finding::account(user, what));
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn another_role_or_a_place_among_the_agents_is_found() {
        let state = |rest: &str| {
            let tenant = format!("{{ users: {{ anna: {{}}, robot: {{}} }}, {rest} }}");
            judged(&CHECK, &tenant).state()
        };
        assert_eq!(state("sync: []"), State::NotApplicable);
        assert_eq!(state("sync: [robot]"), State::Compliant);
        let another = "sync: [robot], roles: { eligible: { global-admin: [robot] } }";
        assert_eq!(state(another), State::Noncompliant);
        let agent = "sync: [robot], agents: [agents], groups: { agents: [inner], inner: [robot] }";
        assert_eq!(state(agent), State::Noncompliant);
        assert_eq!(state("roles: refused"), State::Unknown);
        let hidden = "sync: [robot], agents: [agents], groups: { agents: refused }";
        assert_eq!(state(hidden), State::Unknown);
    }
}
