//! Alerts about fraud in customers' Azure, as Graph's partner security API lists them.

use std::time::Duration;

use super::Facts;
use super::alert::{Alert, Collected, Seen};
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Metric, Samples};

/// Every alert Microsoft still lists, open or not, by id.
#[derive(Debug, Default)]
pub struct SecurityAlerts {
    /// Those that could be read.
    pub alerts: Vec<Alert>,
    /// How many could not. While there are any, it is not known that nothing is open.
    pub rejected: u64,
}

impl Source for SecurityAlerts {
    const ID: &'static str = "security_alerts";
    const WHAT: &'static str = "Alerts about fraud in customers' Azure, and how they were answered";
    const ASK: Ask = Ask::partner_security("/beta/security/partner/securityAlerts");
    const PERMISSION: &'static str = "PartnerSecurity.Read.All (delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/partner-security-partnersecurityalert-list-securityalerts";
    const INTERVAL: Duration = Duration::from_secs(60);
    const HOLDS_AT_LEAST: Duration = Duration::from_secs(3600);
    /// What is open and how fast it is answered is told in `posture::fraud`, which knows the time
    /// and which of two sources holds.
    const METRICS: &'static [&'static Metric] = &[];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut collected = Collected::default();
        let add = |seen: Seen| {
            collected.add(seen);
        };
        let tally = client.salvage::<Seen>(&Self::ASK, add).await?;
        let source = Self { alerts: collected.alerts()?, rejected: tally.rejected };
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::super::alert::{Resolution, Severity, Status};
    use super::*;
    use crate::client::rows_of;

    fn alerts() -> Vec<Alert> {
        let body = include_bytes!("../../tests/samples/security_alerts.json");
        let mut collected = Collected::default();
        for seen in rows_of::<Seen>(body) {
            collected.add(seen);
        }
        collected.alerts().unwrap()
    }

    #[test]
    fn the_documented_page_is_read() {
        let alerts = alerts();
        let [mining, advisory, usage] = &alerts[..] else { panic!("{alerts:?}") };
        assert_eq!(&*mining.alert_type, "networkConnectionsToCryptoMiningPools");
        assert_eq!((mining.severity, mining.status), (Severity::High, Status::Active));
        assert_eq!(mining.answered, None, "a filled resolution does not answer an active alert");
        assert_eq!((mining.resolution, mining.is_test), (None, false));
        assert_eq!(mining.resources.len(), 1);
        assert_eq!(usage.status, Status::Resolved);
        assert_eq!(usage.answered, Some("2026-11-20T11:15:00.5Z".parse().unwrap()));
        assert_eq!(usage.resolution, Some(Resolution::Legitimate));
        assert!(usage.customer.is_some() && usage.subscription.is_some());
        assert!(advisory.is_test);
        assert_eq!(advisory.severity, Severity::Informational);
    }
}
