//! Alerts about fraud in customers' Azure, as Partner Center lists them: what there was before
//! Graph had them, and the way round when Graph fails.

use std::borrow::Cow;
use std::time::Duration;

use super::Facts;
use super::alert::{Alert, Collected, Seen};
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError, Headers, Tally};
use crate::metrics::{Metric, Samples};

/// Every event Microsoft still lists, open or not, by id.
#[derive(Debug, Default)]
pub struct FraudEvents {
    /// Those that could be read; `None` where Microsoft no longer offers the list.
    pub alerts: Option<Vec<Alert>>,
    /// How many could not.
    pub rejected: u64,
}

/// Brings the kinds of alert that were added in 2023, and lets pages be asked for.
const HEADERS: Headers = &[("x-neweventsmodel", "true")];

/// Events asked for at a time. Microsoft names no greatest number, and may give fewer.
const PAGE_SIZE: usize = 500;

/// Pages asked for at most.
const PAGES: usize = 1_000;

impl FraudEvents {
    fn page(number: usize) -> Ask {
        let path = format!("/v1/fraudEvents?PageSize={PAGE_SIZE}&PageNumber={number}");
        Ask { path: Cow::Owned(path), ..Self::ASK }
    }
}

impl Source for FraudEvents {
    const ID: &'static str = "fraud_events";
    const WHAT: &'static str = "Partner Center's older list of the same alerts, as a fallback";
    const ASK: Ask = Ask::partner_center("/v1/fraudEvents", HEADERS);
    const PERMISSION: &'static str = "user_impersonation (Partner Center, delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/partner-center/developer/get-fraud-events";
    const INTERVAL: Duration = Duration::from_secs(900);
    const HOLDS_AT_LEAST: Duration = Duration::from_secs(3600);
    /// Told in `posture::fraud`, never beside what Graph says of the same alerts.
    const METRICS: &'static [&'static Metric] = &[];

    /// Nothing says which page is the last, and a page with fewer events than asked for may only be
    /// as large as Microsoft makes them. So pages are asked for until one brings nothing new: an
    /// empty one, or the same again where page numbers are passed over.
    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut collected = Collected::default();
        let (mut accepted, mut rejected) = (0, 0);
        let mut was_short = false;
        for number in 1..=PAGES {
            let (rows, bad) = match client.rows::<Seen>(&Self::page(number)).await {
                Ok(page) => page,
                Err(error) if number == 1 && error.is_gone() => {
                    return Ok(Rows { source: Self::default(), accepted: 0, rejected: 0 });
                }
                // Some services refuse a page that lies behind the last.
                Err(error) if was_short && error.is_not_offered() => break,
                Err(error) => return Err(error),
            };
            was_short = rows.len() + usize::try_from(bad).unwrap_or(usize::MAX) < PAGE_SIZE;
            let has_rows = !rows.is_empty();
            let new: u64 = rows.into_iter().map(|seen| u64::from(collected.add(seen))).sum();
            // Bad rows of a page that repeats were counted when it came first.
            let repeats = has_rows && new == 0;
            accepted += new;
            rejected += if repeats { 0 } else { bad };
            if new == 0 {
                break;
            }
            if number == PAGES {
                return Err(FetchError::Limit { bound: "pages of alerts" });
            }
        }
        let tally = Tally { accepted, rejected };
        if tally.is_all_bad() {
            return Err(FetchError::unreadable(&format!("{rejected} alerts")));
        }
        let source = Self { alerts: Some(collected.alerts()?), rejected };
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::super::alert::{Resolution, Severity, Status};
    use super::*;

    #[test]
    fn the_documented_list_is_read_in_both_models() {
        let body = include_bytes!("../../tests/samples/fraud_events.json");
        let mut collected = Collected::default();
        for seen in serde_json::from_slice::<Vec<Seen>>(body).unwrap() {
            collected.add(seen);
        }
        let alerts = collected.alerts().unwrap();
        let [old, new, odd, test] = &alerts[..] else { panic!("{alerts:?}") };
        assert_eq!((&*old.alert_type, old.severity), ("", Severity::Unknown));
        assert_eq!((old.status, old.answered, old.resolution), (Status::Active, None, None));
        assert_eq!(&*new.alert_type, "virtualMachineDeploymentAnomaly");
        assert_eq!(new.severity, Severity::High);
        assert_eq!(new.answered, Some("2026-11-18T22:40:00Z".parse().unwrap()));
        assert_eq!(new.resolution, Some(Resolution::Fraud));
        assert_eq!(new.resources.len(), 1);
        // Its log is JSON that was cut off: when it was answered is not known, but it counts.
        assert_eq!((odd.status, odd.answered), (Status::Investigating, None));
        assert!(test.is_test && !odd.is_test);
    }

    #[test]
    fn pages_are_asked_for_by_number_in_the_new_model() {
        let ask = FraudEvents::page(2);
        assert_eq!(ask.path, "/v1/fraudEvents?PageSize=500&PageNumber=2");
        assert_eq!(ask.headers, [("x-neweventsmodel", "true")]);
    }
}
