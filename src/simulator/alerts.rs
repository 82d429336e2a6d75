//! Alerts about fraud at customers: how they are raised, looked into and resolved.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::customers::Customer;
use super::person::{guid, random_id};

/// So many are kept; of more, those go first that were resolved longest ago.
const MOST: usize = 500;
/// A world that moves has no more than this many open.
const OPEN: usize = 30;
/// What counts in Microsoft's figures, and in a partner's.
pub(super) const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The kinds of alert there are in the documentation.
pub(super) const TYPES: [&str; 6] = [
    "networkConnectionsToCryptoMiningPools",
    "usageAnomalyDetection",
    "virtualMachineDeploymentAnomaly",
    "multiRegionVirtualMachineScaleSetDeploymentAnomaly",
    "multiRegionMachineLearningUsageAnomaly",
    "serviceHealthSecurityAdvisory",
];
const MINING: &str = TYPES[0];
const USAGE: &str = TYPES[1];
pub(super) const SEVERITIES: [&str; 4] = ["informational", "low", "medium", "high"];
pub(super) const FINDINGS: [&str; 3] = ["legitimate", "ignore", "fraud"];

/// One alert.
pub(super) struct Alert {
    entity: u128,
    /// The customer's tenant and subscription.
    pub(super) customer: u128,
    pub(super) subscription: u128,
    pub(super) customer_name: String,
    pub(super) alert_type: String,
    pub(super) severity: String,
    pub(super) is_test: bool,
    pub(super) detected: Timestamp,
    /// Each status after the first, and since when.
    pub(super) changes: Vec<(Status, Timestamp)>,
    /// What was found, in Microsoft's word.
    pub(super) finding: Option<String>,
    pub(super) oddity: Oddity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Investigating,
    Resolved,
}

impl Status {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Investigating => "investigating",
            Self::Resolved => "resolved",
        }
    }
}

/// What is out of the ordinary about how an alert is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    None,
    /// Active, with a finding and a time of resolution filled in.
    StrayFinding,
    /// The flag for tests is text.
    TextFlag,
    /// Resolved, and nothing is said of how it came to that.
    NoLog,
}

impl Alert {
    /// Graph's id, which for one kind of alerts is put together from two.
    pub(super) fn id(&self) -> String {
        if self.alert_type == USAGE {
            return format!("{}-{}", guid(self.subscription), guid(self.entity));
        }
        guid(self.entity)
    }

    /// Partner Center's id of the same.
    pub(super) fn event_id(&self) -> String {
        format!("{}_{}", guid(self.subscription), guid(self.entity))
    }

    pub(super) fn entity(&self) -> String {
        guid(self.entity)
    }

    pub(super) fn status(&self) -> Status {
        self.changes.last().map_or(Status::Active, |(status, _)| *status)
    }

    pub(super) fn is_open(&self) -> bool {
        self.status() != Status::Resolved
    }

    /// When somebody first answered.
    pub(super) fn answered(&self) -> Option<Timestamp> {
        self.changes.first().map(|(_, at)| *at)
    }

    pub(super) fn resolved(&self) -> Option<Timestamp> {
        self.changes.iter().find(|(status, _)| *status == Status::Resolved).map(|(_, at)| *at)
    }
}

/// All of them, the latest detected last.
pub(super) struct Alerts {
    all: VecDeque<Alert>,
    rng: fastrand::Rng,
    moves: u64,
}

/// Minutes until somebody answered, of the alerts that are history.
const ANSWERS: [i64; 8] = [12, 35, 95, 240, 700, 900, 1300, 1700];
/// Open alerts: kind, severity, minutes ago, minutes until it was answered.
const PLANTED: [(&str, &str, i64, Option<i64>); 13] = [
    (MINING, "high", 20, None),
    (USAGE, "medium", 180, None),
    (TYPES[2], "low", 540, None),
    (TYPES[5], "informational", 900, None),
    (TYPES[3], "high", 300, Some(40)),
    (TYPES[4], "medium", 1_560, Some(120)),
    (USAGE, "low", 3_000, Some(1_200)),
    (TYPES[5], "informational", 3_600, Some(1_800)),
    // The odd ones.
    (MINING, "high", 70, None),
    (USAGE, "medium", 210, None),
    ("confidentialComputeAnomaly", "low", 480, Some(60)),
    (USAGE, "unknownFutureValue", 600, Some(30)),
    (MINING, "high", 34 * 24 * 60, None),
];

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

impl Alerts {
    /// The alerts of these customers as they stand at `now`, from a seed of their own.
    pub(super) fn new(customers: &[Customer], seed: u64, now: Timestamp) -> Self {
        let rng = fastrand::Rng::with_seed(seed ^ 0xf4a0d);
        let mut alerts = Self { all: VecDeque::new(), rng, moves: 0 };
        if !customers.is_empty() {
            alerts.plant(customers, now);
        }
        alerts
    }

    fn plant(&mut self, customers: &[Customer], now: Timestamp) {
        // Twenty-four of the past 30 days, and ten from before.
        let ages = (0..24).map(|place| 30 + 28 * place);
        for (place, hours) in ages.chain((0..10).map(|place| 24 * (32 + 5 * place))).enumerate() {
            let detected = self.about(now, 60 * hours);
            let severity = SEVERITIES[place % 4];
            let alert = self.draw(customers, TYPES[place % 6], severity, detected);
            let answered = detected + minutes(ANSWERS[place % 8]);
            if place % 3 != 0 {
                alert.changes.push((Status::Investigating, answered));
            }
            let after = if place % 3 == 0 { 0 } else { 45 };
            alert.changes.push((Status::Resolved, answered + minutes(after)));
            alert.finding = Some(FINDINGS[place % 5 % 3].to_owned());
            if place == 3 {
                alert.oddity = Oddity::NoLog;
            }
        }
        for (place, (alert_type, severity, ago, answered)) in PLANTED.into_iter().enumerate() {
            let detected = self.about(now, ago);
            let alert = self.draw(customers, alert_type, severity, detected);
            let answered = answered.map(|after| (Status::Investigating, detected + minutes(after)));
            alert.changes.extend(answered);
            alert.oddity = match place {
                8 => Oddity::StrayFinding,
                9 => Oddity::TextFlag,
                _ => Oddity::None,
            };
        }
        for (place, ago) in [100, 400, 2_000, 5_000].into_iter().enumerate() {
            let detected = self.about(now, ago);
            let alert = self.draw(customers, USAGE, "high", detected);
            alert.is_test = true;
            let to = [None, Some(Status::Investigating), Some(Status::Resolved)][place.min(2)];
            alert.changes.extend(to.map(|status| (status, detected + minutes(5))));
            alert.finding = (to == Some(Status::Resolved)).then(|| "ignore".to_owned());
        }
        self.all.make_contiguous().sort_by_key(|alert| alert.detected);
    }

    /// So many minutes ago, and some milliseconds more.
    fn about(&mut self, now: Timestamp, ago: i64) -> Timestamp {
        now - minutes(ago) - SignedDuration::from_millis(self.rng.i64(0..20_000))
    }

    /// A new alert about one of the customers, or about the partner's own use without any.
    fn draw(
        &mut self,
        customers: &[Customer],
        alert_type: &str,
        severity: &str,
        detected: Timestamp,
    ) -> &mut Alert {
        let entity = random_id(&mut self.rng);
        let customer = self.rng.choice(customers);
        self.all.push_back(Alert {
            entity,
            customer: customer.map_or(entity, |customer| customer.id),
            subscription: customer.map_or(entity, |customer| customer.subscription),
            customer_name: customer.map(Customer::name).unwrap_or_default(),
            alert_type: alert_type.to_owned(),
            severity: severity.to_owned(),
            is_test: false,
            detected,
            changes: Vec::new(),
            finding: None,
            oddity: Oddity::None,
        });
        self.all.back_mut().expect("one was put there just now")
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Alert> {
        self.all.iter()
    }

    /// One is raised now.
    pub(super) fn raise(
        &mut self,
        customers: &[Customer],
        severity: &str,
        alert_type: &str,
        now: Timestamp,
    ) -> String {
        if self.all.len() >= MOST {
            let oldest = self.all.iter().position(|alert| !alert.is_open()).unwrap_or(0);
            self.all.remove(oldest);
        }
        self.draw(customers, alert_type, severity, now).id()
    }

    /// Somebody looks into an alert that nobody has answered. Whether there was such a one.
    pub(super) fn investigate(&mut self, id: &str, now: Timestamp) -> bool {
        let mut active = self.all.iter_mut().filter(|alert| alert.status() == Status::Active);
        let found = active.find(|alert| alert.id() == id);
        found.map(|alert| alert.changes.push((Status::Investigating, now))).is_some()
    }

    /// Somebody resolves an open alert. Whether there was such a one.
    pub(super) fn resolve(&mut self, id: &str, finding: &str, now: Timestamp) -> bool {
        let Some(alert) = self.all.iter_mut().find(|alert| alert.is_open() && alert.id() == id)
        else {
            return false;
        };
        alert.changes.push((Status::Resolved, now));
        alert.finding = Some(finding.to_owned());
        if alert.oddity == Oddity::StrayFinding {
            alert.oddity = Oddity::None;
        }
        true
    }

    /// One move: in fifteen, one alert is raised, one is looked into and one is resolved.
    pub(super) fn step(&mut self, customers: &[Customer], now: Timestamp) -> Option<String> {
        if customers.is_empty() {
            return None;
        }
        self.moves += 1;
        let open = self.all.iter().filter(|alert| alert.is_open()).count();
        match self.moves % 15 {
            4 if open < OPEN => {
                let (severity, kind) = (self.rng.usize(..4), self.rng.usize(..6));
                let id = self.raise(customers, SEVERITIES[severity], TYPES[kind], now);
                Some(format!("an alert was raised ({id})"))
            }
            9 => {
                let mut open = self.all.iter().filter(|alert| !alert.is_test);
                let id = open.rfind(|alert| alert.status() == Status::Active)?.id();
                self.investigate(&id, now);
                Some(format!("an alert is being looked into ({id})"))
            }
            14 => {
                let mut open = self.all.iter().filter(|alert| !alert.is_test);
                let id = open.rfind(|alert| alert.status() == Status::Investigating)?.id();
                let finding = FINDINGS[self.rng.usize(..3)];
                self.resolve(&id, finding, now);
                Some(format!("an alert was resolved as {finding} ({id})"))
            }
            _ => None,
        }
    }
}
