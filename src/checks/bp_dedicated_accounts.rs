//! Agents act for customers with accounts that they use for nothing else.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::privilege::agents::ACTING;
use crate::posture::privilege::those;
use crate::sources::{Unread, User};

pub(super) static CHECK: Check = Check {
    id: "bp-dedicated-accounts",
    title: "Admin and helpdesk agents act for customers with accounts that have no mailbox",
    tier: Tier::BestPractice,
    evidence: Evidence::Proxy,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/csp-security-best-practices",
    portal: "https://partner.microsoft.com/dashboard/account/v3/usermanagement",
    remedy: "make a second account for the person without a licence that brings a mailbox, make that one the agent, and take the everyday account out of the agents",
    sources: &["agent_groups", "groups", "users", "privileged_accounts"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    if let Some(fact) = posture.has_no_agents() {
        return Ok(Verdict::of_no_concern(fact));
    }
    let (mut findings, mut doubts) = (Vec::new(), Vec::new());
    for agents in posture.agents(&ACTING)? {
        let has_mailbox = |user: &&User| Ok(posture.privileged_account(user)?.has_mailbox);
        let (found, doubt) = those(agents.enabled(), has_mailbox);
        doubts.extend(agents.doubt.into_iter().chain(doubt));
        let what = format!("is in {} and has a mailbox", agents.group);
        findings.extend(found.into_iter().map(|user| Finding::account(user, what.clone())));
    }
    terms.verdict(findings).unless_doubtful(doubts.into_iter().min())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    fn verdict(having: &str) -> Verdict {
        let groups = "groups: { g: [anna, inner], inner: [bert] }, agents: [g]";
        let users = "{ anna: {}, bert: {}, out: {} }";
        judged(&CHECK, &format!("{{ users: {users}, {groups}, having: {having} }}"))
    }

    #[test]
    fn an_agent_with_a_mailbox_is_found_whichever_way_it_is_one() {
        assert_eq!(verdict("{ out: { mailbox: true } }").state(), State::Compliant);
        let found = verdict("{ bert: { mailbox: true } }");
        assert_eq!(found.state(), State::Noncompliant);
        assert_eq!(found.findings()[0].what, "is in AdminAgents and has a mailbox");
    }

    #[test]
    fn an_account_that_cannot_be_read_leaves_a_doubt() {
        assert_eq!(
            verdict("{ anna: { refused: true } }").why_unknown(),
            Some(Unread::SourceFailed)
        );
        assert_eq!(verdict("refused").why_unknown(), Some(Unread::Permission));
        assert_eq!(judged(&CHECK, "{ users: { anna: {} } }").state(), State::NotApplicable);
    }
}
