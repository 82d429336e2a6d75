//! GDAP of tenants written by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{fact, id, now};
use crate::sources::relationship::{self, Relationship};
use crate::sources::{
    Assignment, AssignmentStatus, Fact, GdapAccessAssignments, GdapRelationships, Unread,
};
use crate::wire::ObjectId;

/// A relationship as it is written.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    status: String,
    /// What it is called, if not by its id.
    name: Option<String>,
    customer: Option<String>,
    /// Hours until it ends.
    ends: Option<i64>,
    extends: bool,
    /// Days since it was made, and since it is active.
    age: i64,
    roles: Vec<String>,
    /// Roles by the group that has them; `refused` where that cannot be read.
    held: Value,
    /// In which state all of these are.
    holding: String,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            status: "active".to_owned(),
            name: None,
            customer: Some("customer".to_owned()),
            ends: Some(300 * 24),
            extends: false,
            age: 100,
            roles: vec!["helpdesk".to_owned()],
            held: json!({}),
            holding: "active".to_owned(),
        }
    }
}

/// Roles by short words.
const ROLES: [(&str, &str); 6] = [
    ("global", "62e90394-69f5-4237-9190-012177145e10"),
    ("privileged", "e8611ab8-c189-46e8-94e1-60213ab1f814"),
    ("user", "fe930be7-5e62-47db-91af-98c3a49a38b1"),
    ("helpdesk", "729827e3-9c14-49f7-bb1b-9608f156bbb8"),
    ("exchange", "29232cdf-9323-42fd-ade2-1d097af3e4de"),
    ("reader", "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"),
];

fn role(word: &str) -> &str {
    ROLES.iter().find(|(known, _)| *known == word).map_or(word, |(_, id)| id)
}

/// The relationships, `refused` for none that can be read, and who may use them.
pub(super) fn read(
    written: &Value,
    unreadable: u64,
) -> (Fact<GdapRelationships>, Fact<GdapAccessAssignments>) {
    let all: BTreeMap<String, Written> =
        serde_json::from_value(written.clone()).unwrap_or_default();
    let relationships = fact(written, |_| {
        let all = all.iter().map(|(id, it)| it.relationship(id));
        GdapRelationships::new(all.collect(), unreadable)
    });
    let assignments = fact(written, |_| {
        let all = all.iter().map(|(name, it)| (id(name), it.assignments(), now()));
        GdapAccessAssignments::new(all)
    });
    (relationships, assignments)
}

impl Written {
    fn relationship(&self, id: &str) -> Relationship {
        let roles: Vec<_> =
            self.roles.iter().map(|it| json!({ "roleDefinitionId": role(it) })).collect();
        let since = now() - SignedDuration::from_hours(24 * self.age);
        let customer =
            self.customer.as_ref().map(|it| json!({ "tenantId": it, "displayName": it }));
        let end = self.ends.map(|hours| now() + SignedDuration::from_hours(hours));
        let body = json!({
            "id": id,
            "displayName": self.name.as_deref().unwrap_or(id),
            "status": self.status,
            "customer": customer,
            "createdDateTime": since.to_string(),
            "activatedDateTime": end.map(|_| since.to_string()),
            "endDateTime": end.map(|end| end.to_string()),
            "autoExtendDuration": if self.extends { "P180D" } else { "PT0S" },
            "accessDetails": { "unifiedRoles": roles },
        });
        relationship::read(&body.to_string())
    }

    fn assignments(&self) -> Result<Arc<[Assignment]>, Unread> {
        if self.held.as_str() == Some("refused") {
            return Err(Unread::Permission);
        }
        let held: BTreeMap<String, Vec<String>> =
            serde_json::from_value(self.held.clone()).unwrap();
        let status = AssignmentStatus::ALL.into_iter().find(|it| it.as_str() == self.holding);
        let assignment = |(group, roles): (&String, &Vec<String>)| {
            let mut roles: Vec<ObjectId> = roles.iter().map(|it| id(role(it))).collect();
            roles.sort();
            Assignment {
                status: status.unwrap(),
                group: Some(id(group)),
                is_security_group: true,
                roles: roles.into(),
            }
        };
        Ok(held.iter().map(assignment).collect())
    }
}
