//! Delegated administration by GDAP: which relationships grant access, for how long, and how many
//! people have how much power through them.
//!
//! What is counted and how is specified in `docs/delegation.md`.

mod end;
mod gauges;
mod reach;
mod weight;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Posture;
use super::people::People;
use crate::client::Api;
use crate::sources::relationship::{Relationship, Status};
use crate::sources::{Assignment, AssignmentStatus, Facts, GdapRelationships, Unread, role_name};
use crate::wire::ObjectId;

pub use end::{Band, left};
pub(super) use gauges::{METRICS, observe};
pub use weight::weight;

use reach::Reach;

/// Until a relationship has been active for so long, its groups may still be on their way. The figure
/// is ours.
pub const SETTLING: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The GDAP relationships of a partner, judged.
#[derive(Debug)]
pub struct Gdap<'a> {
    /// All relationships.
    pub relationships: &'a GdapRelationships,
    /// Those that grant access, in the order of their ids.
    pub active: Vec<Use<'a>>,
    /// Customers with an active relationship, by tenant.
    customers: BTreeMap<&'a ObjectId, Customer>,
    /// Enabled people who can use any relationship.
    people: Result<usize, Unread>,
    /// Whether an active one does not say with whom it is.
    is_unsaid: bool,
    /// The moment it is judged at.
    now: Timestamp,
}

/// An active relationship, and who can use it.
#[derive(Debug)]
pub struct Use<'a> {
    /// The relationship.
    pub relationship: &'a Relationship,
    /// The groups it is given to.
    pub assignments: Result<&'a [Assignment], Unread>,
    /// Distinct enabled people in groups with an active assignment.
    pub people: Result<usize, Unread>,
    /// The weight of each role times the people who have it there, summed.
    pub exposure: Result<u64, Unread>,
}

/// What the active relationships with one customer come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Customer {
    /// When the last of them ends; `None` where that is not said of each.
    pub last_end: Option<Timestamp>,
    /// Whether any of them extends itself.
    pub extends_itself: bool,
    /// Their exposure, summed.
    pub exposure: Result<u64, Unread>,
}

impl<'a> Gdap<'a> {
    /// Of these facts. What could not be read leaves unknown what rests on it.
    pub fn of(facts: &'a Facts, people: Result<&People<'a>, Unread>) -> Result<Self, Unread> {
        let relationships = facts.gdap_relationships.rows()?;
        let assignments = facts.gdap_access_assignments.rows();
        let mut reach = Reach::of(people);
        let active = relationships.all().filter(|it| it.is_active(facts.now));
        let active: Vec<_> = active
            .map(|relationship| {
                let assignments = assignments.and_then(|all| all.of(&relationship.id));
                // A word that is not known may grant as well as not.
                let is_unknown = |it: &Assignment| it.status == AssignmentStatus::Other;
                let assignments = match assignments {
                    Ok(all) if all.iter().any(is_unknown) => Err(Unread::NotObservable),
                    known => known,
                };
                let people = assignments.and_then(|all| reach.people(all));
                let exposure = assignments.and_then(|all| reach.exposure(relationship, all));
                Use { relationship, assignments, people, exposure }
            })
            .collect();
        let read = active.iter().map(|it| it.assignments);
        let people = read.collect::<Result<Vec<_>, _>>();
        let people = people.and_then(|all| reach.everybody(all.into_iter().flatten()));
        let customers = customers(&active);
        let is_unsaid = active.iter().any(|it| it.relationship.customer.is_none());
        let now = facts.now;
        Ok(Self { relationships, active, customers, people, is_unsaid, now })
    }

    /// What the active relationships with this customer come to; `None` where there is none. Not
    /// known while one that could not be read may be with this customer.
    pub fn customer(&self, tenant: &ObjectId) -> Result<Option<Customer>, Unread> {
        match self.customers.get(tenant) {
            Some(customer) => Ok(Some(*customer)),
            None if self.rows_doubt().is_some() || self.is_unsaid => Err(Unread::SourceFailed),
            None => Ok(None),
        }
    }

    /// Customers with an active relationship, in the order of their ids.
    pub fn customers(&self) -> impl Iterator<Item = (&'a ObjectId, Customer)> {
        self.customers.iter().map(|(tenant, customer)| (*tenant, *customer))
    }

    /// Enabled people who can use any relationship.
    pub fn people(&self) -> Result<usize, Unread> {
        self.people
    }

    /// The exposure of all customers together.
    pub fn exposure(&self) -> Result<u64, Unread> {
        match self.rows_doubt() {
            Some(why) => Err(why),
            None => self.active.iter().map(|it| it.exposure).sum(),
        }
    }

    /// Those that wait for the customer, or for the partner to send them.
    pub fn pending(&self) -> impl Iterator<Item = &'a Relationship> {
        let waits =
            |it: &&Relationship| matches!(it.status, Status::Created | Status::ApprovalPending);
        self.relationships.all().filter(waits)
    }

    /// Why there may be more relationships than are known.
    fn rows_doubt(&self) -> Option<Unread> {
        (self.relationships.rejected > 0).then_some(Unread::SourceFailed)
    }

    /// Why more of them may grant access than are known to: rows that could not be read, and a status
    /// that this version does not know, of one that has not ended.
    pub fn doubt(&self) -> Option<Unread> {
        let is_over = |it: &Relationship| it.ends.is_some_and(|end| end <= self.now);
        let unknown = |it: &Relationship| it.status == Status::Other && !is_over(it);
        let words = self.relationships.all().any(unknown);
        self.rows_doubt().or(words.then_some(Unread::NotObservable))
    }

    /// Why it is not known of each active relationship who may use it.
    pub fn assignments_doubt(&self) -> Option<Unread> {
        self.active.iter().filter_map(|it| it.assignments.err()).chain(self.doubt()).min()
    }
}

fn customers<'a>(active: &[Use<'a>]) -> BTreeMap<&'a ObjectId, Customer> {
    let mut customers: BTreeMap<&ObjectId, Customer> = BTreeMap::new();
    for it in active {
        let relationship = it.relationship;
        let Some(tenant) = &relationship.customer else { continue };
        let this = Customer {
            last_end: relationship.ends,
            extends_itself: relationship.extends_itself(),
            exposure: it.exposure,
        };
        customers.entry(tenant).and_modify(|sum| sum.add(this)).or_insert(this);
    }
    customers
}

impl Customer {
    fn add(&mut self, other: Self) {
        self.last_end = self.last_end.zip(other.last_end).map(|(one, another)| one.max(another));
        self.extends_itself |= other.extends_itself;
        self.exposure = [self.exposure, other.exposure].into_iter().sum();
    }

    /// When nobody has access any more, if nothing is done; `None` while something extends itself.
    pub fn goes_dark(&self) -> Option<Timestamp> {
        self.last_end.filter(|_| !self.extends_itself)
    }
}

impl<'a> Use<'a> {
    /// The assignments that grant access.
    pub fn granting(&self) -> Result<impl Iterator<Item = &'a Assignment>, Unread> {
        Ok(self.assignments?.iter().filter(|it| it.is_active()))
    }

    /// Roles it grants that are given to some group.
    pub fn assigned(&self) -> Result<usize, Unread> {
        let granting: Vec<_> = self.granting()?.collect();
        let is_assigned = |role: &&ObjectId| granting.iter().any(|it| it.roles.contains(role));
        Ok(self.relationship.roles.iter().filter(is_assigned).count())
    }

    /// Whether its groups may still be on their way.
    pub fn is_settling(&self, now: Timestamp) -> bool {
        let since = self.relationship.activated;
        since.is_some_and(|since| now.duration_since(since) < SETTLING)
    }
}

impl<'a> Posture<'a> {
    /// The GDAP relationships, or the fact for which they are of no concern to this tenant.
    pub fn gdap_relationships(&self) -> Result<Result<&Gdap<'a>, &'static str>, Unread> {
        match &self.gdap {
            Ok(gdap) if gdap.relationships.all().len() == 0 => match gdap.doubt() {
                Some(why) => Err(why),
                None => Ok(Err("the partner has no GDAP relationship")),
            },
            Ok(gdap) => Ok(Ok(gdap)),
            Err(Unread::Pending) => Err(Unread::Pending),
            Err(why) => self.exempt(Api::Graph).map(Err).ok_or(*why),
        }
    }

    /// The same, where any of them grants access.
    pub fn gdap_in_use(&self) -> Result<Result<&Gdap<'a>, &'static str>, Unread> {
        self.gdap_relationships().and_then(|known| match known {
            Ok(gdap) if gdap.active.is_empty() => match gdap.doubt() {
                Some(why) => Err(why),
                None => Ok(Err("no GDAP relationship is active")),
            },
            known => Ok(known),
        })
    }

    /// Whether a role is one that no relationship should grant, as declared.
    pub fn is_high_privilege(&self, role: &ObjectId) -> bool {
        self.declared.high_privilege_roles.contains(role)
    }
}

/// What a role is called, or its id.
pub fn role_title(role: &ObjectId) -> String {
    role_name(role).map_or_else(|| role.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
