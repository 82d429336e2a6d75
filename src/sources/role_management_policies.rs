//! What Privileged Identity Management demands of whoever activates a directory role, as far as a
//! second person has to approve.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Metric, Samples};
use crate::wire::{self, ObjectId};

/// Whether activating a role has to be approved, by the role's template id.
#[derive(Debug, Default)]
pub struct RoleManagementPolicies(BTreeMap<ObjectId, Option<bool>>);

impl RoleManagementPolicies {
    /// From roles.
    pub fn new(rows: impl IntoIterator<Item = (ObjectId, Option<bool>)>) -> Self {
        Self(rows.into_iter().collect())
    }

    /// Whether activating this role has to be approved; `None` where its policy does not say so, or
    /// could not be read. A role without a policy of its own is not known to Microsoft's lists: every
    /// built-in role has one from the beginning.
    pub fn needs_approval(&self, role: &ObjectId) -> Option<bool> {
        self.0.get(role).copied().flatten()
    }
}

/// A policy as it is laid on a role.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    role_definition_id: ObjectId,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    policy: Policy,
}

#[derive(Debug, Default, Deserialize)]
struct Policy {
    #[serde(default, deserialize_with = "wire::null_is_default")]
    rules: Vec<Rule>,
}

/// One of some seventeen rules, each of a type of its own; most are not ours.
#[derive(Debug, Deserialize)]
struct Rule {
    #[serde(default, deserialize_with = "wire::null_is_default")]
    id: Box<str>,
    // The same word means other things in other rules.
    #[serde(default)]
    setting: Value,
}

impl Row {
    /// What the rule about approval says, of those for whoever activates the role. There is another
    /// for administrators who assign it.
    fn needs_approval(&self) -> Option<bool> {
        let is_it = |rule: &&Rule| rule.id.eq_ignore_ascii_case("Approval_EndUser_Assignment");
        let rule = self.policy.rules.iter().find(is_it)?;
        rule.setting.get("isApprovalRequired")?.as_bool()
    }
}

impl Source for RoleManagementPolicies {
    const ID: &'static str = "role_management_policies";
    const WHAT: &'static str = "Which directory roles are activated only with somebody's approval";
    const ASK: Ask = Ask::graph(
        "/v1.0/policies/roleManagementPolicyAssignments?$filter=scopeId%20eq%20'/'%20and%20\
         scopeType%20eq%20'DirectoryRole'&$expand=policy($expand=rules)",
        Bucket::Directory,
    );
    /// The narrower RoleManagementPolicy.Read.Directory would do, but this is granted for other sources.
    const PERMISSION: &'static str = "RoleManagement.Read.Directory";
    const LICENSE: Option<&'static str> = Some("Microsoft Entra ID P2");
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/policyroot-list-rolemanagementpolicyassignments";
    const INTERVAL: Duration = Duration::from_secs(3600);
    /// Roles are counted in `posture`, where it is known who may activate them.
    const METRICS: &'static [&'static Metric] = &[];
    const AFTER: &'static [&'static str] = &["subscribed_skus"];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut source = Self::default();
        let keep = |row: Row| {
            let said = row.needs_approval();
            // Should a role ever have two, the laxer one counts.
            let kept = source.0.entry(row.role_definition_id).or_insert(said);
            *kept = if *kept == Some(false) { *kept } else { said };
        };
        let tally = client.list::<Row>(&Self::ASK, keep).await;
        let tally = tally.map_err(|error| known.for_want_of_p2(error))?;
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn the_documented_page_is_read_and_the_rule_for_who_activates_is_the_one_that_counts() {
        let body = include_bytes!("../../tests/samples/role_management_policies.json");
        let rows: Vec<Row> = rows_of(body);
        let said: Vec<_> = rows.iter().map(Row::needs_approval).collect();
        assert_eq!(said, [Some(true), Some(false), None, None]);
    }

    #[test]
    fn a_role_that_is_not_listed_or_says_nothing_is_not_known() {
        let id = |text| ObjectId::parse(text).unwrap();
        let policies = RoleManagementPolicies::new([(id("a"), Some(false)), (id("b"), None)]);
        let of = |text| policies.needs_approval(&id(text));
        assert_eq!((of("A"), of("b"), of("c")), (Some(false), None, None));
    }
}
