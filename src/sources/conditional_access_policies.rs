//! Conditional Access policies: whom they include and leave out, on which sign-ins they act, and
//! what they demand. What it adds up to is judged in `posture::coverage`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, ObjectId};

/// All policies, in the order Microsoft lists them.
#[derive(Debug, Default)]
pub struct ConditionalAccessPolicies {
    /// Those that could be read.
    pub policies: Vec<Policy>,
    /// How many could not.
    pub unreadable: u64,
}

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
}

/// The tenants guests come from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalTenants {
    /// `all` or `enumerated`.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub membership_kind: Box<str>,
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
        Some(flags.split(',').any(|flag| flag.trim().eq_ignore_ascii_case("mfa")))
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

impl ConditionalAccessPolicies {
    /// The policies that act, or may.
    pub fn acting(&self) -> impl Iterator<Item = &Policy> {
        let acts = |state| matches!(state, PolicyState::Enabled | PolicyState::Unknown);
        self.policies.iter().filter(move |policy| acts(policy.state))
    }

    /// Every group that a policy names which acts.
    pub fn groups(&self) -> BTreeSet<&ObjectId> {
        let users = self.acting().map(|policy| &policy.conditions.users);
        users.flat_map(|users| users.include_groups.iter().chain(&users.exclude_groups)).collect()
    }
}

static POLICIES: Metric = Metric {
    name: "partnercenter_conditional_access_policies",
    help: "Conditional Access policies by state: enabled, disabled, report_only (enforces nothing), \
           unknown (in a word unknown to this version). Absent while they cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "state"],
};

static CUSTOM_CONTROLS: Metric = Metric {
    name: "partnercenter_conditional_access_custom_controls",
    help: "Enabled Conditional Access policies with a custom control of another vendor. Such a \
           control never satisfies MFA for Partner Center. 0 is as it should be.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static BASELINE: Metric = Metric {
    name: "partnercenter_conditional_access_baseline_policies",
    help: "Baseline policies, retired in 2020, that are still listed. They protect nobody. 0 is as \
           it should be.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl ConditionalAccessPolicies {
    /// Enabled policies with a control of another vendor.
    pub fn with_custom_controls(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().filter(|policy| {
            let has = |grant: &GrantControls| !grant.custom_authentication_factors.is_empty();
            policy.state == PolicyState::Enabled && policy.grant_controls.as_ref().is_some_and(has)
        })
    }

    /// Policies from before security defaults.
    pub fn baseline(&self) -> impl Iterator<Item = &Policy> {
        let is_baseline = |name: &str| name.to_lowercase().starts_with("baseline policy");
        self.policies.iter().filter(move |policy| is_baseline(&policy.display_name))
    }
}

impl Source for ConditionalAccessPolicies {
    const ID: &'static str = "conditional_access_policies";
    const WHAT: &'static str = "Conditional Access policies: for whom, when, what they demand";
    const ASK: Ask = Ask::graph("/v1.0/identity/conditionalAccess/policies", Bucket::Policies);
    const PERMISSION: &'static str = "Policy.Read.All";
    const LICENSE: Option<&'static str> = Some("Microsoft Entra ID P1 or P2");
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/conditionalaccessroot-list-policies";
    const INTERVAL: Duration = Duration::from_secs(300);
    const METRICS: &'static [&'static Metric] = &[&POLICIES, &CUSTOM_CONTROLS, &BASELINE];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut policies = Vec::new();
        let tally = client.list::<Policy>(&Self::ASK, |policy| policies.push(policy)).await?;
        let source = Self { policies, unreadable: tally.rejected };
        Ok(Rows { source, accepted: tally.accepted, rejected: tally.rejected })
    }

    fn observe(&self, samples: &mut Samples) {
        for state in PolicyState::ALL {
            let count = self.policies.iter().filter(|policy| policy.state == state).count();
            samples.count(&POLICIES, [("state", state.as_str())], count);
        }
        samples.count(&CUSTOM_CONTROLS, [], self.with_custom_controls().count());
        samples.count(&BASELINE, [], self.baseline().count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Vec<Policy> {
        #[derive(Deserialize)]
        struct Page {
            value: Vec<Policy>,
        }
        let body = include_bytes!("../../tests/samples/conditional_access_policies.json");
        serde_json::from_slice::<Page>(body).unwrap().value
    }

    #[test]
    fn the_documented_page_is_read() {
        let source = ConditionalAccessPolicies { policies: page(), unreadable: 0 };
        let states: Vec<_> = source.policies.iter().map(|policy| policy.state).collect();
        let [enabled, disabled, report, unknown] = PolicyState::ALL;
        assert_eq!(states, [enabled, report, disabled, unknown]);
        let first = &source.policies[0];
        assert_eq!(first.conditions.users.exclude_groups.len(), 1);
        let grant = first.grant_controls.as_ref().unwrap();
        assert_eq!(grant.authentication_strength.as_ref().unwrap().satisfies_mfa(), Some(true));
        let locations = source.policies[1].conditions.locations.as_ref().unwrap();
        assert_eq!(&*locations.exclude_locations[0], "AllTrusted");
        assert!(source.policies[2].grant_controls.is_none(), "a policy about sessions only");
        assert_eq!(source.baseline().count(), 1);
        assert_eq!(source.groups().len(), 1, "of the policies that act");
    }

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
