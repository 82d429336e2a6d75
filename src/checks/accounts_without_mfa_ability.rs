//! Accounts that cannot do MFA are identified: everybody registered something policy allows.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict, unregistered};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "accounts-without-mfa-ability",
    title: "No enabled account is unable to do MFA with a method that policy allows",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-faq",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/AuthenticationMethodsMenuBlade/~/AdminAuthMethods",
    remedy: "allow the method the person registered in the authentication methods policy, or have \
             another one registered",
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
    let mut doubt = registration.doubt();
    let what = "has no MFA method that policy lets it use";
    let verdict = terms.verdict(unregistered(posture, registration.incapable(), what, &mut doubt));
    verdict.unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::{
        Account, Fact, Facts, Methods, Registration, User, UserRegistrationDetails, Users,
    };
    use crate::wire::ObjectId;

    fn judged(registration: Registration) -> Verdict {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let id = ObjectId::parse("a").unwrap();
        let user = User {
            id: id.clone(),
            user_principal_name: "a@contoso.example".into(),
            account_enabled: true,
            account: Account::Guest,
            created: None,
            invited: false,
        };
        let report = UserRegistrationDetails::new([(id, registration)], 0);
        let facts = Facts {
            users: Fact::known(Users::new(vec![user]), now),
            user_registration_details: Fact::known(report, now),
            ..Facts::unread(now)
        };
        CHECK.judge(&Posture::of(&facts, &Declarations::default()))
    }

    #[test]
    fn registered_but_not_allowed_by_policy_is_a_finding() {
        let none = Methods::default();
        assert_eq!(judged(Registration::new(true, true, none)).state(), State::Compliant);
        assert_eq!(judged(Registration::new(true, false, none)).found(), 1);
        assert_eq!(judged(Registration::new(false, false, none)).found(), 1);
    }

    #[test]
    fn windows_hello_needs_no_policy() {
        let mut hello = Methods::default();
        hello.add("windowsHelloForBusiness");
        assert_eq!(judged(Registration::new(false, false, hello)).state(), State::Compliant);
    }

    #[test]
    fn new_hires_have_the_declared_grace_to_register_but_not_to_register_what_policy_forbids() {
        let judged = |methods: &str, roles: &str| {
            let tenant = crate::posture::tenants::tenant(&format!(
                "{{ users: {{ anna: {{ age: 6 }} }}, registered: {{ anna: {methods} }}, roles: {roles} }}"
            ));
            let days = std::time::Duration::from_secs(7 * 86_400);
            let declared = Declarations { hire_grace: days, ..Declarations::default() };
            let mut facts = tenant.facts();
            let report = facts.user_registration_details.rows().unwrap();
            let standing = report.of(&ObjectId::parse("anna").unwrap()).unwrap();
            let forbidden = Registration::new(standing.registered(), false, standing.methods());
            let id = ObjectId::parse("anna").unwrap();
            let report = UserRegistrationDetails::new([(id, forbidden)], 0);
            facts.user_registration_details = Fact::known(report, facts.now);
            CHECK.judge(&Posture::of(&facts, &declared)).state()
        };
        assert_eq!(judged("[email]", "{}"), State::Waived);
        assert_eq!(judged("[email]", "{ active: { admin: [anna] } }"), State::Noncompliant);
        assert_eq!(judged("[email]", "refused"), State::Unknown);
        assert_eq!(judged("[mobilePhone]", "{}"), State::Noncompliant);
        assert_eq!(judged("[mobilePhone]", "refused"), State::Noncompliant);
    }
}
