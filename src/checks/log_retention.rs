//! Sign-ins are kept for thirty days.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "log-retention",
    title: "Sign-ins are kept for thirty days",
    tier: Tier::BestPractice,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/entra/identity/monitoring-health/reference-reports-data-retention",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/DiagnosticSettingsMenuBlade",
    remedy: "assign Microsoft Entra ID P1 or P2; after that the log grows back to thirty days by itself. To keep it longer, export it by diagnostic settings",
    sources: &["sign_ins", "subscribed_skus"],
    evaluate,
};

/// A row of the thirtieth day shows it. None shows nothing: the tenant may be young, or may have
/// slept that day.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let log = posture.facts.sign_ins.rows();
    if log.is_ok_and(|it| it.last_day().is_some()) {
        return Ok(terms.verdict([]));
    }
    if !posture.facts.subscribed_skus.rows()?.has_premium() {
        let what = "has neither Entra ID P1 nor P2, without which sign-ins are kept for seven days";
        return Ok(terms.verdict([Finding::tenant(what)]));
    }
    log?;
    Err(Unread::NotObservable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, logged};

    #[test]
    fn a_row_of_the_thirtieth_day_shows_it_and_none_shows_nothing() {
        let of = |rows: &str, rest: &str| logged(&CHECK, rows, rest);
        assert_eq!(of("[]", "log_reaches_back: true").state(), State::Compliant);
        assert_eq!(of("[]", "").why_unknown(), Some(Unread::NotObservable));
        assert_eq!(of("refused", "").why_unknown(), Some(Unread::Permission));
        assert_eq!(of("refused", "plans: []").state(), State::Noncompliant);
    }
}
