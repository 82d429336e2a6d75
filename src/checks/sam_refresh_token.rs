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
        let what = match left.as_hours() / 24 {
            _ if !left.is_positive() => "has ended".to_owned(),
            days => format!("ends in {days} days unless it is used before"),
        };
        findings.push(Finding::tenant(what));
    }
    // A token that cannot be looked into says nothing of MFA, and without a date nothing of its end.
    let is_silent = token.claims.is_none() || token.expires.is_none();
    terms.verdict(findings).unless_doubtful(is_silent.then_some(Unread::NotObservable))
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

    fn judged(token: AppUserToken) -> Verdict {
        let app_user_token = Fact::known(token, Timestamp::UNIX_EPOCH);
        let facts = Facts { app_user_token, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        CHECK.judge(&Posture::of(&facts, &Declarations::default()))
    }

    fn found(token: AppUserToken) -> usize {
        let verdict = judged(token);
        assert_eq!(verdict.state() == State::Compliant, verdict.found() == 0);
        verdict.found()
    }

    fn well() -> AppUserToken {
        let (claims, expires) = (Some(claims(true, None)), expires(90));
        AppUserToken { claims, expires, ..AppUserToken::default() }
    }

    fn expires(days: i64) -> Option<Timestamp> {
        Timestamp::from_second(days * 86_400).ok()
    }

    #[test]
    fn a_refusal_a_missing_claim_and_a_near_end_are_found() {
        assert_eq!(found(well()), 0);
        assert_eq!(found(AppUserToken { expires: expires(14), ..well() }), 0);
        assert_eq!(found(AppUserToken { expires: expires(13), ..well() }), 1);
        assert_eq!(found(AppUserToken { claims: Some(claims(false, None)), ..well() }), 1);
        let refused = AppUserToken { refusal: Some(("grant_revoked", "consent")), ..well() };
        assert_eq!(found(refused), 1);
        let what = |days| {
            let verdict = judged(AppUserToken { expires: expires(days), ..well() });
            verdict.findings()[0].what.to_string()
        };
        assert_eq!(what(13), "ends in 13 days unless it is used before");
        assert_eq!(what(0), "has ended");
        assert_eq!(what(-3), "has ended");
    }

    #[test]
    fn a_token_that_says_nothing_of_itself_is_not_taken_to_be_well() {
        for silent in [
            AppUserToken { claims: None, ..well() },
            AppUserToken { expires: None, ..well() },
            AppUserToken::default(),
        ] {
            assert_eq!(judged(silent).why_unknown(), Some(Unread::NotObservable));
        }
        let refusal = Some(("grant_revoked", "consent"));
        assert_eq!(found(AppUserToken { refusal, ..AppUserToken::default() }), 1);
    }
}
