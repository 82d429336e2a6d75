//! Who may activate a place in the groups that reach into customers, by Privileged Identity
//! Management for groups.
//!
//! It is asked for group by group. One that cannot be read is kept as such.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source, Unread};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Metric, Samples};
use crate::wire::ObjectId;

/// How many may activate a place in each group, or why that is not known.
#[derive(Debug, Default)]
pub struct PimGroups(BTreeMap<ObjectId, Result<usize, Unread>>);

impl PimGroups {
    /// From groups.
    pub fn new(rows: impl IntoIterator<Item = (ObjectId, Result<usize, Unread>)>) -> Self {
        Self(rows.into_iter().collect())
    }

    /// How many may activate a place in this group.
    pub fn of(&self, group: &ObjectId) -> Result<usize, Unread> {
        self.0.get(group).copied().unwrap_or(Err(Unread::Pending))
    }
}

/// Groups that reach into customers: those of the agents. Whatever else is found to name such groups is
/// added here.
pub fn reaching(known: &Facts) -> BTreeSet<&ObjectId> {
    known.agent_groups.rows().iter().flat_map(|agents| agents.groups()).collect()
}

/// How many groups are asked about in one reading; a partner has three, and some for each kind of
/// work.
const GROUPS: usize = 2_000;

/// Somebody who may activate a place. That there is one is all that is kept.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    #[serde(rename = "principalId")]
    _principal: ObjectId,
}

impl Source for PimGroups {
    const ID: &'static str = "pim_groups";
    const WHAT: &'static str =
        "Who may activate a place in groups that reach into customers; nobody without Entra ID P2";
    const ASK: Ask = Ask::graph(
        "/v1.0/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances\
         ?$filter=groupId%20eq%20'{id}'",
        Bucket::Directory,
    );
    const PERMISSION: &'static str = "PrivilegedEligibilitySchedule.Read.AzureADGroup";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/privilegedaccessgroup-list-eligibilityscheduleinstances";
    const INTERVAL: Duration = Duration::from_secs(3600);
    /// Groups are counted in `posture`, where it is known which of them matter.
    const METRICS: &'static [&'static Metric] = &[];
    const AFTER: &'static [&'static str] = &["subscribed_skus", "agent_groups"];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        let groups = reaching(known);
        if groups.len() > GROUPS {
            return Err(FetchError::Limit { bound: "groups under privileged identity management" });
        }
        if groups.is_empty() {
            // Nothing says which to ask about. Whether one may ask is worth knowing all the same.
            match eligible(client, known, &ObjectId::Guid([0; 16])).await {
                Err(error) if !error.is_not_offered() => return Err(error),
                _ => {}
            }
        }
        let (mut source, mut rows, mut failure) = (Self::default(), 0, None);
        for id in groups {
            let eligible = match eligible(client, known, id).await {
                Ok(count) => {
                    rows += count as u64;
                    Ok(count)
                }
                // What is said of one is said of all, and what passes soon is tried again soon.
                Err(error) if error.is_of_token() || error.is_passing() => return Err(error),
                Err(error) => {
                    let why = Unread::after(&error);
                    failure = Some(error);
                    Err(why)
                }
            };
            source.0.insert(id.clone(), eligible);
        }
        match failure {
            Some(error) if source.0.values().all(Result::is_err) => Err(error),
            _ => {
                let rejected = source.0.values().filter(|it| it.is_err()).count() as u64;
                Ok(Rows { source, accepted: rows, rejected })
            }
        }
    }

    fn wants(known: &Facts) -> bool {
        let Ok(read) = known.pim_groups.rows() else { return false };
        reaching(known).into_iter().any(|id| !read.0.contains_key(id))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

async fn eligible(client: &Client, known: &Facts, id: &ObjectId) -> Result<usize, FetchError> {
    let path = PimGroups::ASK.path.replace("{id}", &id.to_string());
    let mut count = 0;
    match client.list::<Instance>(&Ask::about(path, Bucket::Directory), |_| count += 1).await {
        Ok(_) => Ok(count),
        // Such a group is not under management, or is there no more.
        Err(FetchError::NotFound { .. }) => Ok(0),
        // Without the licence nobody can activate anything.
        Err(error) if error.is_without_pim() => Ok(0),
        Err(error) => match known.for_want_of_p2(error) {
            FetchError::License { .. } => Ok(0),
            error => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn the_documented_page_is_read() {
        let rows: Vec<Instance> = rows_of(include_bytes!("../../tests/samples/pim_groups.json"));
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn a_group_that_was_not_asked_about_is_not_known() {
        let id = |text| ObjectId::parse(text).unwrap();
        let groups = PimGroups::new([(id("a"), Ok(0)), (id("b"), Err(Unread::Permission))]);
        assert_eq!(groups.of(&id("A")), Ok(0));
        assert_eq!(groups.of(&id("b")), Err(Unread::Permission));
        assert_eq!(groups.of(&id("c")), Err(Unread::Pending));
    }
}
