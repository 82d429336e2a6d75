//! One Conditional Access policy: what it says, and what that amounts to.

use serde_json::{Value, json};

use super::strength::Strength;

/// What a policy that demands MFA of some sign-ins may be narrowed by.
pub(super) const GAPS: [&str; 9] = [
    "application",
    "client",
    "platform",
    "location",
    "device_alternative",
    "device_filter",
    "authentication_flow",
    "risk_only",
    "other",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Enabled,
    Disabled,
    ReportOnly,
}

impl State {
    /// As Microsoft spells it.
    pub(super) fn spelled(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::ReportOnly => "enabledForReportingButNotEnforced",
        }
    }

    /// As it is called in the figures.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::ReportOnly => "report_only",
            state => state.spelled(),
        }
    }
}

pub(super) struct Policy {
    pub(super) id: u128,
    pub(super) name: &'static str,
    pub(super) state: State,
    /// Of one that demands MFA, its first gap, or `none`. Said by whoever wrote the policy.
    pub(super) gap: Option<&'static str>,
    pub(super) conditions: Value,
    pub(super) grant: Value,
    pub(super) session: Value,
    /// Whether it is so old that nobody remembers when it was made.
    pub(super) undated: bool,
}

impl Policy {
    /// An enabled policy for all sign-ins of these people.
    pub(super) fn new(name: &'static str, users: Value, grant: Value) -> Self {
        Self {
            id: 0,
            name,
            state: State::Enabled,
            gap: None,
            conditions: json!({
                "userRiskLevels": [],
                "signInRiskLevels": [],
                "clientAppTypes": ["all"],
                "servicePrincipalRiskLevels": [],
                "insiderRiskLevels": null,
                "platforms": null,
                "locations": null,
                "devices": null,
                "clientApplications": null,
                "authenticationFlows": null,
                "applications": {
                    "includeApplications": ["All"],
                    "excludeApplications": [],
                    "includeUserActions": [],
                    "includeAuthenticationContextClassReferences": [],
                    "applicationFilter": null,
                },
                "users": users,
            }),
            grant,
            session: Value::Null,
            undated: false,
        }
    }

    /// One that demands MFA of everything.
    pub(super) fn mfa(name: &'static str, users: Value) -> Self {
        Self { gap: Some("none"), ..Self::new(name, users, grant(&["mfa"])) }
    }

    /// The same, of some sign-ins only; what leaves the others out is said by the gap.
    pub(super) fn narrowed(mut self, gap: &'static str, condition: &str, value: Value) -> Self {
        self.gap = Some(gap);
        self.conditions[condition] = value;
        self
    }

    /// The same, of those who do not meet one of the other controls.
    pub(super) fn or_else(mut self, controls: Value) -> Self {
        self.gap = Some("device_alternative");
        self.grant = controls;
        self
    }

    pub(super) fn with(mut self, condition: &str, value: Value) -> Self {
        self.conditions[condition] = value;
        self
    }

    pub(super) fn in_state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// What it is shown as. Microsoft lets nobody enable policies beside security defaults.
    pub(super) fn shown(&self, security_defaults: bool) -> State {
        match self.state {
            State::Enabled if security_defaults => State::Disabled,
            state => state,
        }
    }

    /// Whether it has a control of another vendor.
    pub(super) fn has_custom_control(&self) -> bool {
        let custom = self.grant["customAuthenticationFactors"].as_array();
        custom.is_some_and(|custom| !custom.is_empty())
    }

    /// Whether it is one of those that Microsoft made and retired.
    pub(super) fn is_baseline(&self) -> bool {
        self.name.starts_with("Baseline policy")
    }

    /// The groups it names.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        let users = &self.conditions["users"];
        let lists = ["includeGroups", "excludeGroups"].map(|list| users[list].as_array());
        lists.into_iter().flatten().flatten().filter_map(Value::as_str)
    }

    /// Of one that demands MFA and is not disabled, its first gap.
    pub(super) fn gap_in(&self, state: State) -> Option<&'static str> {
        match state {
            State::Enabled => self.gap,
            State::ReportOnly => self.gap.map(|_| "report_only"),
            State::Disabled => None,
        }
    }
}

/// Nobody, and nobody left out.
fn nobody() -> Value {
    json!({
        "includeUsers": [],
        "excludeUsers": [],
        "includeGroups": [],
        "excludeGroups": [],
        "includeRoles": [],
        "excludeRoles": [],
        "includeGuestsOrExternalUsers": null,
        "excludeGuestsOrExternalUsers": null,
    })
}

/// Whom a policy is for, list by list.
pub(super) fn users<const N: usize>(lists: [(&str, Value); N]) -> Value {
    let mut users = nobody();
    for (list, value) in lists {
        users[list] = value;
    }
    users
}

/// Any one of these controls.
pub(super) fn grant(built_in: &[&str]) -> Value {
    json!({
        "operator": "OR",
        "builtInControls": built_in,
        "customAuthenticationFactors": [],
        "termsOfUse": [],
        "authenticationStrength": null,
    })
}

/// A strength, which is shown whole inside the policy.
pub(super) fn strong(strength: &Strength) -> Value {
    let mut controls = grant(&[]);
    controls["authenticationStrength"] = show(strength);
    controls
}

/// A strength as Graph shows it.
pub(super) fn show(strength: &Strength) -> Value {
    json!({
        "id": strength.id,
        "createdDateTime": "2021-12-01T00:00:00Z",
        "modifiedDateTime": "2021-12-01T00:00:00Z",
        "displayName": strength.name,
        "description": strength.description,
        "policyType": if strength.built_in { "builtIn" } else { "custom" },
        "requirementsSatisfied": if strength.mfa { "mfa" } else { "none" },
        "allowedCombinations": strength.combinations,
        "combinationConfigurations": [],
    })
}
