//! Accounts that Identity Protection has found to be at risk at some time, and what became of them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, ObjectId};

/// All of them as numbers; who needs looking after by name.
#[derive(Debug, Default)]
pub struct RiskyUsers {
    counts: BTreeMap<(RiskLevel, RiskState), usize>,
    /// Those at risk or compromised, in the order Microsoft lists them; no more than are kept.
    pub at_risk: Vec<RiskyUser>,
    /// Those that may be at risk besides: rows that could not be read, states in a word unknown to
    /// us, and whoever is beyond what is kept.
    pub uncertain: u64,
}

/// An account that somebody else may be using.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskyUser {
    /// Its object id.
    pub id: ObjectId,
    /// How likely.
    pub level: RiskLevel,
    /// Whether somebody confirmed it.
    pub state: RiskState,
    /// Since when it stands so.
    pub updated: Option<Timestamp>,
}

/// How likely it is that somebody else uses the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum RiskLevel {
    /// Likely.
    High,
    /// Possible.
    Medium,
    /// Hardly.
    Low,
    /// Not told.
    Hidden,
    /// Not at all.
    None,
    /// Not said, or in a word unknown to us.
    #[default]
    Unknown,
}

/// What became of the risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum RiskState {
    /// Nothing yet.
    AtRisk,
    /// An administrator says that somebody else uses it.
    ConfirmedCompromised,
    /// The person changed the password or did MFA.
    Remediated,
    /// An administrator saw no risk.
    Dismissed,
    /// Found to be harmless.
    ConfirmedSafe,
    /// There is none.
    None,
    /// Not said, or in a word unknown to us.
    #[default]
    Unknown,
}

impl RiskLevel {
    const ALL: [Self; 6] =
        [Self::High, Self::Medium, Self::Low, Self::Hidden, Self::None, Self::Unknown];

    /// The value of the label `risk_level`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Hidden => "hidden",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

impl RiskState {
    const ALL: [Self; 7] = [
        Self::AtRisk,
        Self::ConfirmedCompromised,
        Self::Remediated,
        Self::Dismissed,
        Self::ConfirmedSafe,
        Self::None,
        Self::Unknown,
    ];

    /// The value of the label `risk_state`, as Microsoft spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtRisk => "atRisk",
            Self::ConfirmedCompromised => "confirmedCompromised",
            Self::Remediated => "remediated",
            Self::Dismissed => "dismissed",
            Self::ConfirmedSafe => "confirmedSafe",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// The one of these words that is meant, if any is.
fn read<'de, D: Deserializer<'de>, T: Copy>(
    deserializer: D,
    all: &[T],
    word: fn(T) -> &'static str,
) -> Result<Option<T>, D::Error> {
    let said = Option::<std::borrow::Cow<'_, str>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(all.iter().copied().find(|it| word(*it).eq_ignore_ascii_case(said.trim())))
}

impl<'de> Deserialize<'de> for RiskLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(read(deserializer, &Self::ALL, Self::as_str)?.unwrap_or(Self::Unknown))
    }
}

impl<'de> Deserialize<'de> for RiskState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(read(deserializer, &Self::ALL, Self::as_str)?.unwrap_or(Self::Unknown))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: ObjectId,
    #[serde(default)]
    risk_level: RiskLevel,
    #[serde(default)]
    risk_state: RiskState,
    #[serde(default, deserialize_with = "wire::optional_moment")]
    risk_last_updated_date_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "wire::optional_bool")]
    is_deleted: Option<bool>,
}

/// How many accounts at risk are kept by name.
const KEPT: usize = 10_000;

impl RiskyUsers {
    fn add(&mut self, row: Row) {
        // Nobody can sign in to it any more.
        if row.is_deleted == Some(true) {
            return;
        }
        *self.counts.entry((row.risk_level, row.risk_state)).or_default() += 1;
        match row.risk_state {
            RiskState::AtRisk | RiskState::ConfirmedCompromised if self.at_risk.len() < KEPT => {
                self.at_risk.push(RiskyUser {
                    id: row.id,
                    level: row.risk_level,
                    state: row.risk_state,
                    updated: row.risk_last_updated_date_time,
                });
            }
            RiskState::AtRisk | RiskState::ConfirmedCompromised | RiskState::Unknown => {
                self.uncertain += 1;
            }
            _ => {}
        }
    }
}

static RISKY: Metric = Metric {
    name: "partnercenter_risky_users",
    help: "Accounts by Identity Protection's risk_level (high, medium, low, hidden, none) and \
           risk_state as Microsoft spells it: atRisk and confirmedCompromised wait for somebody to \
           act, remediated, dismissed and confirmedSafe are dealt with. unknown: in a word unknown to \
           this version. Deleted accounts are left out, disabled ones are not. 0 is a measurement. \
           Absent without Entra ID P2 and while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "risk_level", "risk_state"],
};

impl Source for RiskyUsers {
    const ID: &'static str = "risky_users";
    const WHAT: &'static str =
        "Accounts that Identity Protection found at risk, and what became of it";
    const ASK: Ask = Ask::graph("/v1.0/identityProtection/riskyUsers", Bucket::Policies);
    const PERMISSION: &'static str = "IdentityRiskyUser.Read.All";
    const LICENSE: Option<&'static str> = Some("Microsoft Entra ID P2");
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/riskyuser-list";
    const INTERVAL: Duration = Duration::from_secs(900);
    const METRICS: &'static [&'static Metric] = &[&RISKY];
    const AFTER: &'static [&'static str] = &["subscribed_skus"];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut source = Self::default();
        let tally = client.list::<Row>(&Self::ASK, |row| source.add(row)).await;
        let tally = tally.map_err(|error| known.for_want_of_p2(error))?;
        source.uncertain += tally.rejected;
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, samples: &mut Samples) {
        for level in RiskLevel::ALL {
            for state in RiskState::ALL {
                let count = self.counts.get(&(level, state)).copied().unwrap_or_default();
                let labels = [("risk_level", level.as_str()), ("risk_state", state.as_str())];
                samples.count(&RISKY, labels, count);
            }
        }
    }
}

#[cfg(test)]
impl RiskyUsers {
    /// With these and no others.
    pub(crate) fn with(at_risk: Vec<RiskyUser>, uncertain: u64) -> Self {
        Self { at_risk, uncertain, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn source() -> RiskyUsers {
        let rows: Vec<Row> = rows_of(include_bytes!("../../tests/samples/risky_users.json"));
        let mut source = RiskyUsers::default();
        rows.into_iter().for_each(|row| source.add(row));
        source
    }

    #[test]
    fn the_documented_page_is_read_and_who_is_deleted_is_left_out() {
        let source = source();
        let states: Vec<_> = source.at_risk.iter().map(|it| (it.level, it.state)).collect();
        assert_eq!(
            states,
            [
                (RiskLevel::High, RiskState::AtRisk),
                (RiskLevel::Low, RiskState::ConfirmedCompromised)
            ]
        );
        assert_eq!(source.uncertain, 1, "a state in a word of which we know nothing");
        assert!(source.at_risk[0].updated.is_some());
    }

    #[test]
    fn every_level_and_state_is_shown_and_zero_is_too() {
        let mut samples = Samples::of_tenant("t");
        source().observe(&mut samples);
        let page = samples.to_string();
        assert_eq!(page.lines().count(), 42);
        assert!(page.contains("risk_level=\"high\",risk_state=\"atRisk\"} 1\n"), "{page}");
        assert!(page.contains("risk_level=\"medium\",risk_state=\"remediated\"} 1\n"), "{page}");
        assert!(page.contains("risk_level=\"unknown\",risk_state=\"unknown\"} 1\n"), "{page}");
        assert!(page.contains("risk_level=\"low\",risk_state=\"atRisk\"} 0\n"), "{page}");
    }

    #[test]
    fn whoever_may_be_at_risk_besides_is_uncertain() {
        let mut source = RiskyUsers::default();
        source.add(
            serde_json::from_str(r#"{"id":"a","riskLevel":"high","riskState":null}"#).unwrap(),
        );
        assert_eq!((source.at_risk.len(), source.uncertain), (0, 1));
    }
}
