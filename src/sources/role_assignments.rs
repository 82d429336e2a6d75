//! Who holds a directory role now: standing, or activated for a while.
//!
//! Privileged Identity Management tells all of it and needs Entra ID P2. Without, the directory's
//! own roles and who is assigned to them are read instead, which then is all there is; only roles of
//! the company's own making stay out of sight.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::Facts;
use super::role::{self, RoleAssignment};
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Metric, Samples};
use crate::wire::ObjectId;

/// Every active assignment.
#[derive(Debug, Default)]
pub struct RoleAssignments(Vec<RoleAssignment>);

/// A role of the directory that is in use.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DirectoryRole {
    role_template_id: ObjectId,
}

impl RoleAssignments {
    /// From rows.
    pub fn new(rows: Vec<RoleAssignment>) -> Self {
        Self(rows)
    }

    /// All of them.
    pub fn all(&self) -> &[RoleAssignment] {
        &self.0
    }

    /// Principals that are groups, or may be.
    pub fn groups(&self, known: &Facts) -> BTreeSet<&ObjectId> {
        role::groups(&self.0, known)
    }
}

impl Source for RoleAssignments {
    const ID: &'static str = "role_assignments";
    const WHAT: &'static str = "Who holds a directory role: standing or activated";
    const ASK: Ask = Ask::graph(
        "/v1.0/roleManagement/directory/roleAssignmentScheduleInstances?$expand=principal",
        Bucket::Directory,
    );
    const PERMISSION: &'static str = "RoleManagement.Read.Directory";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignmentscheduleinstances";
    const INTERVAL: Duration = Duration::from_secs(900);
    /// Who holds a role is counted in `posture`, where it is known who they are.
    const METRICS: &'static [&'static Metric] = &[];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        let rows = match role::listed(client, &Self::ASK, known.now).await {
            Err(error) if error.is_without_pim() => without_pim(client, known.now).await?,
            rows => rows?,
        };
        Ok(Rows { accepted: rows.len() as u64, source: Self(rows), rejected: 0 })
    }

    fn observe(&self, _samples: &mut Samples) {}
}

/// Without PIM each role that is in use has to be asked about by itself.
async fn without_pim(client: &Client, now: Timestamp) -> Result<Vec<RoleAssignment>, FetchError> {
    const ROLES: Ask = Ask::graph("/v1.0/directoryRoles", Bucket::Directory);
    let mut roles = Vec::new();
    let tally = client.list::<DirectoryRole>(&ROLES, |role| roles.push(role)).await?;
    if tally.rejected > 0 {
        return Err(FetchError::unreadable(&format!("{} roles", tally.rejected)));
    }
    let mut rows = Vec::new();
    for DirectoryRole { role_template_id: role } in roles {
        let path = format!(
            "/v1.0/roleManagement/directory/roleAssignments\
             ?$filter=roleDefinitionId%20eq%20'{role}'&$expand=principal"
        );
        rows.extend(role::listed(client, &Ask::about(path, Bucket::Directory), now).await?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::super::role::Instance;
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn the_documented_page_is_read() {
        let body = include_bytes!("../../tests/samples/role_assignments.json");
        let rows: Vec<Instance> = rows_of(body);
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let over: Vec<_> = rows.iter().map(|row| row.is_over(now)).collect();
        assert_eq!(over, [false, false, false, true]);
        let rows: Vec<RoleAssignment> = rows.into_iter().map(Into::into).collect();
        let said: Vec<_> =
            rows.iter().map(|row| (row.is_group, row.tenant_wide, row.activated)).collect();
        assert_eq!(
            said,
            [
                (None, true, false),
                (Some(true), true, false),
                (Some(false), false, true),
                (None, true, true)
            ]
        );
        let ends: Vec<_> = rows.iter().map(|row| row.ends.is_some()).collect();
        assert_eq!(ends, [false, false, true, true]);
    }

    #[test]
    fn a_principal_of_which_nothing_is_said_may_be_a_group_unless_it_is_an_account() {
        let now = Timestamp::UNIX_EPOCH;
        let row = |principal: &str, is_group| RoleAssignment {
            principal: ObjectId::parse(principal).unwrap(),
            is_group,
            role: ObjectId::parse("r").unwrap(),
            tenant_wide: true,
            activated: false,
            ends: None,
        };
        let user: super::super::User = serde_json::from_str(r#"{"id":"anna"}"#).unwrap();
        let known = Facts {
            users: super::super::Fact::known(super::super::Users::new(vec![user]), now),
            ..Facts::unread(now)
        };
        let rows = RoleAssignments::new(vec![
            row("anna", None),
            row("group", Some(true)),
            row("robot", Some(false)),
            row("who", None),
        ]);
        let groups: Vec<_> = rows.groups(&known).iter().map(ToString::to_string).collect();
        assert_eq!(groups, ["group", "who"]);
    }
}
