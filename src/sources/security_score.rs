//! The score Microsoft gives the partner for security.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, AnyCase};

/// The partner security score.
#[derive(Debug, Default, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "Row")]
pub struct SecurityScore {
    /// What was reached.
    pub current: f64,
    /// What can be reached.
    pub max: f64,
    /// When Microsoft last computed it.
    pub refreshed: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(default, rename = "currentscore", deserialize_with = "wire::optional_number")]
    current: Option<f64>,
    #[serde(default, rename = "maxscore", deserialize_with = "wire::optional_number")]
    max: Option<f64>,
    #[serde(default, rename = "lastrefreshdatetime", deserialize_with = "wire::optional_moment")]
    refreshed: Option<Timestamp>,
}

/// A score that is not said is not 0.
impl TryFrom<Row> for SecurityScore {
    type Error = &'static str;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        match (row.current, row.max) {
            (Some(current), Some(max)) => Ok(Self { current, max, refreshed: row.refreshed }),
            _ => Err("a score without a number"),
        }
    }
}

static SCORE: Metric = Metric {
    name: "partnercenter_partner_security_score",
    help: "The partner security score as Microsoft computes it, about once a day, for the whole \
           partner. No particular score is demanded. Absent while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static MAX: Metric = Metric {
    name: "partnercenter_partner_security_score_max",
    help: "The highest partner security score that can be reached, as Microsoft says it. \
           Absent while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static REFRESHED: Metric = Metric {
    name: "partnercenter_partner_security_score_refreshed_timestamp_seconds",
    help: "When Microsoft last computed the partner security score. Absent where it does not say.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for SecurityScore {
    const ID: &'static str = "security_score";
    const WHAT: &'static str = "The partner security score";
    const ASK: Ask = Ask::partner_security("/beta/security/partner/securityScore");
    const PERMISSION: &'static str = "PartnerSecurity.Read.All (delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/partner-security-partnersecurityscore-get";
    const INTERVAL: Duration = Duration::from_secs(3600);
    const METRICS: &'static [&'static Metric] = &[&SCORE, &MAX, &REFRESHED];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let AnyCase(score) = client.entity::<AnyCase<Self>>(&Self::ASK).await?;
        Ok(Rows::single(score))
    }

    fn observe(&self, samples: &mut Samples) {
        samples.push(&SCORE, [], self.current);
        samples.push(&MAX, [], self.max);
        if let Some(refreshed) = self.refreshed {
            samples.push(&REFRESHED, [], refreshed.as_second() as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Option<SecurityScore> {
        wire::entity::<AnyCase<SecurityScore>>(body).ok().map(|AnyCase(score)| score)
    }

    #[test]
    fn the_documented_entity_is_read_wrapped_as_it_is_printed() {
        let score = read(include_bytes!("../../tests/samples/security_score.json")).unwrap();
        let mut samples = Samples::of_tenant("t");
        score.observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_partner_security_score{tenant=\"t\"} 62.5\n\
             partnercenter_partner_security_score_max{tenant=\"t\"} 100\n\
             partnercenter_partner_security_score_refreshed_timestamp_seconds{tenant=\"t\"} 1795564800\n"
        );
    }

    #[test]
    fn a_score_that_is_not_said_is_not_zero() {
        for body in [r#"{"currentScore":1}"#, r#"{"maxScore":100}"#, r#"{"currentScore":null}"#] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
        let bare = read(br#"{"CurrentScore":"0","MaxScore":"100.0","lastRefreshDateTime":""}"#);
        assert_eq!(bare, Some(SecurityScore { current: 0.0, max: 100.0, refreshed: None }));
    }
}
