//! What was done in Partner Center: what the world itself did, and a background of all else, which
//! follows from the seed and the day, so that it is the same whenever it is read.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil::Date};

use super::customers::{self, Customer};
use super::dap::Ending;
use super::person::random_id;

const DAY_MICROSECONDS: i64 = 24 * 3600 * 1_000_000;
/// Records are kept for so many days.
pub(super) const KEPT_DAYS: i64 = 90;

/// What can be done, and to what, in Microsoft's words.
pub(super) type Operation = (&'static str, &'static str);

pub(super) const DAP_APPROVED: Operation =
    ("dap_admin_relationship_approved", "partner_customer_dap");
const DAP_TERMINATED: Operation = ("dap_admin_relationship_terminated", "partner_customer_dap");
const DAP_TERMINATED_BY_MICROSOFT: Operation =
    ("dap_admin_relationship_terminated_by_microsoft", "partner_customer_dap");
const ADD_CUSTOMER: Operation = ("add_customer", "customer");
const REMOVE_CUSTOMER: Operation =
    ("remove_partner_customer_relationship", "partner_customer_relationship");

/// What happens every day, at customers and, from [`AT_HOME`] on, at the partner.
const USUAL: [Operation; 22] = [
    ("granular_admin_relationship_approved", "granular_admin_relationship"),
    ("granular_admin_relationship_activated", "granular_admin_relationship"),
    ("granular_admin_relationship_termination_requested", "granular_admin_relationship"),
    ("granular_admin_relationship_terminated", "granular_admin_relationship"),
    ("granular_admin_relationship_expired", "granular_admin_relationship"),
    ("granular_admin_access_assignment_created", "granular_admin_access_assignment"),
    ("granular_admin_access_assignment_activated", "granular_admin_access_assignment"),
    ("granular_admin_access_assignment_updated", "granular_admin_access_assignment"),
    ("granular_admin_access_assignment_deleted", "granular_admin_access_assignment"),
    ("create_customer_user", "customer_user"),
    ("update_customer_user", "customer_user"),
    ("delete_customer_user", "customer_user"),
    ("reset_customer_user_password", "customer_user"),
    ("update_customer_spending_budget", "spending_limit"),
    ("create_agreement", "agreement"),
    // In no version of the documentation.
    ("entangle_customer_quantum_relationship", "quantum_relationship"),
    ("create_partner_user", "partner_user"),
    ("update_partner_user", "partner_user"),
    ("remove_partner_user", "partner_user"),
    ("add_user_member", "partner_user"),
    ("register_application", "application"),
    ("add_application_credential", "application_credential"),
];
const AT_HOME: usize = 16;

/// One thing that was done, or tried.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) at: Timestamp,
    pub(super) operation: Operation,
    /// Microsoft's word.
    pub(super) status: &'static str,
    pub(super) customer: Option<Subject>,
    pub(super) id: u128,
}

/// A customer, who may have left since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) id: u128,
    serial: usize,
}

impl Subject {
    fn of(customer: &Customer) -> Self {
        Self { id: customer.id, serial: customer.serial }
    }

    pub(super) fn name(self) -> String {
        customers::name(self.serial)
    }
}

pub(super) struct Audit {
    seed: u64,
    /// How much of the background there is a day.
    daily: usize,
    /// The customers that were there at first.
    customers: Vec<Subject>,
    /// What the world did, oldest first.
    deeds: Vec<Record>,
    rng: fastrand::Rng,
}

impl Audit {
    /// With what these customers granted and took back of late.
    pub(super) fn new(customers: &[Customer], seed: u64) -> Self {
        let seed = seed ^ 0xa0d17;
        let mut audit = Self {
            seed,
            daily: 6 + customers.len() / 200,
            customers: customers.iter().map(Subject::of).collect(),
            deeds: Vec::new(),
            rng: fastrand::Rng::with_seed(seed),
        };
        for customer in customers {
            if let Some(started) = customer.dap.started {
                audit.note(DAP_APPROVED, customer, started);
            }
            if let Some((ended, by)) = customer.dap.ended {
                audit.note(by.operation(), customer, ended);
            }
        }
        audit.deeds.sort_by_key(|record| record.at);
        audit
    }

    fn note(&mut self, operation: Operation, customer: &Customer, at: Timestamp) {
        let customer = Some(Subject::of(customer));
        let id = random_id(&mut self.rng);
        self.deeds.push(Record { at, operation, status: "succeeded", customer, id });
    }

    pub(super) fn note_grant(&mut self, customer: &Customer, now: Timestamp) {
        self.note(DAP_APPROVED, customer, now);
    }

    pub(super) fn note_removal(&mut self, customer: &Customer, now: Timestamp) {
        self.note(DAP_TERMINATED, customer, now);
    }

    pub(super) fn note_arrival(&mut self, customer: &Customer, now: Timestamp) {
        self.note(ADD_CUSTOMER, customer, now);
    }

    pub(super) fn note_departure(&mut self, customer: &Customer, now: Timestamp) {
        self.note(REMOVE_CUSTOMER, customer, now);
    }

    /// All of these days, both of them included, up to now; the newest first.
    pub(super) fn records(&self, first: Date, last: Date, now: Timestamp) -> Vec<Record> {
        let on = |record: &&Record| (first..=last).contains(&date(record.at));
        let mut records: Vec<_> = self.deeds.iter().filter(on).cloned().collect();
        let mut day = first;
        while day <= last.min(date(now)) {
            self.background(day, &mut records);
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        records.retain(|record| record.at <= now);
        records.sort_by_key(|record| std::cmp::Reverse((record.at, record.id)));
        records
    }

    fn background(&self, day: Date, records: &mut Vec<Record>) {
        let Ok(midnight) = day.to_zoned(TimeZone::UTC) else { return };
        let midnight = midnight.timestamp();
        let number = midnight.as_second() / (24 * 3600);
        let mut rng = fastrand::Rng::with_seed(self.seed ^ (number as u64) << 20);
        for _ in 0..self.daily {
            let at = midnight + SignedDuration::from_micros(rng.i64(0..DAY_MICROSECONDS));
            let place = rng.usize(..USUAL.len());
            let subject = rng.usize(..self.customers.len().max(1));
            let customer = self.customers.get(subject).copied().filter(|_| place < AT_HOME);
            let status = match rng.u32(..32) {
                0 | 1 => "failed",
                2 => "progress",
                3 if place == 0 => "decline",
                // A customer was asked for what is granted no more.
                4 if customer.is_some() => {
                    let (status, id) = ("decline", random_id(&mut rng));
                    records.push(Record { at, operation: DAP_APPROVED, status, customer, id });
                    continue;
                }
                _ => "succeeded",
            };
            let operation = USUAL[place];
            if customer.is_none() && place < AT_HOME {
                continue; // There is no customer to whom it could happen.
            }
            let id = random_id(&mut rng);
            records.push(Record { at, operation, status, customer, id });
        }
    }

    /// How often each operation came to each status from then on and before the end, as it can be
    /// read now.
    pub(super) fn figures(
        &self,
        (from, end): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> BTreeMap<&'static str, BTreeMap<&'static str, usize>> {
        let mut figures = BTreeMap::<_, BTreeMap<_, usize>>::new();
        let first = date(from).max(first_day(now));
        for record in self.records(first, date(end), now) {
            if from <= record.at && record.at < end {
                let statuses = figures.entry(record.operation.0).or_default();
                *statuses.entry(record.status).or_default() += 1;
            }
        }
        figures
    }
}

impl Ending {
    fn operation(self) -> Operation {
        match self {
            Self::ByPartner => DAP_TERMINATED,
            Self::ByMicrosoft => DAP_TERMINATED_BY_MICROSOFT,
        }
    }
}

pub(super) fn date(moment: Timestamp) -> Date {
    moment.to_zoned(TimeZone::UTC).date()
}

/// The first day of which there are records still.
pub(super) fn first_day(now: Timestamp) -> Date {
    date(now - SignedDuration::from_hours(24 * KEPT_DAYS))
}
