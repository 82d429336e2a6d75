//! Few people are Global Administrator, and more than one.

use std::collections::BTreeMap;

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::privilege::roles::GLOBAL_ADMINISTRATOR;
use crate::sources::Unread;
use crate::wire::ObjectId;

pub(super) static CHECK: Check = Check {
    id: "bp-admin-count",
    title: "Two to four people are Global Administrator, now or at will, emergency accounts included",
    tier: Tier::BestPractice,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/entra/identity/role-based-access-control/best-practices",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/RolesManagementMenuBlade/~/AllRoles",
    remedy: "keep two to four of them, two emergency accounts among these, and give the others the one role that their work needs",
    sources: &["role_assignments", "role_eligibilities", "groups", "users"],
    evaluate,
};

const FEWEST: usize = 2;
const MOST: usize = 4;

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let holders = posture.holders()?;
    let is_global = |role: &ObjectId| role.to_string() == GLOBAL_ADMINISTRATOR;
    let global = holders.enabled().filter(|it| is_global(it.role));
    let people: BTreeMap<_, _> = global.map(|it| (&it.user.id, it.user)).collect();
    let doubt = holders.doubt(is_global);
    let count = people.len();
    if count > MOST {
        let found = people.into_values().map(|user| {
            let what = format!("is one of {count} Global Administrators; {MOST} are enough");
            Finding::account(user, what)
        });
        return terms.verdict(found).unless_doubtful(doubt);
    }
    // With more of them it might be enough, or too many.
    if let Some(why) = doubt {
        return Err(why);
    }
    let few = (count < FEWEST).then(|| {
        let what = match count {
            0 => "has no Global Administrator among its people",
            _ => "has a single Global Administrator: nobody can help if that account is lost",
        };
        Finding::tenant(what)
    });
    Ok(terms.verdict(few))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    fn verdict(active: &str, eligible: &str) -> Verdict {
        let users = "{ a: {}, b: {}, c: {}, d: {}, e: {}, out: { disabled: true } }";
        let id = GLOBAL_ADMINISTRATOR;
        let eligible = match eligible {
            "refused" => "refused".to_owned(),
            who => format!("{{ {id}: [{who}] }}"),
        };
        let roles = format!("{{ active: {{ {id}: [{active}] }}, eligible: {eligible} }}");
        judged(&CHECK, &format!("{{ users: {users}, roles: {roles} }}"))
    }

    #[test]
    fn two_to_four_are_right_however_they_hold_it() {
        assert_eq!(verdict("a", "").state(), State::Noncompliant);
        assert_eq!(verdict("a", "b").state(), State::Compliant);
        assert_eq!(verdict("a, b", "c, d").state(), State::Compliant);
        assert_eq!(verdict("a, b, out", "a, c, d").state(), State::Compliant, "each once");
        let five = verdict("a, b", "c, d, e");
        assert_eq!((five.state(), five.found()), (State::Noncompliant, 5));
        assert_eq!(verdict("", "").state(), State::Noncompliant);
    }

    #[test]
    fn who_is_eligible_has_to_be_known_unless_there_are_too_many_already() {
        assert_eq!(verdict("a, b", "refused").why_unknown(), Some(Unread::Permission));
        assert_eq!(verdict("a", "refused").why_unknown(), Some(Unread::Permission));
        assert_eq!(verdict("a, b, c, d, e", "refused").state(), State::Noncompliant);
    }
}
