//! What is known of the sign-in log: closed hours, hours still open, and what to read next.
//!
//! Rows of the last two hours may still arrive or change. What ends before them is *closed*: read
//! once, kept, never read again. What lies in them is *open*: kept in pieces of an hour or less, each
//! replaced whole when it is read again. Nothing here asks anybody or reads a clock.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::applications::{Applications, Home};
use super::hour::{Hour, Kind, Setting};
use super::people::{Deeds, Last, People, Present};
use super::row::{Outcome, PersonId, SignIn};
use super::uses::{self, Uses};
use super::window::{HOUR, SETTLES, Span, Window, begin_of, edge, hour_of, next_hour};

/// How long counts of hours are kept: as long as Microsoft keeps its rows.
const KEPT: i64 = 30 * 24 * HOUR;

/// Open hours that have no more pages are read whole each time.
const FEW_PAGES: u32 = 6;

/// Most rows come within minutes: a piece that was read sooner after its end is read once more when
/// this has passed, before it is read for good.
const SOON: i64 = 15 * 60;

/// The rows of one window, folded.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) window: Window,
    home: Home,
    ids: HashSet<u64, foldhash::fast::RandomState>,
    pub(super) hours: BTreeMap<u32, Hour>,
    /// Of a settled window.
    people: People,
    /// Customers' tenants that were gone into, of a settled window.
    uses: uses::Last,
    /// Of an open one, by hour.
    pub(super) present: BTreeMap<u32, Present>,
    /// The earliest row.
    pub(super) oldest: i64,
}

impl Tally {
    pub(super) fn new(window: Window, home: Home) -> Self {
        let (ids, hours, people) = (HashSet::default(), BTreeMap::new(), People::default());
        let (uses, present, oldest) = (uses::Last::default(), BTreeMap::new(), window.until);
        Self { window, home, ids, hours, people, uses, present, oldest }
    }

    /// Adds a row, unless it came before or belongs to another window.
    pub(super) fn add(&mut self, kind: Kind, row: &SignIn) {
        let at = row.at.0;
        if at < self.window.from || at >= self.window.until || !self.ids.insert(row.id.0) {
            return;
        }
        self.oldest = self.oldest.min(at);
        let hour = hour_of(at);
        let setting = Setting::of(kind, row, &self.home);
        self.hours.entry(hour).or_default().add(row, setting);
        // What is not settled is read again for good, soon enough for what counts days.
        if self.window.is_settled
            && setting.is_aobo
            && row.outcome == Some(Outcome::Success)
            && let Some(tenant) = row.entered.0.filter(|tenant| Some(*tenant) != self.home.tenant)
        {
            self.uses.note(tenant, hour);
        }
        let deeds = Deeds::of(row, setting);
        let Some(person) = row.person.0.filter(|_| !deeds.is_empty()) else { return };
        if self.window.is_settled {
            self.people.note(person, deeds, hour);
        } else {
            self.present.entry(hour).or_default().note(person, deeds);
        }
    }
}

/// What is closed: read for good, and kept over a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Closed {
    layout: u32,
    /// Everything from here, in seconds since 1970 …
    from: i64,
    /// … to here was read.
    until: i64,
    /// What was read without what only beta tells lies in here.
    plain: Option<(i64, i64)>,
    /// Of the applications it was counted with.
    applications: u64,
    hours: BTreeMap<u32, Hour>,
    people: People,
}

impl Closed {
    /// Changes with what is counted, so that an older file is read anew and not misread.
    const LAYOUT: u32 = 1;

    fn nothing(at: i64, applications: u64) -> Self {
        let (hours, people) = (BTreeMap::new(), People::default());
        Self { layout: Self::LAYOUT, from: at, until: at, plain: None, applications, hours, people }
    }

    /// Whether it can be gone on from.
    pub fn is_usable(&self) -> bool {
        self.layout == Self::LAYOUT && self.from <= self.until
    }

    /// From when to when it was read, in seconds since 1970. What is closed changes with them alone.
    pub fn bounds(&self) -> (i64, i64) {
        (self.from, self.until)
    }
}

/// A part of an hour that is still open.
#[derive(Debug, Clone)]
struct Piece {
    from: i64,
    until: i64,
    /// When it was read.
    read: i64,
    /// How many pages it took; those of a window count on its first piece.
    pages: u32,
    is_plain: bool,
    hour: Hour,
    present: Present,
}

/// What is known of the log.
#[derive(Debug, Clone)]
pub(super) struct Log {
    closed: Arc<Closed>,
    /// Kept for longer than what is closed, and whatever becomes of that.
    uses: Arc<Uses>,
    /// In order, without overlap, beginning where `closed` ends.
    open: Vec<Arc<Piece>>,
    pub(super) span: Span,
    /// The moment of the reading.
    now: i64,
    /// How far back figures reach, in seconds.
    window: i64,
}

impl Log {
    /// Nothing known at `now`.
    pub(super) fn new(now: i64, window: i64) -> Self {
        let (closed, uses) = (Arc::new(Closed::nothing(edge(now), 0)), Arc::default());
        Self { closed, uses, open: Vec::new(), span: Span::default(), now, window }
    }

    /// What was kept over a restart.
    pub(super) fn recalled(closed: Option<Closed>, uses: Option<Uses>) -> Self {
        let closed = closed.unwrap_or_else(|| Closed::nothing(0, 0));
        let now = closed.until + SETTLES;
        let (closed, uses) = (Arc::new(closed), Arc::new(uses.unwrap_or_default()));
        Self { closed, uses, open: Vec::new(), span: Span::default(), now, window: 0 }
    }

    /// When customers' tenants were last gone into.
    pub(super) fn uses(&self) -> &Arc<Uses> {
        &self.uses
    }

    pub(super) fn closed(&self) -> &Arc<Closed> {
        &self.closed
    }

    /// Begins a reading at `now`: forgets what is too old, what was counted with other applications,
    /// and what a clock that ran ahead dreamt.
    pub(super) fn begin(&mut self, now: i64, window: i64, applications: &Applications) {
        (self.now, self.window) = (now, window);
        let (edge, want) = (edge(now), self.want());
        Arc::make_mut(&mut self.uses).begin(edge);
        let closed = &self.closed;
        let applications = applications.fingerprint();
        if closed.until <= want || closed.from > edge || closed.applications != applications {
            // Nothing of it serves this window: what is newer is read from the newest back.
            self.closed = Arc::new(Closed::nothing(edge, applications));
            self.open.clear();
            return;
        }
        let is_ahead = closed.until > edge;
        let has_history =
            closed.from > want && closed.hours.keys().any(|it| *it < hour_of(closed.from));
        if is_ahead || closed.from < want || has_history {
            let closed = Arc::make_mut(&mut self.closed);
            closed.until = closed.until.min(edge);
            if is_ahead {
                closed.hours.retain(|hour, _| *hour < hour_of(edge));
                self.open.clear();
            }
            if has_history {
                // The window was made longer. People before it are forgotten, so it is read anew.
                let from = hour_of(closed.from);
                closed.hours.retain(|hour, _| *hour >= from);
            }
            if closed.from < want {
                closed.from = want;
                closed.people.forget_before(hour_of(want));
                closed.hours.retain(|hour, _| *hour >= hour_of(now - KEPT));
            }
        }
        self.open.retain(|piece| piece.from < now);
    }

    /// What to read next in this reading; `None` when all is read.
    pub(super) fn next(&self) -> Option<Window> {
        let (edge, want) = (edge(self.now), self.want());
        let Closed { from, until, .. } = *self.closed;
        if until < edge {
            let until = self.span.end_after(until).min(edge);
            return Some(Window { from: self.closed.until, until, is_settled: true });
        }
        if let Some((from, until)) = self.due() {
            return Some(Window { from, until, is_settled: false });
        }
        (from > want).then(|| {
            let start = self.span.start_before(from);
            Window { from: start.max(want), until: from, is_settled: true }
        })
    }

    /// The first stretch of the open hours that should be read, or read again.
    fn due(&self) -> Option<(i64, i64)> {
        let is_quiet = self.open.iter().map(|piece| piece.pages).sum::<u32>() <= FEW_PAGES;
        let is_due = |piece: &Piece| {
            let was_early = piece.read < piece.until + SOON;
            let is_growing =
                piece.until < self.span.end_after(piece.from).min(next_hour(piece.from));
            piece.read < self.now
                && (is_quiet || is_growing || (was_early && self.now >= piece.until + SOON))
        };
        let mut from = self.closed.until;
        let mut pieces = self.open.iter();
        let rest = loop {
            match pieces.next() {
                Some(piece) if piece.from <= from && !is_due(piece) => from = piece.until,
                Some(piece) if piece.from > from => break Some(piece).into_iter().chain(pieces),
                _ => break None.into_iter().chain(pieces),
            }
        };
        let mut until = self.span.end_after(from).min(self.now);
        if let Some(piece) = rest.into_iter().find(|piece| !is_due(piece)) {
            until = until.min(piece.from);
        }
        (from < until).then_some((from, until))
    }

    /// Takes over a window that was read whole, with the number of its pages.
    pub(super) fn commit(&mut self, tally: Tally, pages: u32, is_plain: bool) {
        let Tally { window, mut hours, people, uses, mut present, .. } = tally;
        if window.is_settled {
            if !is_plain {
                Arc::make_mut(&mut self.uses).commit(&uses, window);
            }
            let closed = Arc::make_mut(&mut self.closed);
            hours
                .iter()
                .for_each(|(hour, more)| closed.hours.entry(*hour).or_default().merge(more));
            closed.people.merge(&people);
            if is_plain {
                let (from, until) = closed.plain.unwrap_or((window.from, window.until));
                closed.plain = Some((from.min(window.from), until.max(window.until)));
            }
            closed.from = closed.from.min(window.from);
            closed.until = closed.until.max(window.until);
            let until = closed.until;
            self.open.retain(|piece| piece.from >= until);
        } else {
            self.open.retain(|it| it.until <= window.from || it.from >= window.until);
            let mut from = window.from;
            let mut pages = pages;
            while from < window.until {
                let until = next_hour(from).min(window.until);
                let hour = hours.remove(&hour_of(from)).unwrap_or_default();
                let present = present.remove(&hour_of(from)).unwrap_or_default();
                let pages = std::mem::take(&mut pages);
                let piece = Piece { from, until, read: self.now, pages, is_plain, hour, present };
                self.open.push(Arc::new(piece));
                from = until;
            }
            self.open.sort_by_key(|piece| piece.from);
        }
        self.span.learn(window, pages);
    }

    /// Beta tells more than was read without it: that is read anew.
    pub(super) fn forget_plain(&mut self) {
        self.open.retain(|piece| !piece.is_plain);
        let Some((from, until)) = self.closed.plain else { return };
        if until == self.closed.until && from - HOUR > self.closed.from {
            // People seen there were there; reading it again tells the rest.
            let closed = Arc::make_mut(&mut self.closed);
            closed.until = from.div_euclid(HOUR) * HOUR;
            closed.plain = None;
            closed.hours.retain(|hour, _| *hour < hour_of(from));
            self.open.clear();
        } else {
            let applications = self.closed.applications;
            self.closed = Arc::new(Closed::nothing(edge(self.now), applications));
        }
    }

    /// Where figures begin: the window's length ago, at a whole hour.
    fn want(&self) -> i64 {
        begin_of(self.window, self.now)
    }

    /// Up to where everything was read, if only provisionally.
    fn reach(&self) -> i64 {
        self.open.iter().fold(self.closed.until, |reach, piece| {
            if piece.from <= reach { reach.max(piece.until) } else { reach }
        })
    }

    /// Whether figures over the window are true; what is newest may be on its way.
    pub(super) fn is_whole(&self) -> bool {
        self.closed.from <= self.want() && self.reach() >= self.now - SETTLES
    }

    /// Whether all that is open was read in this reading.
    #[cfg(test)]
    pub(super) fn is_fresh(&self) -> bool {
        self.open.iter().all(|piece| piece.read == self.now)
    }

    /// Whether all of the window was read with what only beta tells.
    pub(super) fn is_rich(&self) -> bool {
        self.closed.plain.is_none_or(|(_, until)| until <= self.want())
            && self.open.iter().all(|piece| !piece.is_plain)
    }

    /// Whether every person of the window found a place.
    pub(super) fn has_everybody(&self) -> bool {
        self.closed.people.crowded() < hour_of(self.want())
            && self.open.iter().all(|piece| !piece.present.is_crowded)
    }

    /// How far back figures reach, in seconds.
    pub(super) fn window(&self) -> i64 {
        self.window
    }

    /// The first hour of the window.
    pub(super) fn first_hour(&self) -> u32 {
        hour_of(self.want())
    }

    /// All counts over the window.
    pub(super) fn sum(&self) -> Hour {
        let mut sum = Hour::default();
        let last = hour_of(self.now);
        self.closed.hours.range(self.first_hour()..=last).for_each(|(_, hour)| sum.merge(hour));
        self.open.iter().for_each(|piece| sum.merge(&piece.hour));
        sum
    }

    /// The earliest row, in seconds since 1970.
    pub(super) fn oldest(&self) -> Option<i64> {
        let closed = self.closed.hours.values().find_map(|hour| hour.first);
        closed.or_else(|| self.open.iter().find_map(|piece| piece.hour.first))
    }

    /// The end of the newest closed hour, once there is one.
    pub(super) fn settled(&self) -> Option<i64> {
        let until = self.closed.until.div_euclid(HOUR) * HOUR;
        (self.closed.from < until).then_some(until)
    }

    /// Everybody seen in the window, with the last hour of each deed.
    pub(super) fn each_person(&self, visit: impl FnMut(&PersonId, &Last)) {
        let open: Vec<_> =
            self.open.iter().map(|piece| (hour_of(piece.from), &piece.present)).collect();
        self.closed.people.each(&open, visit);
    }

    /// What one person did last.
    pub(super) fn person(&self, person: &PersonId) -> Option<Last> {
        let closed = self.closed.people.last(person).copied();
        let open = self.open.iter().filter_map(|piece| {
            piece.present.deeds(person).map(|deeds| (deeds, hour_of(piece.from)))
        });
        open.fold(closed, |last, (deeds, hour)| Some(last.unwrap_or_default().with(deeds, hour)))
    }
}
