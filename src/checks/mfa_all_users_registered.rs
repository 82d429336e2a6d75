//! Every enabled account can answer an MFA challenge.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict, unregistered};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "mfa-all-users-registered",
    title: "Every enabled account, guests and service accounts included, has registered an MFA method",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/AuthenticationMethodsMenuBlade/~/UserRegistrationDetails",
    remedy: "have the person register a method at https://aka.ms/mysecurityinfo, hand out a \
             Temporary Access Pass for it, or block the sign-in of an account nobody needs",
    sources: &[
        "users",
        "user_registration_details",
        "role_assignments",
        "role_eligibilities",
        "agent_groups",
        "groups",
    ],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let registration = posture.registration.as_ref().map_err(|why| *why)?;
    let lacking = registration.everyone().iter().filter(|it| it.registered == Ok(false));
    let people = lacking.map(|it| it.user);
    // People too new or signing in elsewhere may still prove unregistered.
    let mut doubt = registration.doubt();
    let what = "has registered no method that satisfies MFA";
    let verdict = terms.verdict(unregistered(posture, people, what, &mut doubt));
    verdict.unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::{
        Account, Fact, Facts, Methods, Registration, User, UserRegistrationDetails, Users,
    };
    use crate::wire::ObjectId;

    fn judged(people: &[(&str, Option<bool>)], hired: Option<Timestamp>) -> Verdict {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let id = |name: &str| ObjectId::parse(name).unwrap();
        let users = people.iter().map(|(name, _)| User {
            id: id(name),
            user_principal_name: format!("{name}@contoso.example").into(),
            account_enabled: true,
            account: Account::Member,
            created: hired,
            invited: false,
        });
        let rows = people.iter().filter_map(|(name, row)| {
            let flag = (*row)?;
            Some((id(name), Registration::new(flag, flag, Methods::default())))
        });
        let facts = Facts {
            users: Fact::known(Users::new(users.collect()), now),
            user_registration_details: Fact::known(UserRegistrationDetails::new(rows, 0), now),
            ..Facts::unread(now)
        };
        CHECK.judge(&Posture::of(&facts, &Declarations::default()))
    }

    #[test]
    fn met_when_everybody_registered_and_not_when_one_did_not() {
        assert_eq!(judged(&[("a", Some(true)), ("b", Some(true))], None).state(), State::Compliant);
        let verdict = judged(&[("a", Some(true)), ("b", Some(false))], None);
        assert_eq!((verdict.state(), verdict.found()), (State::Noncompliant, 1));
        assert_eq!(
            verdict.findings()[0].subject,
            crate::checks::Subject::Account {
                id: ObjectId::parse("b").unwrap(),
                name: "b@contoso.example".into()
            }
        );
    }

    #[test]
    fn new_hires_are_waived_within_the_declared_grace_unless_they_administer() {
        use crate::posture::tenants::tenant;
        let judged = |age: u32, roles: &str| {
            let tenant = tenant(&format!(
                "{{ users: {{ anna: {{ age: {age} }} }}, registered: {{ anna: [email] }}, roles: {roles} }}"
            ));
            let days = std::time::Duration::from_secs(7 * 86_400);
            let declared = Declarations { hire_grace: days, ..Declarations::default() };
            CHECK.judge(&Posture::of(&tenant.facts(), &declared)).state()
        };
        assert_eq!(judged(6, "{}"), State::Waived);
        assert_eq!(judged(7, "{}"), State::Noncompliant);
        assert_eq!(judged(6, "{ eligible: { admin: [anna] } }"), State::Noncompliant);
        assert_eq!(judged(7, "refused"), State::Noncompliant);
        assert_eq!(judged(6, "refused"), State::Unknown, "anybody may administer then");
        assert_eq!(
            judged(6, "{ active: { admin: [anna] }, eligible: refused }"),
            State::Noncompliant
        );
    }

    #[test]
    fn unknown_while_someone_new_has_no_row_unless_another_already_lacks_one() {
        let yesterday = Some("2026-11-23T12:00:00Z".parse().unwrap());
        let verdict = judged(&[("a", Some(true)), ("b", None)], yesterday);
        assert_eq!(verdict.why_unknown(), Some(Unread::Pending));
        let verdict = judged(&[("a", Some(false)), ("b", None)], yesterday);
        assert_eq!((verdict.state(), verdict.found()), (State::Noncompliant, 1));
    }
}
