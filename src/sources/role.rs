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
    /// When it ends, if it does.
    pub ends: Option<Timestamp>,
}

/// The role of the accounts with which Entra Connect synchronises. Nobody else is to have it.
pub const DIRECTORY_SYNCHRONIZATION: &str = "d29b2b05-8046-44ba-8758-1e26182fcf32";

/// What DAP makes of Helpdesk agents at every customer that grants it.
pub const HELPDESK_ADMINISTRATOR: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";

/// The role that is everything.
pub const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// What Microsoft calls a built-in role, as far as it is one that people are given.
pub fn role_name(id: &ObjectId) -> Option<&'static str> {
    let id = id.to_string();
    ROLES.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
}

/// Source: Microsoft Entra built-in roles, `permissions-reference`.
const ROLES: [(&str, &str); 86] = [
    (GLOBAL_ADMINISTRATOR, "Global Administrator"),
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
    ("cf1c38e5-3621-4004-a7cb-879624dced7c", "Application Developer"),
    ("9c6df0f2-1e7c-4dc3-b195-66dfbd24aa8f", "Attack Payload Author"),
    ("c430b396-e693-46cc-96f3-db01bf8bb62a", "Attack Simulation Administrator"),
    ("58a13ea3-c632-46ae-9ee0-9c0d43cd7f3d", "Attribute Assignment Administrator"),
    ("8424c6f0-a189-499e-bbd0-26c1753c96d4", "Attribute Definition Administrator"),
    ("25a516ed-2fa0-40ea-a2d0-12923a21473a", "Authentication Extensibility Administrator"),
    ("e3973bdf-4987-49ae-837a-ba8e231c7286", "Azure DevOps Administrator"),
    ("7495fdc4-34c4-4d15-a289-98788ce399fd", "Azure Information Protection Administrator"),
    ("aaf43236-0c0d-4d5f-883a-6955382ac081", "B2C IEF Keyset Administrator"),
    ("3edaf663-341e-4475-9f94-5c398ef6c070", "B2C IEF Policy Administrator"),
    ("892c5842-a9a6-463a-8041-72aa08ca3cf6", "Cloud App Security Administrator"),
    ("7698a772-787b-4ac8-901f-60d6b08affd2", "Cloud Device Administrator"),
    ("17315797-102d-40b4-93e0-432062caca18", "Compliance Administrator"),
    ("e6d1a23a-da11-4be4-9570-befc86d067a7", "Compliance Data Administrator"),
    ("5c4f9dcd-47dc-4cf7-8c9a-9e4207cbfc91", "Customer LockBox Access Approver"),
    ("38a96431-2bdf-4b4c-8b6e-5d3d8abac1a4", "Desktop Analytics Administrator"),
    ("88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "Directory Readers"),
    ("9360feb5-f418-4baa-8175-e2a00bac4301", "Directory Writers"),
    ("8329153b-31d0-4727-b945-745eb3bc5f31", "Domain Name Administrator"),
    ("44367163-eba1-44c3-98af-f5787879f96a", "Dynamics 365 Administrator"),
    ("963797fb-eb3b-4cde-8ce3-5878b3f32a3f", "Dynamics 365 Business Central Administrator"),
    ("3f1acade-1e04-4fbc-9b69-f0302cd84aef", "Edge Administrator"),
    ("31392ffb-586c-42d1-9346-e59415a2cc4e", "Exchange Recipient Administrator"),
    ("6e591065-9bad-43ed-90f3-e9424366d2f0", "External ID User Flow Administrator"),
    ("be2f45a1-457d-42af-a067-6ec1fa63bc45", "External Identity Provider Administrator"),
    ("a9ea8996-122f-4c74-9520-8edcd192826c", "Fabric Administrator"),
    ("ac434307-12b9-4fa1-a708-88bf58caabc1", "Global Secure Access Administrator"),
    ("fdd7a751-b60b-444a-984c-02652fe8fa1c", "Groups Administrator"),
    ("95e79109-95c0-4d8e-aee3-d01accf2d47b", "Guest Inviter"),
    ("45d8d3c5-c802-45c6-b32a-1d70b5e1e86e", "Identity Governance Administrator"),
    ("eb1f4a8d-243a-41f0-9fbd-c7cdf6c5ef7c", "Insights Administrator"),
    ("74ef975b-6605-40af-a5d2-b9539d836353", "Kaizala Administrator"),
    ("b5a8dcf3-09d5-43a9-a639-8e29ef291470", "Knowledge Administrator"),
    ("4d6ac14f-3453-41d0-bef9-a3e0c569773a", "License Administrator"),
    ("59d46f88-662b-457b-bceb-5c3809e5908f", "Lifecycle Workflows Administrator"),
    ("ac16e43d-7b2d-40e0-ac05-243ff356ab5b", "Message Center Privacy Reader"),
    ("790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b", "Message Center Reader"),
    ("9f06204d-73c1-4d4c-880a-6edb90606fd8", "Microsoft Entra Joined Device Local Administrator"),
    ("d37c8bed-0711-4417-ba38-b4abe66ce4c2", "Network Administrator"),
    ("2b745bdf-0803-4d80-aa65-822c4493daac", "Office Apps Administrator"),
    ("4ba39ca4-527c-499a-b93d-d9b492c50246", "Partner Tier1 Support"),
    ("e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8", "Partner Tier2 Support"),
    ("af78dc32-cf4d-46f9-ba4e-4428526346b5", "Permissions Management Administrator"),
    ("11648597-926c-4cf3-9c36-bcebb0ba8dcc", "Power Platform Administrator"),
    ("644ef478-e28f-4e28-b9dc-3fdde9aa0b1f", "Printer Administrator"),
    ("e8cef6f1-e4bd-4ea8-bc07-4b8d950f4477", "Printer Technician"),
    ("4a5d8f65-41da-4de4-8968-e035b65339cf", "Reports Reader"),
    ("0964bb5e-9bdb-4d7b-ac29-58e794862a40", "Search Administrator"),
    ("8835291a-918c-4fd7-a9ce-faa49f0cf7d9", "Search Editor"),
    ("5f2222b1-57c3-48ba-8ad5-d4759f1fde6f", "Security Operator"),
    ("f023fd81-a637-4b56-95fd-791ac0226033", "Service Support Administrator"),
    ("1a7d78b6-429f-476b-b8eb-35fb715fffd4", "SharePoint Embedded Administrator"),
    ("75941009-915a-4869-abe7-691bff18279e", "Skype for Business Administrator"),
    ("69091246-20e8-4a56-aa4d-066075b2a7a8", "Teams Administrator"),
    ("baf37b3a-610e-45da-9e62-d9d1e5e8914b", "Teams Communications Administrator"),
    ("f70938a0-fc10-4177-9e90-2178f8765737", "Teams Communications Support Engineer"),
    ("fcf91098-03e3-41a9-b5ba-6f0ec8188a12", "Teams Communications Support Specialist"),
    ("3d762c5a-1b6c-493f-843e-55a3b42923d4", "Teams Devices Administrator"),
    ("aa38014f-0993-46e9-9b45-30501a20909d", "Teams Telephony Administrator"),
    ("112ca1a2-15ad-4102-995e-45b0bc479a6a", "Tenant Creator"),
    ("75934031-6c7e-415a-99d7-48dbd49e875e", "Usage Summary Reports Reader"),
    ("11451d60-acb2-45eb-a7d6-43d0f0125c13", "Windows 365 Administrator"),
    ("32696413-001a-46ae-978c-ce0f6b3620d2", "Windows Update Deployment Administrator"),
    ("810a2642-a034-447f-a5e8-41beaa378541", "Yammer Administrator"),
    (DIRECTORY_SYNCHRONIZATION, "Directory Synchronization Accounts"),
    ("ecb2c6bf-0ab6-418e-bd87-7986f8d63bbe", "Attribute Provisioning Administrator"),
    ("db506228-d27e-4b7d-95e5-295956d6615f", "Agent ID Administrator"),
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
            ends: row.end_date_time,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_role_has_one_name_and_one_id_as_microsoft_spells_it() {
        for (id, name) in ROLES {
            let parsed = ObjectId::parse(id).unwrap();
            assert!(matches!(parsed, ObjectId::Guid(_)) && parsed.to_string() == id, "{id}");
            let same =
                |(other_id, other_name): &&(&str, &str)| *other_id == id || *other_name == name;
            assert_eq!(ROLES.iter().filter(same).count(), 1, "{name}");
        }
        let support = ObjectId::parse("f023fd81-a637-4b56-95fd-791ac0226033").unwrap();
        assert_eq!(role_name(&support), Some("Service Support Administrator"));
    }
}
