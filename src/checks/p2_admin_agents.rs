//! Every Admin agent has Entra ID P2.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::privilege::those;
use crate::sources::{Unread, User};

pub(super) static CHECK: Check = Check {
    id: "p2-admin-agents",
    title: "Every Admin agent has a licence of Microsoft Entra ID P2",
    tier: Tier::Recommended,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://admin.microsoft.com/#/licenses",
    remedy: "assign Microsoft Entra ID P2 (part of Microsoft 365 E5, and of the partner benefits for internal use) to the account, or take it out of the Admin agents",
    sources: &["agent_groups", "groups", "users", "privileged_accounts"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    if let Some(fact) = posture.has_no_agents() {
        return Ok(Verdict::of_no_concern(fact));
    }
    let (mut findings, mut doubts) = (Vec::new(), Vec::new());
    for agents in posture.agents(&["AdminAgents"])? {
        let lacks = |user: &&User| Ok(!posture.privileged_account(user)?.has_p2);
        let (without, doubt) = those(agents.enabled(), lacks);
        doubts.extend(agents.doubt.into_iter().chain(doubt));
        findings.extend(without.into_iter().map(|user| {
            let has_p1 = posture.privileged_account(user).is_ok_and(|it| it.has_p1);
            let what = match has_p1 {
                true => "is an Admin agent and has Entra ID P1, but not P2",
                false => "is an Admin agent without Entra ID P2",
            };
            Finding::account(user, what)
        }));
    }
    terms.verdict(findings).unless_doubtful(doubts.into_iter().min())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    fn verdict(rest: &str) -> Verdict {
        let users = "{ anna: {}, bert: { disabled: true } }";
        let tenant =
            format!("{{ users: {users}, groups: {{ g: [anna, bert] }}, agents: [g], {rest} }}");
        judged(&CHECK, &tenant)
    }

    #[test]
    fn each_agent_who_may_sign_in_needs_one() {
        assert_eq!(verdict("").state(), State::Compliant);
        let of_the_disabled = verdict("having: { bert: { p2: false } }");
        assert_eq!(of_the_disabled.state(), State::Compliant, "nobody signs in with that");
        let without = verdict("having: { anna: { p2: false, p1: true } }");
        assert_eq!(without.state(), State::Noncompliant);
        assert_eq!(without.findings()[0].what, "is an Admin agent and has Entra ID P1, but not P2");
    }

    #[test]
    fn an_account_that_cannot_be_read_is_not_one_without_a_licence() {
        let why = verdict("having: { anna: { refused: true } }").why_unknown();
        assert_eq!(why, Some(Unread::SourceFailed));
        assert_eq!(verdict("having: refused").why_unknown(), Some(Unread::Permission));
        let none = judged(&CHECK, "{ users: { anna: {} } }");
        assert_eq!(none.state(), State::NotApplicable);
    }
}
