//! What the accounts behind a privilege have and when they were last used: those in the groups of
//! Partner Center's agents, and those that hold or may activate a directory role.
//!
//! They are asked for by their ids, a few with each request: everybody's plans would be megabytes, and
//! the time of the last sign-in falls under the narrow limit of the sign-in log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::source::{Rows, Source, Unread};
use super::{Facts, Schedule};
use crate::client::{Ask, Bucket, Client, FetchError, Tally};
use crate::metrics::{Metric, Samples};
use crate::wire::{self, ObjectId};

/// The accounts by id, and why one that was asked for is not known.
#[derive(Debug, Default)]
pub struct PrivilegedAccounts(BTreeMap<ObjectId, Result<PrivilegedAccount, Unread>>);

/// What is known of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivilegedAccount {
    /// Whether it has Entra ID P1.
    pub has_p1: bool,
    /// Whether it has Entra ID P2.
    pub has_p2: bool,
    /// Whether it has a mailbox in Exchange Online.
    pub has_mailbox: bool,
    /// Whether it is synchronised from a directory on premises, and falls with it.
    pub is_synchronized: bool,
    /// When it last signed in or tried to, by itself or by a program; `None` for never.
    pub last_sign_in: Result<Option<Timestamp>, Unread>,
}

/// Ids of plans with a mailbox. Many suites bring others of the same service that have none.
const MAILBOXES: [&str; 9] = [
    "9aaf7827-d63c-4b61-89c3-182f06f82e5c", // Exchange Online, plan 1
    "efb87545-963c-4e0d-99df-69c6916d9eb0", // Exchange Online, plan 2
    "4a82b400-a79f-41a4-b4e2-e94f5787b113", // Kiosk
    "1126bef5-da20-4f07-b45e-ad25d2581aa8", // Essentials
    "fc52cc4b-ed7d-472d-bbe7-b081c23ecc56", // Midsize
    "90927877-dcff-4af6-b346-2332c0b15bb7", // POP
    "e9b4930a-925f-45e2-ac2a-3f7788ca6fdd", // Plan 1 for governments
    "8c3069c0-ccdb-44be-ab77-986203a67df2", // Plan 2 for governments
    "88f4d7ef-a73b-4246-8047-516022144c9f", // Kiosk for governments
];
const P1: &str = "41781fb2-bc02-4b7c-bd55-b576c07bb09d";
const P2: &str = "eec0eb4f-6444-4f95-aba0-50c24d67f998";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: ObjectId,
    // Microsoft always says, if only that there are none. An answer without them tells nothing of plans.
    assigned_plans: Vec<AssignedPlan>,
    #[serde(default, deserialize_with = "wire::optional_bool")]
    on_premises_sync_enabled: Option<bool>,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    sign_in_activity: SignInActivity,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssignedPlan {
    #[serde(default, deserialize_with = "wire::null_is_default")]
    capability_status: Box<str>,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    service_plan_id: Box<str>,
}

/// Each of these is missing, null or a date in year 1 where there was none.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SignInActivity {
    #[serde(deserialize_with = "wire::optional_moment")]
    last_sign_in_date_time: Option<Timestamp>,
    #[serde(deserialize_with = "wire::optional_moment")]
    last_non_interactive_sign_in_date_time: Option<Timestamp>,
    #[serde(deserialize_with = "wire::optional_moment")]
    last_successful_sign_in_date_time: Option<Timestamp>,
}

impl AssignedPlan {
    /// Plans stay listed after they were taken away.
    fn works(&self) -> bool {
        ["enabled", "warning"].contains(&self.capability_status.to_ascii_lowercase().as_str())
    }
}

impl Row {
    fn account(&self, unread: Option<Unread>) -> PrivilegedAccount {
        let has = |ids: &[&str]| {
            let is_one = |plan: &&AssignedPlan| {
                ids.iter().any(|id| id.eq_ignore_ascii_case(plan.service_plan_id.trim()))
            };
            self.assigned_plans.iter().filter(|plan| plan.works()).any(|plan| is_one(&plan))
        };
        let activity = &self.sign_in_activity;
        let last = [
            activity.last_sign_in_date_time,
            activity.last_non_interactive_sign_in_date_time,
            activity.last_successful_sign_in_date_time,
        ];
        PrivilegedAccount {
            has_p1: has(&[P1]),
            has_p2: has(&[P2]),
            has_mailbox: has(&MAILBOXES),
            is_synchronized: self.on_premises_sync_enabled == Some(true),
            last_sign_in: unread.map_or(Ok(last.into_iter().flatten().max()), Err),
        }
    }
}

impl PrivilegedAccounts {
    /// From accounts.
    pub fn new(
        accounts: impl IntoIterator<Item = (ObjectId, Result<PrivilegedAccount, Unread>)>,
    ) -> Self {
        Self(accounts.into_iter().collect())
    }

    /// What is known of this account; [`Unread::Pending`] of one that was not asked for.
    pub fn of(&self, id: &ObjectId) -> Result<&PrivilegedAccount, Unread> {
        self.0.get(id).map_or(Err(Unread::Pending), |known| known.as_ref().map_err(|why| *why))
    }
}

/// Ids that Microsoft takes in one filter.
const AT_ONCE: usize = 15;
/// Accounts of one reading, which are 200 requests, and seven minutes at the log's pace.
const MOST: usize = 3_000;

impl Source for PrivilegedAccounts {
    const ID: &'static str = "privileged_accounts";
    const WHAT: &'static str =
        "Plans, mailbox, origin and last sign-in of agents and of who holds a role";
    const ASK: Ask = Ask::graph(
        "/v1.0/users?$filter=id%20in%20({ids})&$select=id,assignedPlans,onPremisesSyncEnabled,\
         signInActivity",
        Bucket::Reports,
    );
    const PERMISSION: &'static str = "User.Read.All and AuditLog.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/user-list";
    const INTERVAL: Duration = Duration::from_secs(3600);
    const HOLDS_AT_LEAST: Duration = Duration::from_secs(6 * 3600);
    /// Accounts are counted in `posture`, where it is known what they may do.
    const METRICS: &'static [&'static Metric] = &[];
    const AFTER: &'static [&'static str] = &[
        "users",
        "subscribed_skus",
        "role_assignments",
        "role_eligibilities",
        "agent_groups",
        "groups",
    ];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        let (wanted, _) = privileged(known);
        read(client, known, wanted).await
    }

    async fn fetch_on(
        client: &Client,
        known: &Facts,
        _schedule: Schedule,
        last: Option<Arc<Self>>,
    ) -> Result<Rows<Self>, FetchError> {
        let (mut wanted, is_complete) = privileged(known);
        if !is_complete && let Some(last) = &last {
            // Who was privileged before may still be.
            wanted.extend(last.0.keys());
        }
        read(client, known, wanted).await
    }

    fn wants(known: &Facts) -> bool {
        let Ok(read) = known.privileged_accounts.rows() else { return false };
        privileged(known).0.iter().any(|id| !read.0.contains_key(id))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

async fn read(
    client: &Client,
    known: &Facts,
    wanted: BTreeSet<&ObjectId>,
) -> Result<Rows<PrivilegedAccounts>, FetchError> {
    if wanted.is_empty() {
        // Nothing says whom to read. Whether anybody could be read is worth knowing all the same.
        const ANY: Ask = Ask::graph("/v1.0/users?$select=id&$top=1", Bucket::Directory);
        client.page_of::<IgnoredAny>(&ANY).await?;
    }
    let wanted: Vec<_> = wanted.into_iter().collect();
    let (asked, others) = wanted.split_at(wanted.len().min(MOST));
    let premium = known.subscribed_skus.rows().ok().map(|skus| skus.has_premium());
    let mut activity = match premium {
        Some(false) => Activity::Refused(Unread::License),
        _ => Activity::Asked { is_premium: premium == Some(true) },
    };
    let mut accounts: BTreeMap<_, _> =
        others.iter().map(|id| ((*id).clone(), Err(Unread::Limit))).collect();
    let (mut tally, mut failure) = (Tally::default(), None);
    for ids in asked.chunks(AT_ONCE) {
        // Whoever is missing in the answer was deleted, or has a row that cannot be read.
        let mut missing = Unread::SourceFailed;
        match some(client, ids, &mut activity, &mut accounts).await {
            Ok(more) => tally.add(more),
            Err(error) if error.is_of_token() || error.is_passing() => return Err(error),
            Err(error) => {
                missing = Unread::after(&error);
                failure.get_or_insert(error);
            }
        }
        for id in ids {
            accounts.entry((*id).clone()).or_insert(Err(missing));
        }
    }
    match failure {
        Some(error) if tally.accepted == 0 => Err(error),
        _ => Ok(Rows::listed(PrivilegedAccounts(accounts), tally)),
    }
}

/// Whether the time of the last sign-in is asked for.
#[derive(Debug, Clone, Copy)]
enum Activity {
    /// It is, in a tenant that is known to have bought it or in one of which that is not known.
    Asked { is_premium: bool },
    /// Once it was refused, the others are not asked for it.
    Refused(Unread),
}

/// Some of the accounts, put where the others are.
async fn some(
    client: &Client,
    ids: &[&ObjectId],
    activity: &mut Activity,
    accounts: &mut BTreeMap<ObjectId, Result<PrivilegedAccount, Unread>>,
) -> Result<Tally, FetchError> {
    let list = ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(",");
    let path = PrivilegedAccounts::ASK.path.replace("{ids}", &list);
    let mut put = |row: Row, unread| {
        // Nobody else was asked for.
        if ids.contains(&&row.id) {
            let account = row.account(unread);
            accounts.insert(row.id, Ok(account));
        }
    };
    if let Activity::Asked { is_premium } = *activity {
        let ask = Ask::about(path.clone(), Bucket::Reports);
        match client.salvage::<Row>(&ask, |row| put(row, None)).await {
            Ok(tally) => return Ok(tally),
            Err(error) if error.is_of_token() || error.is_passing() => return Err(error),
            // Licensed tenants are taken for unlicensed ones where Directory.Read.All is missing.
            Err(FetchError::License { .. }) if is_premium => {
                *activity = Activity::Refused(Unread::Permission);
            }
            Err(error) => *activity = Activity::Refused(Unread::after(&error)),
        }
    }
    let unread = match *activity {
        Activity::Refused(why) => Some(why),
        Activity::Asked { .. } => None,
    };
    let path = path.replace(",signInActivity", "");
    client.salvage::<Row>(&Ask::about(path, Bucket::Directory), |row| put(row, unread)).await
}

/// Every account that is known to be privileged, enabled or not, and whether there are no others.
fn privileged(known: &Facts) -> (BTreeSet<&ObjectId>, bool) {
    let Ok(users) = known.users.rows() else { return (BTreeSet::new(), false) };
    let (assigned, eligible) = (known.role_assignments.rows(), known.role_eligibilities.rows());
    let (agents, groups) = (known.agent_groups.rows(), known.groups.rows());
    let held = assigned.iter().flat_map(|it| it.all());
    let held = held.chain(eligible.iter().flat_map(|it| it.all())).map(|it| &it.principal);
    let mut found = BTreeSet::new();
    let mut waiting: Vec<_> = held.chain(agents.iter().flat_map(|it| it.groups())).collect();
    while let Some(id) = waiting.pop() {
        if found.insert(id)
            && let Some(group) = groups.ok().and_then(|it| it.of(id))
        {
            waiting.extend(group.members.direct());
        }
    }
    // Groups and programs are none.
    found.retain(|id| users.of(id).is_some());
    let is_complete = assigned.is_ok() && eligible.is_ok() && agents.is_ok() && groups.is_ok();
    (found, is_complete)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::{
        AgentGroups, Fact, Group, Groups, Members, RoleAssignment, RoleAssignments,
        RoleEligibilities, User, Users,
    };

    fn row(body: &[u8]) -> Row {
        wire::entity(body).unwrap()
    }

    #[test]
    fn the_documented_body_is_read_and_a_plan_that_was_taken_away_is_none() {
        let row = row(include_bytes!("../../tests/samples/privileged_account.json"));
        let account = row.account(None);
        assert!(account.has_p2 && account.is_synchronized && !account.has_p1);
        assert!(!account.has_mailbox, "the foundation of Exchange is no mailbox");
        // The latest of three, of which one is a date in year 1.
        let last = "2026-11-22T17:53:42Z".parse().unwrap();
        assert_eq!(account.last_sign_in, Ok(Some(last)));
        assert_eq!(row.account(Some(Unread::License)).last_sign_in, Err(Unread::License));
    }

    #[test]
    fn never_is_a_missing_object_a_null_and_year_one_and_is_known() {
        for activity in [
            "",
            r#","signInActivity":null"#,
            r#","signInActivity":{"lastSignInDateTime":"0001-01-01T00:00:00Z"}"#,
        ] {
            let body = format!(
                r#"{{"id":"a","assignedPlans":[{{"capabilityStatus":"Warning","service":"exchange",
                "servicePlanId":"EFB87545-963c-4e0d-99df-69c6916d9eb0"}}]{activity}}}"#
            );
            let account = row(body.as_bytes()).account(None);
            assert_eq!((account.last_sign_in, account.has_mailbox), (Ok(None), true), "{body}");
        }
    }

    #[test]
    fn who_is_privileged_is_found_in_groups_of_groups_too_and_programs_are_not() {
        let now = Timestamp::UNIX_EPOCH;
        let id = |text: &str| ObjectId::parse(text).unwrap();
        let user = |text: &str| -> User {
            serde_json::from_str(&format!(r#"{{"id":"{text}","accountEnabled":false}}"#)).unwrap()
        };
        let members = |people: &[&str], groups: &[&str]| Members::Known {
            people: people.iter().map(|it| id(it)).collect(),
            groups: groups.iter().map(|it| id(it)).collect(),
        };
        let holds = |principal: &str| RoleAssignment {
            principal: id(principal),
            is_group: None,
            role: id("r"),
            tenant_wide: false,
            activated: false,
            ends: None,
        };
        let group = |name, members| (id(name), Group::new(name, members, now));
        let groups = [
            group("agents", members(&["anna", "robot"], &["inner", "agents"])),
            group("inner", members(&["bert"], &["agents"])),
            group("other", members(&["ines"], &[])),
        ];
        let mut known = Facts {
            users: Fact::known(
                Users::new(["anna", "bert", "carl", "dora", "ines"].map(user).into()),
                now,
            ),
            agent_groups: Fact::known(
                AgentGroups::new([("AdminAgents".into(), id("agents"))]),
                now,
            ),
            groups: Fact::known(Groups::new(groups), now),
            role_assignments: Fact::known(RoleAssignments::new(vec![holds("carl")]), now),
            role_eligibilities: Fact::known(RoleEligibilities::new(vec![holds("dora")]), now),
            ..Facts::unread(now)
        };
        let names = |known: &Facts| {
            let (found, is_complete) = privileged(known);
            (found.into_iter().map(ToString::to_string).collect::<Vec<_>>(), is_complete)
        };
        let all = ["anna", "bert", "carl", "dora"].map(str::to_owned).to_vec();
        assert_eq!(names(&known), (all, true));
        known.groups = Fact::Unread(Unread::Stale);
        assert_eq!(names(&known), (vec!["carl".to_owned(), "dora".to_owned()], false));
    }
}
