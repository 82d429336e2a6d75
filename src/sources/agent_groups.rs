//! The security groups whose members act for customers: Partner Center's agents.
//!
//! They are known by their names and by nothing else, so that one may be missing, or there twice.

use std::time::Duration;

use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, ObjectId};

/// The groups found, with the name each was found by.
#[derive(Debug, Default)]
pub struct AgentGroups(Vec<(&'static str, ObjectId)>);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: ObjectId,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    display_name: Box<str>,
}

impl AgentGroups {
    /// Their names, as Partner Center makes them.
    pub const NAMES: [&str; 3] = ["AdminAgents", "HelpdeskAgents", "SalesAgents"];

    /// From names and ids; names that are none of ours are left out.
    pub fn new(rows: impl IntoIterator<Item = (Box<str>, ObjectId)>) -> Self {
        let named = rows.into_iter().filter_map(|(name, id)| {
            let known =
                Self::NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name.trim()))?;
            Some((known, id))
        });
        Self(named.collect())
    }

    /// Whether this is a group of the Admin agents, who may do everything for customers.
    pub fn are_admin_agents(&self, group: &ObjectId) -> bool {
        self.of(Self::NAMES[0]).any(|id| id == group)
    }

    /// Those found by this name.
    pub fn of(&self, name: &str) -> impl Iterator<Item = &ObjectId> {
        self.0.iter().filter(move |(found, _)| *found == name).map(|(_, id)| id)
    }

    /// All that were found.
    pub fn groups(&self) -> impl Iterator<Item = &ObjectId> {
        self.0.iter().map(|(_, id)| id)
    }
}

static GROUPS: Metric = Metric {
    name: "partnercenter_agent_groups",
    help: "Security groups found by the name of a Partner Center agent group. 1 is right; with 0 \
           nobody has that role, or the group was renamed; with more, all of them are counted.",
    kind: Kind::Gauge,
    labels: &["tenant", "group"],
};

impl Source for AgentGroups {
    const ID: &'static str = "agent_groups";
    const WHAT: &'static str = "The groups AdminAgents, HelpdeskAgents and SalesAgents";
    const ASK: Ask = Ask::graph(
        "/v1.0/groups?$filter=displayName%20eq%20'AdminAgents'%20or%20displayName%20eq%20\
         'HelpdeskAgents'%20or%20displayName%20eq%20'SalesAgents'&$select=id,displayName",
        Bucket::Directory,
    );
    const PERMISSION: &'static str = "GroupMember.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/auth-cloudsolutionprovider";
    const INTERVAL: Duration = Duration::from_secs(900);
    const METRICS: &'static [&'static Metric] = &[&GROUPS];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut rows = Vec::new();
        let tally =
            client.list::<Row>(&Self::ASK, |row| rows.push((row.display_name, row.id))).await?;
        if tally.rejected > 0 {
            // The one that cannot be read may be the one that matters.
            return Err(FetchError::unreadable(&format!("{} groups", tally.rejected)));
        }
        Ok(Rows::listed(Self::new(rows), tally))
    }

    fn observe(&self, samples: &mut Samples) {
        for name in Self::NAMES {
            samples.count(&GROUPS, [("group", name)], self.of(name).count());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_known_by_name_in_any_case_and_others_are_not_ours() {
        let id = |text| ObjectId::parse(text).unwrap();
        let groups = AgentGroups::new([
            ("Adminagents".into(), id("a")),
            ("AdminAgents".into(), id("b")),
            ("SalesAgents ".into(), id("c")),
            ("Admin agents of old".into(), id("d")),
        ]);
        assert_eq!(groups.groups().count(), 3);
        let mut samples = Samples::of_tenant("t");
        groups.observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_agent_groups{tenant=\"t\",group=\"AdminAgents\"} 2\n\
             partnercenter_agent_groups{tenant=\"t\",group=\"HelpdeskAgents\"} 0\n\
             partnercenter_agent_groups{tenant=\"t\",group=\"SalesAgents\"} 1\n"
        );
    }
}
