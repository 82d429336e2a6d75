//! What is counted of the sign-ins of one hour: small numbers, whoever signed in.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::applications::{Application, Home, Module};
use super::row::{Access, Client, Outcome, Protocol, Requirement, Resource, SignIn};

/// Which of the two logs of people a sign-in stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody was there.
    Interactive,
    /// A program did it in somebody's name.
    NonInteractive,
}

impl Kind {
    /// Both, in the order of the label's values.
    pub const ALL: [Self; 2] = [Self::Interactive, Self::NonInteractive];

    /// The value of the label `kind`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::NonInteractive => "non_interactive",
        }
    }
}

/// Whether more than one factor was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mfa {
    /// One factor.
    No,
    /// More.
    Yes,
}

impl Mfa {
    /// Both, in the order of the label's values.
    pub const ALL: [Self; 2] = [Self::No, Self::Yes];

    /// The value of the label `mfa`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
        }
    }

    pub(super) fn of(requirement: Requirement) -> Option<Self> {
        match requirement {
            Requirement::Unsaid => None,
            Requirement::SingleFactor => Some(Self::No),
            Requirement::MultiFactor => Some(Self::Yes),
        }
    }
}

/// Something that is counted. All but legacy clients counts successes alone: whoever guesses
/// passwords is no automation of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Sign-ins by a legacy client.
    Legacy(Client, Outcome),
    /// Sign-ins by how many factors were asked for.
    Factors(Mfa, Kind),
    /// Passwords sent by programs.
    PasswordGrant(Resource),
    /// Codes typed in elsewhere.
    DeviceCode(Resource),
    /// Sign-ins on behalf of customers.
    Aobo(Mfa, Kind),
    /// Sign-ins in a shell.
    PowerShell(Module, Mfa),
    /// Sign-ins with a token of another identity provider.
    Federated(Mfa),
    /// Sign-ins that cross tenants.
    Crossing(Access),
}

impl Count {
    const LEGACY: usize = Client::COUNT * Outcome::ALL.len();
    const FACTORS: usize = Self::LEGACY + Mfa::ALL.len() * Kind::ALL.len();
    const PASSWORD_GRANT: usize = Self::FACTORS + Resource::ALL.len();
    const DEVICE_CODE: usize = Self::PASSWORD_GRANT + Resource::ALL.len();
    const AOBO: usize = Self::DEVICE_CODE + Mfa::ALL.len() * Kind::ALL.len();
    const POWERSHELL: usize = Self::AOBO + Module::ALL.len() * Mfa::ALL.len();
    const FEDERATED: usize = Self::POWERSHELL + Mfa::ALL.len();
    const ALL: usize = Self::FEDERATED + Access::ALL.len() + 1;

    fn slot(self) -> usize {
        match self {
            Self::Legacy(client, outcome) => client.slot() * 2 + outcome as usize,
            Self::Factors(mfa, kind) => Self::LEGACY + mfa as usize * 2 + kind as usize,
            Self::PasswordGrant(resource) => Self::FACTORS + resource as usize,
            Self::DeviceCode(resource) => Self::PASSWORD_GRANT + resource as usize,
            Self::Aobo(mfa, kind) => Self::DEVICE_CODE + mfa as usize * 2 + kind as usize,
            Self::PowerShell(module, mfa) => Self::AOBO + module as usize * 2 + mfa as usize,
            Self::Federated(mfa) => Self::POWERSHELL + mfa as usize,
            Self::Crossing(access) => Self::FEDERATED + access as usize,
        }
    }
}

/// Counts of one hour, or of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// The earliest row, in seconds since 1970.
    pub(super) first: Option<i64>,
    counts: [u32; Count::ALL],
}

impl Default for Hour {
    fn default() -> Self {
        Self { first: None, counts: [0; Count::ALL] }
    }
}

impl Hour {
    /// How often.
    pub fn get(&self, count: Count) -> u32 {
        self.counts[count.slot()]
    }

    fn one_more(&mut self, count: Count) {
        let slot = &mut self.counts[count.slot()];
        *slot = slot.saturating_add(1);
    }

    /// Adds one sign-in.
    pub(super) fn add(&mut self, row: &SignIn, setting: Setting) {
        let Setting { kind, application, is_aobo } = setting;
        self.first = Some(self.first.map_or(row.at.0, |first| first.min(row.at.0)));
        let Some(outcome) = row.outcome else { return };
        if let Some(client) = row.client.0 {
            self.one_more(Count::Legacy(client, outcome));
        }
        if outcome == Outcome::Failure {
            return;
        }
        match row.protocol {
            Protocol::PasswordGrant => self.one_more(Count::PasswordGrant(row.resource)),
            Protocol::DeviceCode => self.one_more(Count::DeviceCode(row.resource)),
            Protocol::Other => {}
        }
        if row.access != Access::None {
            self.one_more(Count::Crossing(row.access));
        }
        let Some(mfa) = Mfa::of(row.requirement) else { return };
        // Microsoft Entra Connect is nobody who could be challenged.
        if application != Application::Connect {
            self.one_more(Count::Factors(mfa, kind));
        }
        if is_aobo {
            self.one_more(Count::Aobo(mfa, kind));
        }
        if let Application::Shell(module) = application {
            self.one_more(Count::PowerShell(module, mfa));
        }
        if row.token.0 || row.issuer.0 {
            self.one_more(Count::Federated(mfa));
        }
    }

    /// Adds what was counted elsewhere.
    pub(super) fn merge(&mut self, other: &Self) {
        self.first = match (self.first, other.first) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
    }
}

/// What the tenant's own log and ids tell of a row, found once for all who count it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) kind: Kind,
    pub(super) application: Application,
    /// Whether it is administration on behalf of a customer.
    pub(super) is_aobo: bool,
}

impl Setting {
    pub(super) fn of(kind: Kind, row: &SignIn, home: &Home) -> Self {
        let application = home.applications.of(row.application.0);
        Self { kind, application, is_aobo: is_aobo(row, home) }
    }
}

/// Whether somebody of ours went into a customer's tenant. The log of a reseller also shows its
/// provider's people who come in.
fn is_aobo(row: &SignIn, home: &Home) -> bool {
    let is_ours = match (row.home.0, home.tenant) {
        (Some(home), Some(own)) => home == own,
        _ => true,
    };
    row.access == Access::ServiceProvider && is_ours
}

/// What is kept of an hour: the counts that are not 0, by their slot.
impl Serialize for Hour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        (self.first, counts.collect::<Vec<_>>()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Hour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (first, counts) = <(Option<i64>, Vec<(usize, u32)>)>::deserialize(deserializer)?;
        let mut hour = Self { first, ..Self::default() };
        for (slot, count) in counts {
            let unknown = || serde::de::Error::custom("a count that is not known");
            *hour.counts.get_mut(slot).ok_or_else(unknown)? = count;
        }
        Ok(hour)
    }
}
