//! Whoever left or moved has lost the privilege.

use std::collections::BTreeMap;

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::privilege::roles;
use crate::sources::{AgentGroups, Unread};

pub(super) static CHECK: Check = Check {
    id: "bp-leavers",
    title: "No disabled or forgotten account is an agent or holds a directory role",
    tier: Tier::BestPractice,
    evidence: Evidence::Proxy,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/csp-security-best-practices",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_UsersAndTenants/UserManagementMenuBlade/~/AllUsers",
    remedy: "take the role and the place among the agents from the account; delete it if its owner left. Whoever enables it again, or takes it over, has all of that back at once",
    sources: &[
        "agent_groups",
        "groups",
        "role_assignments",
        "role_eligibilities",
        "users",
        "privileged_accounts",
    ],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let holders = posture.holders()?;
    let mut doubts: Vec<_> = holders.doubt(|_| true).into_iter().collect();
    let mut privileges: BTreeMap<_, (_, Vec<String>)> = BTreeMap::new();
    match posture.agents(&AgentGroups::NAMES) {
        Ok(all) => {
            for agents in all {
                doubts.extend(agents.doubt);
                for user in &agents.accounts {
                    let (_, held) = privileges.entry(&user.id).or_insert((*user, Vec::new()));
                    held.push(format!("in {}", agents.group));
                }
            }
        }
        Err(_) if posture.has_no_agents().is_some() => {}
        Err(why) => doubts.push(why),
    }
    for holder in holders.all() {
        let (_, held) = privileges.entry(&holder.user.id).or_insert((holder.user, Vec::new()));
        held.push(roles::name(holder.role));
    }
    let mut findings = Vec::new();
    for (user, held) in privileges.into_values() {
        let held = held.join(", ");
        if !user.account_enabled {
            findings.push(Finding::account(user, format!("is disabled and still {held}")));
            continue;
        }
        match posture.is_stale(user) {
            Ok(true) => {
                let what = format!("has not been used for 90 days and still is {held}");
                // An emergency account is there not to be used.
                let is_emergency = posture.is_break_glass(user);
                findings.push(Finding::account(user, what).waived_if(is_emergency));
            }
            Ok(false) => {}
            Err(why) => doubts.push(why),
        }
    }
    terms.verdict(findings).unless_doubtful(doubts.into_iter().min())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    const ROLES: &str = "roles: { active: { 62e90394-69f5-4237-9190-012177145e10: [bert] } }, groups: { g: [anna] }, agents: [g]";

    fn verdict(users: &str, rest: &str) -> Verdict {
        judged(&CHECK, &format!("{{ users: {users}, {ROLES}, {rest} }}"))
    }

    #[test]
    fn who_left_is_found_among_agents_and_among_holders_of_roles() {
        assert_eq!(
            verdict("{ anna: {}, bert: {}, out: { disabled: true } }", "").state(),
            State::Compliant
        );
        let both = verdict("{ anna: { disabled: true }, bert: { disabled: true } }", "");
        let said: Vec<_> = both.findings().iter().map(|it| it.what.to_string()).collect();
        let wanted =
            ["is disabled and still in AdminAgents", "is disabled and still Global Administrator"];
        assert_eq!(said, wanted);
    }

    #[test]
    fn who_is_not_used_any_more_is_found_and_an_emergency_account_is_put_up_with() {
        let users = "{ anna: {}, bert: {} }";
        let having = "having: { bert: { last: 91 } }";
        assert_eq!(verdict(users, having).state(), State::Noncompliant);
        let declared = format!("{having}, break_glass: [bert]");
        assert_eq!(verdict(users, &declared).state(), State::Waived);
        assert_eq!(verdict(users, "having: { bert: { last: 90 } }").state(), State::Compliant);
    }

    #[test]
    fn without_p1_nobody_is_known_to_be_in_use_and_who_is_disabled_is_known() {
        let having = "having: { bert: { last: refused } }";
        let why = verdict("{ anna: {}, bert: {} }", having).why_unknown();
        assert_eq!(why, Some(Unread::License));
        let found = verdict("{ anna: { disabled: true }, bert: {} }", having);
        assert_eq!(found.state(), State::Noncompliant);
    }

    #[test]
    fn a_tenant_without_agents_is_judged_by_its_roles() {
        let of = |kind: &str| {
            judged(&CHECK, &format!("{{ users: {{ anna: {{}} }}, partner_type: {kind} }}")).state()
        };
        assert_eq!(of("null"), State::Compliant);
        assert_eq!(of("resellerPartnerDelegatedAdmin"), State::Unknown, "its groups are not found");
    }
}
