//! What the directory holds beside people: groups, service principals, roles and policies.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Plan;
use super::duty::Duty;
use super::fate::Fate;
use super::gdap::Holder;
use super::person::{Person, Role, guid, random_id};
use super::plants::ROOM;
use super::policies;
use super::policy::{Policy, State, users};
use super::privilege;
use super::roles::{self, Assignment, Principal, ROLES};
use super::truth::Circumstances;

pub(super) struct Directory {
    pub(super) groups: Vec<Group>,
    pub(super) services: Vec<Service>,
    pub(super) assignments: Vec<Assignment>,
    pub(super) policies: Vec<Policy>,
    /// The ids that [`ROLES`] have in this tenant, in their order.
    pub(super) role_ids: Vec<u128>,
    /// The administrative unit.
    pub(super) unit: u128,
    /// Whether Connect synchronises accounts from elsewhere.
    pub(super) synchronized: bool,
}

/// A group: people by what they have in common, groups and service principals by place.
pub(super) struct Group {
    pub(super) id: u128,
    pub(super) name: &'static str,
    pub(super) people: Who,
    pub(super) groups: Vec<usize>,
    pub(super) services: Vec<usize>,
    /// Whether roles may be assigned to it.
    pub(super) assignable: bool,
}

/// An application, as the tenant knows it.
pub(super) struct Service {
    pub(super) id: u128,
    pub(super) app_id: u128,
    pub(super) name: &'static str,
}

/// What the people of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Nobody,
    /// Every third of the staff.
    Department(u32),
    BreakGlass,
    Guests,
    /// Excluded by group: those who are people, and service accounts.
    Excepted {
        service: bool,
    },
    Fated(Fate),
    On(Duty),
    /// The same, and who had that duty when they left.
    Agents(Duty),
    LegacyExempt,
}

impl Who {
    pub(super) fn includes(self, person: &Person) -> bool {
        let service = person.role == Role::Service;
        let emergency = person.role == Role::BreakGlass;
        match self {
            Self::Nobody => false,
            Self::Department(place) => {
                let guest = person.is_guest() && person.fate != Fate::ExcludedGuest;
                person.serial % 3 == place && person.fate.among_staff() && !guest && !emergency
            }
            Self::BreakGlass => emergency,
            Self::Guests => person.is_guest() && person.fate == Fate::Covered,
            Self::Excepted { service: wanted } => {
                person.fate == Fate::ExcludedByGroup && service == wanted
            }
            Self::Fated(fate) => person.fate == fate,
            Self::On(duty) => person.duty == duty,
            Self::Agents(duty) => person.duty == duty || privilege::left(person) == Some(duty),
            Self::LegacyExempt => person.legacy_exempt,
        }
    }
}

/// The ids that policies name.
pub(super) struct Ids {
    pub(super) staff: String,
    pub(super) guests: String,
    pub(super) exceptions: String,
    /// Of a group that is there no more.
    pub(super) deleted: String,
    pub(super) legacy_exempt: String,
    pub(super) break_glass: Vec<String>,
    /// Of everybody who is excluded by name, emergency accounts among them.
    pub(super) excluded: Vec<String>,
    fated: Vec<(Fate, String)>,
}

impl Ids {
    /// Those of this fate, by their group.
    pub(super) fn of(&self, fate: Fate) -> Value {
        let group = self.fated.iter().filter(|(one, _)| *one == fate).map(|(_, id)| id);
        users([("includeGroups", json!(group.collect::<Vec<_>>()))])
    }
}

/// The groups of partner agents.
pub(super) const AGENTS: [&str; 3] = ["AdminAgents", "HelpdeskAgents", "SalesAgents"];

/// Groups for the fates that a policy of their own brings about.
const FATED: [(Fate, &str); 14] = [
    (Fate::ByApplication, "Back office"),
    (Fate::ByClient, "Kiosks"),
    (Fate::ByPlatform, "Drivers"),
    (Fate::ByLocation, "Headquarters"),
    (Fate::ByDevice, "Field"),
    (Fate::ByCustomControl, "Contractors"),
    (Fate::ByFilter, "Workshop"),
    (Fate::ByRisk, "Veterans"),
    (Fate::CoveredByStrength, "Key holders"),
    (Fate::CoveredByTwoApplications, "Finance"),
    (Fate::CoveredByTwoClients, "Legal"),
    (Fate::ReportOnly, "Pilot"),
    (Fate::ByFlow, "Meeting rooms"),
    (Fate::ByNovelty, "Laboratory"),
];

impl Directory {
    /// The directory of these people, whose ids are drawn from a seed of its own.
    pub(super) fn new(people: &[Person], mut rng: fastrand::Rng, partner: bool) -> Self {
        let mut directory = Self {
            groups: Vec::new(),
            services: Vec::new(),
            assignments: Vec::new(),
            policies: Vec::new(),
            role_ids: ROLES.iter().map(|_| random_id(&mut rng)).collect(),
            unit: random_id(&mut rng),
            synchronized: people.iter().any(|person| person.role == Role::Sync),
        };
        for name in ["Provisioning (simulated)", "Partner integration (simulated)"] {
            let (id, app_id) = (random_id(&mut rng), random_id(&mut rng));
            directory.services.push(Service { id, app_id, name });
        }
        let readers = directory.add(&mut rng, "Security readers", Who::On(Duty::SecurityReader));
        directory.groups[readers].assignable = true;
        directory.assign(people, readers);
        if partner {
            directory.add_agents(&mut rng);
        }
        directory.policies = if people.len() < ROOM {
            policies::few()
        } else {
            policies::many(&directory.add_fated(&mut rng, people))
        };
        for policy in &mut directory.policies {
            policy.id = random_id(&mut rng);
        }
        directory
    }

    fn add(&mut self, rng: &mut fastrand::Rng, name: &'static str, people: Who) -> usize {
        let id = random_id(rng);
        let (groups, services, assignable) = (Vec::new(), Vec::new(), false);
        self.groups.push(Group { id, name, people, groups, services, assignable });
        self.groups.len() - 1
    }

    fn assign(&mut self, people: &[Person], readers: usize) {
        let duties = people.iter().enumerate();
        self.assignments.extend(duties.flat_map(|(place, person)| roles::of(place, person.duty)));
        if people.iter().any(|person| person.duty == Duty::SecurityReader) {
            let readers = Principal::Group(readers);
            self.assignments.push(Assignment::standing(readers, &roles::SECURITY_READER));
        }
        if people.len() >= ROOM {
            let service = Principal::Service(0);
            self.assignments.push(Assignment::standing(service, &roles::USER_ADMINISTRATOR));
        }
    }

    /// The groups of partner agents, which nothing but their names tells.
    fn add_agents(&mut self, rng: &mut fastrand::Rng) {
        let nested = self.add(rng, "Partner operations", Who::On(Duty::NestedAdminAgent));
        let [admins, helpdesk, sales] = AGENTS;
        let agents = self.add(rng, admins, Who::On(Duty::AdminAgent));
        self.groups[agents].groups.push(nested);
        self.groups[agents].services.push(1);
        self.add(rng, helpdesk, Who::Agents(Duty::HelpdeskAgent));
        self.add(rng, sales, Who::Agents(Duty::SalesAgent));
    }

    /// The groups that GDAP is used through, whose ids are drawn from a seed of their own.
    pub(super) fn add_gdap(&mut self, mut rng: fastrand::Rng) {
        let second = self.add(&mut rng, "GDAP second line", Who::On(Duty::SalesAgent));
        let desk = self.add(&mut rng, Holder::Desk.name(), Who::On(Duty::HelpdeskAgent));
        self.groups[desk].groups.push(second);
        let leads = self.add(&mut rng, Holder::Leads.name(), Who::On(Duty::GlobalAdministrator));
        let operations = self.add(&mut rng, Holder::Operations.name(), Who::Department(1));
        self.groups[operations].groups.push(leads);
        self.add(&mut rng, Holder::Archive.name(), Who::Nobody);
    }

    /// How many groups matter to GDAP alone, if it is used through these.
    pub(super) fn groups_held(&self, holders: &BTreeSet<Holder>) -> usize {
        let held = holders.iter().filter(|holder| **holder != Holder::AdminAgents);
        let held = held.filter_map(|holder| self.holder(*holder));
        held.flat_map(|place| self.within(place)).collect::<BTreeSet<_>>().len()
    }

    /// The place of the group that GDAP is used through.
    pub(super) fn holder(&self, holder: Holder) -> Option<usize> {
        self.groups.iter().position(|group| group.name == holder.name())
    }

    fn add_fated(&mut self, rng: &mut fastrand::Rng, people: &[Person]) -> Ids {
        let departments = [(0, "Engineering"), (1, "Operations"), (2, "Sales")]
            .map(|(place, name)| self.add(rng, name, Who::Department(place)));
        let staff = self.add(rng, "All staff", Who::BreakGlass);
        self.groups[staff].groups.extend(departments);
        let guests = self.add(rng, "Invited guests", Who::Guests);
        let services = self.add(rng, "Service accounts", Who::Excepted { service: true });
        let legacy = self.add(rng, "Legacy integrations", Who::Nobody);
        self.groups[legacy].groups.push(services);
        let exceptions = self.add(rng, "MFA exceptions", Who::Excepted { service: false });
        self.groups[exceptions].groups.push(legacy);
        let legacy_exempt = self.add(rng, "Old mail clients", Who::LegacyExempt);
        let fated = FATED.map(|(fate, name)| (fate, self.add(rng, name, Who::Fated(fate))));
        let id = |place: usize| guid(self.groups[place].id);
        let ids = |wanted: &dyn Fn(&Person) -> bool| {
            people.iter().filter(|person| wanted(person)).map(Person::guid).collect()
        };
        Ids {
            staff: id(staff),
            guests: id(guests),
            exceptions: id(exceptions),
            deleted: guid(random_id(rng)),
            legacy_exempt: id(legacy_exempt),
            break_glass: ids(&|person| person.role == Role::BreakGlass),
            excluded: ids(&|person| person.fate == Fate::ExcludedDirect),
            fated: fated.iter().map(|(fate, place)| (*fate, id(*place))).collect(),
        }
    }

    /// How many groups matter to policies that act, roles and partner agents, and how many that
    /// these policies name are there no more.
    pub(super) fn groups_named(&self, tenant: &Circumstances) -> (usize, usize) {
        let mut found: BTreeSet<_> = self.agents().map(|(place, _)| place).collect();
        found.extend(self.assignments.iter().filter_map(|held| match held.principal {
            Principal::Group(place) => Some(place),
            Principal::Person(_) | Principal::Service(_) => None,
        }));
        let acts = |policy: &&Policy| {
            tenant.plan != Plan::None && policy.shown(tenant.security_defaults) == State::Enabled
        };
        let named: BTreeSet<_> =
            self.policies.iter().filter(acts).flat_map(Policy::groups).collect();
        let mut deleted = 0;
        for id in named {
            match self.groups.iter().position(|group| guid(group.id) == id) {
                Some(place) => drop(found.insert(place)),
                None => deleted += 1,
            }
        }
        let read: BTreeSet<_> = found.into_iter().flat_map(|place| self.within(place)).collect();
        (read.len(), deleted)
    }

    /// The groups of partner agents, by place and name.
    pub(super) fn agents(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let groups = self.groups.iter().enumerate().map(|(place, group)| (place, group.name));
        groups.filter(|(_, name)| AGENTS.contains(name))
    }

    /// The group and all groups in it, to any depth, each once.
    pub(super) fn within(&self, group: usize) -> Vec<usize> {
        let mut found = vec![group];
        let mut next = 0;
        while let Some(&place) = found.get(next) {
            for &inner in &self.groups[place].groups {
                if !found.contains(&inner) {
                    found.push(inner);
                }
            }
            next += 1;
        }
        found
    }
}
