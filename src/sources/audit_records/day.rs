//! One day of the activity log, folded as its records come.

use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::FixedState;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

use super::operation::{Operation, Status};
use crate::wire::{self, ObjectId};

/// A record, as far as it is read. Who did it and what was changed is nobody's business here.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    /// Newer answers have it.
    #[serde(default, deserialize_with = "wire::null_is_default")]
    id: Box<str>,
    #[serde(default, rename = "customerid", deserialize_with = "wire::null_is_default")]
    customer: Box<str>,
    #[serde(default, rename = "operationtype", deserialize_with = "wire::null_is_default")]
    operation: Box<str>,
    #[serde(rename = "operationdate", deserialize_with = "moment")]
    at: Timestamp,
    #[serde(default, rename = "operationstatus", deserialize_with = "wire::null_is_default")]
    status: Box<str>,
    /// By which records without an id are told apart.
    #[serde(default, rename = "resourcenewvalue", deserialize_with = "wire::null_is_default")]
    value: serde_json::Value,
}

#[cfg(test)]
impl Row {
    pub(super) fn succeeded(customer: &ObjectId, operation: &str, at: Timestamp) -> Self {
        let customer = customer.to_string().into();
        let (id, value) = (Box::default(), serde_json::Value::Null);
        Self { id, customer, operation: operation.into(), at, status: "succeeded".into(), value }
    }
}

/// A record that does not say when is no record of any day.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    wire::optional_moment(deserializer)?.ok_or_else(|| de::Error::custom("no date"))
}

/// Records that came before: a list that is read over many pages may repeat some.
#[derive(Debug, Default)]
pub(super) struct Seen(HashSet<u64>);

impl Seen {
    /// Whether it has not come before.
    pub(super) fn is_new(&mut self, row: &Row) -> bool {
        let hasher = FixedState::default();
        self.0.insert(match &*row.id {
            "" => {
                let value = row.value.to_string();
                let customer = ObjectId::parse(&row.customer).map(|id| id.to_string());
                hasher.hash_one((row.at, &row.operation, customer, &row.status, value))
            }
            id => hasher.hash_one(id),
        })
    }
}

/// Records may come late: a day is read for good when it has been over for so long.
const SETTLES: i64 = 6 * 3600;

/// What is kept of a day.
#[derive(Debug, Clone)]
pub(super) struct Day {
    /// In seconds since 1970.
    period: Range<i64>,
    /// When it was read, likewise.
    read: i64,
    /// Records that could not be read.
    pub(super) rejected: u64,
    counts: BTreeMap<(Operation, Status), u32>,
    /// When something was last done about a customer, with success.
    changed: BTreeMap<ObjectId, Timestamp>,
    granted: BTreeMap<ObjectId, Timestamp>,
    ended: BTreeMap<ObjectId, Timestamp>,
}

impl Day {
    pub(super) fn new(period: Range<i64>, read: i64) -> Self {
        let counts = BTreeMap::new();
        let (changed, granted, ended) = Default::default();
        Self { period, read, rejected: 0, counts, changed, granted, ended }
    }

    /// Adds a record, unless it is of another day.
    pub(super) fn add(&mut self, row: &Row) {
        if !self.period.contains(&row.at.as_second()) {
            return;
        }
        let (operation, status) = (Operation::of(&row.operation), Status::of(&row.status));
        let count = self.counts.entry((operation, status)).or_default();
        *count = count.saturating_add(1);
        let Some(customer) = ObjectId::parse(&row.customer) else { return };
        if status != Status::Succeeded {
            return;
        }
        let note = |to: &mut BTreeMap<ObjectId, Timestamp>| {
            let last = to.entry(customer.clone()).or_insert(row.at);
            *last = row.at.max(*last);
        };
        note(&mut self.changed);
        if operation.grants_dap() {
            note(&mut self.granted);
        }
        if operation.ends_dap() {
            note(&mut self.ended);
        }
    }

    /// Whether nothing more will come.
    pub(super) fn is_settled(&self) -> bool {
        self.read >= self.period.end + SETTLES
    }

    /// Whether it was not read in the future, by a clock that has been set back since.
    pub(super) fn was_read_by(&self, now: i64) -> bool {
        self.read <= now
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = ((Operation, Status), u32)> {
        self.counts.iter().map(|(what, count)| (*what, *count))
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = (&ObjectId, Timestamp)> {
        self.changed.iter().map(|(customer, at)| (customer, *at))
    }

    pub(super) fn granted(&self) -> impl Iterator<Item = (&ObjectId, Timestamp)> {
        self.granted.iter().map(|(customer, at)| (customer, *at))
    }

    pub(super) fn ended(&self) -> impl Iterator<Item = (&ObjectId, Timestamp)> {
        self.ended.iter().map(|(customer, at)| (customer, *at))
    }
}
