//! What a reader should find of GDAP, counted from the relationships and the people themselves.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{HIGH, Holder, Relationship};
use crate::simulator::directory::Directory;
use crate::simulator::person::{Person, Role, guid};
use crate::simulator::state::State;
use crate::simulator::truth::Gdap;

const STATUSES: [&str; 11] = [
    "created",
    "approvalPending",
    "approved",
    "activating",
    "active",
    "expiring",
    "expired",
    "terminationRequested",
    "terminating",
    "terminated",
    "other",
];
const DAY: i64 = 24 * 3600;
/// Days that are left, a boundary day in the lower band.
const BANDS: [(&str, i64); 5] =
    [("lt1d", 1), ("1to7d", 7), ("7to14d", 14), ("14to30d", 30), ("30to60d", 60)];
const PEOPLE: [(&str, usize); 5] =
    [("0", 0), ("1to5", 5), ("6to20", 20), ("21to50", 50), ("gt50", usize::MAX)];
/// Where anything may be assigned, and where something may have been asked.
const USED: [&str; 3] = ["activating", "active", "expiring"];
const ASKED: [&str; 6] =
    ["created", "approvalPending", "approved", "activating", "terminationRequested", "terminating"];

fn band(end: Timestamp, now: Timestamp) -> Option<&'static str> {
    let left = end.as_second() - now.as_second();
    BANDS.iter().find(|(_, days)| left <= days * DAY).map(|(word, _)| *word)
}

/// People who are behind each group, by their places.
struct Holders(BTreeMap<Holder, BTreeSet<usize>>);

impl Holders {
    fn of(people: &[Person], directory: &Directory) -> Self {
        let counts = |person: &Person| person.enabled && person.role != Role::Sync;
        let of = |holder: Holder| {
            let within = directory.within(directory.holder(holder)?);
            let is_in = |person: &Person| {
                within.iter().any(|&place| directory.groups[place].people.includes(person))
            };
            let people = people.iter().enumerate();
            let people = people.filter(|(_, person)| counts(person) && is_in(person));
            Some((holder, people.map(|(place, _)| place).collect()))
        };
        Self(Holder::ALL.into_iter().filter_map(of).collect())
    }

    /// Everybody behind any of these.
    fn behind(&self, holders: &BTreeSet<Holder>) -> BTreeSet<usize> {
        holders.iter().flat_map(|holder| &self.0[holder]).copied().collect()
    }
}

/// What is true of GDAP now.
pub(in crate::simulator) fn truth(state: &State) -> Gdap {
    let now = state.now();
    let mut truth = blank();
    let mut counted = BTreeMap::new();
    let holders = Holders::of(state.world.people(), state.world.directory());
    let (mut everybody, mut last) = (BTreeSet::new(), BTreeMap::new());
    let mut listed = BTreeSet::new();
    for one in &state.gdap {
        let status = one.status(now);
        let word = if STATUSES.contains(&status) { status } else { "other" };
        *truth.relationships.entry(word).or_default() += 1;
        listed.extend(one.has_customer().then_some(one.customer));
        if USED.contains(&status) {
            for assignment in one.assignments() {
                *truth.assignments.entry(assignment.status).or_default() += 1;
                truth.holders.extend((assignment.status == "active").then_some(assignment.holder));
            }
        }
        if ASKED.contains(&status) {
            for (action, outcome) in one.requests() {
                let of_action = truth.requests.entry(action).or_default();
                *of_action.entry(outcome).or_default() += 1;
            }
        }
        if ["created", "approvalPending"].contains(&status) {
            let oldest = truth.oldest_pending.unwrap_or(Timestamp::MAX);
            truth.oldest_pending = Some(oldest.min(one.created()));
        }
        if status == "active" {
            truth.count_active(one, now, &mut last);
            let key: BTreeSet<Holder> = active(one).map(|(holder, _)| holder).collect();
            everybody.extend(key.iter().copied());
            let people = *counted.entry(key).or_insert_with_key(|key| holders.behind(key).len());
            let band = PEOPLE.iter().find(|(_, most)| people <= *most).map(|(word, _)| *word);
            *truth.by_people.entry(band.unwrap_or_default()).or_default() += 1;
            for role in one.roles() {
                let key: BTreeSet<Holder> = active(one)
                    .filter(|(_, roles)| roles.iter().any(|it| it.template == role.template))
                    .map(|(holder, _)| holder)
                    .collect();
                truth.roles_assigned += usize::from(!key.is_empty());
                let people =
                    *counted.entry(key).or_insert_with_key(|key| holders.behind(key).len());
                truth.exposure += role.weight * people as u64;
            }
        }
    }
    for end in last.values() {
        if let (Some(end), false) = end
            && let Some(band) = band(*end, now)
        {
            *truth.going_dark.entry(band).or_default() += 1;
        }
    }
    truth.customers = last.len();
    let id = |place: &usize| guid(state.customers[*place].id);
    truth.customer_ids = last.keys().map(id).collect();
    truth.listed_customers = listed.len();
    truth.people = holders.behind(&everybody).len();
    truth
}

fn active(one: &Relationship) -> impl Iterator<Item = (Holder, &'static [&'static super::Role])> {
    let active = one.assignments().iter().filter(|it| it.status == "active");
    active.map(|it| (it.holder, it.roles(one)))
}

impl Gdap {
    /// Counts one that grants access; of each customer is kept when its last one ends, and whether
    /// any goes on by itself.
    fn count_active(
        &mut self,
        one: &Relationship,
        now: Timestamp,
        last: &mut BTreeMap<usize, (Option<Timestamp>, bool)>,
    ) {
        let (end, extends) = (one.end(now), one.extends_itself());
        let of_customer = last.entry(one.customer).or_default();
        of_customer.0 = of_customer.0.max(end);
        of_customer.1 |= extends;
        *self.auto_extend.entry(if extends { "yes" } else { "no" }).or_default() += 1;
        if let (Some(end), false) = (end, extends) {
            let earliest = self.earliest_end.unwrap_or(Timestamp::MAX);
            self.earliest_end = Some(earliest.min(end));
            if let Some(band) = band(end, now) {
                *self.ending.entry(band).or_default() += 1;
            }
        }
        for role in one.roles().iter().filter(|role| HIGH.iter().any(|it| it.word == role.word)) {
            *self.with_role.entry(role.word).or_default() += 1;
        }
        self.roles_granted += one.roles().len();
        self.microsoft_led += usize::from(one.kind.microsoft_led);
        let mut count = 0;
        for (holder, _) in active(one) {
            count += 1;
            self.to_admin_agents += usize::from(holder == Holder::AdminAgents);
        }
        self.without_assignment += usize::from(count == 0);
    }
}

/// Every word is there from the beginning.
fn blank() -> Gdap {
    fn zeros<const N: usize>(words: [&'static str; N]) -> BTreeMap<&'static str, usize> {
        words.into_iter().map(|word| (word, 0)).collect()
    }
    let bands = BANDS.map(|(word, _)| word);
    let outcomes = ["created", "pending", "succeeded", "failed", "other"];
    let actions = ["lockForApproval", "approve", "terminate", "reject", "other"];
    Gdap {
        relationships: zeros(STATUSES),
        ending: zeros(bands),
        going_dark: zeros(bands),
        auto_extend: zeros(["yes", "no"]),
        with_role: HIGH.map(|role| (role.word, 0)).into(),
        assignments: zeros(["pending", "active", "deleting", "deleted", "error", "other"]),
        requests: actions.map(|action| (action, zeros(outcomes))).into(),
        by_people: zeros(PEOPLE.map(|(word, _)| word)),
        ..Gdap::default()
    }
}
