//! Nobody activates a privileged role alone.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::privilege::holders::Term;
use crate::posture::privilege::roles::{name, privileged};
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "bp-dual-custody",
    title: "Activating a privileged role needs the approval of a second person",
    tier: Tier::BestPractice,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/entra/id-governance/privileged-identity-management/pim-how-to-change-default-settings",
    portal: "https://entra.microsoft.com/#view/Microsoft_Azure_PIMCommon/CommonMenuBlade/~/quickStart",
    remedy: "in Privileged Identity Management, under Microsoft Entra roles, Settings, open the role, demand approval to activate, and name approvers; make standing holders eligible first",
    sources: &[
        "role_management_policies",
        "role_assignments",
        "role_eligibilities",
        "groups",
        "users",
    ],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let roles = posture.activated_roles()?;
    let holders = posture.holders()?;
    let mut doubt = holders.doubt(|role| privileged(role).is_some());
    if roles.is_empty() {
        let standing = holders.enabled().find(|it| {
            let is_standing = it.term == Term::Permanent && privileged(it.role).is_some();
            is_standing && !posture.is_break_glass(it.user)
        });
        let what = "activates no privileged role: whoever holds one has it for good, with nobody's approval";
        let found = standing.map(|_| Finding::tenant(what));
        return terms.verdict(found).unless_doubtful(doubt);
    }
    let mut findings = Vec::new();
    for (role, needs_approval) in roles {
        match needs_approval {
            Some(true) => {}
            Some(false) => {
                findings.push(Finding::object(role, &name(role), "is activated without approval"));
            }
            None => doubt = doubt.into_iter().chain([Unread::SourceFailed]).min(),
        }
    }
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    const GLOBAL: &str = "62e90394-69f5-4237-9190-012177145e10";
    const READER: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";

    fn verdict(roles: &str, rest: &str) -> Verdict {
        judged(&CHECK, &format!("{{ users: {{ anna: {{}} }}, roles: {{ {roles} }}, {rest} }}"))
    }

    #[test]
    fn each_privileged_role_that_is_activated_needs_approval() {
        let at_will = format!("eligible: {{ {GLOBAL}: [anna], {READER}: [anna] }}");
        let of = |approval: &str| verdict(&at_will, &format!("approval: {{ {approval} }}"));
        assert_eq!(of(&format!("{GLOBAL}: true, {READER}: false")).state(), State::Compliant);
        let alone = of(&format!("{GLOBAL}: false, {READER}: true"));
        assert_eq!((alone.state(), alone.found()), (State::Noncompliant, 1));
        assert_eq!(of("").why_unknown(), Some(Unread::SourceFailed), "its policy says nothing");
        let unread = verdict(&at_will, "approval: refused");
        assert_eq!(unread.why_unknown(), Some(Unread::Permission));
    }

    #[test]
    fn where_all_is_held_for_good_nobody_approves_anything() {
        let standing = format!("active: {{ {GLOBAL}: [anna] }}");
        assert_eq!(verdict(&standing, "").state(), State::Noncompliant);
        assert_eq!(verdict(&standing, "break_glass: [anna]").state(), State::Compliant);
        assert_eq!(verdict("", "").state(), State::Compliant);
    }
}
