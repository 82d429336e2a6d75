//! What is shown of GDAP.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Band, Customer, Gdap, Use, left, role_title};
use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;
use crate::sources::Unread;

static ENDING: Metric = Metric {
    name: "partnercenter_gdap_relationships_ending",
    help: "Active GDAP relationships that do not extend themselves, by the time that is left; an \
           exact boundary belongs to the lower band, and lt1d holds those past their end that \
           Microsoft still calls active. All 0: nothing ends within 60 days. Absent while \
           relationships cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "ends_in"],
};

static DARK: Metric = Metric {
    name: "partnercenter_gdap_customers_going_dark",
    help: "Customers whose last active GDAP relationship ends then and of whose relationships none \
           extends itself: nobody has access by GDAP afterwards. Absent while relationships cannot \
           be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "ends_in"],
};

static EARLIEST: Metric = Metric {
    name: "partnercenter_gdap_earliest_end_timestamp_seconds",
    help: "When the first active GDAP relationship ends that does not extend itself. Absent where \
           there is none, and while relationships cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static AUTO_EXTEND: Metric = Metric {
    name: "partnercenter_gdap_relationships_auto_extend",
    help: "Active GDAP relationships by whether they extend themselves at their end. One with Global \
           Administrator cannot. Absent while relationships cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "auto_extend"],
};

static WITH_ROLE: Metric = Metric {
    name: "partnercenter_gdap_relationships_with_role",
    help: "Active GDAP relationships that grant a role which is, or can make itself, Global \
           Administrator; the roles are those of high_privilege_roles in the configuration. 0 is as \
           it should be. Absent while relationships cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "role"],
};

static GRANTED: Metric = Metric {
    name: "partnercenter_gdap_roles_granted",
    help: "Roles that active GDAP relationships grant, each counted once per relationship. Absent \
           while relationships cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static ASSIGNED: Metric = Metric {
    name: "partnercenter_gdap_roles_assigned",
    help: "Of partnercenter_gdap_roles_granted, those that an active access assignment gives to some \
           group. The others are granted and used by nobody. Absent until the assignments of every \
           active relationship were read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static PENDING: Metric = Metric {
    name: "partnercenter_gdap_oldest_pending_timestamp_seconds",
    help: "When the oldest GDAP relationship was made that waits for its approval, or to be sent. \
           Microsoft drops a request after 90 days. Absent where none waits, and while relationships \
           cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static ADMIN_AGENTS: Metric = Metric {
    name: "partnercenter_gdap_assignments_to_admin_agents",
    help: "Active access assignments of active GDAP relationships to the group of the Admin agents, \
           by which everybody in it may act at that customer. 0 is as it should be. Relationships \
           in partnercenter_gdap_relationships_unread are missing. Absent while assignments or agent \
           groups cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static WITHOUT: Metric = Metric {
    name: "partnercenter_gdap_relationships_without_assignment",
    help: "Active GDAP relationships that no group can use, since none has an active access \
           assignment. Relationships in partnercenter_gdap_relationships_unread are missing. Absent \
           while assignments cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static UNREAD: Metric = Metric {
    name: "partnercenter_gdap_relationships_unread",
    help: "Active GDAP relationships whose access assignments are not known: not read yet (they are \
           read one by one, which takes a large partner an hour after a start), or refused. 0 is as \
           it should be. Absent while no assignments can be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static MICROSOFT_LED: Metric = Metric {
    name: "partnercenter_gdap_relationships_microsoft_led",
    help: "Active GDAP relationships that the Microsoft-led transition from DAP made (their names \
           begin with MLT_), to be replaced by some of the partner's own design. Absent while \
           relationships cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static CUSTOMERS: Metric = Metric {
    name: "partnercenter_customers_gdap",
    help: "Customers with an active GDAP relationship. Absent while relationships cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static BY_PEOPLE: Metric = Metric {
    name: "partnercenter_gdap_relationships_by_people",
    help: "Active GDAP relationships by how many enabled people can use them: members of the groups \
           of their active access assignments, to any depth, each once. unknown: the assignments or \
           a group could not be read. Absent while no assignments, groups or accounts can be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "people"],
};

static PEOPLE: Metric = Metric {
    name: "partnercenter_gdap_people",
    help: "Distinct enabled people who can use any active GDAP relationship. Absent until the \
           assignments of every active relationship and all their groups were read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static EXPOSURE: Metric = Metric {
    name: "partnercenter_gdap_exposure",
    help: "How much power over customers how many people have by GDAP: for each active relationship \
           and each of its roles, the weight of the role times the distinct enabled people to whom an \
           active access assignment gives it there, summed. Weights: 100 Global Administrator, 50 \
           roles that can make themselves that, 20 other privileged roles, 5 roles that change \
           anything else, 1 roles that only read (docs/delegation.md). It falls with every role, \
           person, assignment or relationship that is taken away; 0: nobody can do anything. Absent \
           until every part of it was read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this room.
pub(in crate::posture) static METRICS: [&Metric; 16] = [
    &ENDING,
    &DARK,
    &EARLIEST,
    &AUTO_EXTEND,
    &WITH_ROLE,
    &GRANTED,
    &ASSIGNED,
    &PENDING,
    &ADMIN_AGENTS,
    &WITHOUT,
    &UNREAD,
    &MICROSOFT_LED,
    &CUSTOMERS,
    &BY_PEOPLE,
    &PEOPLE,
    &EXPOSURE,
];

pub(in crate::posture) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    let Ok(gdap) = &posture.gdap else { return };
    ends(gdap, posture.facts.now, samples);
    grants(gdap, posture, samples);
    if posture.facts.gdap_access_assignments.rows().is_ok() {
        uses(gdap, posture, samples);
    }
}

fn seconds(moment: Timestamp) -> f64 {
    moment.as_millisecond() as f64 / 1000.0
}

fn ends(gdap: &Gdap<'_>, now: Timestamp, samples: &mut Samples) {
    let for_good = gdap.active.iter().map(|it| it.relationship);
    let for_good = for_good.filter(|it| !it.extends_itself()).filter_map(|it| it.ends);
    let ends: Vec<Timestamp> = for_good.collect();
    let dark: Vec<Timestamp> =
        gdap.customers().filter_map(|(_, customer)| Customer::goes_dark(&customer)).collect();
    for band in Band::ALL {
        let within =
            |ends: &[Timestamp]| ends.iter().filter(|end| left(now, **end) == Some(band)).count();
        samples.count(&ENDING, [("ends_in", band.as_str())], within(&ends));
        samples.count(&DARK, [("ends_in", band.as_str())], within(&dark));
    }
    if let Some(earliest) = ends.iter().min() {
        samples.push(&EARLIEST, [], seconds(*earliest));
    }
    if let Some(oldest) = gdap.pending().filter_map(|it| it.created).min() {
        samples.push(&PENDING, [], seconds(oldest));
    }
}

fn grants(gdap: &Gdap<'_>, posture: &Posture<'_>, samples: &mut Samples) {
    let active = || gdap.active.iter().map(|it| it.relationship);
    for (word, extends) in [("yes", true), ("no", false)] {
        let count = active().filter(|it| it.extends_itself() == extends).count();
        samples.count(&AUTO_EXTEND, [("auto_extend", word)], count);
    }
    // By the label, so that one that is listed twice is shown once.
    let roles: BTreeMap<_, _> = posture
        .declared
        .high_privilege_roles
        .iter()
        .map(|role| (label(&role_title(role)), role))
        .collect();
    for (word, role) in &roles {
        let count = active().filter(|it| it.roles.contains(role)).count();
        samples.count(&WITH_ROLE, [("role", word)], count);
    }
    samples.count(&GRANTED, [], active().map(|it| it.roles.len()).sum());
    samples.count(&MICROSOFT_LED, [], active().filter(|it| it.is_microsoft_led()).count());
    samples.count(&CUSTOMERS, [], gdap.customers().count());
}

/// A name as a label's value: `Global Administrator` is `global_administrator`.
fn label(name: &str) -> String {
    let letter =
        |c: char| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '_' };
    name.chars().map(letter).collect()
}

fn uses(gdap: &Gdap<'_>, posture: &Posture<'_>, samples: &mut Samples) {
    let active = &gdap.active;
    samples.count(&UNREAD, [], active.iter().filter(|it| it.assignments.is_err()).count());
    let is_unused = |it: &&Use<'_>| it.granting().is_ok_and(|mut all| all.next().is_none());
    samples.count(&WITHOUT, [], active.iter().filter(is_unused).count());
    if let Ok(assigned) = active.iter().map(Use::assigned).sum::<Result<usize, Unread>>() {
        samples.count(&ASSIGNED, [], assigned);
    }
    if let Ok(agents) = posture.facts.agent_groups.rows() {
        let granting = active.iter().filter_map(|it| it.granting().ok()).flatten();
        let to_agents =
            granting.filter(|it| it.group.as_ref().is_some_and(|it| agents.are_admin_agents(it)));
        samples.count(&ADMIN_AGENTS, [], to_agents.count());
    }
    if posture.people.is_ok() && posture.facts.groups.rows().is_ok() {
        for (word, is_within) in PEOPLE_BANDS {
            let count = active.iter().filter(|it| it.people.is_ok_and(is_within)).count();
            samples.count(&BY_PEOPLE, [("people", word)], count);
        }
        let unknown = active.iter().filter(|it| it.people.is_err()).count();
        samples.count(&BY_PEOPLE, [("people", "unknown")], unknown);
    }
    if let Ok(people) = gdap.people() {
        samples.count(&PEOPLE, [], people);
    }
    if let Ok(exposure) = gdap.exposure() {
        samples.push(&EXPOSURE, [], exposure as f64);
    }
}

/// How many people, and the word for it.
type PeopleBand = (&'static str, fn(usize) -> bool);

const PEOPLE_BANDS: [PeopleBand; 5] = [
    ("0", |count| count == 0),
    ("1to5", |count| (1..=5).contains(&count)),
    ("6to20", |count| (6..=20).contains(&count)),
    ("21to50", |count| (21..=50).contains(&count)),
    ("gt50", |count| count > 50),
];
