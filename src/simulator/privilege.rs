//! What accounts have that may matter when they are privileged: plans, a mailbox, an origin, a last
//! sign-in, a risk; and who has left and was forgotten in a group of partner agents.
//!
//! All of it is drawn from the account's own id, so that nothing else in the world depends on it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::directory::{AGENTS, Directory};
use super::duty::Duty;
use super::gdap::Holder;
use super::person::{HOUR, Person, Role};
use super::policy::State;
use super::roles::{GLOBAL_ADMINISTRATOR, RoleName};
use super::truth::ByAccount;
use super::{Plan, truth::Circumstances};

const DAY: i64 = 24 * HOUR;
/// Who did not sign in for longer than this is not used any more.
const UNUSED: i64 = 90 * DAY;

/// What an account has, whatever the tenant's plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traits {
    pub(super) premium: bool,
    pub(super) mailbox: bool,
    pub(super) synchronized: bool,
    /// Seconds since the epoch; `None` for never.
    pub(super) last: Option<i64>,
    pub(super) risk: Option<Risk>,
}

/// What Identity Protection says of an account, in Microsoft's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Risk {
    pub(super) level: &'static str,
    pub(super) state: &'static str,
}

const RISKS: [(&str, &str); 8] = [
    ("high", "atRisk"),
    ("medium", "atRisk"),
    ("low", "atRisk"),
    ("high", "confirmedCompromised"),
    ("medium", "remediated"),
    ("none", "dismissed"),
    ("none", "confirmedSafe"),
    ("hidden", "atRisk"),
];

impl Traits {
    /// Of this account, in a world that was made at `born`, in seconds since the epoch.
    pub(super) fn of(person: &Person, born: i64) -> Self {
        let mut rng = fastrand::Rng::with_seed(person.id as u64 ^ 0x9817);
        let is_employee = person.role == Role::Employee;
        let (premium, mailbox) = (rng.u8(..100) < 60, is_employee && rng.u8(..100) < 60);
        let synchronized = is_employee && rng.u8(..100) < 30;
        // Nothing lies near the limit, so that nothing crosses it while the world is looked at.
        let last = match rng.u8(..100) {
            0..8 => None,
            8..25 => Some(born - rng.i64(100 * DAY..700 * DAY)),
            _ => Some(born - rng.i64(HOUR..60 * DAY)),
        };
        let last = match person.role {
            Role::BreakGlass => None,
            Role::Sync => Some(born - HOUR),
            // Nobody signed in before there was an account.
            _ => last.filter(|last| person.created.is_none_or(|created| created < *last)),
        };
        let risk = (rng.u8(..100) < 3 && person.is_human()).then(|| {
            let (level, state) = RISKS[rng.usize(..RISKS.len())];
            Risk { level, state }
        });
        let premium = premium && matches!(person.role, Role::Employee | Role::Guest);
        Self { premium, mailbox, synchronized, last, risk }
    }

    /// Whether an enabled account is not used any more at `now`.
    fn unused(self, person: &Person, now: i64) -> bool {
        match self.last {
            Some(last) => now - last > UNUSED,
            None => person.created.is_none_or(|created| now - created > UNUSED),
        }
    }
}

/// The duty of somebody who has left, whose account was disabled and kept its place in a group.
pub(super) fn left(person: &Person) -> Option<Duty> {
    if person.enabled || person.role != Role::Employee || person.duty != Duty::None {
        return None;
    }
    match person.serial % 3 {
        0 => Some(Duty::SalesAgent),
        1 => Some(Duty::HelpdeskAgent),
        _ => None,
    }
}

/// Whether a second person has to approve before this role is activated.
pub(super) fn approved(role: &RoleName) -> bool {
    *role == GLOBAL_ADMINISTRATOR
}

/// Whether places in the group of this name are activated; those of all others are held for good.
pub(super) fn is_managed(group: &str) -> bool {
    ["HelpdeskAgents", Holder::Leads.name()].contains(&group)
}

/// How many may activate a place in such a group.
pub(super) const ELIGIBLE: usize = 2;

/// Who is behind a privilege, counted from the people. Connect sync accounts are in no figure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Privilege {
    /// Agents who are enabled, by group.
    pub members: BTreeMap<&'static str, ByAccount>,
    /// Agents by group, and by `disabled`, `guest`, `stale` (not used for 90 days; missing where
    /// that is not shown) and `synchronized`; all but the first of those who are enabled.
    pub flagged: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
    /// Applications in each group.
    pub applications: BTreeMap<&'static str, usize>,
    /// Enabled agents with a mailbox, by group.
    pub with_mailbox: BTreeMap<&'static str, usize>,
    /// Enabled Admin agents.
    pub admin_agents: usize,
    /// Those of them with Entra ID P2.
    pub admin_agents_p2: usize,
    /// Units of `p1` and `p2`, by `enabled`, `consumed`, `warning` and `suspended`.
    pub licenses: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
    /// People by role (`global_administrator`, `user_administrator`, `other`) and by how they hold
    /// it, the first that applies of `permanent`, `time_bound`, `activated` and `eligible`.
    pub roles: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
    /// Groups of agents, and those that may use a GDAP relationship, by whether places in them are
    /// activated.
    pub pim_groups: BTreeMap<&'static str, usize>,
    /// Privileged roles that people hold for good, and groups that reach into customers and hold
    /// people, every one of them for good.
    pub held_for_good: usize,
    /// Privileged roles that somebody may activate, and those that need approval; `None` without P2.
    pub pim_roles: Option<(usize, usize)>,
    /// Policies that act on risk, by `sign_in` and `user`; `None` where there can be none.
    pub risk_policies: Option<BTreeMap<&'static str, usize>>,
    /// Accounts by risk level and state, none of them zero; `None` without P2.
    pub risky: Option<BTreeMap<&'static str, BTreeMap<&'static str, usize>>>,
    /// People with a privileged role and a mailbox.
    pub admins_with_mailbox: usize,
    /// People with a privileged role whose account is synchronised.
    pub admins_synchronized: usize,
    /// Disabled accounts among the agents or with a role, and enabled ones that are not used.
    pub leavers: Option<usize>,
}

/// The group of agents somebody is in.
fn groups(duty: Duty) -> Option<&'static str> {
    let [admins, helpdesk, sales] = AGENTS;
    match duty {
        Duty::AdminAgent | Duty::NestedAdminAgent => Some(admins),
        Duty::HelpdeskAgent => Some(helpdesk),
        Duty::SalesAgent => Some(sales),
        _ => None,
    }
}

/// The role of a duty, and how it is held where the tenant has this plan.
fn held(duty: Duty, plan: Plan) -> Option<(&'static str, &'static str)> {
    let with_pim = |role, how| (plan == Plan::P2).then_some((role, how));
    match duty {
        Duty::GlobalAdministrator => Some(("global_administrator", "permanent")),
        Duty::ActivatedGlobalAdministrator => with_pim("global_administrator", "activated"),
        Duty::EligibleGlobalAdministrator => with_pim("global_administrator", "eligible"),
        Duty::UnitAdministrator => Some(("user_administrator", "permanent")),
        Duty::SecurityReader | Duty::SupportAdministrator => Some(("other", "permanent")),
        Duty::EligibleSupportAdministrator => with_pim("other", "eligible"),
        _ => None,
    }
}

impl Privilege {
    pub(super) fn of(
        people: &[Person],
        directory: &Directory,
        (now, born): (i64, i64),
        tenant: &Circumstances,
        holders: &BTreeSet<Holder>,
    ) -> Self {
        let mut truth = Self::blank(people.len(), directory, tenant);
        truth.count_groups(people, directory, tenant.plan, holders);
        for person in people.iter().filter(|person| person.role != Role::Sync) {
            let traits = Traits::of(person, born);
            truth.count_agent(person, traits, now, tenant);
            truth.count_role(person, traits, tenant.plan);
            let has_role = held(person.duty, tenant.plan).is_some();
            let duty = left(person).unwrap_or(person.duty);
            let is_agent = tenant.partner && groups(duty).is_some();
            let unused = !person.enabled || traits.unused(person, now);
            if let Some(leavers) = &mut truth.leavers {
                *leavers += usize::from((has_role || is_agent) && unused);
            }
        }
        let risks = people.iter().filter_map(|person| Traits::of(person, born).risk);
        if let Some(risky) = &mut truth.risky {
            for Risk { level, state } in risks {
                *risky.entry(level).or_default().entry(state).or_default() += 1;
            }
        }
        truth
    }

    /// Counts the groups that reach into customers: those of the agents, and `holders` of GDAP
    /// relationships.
    fn count_groups(
        &mut self,
        people: &[Person],
        directory: &Directory,
        plan: Plan,
        holders: &BTreeSet<Holder>,
    ) {
        let delegated: BTreeSet<usize> =
            holders.iter().filter_map(|holder| directory.holder(*holder)).collect();
        let agents = directory.agents().map(|(place, _)| place);
        for place in agents.chain(delegated.iter().copied()).collect::<BTreeSet<_>>() {
            let group = &directory.groups[place];
            let managed = plan == Plan::P2 && is_managed(group.name);
            *self.pim_groups.entry(if managed { "yes" } else { "no" }).or_default() += 1;
            let within = directory.within(place);
            let mut people = people.iter().filter(|it| it.enabled && it.role != Role::Sync);
            let is_in = |person: &Person| {
                within.iter().any(|&place| directory.groups[place].people.includes(person))
            };
            // Whoever sells reaches into nothing, unless a relationship says so.
            let reaches = group.name != AGENTS[2] || delegated.contains(&place);
            self.held_for_good += usize::from(!managed && reaches && people.any(is_in));
        }
    }

    fn count_agent(&mut self, person: &Person, traits: Traits, now: i64, tenant: &Circumstances) {
        let group = groups(left(person).unwrap_or(person.duty)).filter(|_| tenant.partner);
        let Some(group) = group else { return };
        let flagged = self.flagged.entry(group).or_default();
        let mut flag = |word, is_so| {
            flagged.entry(word).and_modify(|count| *count += usize::from(is_so));
        };
        flag("disabled", !person.enabled);
        if !person.enabled {
            return;
        }
        flag("guest", person.is_guest());
        flag("stale", traits.unused(person, now));
        flag("synchronized", traits.synchronized);
        self.members.entry(group).or_default().add(person);
        *self.with_mailbox.entry(group).or_default() += usize::from(traits.mailbox);
        if group == AGENTS[0] {
            self.admin_agents += 1;
            self.admin_agents_p2 += usize::from(traits.premium && tenant.plan == Plan::P2);
        }
    }

    fn count_role(&mut self, person: &Person, traits: Traits, plan: Plan) {
        let Some((role, how)) = held(person.duty, plan).filter(|_| person.enabled) else { return };
        *self.roles.entry(role).or_default().entry(how).or_default() += 1;
        if role != "other" {
            self.admins_with_mailbox += usize::from(traits.mailbox);
            self.admins_synchronized += usize::from(traits.synchronized);
        }
        self.held_for_good += usize::from(role != "other" && how == "permanent");
        if role != "other" && how == "eligible" {
            self.pim_roles = self.pim_roles.map(|_| (1, 1));
        }
    }

    fn blank(users: usize, directory: &Directory, tenant: &Circumstances) -> Self {
        let zeros = |words: &[&'static str]| words.iter().map(|word| (*word, 0)).collect();
        let premium = tenant.plan != Plan::None;
        let flags: &[_] = match premium {
            true => &["disabled", "guest", "stale", "synchronized"],
            false => &["disabled", "guest", "synchronized"],
        };
        let terms = ["permanent", "time_bound", "activated", "eligible"];
        let agents: Vec<_> = directory.agents().collect();
        let applications = |place: usize| {
            let within = directory.within(place);
            within.into_iter().map(|place| directory.groups[place].services.len()).sum::<usize>()
        };
        Self {
            members: AGENTS.map(|group| (group, ByAccount::default())).into(),
            flagged: AGENTS.map(|group| (group, zeros(flags))).into(),
            applications: AGENTS
                .map(|group| {
                    let named = agents.iter().filter(|(_, name)| *name == group);
                    (group, named.map(|(place, _)| applications(*place)).sum())
                })
                .into(),
            with_mailbox: zeros(&AGENTS),
            licenses: licenses(users, tenant.plan),
            roles: ["global_administrator", "user_administrator", "other"]
                .map(|role| (role, zeros(&terms)))
                .into(),
            pim_groups: zeros(&["yes", "no", "unknown"]),
            pim_roles: (tenant.plan == Plan::P2).then_some((0, 0)),
            risk_policies: premium.then(|| {
                let acts = directory.policies.iter().filter(|policy| {
                    policy.gap == Some("risk_only")
                        && policy.shown(tenant.security_defaults) == State::Enabled
                });
                BTreeMap::from([("sign_in", acts.count()), ("user", 0)])
            }),
            risky: (tenant.plan == Plan::P2).then(BTreeMap::new),
            leavers: premium.then_some(0),
            ..Self::default()
        }
    }
}

/// As many units as there are accounts, of each suite that the plan's name stands for.
fn licenses(users: usize, plan: Plan) -> BTreeMap<&'static str, BTreeMap<&'static str, usize>> {
    let units = |suites: usize, ended: usize| {
        let bought = suites * users;
        let (warning, suspended) = (0, ended * users);
        [("enabled", bought), ("consumed", bought), ("warning", warning), ("suspended", suspended)]
            .into()
    };
    let (p1, p2) = match plan {
        Plan::P2 => (units(2, 0), units(1, 0)),
        Plan::P1 => (units(1, 0), units(0, 1)),
        Plan::None => (units(0, 0), units(0, 1)),
    };
    [("p1", p1), ("p2", p2)].into()
}
