//! GDAP: the relationships with customers, who may use them, and what was asked about them.

use jiff::{SignedDuration, Timestamp};

use super::customers::Customer;
use super::directory::AGENTS;
use super::person::random_id;

mod count;
mod kinds;

pub(super) use count::truth;

use kinds::{KINDS, Kind};

/// The roles that are granted here: template id, the word of the label, and the weight that a reader's
/// documentation gives it.
pub(super) struct Role {
    pub(super) template: &'static str,
    pub(super) word: &'static str,
    weight: u64,
}

const fn role(template: &'static str, word: &'static str, weight: u64) -> Role {
    Role { template, word, weight }
}

static GLOBAL: Role = role("62e90394-69f5-4237-9190-012177145e10", "global_administrator", 100);
static PRIVILEGED_ROLE: Role =
    role("e8611ab8-c189-46e8-94e1-60213ab1f814", "privileged_role_administrator", 50);
static PRIVILEGED_AUTHENTICATION: Role =
    role("7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "privileged_authentication_administrator", 50);
static TIER1: Role = role("4ba39ca4-527c-499a-b93d-d9b492c50246", "partner_tier1_support", 20);
static TIER2: Role = role("e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8", "partner_tier2_support", 50);
static USER: Role = role("fe930be7-5e62-47db-91af-98c3a49a38b1", "user_administrator", 20);
static HELPDESK: Role = role("729827e3-9c14-49f7-bb1b-9608f156bbb8", "helpdesk_administrator", 20);
static WRITERS: Role = role("9360feb5-f418-4baa-8175-e2a00bac4301", "directory_writers", 20);
static LICENSE: Role = role("4d6ac14f-3453-41d0-bef9-a3e0c569773a", "license_administrator", 5);
static SUPPORT: Role =
    role("f023fd81-a637-4b56-95fd-791ac0226033", "service_support_administrator", 5);
static EXCHANGE: Role = role("29232cdf-9323-42fd-ade2-1d097af3e4de", "exchange_administrator", 5);
/// One that Microsoft has made since.
static UNHEARD: Role = role("d0d0d0d0-aaaa-4bbb-8ccc-0123456789ab", "", 5);
static GLOBAL_READER: Role = role("f2ef992c-3afb-46b9-b7cf-a126ee74c451", "global_reader", 1);
static READERS: Role = role("88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "directory_readers", 1);

/// What a reader counts as highly privileged, unless told otherwise.
static HIGH: [&Role; 5] = [&GLOBAL, &PRIVILEGED_ROLE, &PRIVILEGED_AUTHENTICATION, &TIER1, &TIER2];

/// What the partner does on a customer's behalf, and what it needs for it.
static DESK: [&Role; 4] = [&HELPDESK, &SUPPORT, &LICENSE, &READERS];
static MAIL: [&Role; 4] = [&EXCHANGE, &USER, &READERS, &UNHEARD];
static READING: [&Role; 2] = [&GLOBAL_READER, &READERS];
static EVERYTHING: [&Role; 2] = [&GLOBAL, &READERS];
/// As Microsoft grants it with a new customer.
static DEFAULT: [&Role; 7] = [
    &READERS,
    &WRITERS,
    &LICENSE,
    &USER,
    &PRIVILEGED_ROLE,
    &PRIVILEGED_AUTHENTICATION,
    &GLOBAL_READER,
];
static TIERS: [&Role; 2] = [&TIER1, &TIER2];

/// The groups that relationships are used through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    Desk,
    Operations,
    Leads,
    /// A group that nobody is in.
    Archive,
    AdminAgents,
}

/// One relationship.
pub(super) struct Relationship {
    /// The two ids that make up its own.
    pub(super) id: (u128, u128),
    /// The customer's place, and how many relationships there were with it before.
    pub(super) customer: usize,
    ordinal: usize,
    kind: &'static Kind,
    /// When the world was made.
    born: Timestamp,
    /// The first of the ids of what belongs to it.
    pub(super) part: u128,
}

/// Who may use a relationship.
pub(super) struct Assignment {
    pub(super) holder: Holder,
    /// In Microsoft's word.
    pub(super) status: &'static str,
    /// So many of the relationship's roles, the first ones.
    roles: usize,
}

/// Something that was asked about a relationship: what, and how it stands.
pub(super) type Request = (&'static str, &'static str);

/// None, one, two or three with each customer, from a seed of their own.
pub(super) fn draw(
    customers: &[Customer],
    seed: u64,
    now: Timestamp,
    partner: bool,
) -> Vec<Relationship> {
    const EACH: [usize; 8] = [1, 2, 0, 1, 3, 1, 1, 2];
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x9da9);
    let mut all = Vec::new();
    for place in (0..customers.len()).filter(|_| partner) {
        for ordinal in 0..EACH[place % EACH.len()] {
            all.push(Relationship {
                id: (random_id(&mut rng), random_id(&mut rng)),
                customer: place,
                ordinal,
                kind: &KINDS[all.len() % KINDS.len()],
                born: now,
                part: random_id(&mut rng),
            });
        }
    }
    all
}

impl Holder {
    pub(super) const ALL: [Self; 5] =
        [Self::Desk, Self::Operations, Self::Leads, Self::Archive, Self::AdminAgents];

    /// The name of its group.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Desk => "GDAP service desk",
            Self::Operations => "GDAP operations",
            Self::Leads => "GDAP leads",
            Self::Archive => "GDAP archive",
            Self::AdminAgents => AGENTS[0],
        }
    }
}

impl Relationship {
    pub(super) fn name(&self, customer: &Customer) -> String {
        let id = format!("{:08x}", self.id.0 >> 96);
        match self.kind.microsoft_led {
            true => format!("MLT_{id}_{}", self.ordinal),
            false => format!("{} {id}", customer.name()),
        }
    }

    /// Where it is in its life, in Microsoft's word: active ones end when their time is over.
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        match self.end(now) {
            Some(end) if self.kind.status == "active" => {
                match now.as_second() - end.as_second() {
                    // It takes a while until it is noticed, and longer until it is over.
                    ..7_200 => "active",
                    7_200..86_400 => "expiring",
                    86_400.. => "expired",
                }
            }
            _ => self.kind.status,
        }
    }

    /// Nobody is the customer of an open invitation.
    pub(super) fn has_customer(&self) -> bool {
        !self.kind.open
    }

    pub(super) fn created(&self) -> Timestamp {
        self.born - SignedDuration::from_hours(24 * self.kind.age_days)
    }

    pub(super) fn activated(&self) -> Option<Timestamp> {
        self.kind.ends.is_some().then(|| self.created() + SignedDuration::from_hours(7))
    }

    pub(super) fn modified(&self, now: Timestamp) -> Timestamp {
        // A relationship that ended or went on by itself was changed then.
        let first = self.kind.ends.map(|hours| self.born + SignedDuration::from_hours(hours));
        let ended = first.filter(|end| *end <= now && self.kind.status == "active");
        ended.unwrap_or_else(|| self.activated().unwrap_or(self.created()))
    }

    /// When it ends; of one that extends itself, when it next would.
    pub(super) fn end(&self, now: Timestamp) -> Option<Timestamp> {
        let mut end = self.born + SignedDuration::from_hours(self.kind.ends?);
        while self.extends_itself() && end <= now {
            end += SignedDuration::from_hours(180 * 24);
        }
        Some(end)
    }

    pub(super) fn duration(&self) -> &'static str {
        self.kind.duration
    }

    pub(super) fn auto_extend(&self) -> Option<&'static str> {
        self.kind.auto_extend
    }

    fn extends_itself(&self) -> bool {
        self.kind.auto_extend == Some("P180D")
    }

    pub(super) fn roles(&self) -> &'static [&'static Role] {
        self.kind.roles
    }

    pub(super) fn assignments(&self) -> &'static [Assignment] {
        self.kind.assignments
    }

    pub(super) fn requests(&self) -> &'static [Request] {
        self.kind.requests
    }
}

impl Assignment {
    pub(super) fn roles(&self, of: &Relationship) -> &'static [&'static Role] {
        &of.roles()[..self.roles.min(of.roles().len())]
    }
}
