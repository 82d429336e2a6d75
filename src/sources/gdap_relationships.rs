//! All GDAP relationships of the partner, in every state of their life.

use std::sync::Arc;
use std::time::Duration;

use super::relationship::{Relationship, RoleSets, Row, Status};
use super::source::{About, Rows, Source};
use super::{Facts, Schedule};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::ObjectId;

/// The relationships, each once, in the order of their ids.
#[derive(Debug, Default)]
pub struct GdapRelationships {
    all: Box<[Arc<Relationship>]>,
    /// How many rows could not be read. While there are any, a relationship may be missing.
    pub rejected: u64,
}

/// Relationships kept at most: ten for each customer of the largest partner.
const KEPT: usize = 200_000;

impl GdapRelationships {
    /// From rows; of those that are there twice the one that changed last is kept.
    pub fn new(rows: Vec<Relationship>, rejected: u64) -> Self {
        Self::of_all(rows.into_iter().map(Arc::new).collect(), rejected)
    }

    fn of_all(mut rows: Vec<Arc<Relationship>>, rejected: u64) -> Self {
        rows.sort_by(|one, other| one.id.cmp(&other.id).then(other.modified.cmp(&one.modified)));
        rows.dedup_by(|later, kept| later.id == kept.id);
        Self { all: rows.into(), rejected }
    }

    /// All of them.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &Relationship> {
        self.all.iter().map(|it| &**it)
    }

    /// The same as this one, if it is known: what did not change is not kept twice while the list is
    /// read anew.
    fn known(&self, it: &Relationship) -> Option<Arc<Relationship>> {
        self.kept(&it.id).filter(|known| ***known == *it).cloned()
    }

    /// The one of this id.
    pub fn of(&self, id: &ObjectId) -> Option<&Relationship> {
        self.kept(id).map(|it| &**it)
    }

    fn kept(&self, id: &ObjectId) -> Option<&Arc<Relationship>> {
        let place = self.all.binary_search_by(|it| it.id.cmp(id)).ok()?;
        Some(&self.all[place])
    }
}

static RELATIONSHIPS: Metric = Metric {
    name: "partnercenter_gdap_relationships",
    help: "GDAP relationships by status, in Microsoft's words; other is a word that is not known to \
           us. Only active ones grant access. Microsoft drops those that ended a year ago. Absent \
           while they cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "status"],
};

impl Source for GdapRelationships {
    const ID: &'static str = "gdap_relationships";
    const WHAT: &'static str =
        "GDAP relationships: which roles at which customer, until when, and whether they extend";
    const ASK: Ask = Ask::graph(
        "/v1.0/tenantRelationships/delegatedAdminRelationships?$top=300",
        Bucket::Delegation,
    );
    const PERMISSION: &'static str = "DelegatedAdminRelationship.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/tenantrelationship-list-delegatedadminrelationships";
    const INTERVAL: Duration = Duration::from_secs(900);
    const METRICS: &'static [&'static Metric] = &[&RELATIONSHIPS];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        Self::fetch_on(client, known, Schedule::of(&About::of::<Self>()), None).await
    }

    async fn fetch_on(
        client: &Client,
        _known: &Facts,
        _schedule: Schedule,
        last: Option<Arc<Self>>,
    ) -> Result<Rows<Self>, FetchError> {
        let (mut rows, mut sets, mut is_full) = (Vec::new(), RoleSets::default(), false);
        let keep = |row: Row| {
            is_full |= rows.len() >= KEPT;
            if !is_full {
                let row = row.read(&mut sets);
                let known = last.as_ref().and_then(|last| last.known(&row));
                rows.push(known.unwrap_or_else(|| Arc::new(row)));
            }
        };
        let tally = client.list(&Self::ASK, keep).await?;
        if is_full {
            return Err(FetchError::Limit { bound: "relationships" });
        }
        Ok(Rows::listed(Self::of_all(rows, tally.rejected), tally))
    }

    fn observe(&self, samples: &mut Samples) {
        for status in Status::ALL {
            let count = self.all.iter().filter(|it| it.status == status).count();
            samples.count(&RELATIONSHIPS, [("status", status.as_str())], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::relationship::read;

    #[test]
    fn one_that_a_page_break_shows_twice_counts_once_as_it_was_last() {
        let body = |status: &str, modified: &str| {
            read(&format!(
                r#"{{"id":"a","status":"{status}","lastModifiedDateTime":"{modified}",
                     "accessDetails":{{"unifiedRoles":[]}}}}"#
            ))
        };
        let rows = vec![
            body("active", "2026-11-24T12:00:00Z"),
            body("terminated", "2026-11-24T12:00:01Z"),
            body("active", ""),
        ];
        let relationships = GdapRelationships::new(rows, 0);
        assert_eq!(relationships.all().len(), 1);
        let one = relationships.of(&ObjectId::parse("A").unwrap()).unwrap();
        assert_eq!(one.status, Status::Terminated);
        let mut samples = Samples::of_tenant("t");
        relationships.observe(&mut samples);
        let page = samples.to_string();
        assert_eq!(page.lines().count(), Status::ALL.len());
        assert!(
            page.contains(
                "partnercenter_gdap_relationships{tenant=\"t\",status=\"terminated\"} 1\n"
            )
        );
    }

    #[test]
    fn what_did_not_change_is_kept_once_while_the_list_is_read_anew() {
        let body = |id: &str, status: &str| {
            read(&format!(
                r#"{{"id":"{id}","status":"{status}","accessDetails":{{"unifiedRoles":[]}}}}"#
            ))
        };
        let last = GdapRelationships::new(vec![body("b", "active"), body("a", "active")], 0);
        let same = last.known(&body("A", "active"));
        assert!(same.is_some_and(|same| Arc::ptr_eq(&same, &last.all[0])));
        assert_eq!(last.known(&body("b", "expiring")), None);
        assert_eq!(last.known(&body("c", "active")), None);
    }
}
