//! How the partner security score came to be what it is.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, AnyCase};

/// Scores of the past, newest first. Only the newest are kept: older ones say nothing that is
/// shown.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct SecurityScoreHistory {
    /// One entry for each time Microsoft noted one.
    pub entries: Vec<Entry>,
}

/// The score at one time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "Row")]
pub struct Entry {
    /// When it was noted.
    pub created: Timestamp,
    /// The score.
    pub score: f64,
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(default, rename = "createddatetime", deserialize_with = "wire::optional_moment")]
    created: Option<Timestamp>,
    #[serde(default, deserialize_with = "wire::optional_number")]
    score: Option<f64>,
}

impl TryFrom<Row> for Entry {
    type Error = &'static str;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        match (row.created, row.score) {
            (Some(created), Some(score)) => Ok(Self { created, score }),
            _ => Err("a score without a number or a time"),
        }
    }
}

/// The newest entries while pages are read.
#[derive(Debug, Default)]
struct Newest(BTreeMap<Timestamp, Entry>);

impl Newest {
    const KEPT: usize = 1_000;

    fn add(&mut self, entry: Entry) {
        self.0.insert(entry.created, entry);
        if self.0.len() > Self::KEPT {
            self.0.pop_first();
        }
    }

    fn history(self) -> SecurityScoreHistory {
        SecurityScoreHistory { entries: self.0.into_values().rev().collect() }
    }
}

impl SecurityScoreHistory {
    /// From entries in any order; of two of one time the later read holds.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut newest = Newest::default();
        entries.into_iter().for_each(|entry| newest.add(entry));
        newest.history()
    }

    /// The score before the present one, and when the present one came; `None` while there has
    /// been no other.
    pub fn change(&self) -> Option<(f64, Timestamp)> {
        let present = self.entries.first()?.score;
        let (same, before) =
            self.entries.split_at(self.entries.iter().position(|entry| entry.score != present)?);
        Some((before.first()?.score, same.last()?.created))
    }
}

static PREVIOUS: Metric = Metric {
    name: "partnercenter_partner_security_score_previous",
    help: "The partner security score before the present one, whenever that was: lower than \
           partnercenter_partner_security_score after a rise, higher after a fall. Absent while \
           Microsoft's history, whose length it does not state, shows no other score.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static CHANGED: Metric = Metric {
    name: "partnercenter_partner_security_score_changed_timestamp_seconds",
    help: "When the partner security score last changed, by Microsoft's history. Absent while that \
           shows one score only.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for SecurityScoreHistory {
    const ID: &'static str = "security_score_history";
    const WHAT: &'static str = "Earlier partner security scores";
    const ASK: Ask = Ask::partner_security("/beta/security/partner/securityScore/history");
    const PERMISSION: &'static str = "PartnerSecurity.Read.All (delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/partner-security-partnersecurityscore-list-history";
    const INTERVAL: Duration = Duration::from_secs(6 * 3600);
    const METRICS: &'static [&'static Metric] = &[&PREVIOUS, &CHANGED];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut newest = Newest::default();
        let tally =
            client.list(&Self::ASK, |AnyCase(entry): AnyCase<Entry>| newest.add(entry)).await?;
        let source = newest.history();
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, samples: &mut Samples) {
        if let Some((previous, changed)) = self.change() {
            samples.push(&PREVIOUS, [], previous);
            samples.push(&CHANGED, [], changed.as_second() as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn read(body: &[u8]) -> SecurityScoreHistory {
        let entries = rows_of::<AnyCase<Entry>>(body);
        SecurityScoreHistory::new(entries.into_iter().map(|AnyCase(entry)| entry))
    }

    #[test]
    fn the_last_change_is_found_among_entries_in_any_order() {
        let history = read(include_bytes!("../../tests/samples/security_score_history.json"));
        assert_eq!(history.entries.len(), 4);
        assert_eq!(history.change(), Some((45.0, "2026-11-10T00:00:00Z".parse().unwrap())));
    }

    #[test]
    fn without_another_score_there_was_no_change() {
        for body in [
            r#"{"value":[]}"#,
            r#"{"value":[{"createdDateTime":"2026-11-01","score":7}]}"#,
            r#"{"value":[{"createdDateTime":"2026-11-01","score":7},
                {"createdDateTime":"2026-11-02","score":"7.0"}]}"#,
        ] {
            assert_eq!(read(body.as_bytes()).change(), None, "{body}");
        }
    }

    #[test]
    fn an_entry_without_a_time_or_a_score_is_refused() {
        for body in [
            r#"{"score":9}"#,
            r#"{"createdDateTime":"","score":9}"#,
            r#"{"createdDateTime":"2026-11-02"}"#,
        ] {
            assert!(serde_json::from_str::<AnyCase<Entry>>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn only_the_newest_are_kept() {
        let entry = |second| Entry {
            created: Timestamp::from_second(second).unwrap(),
            score: second as f64,
        };
        let history = SecurityScoreHistory::new((0..1_500).map(entry));
        assert_eq!(history.entries.len(), 1_000);
        assert_eq!(history.entries[0], entry(1_499));
    }
}
