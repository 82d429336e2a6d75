//! Conditional Access policies, which say of whom MFA is demanded and when. What they add up to is
//! judged in `posture::coverage`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Facts;
use super::policy::{GrantControls, Policy, PolicyState};
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::ObjectId;

/// All policies, in the order Microsoft lists them.
#[derive(Debug, Default)]
pub struct ConditionalAccessPolicies {
    /// Those that could be read.
    pub policies: Vec<Policy>,
    /// How many could not.
    pub unreadable: u64,
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
        Ok(Rows::listed(source, tally))
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
    use crate::client::rows_of;

    fn page() -> Vec<Policy> {
        let body = include_bytes!("../../tests/samples/conditional_access_policies.json");
        rows_of::<Policy>(body)
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
}
