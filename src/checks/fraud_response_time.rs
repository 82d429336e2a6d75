//! Alerts about fraud are answered within 24 hours on average.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::fraud::{Answer, LIMIT_SECONDS};
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "fraud-response-time",
    title: "Alerts about fraud are answered within 24 hours on average",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/security-requirements",
    portal: "https://partner.microsoft.com/dashboard/commerce2/insights/security/alerts",
    remedy: "answer the oldest open alerts first: look at the resource, stop it if need be, and set the alert's status; see that somebody is paged for the next one",
    sources: &["security_alerts", "fraud_events"],
    evaluate,
};

/// The limit itself is within it. Of the past 30 days' alerts those are found that took longer, once
/// their average does.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    // An indirect provider answers for its resellers, and an advisor has nothing to answer for.
    let kind = posture.facts.organization.rows().map(|it| &it.partner_tenant_type);
    if kind.is_ok_and(|kind| kind.is_indirect_reseller() || kind.is_advisor()) {
        return Ok(Verdict::not_applicable());
    }
    let fraud = posture.fraud.as_ref().map_err(|why| *why)?;
    let is_over = |average: Option<f64>| average.is_some_and(|seconds| seconds > LIMIT_SECONDS);
    let mut findings = Vec::new();
    if is_over(fraud.average_at_least()) {
        for (alert, answer) in fraud.recent() {
            let what = match answer {
                Answer::After(took) if took > LIMIT_SECONDS => {
                    format!("was answered after {:.0} hours", took / 3600.0)
                }
                Answer::Waiting(waits) if waits > LIMIT_SECONDS => {
                    format!("has not been answered for {:.0} hours", waits / 3600.0)
                }
                _ => continue,
            };
            let finding = Finding::object(&alert.id, alert.name(), what);
            findings.push(Finding { since: Some(alert.detected), ..finding });
        }
    }
    let doubt = if fraud.rejected > 0 {
        Some(Unread::SourceFailed)
    } else {
        // Some were answered at a time Microsoft does not tell.
        is_over(fraud.average_at_most()).then_some(Unread::NotObservable)
    };
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
pub(in crate::checks) mod tests {
    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::alert::tests::{alert, now};
    use crate::sources::alert::{Alert, Status};
    use crate::sources::{Fact, Facts, Organization, SecurityAlerts};

    pub(in crate::checks) fn judged(check: &Check, alerts: Vec<Alert>, rejected: u64) -> Verdict {
        let security_alerts = Fact::known(SecurityAlerts { alerts, rejected }, now());
        let facts = Facts { security_alerts, ..Facts::unread(now()) };
        check.judge(&Posture::of(&facts, &Declarations::default()))
    }

    fn state(alerts: Vec<Alert>) -> State {
        judged(&CHECK, alerts, 0).state()
    }

    #[test]
    fn the_limit_itself_is_met_and_what_made_it_longer_is_found() {
        assert_eq!(state(vec![]), State::Compliant, "no alert, nothing to answer");
        assert_eq!(state(vec![alert(50.0, Some(24.0))]), State::Compliant);
        let late = judged(&CHECK, vec![alert(50.0, Some(40.0)), alert(60.0, Some(9.0))], 0);
        assert_eq!((late.state(), late.found()), (State::Noncompliant, 1));
        assert_eq!(late.findings()[0].what, "was answered after 40 hours");
        assert_eq!(state(vec![alert(30.0, None)]), State::Noncompliant);
        assert_eq!(state(vec![alert(30.0, None), alert(99.0, Some(0.1))]), State::Compliant);
    }

    #[test]
    fn an_answer_at_an_unknown_time_leaves_doubt_only_where_it_could_matter() {
        let untimed = |hours| Alert { status: Status::Investigating, ..alert(hours, None) };
        let doubtful = judged(&CHECK, vec![untimed(60.0)], 0);
        assert_eq!(doubtful.why_unknown(), Some(Unread::NotObservable));
        assert_eq!(state(vec![untimed(20.0)]), State::Compliant);
        let either = judged(&CHECK, vec![untimed(40.0), alert(30.0, None)], 0);
        assert_eq!(either.why_unknown(), Some(Unread::NotObservable), "15 hours, or 35");
        assert_eq!(state(vec![untimed(40.0), alert(60.0, None)]), State::Noncompliant);
    }

    #[test]
    fn whoever_resells_for_a_provider_is_not_asked() {
        use crate::checks::{azure_budget, azure_over_budget};
        use crate::checks::{fraud_alerts_open, fraud_feed_reachable};
        let organization = r#"{"partnerTenantType":"valueAddedResellerPartnerDelegatedAdmin"}"#;
        let organization: Organization = serde_json::from_str(organization).unwrap();
        let organization = Fact::known(organization, now());
        let facts = Facts {
            organization,
            security_alerts: Fact::Unread(Unread::Permission),
            fraud_events: Fact::Unread(Unread::Permission),
            usage_records: Fact::Unread(Unread::Permission),
            ..Facts::unread(now())
        };
        for check in [
            &CHECK,
            &fraud_alerts_open::CHECK,
            &fraud_feed_reachable::CHECK,
            &azure_budget::CHECK,
            &azure_over_budget::CHECK,
        ] {
            let verdict = check.judge(&Posture::of(&facts, &Declarations::default()));
            assert_eq!(verdict.state(), State::NotApplicable, "{}", check.id);
        }
    }

    #[test]
    fn rows_that_cannot_be_read_leave_doubt_unless_the_others_say_no() {
        let doubtful = judged(&CHECK, vec![alert(50.0, Some(24.0))], 1);
        assert_eq!(doubtful.why_unknown(), Some(Unread::SourceFailed));
        assert_eq!(judged(&CHECK, vec![alert(50.0, Some(24.1))], 1).state(), State::Noncompliant);
    }
}
