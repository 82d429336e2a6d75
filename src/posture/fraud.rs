//! The fraud clock: which alerts are open, how fast they are answered, and when the average answer
//! will take longer than Microsoft puts up with.
//!
//! Two sources list the same alerts. The newer counts where it is known and has not failed for
//! minutes while the older was read, else the older; their counts are never added. Microsoft's rule:
//! the answers to the alerts of the past 30 days may take 24 hours on average. An alert is answered
//! when its status first leaves `active`; until then its age so far counts. Whoever answered at a
//! time that is not known counts in no average.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::Posture;
use crate::metrics::{Kind, Metric, Samples};
use crate::sources::alert::{Alert, Resolution, Severity, Status};
use crate::sources::{Facts, Unread};

/// How long answers may take on average, in seconds.
/// Source: CSP authorization, requirement "respond to security alerts".
pub const LIMIT_SECONDS: f64 = 24.0 * 3600.0;

/// Of which alerts the average is taken: those detected so long ago at most, in seconds.
const WINDOW_SECONDS: f64 = 30.0 * 86_400.0;

/// Kinds of alert that Microsoft documents, sampled at zero too.
const KINDS: [&str; 6] = [
    "multiRegionMachineLearningUsageAnomaly",
    "multiRegionVirtualMachineScaleSetDeploymentAnomaly",
    "networkConnectionsToCryptoMiningPools",
    "serviceHealthSecurityAdvisory",
    "usageAnomalyDetection",
    "virtualMachineDeploymentAnomaly",
];

/// Kinds told apart at most; all others are `other`.
const KINDS_KEPT: usize = 50;

/// The newer list is read every minute. Once it is this much older than the other it has failed for a
/// while, and an alert may stand in the other that does not stand in it.
const OUTDATED: SignedDuration = SignedDuration::from_mins(5);

/// Which source the figures rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Graph's partner security API.
    SecurityAlerts,
    /// Partner Center's older list.
    FraudEvents,
}

impl Evidence {
    /// The id of the source.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecurityAlerts => "security_alerts",
            Self::FraudEvents => "fraud_events",
        }
    }
}

/// What is known of alerts about fraud.
#[derive(Debug)]
pub struct Fraud<'a> {
    /// The alerts that count: test alerts are apart.
    pub alerts: Vec<&'a Alert>,
    /// Test alerts nobody has resolved.
    pub tests: usize,
    /// Rows that could not be read: while there are any, more may be open.
    pub rejected: u64,
    /// Where all this comes from.
    pub evidence: Evidence,
    /// When it was read.
    pub at: Option<Timestamp>,
    now: Timestamp,
}

/// How long an answer took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// So many seconds.
    After(f64),
    /// None yet, after so many seconds.
    Waiting(f64),
    /// It was given, but when is not known.
    Untimed,
}

impl<'a> Fraud<'a> {
    /// Of what was read.
    pub fn of(facts: &'a Facts) -> Result<Self, Unread> {
        let newer = facts.security_alerts.rows();
        let (newer_at, older_at) = (facts.security_alerts.at(), facts.fraud_events.at());
        let is_outdated = match (newer_at, older_at) {
            (Some(newer), Some(older)) => older.duration_since(newer) > OUTDATED,
            _ => true,
        };
        let older = facts.fraud_events.rows().ok().filter(|_| newer.is_err() || is_outdated);
        let older = older.and_then(|it| Some((it.alerts.as_deref()?, it.rejected)));
        let (listed, rejected, evidence, at) = match (newer, older) {
            (_, Some((listed, rejected))) => (listed, rejected, Evidence::FraudEvents, older_at),
            (Ok(newer), None) => {
                (&newer.alerts[..], newer.rejected, Evidence::SecurityAlerts, newer_at)
            }
            // Where the newer list is not asked for, the older is all there is.
            (Err(Unread::NotConfigured), None) => {
                return Err(facts.fraud_events.rows().err().unwrap_or(Unread::NotObservable));
            }
            (Err(why), None) => return Err(why),
        };
        let is_open_test = |alert: &&Alert| alert.is_test && alert.status != Status::Resolved;
        Ok(Self {
            alerts: listed.iter().filter(|alert| !alert.is_test).collect(),
            tests: listed.iter().filter(is_open_test).count(),
            rejected,
            evidence,
            at,
            now: facts.now,
        })
    }

    /// Those nobody has resolved.
    pub fn open(&self) -> impl Iterator<Item = &'a Alert> {
        self.alerts.iter().copied().filter(|alert| alert.status != Status::Resolved)
    }

    /// The alerts Microsoft takes the average of, each with how long its answer took.
    pub fn recent(&self) -> impl Iterator<Item = (&'a Alert, Answer)> {
        let recent =
            self.alerts.iter().filter(|it| seconds(it.detected, self.now) < WINDOW_SECONDS);
        recent.map(|alert| (*alert, answer(alert, self.now)))
    }

    /// How long answers take on average, in seconds; `None` without an alert to take it of.
    pub fn average(&self) -> Option<f64> {
        mean(self.recent().filter_map(|(_, answer)| match answer {
            Answer::After(seconds) | Answer::Waiting(seconds) => Some(seconds),
            Answer::Untimed => None,
        }))
    }

    /// The same if whoever answered at an unknown time answered at once: it is no less than that.
    pub fn average_at_least(&self) -> Option<f64> {
        mean(self.recent().map(|(_, answer)| match answer {
            Answer::After(seconds) | Answer::Waiting(seconds) => seconds,
            Answer::Untimed => 0.0,
        }))
    }

    /// The same if whoever answered at an unknown time answered just now: it is no more than that.
    pub fn average_at_most(&self) -> Option<f64> {
        mean(self.recent().map(|(alert, answer)| match answer {
            Answer::After(seconds) | Answer::Waiting(seconds) => seconds,
            Answer::Untimed => seconds(alert.detected, self.now).max(0.0),
        }))
    }

    /// When the average passes the limit if nothing more is answered, although alerts grow too old
    /// to count meanwhile. `None` if nothing waits for an answer, if it never does, or if it has.
    pub fn passes_limit(&self) -> Option<Timestamp> {
        // Seconds from now: when each alert was detected, and how long its answer took.
        let mut timed: Vec<(f64, Option<f64>)> = self
            .recent()
            .filter_map(|(alert, answer)| match answer {
                Answer::After(took) => Some((-seconds(alert.detected, self.now), Some(took))),
                Answer::Waiting(waits) => Some((-waits, None)),
                Answer::Untimed => None,
            })
            .collect();
        timed.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut sums = Sums::default();
        timed.iter().for_each(|it| sums.add(*it, 1.0));
        if sums.waiting == 0.0 || sums.average(0.0)? > LIMIT_SECONDS {
            return None;
        }
        let mut from = 0.0;
        for oldest in timed {
            let until = oldest.0 + WINDOW_SECONDS;
            if let Some(moment) = sums.passes(from, until) {
                let moment = SignedDuration::try_from_secs_f64(moment).ok()?;
                return self.now.checked_add(moment).ok();
            }
            sums.add(oldest, -1.0);
            from = until;
        }
        None
    }
}

/// Sums over the alerts that count at a moment, of which the average is made.
#[derive(Default)]
struct Sums {
    count: f64,
    waiting: f64,
    /// Seconds the answers took that were given.
    took: f64,
    /// Moments at which those were detected that wait, in seconds from now.
    detected: f64,
}

impl Sums {
    /// Counts an alert in, or out with `sign` −1.
    fn add(&mut self, (detected, took): (f64, Option<f64>), sign: f64) {
        self.count += sign;
        match took {
            Some(took) => self.took += sign * took,
            None => {
                self.waiting += sign;
                self.detected += sign * detected;
            }
        }
    }

    /// The average at `moment`; `None` of nothing.
    fn average(&self, moment: f64) -> Option<f64> {
        let total = self.took + self.waiting * moment - self.detected;
        (self.count > 0.0).then(|| total / self.count)
    }

    /// The first moment in `from..until` at which the average is over the limit: between two
    /// departures it grows in a straight line.
    fn passes(&self, from: f64, until: f64) -> Option<f64> {
        if until <= from {
            return None;
        }
        let left = LIMIT_SECONDS - self.average(from)?;
        let moment = match left {
            ..0.0 => from,
            _ if self.waiting > 0.0 => from + left * self.count / self.waiting,
            _ => return None,
        };
        (moment < until).then_some(moment)
    }
}

/// Seconds from one moment to another; negative if the other lies before.
fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// How long the answer took, and nothing less than no time where clocks disagree.
fn answer(alert: &Alert, now: Timestamp) -> Answer {
    match (alert.answered, alert.status) {
        (Some(answered), _) => Answer::After(seconds(alert.detected, answered).max(0.0)),
        (None, Status::Active) => Answer::Waiting(seconds(alert.detected, now).max(0.0)),
        (None, Status::Investigating | Status::Resolved) => Answer::Untimed,
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), it| (sum + it, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

static OPEN: Metric = Metric {
    name: "partnercenter_security_alerts_open",
    help: "Alerts about fraud in customers' Azure that nobody has resolved, test alerts left out. \
           Active means that nobody has answered. 0 means none, of those whose rows can be read; \
           absent while no list of alerts can be read. A kind of alert unknown to Microsoft's documentation is `other` beyond the 50th.",
    kind: Kind::Gauge,
    labels: &["tenant", "alert_type", "severity", "status"],
};

static OLDEST_OPEN: Metric = Metric {
    name: "partnercenter_security_alert_oldest_open_timestamp_seconds",
    help: "When Microsoft detected the oldest alert that nobody has resolved. Absent while there is \
           none, and while no list of alerts can be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "severity"],
};

static OLDEST_UNANSWERED: Metric = Metric {
    name: "partnercenter_security_alert_oldest_unanswered_timestamp_seconds",
    help: "When Microsoft detected the oldest alert that nobody has answered: its status is still \
           active. Absent while there is none, and while no list of alerts can be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "severity"],
};

static TESTS: Metric = Metric {
    name: "partnercenter_security_alerts_test",
    help: "Test alerts that nobody has resolved. They count nowhere else. Absent while no list of \
           alerts can be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static RESOLVED: Metric = Metric {
    name: "partnercenter_security_alerts_resolved",
    help: "Alerts detected in the past 30 days and resolved, by what was found: legitimate, ignore, \
           fraud, unknown. Recomputed at each reading. Absent while no list of alerts can be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "resolution"],
};

static ANSWERED: Metric = Metric {
    name: "partnercenter_security_alerts_answered",
    help: "Alerts detected in the past 30 days and answered, by how long the answer took, disjoint: \
           lt1h, 1to12h, 12to24h, gt24h; 24 hours themselves are within the limit. Those answered \
           at an unknown time are left out. Absent while no list of alerts can be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "within"],
};

static EVIDENCE: Metric = Metric {
    name: "partnercenter_security_alerts_evidence",
    help: "1 for the source that all figures about alerts rest on, 0 for the others; none while no \
           list of alerts can be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "evidence"],
};

static ESTIMATED: Metric = Metric {
    name: "partnercenter_security_alert_response_estimated_seconds",
    help: "How long answers to the alerts of the past 30 days took on average, as we compute it: \
           from detection until the status left active, the unanswered with their age so far. Those \
           answered at an unknown time are left out. Microsoft allows 86400. Absent without an alert \
           to take it of, and while no list can be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static RESPONSE: Metric = Metric {
    name: "partnercenter_security_alert_response_seconds",
    help: "How long answers to the alerts of the past 30 days took on average in Microsoft's own \
           eyes, by which it judges: 86400 is allowed. Absent while Microsoft does not say.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static PASSES_LIMIT: Metric = Metric {
    name: "partnercenter_security_alert_response_limit_timestamp_seconds",
    help: "When our average will pass 24 hours if nothing more is answered. Absent while nothing \
           waits for an answer, if it never will, once it has, and while no list can be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 10] = [
    &OPEN,
    &OLDEST_OPEN,
    &OLDEST_UNANSWERED,
    &TESTS,
    &RESOLVED,
    &ANSWERED,
    &EVIDENCE,
    &RESPONSE,
    &ESTIMATED,
    &PASSES_LIMIT,
];

/// Bands of answers, in the order of the label's values.
const BANDS: [&str; 4] = ["lt1h", "1to12h", "12to24h", "gt24h"];

fn band(seconds: f64) -> &'static str {
    match seconds / 3_600.0 {
        ..1.0 => BANDS[0],
        ..=12.0 => BANDS[1],
        ..=24.0 => BANDS[2],
        _ => BANDS[3],
    }
}

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    let fraud = posture.fraud.as_ref();
    let evidence = fraud.map_or("none", |fraud| fraud.evidence.as_str());
    for each in ["security_alerts", "fraud_events", "none"] {
        samples.flag(&EVIDENCE, [("evidence", each)], each == evidence);
    }
    let theirs = posture.facts.security_requirements.rows().ok();
    let theirs = theirs.and_then(|all| all.of("securityAlertsPromptlyResolved"));
    if let Some(hours) = theirs.and_then(|it| it.average_response_hours) {
        samples.push(&RESPONSE, [], hours * 3600.0);
    }
    let Ok(fraud) = fraud else { return };
    open(fraud, samples);
    samples.count(&TESTS, [], fraud.tests);
    for resolution in Resolution::ALL {
        let is_so = |alert: &Alert| {
            let found = alert.resolution.unwrap_or(Resolution::Unknown);
            alert.status == Status::Resolved && found == resolution
        };
        let count = fraud.recent().filter(|(alert, _)| is_so(alert)).count();
        samples.count(&RESOLVED, [("resolution", resolution.as_str())], count);
    }
    for within in BANDS {
        let is_within = |answer: &Answer| match answer {
            Answer::After(took) => band(*took) == within,
            Answer::Waiting(_) | Answer::Untimed => false,
        };
        let count = fraud.recent().filter(|(_, answer)| is_within(answer)).count();
        samples.count(&ANSWERED, [("within", within)], count);
    }
    if let Some(average) = fraud.average() {
        samples.push(&ESTIMATED, [], average);
    }
    if let Some(moment) = fraud.passes_limit() {
        samples.push(&PASSES_LIMIT, [], moment.as_millisecond() as f64 / 1000.0);
    }
}

fn open(fraud: &Fraud<'_>, samples: &mut Samples) {
    let kinds = kinds(&fraud.alerts);
    let mut counts = BTreeMap::new();
    for alert in fraud.open() {
        let kind = kinds.get(&*alert.alert_type).copied().unwrap_or("other");
        *counts.entry((kind, alert.severity, alert.status.as_str())).or_insert(0) += 1;
    }
    for kind in kinds.into_iter().chain(["other"]) {
        for severity in Severity::ALL {
            for status in Status::OPEN {
                let (severity, status) = (severity, status.as_str());
                let count = counts.get(&(kind, severity, status)).copied().unwrap_or(0);
                let labels =
                    [("alert_type", kind), ("severity", severity.as_str()), ("status", status)];
                samples.count(&OPEN, labels, count);
            }
        }
    }
    for severity in Severity::ALL {
        let of_it = || fraud.open().filter(|alert| alert.severity == severity);
        let unanswered = of_it().filter(|alert| alert.status == Status::Active);
        let oldest = [
            (&OLDEST_OPEN, of_it().map(|alert| alert.detected).min()),
            (&OLDEST_UNANSWERED, unanswered.map(|alert| alert.detected).min()),
        ];
        for (metric, moment) in oldest {
            if let Some(moment) = moment {
                let seconds = moment.as_millisecond() as f64 / 1000.0;
                samples.push(metric, [("severity", severity.as_str())], seconds);
            }
        }
    }
}

/// The kinds that are told apart: those that are documented, and others while there is room.
fn kinds<'a>(alerts: &[&'a Alert]) -> BTreeSet<&'a str> {
    let is_word = |kind: &&str| {
        kind.len() <= 80
            && kind.starts_with(|c: char| c.is_ascii_lowercase())
            && kind.chars().all(|c| c.is_ascii_alphanumeric())
    };
    let seen: BTreeSet<&str> = alerts.iter().map(|alert| &*alert.alert_type).collect();
    let mut kinds: BTreeSet<&str> = KINDS.into_iter().collect();
    for kind in seen.into_iter().filter(is_word) {
        if kinds.len() < KINDS_KEPT && kind != "other" {
            kinds.insert(kind);
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sources::alert::tests::{ago, alert, now};
    use crate::sources::{Fact, FraudEvents, SecurityAlerts};

    const HOUR: f64 = 3600.0;

    fn facts(alerts: Vec<Alert>) -> Facts {
        let security_alerts = Fact::known(SecurityAlerts { alerts, rejected: 0 }, now());
        Facts { security_alerts, ..Facts::unread(now()) }
    }

    fn average(alerts: Vec<Alert>) -> Option<f64> {
        Fraud::of(&facts(alerts)).unwrap().average().map(|seconds| seconds / HOUR)
    }

    /// Hours from now until the average passes the limit.
    fn passes(alerts: Vec<Alert>) -> Option<f64> {
        let facts = facts(alerts);
        let moment = Fraud::of(&facts).unwrap().passes_limit()?;
        Some(seconds(now(), moment) / HOUR)
    }

    fn shown(facts: &Facts) -> String {
        let declared = super::super::Declarations::default();
        let mut samples = Samples::of_tenant("t");
        observe(&Posture::of(facts, &declared), &mut samples);
        samples.to_string()
    }

    #[test]
    fn the_unanswered_count_with_their_age_and_the_old_not_at_all() {
        assert_eq!(average(vec![]), None);
        assert_eq!(average(vec![alert(100.0, Some(2.0)), alert(4.0, None)]), Some(3.0));
        assert_eq!(average(vec![alert(720.0, Some(50.0)), alert(10.0, Some(1.0))]), Some(1.0));
        let ahead = alert(-1.0, None);
        assert_eq!(
            average(vec![ahead]),
            Some(0.0),
            "a clock that disagrees makes no negative wait"
        );
    }

    #[test]
    fn an_answer_at_an_unknown_time_counts_in_no_average_but_bounds_it() {
        let untimed = Alert { status: Status::Investigating, ..alert(60.0, None) };
        let facts = facts(vec![untimed, alert(30.0, Some(2.0))]);
        let fraud = Fraud::of(&facts).unwrap();
        assert_eq!(fraud.average(), Some(2.0 * HOUR));
        assert_eq!(fraud.average_at_most(), Some(31.0 * HOUR));
        assert_eq!(fraud.average_at_least(), Some(HOUR));
    }

    #[test]
    fn an_answer_at_an_unknown_time_may_bring_the_limit_nearer() {
        let young = alert(2.0, None);
        let answered = Alert { status: Status::Investigating, ..young.clone() };
        let old = alert(20.0, None);
        assert_eq!(passes(vec![old.clone(), young]), Some(13.0), "22 hours, and 26 to go together");
        assert_eq!(passes(vec![old, answered]), Some(4.0), "the old one alone");
    }

    #[test]
    fn one_alert_alone_passes_the_limit_a_day_after_it_was_detected() {
        assert_eq!(passes(vec![alert(4.0, None)]), Some(20.0));
        assert_eq!(passes(vec![alert(25.0, None)]), None, "it has passed already");
        assert_eq!(passes(vec![alert(4.0, Some(1.0))]), None, "nothing waits");
        // Nine were answered at once, so that the tenth may take ten days.
        let mut alerts = vec![alert(24.0, None)];
        alerts.extend((0..9).map(|_| alert(48.0, Some(0.0))));
        assert_eq!(passes(alerts), Some(240.0 - 24.0));
        // 39 make it 40 days, longer than any alert counts; before that the others grow too old.
        let mut alerts = vec![alert(0.0, None)];
        alerts.extend((0..39).map(|_| alert(700.0, Some(0.0))));
        assert_eq!(passes(alerts), Some(24.0), "after 20 hours it is alone");
    }

    #[test]
    fn the_newer_source_counts_where_it_is_known_and_they_are_never_added() {
        let older = FraudEvents { alerts: Some(vec![alert(1.0, None); 3]), rejected: 1 };
        let older = Fact::known(older, now());
        let both = Facts { fraud_events: older.clone(), ..facts(vec![alert(1.0, None)]) };
        assert_eq!(Fraud::of(&both).unwrap().open().count(), 1);
        let failed = Fact::Unread(Unread::Stale);
        let one = Facts { security_alerts: failed.clone(), ..both };
        let fraud = Fraud::of(&one).unwrap();
        assert_eq!((fraud.open().count(), fraud.rejected), (3, 1));
        assert_eq!(fraud.evidence, Evidence::FraudEvents);
        // What is held of the newer source while it fails gives way to what was read since.
        let held = |minutes| {
            let alerts = vec![alert(1.0, None)];
            let at = now() - SignedDuration::from_mins(minutes);
            let security_alerts = Fact::known(SecurityAlerts { alerts, rejected: 0 }, at);
            let facts =
                Facts { security_alerts, fraud_events: one.fraud_events.clone(), ..facts(vec![]) };
            Fraud::of(&facts).unwrap().open().count()
        };
        assert_eq!((held(5), held(6)), (1, 3));
        let gone = Fact::known(FraudEvents { alerts: None, rejected: 0 }, now());
        let neither = Facts { security_alerts: failed, fraud_events: gone, ..Facts::unread(now()) };
        assert_eq!(Fraud::of(&neither).err(), Some(Unread::Stale));
        let older_alone = Facts {
            security_alerts: Fact::Unread(Unread::NotConfigured),
            fraud_events: Fact::Unread(Unread::Credential),
            ..Facts::unread(now())
        };
        assert_eq!(Fraud::of(&older_alone).err(), Some(Unread::Credential));
        let shown = shown(&neither);
        assert!(shown.contains("evidence=\"none\"} 1\n"), "{shown}");
        assert!(!shown.contains("_open"), "{shown}");
    }

    #[test]
    fn open_alerts_are_shown_by_kind_and_none_is_lost_to_an_unknown_word() {
        let odd = Alert { alert_type: "brandNewKind".into(), ..alert(2.0, None) };
        let illegal = Alert { alert_type: "No word at all".into(), ..alert(3.0, None) };
        let test = Alert { is_test: true, ..alert(1.0, None) };
        let old = Alert { severity: Severity::Low, ..alert(2_000.0, None) };
        let shown = shown(&facts(vec![odd, illegal, test, old, alert(5.0, Some(24.0))]));
        let open = |kind: &str, severity: &str, count: usize| {
            let line = format!(
                "alerts_open{{tenant=\"t\",alert_type=\"{kind}\",severity=\"{severity}\",status=\"active\"}} {count}\n"
            );
            assert!(shown.contains(&line), "{line}{shown}");
        };
        open("brandNewKind", "high", 1);
        open("other", "high", 1);
        open("usageAnomalyDetection", "low", 1);
        open("networkConnectionsToCryptoMiningPools", "high", 0);
        assert!(shown.contains("alerts_test{tenant=\"t\"} 1\n"), "{shown}");
        assert!(shown.contains("within=\"12to24h\"} 1\n"), "the limit itself is within: {shown}");
        assert!(shown.contains("within=\"gt24h\"} 0\n"), "{shown}");
        assert!(shown.contains("resolution=\"fraud\"} 1\n"), "{shown}");
        let oldest = ago(2_000.0).as_second();
        assert!(shown.contains(&format!("severity=\"low\"}} {oldest}\n")), "{shown}");
    }

    /// Mostly answered in time, and a few that wait and have not waited for long.
    fn some_alerts() -> impl Strategy<Value = Vec<Alert>> {
        let answered = (0_u32..45_000, 0_u32..2_400, 0_u8..12).prop_map(|(minutes, took, odd)| {
            let hours = f64::from(minutes) / 60.0;
            let took = (f64::from(took) / 60.0).min(hours);
            Alert { is_test: odd == 0, ..alert(hours, Some(took)) }
        });
        let waiting = (0_u32..3_000).prop_map(|minutes| alert(f64::from(minutes) / 60.0, None));
        let answered = prop::collection::vec(answered, 0..24);
        (answered, prop::collection::vec(waiting, 0..3))
            .prop_map(|(answered, waiting)| answered.into_iter().chain(waiting).collect())
    }

    proptest! {
        /// The forecast is what looking now and then finds.
        #[test]
        fn the_forecast_is_what_waiting_would_show(alerts in some_alerts()) {
            let waits = alerts.iter().any(|it| !it.is_test && it.status == Status::Active
                && seconds(it.detected, now()) < WINDOW_SECONDS);
            let is_over = |minutes: f64| {
                let later = now() + SignedDuration::from_secs_f64(minutes * 60.0);
                let facts = Facts { now: later, ..facts(alerts.clone()) };
                Fraud::of(&facts).unwrap().average().is_some_and(|it| it > LIMIT_SECONDS)
            };
            let found = passes(alerts.clone()).map(|hours| hours * 60.0);
            if !waits || is_over(0.0) {
                prop_assert_eq!(found, None);
                return Ok(());
            }
            if let Some(found) = found {
                prop_assert!(is_over(found + 0.01), "not over the limit after {found}");
            }
            let mut looks = (0..4_500).map(|step| f64::from(step) * 10.0);
            let seen = looks.find(|minutes| is_over(*minutes));
            if let Some(seen) = seen {
                prop_assert!(found.is_some_and(|found| found <= seen + 0.01), "{found:?}, seen at {seen}");
            }
        }

        /// An answer makes every later average smaller or leaves it, for until the alert is too old
        /// to count it goes on with the age it had. One at an unknown time takes the alert out of
        /// the average, which may bring the limit nearer: see above.
        #[test]
        fn an_answer_now_never_brings_the_limit_nearer(alerts in some_alerts(), chosen in 0_usize..3) {
            let is_waiting = |(_, it): &(usize, &Alert)| it.status == Status::Active && !it.is_test;
            let waiting: Vec<_> = alerts.iter().enumerate().filter(is_waiting).collect();
            let Some(place) = waiting.get(chosen).map(|(place, _)| *place) else { return Ok(()) };
            let mut answered = alerts.clone();
            answered[place].status = Status::Investigating;
            answered[place].answered = Some(now());
            prop_assert!(average(answered.clone()).zip(average(alerts.clone()))
                .is_none_or(|(after, before)| (after - before).abs() < 1e-6), "it stops at its age");
            let is_over = average(alerts.clone()).is_some_and(|hours| hours > 24.0);
            match (passes(alerts), passes(answered)) {
                (Some(before), Some(after)) => prop_assert!(after >= before - 1e-6),
                (None, Some(after)) => prop_assert!(is_over, "now it passes after {after} hours"),
                (_, None) => {}
            }
        }

        /// Neither order nor tests change anything.
        #[test]
        fn order_and_tests_change_nothing(alerts in some_alerts(), test in 0.0..700.0) {
            let mut turned: Vec<_> = alerts.iter().rev().cloned().collect();
            turned.push(Alert { is_test: true, ..alert(test, None) });
            let close = |one: Option<f64>, other: Option<f64>| match (one, other) {
                (Some(one), Some(other)) => (one - other).abs() < 1e-3,
                (one, other) => one == other,
            };
            prop_assert!(close(average(alerts.clone()), average(turned.clone())));
            prop_assert!(close(passes(alerts), passes(turned)));
        }
    }
}
