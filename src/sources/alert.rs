//! The shape of an alert about fraud, which two APIs spell differently and mean alike.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::{Map, Value};

use crate::client::FetchError;
use crate::wire::{self, AnyCase, ObjectId};

/// An alert Microsoft raised on the use of Azure in a customer's tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Microsoft's id. The two APIs are not said to share it.
    pub id: ObjectId,
    /// Microsoft's word for the kind, in camel case, such as `usageAnomalyDetection`.
    pub alert_type: Box<str>,
    /// What Microsoft calls it for people.
    pub display_name: Box<str>,
    /// How grave Microsoft takes it to be.
    pub severity: Severity,
    /// Where the answer stands. Whatever else is filled in, this decides.
    pub status: Status,
    /// Whether it was raised to try the way out, and counts nowhere.
    pub is_test: bool,
    /// When Microsoft noticed.
    pub detected: Timestamp,
    /// When somebody first answered: the first change away from `active`, else the resolution;
    /// `None` while it is active, and where Microsoft does not say.
    pub answered: Option<Timestamp>,
    /// What was found, once resolved.
    pub resolution: Option<Resolution>,
    /// The customer's tenant.
    pub customer: Option<ObjectId>,
    /// The customer's Azure subscription.
    pub subscription: Option<ObjectId>,
    /// The first of the resources concerned, as Azure names them; may be empty, and then the whole
    /// subscription is to be looked at.
    pub resources: Vec<Box<str>>,
}

impl Alert {
    /// What to call it: Microsoft's words for people, else its word for the kind. The older model
    /// has neither.
    pub fn name(&self) -> &str {
        let names = [&*self.display_name, &*self.alert_type];
        names.into_iter().find(|name| !name.is_empty()).unwrap_or("alert")
    }
}

/// How grave an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For information.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// In a word unknown to us.
    Unknown,
}

impl Severity {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 5] =
        [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Unknown];

    /// Of Microsoft's word, whatever its casing.
    pub fn of(word: &str) -> Self {
        let is_it = |it: &Self| it.as_str().eq_ignore_ascii_case(word.trim());
        Self::ALL.into_iter().find(is_it).unwrap_or(Self::Unknown)
    }

    /// The value of the label `severity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Unknown => "unknown",
        }
    }
}

/// Where the answer to an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nobody has answered.
    Active,
    /// Somebody looks into it.
    Investigating,
    /// Done.
    Resolved,
}

impl Status {
    /// Those that are open, in the order of the label's values.
    pub const OPEN: [Self; 2] = [Self::Active, Self::Investigating];

    /// Of Microsoft's word, whatever its casing. A word unknown to us is not taken for an answer.
    pub fn of(word: &str) -> Self {
        match word.trim() {
            word if word.eq_ignore_ascii_case("resolved") => Self::Resolved,
            word if word.eq_ignore_ascii_case("investigating") => Self::Investigating,
            _ => Self::Active,
        }
    }

    /// The value of the label `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Investigating => "investigating",
            Self::Resolved => "resolved",
        }
    }
}

/// What was found about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The use was the customer's own.
    Legitimate,
    /// Put aside.
    Ignore,
    /// It was fraud.
    Fraud,
    /// In a word unknown to us, or in none.
    Unknown,
}

impl Resolution {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 4] = [Self::Legitimate, Self::Ignore, Self::Fraud, Self::Unknown];

    /// Of Microsoft's word, whatever its casing.
    pub fn of(word: &str) -> Self {
        let is_it = |it: &Self| it.as_str().eq_ignore_ascii_case(word.trim());
        Self::ALL.into_iter().find(is_it).unwrap_or(Self::Unknown)
    }

    /// The value of the label `resolution`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Legitimate => "legitimate",
            Self::Ignore => "ignore",
            Self::Fraud => "fraud",
            Self::Unknown => "unknown",
        }
    }
}

/// An alert as a page shows it.
#[derive(Debug)]
pub(super) struct Seen {
    alert: Alert,
    /// When its status last changed, and when the misuse was last seen: by these an older copy is
    /// known. Misuse may go on after the answer, and says nothing about it.
    changed: (Option<Timestamp>, Option<Timestamp>),
}

/// Only an id and a time of detection cannot be done without. Whatever else cannot be read is
/// unknown, which never makes an alert look milder, older or answered.
impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let AnyCase(row) = AnyCase::<Map<String, Value>>::deserialize(deserializer)?;
        Self::read(&row).ok_or_else(|| D::Error::custom("an alert without an id or a time"))
    }
}

impl Seen {
    /// From a row with its keys in lower case. Of two names for one thing, the first is that of
    /// Graph and the second that of Partner Center.
    fn read(row: &Map<String, Value>) -> Option<Self> {
        let text = |names: &[&str]| member(row, names).and_then(Value::as_str).unwrap_or_default();
        let id = |names: &[&str]| ObjectId::parse(wire::cut(text(names), wire::NAME));
        let time = |names: &[&str]| member(row, names).and_then(moment);

        // `eventTime` is documented as the time of detection. The others are when the misuse
        // began, which is earlier: a clock that starts there rings too early and not too late.
        let began = || time(&["firstobserveddatetime", "firstobserved"]);
        let detected = time(&["detecteddatetime", "eventtime"])
            .or_else(began)
            .or_else(|| time(&["firstoccurrence"]))?;
        let status = Status::of(text(&["status", "eventstatus"]));
        let resolved = time(&["resolvedondatetime", "resolvedon"]);
        let changes = changes(row.get("activitylogs"));
        let last_change = changes.iter().flatten().map(|(at, _)| *at).max();
        let last_observed = time(&["lastobserveddatetime", "lastobserved"]);
        let changed = (resolved.max(last_change), last_observed);
        let is_resolved = status == Status::Resolved;
        let alert = Alert {
            id: id(&["id", "eventid"])?,
            alert_type: camel_case(text(&["alerttype", "eventtype"])),
            display_name: wire::cut(text(&["displayname"]), wire::NAME).into(),
            severity: Severity::of(text(&["severity"])),
            status,
            is_test: member(row, &["istest"]).is_some_and(is_true),
            detected,
            answered: answered(status, changes, resolved),
            resolution: is_resolved.then(|| Resolution::of(text(&["resolvedreason"]))),
            customer: id(&["customertenantid"]),
            subscription: id(&["subscriptionid"]),
            resources: resources(row.get("affectedresources")),
        };
        Some(Self { alert, changed })
    }
}

/// The first of these that is there.
fn member<'a>(row: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| row.get(*name))
}

fn moment(value: &Value) -> Option<Timestamp> {
    wire::moment(value.as_str()?).ok()?
}

/// A flag, which Microsoft's pages print as a string too. What is unclear is no test.
fn is_true(value: &Value) -> bool {
    let is_word = |word: &str| word.trim().eq_ignore_ascii_case("true");
    value.as_bool().or_else(|| value.as_str().map(is_word)).unwrap_or(false)
}

/// When the status changed and to what. `None` if not all of it can be read: then the first answer
/// may be among what cannot. Partner Center writes the list as JSON inside a string.
fn changes(logs: Option<&Value>) -> Option<Vec<(Timestamp, Status)>> {
    let inner;
    let logs = match logs {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(Value::String(text)) if text.trim().is_empty() => return Some(Vec::new()),
        Some(Value::String(text)) => {
            AnyCase(inner) = serde_json::from_str::<AnyCase<Value>>(text).ok()?;
            &inner
        }
        Some(list) => list,
    };
    let change = |log: &Value| {
        let log = log.as_object()?;
        let at = member(log, &["updateddatetime", "datetime"]).and_then(moment)?;
        Some((at, Status::of(log.get("statusto")?.as_str()?)))
    };
    logs.as_array()?.iter().map(change).collect()
}

/// When somebody first answered: the first change away from active; without one, the resolution.
fn answered(
    status: Status,
    changes: Option<Vec<(Timestamp, Status)>>,
    resolved: Option<Timestamp>,
) -> Option<Timestamp> {
    let away = |(at, to): (Timestamp, Status)| (to != Status::Active).then_some(at);
    let first = changes?.into_iter().filter_map(away).min();
    match status {
        Status::Active => None,
        Status::Investigating => first,
        Status::Resolved => first.or(resolved),
    }
}

/// Microsoft's word as Graph writes it; Partner Center begins it with a capital.
fn camel_case(word: &str) -> Box<str> {
    const CHARACTERS: usize = 64;
    let word = word.chars().filter(char::is_ascii_alphanumeric).take(CHARACTERS);
    let lower = |(place, c): (usize, char)| if place == 0 { c.to_ascii_lowercase() } else { c };
    word.enumerate().map(lower).collect::<String>().into()
}

fn resources(list: Option<&Value>) -> Vec<Box<str>> {
    const KEPT: usize = 5;
    // Azure's names are paths, and one that is cut leads nowhere.
    const CHARACTERS: usize = 1_024;
    let name = |resource: &Value| {
        let id = member(resource.as_object()?, &["resourceid", "azureresourceid"])?;
        Some(wire::cut(id.as_str()?, CHARACTERS)).filter(|name| !name.is_empty()).map(Box::from)
    };
    list.and_then(Value::as_array).into_iter().flatten().filter_map(name).take(KEPT).collect()
}

/// Alerts while pages are read: each once, and no more than can be kept.
#[derive(Debug, Default)]
pub(super) struct Collected {
    alerts: BTreeMap<ObjectId, Seen>,
    is_full: bool,
}

impl Collected {
    const KEPT: usize = 100_000;

    /// Takes an alert in and tells whether it is new. Alerts move while pages are read, so that one
    /// may stand on two; the copy that changed last is the truth, wherever it stands, since a page
    /// that is read later may come from a cache that is older.
    pub(super) fn add(&mut self, seen: Seen) -> bool {
        if let Some(known) = self.alerts.get_mut(&seen.alert.id) {
            // Of two that changed at the same time, the open one calms nobody.
            let is_open = |seen: &Seen| seen.alert.status != Status::Resolved;
            if (seen.changed, is_open(&seen)) > (known.changed, is_open(known)) {
                *known = seen;
            }
            return false;
        }
        self.is_full |= self.alerts.len() >= Self::KEPT;
        if !self.is_full {
            self.alerts.insert(seen.alert.id.clone(), seen);
        }
        true
    }

    /// All of them, by id.
    pub(super) fn alerts(self) -> Result<Vec<Alert>, FetchError> {
        if self.is_full {
            return Err(FetchError::Limit { bound: "alerts" });
        }
        Ok(self.alerts.into_values().map(|seen| seen.alert).collect())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::SignedDuration;

    use super::*;

    /// When alerts of tests are looked at.
    pub(crate) fn now() -> Timestamp {
        at("2026-11-24T12:00:00Z")
    }

    pub(crate) fn ago(hours: f64) -> Timestamp {
        now() - SignedDuration::from_secs_f64(hours * 3600.0)
    }

    /// An alert detected so many hours ago, answered so many hours later.
    pub(crate) fn alert(hours: f64, answered: Option<f64>) -> Alert {
        Alert {
            id: ObjectId::parse("a").unwrap(),
            alert_type: "usageAnomalyDetection".into(),
            display_name: "Unusual use".into(),
            severity: Severity::High,
            status: if answered.is_some() { Status::Resolved } else { Status::Active },
            is_test: false,
            detected: ago(hours),
            answered: answered.map(|after| ago(hours - after)),
            resolution: answered.map(|_| Resolution::Fraud),
            customer: None,
            subscription: None,
            resources: Vec::new(),
        }
    }

    fn read(body: &str) -> Alert {
        serde_json::from_str::<Seen>(body).unwrap().alert
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_answer_is_the_first_change_away_from_active_else_the_resolution() {
        let graph = |status: &str, rest: &str| {
            format!(
                r#"{{"id":"a","detectedDateTime":"2026-11-01T00:00:00Z","status":"{status}"{rest}}}"#
            )
        };
        let logs = r#","activityLogs":[
            {"statusFrom":"investigating","statusTo":"resolved","updatedDateTime":"2026-11-01T05:00:00Z"},
            {"statusFrom":"active","statusTo":"active","updatedDateTime":"2026-11-01T01:00:00Z"},
            {"statusFrom":"active","statusTo":"investigating","updatedDateTime":"2026-11-01T02:00:00Z"}]"#;
        let resolved = r#","resolvedOnDateTime":"2026-11-01T05:00:00Z""#;
        let never = r#","resolvedOn":"9999-12-31T23:59:59.9970000""#;
        let broken = r#","activityLogs":"[{\"statusTo\":","resolvedOn":"2026-11-01T05:00:00Z""#;
        let undated =
            r#","activityLogs":[{"statusTo":"resolved"}],"resolvedOn":"2026-11-01T05:00:00Z""#;
        let word = r#","activityLogs":[{"statusTo":"ofTomorrow","updatedDateTime":"2026-11-01T02:00:00Z"}]"#;
        let table = [
            ("resolved", logs, Some("2026-11-01T02:00:00Z")),
            ("investigating", logs, Some("2026-11-01T02:00:00Z")),
            ("active", logs, None),
            ("resolved", resolved, Some("2026-11-01T05:00:00Z")),
            ("investigating", resolved, None),
            ("active", resolved, None),
            ("resolved", never, None),
            ("resolved", broken, None),
            ("resolved", undated, None),
            ("investigating", word, None),
            ("resolved", "", None),
        ];
        for (status, rest, answered) in table {
            assert_eq!(read(&graph(status, rest)).answered, answered.map(at), "{status} {rest}");
        }
    }

    #[test]
    fn without_a_time_of_detection_the_clock_starts_when_the_misuse_began() {
        let table = [
            (r#""eventTime":"2026-11-02T00:00:00","firstObserved":"2026-11-01T00:00:00""#, 2),
            (r#""eventTime":"","firstObserved":"2026-11-01T00:00:00""#, 1),
            (r#""firstObserved":"9999-12-31T23:59:59.997","firstOccurrence":"2026-11-03""#, 3),
            (r#""eventTime":"soon","firstOccurrence":"2026-11-03T00:00:00""#, 3),
        ];
        for (times, day) in table {
            let alert = read(&format!(r#"{{"EventId":"a",{times}}}"#));
            assert_eq!(alert.detected, at(&format!("2026-11-0{day}T00:00:00Z")), "{times}");
        }
        for body in [r#"{"id":"a"}"#, r#"{"detectedDateTime":"2026-11-02"}"#, "null", "[]"] {
            assert!(serde_json::from_str::<Seen>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn what_cannot_be_read_makes_no_alert_milder() {
        let alert = read(
            r#"{"id":"a","detectedDateTime":"2026-11-02","severity":null,"status":7,"isTest":"perhaps",
            "displayName":null,"affectedResources":"none","customerTenantId":"","alertType":{}}"#,
        );
        assert_eq!((alert.severity, alert.status), (Severity::Unknown, Status::Active));
        assert!(!alert.is_test && alert.resources.is_empty() && alert.customer.is_none());
        assert_eq!((&*alert.alert_type, &*alert.display_name), ("", ""));
    }

    #[test]
    fn an_alert_has_a_name_whatever_microsoft_says() {
        for (names, name) in [
            (r#","displayName":"Unusual use","alertType":"usageAnomalyDetection""#, "Unusual use"),
            (r#","displayName":"","alertType":"UsageAnomalyDetection""#, "usageAnomalyDetection"),
            (r#","eventType":null"#, "alert"),
        ] {
            let body = format!(r#"{{"id":"a","detectedDateTime":"2026-11-01"{names}}}"#);
            assert_eq!(read(&body).name(), name);
        }
    }

    #[test]
    fn types_are_written_as_graph_writes_them_and_bounded() {
        assert_eq!(&*camel_case("UsageAnomalyDetection"), "usageAnomalyDetection");
        assert_eq!(&*camel_case("usage Anomaly\"}"), "usageAnomaly");
        assert_eq!(camel_case(&"A".repeat(500)).len(), 64);
    }

    #[test]
    fn of_two_copies_the_one_that_changed_last_holds_in_either_order() {
        let copy = |(status, observed, resolved): (&str, &str, &str)| {
            let body = format!(
                r#"{{"id":"a","detectedDateTime":"2026-11-01","status":"{status}",
                "lastObservedDateTime":"{observed}","resolvedOnDateTime":"{resolved}"}}"#
            );
            serde_json::from_str::<Seen>(&body).unwrap()
        };
        let active = ("active", "2026-11-03", "");
        for (older, newer) in [
            (("active", "2026-11-01", ""), ("resolved", "2026-11-02", "")),
            // It was seen once more after both.
            (active, ("resolved", "2026-11-03", "2026-11-02")),
            // Nothing tells which is older.
            (("resolved", "2026-11-03", ""), active),
        ] {
            for copies in [[older, newer], [newer, older]] {
                let mut collected = Collected::default();
                assert_eq!(copies.map(|seen| collected.add(copy(seen))), [true, false]);
                let holds = collected.alerts().unwrap()[0].status;
                assert_eq!(holds, Status::of(newer.0), "{copies:?}");
            }
        }
    }

    #[test]
    fn more_alerts_than_can_be_kept_are_said_and_not_dropped_silently() {
        let mut collected = Collected::default();
        for id in 0..=Collected::KEPT {
            let body = format!(r#"{{"id":"{id}","detectedDateTime":"2026-11-01"}}"#);
            collected.add(serde_json::from_str(&body).unwrap());
        }
        assert_eq!(collected.alerts().unwrap_err().reason(), "limit");
    }

    #[test]
    fn words_are_compared_regardless_of_case_and_unknown_ones_calm_nobody() {
        assert_eq!(Severity::of("High"), Severity::High);
        assert_eq!(Severity::of("critical"), Severity::Unknown);
        assert_eq!(Status::of("RESOLVED"), Status::Resolved);
        assert_eq!(Status::of("unknownFutureValue"), Status::Active);
        assert_eq!(Resolution::of("Fraud"), Resolution::Fraud);
        assert_eq!(Resolution::of("None"), Resolution::Unknown);
    }
}
