//! What the figures were at the end of each hour that is past: the log from its oldest row to what is
//! settled, read once in the order of time.
//!
//! A figure is there only where the whole window before it was read, and where the log reached back
//! that far: before its first row nobody knows whether there were none or none were kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::applications::{Applications, Home};
use super::hour::Hour;
use super::log::Tally;
use super::people::People;
use super::reading::{Asking, Version};
use super::row::PersonId;
use super::window::{HOUR, Span, Window, begin_of, edge, hour_of, next_hour};
use super::{Figures, Tellings, WINDOW};
use crate::client::{self, Client, FetchError};
use crate::clock::Clock;
use crate::metrics::{History, Samples};

/// Microsoft goes on forgetting its oldest rows while they are read: what it may forget before the
/// first window is had is not counted on.
const FORGOTTEN: i64 = HOUR / 4;

/// How long passing failures are waited out, once some of the log was had: it may be hours of work.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
];

/// The log's past, as far as it was read.
#[derive(Debug)]
pub struct Past {
    /// How far back each figure reaches, in seconds.
    window: i64,
    /// The moment everything is reckoned from; all moments are in seconds since 1970.
    now: i64,
    /// Everything from here …
    from: i64,
    /// … to here was read …
    reach: i64,
    /// … and to here will be.
    until: i64,
    pub(super) span: Span,
    /// Those that figures may still reach back to.
    hours: BTreeMap<u32, Hour>,
    people: People,
    /// The earliest row.
    oldest: Option<i64>,
    /// The last hour that was read without what only beta tells.
    plain: Option<u32>,
    pages: u32,
    received: client::Tally,
    figures: Vec<(i64, Figures)>,
}

/// How far a reading has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Up to where it was read, in seconds since 1970.
    pub reach: i64,
    /// Which part of the time to be read was read.
    pub part: f64,
    /// Pages had so far.
    pub pages: u32,
}

impl Past {
    /// What is to be read at `now` of the time since so many seconds before, for figures over a window
    /// of so many. `None` if that is too short for a single figure.
    pub fn new(now: i64, since: i64, window: i64) -> Option<Self> {
        let (from, until) = (next_hour(now - since + FORGOTTEN), edge(now));
        (begin_of(window, until) >= from).then(|| Self {
            window,
            now,
            from,
            reach: from,
            until,
            span: Span::default(),
            hours: BTreeMap::new(),
            people: People::default(),
            oldest: None,
            plain: None,
            pages: 0,
            received: client::Tally::default(),
            figures: Vec::new(),
        })
    }

    /// Reads all of it. `tenant` is whose log it is; `told` hears of each page.
    pub async fn read(
        &mut self,
        client: &Client,
        clock: &Clock,
        tenant: Option<PersonId>,
        applications: Applications,
        mut told: impl FnMut(Progress) + Send,
    ) -> Result<(), FetchError> {
        let home = Home { tenant, applications };
        let mut version = Version::default();
        let mut asking =
            Asking { client, version: &mut version, home: &home, now: self.now, breaks: 0 };
        let mut pauses = PAUSES.iter();
        while let Some(window) = self.next() {
            let (mut span, mut pages) = (self.span, self.pages);
            let (reach, part) = (self.reach, self.part());
            let each_page = || {
                pages += 1;
                told(Progress { reach, part, pages });
            };
            let outcome = asking.read(window, &mut span, each_page).await;
            (self.span, self.pages) = (span, pages);
            match outcome {
                Ok(Some(whole)) => {
                    self.received.add(whole.received);
                    self.commit(whole.tally, whole.pages, whole.is_plain);
                    (asking.breaks, pauses) = (0, PAUSES.iter());
                }
                Ok(None) => {}
                Err(failure) => match pauses.next() {
                    Some(pause) if failure.is_passing() && self.reach > self.from => {
                        let pause_seconds = pause.as_secs();
                        let reason = failure.reason();
                        tracing::warn!(reason, error = %failure, pause_seconds, "trying again");
                        clock.sleep(*pause).await;
                    }
                    _ => return Err(failure),
                },
            }
        }
        Ok(())
    }

    /// What to read next; `None` when all is read.
    pub(super) fn next(&self) -> Option<Window> {
        let until = self.span.end_after(self.reach).min(self.until);
        // Who was there is wanted hour by hour, as of what is not settled.
        (self.reach < self.until).then_some(Window { from: self.reach, until, is_settled: false })
    }

    /// Takes over a window that was read whole, with the number of its pages.
    pub(super) fn commit(&mut self, tally: Tally, pages: u32, is_plain: bool) {
        let Tally { window, mut hours, mut present, .. } = tally;
        self.span.learn(window, pages);
        while self.reach < window.until {
            let hour = hour_of(self.reach);
            if let Some(more) = hours.remove(&hour) {
                self.oldest = self.oldest.or(more.first);
                self.hours.entry(hour).or_default().merge(&more);
            }
            if let Some(present) = present.remove(&hour) {
                self.people.add(&present, hour);
            }
            if is_plain {
                self.plain = Some(hour);
            }
            self.reach = next_hour(self.reach).min(window.until);
            if self.reach % HOUR == 0 {
                self.count(self.reach);
                // As the next figure does.
                let first = hour_of(begin_of(self.window, self.reach + HOUR));
                self.hours.retain(|hour, _| *hour >= first);
                self.people.forget_before(first);
            }
        }
    }

    /// What was true at the end of an hour, if that is known.
    fn count(&mut self, end: i64) {
        let first = hour_of(begin_of(self.window, end));
        // The earliest row is none from before the reading began, which is thereby asked as well.
        if self.oldest.is_none_or(|oldest| hour_of(oldest) > first) {
            return;
        }
        let mut counts = Hour::default();
        self.hours.values().for_each(|hour| counts.merge(hour));
        let people = (self.people.crowded() < first).then(|| {
            let mut people = Tellings::default();
            self.people.each(&[], |_, last| people.add(last.since(first)));
            people
        });
        let is_rich = self.plain.is_none_or(|plain| plain < first);
        self.figures.push((end, Figures { counts, is_rich, people, seen: Vec::new() }));
    }

    /// Tells all figures of a tenant, by its configured name.
    pub fn observe(&self, tenant: &str, history: &mut History) {
        for (end, figures) in &self.figures {
            let mut samples = Samples::of_tenant(tenant);
            samples.push(&WINDOW, [], self.window as f64);
            figures.observe(&mut samples);
            history.add(*end, &samples);
        }
    }

    /// The ends of the hours of which there are figures, in seconds since 1970, and those figures.
    pub fn figures(&self) -> &[(i64, Figures)] {
        &self.figures
    }

    /// From when on the log was read, in seconds since 1970.
    pub fn from(&self) -> i64 {
        self.from
    }

    /// The earliest row, in seconds since 1970.
    pub fn oldest(&self) -> Option<i64> {
        self.oldest
    }

    /// Pages had, those of windows given up included.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Rows that could not be read and were left out.
    pub fn rejected(&self) -> u64 {
        self.received.rejected
    }

    fn part(&self) -> f64 {
        (self.reach - self.from) as f64 / (self.until - self.from) as f64
    }
}
