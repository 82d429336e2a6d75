//! What was done in Partner Center: its activity log, day by day over ninety days.

mod day;
mod operation;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use self::day::{Day, Row};
use super::source::{About, Rows, Source};
use super::{Facts, Schedule};
use crate::client::{self, Ask, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{AnyCase, ObjectId};

use operation::{Operation, Status};

/// The log as far as it was read, in counts of days; of records no more is kept than whom they are about.
#[derive(Debug, Clone, Default)]
pub struct AuditRecords {
    /// By the number of the day since 1970.
    days: BTreeMap<i64, Arc<Day>>,
    /// The day of the reading.
    today: i64,
    /// Whether only the newest days were looked at, so that the next reading need not wait.
    goes_on: bool,
}

/// Days that are looked at, today included. Who asks for earlier ones is refused.
/// Source: Get a record of Partner Center activity.
const DAYS: i64 = 90;

/// Days of the first reading of a process, so that readiness does not wait for ninety.
const FIRST_DAYS: usize = 7;

/// Seconds of a day.
const DAY: i64 = 24 * 3600;

impl AuditRecords {
    /// Days without a gap, back from today.
    fn known(&self) -> impl Iterator<Item = &Day> {
        let days = (self.today - DAYS + 1..=self.today).rev();
        days.map_while(|day| self.days.get(&day).map(|day| &**day))
    }

    /// Since when everything is known, in whole days; `None` while today is not.
    pub fn since(&self) -> Option<Timestamp> {
        let days = self.known().count() as i64;
        let first = (days > 0).then_some(self.today + 1 - days)?;
        Timestamp::from_second(first * DAY).ok()
    }

    /// Whether all of the ninety days was read.
    pub fn is_whole(&self) -> bool {
        self.known().count() as i64 == DAYS
    }

    /// Whether some records could not be read, any of which may have been of any kind.
    pub fn has_gaps(&self) -> bool {
        self.known().any(|day| day.rejected > 0)
    }

    /// All customers about whom anything was done, with success, each with the last time.
    pub fn changes(&self) -> BTreeMap<&ObjectId, Timestamp> {
        self.latest(|day| day.changes())
    }

    /// Customers to whom DAP was granted, each with the last time.
    pub fn granted(&self) -> BTreeMap<&ObjectId, Timestamp> {
        self.latest(|day| day.granted())
    }

    /// Customers whose DAP was ended, each with the last time.
    pub fn ended(&self) -> BTreeMap<&ObjectId, Timestamp> {
        self.latest(|day| day.ended())
    }

    fn latest<'a, I: Iterator<Item = (&'a ObjectId, Timestamp)>>(
        &'a self,
        of: impl Fn(&'a Day) -> I,
    ) -> BTreeMap<&'a ObjectId, Timestamp> {
        let mut latest = BTreeMap::new();
        for (customer, at) in self.known().flat_map(of) {
            let last = latest.entry(customer).or_insert(at);
            *last = at.max(*last);
        }
        latest
    }

    /// So many days up to `now`, with records of customers: what was done, with success, and when.
    #[cfg(test)]
    pub(crate) fn of_days(
        now: Timestamp,
        days: i64,
        records: impl IntoIterator<Item = (ObjectId, &'static str, Timestamp)>,
    ) -> Self {
        let today = now.as_second().div_euclid(DAY);
        let read = now.as_second();
        let day = |day: i64| (day, Day::new(day * DAY..(day + 1) * DAY, read));
        let mut known: BTreeMap<_, _> = (today + 1 - days..=today).map(day).collect();
        for (customer, operation, at) in records {
            let day = known.get_mut(&at.as_second().div_euclid(DAY)).expect("within these days");
            day.add(&Row::succeeded(&customer, operation, at));
        }
        let days = known.into_iter().map(|(day, it)| (day, Arc::new(it))).collect();
        Self { days, today, goes_on: false }
    }

    /// What is to be read: today, then what is missing or not yet settled, the newest first.
    fn due(&self, now: Timestamp) -> Vec<i64> {
        let today = now.as_second().div_euclid(DAY);
        let is_due = |day: &i64| self.days.get(day).is_none_or(|known| !known.is_settled());
        (today - DAYS + 1..=today).rev().filter(is_due).collect()
    }
}

static OPERATIONS: Metric = Metric {
    name: "partnercenter_audit_operations",
    help: "What Partner Center's activity log records, by operation in Microsoft's words and by how it \
           ended, over partnercenter_audit_window_seconds. Operations this version does not know are other, and \
           so is how they ended. A relationship that came and went between two scrapes counts here. \
           Absent while today's records cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "operation", "status"],
};

static WINDOW: Metric = Metric {
    name: "partnercenter_audit_window_seconds",
    help: "How far back the activity log is known without a gap, in whole days, today included: ninety \
           days once all of it was read. Absent while today's records cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for AuditRecords {
    const ID: &'static str = "audit_records";
    const WHAT: &'static str = "Partner Center's activity log of ninety days, day by day";
    const ASK: Ask =
        Ask::registered("/v1/auditrecords?startDate={day}&endDate={next day}&size=500");
    const PERMISSION: &'static str =
        "registration of the application in Partner Center (App management)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/partner-center/developer/get-a-record-of-partner-center-activity-by-user";
    const INTERVAL: Duration = Duration::from_secs(900);
    const HOLDS_AT_LEAST: Duration = Duration::from_secs(6 * 3600);
    /// Nothing it says is needed here, but whoever waits for somebody may be read again early.
    const AFTER: &'static [&'static str] = &["organization"];
    const METRICS: &'static [&'static Metric] = &[&OPERATIONS, &WINDOW];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        Self::fetch_on(client, known, Schedule::of(&About::of::<Self>()), None).await
    }

    async fn fetch_on(
        client: &Client,
        known: &Facts,
        _schedule: Schedule,
        last: Option<Arc<Self>>,
    ) -> Result<Rows<Self>, FetchError> {
        let now = known.now;
        let mut source = last.map_or_else(Self::default, Arc::unwrap_or_clone);
        source.today = now.as_second().div_euclid(DAY);
        // What is too old, and what a clock that ran ahead dreamt.
        let kept = source.today - DAYS + 1..=source.today;
        source.days.retain(|day, it| kept.contains(day) && it.was_read_by(now.as_second()));
        let mut rejected = 0;
        source.goes_on = source.days.is_empty();
        let most = if source.goes_on { FIRST_DAYS } else { source.due(now).len() };
        for (read, day) in source.due(now).into_iter().take(most).enumerate() {
            match self::day(client, day, now).await {
                Ok((mut found, tally)) => {
                    rejected += tally.rejected;
                    found.rejected = tally.rejected;
                    source.days.insert(day, Arc::new(found));
                }
                // Without today's there is nothing to say; earlier days are asked for again.
                Err(error) if read == 0 || error.is_of_token() => return Err(error),
                Err(error) if error.is_passing() => {
                    tracing::debug!(reason = error.reason(), "the activity log is read up to here");
                    break;
                }
                // One day that cannot be read hides no other; it ends what is known without a gap.
                Err(error) => {
                    tracing::warn!(%error, "a day of the activity log cannot be read");
                }
            }
        }
        // Of days that are not read again, too.
        let records = source.known().flat_map(Day::counts);
        let accepted = records.map(|(_, count)| u64::from(count)).sum();
        Ok(Rows { source, accepted, rejected })
    }

    fn wants(known: &Facts) -> bool {
        known.audit_records.rows().is_ok_and(|it| it.goes_on)
    }

    fn observe(&self, samples: &mut Samples) {
        let mut days = 0_u32;
        let mut counts = BTreeMap::new();
        for day in self.known() {
            days += 1;
            for (what, count) in day.counts() {
                *counts.entry(what).or_insert(0_u32) += count;
            }
        }
        if days == 0 {
            return;
        }
        for operation in Operation::all() {
            for status in Status::ALL {
                let labels = [("operation", operation.as_str()), ("status", status.as_str())];
                let count = counts.get(&(operation, status)).copied().unwrap_or_default();
                samples.push(&OPERATIONS, labels, f64::from(count));
            }
        }
        samples.push(&WINDOW, [], f64::from(days) * DAY as f64);
    }
}

/// Reads one day.
async fn day(
    client: &Client,
    day: i64,
    now: Timestamp,
) -> Result<(Day, client::Tally), FetchError> {
    let date = |day: i64| {
        Timestamp::from_second(day * DAY).unwrap_or(now).strftime("%Y-%m-%d").to_string()
    };
    // Whether the end belongs to the period is not documented, so that the next day is asked for too and
    // its records are left to it. What lies ahead is not asked for.
    let is_over = now.as_second() >= (day + 1) * DAY;
    let end = if is_over { format!("&endDate={}", date(day + 1)) } else { String::new() };
    let ask =
        AuditRecords::ASK.of(format!("/v1/auditrecords?startDate={}{end}&size=500", date(day)));
    let mut found = Day::new(day * DAY..(day + 1) * DAY, now.as_second());
    let mut seen = day::Seen::default();
    let tally = client.list_of_new(&ask, |AnyCase(row): AnyCase<Row>| {
        seen.is_new(&row) && {
            found.add(&row);
            true
        }
    });
    let tally = tally.await?;
    Ok((found, tally))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn id(name: &str) -> ObjectId {
        ObjectId::parse(name).unwrap()
    }

    /// The documented day, and the log that has it for today.
    fn log() -> AuditRecords {
        let body = include_bytes!("../../tests/samples/audit_records.json");
        let first: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
        let first = first.as_second();
        let mut day = Day::new(first..first + DAY, first);
        let mut seen = day::Seen::default();
        for AnyCase(row) in rows_of::<AnyCase<Row>>(body) {
            if seen.is_new(&row) {
                day.add(&row);
            }
        }
        let today = first / DAY;
        let days = BTreeMap::from([(today, Arc::new(day))]);
        AuditRecords { days, today, goes_on: false }
    }

    #[test]
    fn the_documented_records_are_counted_by_operation_and_outcome() {
        let mut samples = Samples::of_tenant("t");
        log().observe(&mut samples);
        let text = samples.to_string();
        for line in [
            "operation=\"dap_admin_relationship_approved\",status=\"succeeded\"} 2",
            "operation=\"dap_admin_relationship_approved\",status=\"failed\"} 1",
            "operation=\"dap_admin_relationship_terminated\",status=\"succeeded\"} 1",
            "operation=\"granular_admin_relationship_approved\",status=\"other\"} 1",
            "operation=\"other\",status=\"succeeded\"} 1",
            "operation=\"remove_user_member\",status=\"succeeded\"} 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(text.contains("partnercenter_audit_window_seconds{tenant=\"t\"} 86400\n"));
    }

    #[test]
    fn grants_and_ends_of_dap_are_known_by_customer_and_what_failed_is_none() {
        let log = log();
        let (one, two) = (
            id("c0000000-0000-4000-8000-000000000001"),
            id("c0000000-0000-4000-8000-000000000002"),
        );
        assert_eq!(log.granted().into_keys().collect::<Vec<_>>(), [&one, &two]);
        assert_eq!(log.ended().into_keys().collect::<Vec<_>>(), [&one]);
        let changed: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
        assert_eq!(log.changes().get(&one), Some(&changed));
        assert_eq!(log.changes().get(&id("another")), None);
    }

    #[test]
    fn a_gap_ends_what_is_known_and_settled_days_are_not_read_again() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let mut log = log();
        assert_eq!(log.due(now).len(), 90, "today is never settled");
        let read = now.as_second();
        let day = |day: i64| Arc::new(Day::new(day * DAY..(day + 1) * DAY, read));
        for earlier in [1, 2, 4] {
            log.days.insert(log.today - earlier, day(log.today - earlier));
        }
        assert_eq!(log.since(), Some("2026-11-22T00:00:00Z".parse().unwrap()));
        assert!(!log.is_whole());
        assert_eq!(log.due(now).len(), 87);
        assert_eq!(log.due(now)[..2], [log.today, log.today - 3]);
        // Before six in the morning yesterday is not over yet.
        let early: Timestamp = "2026-11-24T05:59:59Z".parse().unwrap();
        let yesterday = |read: Timestamp| {
            let period = (log.today - 1) * DAY..log.today * DAY;
            Day::new(period, read.as_second())
        };
        assert!(!yesterday(early).is_settled());
        assert!(yesterday("2026-11-24T06:00:00Z".parse().unwrap()).is_settled());
        assert!(!yesterday(now).was_read_by(early.as_second()), "the clock was ahead");
    }
}
