//! When customers' tenants were last gone into, and since when nothing of that was missed: kept longer
//! than Microsoft keeps its log.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::row::PersonId;
use super::window::{HOUR, SETTLES, Window};
use crate::wire::{self, ObjectId};

/// The id of a customer's tenant.
type TenantId = PersonId;

/// Customers' tenants remembered at most; those gone into longest ago are forgotten first.
const CUSTOMERS: usize = 200_000;

/// How long a use is remembered: what is older than a year is as good as never.
const KEPT: i64 = 400 * 24 * HOUR;

/// Stretches of the log remembered at most.
const STRETCHES: usize = 64;

/// What is known of the use of delegations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Uses {
    layout: u32,
    /// Stretches of the log that were read whole, in seconds since 1970: in order, apart.
    watched: Vec<(i64, i64)>,
    /// Whether the log ever showed anybody going into a customer's tenant. Until it has, its silence
    /// says nothing: it may not show it at all.
    has_shown: bool,
    last: Last,
}

/// The last hour, since 1970, in which each was gone into.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Last(HashMap<TenantId, u32, foldhash::fast::RandomState>);

impl Last {
    pub(super) fn note(&mut self, tenant: TenantId, hour: u32) {
        let last = self.0.entry(tenant).or_default();
        *last = hour.max(*last);
    }
}

impl Uses {
    /// Changes with what is kept, so that an older file is not misread.
    const LAYOUT: u32 = 1;

    /// Whether it can be gone on from.
    pub fn is_usable(&self) -> bool {
        let are_apart = self.watched.windows(2).all(|pair| pair[0].1 < pair[1].0);
        let are_stretches = self.watched.iter().all(|(from, until)| from < until);
        self.layout == Self::LAYOUT && are_apart && are_stretches
    }

    /// Whether the log is known to show such uses at all.
    pub fn has_shown(&self) -> bool {
        self.has_shown
    }

    /// The beginning of the hour in which a customer's tenant was last gone into, in seconds since
    /// 1970.
    pub fn last(&self, customer: &ObjectId) -> Option<i64> {
        let ObjectId::Guid(id) = customer else { return None };
        self.last.0.get(id).map(|hour| i64::from(*hour) * HOUR)
    }

    /// Since when, up to what still settles at `now`, no use was missed; in seconds since 1970.
    pub fn watched_since(&self, now: i64) -> Option<i64> {
        // The newest hour is read when it has settled, and one reading may fail.
        let reaches = |(_, until): &&(i64, i64)| now - until <= SETTLES + 4 * HOUR;
        self.watched.last().filter(reaches).map(|(from, _)| *from)
    }

    /// Takes over a stretch that was read for good with what only beta tells. Without that nobody
    /// knows whether somebody went in as a guest, or by what is not interactive.
    pub(super) fn commit(&mut self, last: &Last, window: Window) {
        self.layout = Self::LAYOUT;
        self.has_shown |= !last.0.is_empty();
        last.0.iter().for_each(|(tenant, hour)| self.last.note(*tenant, *hour));
        self.watch(window.from, window.until);
    }

    fn watch(&mut self, from: i64, until: i64) {
        let (mut from, mut until) = (from, until);
        self.watched.retain(|(start, end)| {
            let touches = *start <= until && from <= *end;
            if touches {
                (from, until) = (from.min(*start), until.max(*end));
            }
            !touches
        });
        self.watched.push((from, until));
        self.watched.sort_unstable();
        let surplus = self.watched.len().saturating_sub(STRETCHES);
        self.watched.drain(..surplus);
    }

    /// Forgets what is too old, and what a clock that ran ahead dreamt: everything after the `edge`,
    /// up to which rows have settled.
    pub(super) fn begin(&mut self, edge: i64) {
        self.watched.retain_mut(|(from, until)| {
            *until = edge.min(*until);
            *from < *until && edge - *until < KEPT
        });
        let hours = (edge - KEPT).div_euclid(HOUR)..=edge.div_euclid(HOUR);
        self.last.0.retain(|_, hour| hours.contains(&i64::from(*hour)));
        if self.last.0.len() > CUSTOMERS {
            let mut all: Vec<u32> = self.last.0.values().copied().collect();
            let surplus = all.len() - CUSTOMERS;
            let (_, newest, _) = all.select_nth_unstable(surplus);
            let newest = *newest;
            self.last.0.retain(|_, hour| *hour >= newest);
        }
    }

    /// Until when the log is known, for telling whether anything was added.
    pub fn bounds(&self) -> (usize, i64, i64) {
        let (from, until) = self.watched.last().copied().unwrap_or_default();
        (self.watched.len(), from, until)
    }
}

/// As hours by the id's text, in order.
impl Serialize for Last {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all: Vec<_> = self.0.iter().map(|(id, hour)| (*id, *hour)).collect();
        all.sort_unstable();
        serializer.collect_map(all.iter().map(|(id, hour)| (ObjectId::Guid(*id).to_string(), hour)))
    }
}

impl<'de> Deserialize<'de> for Last {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = HashMap::<String, u32>::deserialize(deserializer)?;
        let read = |(id, hour): (String, u32)| {
            let no_id = || serde::de::Error::custom("an id that is none");
            Ok((wire::guid(&id).ok_or_else(no_id)?, hour))
        };
        all.into_iter().map(read).collect::<Result<_, D::Error>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * HOUR;

    fn window(from: i64, until: i64) -> Window {
        Window { from, until, is_settled: true }
    }

    fn seen(tenant: u8, at: i64) -> Last {
        let mut last = Last::default();
        last.note([tenant; 16], (at / HOUR) as u32);
        last
    }

    fn id(tenant: u8) -> ObjectId {
        ObjectId::Guid([tenant; 16])
    }

    #[test]
    fn the_last_use_outlives_the_log_and_the_last_counts() {
        let mut uses = Uses::default();
        uses.commit(&seen(1, 3 * DAY), window(2 * DAY, 4 * DAY));
        uses.commit(&seen(1, DAY), window(0, 2 * DAY));
        for day in 4..200 {
            uses.begin((day + 1) * DAY + SETTLES);
            uses.commit(&Last::default(), window(day * DAY, (day + 1) * DAY));
        }
        assert_eq!(uses.last(&id(1)), Some(3 * DAY));
        assert_eq!(uses.last(&id(2)), None);
        assert_eq!(uses.watched_since(200 * DAY), Some(0));
        uses.begin(500 * DAY);
        assert_eq!(uses.last(&id(1)), None, "that is as good as never");
    }

    #[test]
    fn a_break_is_remembered_until_it_is_read_after_all() {
        let mut uses = Uses::default();
        uses.commit(&Last::default(), window(0, 10 * DAY));
        uses.commit(&Last::default(), window(12 * DAY, 20 * DAY));
        assert_eq!(uses.watched_since(20 * DAY), Some(12 * DAY));
        assert!(uses.is_usable());
        uses.commit(&Last::default(), window(11 * DAY, 12 * DAY));
        assert_eq!(uses.watched_since(20 * DAY), Some(11 * DAY));
        uses.commit(&Last::default(), window(10 * DAY, 11 * DAY));
        assert_eq!(uses.watched_since(20 * DAY), Some(0));
        assert_eq!(uses.watched_since(21 * DAY), None, "nothing is known of the last day");
    }

    #[test]
    fn silence_says_nothing_until_the_log_has_shown_a_use() {
        let mut uses = Uses::default();
        uses.commit(&Last::default(), window(0, DAY));
        assert!(!uses.has_shown());
        uses.commit(&seen(7, DAY), window(DAY, 2 * DAY));
        uses.begin(900 * DAY);
        assert!(uses.has_shown());
    }

    #[test]
    fn what_a_clock_that_ran_ahead_dreamt_is_forgotten() {
        let mut uses = Uses::default();
        uses.commit(&seen(1, 50 * DAY), window(40 * DAY, 60 * DAY));
        uses.begin(45 * DAY);
        assert_eq!((uses.last(&id(1)), uses.watched_since(45 * DAY)), (None, Some(40 * DAY)));
        uses.begin(30 * DAY);
        assert_eq!(uses.watched_since(30 * DAY), None);
    }

    #[test]
    fn what_is_kept_reads_back_and_what_overlaps_is_refused() {
        let mut uses = Uses::default();
        uses.commit(&seen(1, DAY), window(0, 2 * DAY));
        let text = serde_json::to_string(&uses).unwrap();
        assert_eq!(serde_json::from_str::<Uses>(&text).unwrap(), uses);
        assert!(uses.is_usable());
        let spoilt = text.replace("[[0,172800]]", "[[0,172800],[100,200]]");
        assert!(!serde_json::from_str::<Uses>(&spoilt).unwrap().is_usable());
        assert!(serde_json::from_str::<Uses>(&text.replace("0101-", "")).is_err());
    }
}
