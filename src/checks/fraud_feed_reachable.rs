//! The watch over alerts about fraud works itself.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::clock::age;
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "fraud-feed-reachable",
    title: "Alerts about fraud are read, and what is known of them is fresh",
    tier: Tier::Exporter,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/azure-fraud-notification",
    portal: "https://partner.microsoft.com/dashboard/commerce2/insights/security/alerts",
    remedy: "see the exporter's log for why the sources security_alerts and fraud_events cannot be read; without a grant, run `partnercenter_exporter consent`",
    sources: &["security_alerts", "fraud_events"],
    evaluate,
};

/// What is older has to be looked up in Partner Center.
const FRESH_SECONDS: u64 = 3600;

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let fraud = posture.of_sellers(posture.fraud.as_ref().map_err(|why| *why))?;
    let Some(fraud) = fraud else { return Ok(Verdict::not_applicable()) };
    let age = fraud.at.map(|at| age(posture.facts.now, at));
    let stale = age.filter(|age| age.as_secs() > FRESH_SECONDS).map(|age| {
        Finding::tenant(format!("alerts were last read {} minutes ago", age.as_secs() / 60))
    });
    Ok(terms.verdict(stale))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::alert::tests::now;
    use crate::sources::{Fact, Facts, SecurityAlerts};

    #[test]
    fn an_hour_is_fresh_and_more_is_not() {
        let judged = |seconds| {
            let at = now() - SignedDuration::from_secs(seconds);
            let security_alerts = Fact::known(SecurityAlerts::default(), at);
            let facts = Facts { security_alerts, ..Facts::unread(now()) };
            CHECK.judge(&Posture::of(&facts, &Declarations::default())).state()
        };
        assert_eq!(judged(3600), State::Compliant);
        assert_eq!(judged(3601), State::Noncompliant);
    }

    #[test]
    fn without_either_list_nothing_is_watched_and_that_is_unknown() {
        let facts =
            Facts { security_alerts: Fact::Unread(Unread::Credential), ..Facts::unread(now()) };
        let verdict = CHECK.judge(&Posture::of(&facts, &Declarations::default()));
        assert_eq!(verdict.why_unknown(), Some(Unread::Credential));
    }
}
