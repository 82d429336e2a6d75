//! Which customer's tenant a row leads into: those who work there last were there when the world
//! says so, and not later.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::kinds::{Across, Kind};
use super::pace::mix;
use super::{CYCLE, Log, RETENTION, Row, SETTLING, moment, ticks};
use crate::simulator::customers::Customer;

/// Customers at most where somebody is every day.
const LIVELY: usize = 8;
const LOG: SignedDuration = SignedDuration::from_hours(24 * crate::simulator::LOG_DAYS as i64);

/// Successes in customers' tenants have numbers of their own, in order.
#[derive(Default)]
pub(super) struct Crossings {
    /// Their places in a cycle of rows.
    places: Vec<u64>,
    /// Where somebody was last before the world began, with the number of that row, in its order.
    last: Vec<Last>,
    /// The first number since then.
    since: u64,
    /// Who take turns from then on.
    lively: Vec<u128>,
    /// Where nobody ever succeeded, but tried.
    idle: u128,
}

struct Last {
    number: u64,
    customer: u128,
    at: Timestamp,
}

impl Crossings {
    pub(super) fn new(kinds: &[Kind], cycle: &[u16]) -> Self {
        let leads = |kind: u16| is_success(&kinds[usize::from(kind)]);
        let places = cycle.iter().enumerate().filter(|(_, kind)| leads(**kind));
        Self { places: places.map(|(place, _)| place as u64).collect(), ..Self::default() }
    }

    /// How many there are before a row.
    fn before(&self, serial: u64) -> u64 {
        let of_cycle = self.places.partition_point(|place| *place < serial % CYCLE);
        serial / CYCLE * self.places.len() as u64 + of_cycle as u64
    }

    /// The row with this number.
    fn serial(&self, number: u64) -> u64 {
        let (cycles, rest) = (number / self.places.len() as u64, number % self.places.len() as u64);
        cycles * CYCLE + self.places[rest as usize]
    }

    /// The customer whose tenant a row of such a kind leads into.
    pub(super) fn customer(&self, seed: u64, serial: u64, kind: &Kind) -> u128 {
        let number = self.before(serial);
        if !kind.succeeded() {
            return self.idle;
        }
        // Whoever was there later may have been there now, too.
        let later = self.last.partition_point(|last| last.number < number);
        match self.last.get(later) {
            Some(last) if last.number == number => last.customer,
            Some(_) => {
                let choice = mix(seed, serial, 0xc0) % (self.last.len() - later) as u64;
                self.last[later + choice as usize].customer
            }
            None => self.lively[(number % self.lively.len() as u64) as usize],
        }
    }
}

impl Log {
    /// Chooses a row for each customer's last use, as far as the log reaches back; the use is moved
    /// to that moment. Where there are more of them than rows, the rest were used before the log.
    pub(super) fn plan(&mut self, customers: &mut [Customer], now: Timestamp) {
        let seen =
            |customer: &Customer| customer.dap.used.filter(|used| now.duration_since(*used) < LOG);
        let mut used: Vec<_> = customers
            .iter()
            .enumerate()
            .filter_map(|(place, customer)| Some((seen(customer)?, place)))
            .collect();
        used.sort_unstable_by(|one, other| other.cmp(one));
        let day = SignedDuration::from_hours(24);
        let lively = used.iter().filter(|(used, _)| now.duration_since(*used) <= day);
        let mut lively: Vec<_> =
            lively.take(LIVELY).map(|(_, place)| customers[*place].id).collect();
        if lively.is_empty() {
            lively.extend(customers.first().map(|customer| customer.id));
        }
        let idle = |customer: &&Customer| customer.dap.used.or(customer.dap.started).is_none();
        self.crossings.idle = customers.iter().find(idle).map_or(lively[0], |customer| customer.id);
        self.crossings.lively = lively;
        // What may still be on its way is nobody's last use.
        let first = self.number_since(ticks(now) - RETENTION);
        let since = self.number_since(ticks(now) - SETTLING);
        self.crossings.since = since;
        let (shown, hidden) = used.split_at(used.len().min((since - first) as usize));
        let mut next = since;
        for (rank, (used, place)) in shown.iter().enumerate() {
            let left = (shown.len() - 1 - rank) as u64;
            let wanted = if rank == 0 { since } else { self.number_since(ticks(*used) + 1) };
            next = wanted.min(next).max(first + left + 1) - 1;
            let at = moment(self.crossing_tick(next));
            customers[*place].dap.used = Some(at);
            self.crossings.last.push(Last { number: next, customer: customers[*place].id, at });
        }
        self.crossings.last.reverse();
        // A log without such rows tells of no use, and against none.
        let hidden = if since == first { &[] } else { hidden };
        for (used, place) in hidden {
            let dap = &mut customers[*place].dap;
            let used = *used - LOG;
            (dap.used, dap.started) = (Some(used), dap.started.map(|started| started.min(used)));
        }
    }

    /// The number of the first that is from then or later.
    fn number_since(&self, tick: i64) -> u64 {
        self.crossings.before(self.pace.first_since(tick))
    }

    fn crossing_tick(&self, number: u64) -> i64 {
        let serial = self.crossings.serial(number);
        self.pace.tick(&self.pace.hour_of(serial), serial)
    }

    /// The latest successes that can be seen in the tenants where somebody is every day.
    pub(in crate::simulator) fn lately(&self, now: Timestamp) -> BTreeMap<u128, Timestamp> {
        let mut lately = BTreeMap::new();
        for number in (self.crossings.since..self.number_since(ticks(now))).rev() {
            if lately.len() == self.crossings.lively.len() {
                break;
            }
            let serial = self.crossings.serial(number);
            let row = self.row(&self.pace.hour_of(serial), serial);
            if row.has_arrived(now) {
                lately.entry(self.customer(&row)).or_insert(moment(row.tick));
            }
        }
        lately
    }

    /// The latest success in each customer's tenant that can be seen.
    pub(in crate::simulator) fn last_uses(&self, now: Timestamp) -> BTreeMap<u128, Timestamp> {
        let last =
            self.crossings.last.iter().filter(|last| ticks(last.at) >= ticks(now) - RETENTION);
        let mut uses: BTreeMap<_, _> = last.map(|last| (last.customer, last.at)).collect();
        uses.extend(self.lately(now));
        uses
    }

    fn customer(&self, row: &Row) -> u128 {
        self.crossings.customer(self.seed, row.serial, &self.kinds[row.kind])
    }
}

fn is_success(kind: &Kind) -> bool {
    kind.across == Across::Customer && kind.succeeded()
}
