//! How long ago something was last used, as far as that can be told from what was looked at.

use jiff::Timestamp;

use crate::sources::dap_report::{Age, Entry, Use};
use crate::sources::sign_ins::Uses;

/// How long ago the last use was; a boundary, to the second, belongs to the lower band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Band {
    /// 30 days or fewer.
    Lt30,
    /// More than 30 days.
    To60,
    /// More than 60 days.
    To90,
    /// More than 90 days.
    Gt90,
    /// No use seen, and granted 90 days ago or more.
    Never,
    /// No use seen, and granted less than 90 days ago.
    New,
    /// Nothing that was looked at tells.
    Unknown,
}

/// Seconds of a day.
const DAY: i64 = 24 * 3600;
/// Seconds without use beyond which a delegation is inactive.
const INACTIVE: i64 = 90 * DAY;

impl Band {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 7] =
        [Self::To60, Self::To90, Self::Gt90, Self::Lt30, Self::Never, Self::New, Self::Unknown];

    /// The value of the label `inactivity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lt30 => "lt30",
            Self::To60 => "30to60",
            Self::To90 => "60to90",
            Self::Gt90 => "gt90",
            Self::Never => "never",
            Self::New => "new",
            Self::Unknown => "unknown",
        }
    }

    /// Whether Microsoft calls that inactive.
    pub fn is_inactive(self) -> bool {
        matches!(self, Self::Gt90 | Self::Never)
    }

    fn of_age(seconds: i64) -> Self {
        match seconds {
            age if age <= 30 * DAY => Self::Lt30,
            age if age <= 60 * DAY => Self::To60,
            age if age <= INACTIVE => Self::To90,
            _ => Self::Gt90,
        }
    }

    fn of_last(last: Timestamp, now: Timestamp) -> Self {
        Self::of_age(age(last, now))
    }

    fn of_unused(granted: Granted, now: Timestamp) -> Self {
        match granted {
            Granted::At(at) if age(at, now) < INACTIVE => Self::New,
            Granted::At(_) | Granted::Long => Self::Never,
            Granted::Unknown => Self::Unknown,
        }
    }

    /// Where both are said.
    pub(super) fn said(
        last: Option<Timestamp>,
        granted: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        match last {
            Some(last) => Self::of_last(last, now),
            None => Self::of_unused(granted.map_or(Granted::Unknown, Granted::At), now),
        }
    }

    /// By a report, as of the day it was written; a use that was seen since counts.
    pub(super) fn reported(
        entry: &Entry,
        last: Option<Timestamp>,
        granted: Granted,
        now: Timestamp,
    ) -> Self {
        let reported = match entry.unused {
            Use::Ago(Age::Days(days)) => Some(days * DAY),
            // The page shows 60+ for more than 60 and 90+ for more than 90.
            Use::Ago(Age::AtLeast(days)) => Some(days * DAY + 1),
            Use::Ago(Age::Unsaid) | Use::Never => None,
        };
        let seen = last.map(|last| age(last, now));
        match (reported, seen, entry.granted) {
            (Some(one), Some(other), _) => Self::of_age(one.min(other)),
            (Some(age), None, _) | (None, Some(age), _) => Self::of_age(age),
            (None, None, Age::Days(days) | Age::AtLeast(days)) if days * DAY >= INACTIVE => {
                Self::Never
            }
            (None, None, Age::Days(_)) => Self::New,
            (None, None, Age::AtLeast(_) | Age::Unsaid) => Self::of_unused(granted, now),
        }
    }
}

/// When a delegation was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Granted {
    /// Then.
    At(Timestamp),
    /// At least 90 days ago.
    Long,
    /// Nobody knows.
    Unknown,
}

/// What the log's silence is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watch {
    /// Since when no use was missed.
    since: Option<Timestamp>,
}

impl Watch {
    pub(super) fn of(log: Option<&Uses>, now: Timestamp) -> Self {
        let log = log.filter(|log| log.has_shown());
        let since = log.and_then(|log| log.watched_since(now.as_second()));
        Self { since: since.and_then(|since| Timestamp::from_second(since).ok()) }
    }

    /// The band by the last use that was seen, if any.
    pub(super) fn band(self, last: Option<Timestamp>, granted: Granted, now: Timestamp) -> Band {
        // Between the last use that was seen and this moment another one may have been missed.
        let missed_until = self.since.unwrap_or(now);
        match last {
            Some(last) => {
                let (least, most) = (last.max(missed_until), last);
                let band = Band::of_last(most, now);
                if band == Band::of_last(least, now) { band } else { Band::Unknown }
            }
            // Since it was granted nothing was missed.
            None if matches!(granted, Granted::At(at) if at >= missed_until) => {
                Band::of_unused(granted, now)
            }
            None if age(missed_until, now) > INACTIVE => Band::of_unused(granted, now),
            None => Band::Unknown,
        }
    }
}

/// Seconds from one moment to another.
fn age(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_second() - from.as_second()).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * DAY).unwrap()
    }

    const NOW: i64 = 1_000;

    #[test]
    fn a_boundary_belongs_to_the_lower_band_and_the_next_second_does_not() {
        let of = |ago: i64| Band::said(Some(day(NOW - ago)), None, day(NOW));
        assert_eq!(
            [0, 30, 31, 60, 61, 90, 91, 900].map(of),
            [
                Band::Lt30,
                Band::Lt30,
                Band::To60,
                Band::To60,
                Band::To90,
                Band::To90,
                Band::Gt90,
                Band::Gt90
            ]
        );
        let beyond = Timestamp::from_second((NOW - 30) * DAY - 1).unwrap();
        assert_eq!(Band::said(Some(beyond), None, day(NOW)), Band::To60);
        assert_eq!(Band::said(Some(day(NOW + 3)), None, day(NOW)), Band::Lt30, "clocks differ");
    }

    #[test]
    fn without_use_it_is_new_for_ninety_days_and_then_never() {
        let of = |ago: i64| Band::said(None, Some(day(NOW - ago)), day(NOW));
        assert_eq!([0, 89, 90, 500].map(of), [Band::New, Band::New, Band::Never, Band::Never]);
        assert_eq!(Band::said(None, None, day(NOW)), Band::Unknown);
    }

    #[test]
    fn the_log_s_silence_counts_once_it_has_lasted_long_enough() {
        let watch = |since: Option<i64>| Watch { since: since.map(|ago| day(NOW - ago)) };
        let of = |since, last: Option<i64>, granted| {
            watch(since).band(last.map(|ago| day(NOW - ago)), granted, day(NOW))
        };
        assert_eq!(of(Some(30), None, Granted::Long), Band::Unknown);
        assert_eq!(of(Some(90), None, Granted::Long), Band::Unknown, "a boundary day");
        assert_eq!(of(Some(91), None, Granted::Long), Band::Never);
        assert_eq!(of(Some(91), None, Granted::Unknown), Band::Unknown);
        assert_eq!(of(Some(30), None, Granted::At(day(NOW - 20))), Band::New);
        assert_eq!(of(Some(10), None, Granted::At(day(NOW - 20))), Band::Unknown);
        assert_eq!(of(None, None, Granted::Long), Band::Unknown);
    }

    #[test]
    fn a_use_that_was_seen_is_the_last_only_where_none_was_missed_since() {
        let watch = |since: Option<i64>| Watch { since: since.map(|ago| day(NOW - ago)) };
        let of =
            |since, last: i64| watch(since).band(Some(day(NOW - last)), Granted::Long, day(NOW));
        assert_eq!(of(Some(50), 40), Band::To60);
        assert_eq!(of(Some(35), 40), Band::To60, "wherever in between it was");
        assert_eq!(of(Some(20), 40), Band::Unknown);
        assert_eq!(of(Some(20), 25), Band::Lt30);
        assert_eq!(of(None, 5), Band::Lt30, "later is no longer ago");
        assert_eq!(of(None, 95), Band::Unknown);
    }

    #[test]
    fn a_report_says_what_was_so_when_it_was_written() {
        let of = |granted, unused, last: Option<i64>| {
            let entry = Entry { customer: "c".into(), granted, unused };
            let last = last.map(|ago| day(NOW - ago));
            Band::reported(&entry, last, Granted::Unknown, day(NOW))
        };
        let ago = |age| Use::Ago(age);
        assert_eq!(of(Age::Unsaid, ago(Age::Days(30)), None), Band::Lt30);
        assert_eq!(of(Age::Unsaid, ago(Age::AtLeast(60)), None), Band::To90);
        assert_eq!(of(Age::Unsaid, ago(Age::AtLeast(90)), None), Band::Gt90);
        assert_eq!(of(Age::Unsaid, ago(Age::AtLeast(90)), Some(3)), Band::Lt30, "used since");
        assert_eq!(of(Age::AtLeast(60), Use::Never, None), Band::Unknown);
        assert_eq!(of(Age::Days(90), Use::Never, None), Band::Never);
        assert_eq!(of(Age::Days(12), Use::Never, None), Band::New);
    }
}
