//! The shape of a Conditional Access policy: whom it includes and leaves out, on which sign-ins it
//! acts, and what it demands.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::wire::{self, ObjectId};

/// One policy.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Its id.
    pub id: ObjectId,
    /// What the administrators call it.
    #[serde(default, deserialize_with = "wire::null_is_default")]
    pub display_name: Box<str>,
    /// Whether it acts.
    #[serde(default)]
    pub state: PolicyState,
    /// To whom and what it applies. A row without conditions cannot be judged and is refused.
    pub conditions: Conditions,
    /// What it demands; `None` where it only shapes sessions.
    #[serde(default)]
    pub grant_controls: Option<GrantControls>,
}

/// Whether a policy acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PolicyState {
    /// It acts.
    Enabled,
    /// It does not.
    Disabled,
    /// It only writes into the log what it would do.
    ReportOnly,
    /// In a word unknown to us.
    #[default]
    Unknown,
}

impl PolicyState {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 4] = [Self::Enabled, Self::Disabled, Self::ReportOnly, Self::Unknown];

    /// The value of the label `state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::ReportOnly => "report_only",
            Self::Unknown => "unknown",
        }
    }
}

impl<'de> Deserialize<'de> for PolicyState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        Ok(match word.to_ascii_lowercase().as_str() {
            "enabled" => Self::Enabled,
            "disabled" => Self::Disabled,
            "enabledforreportingbutnotenforced" => Self::ReportOnly,
            _ => Self::Unknown,
        })
    }
}

/// Fields that this version does not know. They may narrow a policy, so they are not dropped.
type Others = BTreeMap<String, Value>;

/// To whom and to which sign-ins a policy applies.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Conditions {
    /// People.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub users: UserConditions,
    /// What is signed in to.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub applications: Applications,
    /// What is signed in with; empty is any.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub client_app_types: Vec<Box<str>>,
    /// Operating systems.
    pub platforms: Option<Platforms>,
    /// Named locations.
    pub locations: Option<Locations>,
    /// Levels of the sign-in's risk; empty is any.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub sign_in_risk_levels: Vec<Box<str>>,
    /// Levels of the user's risk; empty is any.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub user_risk_levels: Vec<Box<str>>,
    /// Levels of insider risk, comma-separated.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub insider_risk_levels: Value,
    /// Devices.
    pub devices: Option<Devices>,
    /// Flows by which authentication moves between devices.
    pub authentication_flows: Option<AuthenticationFlows>,
    /// Workload identities; a policy about them is about no person.
    pub client_applications: Option<ClientApplications>,
    /// Conditions unknown to us.
    #[serde(flatten)]
    pub others: Others,
}

/// Who is included and who is left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserConditions {
    /// Object ids, `All`, `None`, `GuestsOrExternalUsers`.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub include_users: Vec<Box<str>>,
    /// Object ids, `GuestsOrExternalUsers`.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub exclude_users: Vec<Box<str>>,
    /// Groups.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub include_groups: Vec<ObjectId>,
    /// Groups.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub exclude_groups: Vec<ObjectId>,
    /// Role template ids.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub include_roles: Vec<ObjectId>,
    /// Role template ids.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub exclude_roles: Vec<ObjectId>,
    /// Kinds of guests.
    pub include_guests_or_external_users: Option<Guests>,
    /// Kinds of guests.
    pub exclude_guests_or_external_users: Option<Guests>,
    /// Conditions unknown to us.
    #[serde(flatten)]
    pub others: Others,
}

/// Kinds of guests, and where they come from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Guests {
    /// Flags, comma-separated.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub guest_or_external_user_types: Box<str>,
    /// Only from some tenants.
    pub external_tenants: Option<ExternalTenants>,
    /// Conditions unknown to us.
    #[serde(flatten)]
    pub others: Others,
}

/// The tenants guests come from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalTenants {
    /// `all` or `enumerated`.
    #[serde(deserialize_with = "wire::null_is_default")]
    membership_kind: Box<str>,
    /// Conditions unknown to us, the enumerated tenants among them.
    #[serde(flatten)]
    others: Others,
}

impl Guests {
    /// Whether guests of these kinds are meant wherever they come from; in doubt only some are.
    pub fn are_all(&self) -> bool {
        let is_open =
            |tenants: &ExternalTenants| tenants.membership_kind.eq_ignore_ascii_case("all");
        !self.is_strange() && self.external_tenants.as_ref().is_none_or(is_open)
    }

    /// Whether a condition unknown to us may mean others, or fewer.
    pub fn is_strange(&self) -> bool {
        let tenants = self.external_tenants.iter().flat_map(|tenants| &tenants.others);
        // Whichever tenants are enumerated, nobody can see from here who is from one.
        let tenants = tenants.filter(|(name, _)| *name != "members");
        self.others.iter().chain(tenants).any(|(name, value)| says_something(name, value))
    }
}

/// What is signed in to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Applications {
    /// Application ids, `All`, `None`, and words for suites.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub include_applications: Vec<Box<str>>,
    /// Application ids and words for suites.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub exclude_applications: Vec<Box<str>>,
    /// Applications by their attributes.
    pub application_filter: Option<Filter>,
    /// Registering a device or a method: no sign-in.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub include_user_actions: Vec<Box<str>>,
    /// Asked for by an application within a session: no sign-in.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub include_authentication_context_class_references: Vec<Box<str>>,
    /// Conditions unknown to us.
    #[serde(flatten)]
    pub others: Others,
}

/// A rule over attributes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Filter {
    /// `include` or `exclude`.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub mode: Box<str>,
    /// The rule.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub rule: Box<str>,
    /// Conditions unknown to us.
    #[serde(flatten)]
    pub others: Others,
}

/// What a filter does with whatever matches its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only that is meant.
    Include,
    /// All but that is.
    Exclude,
    /// In a word unknown to us.
    Unknown,
}

impl Filter {
    /// What it does.
    pub fn mode(&self) -> Mode {
        match self.mode.trim() {
            word if word.eq_ignore_ascii_case("include") => Mode::Include,
            word if word.eq_ignore_ascii_case("exclude") => Mode::Exclude,
            _ => Mode::Unknown,
        }
    }
}

/// Operating systems.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Platforms {
    /// `all` or some.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub include_platforms: Vec<Box<str>>,
    /// Some.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub exclude_platforms: Vec<Box<str>>,
    /// Conditions unknown to us.
    #[serde(flatten)]
    pub others: Others,
}

/// Named locations.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Locations {
    /// Ids, `All`, `AllTrusted`.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub include_locations: Vec<Box<str>>,
    /// Ids, `AllTrusted`.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub exclude_locations: Vec<Box<str>>,
    /// Conditions unknown to us.
    #[serde(flatten)]
    pub others: Others,
}

/// Devices.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Devices {
    /// Devices by their attributes.
    pub device_filter: Option<Filter>,
    /// Conditions unknown to us, the retired lists of device states among them.
    #[serde(flatten)]
    pub others: Others,
}

/// Flows by which authentication moves between devices.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthenticationFlows {
    /// Flags, comma-separated.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub transfer_methods: Box<str>,
    /// Conditions unknown to us.
    #[serde(flatten)]
    pub others: Others,
}

/// Workload identities.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientApplications {
    /// Service principals, or a word for all of them.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub include_service_principals: Vec<Box<str>>,
    /// Conditions unknown to us, and those that are about workload identities alone.
    #[serde(flatten)]
    pub others: Others,
}

/// What a policy demands.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrantControls {
    /// `AND` or `OR`.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub operator: Box<str>,
    /// `mfa`, `block` and the like.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub built_in_controls: Vec<Box<str>>,
    /// Retired controls of other vendors.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub custom_authentication_factors: Vec<Value>,
    /// Terms to be agreed to.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub terms_of_use: Vec<Value>,
    /// Which methods are good enough.
    pub authentication_strength: Option<Strength>,
    /// Controls unknown to us.
    #[serde(flatten)]
    pub others: Others,
}

/// An authentication strength, whole or as no more than its id.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Strength {
    /// Its id.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub id: Box<str>,
    /// What the administrators call it.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub display_name: Box<str>,
    /// Flags, comma-separated: `none`, `mfa`.
    pub requirements_satisfied: Option<Box<str>>,
    /// Combinations of methods that are good enough.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub allowed_combinations: Vec<Box<str>>,
}

impl Strength {
    /// Whether it satisfies MFA; `None` where it does not say.
    pub fn satisfies_mfa(&self) -> Option<bool> {
        let flags = self.requirements_satisfied.as_deref()?;
        let has = |word: &str| flags.split(',').any(|flag| flag.trim().eq_ignore_ascii_case(word));
        match (has("mfa"), has("none")) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}

/// Whether a field unknown to us says anything: not null, not empty, and no annotation.
pub fn says_something(name: &str, value: &Value) -> bool {
    fn is_set(value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => items.iter().any(is_set),
            Value::Object(fields) => fields.iter().any(|(name, value)| says_something(name, value)),
            _ => true,
        }
    }
    !name.contains('@') && is_set(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_unknown_to_us_is_kept_and_an_empty_one_says_nothing() {
        let body = r#"{"id":"a","state":"enabled","conditions":{"times":{"from":"09:00"},
            "agentIdRiskLevels":null,"servicePrincipalRiskLevels":[],"x@odata.context":"y"}}"#;
        let policy: Policy = serde_json::from_str(body).unwrap();
        let others = &policy.conditions.others;
        let telling: Vec<_> =
            others.iter().filter(|(name, value)| says_something(name, value)).collect();
        assert_eq!(telling.len(), 1);
        assert_eq!(telling[0].0, "times");
    }

    #[test]
    fn a_row_without_conditions_is_refused() {
        for body in [r#"{"id":"a","state":"enabled"}"#, r#"{"id":"a","conditions":null}"#, "{}"] {
            assert!(serde_json::from_str::<Policy>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn nulls_everywhere_are_nothing_said() {
        let body = r#"{"id":"a","displayName":null,"state":null,"conditions":{"users":null,
            "applications":null,"clientAppTypes":null,"platforms":null,"locations":null,
            "signInRiskLevels":null,"userRiskLevels":null,"insiderRiskLevels":null,"devices":null,
            "authenticationFlows":null,"clientApplications":null},"grantControls":null}"#;
        let policy: Policy = serde_json::from_str(body).unwrap();
        assert_eq!(policy.state, PolicyState::Unknown);
        assert!(policy.conditions.users.include_users.is_empty());
    }
}
