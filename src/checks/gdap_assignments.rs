//! GDAP is used through groups made for it, and not through that of the Admin agents.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::gdap::Use;
use crate::sources::{AgentGroups, Unread};

pub(super) static CHECK: Check = Check {
    id: "gdap-assignments",
    title: "Every active GDAP relationship is used through groups of its own, not through the Admin agents",
    tier: Tier::Recommended,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/gdap-introduction",
    portal: "https://partner.microsoft.com/dashboard/v2/customers/list",
    remedy: "assign the roles of the relationship to a security group of those who look after this customer and this workload, and take away the assignment to the Admin agents; end a relationship that nobody is to use",
    sources: &["gdap_relationships", "gdap_access_assignments", "agent_groups"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let gdap = match posture.gdap_in_use()? {
        Ok(gdap) => gdap,
        Err(fact) => return Ok(Verdict::of_no_concern(fact)),
    };
    let agents = posture.facts.agent_groups.rows();
    let findings = gdap.active.iter().filter_map(|it| {
        let wrong = wrong(it, agents.ok())?;
        let is_early = wrong == UNUSED && it.is_settling(posture.facts.now);
        (!is_early).then(|| Finding::relationship(it.relationship, wrong))
    });
    let doubt = gdap.assignments_doubt().into_iter().chain(agents.err()).min();
    terms.verdict(findings).unless_doubtful(doubt)
}

const UNUSED: &str = "is given to no group, so that nobody can use it";

fn wrong(it: &Use<'_>, agents: Option<&AgentGroups>) -> Option<&'static str> {
    let mut groups = it.granting().ok()?.map(|it| it.group.as_ref()).peekable();
    if groups.peek().is_none() {
        return Some(UNUSED);
    }
    let are_agents = |group| agents.is_some_and(|agents| agents.are_admin_agents(group));
    groups.flatten().any(are_agents).then_some("is given to the group of the Admin agents")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    fn state(gdap: &str) -> State {
        judged(&CHECK, &format!("{{ agents: [agents], gdap: {{ a: {gdap} }} }}")).state()
    }

    #[test]
    fn the_group_of_the_admin_agents_is_found_whatever_other_groups_there_are() {
        assert_eq!(state("{ held: { desk: [helpdesk] } }"), State::Compliant);
        assert_eq!(
            state("{ held: { desk: [helpdesk], AGENTS: [helpdesk] } }"),
            State::Noncompliant
        );
        let going = "{ held: { agents: [helpdesk] }, holding: deleting, age: 1 }";
        assert_eq!(state(going), State::Compliant, "it grants nothing any more");
    }

    #[test]
    fn a_relationship_given_to_nobody_is_found_once_it_has_settled() {
        assert_eq!(state("{ age: 7 }"), State::Noncompliant);
        assert_eq!(state("{ age: 6 }"), State::Compliant);
        assert_eq!(state("{ held: { desk: [helpdesk] }, holding: error }"), State::Noncompliant);
    }

    #[test]
    fn one_whose_assignments_are_not_known_leaves_doubt() {
        assert_eq!(state("{ held: refused }"), State::Unknown);
        let with_another = "{ gdap: { a: { held: refused }, b: {} } }";
        assert_eq!(judged(&CHECK, with_another).state(), State::Noncompliant);
    }
}
