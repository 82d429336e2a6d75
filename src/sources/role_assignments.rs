//! Who holds a directory role now: standing, or activated for a while.
//!
//! Privileged Identity Management tells all of it and needs Entra ID P2. Without, the directory's
//! own roles and their members are read instead, which then are all there is.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Metric, Samples};
use crate::wire::{self, ObjectId};

/// Every active assignment.
#[derive(Debug, Default)]
pub struct RoleAssignments(Vec<RoleAssignment>);

/// One role held by one principal: a person, a group or a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAssignment {
    /// Who.
    pub principal: ObjectId,
    /// Whether the principal is a group, as far as that was said.
    pub is_group: Option<bool>,
    /// Which role, by template id.
    pub role: ObjectId,
    /// Whether it holds in the whole tenant and not in an administrative unit only.
    pub tenant_wide: bool,
    /// Whether it was activated for a while and ends by itself.
    pub activated: bool,
}

/// The role of the accounts with which Entra Connect synchronises. Nobody else is to have it.
pub const DIRECTORY_SYNCHRONIZATION: &str = "d29b2b05-8046-44ba-8758-1e26182fcf32";

/// An assignment as PIM lists it, active or eligible.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    principal_id: ObjectId,
    role_definition_id: ObjectId,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    directory_scope_id: Box<str>,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    assignment_type: Box<str>,
    #[serde(default, deserialize_with = "wire::optional_moment")]
    end_date_time: Option<Timestamp>,
    #[serde(default)]
    principal: Option<Principal>,
}

#[derive(Debug, Deserialize)]
struct Principal {
    #[serde(default, rename = "@odata.type", deserialize_with = "wire::null_is_default")]
    kind: Box<str>,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    id: Box<str>,
}

impl Principal {
    fn is_group(&self) -> Option<bool> {
        (!self.kind.is_empty()).then(|| self.kind.eq_ignore_ascii_case("#microsoft.graph.group"))
    }
}

impl From<Instance> for RoleAssignment {
    fn from(row: Instance) -> Self {
        Self {
            principal: row.principal_id,
            is_group: row.principal.as_ref().and_then(Principal::is_group),
            role: row.role_definition_id,
            tenant_wide: row.directory_scope_id.is_empty() || &*row.directory_scope_id == "/",
            activated: row.assignment_type.eq_ignore_ascii_case("Activated"),
        }
    }
}

impl Instance {
    /// Whether it has run out by `now`; Microsoft may list it a little longer.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.end_date_time.is_some_and(|end| end <= now)
    }
}

/// A role of the directory, and who is in it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DirectoryRole {
    id: ObjectId,
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
        groups(&self.0, known)
    }
}

/// Principals that are groups: those said to be, and those of whom nothing was said that are no
/// known account.
pub(super) fn groups<'a>(rows: &'a [RoleAssignment], known: &Facts) -> BTreeSet<&'a ObjectId> {
    let users = known.users.rows().ok();
    let may_be = |row: &&RoleAssignment| {
        let is_account = || users.is_some_and(|users| users.of(&row.principal).is_some());
        row.is_group.unwrap_or_else(|| !is_account())
    };
    rows.iter().filter(may_be).map(|row| &row.principal).collect()
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
        let mut rows = Vec::new();
        let keep = |row: Instance| {
            if !row.is_over(known.now) {
                rows.push(row.into());
            }
        };
        match client.list::<Instance>(&Self::ASK, keep).await {
            Ok(tally) if tally.rejected > 0 => Err(unreadable(tally.rejected)),
            Ok(tally) => Ok(Rows { source: Self(rows), accepted: tally.accepted, rejected: 0 }),
            Err(FetchError::License { .. }) => without_pim(client).await,
            Err(error) => Err(error),
        }
    }

    fn observe(&self, _samples: &mut Samples) {}
}

/// An assignment that cannot be read may make anybody an administrator, so none is left out.
pub(super) fn unreadable(rows: u64) -> FetchError {
    FetchError::unreadable(&format!("{rows} assignments of roles"))
}

async fn without_pim(client: &Client) -> Result<Rows<RoleAssignments>, FetchError> {
    // Neither list has pages.
    const ROLES: Ask = Ask::graph("/v1.0/directoryRoles", Bucket::Directory);
    let mut roles = Vec::new();
    let tally = client.list::<DirectoryRole>(&ROLES, |role| roles.push(role)).await?;
    if tally.rejected > 0 {
        return Err(unreadable(tally.rejected));
    }
    let mut rows = Vec::new();
    for role in roles {
        let path = format!("/v1.0/directoryRoles/{}/members?$select=id", role.id);
        let keep = |member: Principal| {
            rows.extend(ObjectId::parse(&member.id).map(|principal| RoleAssignment {
                principal,
                is_group: member.is_group(),
                role: role.role_template_id.clone(),
                tenant_wide: true,
                activated: false,
            }));
        };
        let tally = client.list::<Principal>(&Ask::about(path, Bucket::Directory), keep).await?;
        if tally.rejected > 0 {
            return Err(unreadable(tally.rejected));
        }
    }
    let accepted = rows.len() as u64;
    Ok(Rows { source: RoleAssignments(rows), accepted, rejected: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_page_is_read() {
        #[derive(Deserialize)]
        struct Page {
            value: Vec<Instance>,
        }
        let body = include_bytes!("../../tests/samples/role_assignments.json");
        let page: Page = serde_json::from_slice(body).unwrap();
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let over: Vec<_> = page.value.iter().map(|row| row.is_over(now)).collect();
        assert_eq!(over, [false, false, false, true]);
        let rows: Vec<RoleAssignment> = page.value.into_iter().map(Into::into).collect();
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
