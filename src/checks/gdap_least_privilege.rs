//! GDAP relationships grant no more than the task needs.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::gdap::{Use, role_title};
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "gdap-least-privilege",
    title: "GDAP relationships grant no highly privileged role, and no role that nobody is given",
    tier: Tier::Recommended,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/gdap-least-privileged-roles-by-task",
    portal: "https://partner.microsoft.com/dashboard/v2/customers/list",
    remedy: "ask the customer for a relationship with the least privileged roles by task and end this one; where a role is needed, except the customer for a while and say who answers for it",
    sources: &["gdap_relationships", "gdap_access_assignments"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let gdap = match posture.gdap_in_use()? {
        Ok(gdap) => gdap,
        Err(fact) => return Ok(Verdict::of_no_concern(fact)),
    };
    let findings = gdap.active.iter().filter_map(|it| {
        let wrong = [high(posture, it), unused(posture, it)].into_iter().flatten();
        let wrong = wrong.collect::<Vec<_>>().join("; ");
        (!wrong.is_empty()).then(|| Finding::relationship(it.relationship, &wrong))
    });
    terms.verdict(findings).unless_doubtful(gdap.assignments_doubt())
}

/// The highly privileged roles it grants, in words.
fn high(posture: &Posture<'_>, it: &Use<'_>) -> Option<String> {
    let roles = it.relationship.roles.iter().filter(|role| posture.is_high_privilege(role));
    let roles: Vec<_> = roles.map(role_title).collect();
    (!roles.is_empty()).then(|| format!("grants {}", roles.join(", ")))
}

/// How many of its roles nobody is given, in words. One that is given to no group at all is the
/// matter of another requirement.
fn unused(posture: &Posture<'_>, it: &Use<'_>) -> Option<String> {
    let granted = it.relationship.roles.len();
    let assigned = it.assigned().ok().filter(|assigned| (1..granted).contains(assigned))?;
    let unused = granted - assigned;
    (!it.is_settling(posture.facts.now)).then(|| {
        let are = if unused == 1 { "is" } else { "are" };
        format!("grants {granted} roles, of which {unused} {are} given to nobody")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    fn state(gdap: &str) -> State {
        judged(&CHECK, &format!("{{ gdap: {{ a: {gdap} }} }}")).state()
    }

    #[test]
    fn a_highly_privileged_role_is_found_and_a_common_one_is_not() {
        assert_eq!(state("{ roles: [privileged] }"), State::Noncompliant);
        assert_eq!(state("{ roles: [user, reader] }"), State::Compliant);
        assert_eq!(state("{ roles: [privileged], status: activating }"), State::NotApplicable);
    }

    #[test]
    fn a_role_given_to_nobody_is_found_once_the_relationship_has_settled() {
        let one = "roles: [user, reader], held: { g: [reader] }";
        assert_eq!(state(&format!("{{ {one} }}")), State::Noncompliant);
        assert_eq!(state(&format!("{{ {one}, age: 7 }}")), State::Noncompliant);
        assert_eq!(state(&format!("{{ {one}, age: 6 }}")), State::Compliant);
        assert_eq!(state("{ roles: [reader], held: { g: [reader, user] } }"), State::Compliant);
        let of_another = "{ roles: [user, reader], held: { g: [reader] }, holding: deleted }";
        assert_eq!(state(of_another), State::Compliant, "given to no group at all");
    }

    #[test]
    fn while_assignments_are_not_known_only_a_finding_is_certain() {
        assert_eq!(state("{ roles: [user], held: refused }"), State::Unknown);
        assert_eq!(state("{ roles: [privileged], held: refused }"), State::Noncompliant);
    }
}
