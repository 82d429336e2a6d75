//! Nobody leaves an alert about fraud open.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use jiff::Timestamp;

use crate::clock::age;
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::alert::{Alert, Status};

pub(super) static CHECK: Check = Check {
    id: "fraud-alerts-open",
    title: "No alert about fraud in customers' Azure is open",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/azure-fraud-notification",
    portal: "https://partner.microsoft.com/dashboard/commerce2/insights/security/alerts",
    remedy: "stop the resource, or suspend the subscription in Partner Center if it is not the customer's own doing; then set the alert's status and finding, which alone changes nothing in Azure",
    sources: &["security_alerts", "fraud_events"],
    evaluate,
};

/// An advisor sells no Azure, so that there is nothing to be alerted of; what is, counts all the same.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let fraud = posture.of_sellers(posture.fraud.as_ref().map_err(|why| *why))?;
    let Some(fraud) = fraud else { return Ok(Verdict::not_applicable()) };
    let mut open: Vec<_> = fraud.open().collect();
    // First what nobody has answered, the gravest of it, and of that the oldest.
    let is_answered = |alert: &Alert| alert.status != Status::Active;
    open.sort_by_key(|it| (is_answered(it), std::cmp::Reverse(it.severity), it.detected));
    let findings = open.into_iter().map(|alert| finding(alert, posture.facts.now));
    // Rows that could not be read may be open alerts.
    let doubt = (fraud.rejected > 0).then_some(Unread::SourceFailed);
    terms.verdict(findings).unless_doubtful(doubt)
}

fn finding(alert: &Alert, now: Timestamp) -> Finding {
    let stands = match alert.status {
        Status::Active => "nobody has answered",
        Status::Investigating | Status::Resolved => "has been looked into and not resolved",
    };
    let (severity, hours) = (alert.severity.as_str(), age(now, alert.detected).as_secs() / 3600);
    let mut what = format!("severity {severity}, {stands} for {hours} hours");
    if let Some(resource) = alert.resources.first() {
        what += &format!("; resource {resource}");
    }
    for (name, id) in [("subscription", &alert.subscription), ("customer", &alert.customer)] {
        if let Some(id) = id {
            what += &format!("; {name} {id}");
        }
    }
    Finding { since: Some(alert.detected), ..Finding::object(&alert.id, alert.name(), what) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::checks::fraud_response_time::tests::judged;
    use crate::posture::Declarations;
    use crate::sources::alert::Severity;
    use crate::sources::alert::tests::{alert, now};
    use crate::sources::{Fact, Facts, Organization, SecurityAlerts};

    #[test]
    fn each_open_alert_is_found_with_where_it_is_and_since_when() {
        let verdict = judged(&CHECK, vec![alert(5.0, None), alert(9.0, Some(1.0))], 0);
        assert_eq!((verdict.state(), verdict.found()), (State::Noncompliant, 1));
        let finding = &verdict.findings()[0];
        assert_eq!(finding.what, "severity high, nobody has answered for 5 hours");
        assert!(finding.since.is_some());
        let test = Alert { is_test: true, ..alert(5.0, None) };
        assert_eq!(judged(&CHECK, vec![test], 0).state(), State::Compliant);
    }

    #[test]
    fn what_is_to_be_answered_first_is_told_first() {
        let low = Alert { severity: Severity::Low, ..alert(90.0, None) };
        let looked_into = Alert { status: Status::Investigating, ..alert(80.0, None) };
        let verdict = judged(&CHECK, vec![looked_into, low, alert(2.0, None), alert(7.0, None)], 0);
        let whats: Vec<_> = verdict.findings().iter().map(|finding| &*finding.what).collect();
        assert_eq!(
            whats,
            [
                "severity high, nobody has answered for 7 hours",
                "severity high, nobody has answered for 2 hours",
                "severity low, nobody has answered for 90 hours",
                "severity high, has been looked into and not resolved for 80 hours",
            ]
        );
    }

    #[test]
    fn an_advisor_has_nothing_to_be_alerted_of_until_there_is_something() {
        let judged = |security_alerts: Fact<SecurityAlerts>| {
            let organization = r#"{"partnerTenantType":"breadthPartner"}"#;
            let organization: Organization = serde_json::from_str(organization).unwrap();
            let organization = Fact::known(organization, now());
            let facts = Facts { organization, security_alerts, ..Facts::unread(now()) };
            CHECK.judge(&Posture::of(&facts, &Declarations::default())).state()
        };
        let known = |alerts, rejected| Fact::known(SecurityAlerts { alerts, rejected }, now());
        assert_eq!(judged(Fact::Unread(Unread::Permission)), State::NotApplicable);
        assert_eq!(judged(known(vec![], 0)), State::Compliant);
        assert_eq!(judged(known(vec![], 1)), State::Unknown);
        assert_eq!(judged(known(vec![alert(5.0, None)], 0)), State::Noncompliant);
    }

    #[test]
    fn a_row_that_cannot_be_read_may_be_an_open_alert() {
        let doubtful = judged(&CHECK, vec![], 1);
        assert_eq!(doubtful.why_unknown(), Some(Unread::SourceFailed));
        assert_eq!(judged(&CHECK, vec![alert(5.0, None)], 1).state(), State::Noncompliant);
    }
}
