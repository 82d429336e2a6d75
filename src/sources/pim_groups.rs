//! Who may activate a place in the groups that reach into customers, by Privileged Identity
//! Management for groups.
//!
//! It is asked for group by group: those never asked about first, then all again within the hour, so
//! that a group that GDAP comes to name costs its own question and not everybody's.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::source::{Rows, Source, Unread};
use super::sweep::{Sweep, Turn};
use super::{Facts, Schedule};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Metric, Samples};
use crate::wire::ObjectId;

/// How many may activate a place in each group, or why that is not known.
#[derive(Debug, Default)]
pub struct PimGroups {
    sweep: Sweep<usize>,
    /// Whether more can be read at once.
    goes_on: bool,
}

impl PimGroups {
    /// From groups, and when they were asked about.
    pub fn new(
        rows: impl IntoIterator<Item = (ObjectId, Result<usize, Unread>)>,
        at: Timestamp,
    ) -> Self {
        let rows = rows.into_iter().map(|(id, eligible)| (id, eligible, at));
        Self { sweep: Sweep::new(rows), goes_on: false }
    }

    /// How many may activate a place in this group.
    pub fn of(&self, group: &ObjectId) -> Result<usize, Unread> {
        self.sweep.of(group).copied()
    }

    async fn turn(
        client: &Client,
        known: &Facts,
        last: Option<&Self>,
    ) -> Result<Rows<Self>, FetchError> {
        let groups = reaching(known);
        let without_p2 = known.subscribed_skus.rows().is_ok_and(|skus| !skus.has_p2());
        if groups.is_empty() {
            // Nothing says which to ask about. Whether one may ask is worth knowing all the same.
            match eligible(client.clone(), ObjectId::Guid([0; 16]), without_p2).await {
                Err(error) if !error.is_not_offered() => return Err(error),
                _ => {}
            }
        }
        let wanted = groups.into_iter().map(|id| (id.clone(), None));
        let read = |id| eligible(client.clone(), id, without_p2);
        let before = last.map(|last| &last.sweep);
        let sweep = Sweep::turn(before, wanted, TURN, known.now, read).await?;
        let has_gained = sweep.tally() != before.map(Sweep::tally).unwrap_or_default();
        let goes_on = has_gained && !sweep.is_whole();
        let tally = sweep.tally();
        Ok(Rows::listed(Self { sweep, goes_on }, tally))
    }
}

/// Groups that reach into customers: those of the agents, and those that may use a GDAP relationship,
/// as far as relationships have been read.
pub fn reaching(known: &Facts) -> BTreeSet<&ObjectId> {
    let agents = known.agent_groups.rows().into_iter().flat_map(|agents| agents.groups());
    let assignments = known.gdap_access_assignments.rows().into_iter();
    agents.chain(assignments.flat_map(|assignments| assignments.groups())).collect()
}

/// A partner has three groups, and some for each kind of work. Intervals are shortened by up to a tenth,
/// so a round that is a little shorter than the shortest lets none wait for two.
const TURN: Turn = Turn { most: 500, round: Duration::from_secs(3000) };

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
    // GDAP's assignments are not waited for: large partners' take an hour to be read, and each group
    // that they come to name is asked about early.
    const AFTER: &'static [&'static str] = &["subscribed_skus", "agent_groups"];

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
        let Ok(read) = known.pim_groups.rows() else { return false };
        read.goes_on || reaching(known).into_iter().any(|id| !read.sweep.has(id))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

/// How many may activate a place in this group; `without_p2` says that the tenant has not bought what
/// it takes.
async fn eligible(client: Client, id: ObjectId, without_p2: bool) -> Result<usize, FetchError> {
    let path = PimGroups::ASK.path.replace("{id}", &id.to_string());
    let mut count = 0;
    match client.list::<Instance>(&Ask::about(path, Bucket::Directory), |_| count += 1).await {
        Ok(_) => Ok(count),
        // Such a group is not under management, or is there no more.
        Err(FetchError::NotFound { .. }) => Ok(0),
        // Without the licence nobody can activate anything.
        Err(error) if error.is_without_pim() => Ok(0),
        Err(FetchError::License { .. }) => Ok(0),
        Err(FetchError::Permission { .. }) if without_p2 => Ok(0),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;
    use crate::sources::{AgentGroups, Assignment, AssignmentStatus, Fact, GdapAccessAssignments};

    #[test]
    fn the_documented_page_is_read() {
        let rows: Vec<Instance> = rows_of(include_bytes!("../../tests/samples/pim_groups.json"));
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn a_group_that_was_not_asked_about_is_not_known() {
        let id = |text| ObjectId::parse(text).unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let groups = PimGroups::new([(id("a"), Ok(0)), (id("b"), Err(Unread::Permission))], at);
        assert_eq!(groups.of(&id("A")), Ok(0));
        assert_eq!(groups.of(&id("b")), Err(Unread::Permission));
        assert_eq!(groups.of(&id("c")), Err(Unread::Pending));
    }

    #[test]
    fn a_group_that_gdap_comes_to_name_is_asked_about_early_and_once() {
        let (id, now) = (|text: &str| ObjectId::parse(text).unwrap(), Timestamp::UNIX_EPOCH);
        let asked = |ids: &[&str]| {
            let groups = ids.iter().map(|it| (id(it), Err(Unread::Pending)));
            Fact::known(PimGroups::new(groups, now), now)
        };
        let known = |named: &[&str], asked| {
            let assignment = |group: &&str| Assignment {
                status: AssignmentStatus::Active,
                group: Some(id(group)),
                is_security_group: true,
                roles: [].into(),
            };
            let all = named.iter().map(assignment).collect();
            let assignments = GdapAccessAssignments::new([(id("r"), Ok(all), now)]);
            Facts {
                agent_groups: Fact::known(AgentGroups::new([("AdminAgents".into(), id("a"))]), now),
                gdap_access_assignments: Fact::known(assignments, now),
                pim_groups: asked,
                ..Facts::unread(now)
            }
        };
        assert!(!PimGroups::wants(&known(&["b"], Fact::default())), "it is read before long");
        assert!(!PimGroups::wants(&known(&[], asked(&["a"]))));
        assert!(!PimGroups::wants(&known(&["a"], asked(&["a"]))));
        assert!(PimGroups::wants(&known(&["a", "b"], asked(&["a"]))));
        let both = known(&["a", "b"], asked(&["a", "b"]));
        assert!(!PimGroups::wants(&both), "one that does not answer is not asked again and again");
        assert_eq!(reaching(&both).len(), 2);
    }
}
