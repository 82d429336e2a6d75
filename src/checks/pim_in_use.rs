//! Privileges are activated when they are needed, and not held for good.

use std::collections::BTreeSet;

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::bits::Bits;
use crate::posture::privilege::holders::Term;
use crate::posture::privilege::roles::privileged;
use crate::sources::{Unread, reaching};

pub(super) static CHECK: Check = Check {
    id: "pim-in-use",
    title: "Privileged roles and places among the agents are activated when needed, not held for good",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/entra/id-governance/privileged-identity-management/pim-configure",
    portal: "https://entra.microsoft.com/#view/Microsoft_Azure_PIMCommon/CommonMenuBlade/~/quickStart",
    remedy: "in Privileged Identity Management make the assignment eligible instead of active; bring the group under management there, and make its members eligible. Emergency accounts stay as they are and belong under break_glass in the configuration. It needs Entra ID P2",
    sources: &[
        "role_assignments",
        "groups",
        "users",
        "agent_groups",
        "gdap_relationships",
        "gdap_access_assignments",
        "pim_groups",
    ],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let holders = posture.holders()?;
    let standing = holders.enabled().filter(|it| it.term == Term::Permanent);
    let mut findings: Vec<_> = standing
        .filter_map(|it| {
            let role = privileged(it.role)?;
            // Declared for emergencies: whoever needs it cannot wait for an activation.
            let is_emergency = posture.is_break_glass(it.user);
            let what = format!("is {role} for good");
            Some(Finding::account(it.user, what).waived_if(is_emergency))
        })
        .collect();
    let mut doubts: Vec<_> =
        holders.active_doubt(|role| privileged(role).is_some()).into_iter().collect();
    match groups_held_for_good(posture, &mut doubts) {
        Ok(found) => findings.extend(found),
        Err(why) => doubts.push(why),
    }
    doubts.extend(posture.reaching_doubt());
    terms.verdict(findings).unless_doubtful(doubts.into_iter().min())
}

/// A finding for each group that acts for customers and has people in it, none by activation.
fn groups_held_for_good(
    posture: &Posture<'_>,
    doubts: &mut Vec<Unread>,
) -> Result<Vec<Finding>, Unread> {
    let agents = posture.facts.agent_groups.rows()?;
    let people = posture.people.as_ref().map_err(|why| *why)?;
    if reaching(posture.facts).is_empty() {
        return Ok(Vec::new());
    }
    let sales: Vec<_> = agents.of("SalesAgents").collect();
    let delegated = posture.facts.gdap_access_assignments.rows().into_iter();
    let delegated: BTreeSet<_> = delegated.flat_map(|it| it.groups()).collect();
    let mut findings = Vec::new();
    for (id, managed) in posture.managed_groups()? {
        let mut members = Bits::none(people.count());
        let doubt = people.add_members(id, &mut members);
        match managed {
            // Whoever only sells reaches into nothing.
            _ if sales.contains(&id) && !delegated.contains(id) => {}
            Ok(true) => {}
            Ok(false) if members.is_empty() => doubts.extend(doubt),
            Ok(false) => {
                let what = "is a group that reaches into customers, and every place in it is held for good";
                findings.push(Finding::object(id, &people.name(id), what));
            }
            Err(why) => doubts.push(why),
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    const GLOBAL: &str = "62e90394-69f5-4237-9190-012177145e10";
    const READER: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";

    fn holding(how: &str, role: &str, rest: &str) -> Verdict {
        let roles = format!("roles: {{ {how}: {{ {role}: [anna] }} }}");
        judged(&CHECK, &format!("{{ users: {{ anna: {{}} }}, {roles}, {rest} }}"))
    }

    #[test]
    fn a_privileged_role_held_for_good_is_found_and_all_other_ways_are_not() {
        assert_eq!(holding("active", GLOBAL, "").state(), State::Noncompliant);
        let what = holding("active", GLOBAL, "").findings()[0].what.to_string();
        assert_eq!(what, "is Global Administrator for good");
        for how in ["eligible", "activated", "time_bound"] {
            assert_eq!(holding(how, GLOBAL, "").state(), State::Compliant, "{how}");
        }
        assert_eq!(holding("active", READER, "").state(), State::Compliant, "it only looks");
        assert_eq!(holding("unit", GLOBAL, "").state(), State::Noncompliant, "in a part, too");
    }

    #[test]
    fn an_emergency_account_is_put_up_with_where_it_is_declared() {
        let declared = holding("active", GLOBAL, "break_glass: [anna]");
        assert_eq!((declared.state(), declared.found()), (State::Waived, 1));
    }

    #[test]
    fn without_p2_what_stands_is_all_there_is() {
        let plain = holding("active", GLOBAL, "plans: [], pim_groups: refused");
        assert_eq!(plain.state(), State::Noncompliant);
    }

    #[test]
    fn a_group_of_agents_is_to_be_managed_once_somebody_is_in_it() {
        let of = |members: &str, managed: &str| {
            let groups =
                format!("groups: {{ g: [{members}] }}, agents: [g], pim_groups: {managed}");
            judged(&CHECK, &format!("{{ users: {{ anna: {{}} }}, {groups} }}"))
        };
        assert_eq!(of("anna", "[g]").state(), State::Compliant);
        assert_eq!(of("anna", "[]").state(), State::Noncompliant);
        assert_eq!(of("", "[]").state(), State::Compliant, "an empty group holds nobody");
        assert_eq!(of("anna", "refused").why_unknown(), Some(Unread::Permission));
    }

    #[test]
    fn so_is_a_group_that_may_use_a_relationship_and_what_cannot_be_read_leaves_a_doubt() {
        let of = |gdap: &str, managed: &str| {
            let groups = format!("groups: {{ g: [anna], h: [] }}, pim_groups: {managed}");
            judged(&CHECK, &format!("{{ users: {{ anna: {{}} }}, {groups}, gdap: {gdap} }}"))
        };
        let named = |group: &str| format!("{{ r: {{ held: {{ {group}: [helpdesk] }} }} }}");
        let found = of(&named("g"), "[]");
        assert_eq!((found.state(), found.found()), (State::Noncompliant, 1));
        assert_eq!(of(&named("g"), "[g]").state(), State::Compliant);
        assert_eq!(of(&named("h"), "[]").state(), State::Compliant, "an empty group holds nobody");
        assert_eq!(of(&named("g"), "refused").why_unknown(), Some(Unread::Permission));
        assert_eq!(of("refused", "[]").state(), State::Compliant, "no partner, no relationship");
        let partner = "refused, partner_type: resellerPartnerDelegatedAdmin";
        assert_eq!(of(partner, "[]").why_unknown(), Some(Unread::Permission));
        assert_eq!(of("{ r: { held: refused } }", "[]").why_unknown(), Some(Unread::Permission));
        let both = of("{ r: { held: refused }, s: { held: { g: [] } } }", "[]");
        assert_eq!(both.state(), State::Noncompliant, "what is known is found all the same");
    }

    #[test]
    fn a_group_that_holds_a_role_and_cannot_be_read_leaves_a_doubt() {
        let roles = format!("roles: {{ active: {{ {GLOBAL}: [g] }} }}, groups: {{ g: refused }}");
        let verdict = judged(&CHECK, &format!("{{ users: {{ anna: {{}} }}, {roles} }}"));
        assert_eq!(verdict.why_unknown(), Some(Unread::Permission));
    }
}
