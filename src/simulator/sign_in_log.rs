//! The log of sign-ins: of any size, since no row is kept. What a row holds follows from the seed
//! and its number, so that any part of the log can be shown at any time, and again.

use jiff::Timestamp;

use super::Settings;
use super::customers::Customer;
use super::directory::Directory;
use super::person::Person;

mod crossings;
mod figures;
mod form;
mod kinds;
mod pace;
mod texts;
mod who;
mod writer;

pub use figures::{ByMfa, Figures, Outcomes, SignIns};
pub(super) use pace::SECOND;
pub(super) use writer::{Version, View, Writer};

use crossings::Crossings;
use form::Forms;
use kinds::{BASE, CYCLE, FILL, Kind, YOUNG};
use pace::{HOUR, Hour, Pace, mix};
use who::{Circles, Who};

/// What is older is gone.
const RETENTION: i64 = super::LOG_DAYS as i64 * 24 * HOUR;
/// A row arrives and settles within this long.
const SETTLING: i64 = 2 * HOUR;

pub(super) struct Log {
    seed: u64,
    pace: Pace,
    kinds: Vec<Kind>,
    /// The kinds of [`CYCLE`] rows, which come again and again.
    cycle: Vec<u16>,
    /// How many of the same kind there are before each of them.
    ranks: Vec<u64>,
    circles: Circles,
    crossings: Crossings,
    forms: Forms,
}

/// A row, as far as it is known without being written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) serial: u64,
    /// Place among the kinds, as it is once it has settled.
    kind: usize,
    /// Place among the people.
    person: usize,
    /// When it is from, in ten-millionths of a second.
    pub(super) tick: i64,
    /// When it can be seen.
    arrives: i64,
    /// When it is as it will stay.
    settles: i64,
}

/// Rows with numbers from the first up to the second, which is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) end: u64,
}

impl Log {
    /// The log as of `now`. When customers were last used is moved to moments that it shows.
    pub(super) fn new(
        settings: &Settings,
        people: &[Person],
        directory: &Directory,
        customers: &mut [Customer],
        now: Timestamp,
    ) -> Self {
        let seed = settings.seed ^ 0x0010_6000;
        let circles = Circles::draw(people, seed);
        let kinds = fitting(&circles, !customers.is_empty());
        let mut cycle = Vec::with_capacity(CYCLE as usize);
        for (place, kind) in kinds.iter().enumerate() {
            cycle.extend((0..kind.share).map(|_| place as u16));
        }
        fastrand::Rng::with_seed(seed ^ 0xc7c1e).shuffle(&mut cycle);
        let mut seen = vec![0; kinds.len()];
        let ranks = cycle.iter().map(|&kind| {
            seen[usize::from(kind)] += 1;
            seen[usize::from(kind)] - 1
        });
        let ranks = ranks.collect();
        // Where there is nobody, nobody signs in.
        let somebody = !circles.of(Who::Staff).is_empty();
        let daily = if somebody { settings.sign_ins } else { 0 };
        let forms = Forms::new(&kinds, settings, &directory.policies);
        let (pace, crossings) = (Pace::new(daily, seed), Crossings::new(&kinds, &cycle));
        let mut log = Self { seed, pace, kinds, cycle, ranks, circles, crossings, forms };
        if !customers.is_empty() {
            log.plan(customers, now);
        }
        log
    }

    /// The rows that are from then or later and before the end, as far as they are still kept.
    pub(super) fn span(&self, from: i64, end: i64, now: Timestamp) -> Span {
        let now = ticks(now);
        let first = self.pace.first_since(from.max(now - RETENTION));
        // What is yet to come has not happened.
        Span { first, end: self.pace.first_since(end.min(now)).max(first) }
    }

    /// The newest of these first.
    pub(super) fn rows(&self, span: Span) -> impl Iterator<Item = Row> {
        let mut hour = Hour { number: 0, first: u64::MAX, rows: 0 };
        (span.first..span.end).rev().map(move |serial| {
            if serial < hour.first {
                hour = self.pace.hour_of(serial);
            }
            self.row(&hour, serial)
        })
    }

    fn row(&self, hour: &Hour, serial: u64) -> Row {
        let place = (serial % CYCLE) as usize;
        let kind = usize::from(self.cycle[place]);
        let circle = self.circles.of(self.kinds[kind].who);
        let turn = serial / CYCLE * self.kinds[kind].share + self.ranks[place];
        let person = circle[(turn % circle.len() as u64) as usize] as usize;
        let tick = self.pace.tick(hour, serial);
        let bits = mix(self.seed, serial, 0xa3);
        let drawn = |bits: u64, from: i64, to: i64| {
            from * SECOND + (bits as i64 & i64::MAX) % ((to - from) * SECOND)
        };
        // Some are late, and some of the usual kind are not at first what they will be.
        let delay = if bits.is_multiple_of(16) {
            drawn(bits >> 4, 600, 7000)
        } else {
            drawn(bits >> 4, 30, 300)
        };
        let doubt = if kind == BASE && (bits >> 60) < 4 { drawn(bits >> 5, 3600, 7100) } else { 0 };
        Row { serial, kind, person, tick, arrives: tick + delay, settles: tick + doubt }
    }

    /// The row that is shown again behind this one, if any is.
    pub(super) fn again(&self, row: &Row) -> Option<Row> {
        let hour = self.pace.hour_of(row.serial);
        let twin = row.serial + 1;
        self.pace.is_doubled(&hour, twin).then(|| self.row(&hour, twin))
    }

    /// The kind that a row shows now.
    fn shown(&self, row: &Row, now: i64) -> usize {
        if now < row.settles { YOUNG } else { row.kind }
    }

    pub(super) fn is_interactive(&self, row: &Row) -> bool {
        self.kinds[row.kind].interactive
    }

    /// How many rows of each kind have a lower number.
    fn occurrences(&self, serial: u64) -> Vec<u64> {
        let mut counts: Vec<u64> =
            self.kinds.iter().map(|kind| serial / CYCLE * kind.share).collect();
        for &kind in &self.cycle[..(serial % CYCLE) as usize] {
            counts[usize::from(kind)] += 1;
        }
        counts
    }
}

impl Row {
    pub(super) fn has_arrived(&self, now: Timestamp) -> bool {
        self.arrives <= ticks(now)
    }
}

/// The kinds whose people and customers there are; the usual ones stand in for the others.
fn fitting(circles: &Circles, customers: bool) -> Vec<Kind> {
    let mut kinds = kinds::all();
    for kind in &mut kinds {
        let possible = customers || kind.across != kinds::Across::Customer;
        if circles.of(kind.who).is_empty() || !possible {
            kind.share = 0;
        }
    }
    let shares: u64 = kinds.iter().map(|kind| kind.share).sum();
    kinds[FILL].share += CYCLE.saturating_sub(shares);
    kinds
}

/// A moment in ten-millionths of a second.
pub(super) fn ticks(moment: Timestamp) -> i64 {
    moment.as_second() * SECOND + i64::from(moment.subsec_nanosecond() / 100)
}

fn moment(ticks: i64) -> Timestamp {
    let (second, rest) = (ticks.div_euclid(SECOND), ticks.rem_euclid(SECOND));
    Timestamp::new(second, rest as i32 * 100).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_is_crowded_out() {
        let shares: u64 = kinds::all().iter().map(|kind| kind.share).sum();
        assert!((CYCLE / 4..CYCLE).contains(&shares), "{shares}");
    }
}
