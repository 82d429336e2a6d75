//! Connect sync accounts do nothing but synchronise.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::sign_ins::Deed;
use crate::sources::{Unread, User};

pub(super) static CHECK: Check = Check {
    id: "connect-sync-account",
    title: "Accounts of Entra Connect hold no other role, are no agents, and sign in with nothing else",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/entra/identity/hybrid/connect/reference-connect-accounts-permissions",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/RolesManagementMenuBlade/~/AllRoles",
    remedy: "take every role but Directory Synchronization Accounts from the account, and take it out of the agent groups; it is left out of MFA and its password lies on a server. Newer versions of Connect sign in as an application of their own: list its id under `sources`, `sign_ins`, `applications`, `connect`",
    sources: &[
        "users",
        "role_assignments",
        "role_eligibilities",
        "agent_groups",
        "groups",
        "sign_ins",
    ],
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
    let busy = busy.into_iter().map(|user| Finding::account(user, what));
    let (elsewhere, log_doubt) = signed_in_elsewhere(posture, people.synchronizers());
    let doubt = doubt.into_iter().chain(log_doubt).min();
    terms.verdict(busy.chain(elsewhere)).unless_doubtful(doubt)
}

/// An account that only ever signs in with an application unknown to us may well be synchronising.
fn signed_in_elsewhere(
    posture: &Posture<'_>,
    synchronizers: &[&User],
) -> (Vec<Finding>, Option<Unread>) {
    let (log, figures) = match posture.rich_log() {
        Ok(known) => known,
        Err(why) => return (Vec::new(), Some(why)),
    };
    // Where not everybody is kept, an account that was not seen may have been left out.
    let mut doubt = figures.people.is_none().then_some(Unread::Limit);
    let mut findings = Vec::new();
    for user in synchronizers {
        let deeds = log.deeds(&user.id);
        if deeds.has(Deed::OtherApplication) && deeds.has(Deed::ConnectApplication) {
            let since = log.last(&user.id, Deed::OtherApplication);
            let what = "signed in with another application than Entra Connect";
            findings.push(Finding { since, ..Finding::account(user, what) });
        } else if deeds.has(Deed::OtherApplication) {
            doubt = doubt.or(Some(Unread::NotObservable));
        }
    }
    (findings, doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, logged};

    const CONNECT: &str = "cb1056e2-e479-49de-ae31-7812af012ed8";

    #[test]
    fn another_role_or_a_place_among_the_agents_is_found() {
        let rows = format!("[{{ who: robot, app: {CONNECT} }}]");
        let state = |rest: &str| logged(&CHECK, &rows, rest).state();
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

    #[test]
    fn another_application_is_found_beside_connect_and_doubtful_alone() {
        let of = |rows: &str| logged(&CHECK, rows, "sync: [robot]");
        let both = of(&format!("[{{ who: robot, app: {CONNECT} }}, {{ who: robot }}]"));
        assert_eq!((both.state(), both.found()), (State::Noncompliant, 1));
        let alone = of("[{ who: robot }]");
        assert_eq!(alone.why_unknown(), Some(Unread::NotObservable));
        assert_eq!(of("refused").why_unknown(), Some(Unread::Permission));
        assert_eq!(of("[{ who: anna }]").state(), State::Compliant, "it slept");
        let crowded = logged(&CHECK, "[{ who: anna }]", "sync: [robot], crowded_log: true");
        assert_eq!(crowded.why_unknown(), Some(Unread::Limit), "it may have found no place");
    }
}
