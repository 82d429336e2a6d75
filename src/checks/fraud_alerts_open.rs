//! Nobody leaves an alert about fraud open.

use super::check::{Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::alert::{Alert, Status};

pub(super) static CHECK: Check = Check {
    id: "fraud-alerts-open",
    title: "No alert about fraud in customers' Azure is open",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    docs: "https://learn.microsoft.com/partner-center/security/azure-fraud-notification",
    portal: "https://partner.microsoft.com/dashboard/commerce2/insights/security/alerts",
    remedy: "stop the resource, or suspend the subscription in Partner Center if it is not the customer's own doing; then set the alert's status and finding, which alone changes nothing in Azure",
    sources: &["security_alerts", "fraud_events"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let fraud = posture.of_sellers(posture.fraud.as_ref().map_err(|why| *why))?;
    let Some(fraud) = fraud else { return Ok(Verdict::not_applicable()) };
    // Rows that could not be read may be open alerts.
    let doubt = (fraud.rejected > 0).then_some(Unread::SourceFailed);
    terms.verdict(fraud.open().map(finding)).unless_doubtful(doubt)
}

fn finding(alert: &Alert) -> Finding {
    let stands = match alert.status {
        Status::Active => "nobody has answered",
        Status::Investigating | Status::Resolved => "is being looked into",
    };
    let place = |what: &str, id: &Option<_>| id.as_ref().map(|id| format!(", {what} {id}"));
    let places: String = [
        place("customer", &alert.customer),
        place("subscription", &alert.subscription),
        alert.resources.first().map(|resource| format!(", resource {resource}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let severity = alert.severity.as_str();
    let what = format!("of severity {severity}, {stands}{places}");
    Finding { since: Some(alert.detected), ..Finding::object(&alert.id, alert.name(), what) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::checks::fraud_response_time::tests::{alert, judged};

    #[test]
    fn each_open_alert_is_found_with_where_it_is_and_since_when() {
        let verdict = judged(&CHECK, vec![alert(5.0, None), alert(9.0, Some(1.0))], 0);
        assert_eq!((verdict.state(), verdict.found()), (State::Noncompliant, 1));
        let finding = &verdict.findings()[0];
        assert_eq!(finding.what, "of severity high, nobody has answered");
        assert!(finding.since.is_some());
        let test = Alert { is_test: true, ..alert(5.0, None) };
        assert_eq!(judged(&CHECK, vec![test], 0).state(), State::Compliant);
    }

    #[test]
    fn a_row_that_cannot_be_read_may_be_an_open_alert() {
        let doubtful = judged(&CHECK, vec![], 1);
        assert_eq!(doubtful.why_unknown(), Some(Unread::SourceFailed));
        assert_eq!(judged(&CHECK, vec![alert(5.0, None)], 1).state(), State::Noncompliant);
    }
}
