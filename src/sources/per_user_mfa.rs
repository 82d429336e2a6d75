//! Legacy per-user MFA: for whom it was switched on, person by person.
//!
//! Microsoft documents the state one account at a time. In bulk it comes as a property of the
//! accounts that no schema shows, so its absence is tolerated and told apart from "nobody".

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::ObjectId;

/// Who has it, of those Microsoft shows it for.
#[derive(Debug, Default)]
pub struct PerUserMfa {
    states: HashMap<ObjectId, MfaState, foldhash::fast::RandomState>,
    shown: bool,
    rejected: u64,
}

/// The state of one account, but for the usual one, which is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MfaState {
    /// Switched on; challenged, and asked to register.
    Enabled,
    /// Switched on, and registered.
    Enforced,
    /// In a word unknown to us.
    Unknown,
}

impl MfaState {
    const ALL: [Self; 2] = [Self::Enabled, Self::Enforced];

    /// Whether it challenges; `None` where that is not known.
    pub fn challenges(self) -> Option<bool> {
        (self != Self::Unknown).then_some(true)
    }

    /// The value of the label `mfa_state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Enforced => "enforced",
            Self::Unknown => "unknown",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: ObjectId,
    #[serde(default)]
    per_user_mfa_state: Option<Value>,
}

impl PerUserMfa {
    /// Of the accounts that have it; `shown` tells whether Microsoft shows it at all.
    pub fn new(rows: impl IntoIterator<Item = (ObjectId, MfaState)>, shown: bool) -> Self {
        Self { states: rows.into_iter().collect(), shown, rejected: 0 }
    }

    /// The account's state, if it has any.
    pub fn of(&self, id: &ObjectId) -> Option<MfaState> {
        self.states.get(id).copied()
    }

    /// Whether Microsoft shows the state at all.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// Whether somebody may have it whose row could not be read.
    pub fn has_gaps(&self) -> bool {
        self.rejected > 0
    }

    fn add(&mut self, row: Row) {
        let Some(value) = row.per_user_mfa_state.filter(|value| !value.is_null()) else { return };
        self.shown = true;
        let state = match value.as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
            "enabled" => MfaState::Enabled,
            "enforced" => MfaState::Enforced,
            "disabled" => return,
            _ => MfaState::Unknown,
        };
        self.states.insert(row.id, state);
    }
}

static STATES: Metric = Metric {
    name: "partnercenter_users_per_user_mfa",
    help: "Accounts, disabled ones included, with legacy per-user MFA by its state: enabled (asked \
           to register), enforced. Absent where Microsoft does not show it.",
    kind: Kind::Gauge,
    labels: &["tenant", "mfa_state"],
};

impl Source for PerUserMfa {
    const ID: &'static str = "per_user_mfa";
    const WHAT: &'static str = "Legacy per-user MFA; tolerated where Microsoft does not show it";
    const ASK: Ask =
        Ask::graph("/beta/users?$select=id,perUserMfaState&$top=999", Bucket::Directory);
    const PERMISSION: &'static str = "Policy.Read.All and User.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/authentication-get";
    const INTERVAL: Duration = Duration::from_secs(3600);
    const METRICS: &'static [&'static Metric] = &[&STATES];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        let was_shown = known.per_user_mfa.rows().is_ok_and(Self::is_shown);
        let mut source = Self::default();
        match client.list::<Row>(&Self::ASK, |row| source.add(row)).await {
            Ok(tally) => {
                source.rejected = tally.rejected;
                Ok(Rows::listed(source, tally))
            }
            // The property is in no schema: a service that does not know it says 400, 404 or 501,
            // but not once it has shown it.
            Err(error) if error.is_not_offered() && !was_shown => {
                Ok(Rows { source: Self::default(), accepted: 0, rejected: 0 })
            }
            Err(error) => Err(error),
        }
    }

    fn observe(&self, samples: &mut Samples) {
        for state in MfaState::ALL.into_iter().filter(|_| self.shown) {
            let having = |of_one: &&MfaState| **of_one == state;
            let count = self.states.values().filter(having).count();
            samples.count(&STATES, [("mfa_state", state.as_str())], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> PerUserMfa {
        let mut source = PerUserMfa::default();
        serde_json::from_str::<Vec<Row>>(body).unwrap().into_iter().for_each(|row| source.add(row));
        source
    }

    #[test]
    fn who_has_it_is_kept_and_who_has_not_is_not() {
        let source = read(
            r#"[{"id":"a","perUserMfaState":"enforced"},{"id":"b","perUserMfaState":"Enabled"},
                {"id":"c","perUserMfaState":"disabled"},{"id":"d","perUserMfaState":"soon"}]"#,
        );
        let of = |id| source.of(&ObjectId::parse(id).unwrap());
        assert_eq!(of("a"), Some(MfaState::Enforced));
        assert_eq!(of("b"), Some(MfaState::Enabled));
        assert_eq!((of("c"), of("d")), (None, Some(MfaState::Unknown)));
        assert!(source.is_shown());
    }

    #[test]
    fn a_property_that_is_never_there_is_not_shown_rather_than_zero() {
        let source = read(r#"[{"id":"a"},{"id":"b","perUserMfaState":null}]"#);
        assert!(!source.is_shown());
        let mut samples = Samples::of_tenant("t");
        source.observe(&mut samples);
        assert_eq!(samples.to_string(), "");
    }
}
