//! Which directory roles have far-reaching rights, and how they are called in labels.

use crate::sources::role_name;
use crate::wire::ObjectId;

/// Global Administrator.
pub const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// Roles that Microsoft labels privileged, but for those that may look and not touch: Graph's partner
/// security API wants one of them. The two of partners' support are old, hidden in the portal, and
/// among the most powerful. Four more have no such label and are worth as much to a thief: who
/// administers mail, files, bills and the ways to sign in. Source: Microsoft Entra built-in roles.
const PRIVILEGED: [&str; 30] = [
    "62e90394-69f5-4237-9190-012177145e10", // Global Administrator
    "e8611ab8-c189-46e8-94e1-60213ab1f814", // Privileged Role Administrator
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13", // Privileged Authentication Administrator
    "194ae4cb-b126-40b2-bd5b-6091b380977d", // Security Administrator
    "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9", // Conditional Access Administrator
    "c4e39bd9-1100-46d3-8c65-fb160da0071f", // Authentication Administrator
    "0526716b-113d-4c15-b2c8-68e3c22b9f80", // Authentication Policy Administrator
    "fe930be7-5e62-47db-91af-98c3a49a38b1", // User Administrator
    "729827e3-9c14-49f7-bb1b-9608f156bbb8", // Helpdesk Administrator
    "966707d0-3269-4727-9be2-8c3a10f19b9d", // Password Administrator
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", // Application Administrator
    "158c047a-c907-4556-b7ef-446551a6b5f7", // Cloud Application Administrator
    "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2", // Hybrid Identity Administrator
    "3a2c62db-5318-420d-8d74-23affee5d9d5", // Intune Administrator
    "29232cdf-9323-42fd-ade2-1d097af3e4de", // Exchange Administrator
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c", // SharePoint Administrator
    "b0f54661-2d74-4c50-afa3-1ec803f12efe", // Billing Administrator
    "e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8", // Partner Tier2 Support
    "4ba39ca4-527c-499a-b93d-d9b492c50246", // Partner Tier1 Support
    "9360feb5-f418-4baa-8175-e2a00bac4301", // Directory Writers
    "8329153b-31d0-4727-b945-745eb3bc5f31", // Domain Name Administrator
    "be2f45a1-457d-42af-a067-6ec1fa63bc45", // External Identity Provider Administrator
    "cf1c38e5-3621-4004-a7cb-879624dced7c", // Application Developer
    "5f2222b1-57c3-48ba-8ad5-d4759f1fde6f", // Security Operator
    "25a516ed-2fa0-40ea-a2d0-12923a21473a", // Authentication Extensibility Administrator
    "7698a772-787b-4ac8-901f-60d6b08affd2", // Cloud Device Administrator
    "59d46f88-662b-457b-bceb-5c3809e5908f", // Lifecycle Workflows Administrator
    "ecb2c6bf-0ab6-418e-bd87-7986f8d63bbe", // Attribute Provisioning Administrator
    "aaf43236-0c0d-4d5f-883a-6955382ac081", // B2C IEF Keyset Administrator
    "db506228-d27e-4b7d-95e5-295956d6615f", // Agent ID Administrator
];

/// What Microsoft calls a role with far-reaching rights; `None` for all others.
pub fn privileged(id: &ObjectId) -> Option<&'static str> {
    let is_privileged = PRIVILEGED.contains(&id.to_string().as_str());
    is_privileged.then(|| role_name(id)).flatten()
}

/// What Microsoft calls a role, or its id where it has no name we know.
pub fn name(id: &ObjectId) -> String {
    role_name(id).map_or_else(|| format!("the role {id}"), str::to_owned)
}

/// Every value of the label `role`: the privileged roles in Microsoft's words, and all the others.
pub fn labels() -> Vec<String> {
    let ids = PRIVILEGED.iter().filter_map(|id| ObjectId::parse(id));
    let mut labels: Vec<_> = ids.map(|id| label(&id)).collect();
    labels.sort();
    labels.push(OTHER.to_owned());
    labels
}

/// The value of the label `role` for this role.
pub fn label(id: &ObjectId) -> String {
    let Some(name) = privileged(id) else { return OTHER.to_owned() };
    name.to_lowercase().replace(' ', "_")
}

const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_role_is_listed_once_and_what_only_looks_is_not_privileged() {
        let of = |id: &str| privileged(&ObjectId::parse(id).unwrap());
        let names: BTreeSet<_> = PRIVILEGED.into_iter().map(of).collect();
        assert_eq!(names.len(), PRIVILEGED.len());
        assert!(!names.contains(&None), "a role without a name is never found");
        assert_eq!(of(GLOBAL_ADMINISTRATOR), Some("Global Administrator"));
        assert_eq!(of("f2ef992c-3afb-46b9-b7cf-a126ee74c451"), None, "a Global Reader only looks");
        // Every member's token lists this one.
        assert_eq!(of("b79fbf4d-3ef9-4689-8143-76b194e85509"), None);
    }

    #[test]
    fn labels_are_words_and_there_is_one_for_all_other_roles() {
        let labels = labels();
        assert_eq!(labels.len(), PRIVILEGED.len() + 1);
        let is_legal = |label: &String| {
            label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        assert!(labels.iter().all(is_legal), "{labels:?}");
        let of = |id: &str| label(&ObjectId::parse(id).unwrap());
        assert_eq!(of(GLOBAL_ADMINISTRATOR), "global_administrator");
        assert_eq!(of("f2ef992c-3afb-46b9-b7cf-a126ee74c451"), "other");
    }
}
