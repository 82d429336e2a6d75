//! The grant our own application rests on works, carries MFA, and is not about to end.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use jiff::SignedDuration;

use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "sam-refresh-token",
    title: "The grant our own application rests on works and is not about to end",
    tier: Tier::Exporter,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/developer/enable-secure-app-model",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
    remedy: "run `partnercenter_exporter consent` and sign in with MFA",
    sources: &["app_user_token"],
    evaluate,
};

/// Each use begins its 90 days anew, so that one which is about to end has not been used for long.
const LEFT: SignedDuration = SignedDuration::from_hours(14 * 24);

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let token = posture.facts.app_user_token.rows()?;
    let mut findings = Vec::new();
    if let Some((reason, remedy)) = token.refusal {
        findings.push(Finding::tenant(format!("brings no token ({reason}): {remedy}")));
    }
    if token.claims.as_ref().is_some_and(|claims| !claims.is_mfa) {
        findings.push(Finding::tenant("does not carry the MFA claim"));
    }
    let left = token.expires.map(|expires| expires.duration_since(posture.facts.now));
    if let Some(left) = left.filter(|left| *left < LEFT) {
        let days = left.as_hours().max(0) / 24;
        findings.push(Finding::tenant(format!("ends in {days} days unless it is used before")));
    }
    Ok(terms.verdict(findings))
}

#[cfg(test)]
pub(in crate::checks) mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::oauth::Claims;
    use crate::posture::Declarations;
    use crate::sources::{AppUserToken, Fact, Facts};
    use crate::wire::ObjectId;

    pub(in crate::checks) fn claims(is_mfa: bool, roles: Option<Vec<ObjectId>>) -> Claims {
        let account = ObjectId::parse("anna");
        Claims { is_mfa, account, roles, tenant: None, is_application: false }
    }

    fn found(token: AppUserToken) -> usize {
        let app_user_token = Fact::known(token, Timestamp::UNIX_EPOCH);
        let facts = Facts { app_user_token, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        let verdict = CHECK.judge(&Posture::of(&facts, &Declarations::default()));
        assert_eq!(verdict.state() == State::Compliant, verdict.found() == 0);
        verdict.found()
    }

    #[test]
    fn a_refusal_a_missing_claim_and_a_near_end_are_found() {
        let day = 86_400_i64;
        let expires = |days| Timestamp::from_second(days * day).ok();
        let well = || AppUserToken {
            claims: Some(claims(true, None)),
            expires: expires(90),
            ..AppUserToken::default()
        };
        assert_eq!(found(well()), 0);
        assert_eq!(found(AppUserToken { expires: expires(14), ..well() }), 0);
        assert_eq!(found(AppUserToken { expires: expires(13), ..well() }), 1);
        assert_eq!(found(AppUserToken { claims: Some(claims(false, None)), ..well() }), 1);
        let refused = AppUserToken { refusal: Some(("grant_revoked", "consent")), ..well() };
        assert_eq!(found(refused), 1);
    }
}
