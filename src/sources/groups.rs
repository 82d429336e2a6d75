//! Members of the groups that policies, roles, Partner Center's agents and GDAP name, and of the
//! groups in them: read group by group, so that it is known by which way a person is in.
//!
//! Only groups that matter are read. One that cannot be read is kept as such: whoever it may hold
//! is then uncertain, and everybody else is not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::task::JoinSet;

use super::Facts;
use super::source::{Rows, Source, Unread};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::clock::age;
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, ObjectId};

/// The groups by id.
#[derive(Debug, Default)]
pub struct Groups(BTreeMap<ObjectId, Group>);

/// One group.
#[derive(Debug, Clone)]
pub struct Group {
    /// What the administrators call it; empty where that is not known.
    pub name: Box<str>,
    /// Who is in it directly.
    pub members: Members,
    /// When that was read.
    read: Timestamp,
}

/// Who is in a group directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Members {
    /// These.
    Known {
        /// Accounts, and whatever else is no group.
        people: Box<[ObjectId]>,
        /// Groups in the group.
        groups: Box<[ObjectId]>,
    },
    /// Nobody: there is no such group any more, or the id is not one of a group.
    Deleted,
    /// Not known.
    Unread(Unread),
}

impl Members {
    /// All that are known, groups among them.
    pub fn direct(&self) -> impl Iterator<Item = &ObjectId> {
        let (people, groups): (&[ObjectId], &[ObjectId]) = match self {
            Self::Known { people, groups } => (people, groups),
            Self::Deleted | Self::Unread(_) => (&[], &[]),
        };
        people.iter().chain(groups)
    }
}

impl Group {
    /// A group read at `read`.
    pub fn new(name: &str, members: Members, read: Timestamp) -> Self {
        Self { name: name.into(), members, read }
    }
}

/// Groups read at once, so that many small ones do not take the sum of their waits.
const AT_ONCE: usize = 4;
/// Bounds of one reading.
const GROUPS: usize = 20_000;
const GDAP_GROUPS: usize = 5_000;
const MEMBERSHIPS: usize = 5_000_000;
/// So many groups failing in a row for what passes by itself are an outage, not bad groups.
const OUTAGE: u32 = 8;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    // Without a type nobody knows whether it has members of its own, and the group is unreadable.
    #[serde(rename = "@odata.type")]
    kind: Box<str>,
    id: ObjectId,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    #[serde(default, deserialize_with = "wire::null_is_default")]
    display_name: Box<str>,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    visibility: Box<str>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    id: ObjectId,
}

impl Name {
    /// Without a permission of its own Microsoft shows such a group as empty.
    fn hides_members(&self) -> bool {
        self.visibility.eq_ignore_ascii_case("HiddenMembership")
    }
}

impl Groups {
    /// From groups by id.
    pub fn new(groups: impl IntoIterator<Item = (ObjectId, Group)>) -> Self {
        Self(groups.into_iter().collect())
    }

    /// The group of this id, if it was asked for.
    pub fn of(&self, id: &ObjectId) -> Option<&Group> {
        self.0.get(id)
    }

    /// All of them, in the order of their ids.
    pub fn all(&self) -> impl Iterator<Item = (&ObjectId, &Group)> {
        self.0.iter()
    }
}

/// Every group that something known names.
fn named(known: &Facts) -> BTreeSet<&ObjectId> {
    let mut named = BTreeSet::new();
    if let Ok(policies) = known.conditional_access_policies.rows() {
        named.extend(policies.groups());
    }
    if let Ok(roles) = known.role_assignments.rows() {
        named.extend(roles.groups(known));
    }
    if let Ok(roles) = known.role_eligibilities.rows() {
        named.extend(roles.groups(known));
    }
    if let Ok(agents) = known.agent_groups.rows() {
        named.extend(agents.groups());
    }
    // Not waited for: large partners' take an hour to be read, and each new group is read early.
    if let Ok(assignments) = known.gdap_access_assignments.rows() {
        // Whoever gives each customer a group of its own must not cost everybody their verdict on MFA,
        // which rests on this source too. Who is in the others is not known.
        let distinct: BTreeSet<_> = assignments.groups().collect();
        named.extend(distinct.into_iter().take(GDAP_GROUPS));
    }
    named
}

static EXPANSIONS: Metric = Metric {
    name: "partnercenter_group_expansions",
    help: "Groups that policies, roles, Partner Center's agents and GDAP assignments name, and groups \
           in them, by what came of reading their members: read, deleted (no such group any more), \
           failed. With any failed, people whom that group may hold cannot be judged.",
    kind: Kind::Gauge,
    labels: &["tenant", "outcome"],
};

impl Source for Groups {
    const ID: &'static str = "groups";
    const WHAT: &'static str =
        "Members of groups that policies, roles, agents and GDAP name, nested ones too";
    const ASK: Ask = Ask::graph("/v1.0/groups/{id}/members?$select=id&$top=999", Bucket::Directory);
    const PERMISSION: &'static str = "GroupMember.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/group-list-members";
    const INTERVAL: Duration = Duration::from_secs(900);
    const METRICS: &'static [&'static Metric] = &[&EXPANSIONS];
    const AFTER: &'static [&'static str] = &[
        "users",
        "conditional_access_policies",
        "role_assignments",
        "role_eligibilities",
        "agent_groups",
    ];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut waiting: Vec<ObjectId> = named(known).into_iter().cloned().collect();
        if waiting.is_empty() {
            // Nothing says what to read. Whether it could be read is worth knowing all the same.
            const ANY: Ask = Ask::graph("/v1.0/groups?$select=id&$top=1", Bucket::Directory);
            client.page_of::<IgnoredAny>(&ANY).await?;
        }
        let mut asked: BTreeSet<ObjectId> = waiting.iter().cloned().collect();
        let mut under_way = JoinSet::new();
        let mut source = Self::default();
        let (mut memberships, mut passing) = (0, 0);
        let mut failing = BTreeMap::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some(id) = waiting.pop()
            {
                let client = client.clone();
                under_way.spawn(async move {
                    let outcome = read(&client, &id).await;
                    (id, outcome)
                });
            }
            let Some(done) = under_way.join_next().await else { break };
            let (id, outcome) = done.map_err(|_| FetchError::Internal)?;
            passing = match &outcome {
                Err(error) if error.is_passing() => passing + 1,
                _ => 0,
            };
            let group = match outcome {
                Ok((name, members)) => {
                    if matches!(members, Members::Unread(_)) {
                        failing.insert(id.clone(), Failing::Hidden);
                    }
                    Group { name, members, read: known.now }
                }
                Err(error) if error.is_of_token() || passing >= OUTAGE => return Err(error),
                Err(error) => {
                    let unread = Unread::after(&error);
                    failing.insert(id.clone(), Failing::Error(error));
                    held(known, &id)
                        .unwrap_or_else(|| Group::new("", Members::Unread(unread), known.now))
                }
            };
            if let Members::Known { people, groups } = &group.members {
                memberships += people.len() + groups.len();
                for inner in groups {
                    if asked.insert(inner.clone()) {
                        waiting.push(inner.clone());
                    }
                }
            }
            if asked.len() > GROUPS {
                return Err(FetchError::Limit { bound: "groups" });
            }
            if memberships > MEMBERSHIPS {
                return Err(FetchError::Limit { bound: "members of groups" });
            }
            source.0.insert(id, group);
        }
        let outcomes = source.outcomes();
        let failure = failing.values().find_map(Failing::error).filter(|_| outcomes.read == 0);
        match failure {
            // Not one could be read: that is the source's failure, and says what is missing, unless
            // others can be.
            Some(error) if error.is_passing() || !reads_others(client, &asked).await => {
                Err(error.clone())
            }
            _ => {
                newly(known, &failing).iter().for_each(Line::warn);
                let rejected = outcomes.failed as u64;
                Ok(Rows { accepted: source.0.len() as u64 - rejected, source, rejected })
            }
        }
    }

    fn wants(known: &Facts) -> bool {
        let Ok(groups) = known.groups.rows() else { return false };
        named(known).into_iter().any(|id| groups.of(id).is_none())
    }

    fn observe(&self, samples: &mut Samples) {
        let Outcomes { read, deleted, failed } = self.outcomes();
        for (outcome, count) in [("read", read), ("deleted", deleted), ("failed", failed)] {
            samples.count(&EXPANSIONS, [("outcome", outcome)], count);
        }
    }
}

/// How many groups of each kind there are.
#[derive(Debug, Default)]
struct Outcomes {
    read: usize,
    deleted: usize,
    failed: usize,
}

impl Groups {
    fn outcomes(&self) -> Outcomes {
        self.0.values().fold(Outcomes::default(), |mut sum, group| {
            match group.members {
                Members::Known { .. } => sum.read += 1,
                Members::Deleted => sum.deleted += 1,
                Members::Unread(_) => sum.failed += 1,
            }
            sum
        })
    }
}

/// Whether a group can be read that was not asked for: then it is not a permission that is missing,
/// and those that cannot be read are refused each for itself.
async fn reads_others(client: &Client, asked: &BTreeSet<ObjectId>) -> bool {
    const SOME: Ask = Ask::graph("/v1.0/groups?$select=id&$top=20", Bucket::Directory);
    let Ok((rows, _)) = client.rows::<Listed>(&SOME).await else { return false };
    let Some(other) = rows.iter().find(|row| !asked.contains(&row.id)) else { return false };
    let path = format!("/v1.0/groups/{}/members?$select=id&$top=1", other.id);
    let members = client.rows::<Member>(&Ask::about(path, Bucket::Directory)).await;
    matches!(members, Ok((_, 0)))
}

/// One group with its name.
async fn read(client: &Client, id: &ObjectId) -> Result<(Box<str>, Members), FetchError> {
    let about = |rest: &str| Ask::about(format!("/v1.0/groups/{id}{rest}"), Bucket::Directory);
    let group = match client.entity::<Name>(&about("?$select=id,displayName,visibility")).await {
        Ok(group) => group,
        Err(FetchError::NotFound { .. }) => return Ok(("".into(), Members::Deleted)),
        Err(error) => return Err(error),
    };
    let (mut people, mut groups) = (Vec::new(), Vec::new());
    let keep = |member: Member| {
        let is_group = member.kind.eq_ignore_ascii_case("#microsoft.graph.group");
        if is_group { groups.push(member.id) } else { people.push(member.id) }
    };
    match client.list::<Member>(&about("/members?$select=id&$top=999"), keep).await {
        Ok(tally) if tally.rejected > 0 => {
            Err(FetchError::unreadable(&format!("{} members of a group", tally.rejected)))
        }
        Ok(_) if group.hides_members() && people.is_empty() && groups.is_empty() => {
            Ok((group.display_name, Members::Unread(Unread::Permission)))
        }
        Ok(_) => {
            let members = Members::Known { people: people.into(), groups: groups.into() };
            Ok((group.display_name, members))
        }
        Err(FetchError::NotFound { .. }) => Ok((group.display_name, Members::Deleted)),
        Err(error) => Err(error),
    }
}

/// Why one group cannot be read.
#[derive(Debug)]
enum Failing {
    /// Microsoft shows it as empty.
    Hidden,
    /// Asking failed.
    Error(FetchError),
}

impl Failing {
    fn error(&self) -> Option<&FetchError> {
        match self {
            Self::Hidden => None,
            Self::Error(error) => Some(error),
        }
    }

    fn reason(&self) -> &'static str {
        self.error().map_or("hidden_membership", FetchError::reason)
    }

    fn remedy(&self) -> &'static str {
        const HIDDEN: &str = "grant Member.Read.Hidden, with admin consent, or use a group whose \
                              membership is not hidden";
        self.error().map_or(HIDDEN, FetchError::remedy)
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hidden => f.write_str("its membership is hidden and comes back empty"),
            Self::Error(error) => error.fmt(f),
        }
    }
}

/// Groups in one line of the log.
const NAMED: usize = 20;

/// What the log says of the groups that cannot be read for one reason.
#[derive(Debug)]
struct Line<'a> {
    /// The first of them.
    why: &'a Failing,
    groups: Vec<&'a ObjectId>,
}

impl Line<'_> {
    fn names(&self) -> String {
        let names = self.groups.iter().take(NAMED).map(ToString::to_string);
        names.collect::<Vec<_>>().join(" ")
    }

    fn more(&self) -> usize {
        self.groups.len().saturating_sub(NAMED)
    }

    fn warn(&self) {
        let (source, groups, groups_not_named) = (Groups::ID, self.names(), self.more());
        let (reason, error, remedy) = (self.why.reason(), self.why, self.why.remedy());
        tracing::warn!(
            source, groups, groups_not_named, reason, %error, remedy, "groups cannot be read"
        );
    }
}

/// Groups that cannot be read and were not known to be so, by reason: each is told of once, and
/// not at each reading.
fn newly<'a>(known: &Facts, failing: &'a BTreeMap<ObjectId, Failing>) -> Vec<Line<'a>> {
    let before = known.groups.rows().ok();
    let newest = before.and_then(|groups| groups.0.values().map(|group| group.read).max());
    // Unread last time, or held since an earlier time.
    let was_failing = |group: &Group| {
        matches!(group.members, Members::Unread(_)) || newest.is_some_and(|at| group.read < at)
    };
    let is_new = |id| !before.and_then(|groups| groups.of(id)).is_some_and(was_failing);
    let mut lines = BTreeMap::new();
    for (id, why) in failing.iter().filter(|(id, _)| is_new(id)) {
        let line = lines.entry(why.reason()).or_insert(Line { why, groups: Vec::new() });
        line.groups.push(id);
    }
    lines.into_values().collect()
}

/// The last good reading of a group, as long as it holds.
fn held(known: &Facts, id: &ObjectId) -> Option<Group> {
    let group = known.groups.rows().ok()?.of(id)?;
    let holds = age(known.now, group.read) <= Groups::INTERVAL * 3;
    (holds && !matches!(group.members, Members::Unread(_))).then(|| group.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn members_are_told_apart_by_their_type_and_one_without_is_refused() {
        let body = include_bytes!("../../tests/samples/group_members.json");
        let rows: Vec<Member> = rows_of(body);
        let kinds: Vec<_> = rows.iter().map(|member| &*member.kind).collect();
        assert_eq!(kinds[..2], ["#microsoft.graph.user", "#microsoft.graph.group"]);
        assert!(serde_json::from_str::<Member>(r#"{"id":"a"}"#).is_err());
    }

    #[test]
    fn the_last_good_reading_of_a_group_holds_for_three_intervals() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let id = ObjectId::parse("g").unwrap();
        let known = |members, minutes| {
            let read = now - jiff::SignedDuration::from_mins(minutes);
            let groups = Groups::new([(id.clone(), Group::new("G", members, read))]);
            Facts { groups: super::super::Fact::known(groups, now), ..Facts::unread(now) }
        };
        let people = || Members::Known { people: [id.clone()].into(), groups: [].into() };
        assert!(held(&known(people(), 45), &id).is_some());
        assert!(held(&known(people(), 46), &id).is_none());
        assert!(held(&known(Members::Unread(Unread::Permission), 1), &id).is_none());
    }

    #[test]
    fn each_group_that_newly_fails_is_named_once_with_its_reason_and_no_more_than_twenty_are() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let id = |number| ObjectId::parse(&format!("g{number:02}")).unwrap();
        let refused = |number| (id(number), Failing::Error(FetchError::unreadable("a group")));
        let mut failing: BTreeMap<_, _> = (0..23).map(refused).collect();
        failing.insert(id(30), Failing::Hidden);
        let unread = Facts::unread(now);
        let lines = newly(&unread, &failing);
        let of = |reason| lines.iter().find(|line| line.why.reason() == reason).unwrap();
        assert_eq!(of("hidden_membership").names(), "g30");
        assert!(of("hidden_membership").why.remedy().contains("Member.Read.Hidden"));
        let (first, last) = (of("malformed").names(), "g19");
        assert!(first.starts_with("g00 g01 ") && first.ends_with(last), "{first}");
        assert_eq!(of("malformed").more(), 3);
        // What is known to fail is not told again; one that fails besides is.
        let group =
            |number| (id(number), Group::new("", Members::Unread(Unread::SourceFailed), now));
        let groups = Groups::new((0..22).chain([30]).map(group));
        let known = Facts { groups: super::super::Fact::known(groups, now), ..unread };
        let names: Vec<_> = newly(&known, &failing).iter().map(Line::names).collect();
        assert_eq!(names, ["g22"]);
    }
}
