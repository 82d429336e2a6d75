//! Which groups may use which GDAP relationship, and with which of its roles.
//!
//! Microsoft tells of one relationship at a time, so they are read in turn: those that changed first,
//! all within a day.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::relationship::{Details, RoleSets, Roles, Status};
use super::source::{Rows, Source, Unread};
use super::sweep::{Sweep, Turn};
use super::{Facts, Schedule};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, ObjectId};

/// The assignments of each relationship that somebody may be using.
#[derive(Debug, Default)]
pub struct GdapAccessAssignments {
    sweep: Sweep<Arc<[Assignment]>>,
    /// Whether more can be read at once.
    goes_on: bool,
}

/// A group that may use a relationship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Where it is in its life.
    pub status: AssignmentStatus,
    /// The group, where one is said.
    pub group: Option<ObjectId>,
    /// Whether it is a security group, the one kind of holder there is so far.
    pub is_security_group: bool,
    /// What the group may do.
    pub roles: Roles,
}

/// Where an assignment is in its life, in Microsoft's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignmentStatus {
    /// Being put in place.
    Pending,
    /// Grants access.
    Active,
    /// Being taken away.
    Deleting,
    /// Taken away.
    Deleted,
    /// Microsoft failed to put it in place.
    Error,
    /// A word that is not known to us.
    Other,
}

impl AssignmentStatus {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Active, Self::Deleting, Self::Deleted, Self::Error, Self::Other];

    /// The value of the label `status`: Microsoft's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Error => "error",
            Self::Other => "other",
        }
    }

    fn of(word: &str) -> Self {
        let is = |status: &Self| status.as_str().eq_ignore_ascii_case(word.trim());
        Self::ALL.into_iter().find(is).unwrap_or(Self::Other)
    }
}

impl Assignment {
    /// Whether it grants access.
    pub fn is_active(&self) -> bool {
        self.status == AssignmentStatus::Active
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(default, deserialize_with = "wire::name")]
    status: Box<str>,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    access_container: Container,
    access_details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    #[serde(default, deserialize_with = "wire::optional_id")]
    access_container_id: Option<ObjectId>,
    #[serde(default, deserialize_with = "wire::name")]
    access_container_type: Box<str>,
}

impl Row {
    fn read(self, sets: &mut RoleSets) -> Assignment {
        let Container { access_container_id, access_container_type } = self.access_container;
        Assignment {
            status: AssignmentStatus::of(&self.status),
            group: access_container_id,
            is_security_group: access_container_type.eq_ignore_ascii_case("securityGroup"),
            roles: sets.of(self.access_details),
        }
    }
}

/// A minute at our own pace: the next reading follows at once while some were never read, and those of
/// the largest partner are all read again within a day.
const TURN: Turn = Turn { most: 500, round: Duration::from_secs(24 * 3600) };

/// Assignments of one relationship kept at most.
const KEPT: usize = 1_000;

impl GdapAccessAssignments {
    /// From the assignments of each relationship, and when they were read.
    pub fn new(
        known: impl IntoIterator<Item = (ObjectId, Result<Arc<[Assignment]>, Unread>, Timestamp)>,
    ) -> Self {
        Self { sweep: Sweep::new(known), goes_on: false }
    }

    /// The assignments of one relationship.
    pub fn of(&self, relationship: &ObjectId) -> Result<&[Assignment], Unread> {
        self.sweep.of(relationship).map(|all| &**all)
    }

    /// The groups that are said to use any relationship.
    pub fn groups(&self) -> impl Iterator<Item = &ObjectId> {
        let all = self.sweep.read().flat_map(|(_, all, _)| all.iter());
        all.filter(|it| it.is_active() && it.is_security_group).filter_map(|it| it.group.as_ref())
    }

    async fn turn(
        client: &Client,
        known: &Facts,
        last: Option<&Self>,
    ) -> Result<Rows<Self>, FetchError> {
        const ANY: Ask = Ask::graph(
            "/v1.0/tenantRelationships/delegatedAdminRelationships?$top=1",
            Bucket::Delegation,
        );
        let Ok(relationships) = known.gdap_relationships.rows() else {
            // Nothing says what to read. Why that is so is worth knowing.
            client.page_of::<IgnoredAny>(&ANY).await?;
            return Err(FetchError::unreadable("relationships"));
        };
        let is_used =
            |status| matches!(status, Status::Activating | Status::Active | Status::Expiring);
        let used = relationships.all().filter(|it| is_used(it.status));
        let wanted = used.map(|it| (it.id.clone(), it.modified));
        let sets = Arc::new(Mutex::new(RoleSets::default()));
        let read = |id: ObjectId| {
            let ask = relationships.of(&id).and_then(|it| it.ask("accessAssignments?$top=300"));
            let (client, sets) = (client.clone(), Arc::clone(&sets));
            async move {
                let ask = ask.ok_or_else(|| FetchError::unreadable("an id"))?;
                listed(&client, &ask, &sets).await
            }
        };
        let before = last.map(|last| &last.sweep);
        let sweep = Sweep::turn(before, wanted, TURN, known.now, read).await?;
        let has_gained = sweep.tally() != before.map(Sweep::tally).unwrap_or_default();
        let goes_on = has_gained && !sweep.is_whole();
        let tally = sweep.tally();
        Ok(Rows::listed(Self { sweep, goes_on }, tally))
    }
}

/// The assignments of one relationship. One that cannot be read may let anybody in, so none is left
/// out.
async fn listed(
    client: &Client,
    ask: &Ask,
    sets: &Mutex<RoleSets>,
) -> Result<Arc<[Assignment]>, FetchError> {
    let (mut all, mut is_full) = (Vec::new(), false);
    let keep = |row: Row| {
        is_full |= all.len() >= KEPT;
        if !is_full {
            // Sets are whole at every step, so those left by a panic are as good as any.
            let mut sets = sets.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(row.read(&mut sets));
        }
    };
    match client.list::<Row>(ask, keep).await?.rejected {
        _ if is_full => Err(FetchError::Limit { bound: "assignments" }),
        0 => Ok(all.into()),
        rejected => Err(FetchError::unreadable(&format!("{rejected} assignments"))),
    }
}

static ASSIGNMENTS: Metric = Metric {
    name: "partnercenter_gdap_access_assignments",
    help: "Access assignments (a group, and what it may do) of GDAP relationships that are active, \
           activating or expiring, by status in Microsoft's words; other is a word that is not known \
           to us. Only active ones grant access; error means that Microsoft could not put one in \
           place. Relationships whose assignments could not be read yet are missing: see \
           partnercenter_gdap_relationships_unread. Each is read again within a day, and at once when \
           it changes.",
    kind: Kind::Gauge,
    labels: &["tenant", "status"],
};

impl Source for GdapAccessAssignments {
    const ID: &'static str = "gdap_access_assignments";
    const WHAT: &'static str =
        "Groups that may use each GDAP relationship, one relationship after the other";
    const ASK: Ask = Ask::graph(
        "/v1.0/tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments?$top=300",
        Bucket::Delegation,
    );
    const PERMISSION: &'static str = "DelegatedAdminRelationship.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/delegatedadminrelationship-list-accessassignments";
    const INTERVAL: Duration = Duration::from_secs(900);
    const AFTER: &'static [&'static str] = &["gdap_relationships"];
    const METRICS: &'static [&'static Metric] = &[&ASSIGNMENTS];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        Self::turn(client, known, None).await
    }

    async fn fetch_on(
        client: &Client,
        known: &Facts,
        _schedule: Schedule,
        last: Option<Arc<Self>>,
    ) -> Result<Rows<Self>, FetchError> {
        Self::turn(client, known, last.as_deref()).await
    }

    fn wants(known: &Facts) -> bool {
        known.gdap_access_assignments.rows().is_ok_and(|it| it.goes_on)
    }

    fn observe(&self, samples: &mut Samples) {
        for status in AssignmentStatus::ALL {
            let all = self.sweep.read().flat_map(|(_, all, _)| all.iter());
            let count = all.filter(|it| it.status == status).count();
            samples.count(&ASSIGNMENTS, [("status", status.as_str())], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn sample() -> Arc<[Assignment]> {
        let body = include_bytes!("../../tests/samples/gdap_access_assignments.json");
        let mut sets = RoleSets::default();
        rows_of::<Row>(body).into_iter().map(|row| row.read(&mut sets)).collect()
    }

    #[test]
    fn the_documented_collection_is_read() {
        let all = sample();
        let statuses: Vec<_> = all.iter().map(|it| it.status.as_str()).collect();
        assert_eq!(statuses, ["active", "deleting", "other", "active"]);
        assert_eq!(all[0].roles.len(), 2);
        assert!(Arc::ptr_eq(&all[0].roles, &all[1].roles));
        assert!(!all[3].is_security_group, "a kind of a later day");
    }

    #[test]
    fn groups_are_those_of_active_assignments_and_no_other() {
        let id = ObjectId::parse("r").unwrap();
        let known = GdapAccessAssignments::new([(id, Ok(sample()), Timestamp::UNIX_EPOCH)]);
        let groups: Vec<_> = known.groups().collect();
        assert_eq!(groups, [sample()[0].group.as_ref().unwrap()]);
        let mut samples = Samples::of_tenant("t");
        known.observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_gdap_access_assignments{tenant=\"t\",status=\"pending\"} 0\n\
             partnercenter_gdap_access_assignments{tenant=\"t\",status=\"active\"} 2\n\
             partnercenter_gdap_access_assignments{tenant=\"t\",status=\"deleting\"} 1\n\
             partnercenter_gdap_access_assignments{tenant=\"t\",status=\"deleted\"} 0\n\
             partnercenter_gdap_access_assignments{tenant=\"t\",status=\"error\"} 0\n\
             partnercenter_gdap_access_assignments{tenant=\"t\",status=\"other\"} 1\n"
        );
    }
}
