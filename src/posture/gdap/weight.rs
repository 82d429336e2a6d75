//! How much power a role is, in one number: what one person who holds it can do at one customer.

use crate::wire::ObjectId;

/// Is everything.
const EVERYTHING: [&str; 1] = ["62e90394-69f5-4237-9190-012177145e10"];

/// Can make itself everything: assigns roles, or resets the password of whoever holds them.
const NEARLY: [&str; 3] = [
    // Privileged Role Administrator
    "e8611ab8-c189-46e8-94e1-60213ab1f814",
    // Privileged Authentication Administrator
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    // Partner Tier2 Support
    "e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8",
];

/// Other roles that Microsoft labels privileged and that change things.
/// Source: Microsoft Entra built-in roles, `permissions-reference`, label PRIVILEGED.
const PRIVILEGED: [&str; 23] = [
    // Application Administrator, Application Developer, Cloud Application Administrator
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "cf1c38e5-3621-4004-a7cb-879624dced7c",
    "158c047a-c907-4556-b7ef-446551a6b5f7",
    // Attribute Provisioning Administrator, Agent ID Administrator
    "ecb2c6bf-0ab6-418e-bd87-7986f8d63bbe",
    "db506228-d27e-4b7d-95e5-295956d6615f",
    // Authentication Administrator, Authentication Extensibility Administrator
    "c4e39bd9-1100-46d3-8c65-fb160da0071f",
    "25a516ed-2fa0-40ea-a2d0-12923a21473a",
    // B2C IEF Keyset Administrator
    "aaf43236-0c0d-4d5f-883a-6955382ac081",
    // Cloud Device Administrator, Intune Administrator
    "7698a772-787b-4ac8-901f-60d6b08affd2",
    "3a2c62db-5318-420d-8d74-23affee5d9d5",
    // Conditional Access Administrator, Security Administrator, Security Operator
    "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",
    "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "5f2222b1-57c3-48ba-8ad5-d4759f1fde6f",
    // Directory Synchronization Accounts, Directory Writers
    "d29b2b05-8046-44ba-8758-1e26182fcf32",
    "9360feb5-f418-4baa-8175-e2a00bac4301",
    // Domain Name, External Identity Provider, Hybrid Identity Administrator
    "8329153b-31d0-4727-b945-745eb3bc5f31",
    "be2f45a1-457d-42af-a067-6ec1fa63bc45",
    "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2",
    // Helpdesk, Password, User Administrator
    "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "966707d0-3269-4727-9be2-8c3a10f19b9d",
    "fe930be7-5e62-47db-91af-98c3a49a38b1",
    // Lifecycle Workflows Administrator
    "59d46f88-662b-457b-bceb-5c3809e5908f",
    // Partner Tier1 Support
    "4ba39ca4-527c-499a-b93d-d9b492c50246",
];

/// Roles that change nothing.
const READERS: [&str; 7] = [
    // Directory Readers, Global Reader, Security Reader, Reports Reader
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
    "5d6b6bb7-de71-4623-b4af-96380a352509",
    "4a5d8f65-41da-4de4-8968-e035b65339cf",
    // Message Center Reader and Privacy Reader, Usage Summary Reports Reader
    "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b",
    "ac16e43d-7b2d-40e0-ac05-243ff356ab5b",
    "75934031-6c7e-415a-99d7-48dbd49e875e",
];

/// All other roles change things, as roles may that Microsoft has made since.
const OTHERS: u64 = 5;

/// The classes of roles, heaviest first.
const CLASSES: [(u64, &[&str]); 4] =
    [(100, &EVERYTHING), (50, &NEARLY), (20, &PRIVILEGED), (1, &READERS)];

/// The weight of one role.
pub fn weight(role: &ObjectId) -> u64 {
    let id = role.to_string();
    let class = CLASSES.iter().find(|(_, roles)| roles.contains(&id.as_str()));
    class.map_or(OTHERS, |(weight, _)| *weight)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::posture::Declarations;
    use crate::sources::role_name;

    #[test]
    fn each_weighted_role_is_a_built_in_one_and_stands_in_one_class() {
        let ids = CLASSES.iter().flat_map(|(_, roles)| roles.iter());
        let ids: Vec<_> = ids.map(|id| ObjectId::parse(id).unwrap()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        for id in &ids {
            assert!(role_name(id).is_some(), "{id}");
        }
        for (_, roles) in &CLASSES[3..] {
            let is_reader =
                |id: &&str| role_name(&ObjectId::parse(id).unwrap()).unwrap().contains("Reader");
            assert!(roles.iter().all(is_reader), "only readers read");
        }
    }

    #[test]
    fn what_nobody_should_hold_at_a_customer_weighs_most_and_what_is_not_known_is_no_reader() {
        for role in Declarations::default().high_privilege_roles {
            assert!(weight(&role) >= 20, "{role}");
        }
        assert_eq!(weight(&ObjectId::parse("62E90394-69F5-4237-9190-012177145E10").unwrap()), 100);
        assert_eq!(weight(&ObjectId::parse("d0d0d0d0-aaaa-4bbb-8ccc-0123456789ab").unwrap()), 5);
    }
}
