//! Under security defaults registration is judged in full, since challenges come by risk.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "defaults-registration-grace",
    title: "Under security defaults everybody has registered, whatever grace Microsoft gives",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/entra/fundamentals/security-defaults",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/AuthenticationMethodsMenuBlade/~/UserRegistrationDetails",
    remedy: "have everybody register now: under security defaults people may put it off, and without a method they cannot be challenged",
    sources: &["security_defaults", "users", "user_registration_details"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    if !posture.facts.security_defaults.rows()?.is_enabled {
        return Ok(Verdict::not_applicable());
    }
    let registration = posture.registration.as_ref().map_err(|why| *why)?;
    let unregistered = registration
        .unregistered()
        .map(|user| Finding::account(user, "puts registration off under security defaults"));
    terms.verdict(unregistered).unless_doubtful(registration.doubt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn of_no_concern_without_security_defaults_and_judged_in_full_with_them() {
        let state = |defaults: &str, method: &str| {
            let tenant = format!(
                "{{ users: {{ anna: {{}} }}, security_defaults: {defaults}, registered: {{ anna: [{method}] }} }}"
            );
            judged(&CHECK, &tenant).state()
        };
        assert_eq!(state("false", "email"), State::NotApplicable);
        assert_eq!(state("true", "email"), State::Noncompliant);
        assert_eq!(state("true", "mobilePhone"), State::Compliant);
        assert_eq!(state("refused", "mobilePhone"), State::Unknown);
    }
}
