//! Administrators hold methods that cannot be phished.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Registration;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "mfa-phishing-resistant",
    title: "Every administrator has registered a phishing-resistant method",
    tier: Tier::BestPractice,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/entra/identity/authentication/concept-authentication-strengths",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/AuthenticationMethodsMenuBlade/~/UserRegistrationDetails",
    remedy: "have the person register a passkey, a security key or Windows Hello, and demand it with an authentication strength",
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
    let (administrators, more) = posture.administrators.as_ref().map_err(|why| *why)?;
    let registration = posture.registration.as_ref().map_err(|why| *why)?;
    let standings = || administrators.iter().map(|number| registration.everyone()[number]);
    let resists = |row: Registration| row.methods().resists_phishing();
    let phishable = standings()
        .filter(|it| it.registered.is_ok() && !it.row.is_some_and(resists))
        .map(|it| Finding::account(it.user, "administers and has no phishing-resistant method"));
    let doubt = standings().filter_map(|it| it.registered.err()).chain(*more).min();
    terms.verdict(phishable).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn administrators_need_such_a_method_and_others_do_not() {
        let state = |method: &str| {
            let tenant = format!(
                "{{ users: {{ anna: {{}}, bert: {{}} }}, roles: {{ active: {{ admin: [anna] }} }},
                   registered: {{ anna: [{method}] }} }}"
            );
            judged(&CHECK, &tenant).state()
        };
        assert_eq!(state("fido2"), State::Compliant);
        assert_eq!(state("windowsHelloForBusiness"), State::Compliant);
        assert_eq!(state("microsoftAuthenticatorPush"), State::Noncompliant);
    }
}
