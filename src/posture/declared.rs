//! What the operator declared about a tenant: whom to expect, and what to put up with.

use std::time::Duration;

use jiff::Timestamp;

use crate::wire::ObjectId;

/// Applications the whole matter is about, which cannot be tolerated: Partner Center (twice), Azure
/// management, and the suite that contains the portals of both.
pub const NEVER_TOLERATED: [&str; 4] = [
    "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd",
    "4990cffe-04e8-4e8b-808a-1175604b879f",
    "797f4846-ba00-4fd7-ba43-dac1f8f63013",
    "microsoftadminportals",
];

/// Declarations of one tenant. Empty unless configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declarations {
    /// Accounts for emergencies; `None` where nothing is said of any.
    pub break_glass: Option<Vec<ObjectId>>,
    /// Applications whose sign-ins need not be challenged, by id or suite.
    pub tolerated_applications: Vec<Box<str>>,
    /// How long a new account may take to register; zero for no grace.
    pub hire_grace: Duration,
    /// What is put up with for a while.
    pub exceptions: Vec<Exception>,
    /// What is said to be so where it cannot be measured.
    pub attestations: Vec<Attestation>,
    /// Applications known to integrate with Partner Center, where they are listed.
    pub partner_applications: Option<Vec<ObjectId>>,
    /// Whether the tenant lives in a sovereign cloud, where Microsoft's score, its verdicts and Graph's
    /// list of alerts do not exist.
    pub is_sovereign: bool,
    /// The month, from 1, in which the authorization as a Cloud Solution Provider is checked.
    pub csp_anniversary_month: Option<i8>,
    /// Ids of all partner tenants of the company, where they are listed.
    pub partner_tenants: Option<Vec<[u8; 16]>>,
    /// Ids of all tenants that are watched.
    pub watched_tenants: Vec<[u8; 16]>,
    /// Roles that no delegated relationship should hold, by template id.
    pub high_privilege_roles: Vec<ObjectId>,
    /// How many customers are shown one by one; `None` for none.
    pub customer_series_limit: Option<u32>,
}

/// Roles that are, or can make themselves, Global Administrator; the two of partner support reset
/// passwords of anybody.
const HIGH_PRIVILEGE_ROLES: [&str; 5] = [
    "62e90394-69f5-4237-9190-012177145e10",
    "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    "4ba39ca4-527c-499a-b93d-d9b492c50246",
    "e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8",
];

impl Default for Declarations {
    fn default() -> Self {
        Self {
            break_glass: None,
            tolerated_applications: Vec::new(),
            hire_grace: Duration::ZERO,
            exceptions: Vec::new(),
            attestations: Vec::new(),
            partner_applications: None,
            is_sovereign: false,
            csp_anniversary_month: None,
            partner_tenants: None,
            watched_tenants: Vec::new(),
            high_privilege_roles: HIGH_PRIVILEGE_ROLES.map(role).into(),
            customer_series_limit: None,
        }
    }
}

fn role(id: &str) -> ObjectId {
    ObjectId::parse(id).expect("template ids are not empty")
}

/// A finding that is put up with for a while. Whoever it is about still counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// The requirement it is an exception to.
    pub requirement: &'static str,
    /// Object ids of whom or what it is for.
    pub subjects: Vec<ObjectId>,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// What somebody vouches for where it cannot be measured. It never overrides a measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The requirement it is about.
    pub requirement: &'static str,
    /// What is said of it.
    pub says: Attested,
    /// Who says so: a role, not a name.
    pub by: String,
    /// Since when.
    pub attested: Timestamp,
    /// Until when.
    pub expires: Timestamp,
}

/// What is said of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attested {
    /// It is met.
    Compliant,
    /// It does not apply.
    NotApplicable,
}

impl Attestation {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.attested <= now && now < self.expires
    }
}

/// How an exception stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It holds, and something was found about all it names.
    Active,
    /// It has ended.
    Expired,
    /// It holds, and names something that nothing was found about.
    Unmatched,
}

impl Status {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 3] = [Self::Active, Self::Expired, Self::Unmatched];

    /// The value of the label `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Unmatched => "unmatched",
        }
    }
}

impl Exception {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.expires
    }
}
