//! The token of our own application carries the MFA claim.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::client::PartnerRefusal;
use crate::posture::Posture;
use crate::sources::{MfaSelfTest, Unread};

pub(super) static CHECK: Check = Check {
    id: "mfa-claim-self-test",
    title: "The token our own application uses carries the MFA claim",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/powershell/partnercenter/test-partner-security-requirements",
    portal: "https://partner.microsoft.com/commerce/security/compliance",
    remedy: "run `partnercenter_exporter consent` and sign in with MFA; if a third party's MFA was used, its vendor has to send the claim multipleauthn",
    sources: &["app_user_token", "mfa_self_test"],
    evaluate,
};

/// The token is looked into, as Microsoft's own test does, and Partner Center is asked what it
/// thinks. Either can say no; one yes is enough where the other is silent.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let claim = posture.facts.app_user_token.rows();
    let claim = claim.map(|token| token.claims.as_ref().map(|claims| claims.is_mfa));
    let answer = posture.facts.mfa_self_test.rows().map(said);
    let mut findings = Vec::new();
    if claim == Ok(Some(false)) {
        findings.push(Finding::tenant("the token does not say that MFA was done"));
    }
    if answer == Ok(Some(false)) {
        findings.push(Finding::tenant("Partner Center says that the token does not satisfy it"));
    }
    let doubt = match (claim, answer) {
        (Ok(Some(_)), _) | (_, Ok(Some(_))) => None,
        (Err(why), _) | (_, Err(why)) => Some(why),
        (Ok(None), Ok(None)) => Some(Unread::NotObservable),
    };
    terms.verdict(findings).unless_doubtful(doubt)
}

/// A refusal for want of MFA says no without the header.
fn said(test: &MfaSelfTest) -> Option<bool> {
    match test.refusal {
        Some(PartnerRefusal::Mfa) => Some(false),
        _ => test.is_compliant,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::checks::sam_refresh_token::tests::claims;
    use crate::posture::Declarations;
    use crate::sources::{AppUserToken, Fact, Facts, MfaSelfTest};

    #[test]
    fn either_may_say_no_and_one_yes_is_enough() {
        let judged = |is_mfa: Option<bool>, refusal, is_compliant| {
            let claims = is_mfa.map(|is_mfa| claims(is_mfa, None));
            let token = AppUserToken { claims, ..AppUserToken::default() };
            let test = MfaSelfTest { refusal, is_compliant };
            let facts = Facts {
                app_user_token: Fact::known(token, Timestamp::UNIX_EPOCH),
                mfa_self_test: Fact::known(test, Timestamp::UNIX_EPOCH),
                ..Facts::unread(Timestamp::UNIX_EPOCH)
            };
            CHECK.judge(&Posture::of(&facts, &Declarations::default())).state()
        };
        let state = |is_mfa, is_compliant| judged(is_mfa, None, is_compliant);
        assert_eq!(state(Some(true), Some(true)), State::Compliant);
        assert_eq!(state(Some(true), None), State::Compliant, "the header is often missing");
        assert_eq!(state(None, Some(true)), State::Compliant);
        assert_eq!(state(Some(true), Some(false)), State::Noncompliant);
        assert_eq!(state(Some(false), Some(true)), State::Noncompliant);
        assert_eq!(state(None, None), State::Unknown);
        let refused = |refusal| judged(Some(true), Some(refusal), None);
        assert_eq!(refused(PartnerRefusal::Mfa), State::Noncompliant, "whatever the token says");
        assert_eq!(refused(PartnerRefusal::Role), State::Compliant, "that is about the account");
    }
}
