//! Whoever acts for customers as an agent is somebody of the partner's own who still does.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::privilege::agents::ACTING;
use crate::sources::{Account, Unread};

pub(super) static CHECK: Check = Check {
    id: "admin-agents-membership",
    title: "Admin and helpdesk agents are accounts of the partner's own that are in use",
    tier: Tier::Recommended,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/account-settings/permissions-overview",
    portal: "https://partner.microsoft.com/dashboard/account/v3/usermanagement",
    remedy: "in Partner Center, under Account settings, User management, take the account out of the agents, or of the group through which it is one; whoever still needs it comes back as an enabled member",
    sources: &["agent_groups", "groups", "users", "privileged_accounts"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    if let Some(fact) = posture.has_no_agents() {
        return Ok(Verdict::of_no_concern(fact));
    }
    let (mut findings, mut doubts) = (Vec::new(), Vec::new());
    for agents in posture.agents(&ACTING)? {
        doubts.extend(agents.doubt);
        for user in &agents.accounts {
            let group = agents.group;
            let mut find = |what: String, waived| {
                findings.push(Finding::account(user, what).waived_if(waived));
            };
            if !user.account_enabled {
                find(format!("is disabled and kept its place in {group}"), false);
                continue;
            }
            if user.account == Account::Guest {
                find(format!("is a guest in {group}"), false);
            }
            match posture.is_stale(user) {
                Ok(true) => find(
                    format!("is in {group} and has not been used for 90 days"),
                    posture.is_break_glass(user),
                ),
                Ok(false) => {}
                Err(why) => doubts.push(why),
            }
        }
    }
    terms.verdict(findings).unless_doubtful(doubts.into_iter().min())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    fn verdict(users: &str, rest: &str) -> Verdict {
        let groups = "groups: { g: [anna, inner], inner: [bert] }, agents: [g]";
        judged(&CHECK, &format!("{{ users: {users}, {groups}, {rest} }}"))
    }

    #[test]
    fn agents_in_use_are_as_it_should_be_through_a_group_in_the_group_too() {
        let both = "{ anna: {}, bert: {} }";
        assert_eq!(verdict(both, "").state(), State::Compliant);
        assert_eq!(verdict(both, "having: { bert: { last: 90 } }").state(), State::Compliant);
        let stale = verdict(both, "having: { bert: { last: 91 } }");
        assert_eq!(stale.state(), State::Noncompliant);
        let what = "is in AdminAgents and has not been used for 90 days";
        assert_eq!(stale.findings()[0].what, what);
    }

    #[test]
    fn who_left_and_who_is_a_guest_is_found() {
        let found = |users| verdict(users, "").findings()[0].what.to_string();
        let left = "is disabled and kept its place in AdminAgents";
        assert_eq!(found("{ anna: { disabled: true }, bert: {} }"), left);
        assert_eq!(found("{ anna: {}, bert: { guest: true } }"), "is a guest in AdminAgents");
    }

    #[test]
    fn who_never_signed_in_is_given_ninety_days_from_the_beginning() {
        let of = |age: &str| {
            let users = format!("{{ anna: {{}}, bert: {{ age: {age} }} }}");
            verdict(&users, "having: { bert: { last: never } }").state()
        };
        assert_eq!(of("90"), State::Compliant);
        assert_eq!(of("91"), State::Noncompliant);
        assert_eq!(of("null"), State::Noncompliant, "older than the field");
    }

    #[test]
    fn without_the_time_of_the_last_sign_in_only_a_finding_is_certain() {
        let refused = "having: { anna: { last: refused } }";
        let unknown = verdict("{ anna: {}, bert: {} }", refused);
        assert_eq!(unknown.why_unknown(), Some(Unread::License));
        let found = verdict("{ anna: {}, bert: { disabled: true } }", refused);
        assert_eq!(found.state(), State::Noncompliant);
    }

    #[test]
    fn a_tenant_that_is_no_partner_s_has_no_agents_and_a_partner_s_should() {
        let nobody = judged(&CHECK, "{ users: { anna: {} } }");
        assert_eq!((nobody.state(), nobody.fact().is_some()), (State::NotApplicable, true));
        let partner = "{ users: { anna: {} }, partner_type: resellerPartnerDelegatedAdmin }";
        assert_eq!(judged(&CHECK, partner).why_unknown(), Some(Unread::NotObservable));
    }

    #[test]
    fn an_account_for_emergencies_is_not_used_and_that_is_put_up_with() {
        let users = "{ anna: {}, bert: {} }";
        let verdict = verdict(users, "having: { anna: { last: never } }, break_glass: [anna]");
        assert_eq!(verdict.state(), State::Waived);
    }
}
