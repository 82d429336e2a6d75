//! The shape of delegated administration by GDAP: who may do what at which customer, and until when.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::client::{Ask, Bucket};
use crate::wire::{self, ObjectId};

/// Roles that are granted together, each once and in order. Many grants have the same few, which are
/// kept once.
pub type Roles = Arc<[ObjectId]>;

/// One relationship with one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relationship {
    /// Its id: two GUIDs with a hyphen between.
    pub id: ObjectId,
    /// What the partner calls it.
    pub name: Box<str>,
    /// Where it is in its life.
    pub status: Status,
    /// The customer's tenant; `None` until a customer approves an open invitation.
    pub customer: Option<ObjectId>,
    /// What the customer is called, empty where that is not said.
    pub customer_name: Box<str>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When the customer's approval took effect.
    pub activated: Option<Timestamp>,
    /// When it ends; `None` before it is activated.
    pub ends: Option<Timestamp>,
    /// When anything about it last changed.
    pub modified: Option<Timestamp>,
    /// For how many days it is granted, where that is said.
    pub duration_days: Option<u32>,
    /// By how many days it extends itself at each end; 0 where it does not.
    pub auto_extend_days: u32,
    /// The roles it grants.
    pub roles: Roles,
}

/// Where a relationship is in its life, in Microsoft's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Being written.
    Created,
    /// Waits for the customer.
    ApprovalPending,
    /// The customer agreed.
    Approved,
    /// Being put in place.
    Activating,
    /// Grants access.
    Active,
    /// Past its end, being taken away.
    Expiring,
    /// Ended by time.
    Expired,
    /// Somebody asked to end it.
    TerminationRequested,
    /// Being ended.
    Terminating,
    /// Ended by somebody.
    Terminated,
    /// A word that is not known to us.
    Other,
}

impl Status {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 11] = [
        Self::Created,
        Self::ApprovalPending,
        Self::Approved,
        Self::Activating,
        Self::Active,
        Self::Expiring,
        Self::Expired,
        Self::TerminationRequested,
        Self::Terminating,
        Self::Terminated,
        Self::Other,
    ];

    /// The value of the label `status`: Microsoft's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::ApprovalPending => "approvalPending",
            Self::Approved => "approved",
            Self::Activating => "activating",
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::TerminationRequested => "terminationRequested",
            Self::Terminating => "terminating",
            Self::Terminated => "terminated",
            Self::Other => "other",
        }
    }

    fn of(word: &str) -> Self {
        let is = |status: &Self| status.as_str().eq_ignore_ascii_case(word.trim());
        Self::ALL.into_iter().find(is).unwrap_or(Self::Other)
    }
}

impl Relationship {
    /// Microsoft may call a relationship active for a while after its end; then it still grants access.
    const AFTERGLOW: SignedDuration = SignedDuration::from_hours(24);

    /// Whether it grants access: Microsoft says that only active ones do.
    pub fn is_active(&self, now: Timestamp) -> bool {
        let is_over = |end: Timestamp| now.duration_since(end) > Self::AFTERGLOW;
        self.status == Status::Active && !self.ends.is_some_and(is_over)
    }

    /// Whether it goes on by itself when its time is over.
    pub fn extends_itself(&self) -> bool {
        self.auto_extend_days > 0
    }

    /// Whether the Microsoft-led transition made it, which names its relationships so.
    pub fn is_microsoft_led(&self) -> bool {
        self.name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("MLT_"))
    }

    /// Where something of it is told; `None` for an id that has no business in a path.
    pub fn ask(&self, what: &str) -> Option<Ask> {
        let id = self.id.to_string();
        let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_id = !id.is_empty() && id.len() <= wire::NAME && id.chars().all(is_legal);
        is_id.then(|| {
            let path = format!("/v1.0/tenantRelationships/delegatedAdminRelationships/{id}/{what}");
            Ask::about(path, Bucket::Delegation)
        })
    }
}

/// Relationships as Microsoft lists them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    id: ObjectId,
    #[serde(default, deserialize_with = "wire::name")]
    display_name: Box<str>,
    #[serde(default, deserialize_with = "wire::name")]
    status: Box<str>,
    #[serde(default)]
    customer: Option<Customer>,
    #[serde(default, deserialize_with = "wire::optional_moment")]
    created_date_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "wire::optional_moment")]
    activated_date_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "wire::optional_moment")]
    end_date_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "wire::optional_moment")]
    last_modified_date_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "wire::optional_days")]
    duration: Option<u32>,
    #[serde(default, deserialize_with = "wire::optional_days")]
    auto_extend_duration: Option<u32>,
    access_details: Details,
}

/// A customer, as far as one is said.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Customer {
    #[serde(default, deserialize_with = "wire::optional_id")]
    tenant_id: Option<ObjectId>,
    #[serde(default, deserialize_with = "wire::name")]
    display_name: Box<str>,
}

/// What is granted. A row without it, or with a role that cannot be read, is refused: it would pass
/// for one that grants nothing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Details {
    unified_roles: Vec<Role>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Role {
    role_definition_id: ObjectId,
}

/// Sets of roles, each kept once.
#[derive(Debug, Default)]
pub(super) struct RoleSets(BTreeSet<Roles>);

impl RoleSets {
    /// The one set that has these roles.
    pub(super) fn of(&mut self, details: Details) -> Roles {
        let roles = details.unified_roles.into_iter().map(|role| role.role_definition_id);
        let roles: BTreeSet<ObjectId> = roles.collect();
        let roles: Roles = roles.into_iter().collect();
        if let Some(known) = self.0.get(&roles) {
            return Arc::clone(known);
        }
        self.0.insert(Arc::clone(&roles));
        roles
    }
}

impl Row {
    pub(super) fn read(self, sets: &mut RoleSets) -> Relationship {
        let (customer, customer_name) = match self.customer {
            Some(Customer { tenant_id, display_name }) => (tenant_id, display_name),
            None => (None, Box::default()),
        };
        Relationship {
            id: self.id,
            name: self.display_name,
            status: Status::of(&self.status),
            customer,
            customer_name,
            created: self.created_date_time,
            activated: self.activated_date_time,
            ends: self.end_date_time,
            modified: self.last_modified_date_time,
            duration_days: self.duration,
            auto_extend_days: self.auto_extend_duration.unwrap_or(0),
            roles: sets.of(self.access_details),
        }
    }
}

/// The relationship of this body, for tests.
#[cfg(test)]
pub(crate) fn read(body: &str) -> Relationship {
    serde_json::from_str::<Row>(body).unwrap().read(&mut RoleSets::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn sample() -> Vec<Relationship> {
        let rows = rows_of::<Row>(include_bytes!("../../tests/samples/gdap_relationships.json"));
        let mut sets = RoleSets::default();
        rows.into_iter().map(|row| row.read(&mut sets)).collect()
    }

    #[test]
    fn the_documented_collection_is_read_with_its_odd_spellings() {
        let read = sample();
        let statuses: Vec<_> = read.iter().map(|it| it.status.as_str()).collect();
        assert_eq!(statuses, ["active", "approvalPending", "terminated", "other", "active"]);
        let days: Vec<_> = read.iter().map(|it| (it.duration_days, it.auto_extend_days)).collect();
        let expected = [(Some(730), 180), (Some(730), 0), (Some(30), 0), (Some(180), 0), (None, 0)];
        assert_eq!(days, expected);
        assert_eq!(read[1].customer, None, "nobody has approved it yet");
        assert_eq!((read[1].activated, read[1].ends), (None, None));
        assert!(read[4].is_microsoft_led() && !read[0].is_microsoft_led());
    }

    #[test]
    fn the_same_roles_are_kept_once_and_none_is_lost() {
        let read = sample();
        assert_eq!(read[0].roles.len(), 2);
        assert!(Arc::ptr_eq(&read[0].roles, &read[4].roles), "in whatever order and casing");
    }

    #[test]
    fn what_does_not_say_what_it_grants_is_refused() {
        for body in [
            r#"{"id":"a"}"#,
            r#"{"id":"a","accessDetails":null}"#,
            r#"{"id":"a","accessDetails":{"unifiedRoles":null}}"#,
            r#"{"id":"a","accessDetails":{"unifiedRoles":[{}]}}"#,
            r#"{"id":"a","autoExtendDuration":"for ever","accessDetails":{"unifiedRoles":[]}}"#,
        ] {
            assert!(serde_json::from_str::<Row>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn only_active_ones_grant_access_and_those_that_ended_long_ago_do_not() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let judged = |status: &str, end: &str| {
            let body = format!(
                r#"{{"id":"a","status":"{status}","endDateTime":"{end}",
                     "accessDetails":{{"unifiedRoles":[]}}}}"#
            );
            read(&body).is_active(now)
        };
        assert!(judged("active", "2026-11-24T12:00:01Z"));
        assert!(judged("Active", ""), "its end is not said");
        assert!(judged("active", "2026-11-23T12:00:00Z"), "Microsoft takes its time");
        assert!(!judged("active", "2026-11-23T11:59:59Z"));
        assert!(!judged("expiring", "2026-11-25T12:00:00Z"));
        assert!(!judged("unheard", "2026-11-25T12:00:00Z"));
    }

    #[test]
    fn an_id_that_is_none_is_not_asked_about() {
        let ask = |id: &str| {
            let body = format!(r#"{{"id":"{id}","accessDetails":{{"unifiedRoles":[]}}}}"#);
            read(&body).ask("requests").map(|ask| ask.path.into_owned())
        };
        let id = "5d027261-d21f-4aa9-b7db-7fa1f56fb163-8777b240-c6f0-4469-9e98-a3205431b836";
        let path = format!("/v1.0/tenantRelationships/delegatedAdminRelationships/{id}/requests");
        assert_eq!(ask(id), Some(path));
        assert_eq!(ask("../users?a"), None);
    }
}
