//! The sign-in log, on which all review of sign-ins rests, is open to the tenant.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "signin-log-available",
    title: "The tenant's sign-in log can be read",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-faq",
    portal: "https://admin.microsoft.com/#/licenses",
    remedy: "assign Microsoft Entra ID P1 or P2 in the partner tenant; partner benefits include \
             licences for internal use",
    sources: &["sign_ins", "subscribed_skus"],
    evaluate,
};

/// A log that was read is available, whatever the licences say.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let is_read = posture.facts.sign_ins.rows().is_ok();
    let missing = !is_read && !posture.facts.subscribed_skus.rows()?.has_premium();
    let what = "has neither Entra ID P1 nor P2, without which Microsoft gives no sign-ins";
    Ok(terms.verdict(missing.then(|| Finding::tenant(what))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::{Fact, Facts, Plan, SubscribedSkus};

    fn judged(skus: Fact<SubscribedSkus>) -> Verdict {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let facts = Facts { subscribed_skus: skus, ..Facts::unread(now) };
        CHECK.judge(&Posture::of(&facts, &Declarations::default()))
    }

    #[test]
    fn met_with_either_plan_and_unmet_without() {
        let known =
            |plans: &[Plan]| Fact::known(SubscribedSkus::with(plans), jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(judged(known(&[Plan::P1])).state(), State::Compliant);
        assert_eq!(judged(known(&[Plan::P2])).state(), State::Compliant);
        assert_eq!(judged(known(&[])).state(), State::Noncompliant);
    }

    #[test]
    fn unknown_when_licences_cannot_be_read() {
        let verdict = judged(Fact::Unread(Unread::Permission));
        assert_eq!(verdict.why_unknown(), Some(Unread::Permission));
    }

    #[test]
    fn a_log_that_was_read_is_there() {
        let of = |rows: &str, rest: &str| crate::checks::logged(&CHECK, rows, rest).state();
        assert_eq!(of("[{ who: anna }]", "plans: []"), State::Compliant);
        assert_eq!(of("refused", "plans: []"), State::Noncompliant);
    }
}
