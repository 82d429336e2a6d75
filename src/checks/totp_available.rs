//! Who has no phone at hand has another way.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "totp-available",
    title: "A method without a phone may be used: a one-time passcode, a token, a passkey or a certificate",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-faq",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/AuthenticationMethodsMenuBlade/~/AdminAuthMethods",
    remedy: "enable software OATH tokens, hardware tokens, passkeys or certificates in the authentication methods policy",
    sources: &["authentication_methods_policy"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let offers = posture.facts.authentication_methods_policy.rows()?.offers_phoneless();
    let finding = Finding::tenant("no method is enabled that works without a phone");
    Ok(terms.verdict((!offers).then_some(finding)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;

    #[test]
    fn one_such_method_is_enough() {
        use crate::posture::Declarations;
        use crate::sources::{Fact, Facts};
        let judged = |id: &str, state: &str| {
            let body = format!(
                r#"{{"authenticationMethodConfigurations":[{{"id":"{id}","state":"{state}"}}]}}"#
            );
            let now = jiff::Timestamp::UNIX_EPOCH;
            let policy = crate::wire::entity(body.as_bytes()).unwrap();
            let facts = Facts {
                authentication_methods_policy: Fact::known(policy, now),
                ..Facts::unread(now)
            };
            CHECK.judge(&Posture::of(&facts, &Declarations::default())).state()
        };
        assert_eq!(judged("softwareOath", "enabled"), State::Compliant);
        assert_eq!(judged("Fido2", "enabled"), State::Compliant);
        assert_eq!(judged("Fido2", "disabled"), State::Noncompliant);
        assert_eq!(judged("Sms", "enabled"), State::Noncompliant);
    }
}
