//! Who counts: the enabled accounts of a tenant, the groups they are in, the roles they hold.
//!
//! People are numbered in the order of their object ids, so that a set of them is a row of bits.

use std::collections::HashMap;

use crate::posture::bits::Bits;
use crate::sources::{
    Account, DIRECTORY_SYNCHRONIZATION, Facts, Groups, Members, RoleAssignment, Unread, User, Users,
};
use crate::wire::ObjectId;

/// The people of a tenant, and what they belong to.
#[derive(Debug)]
pub struct People<'a> {
    accounts: &'a Users,
    everyone: Vec<&'a User>,
    synchronizers: Vec<&'a User>,
    /// Number of each person by object id.
    numbers: HashMap<&'a ObjectId, u32, foldhash::fast::RandomState>,
    groups: Nests<'a>,
    active: Result<&'a [RoleAssignment], Unread>,
    eligible: Result<&'a [RoleAssignment], Unread>,
    agents: Result<Vec<&'a ObjectId>, Unread>,
    /// Who may be a Connect sync account, while roles cannot be read.
    doubtful: Option<(Bits, Unread)>,
}

/// How a role is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Now: standing or activated.
    Active,
    /// Whenever the person chooses to.
    Eligible,
}

impl<'a> People<'a> {
    /// Everybody who counts. Who they belong to is as known as the facts are.
    pub fn of(facts: &'a Facts) -> Result<Self, Unread> {
        let users = facts.users.rows()?;
        let active = facts.role_assignments.rows().map(|roles| roles.all());
        let mut people = Self {
            accounts: users,
            everyone: users.enabled().collect(),
            synchronizers: Vec::new(),
            numbers: HashMap::default(),
            groups: Nests { unread: Some(Unread::Pending), ..Nests::default() },
            active,
            eligible: facts.role_eligibilities.rows().map(|roles| roles.all()),
            agents: facts.agent_groups.rows().map(|agents| agents.groups().collect()),
            doubtful: None,
        };
        people.renumber(facts);
        match active {
            Ok(_) => people.leave_out_synchronizers(facts),
            Err(why) => people.doubt_synchronizers(why),
        }
        Ok(people)
    }

    fn renumber(&mut self, facts: &'a Facts) {
        let numbered = self.everyone.iter().enumerate();
        self.numbers = numbered.map(|(number, user)| (&user.id, number as u32)).collect();
        self.groups = match facts.groups.rows() {
            Ok(groups) => Nests::of(groups, &self.numbers),
            Err(why) => Nests { unread: Some(why), ..Nests::default() },
        };
    }

    /// Connect sync accounts are no people. They are known by their role and by nothing else.
    fn leave_out_synchronizers(&mut self, facts: &'a Facts) {
        let mut synchronizers = Bits::none(self.count());
        let doubt = self.add_holders(
            &synchronization(),
            Hold::Active,
            Reach::TenantWide,
            &mut synchronizers,
        );
        if !synchronizers.is_empty() {
            self.synchronizers = synchronizers.iter().map(|number| self.everyone[number]).collect();
            let kept = self.everyone.iter().enumerate();
            let kept = kept.filter(|(number, _)| !synchronizers.contains(*number));
            self.everyone = kept.map(|(_, user)| *user).collect();
            self.renumber(facts);
        }
        if let Some(why) = doubt {
            self.doubt_synchronizers(why);
        }
    }

    /// Entra Connect names its accounts itself. The name proves nothing, but whoever has it is not
    /// judged while it cannot be proved.
    fn doubt_synchronizers(&mut self, why: Unread) {
        let mut doubtful = Bits::none(self.count());
        for (number, user) in self.everyone.iter().enumerate() {
            let name = user.user_principal_name.get(..5).unwrap_or_default();
            if user.account == Account::Member && name.eq_ignore_ascii_case("sync_") {
                doubtful.insert(number);
            }
        }
        self.doubtful = (!doubtful.is_empty()).then_some((doubtful, why));
    }

    /// How many people there are.
    pub fn count(&self) -> usize {
        self.everyone.len()
    }

    /// Everybody, in the order of their numbers.
    pub fn everyone(&self) -> &[&'a User] {
        &self.everyone
    }

    /// Connect sync accounts that may sign in.
    pub fn synchronizers(&self) -> &[&'a User] {
        &self.synchronizers
    }

    /// Why this one cannot be told from a Connect sync account.
    pub fn doubt(&self, number: usize) -> Option<Unread> {
        let (doubtful, why) = self.doubtful.as_ref()?;
        doubtful.contains(number).then_some(*why)
    }

    /// The person of this object id.
    pub fn number(&self, id: &ObjectId) -> Option<usize> {
        self.numbers.get(id).map(|&number| number as usize)
    }

    /// Whether there is such an account at all.
    pub fn is_account(&self, id: &ObjectId) -> bool {
        self.accounts.of(id).is_some()
    }

    /// Adds whoever is in this group to any depth. What could not be read on the way is returned:
    /// then anybody may be in it.
    pub fn add_members(&self, group: &ObjectId, to: &mut Bits) -> Option<Unread> {
        self.groups.add_members(group, to)
    }

    /// Adds whoever holds this role, directly or through groups, likewise.
    pub fn add_holders(
        &self,
        role: &ObjectId,
        hold: Hold,
        reach: Reach,
        to: &mut Bits,
    ) -> Option<Unread> {
        let assignments = match hold {
            Hold::Active => self.active,
            Hold::Eligible => self.eligible,
        };
        let assignments = match assignments {
            Ok(assignments) => assignments,
            Err(why) => return Some(why),
        };
        let of_role = assignments.iter().filter(|it| it.role == *role);
        let within = of_role.filter(|it| it.tenant_wide || reach == Reach::Anywhere);
        within.filter_map(|it| self.add_principal(it, to)).min()
    }

    fn add_principal(&self, assignment: &RoleAssignment, to: &mut Bits) -> Option<Unread> {
        match self.number(&assignment.principal) {
            Some(number) => {
                to.insert(number);
                None
            }
            // A program, or an account that does not count.
            None if assignment.is_group == Some(false) => None,
            None if self.accounts.of(&assignment.principal).is_some() => None,
            None => self.add_members(&assignment.principal, to),
        }
    }

    /// Whoever is known to hold any role anywhere, now or by choice, or to act for customers; and
    /// why there may be more of them.
    pub fn administrators(&self) -> (Bits, Option<Unread>) {
        let mut administrators = Bits::none(self.count());
        let mut doubt = [self.active.err(), self.eligible.err()].into_iter().flatten().min();
        for assignment in self.active.into_iter().chain(self.eligible).flatten() {
            doubt =
                doubt.into_iter().chain(self.add_principal(assignment, &mut administrators)).min();
        }
        match &self.agents {
            Ok(agents) => {
                for group in agents {
                    let more = self.add_members(group, &mut administrators);
                    doubt = doubt.into_iter().chain(more).min();
                }
            }
            Err(why) => doubt = doubt.into_iter().chain([*why]).min(),
        }
        (administrators, doubt)
    }

    /// Connect sync accounts known to have anything to do beside synchronising (another role, now
    /// or by choice, or a place among the agents), and why there may be more of them.
    pub fn busy_synchronizers(&self) -> (Vec<&'a User>, Option<Unread>) {
        let synchronization = synchronization();
        let held = self.active.into_iter().chain(self.eligible).flatten();
        let held = held.filter(|it| it.role != synchronization).map(|it| &it.principal);
        let agents = self.agents.iter().flatten().copied();
        let principals: Vec<_> = held.chain(agents).collect();
        let is_busy = |user: &&&User| {
            principals.iter().any(|principal| {
                **principal == user.id || self.groups.path(principal, &user.id).is_some()
            })
        };
        let busy: Vec<_> = self.synchronizers.iter().filter(is_busy).copied().collect();
        let unread = [self.active.err(), self.eligible.err(), self.agents.as_ref().err().copied()];
        let mut ignored = Bits::none(self.count());
        let assigned = self.active.into_iter().chain(self.eligible).flatten();
        let assigned = assigned.filter_map(|it| self.add_principal(it, &mut ignored)).min();
        let agents = self.agents.iter().flatten();
        let agents = agents.filter_map(|id| self.add_members(id, &mut ignored)).min();
        let doubts = assigned.into_iter().chain(agents);
        let is_all_busy = busy.len() == self.synchronizers.len();
        let doubt = unread.into_iter().flatten().chain(doubts).min().filter(|_| !is_all_busy);
        (busy, doubt)
    }

    /// The assignments of this role, for saying how somebody holds it.
    pub fn assignments(&self, role: &ObjectId, hold: Hold) -> Vec<&'a RoleAssignment> {
        let assignments = match hold {
            Hold::Active => self.active,
            Hold::Eligible => self.eligible,
        };
        let tenant_wide = |it: &&RoleAssignment| it.role == *role && it.tenant_wide;
        assignments.unwrap_or_default().iter().filter(tenant_wide).collect()
    }

    /// What the administrators call this group, with its id.
    pub fn name(&self, group: &ObjectId) -> String {
        let number = self.groups.numbers.get(group);
        match number.map(|&number| self.groups.nests[number as usize].name) {
            Some(name) if !name.is_empty() => format!("{name} ({group})"),
            _ => group.to_string(),
        }
    }

    /// A way from the group to the account: names of the groups on it, the given one first.
    pub fn path(&self, group: &ObjectId, member: &ObjectId) -> Option<Vec<String>> {
        self.groups.path(group, member)
    }
}

/// Where a role has to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// In the whole tenant.
    TenantWide,
    /// There, or in an administrative unit.
    Anywhere,
}

fn synchronization() -> ObjectId {
    ObjectId::parse(DIRECTORY_SYNCHRONIZATION).expect("the constant is a GUID")
}

/// Groups with their members as numbers.
#[derive(Debug, Default)]
struct Nests<'a> {
    nests: Vec<Nest<'a>>,
    numbers: HashMap<&'a ObjectId, u32, foldhash::fast::RandomState>,
    /// Why no group is known.
    unread: Option<Unread>,
}

#[derive(Debug)]
struct Nest<'a> {
    name: &'a str,
    members: &'a Members,
    people: Vec<u32>,
    /// Groups in it; one that was never asked for has no number.
    groups: Vec<Option<u32>>,
}

impl<'a> Nests<'a> {
    fn of(
        groups: &'a Groups,
        people: &HashMap<&'a ObjectId, u32, foldhash::fast::RandomState>,
    ) -> Self {
        let numbers: HashMap<_, _, _> =
            groups.all().enumerate().map(|(number, (id, _))| (id, number as u32)).collect();
        let nests = groups.all().map(|(_, group)| {
            let (members, nested): (&[ObjectId], &[ObjectId]) = match &group.members {
                Members::Known { people, groups } => (people, groups),
                Members::Deleted | Members::Unread(_) => (&[], &[]),
            };
            Nest {
                name: &group.name,
                members: &group.members,
                people: members.iter().filter_map(|id| people.get(id).copied()).collect(),
                groups: nested.iter().map(|id| numbers.get(id).copied()).collect(),
            }
        });
        Self { nests: nests.collect(), numbers, unread: None }
    }

    fn add_members(&self, group: &ObjectId, to: &mut Bits) -> Option<Unread> {
        if let Some(why) = self.unread {
            return Some(why);
        }
        let Some(&start) = self.numbers.get(group) else { return Some(Unread::Pending) };
        let mut seen = Bits::none(self.nests.len());
        seen.insert(start as usize);
        let (mut waiting, mut doubt) = (vec![start], None);
        while let Some(number) = waiting.pop() {
            let nest = &self.nests[number as usize];
            if let Members::Unread(why) = nest.members {
                doubt = Some(doubt.map_or(*why, |doubt: Unread| doubt.min(*why)));
            }
            nest.people.iter().for_each(|&person| to.insert(person as usize));
            for inner in &nest.groups {
                match inner {
                    Some(inner) if seen.contains(*inner as usize) => {}
                    Some(inner) => {
                        seen.insert(*inner as usize);
                        waiting.push(*inner);
                    }
                    None => doubt = Some(Unread::Pending),
                }
            }
        }
        doubt
    }

    /// The shortest way from a group down to a member.
    fn path(&self, group: &ObjectId, member: &ObjectId) -> Option<Vec<String>> {
        let start = *self.numbers.get(group)?;
        let mut came_from: HashMap<u32, Option<u32>> = HashMap::from([(start, None)]);
        let mut waiting = std::collections::VecDeque::from([start]);
        while let Some(number) = waiting.pop_front() {
            let nest = &self.nests[number as usize];
            let Members::Known { people, .. } = nest.members else { continue };
            if people.contains(member) {
                let mut names = Vec::new();
                let mut here = Some(number);
                while let Some(number) = here {
                    names.push(self.nests[number as usize].name.to_owned());
                    here = came_from[&number];
                }
                names.reverse();
                return Some(names);
            }
            for inner in nest.groups.iter().flatten() {
                if !came_from.contains_key(inner) {
                    came_from.insert(*inner, Some(number));
                    waiting.push_back(*inner);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posture::tenants::{id, now, tenant};
    use crate::sources::{Fact, Group, RoleAssignments};

    fn held_by(principal: &str, is_group: Option<bool>) -> Facts {
        let facts = tenant("{ users: { anna: {}, out: { disabled: true } } }").facts();
        let assignment = RoleAssignment {
            principal: id(principal),
            is_group,
            role: id("admin"),
            tenant_wide: true,
            activated: false,
            ends: None,
        };
        Facts {
            role_assignments: Fact::known(RoleAssignments::new(vec![assignment]), now()),
            ..facts
        }
    }

    fn administrators(facts: &Facts) -> (usize, Option<Unread>) {
        let people = People::of(facts).unwrap();
        let (administrators, doubt) = people.administrators();
        (administrators.count(), doubt)
    }

    #[test]
    fn a_program_or_a_disabled_account_with_a_role_raises_no_doubt_and_an_unknown_principal_does() {
        assert_eq!(administrators(&held_by("anna", None)), (1, None));
        assert_eq!(administrators(&held_by("out", None)), (0, None));
        assert_eq!(administrators(&held_by("robot", Some(false))), (0, None));
        // It may be a group, and was not asked for yet.
        assert_eq!(administrators(&held_by("who", None)), (0, Some(Unread::Pending)));
    }

    #[test]
    fn a_nested_group_that_was_not_asked_for_leaves_a_doubt() {
        let facts = tenant("{ users: { anna: {} } }").facts();
        let members = Members::Known { people: [].into(), groups: [id("inner")].into() };
        let groups = Groups::new([(id("outer"), Group::new("Outer", members, now()))]);
        let facts = Facts { groups: Fact::known(groups, now()), ..facts };
        let people = People::of(&facts).unwrap();
        let mut members = Bits::none(people.count());
        assert_eq!(people.add_members(&id("outer"), &mut members), Some(Unread::Pending));
        assert!(members.is_empty());
    }

    #[test]
    fn a_way_into_a_group_names_every_group_on_it_and_ends_in_circles_too() {
        let facts = tenant(
            "{ users: { anna: {}, bert: {} }, groups: { outer: [middle], middle: [inner, outer], inner: [anna] } }",
        )
        .facts();
        let people = People::of(&facts).unwrap();
        let path = people.path(&id("outer"), &id("anna")).unwrap();
        assert_eq!(path, ["outer", "middle", "inner"]);
        assert_eq!(people.path(&id("outer"), &id("bert")), None);
    }
}
