//! Whoever signs in in person is challenged for MFA at some time.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict, seen};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::sign_ins::{Deed, Deeds};

pub(super) static CHECK: Check = Check {
    id: "mfa-cloud-signins",
    title: "Everybody who signs in in person is challenged for MFA at some time",
    tier: Tier::Mandatory,
    evidence: Evidence::Proxy,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-mandating-mfa",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/SignInEventsV3.ReactView",
    remedy: "run `partnercenter_exporter explain` with the account for the policy that lets it in with one factor, and close the gap; security defaults challenge ordinary people only at risk, Conditional Access whenever it says so",
    sources: &["sign_ins", "users"],
    evaluate,
};

/// One sign-in with a single factor proves little, since MFA may have been done before; nothing but
/// such sign-ins over the whole window does.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let who = posture.seen_richly(Deed::SingleFactor, Deeds::is_without_mfa)?;
    let what = "signed in in person with one factor and never with more";
    terms.verdict(seen(&who.people, what)).unless_doubtful(who.doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, logged};

    #[test]
    fn whoever_never_used_more_than_one_factor_is_named() {
        let once = "[{ who: anna, factors: 1 }]";
        let verdict = logged(&CHECK, once, "");
        assert_eq!((verdict.state(), verdict.found()), (State::Noncompliant, 1));
        assert!(verdict.findings()[0].since.is_some());
        let state = |rows: &str| logged(&CHECK, rows, "").state();
        let both = "[{ who: anna, factors: 1 }, { who: anna, factors: 2 }]";
        assert_eq!(state(both), State::Compliant);
        assert_eq!(state("[{ who: anna, factors: 1, program: true }]"), State::Compliant);
        assert_eq!(state("[{ who: anna, factors: 1, error: 53003 }]"), State::Compliant);
        let ended = logged(&CHECK, once, "disabled: [anna]");
        assert_eq!(ended.state(), State::Compliant, "nobody can sign in with it any more");
    }

    #[test]
    fn a_log_that_shows_nothing_proves_nothing() {
        let why = |rows: &str, rest: &str| logged(&CHECK, rows, rest).why_unknown();
        assert_eq!(why("[]", ""), Some(Unread::NotObservable));
        assert_eq!(why("refused", ""), Some(Unread::Permission));
        let plain = why("[{ who: anna, factors: 1 }]", "plain_log: true");
        assert_eq!(plain, Some(Unread::NotObservable), "v1.0 does not tell factors");
    }
}
