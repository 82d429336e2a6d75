//! The shape of a role somebody holds or may activate, as Privileged Identity Management lists it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use super::Facts;
use crate::client::{Ask, Client, FetchError};
use crate::wire::{self, ObjectId};

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

/// What Microsoft calls a built-in role, as far as it is one that matters here.
pub fn role_name(id: &ObjectId) -> Option<&'static str> {
    let id = id.to_string();
    ROLES.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
}

const ROLES: [(&str, &str); 20] = [
    ("62e90394-69f5-4237-9190-012177145e10", "Global Administrator"),
    ("e8611ab8-c189-46e8-94e1-60213ab1f814", "Privileged Role Administrator"),
    ("7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "Privileged Authentication Administrator"),
    ("194ae4cb-b126-40b2-bd5b-6091b380977d", "Security Administrator"),
    ("b1be1c3e-b65d-4f19-8427-f6fa0d97feb9", "Conditional Access Administrator"),
    ("c4e39bd9-1100-46d3-8c65-fb160da0071f", "Authentication Administrator"),
    ("0526716b-113d-4c15-b2c8-68e3c22b9f80", "Authentication Policy Administrator"),
    ("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator"),
    ("729827e3-9c14-49f7-bb1b-9608f156bbb8", "Helpdesk Administrator"),
    ("966707d0-3269-4727-9be2-8c3a10f19b9d", "Password Administrator"),
    ("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "Application Administrator"),
    ("158c047a-c907-4556-b7ef-446551a6b5f7", "Cloud Application Administrator"),
    ("8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2", "Hybrid Identity Administrator"),
    ("3a2c62db-5318-420d-8d74-23affee5d9d5", "Intune Administrator"),
    ("29232cdf-9323-42fd-ade2-1d097af3e4de", "Exchange Administrator"),
    ("f28a1f50-f6e7-4571-818b-6a12f2af6b6c", "SharePoint Administrator"),
    ("b0f54661-2d74-4c50-afa3-1ec803f12efe", "Billing Administrator"),
    ("5d6b6bb7-de71-4623-b4af-96380a352509", "Security Reader"),
    ("f2ef992c-3afb-46b9-b7cf-a126ee74c451", "Global Reader"),
    (DIRECTORY_SYNCHRONIZATION, "Directory Synchronization Accounts"),
];

/// An assignment as PIM lists it, active or eligible.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    principal_id: ObjectId,
    role_definition_id: ObjectId,
    /// Null where the role is held for one application only. A row without it says nothing about
    /// where the role is held, and is refused; some documents call it by its older name.
    #[serde(alias = "resourceScope", deserialize_with = "Option::deserialize")]
    directory_scope_id: Option<Box<str>>,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    assignment_type: Box<str>,
    #[serde(default, deserialize_with = "wire::optional_moment")]
    end_date_time: Option<Timestamp>,
    #[serde(default)]
    principal: Option<Principal>,
}

/// Who holds a role, as far as it is said along.
#[derive(Debug, Deserialize)]
struct Principal {
    #[serde(default, rename = "@odata.type", deserialize_with = "wire::null_is_default")]
    kind: Box<str>,
}

impl Principal {
    fn is_group(&self) -> Option<bool> {
        // A bare directory object may be anything.
        let is_said = !self.kind.is_empty()
            && !self.kind.eq_ignore_ascii_case("#microsoft.graph.directoryObject");
        is_said.then(|| self.kind.eq_ignore_ascii_case("#microsoft.graph.group"))
    }
}

impl From<Instance> for RoleAssignment {
    fn from(row: Instance) -> Self {
        Self {
            principal: row.principal_id,
            is_group: row.principal.as_ref().and_then(Principal::is_group),
            role: row.role_definition_id,
            tenant_wide: row.directory_scope_id.as_deref() == Some("/"),
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

/// All assignments of a list that have not run out. One that cannot be read may make anybody an
/// administrator, so none is left out.
pub(super) async fn listed(
    client: &Client,
    ask: &Ask,
    now: Timestamp,
) -> Result<Vec<RoleAssignment>, FetchError> {
    let mut rows = Vec::new();
    let keep = |row: Instance| {
        if !row.is_over(now) {
            rows.push(row.into());
        }
    };
    match client.list::<Instance>(ask, keep).await?.rejected {
        0 => Ok(rows),
        rejected => Err(FetchError::unreadable(&format!("{rejected} assignments of roles"))),
    }
}
