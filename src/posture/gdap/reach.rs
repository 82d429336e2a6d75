//! How many people are behind a relationship, and behind each of its roles.
//!
//! Thousands of relationships are used through the same few groups, so each group is looked up once,
//! and each set of groups counted once.

use std::collections::{BTreeMap, BTreeSet};

use super::weight::weight;
use crate::posture::bits::Bits;
use crate::posture::people::People;
use crate::sources::relationship::Relationship;
use crate::sources::{Assignment, Unread};
use crate::wire::ObjectId;

/// Counts people behind sets of groups.
pub(super) struct Reach<'p, 'a> {
    people: Result<&'p People<'a>, Unread>,
    groups: BTreeMap<&'a ObjectId, (Bits, Option<Unread>)>,
    counted: BTreeMap<BTreeSet<&'a ObjectId>, Result<usize, Unread>>,
    weights: BTreeMap<&'a ObjectId, u64>,
}

impl<'p, 'a> Reach<'p, 'a> {
    pub(super) fn of(people: Result<&'p People<'a>, Unread>) -> Self {
        let (groups, counted, weights) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { people, groups, counted, weights }
    }

    /// Distinct people who have any of these assignments, of those that grant access.
    pub(super) fn people(&mut self, assignments: &'a [Assignment]) -> Result<usize, Unread> {
        let groups = groups(assignments.iter())?;
        self.count(groups)
    }

    /// The same of assignments of many relationships.
    pub(super) fn everybody(
        &mut self,
        assignments: impl Iterator<Item = &'a Assignment>,
    ) -> Result<usize, Unread> {
        let groups = groups(assignments)?;
        self.count(groups)
    }

    /// The weight of each role times the distinct people to whom an active assignment gives it, of the
    /// roles that the relationship grants.
    pub(super) fn exposure(
        &mut self,
        relationship: &'a Relationship,
        assignments: &'a [Assignment],
    ) -> Result<u64, Unread> {
        let mut sum = 0_u64;
        for role in relationship.roles.iter() {
            let with_role = assignments.iter().filter(|it| it.roles.binary_search(role).is_ok());
            let groups = groups(with_role)?;
            let people = self.count(groups)? as u64;
            let weight = *self.weights.entry(role).or_insert_with(|| weight(role));
            sum = sum.saturating_add(weight.saturating_mul(people));
        }
        Ok(sum)
    }

    fn count(&mut self, groups: BTreeSet<&'a ObjectId>) -> Result<usize, Unread> {
        if groups.is_empty() {
            return Ok(0);
        }
        if let Some(known) = self.counted.get(&groups) {
            return *known;
        }
        let count = self.union(&groups);
        self.counted.insert(groups, count);
        count
    }

    fn union(&mut self, groups: &BTreeSet<&'a ObjectId>) -> Result<usize, Unread> {
        let people = self.people?;
        let (mut union, mut doubt) = (Bits::none(people.count()), None);
        for group in groups {
            let (members, unread) = self.groups.entry(group).or_insert_with(|| {
                let mut members = Bits::none(people.count());
                let unread = people.add_members(group, &mut members);
                (members, unread)
            });
            union.add(members);
            doubt = doubt.into_iter().chain(*unread).min();
        }
        doubt.map_or(Ok(union.count()), Err)
    }
}

/// The groups that have access by these. What is no group may be anybody.
fn groups<'a>(
    assignments: impl Iterator<Item = &'a Assignment>,
) -> Result<BTreeSet<&'a ObjectId>, Unread> {
    let granting = assignments.filter(|it| it.is_active());
    let group = |it: &'a Assignment| it.group.as_ref().filter(|_| it.is_security_group);
    granting.map(|it| group(it).ok_or(Unread::NotObservable)).collect()
}
