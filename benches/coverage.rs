//! How long it takes to decide who is covered by MFA, and how that grows with people and policies.
//!
//! `cargo bench --bench coverage`. CPU time of this process, the median of five runs after one that
//! does not count; memory is what the judging adds at its peak to what the facts take.

#![expect(clippy::print_stdout, reason = "its figures are its output")]

use std::fs;

use jiff::Timestamp;
use partnercenter_exporter::posture::coverage::{Assessment, Ground, Question};
use partnercenter_exporter::posture::people::People;
use partnercenter_exporter::posture::{Declarations, Posture};
use partnercenter_exporter::sources::policy::Policy;
use partnercenter_exporter::sources::{
    AgentGroups, AuthenticationStrengths, ConditionalAccessPolicies, Fact, Facts, Group, Groups,
    Members, Methods, NamedLocations, PerUserMfa, Registration, RoleAssignment, RoleAssignments,
    RoleEligibilities, SecurityDefaults, User, UserRegistrationDetails, Users,
};
use partnercenter_exporter::wire::ObjectId;
use serde_json::json;

const RUNS: usize = 5;

/// People, groups, policies, and their kind: 1 where each policy is about an application of its own,
/// so that all of them leave everybody's other sign-ins open; 2 where they cover everybody together,
/// and no two people stand alike to those that make no difference.
const SIZES: [[usize; 4]; 10] = [
    [25_000, 5_000, 200, 0],
    [50_000, 5_000, 200, 0],
    [100_000, 5_000, 50, 0],
    [100_000, 5_000, 100, 0],
    [100_000, 5_000, 200, 0],
    [200_000, 5_000, 200, 0],
    [100_000, 5_000, 200, 1],
    [25_000, 5_000, 200, 2],
    [50_000, 5_000, 200, 2],
    [100_000, 5_000, 200, 2],
];

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    if let (Some(people), Some(groups), Some(policies), Some(kind)) =
        (arguments.next(), arguments.next(), arguments.next(), arguments.next())
    {
        return measure(people, groups, policies, kind);
    }
    println!("people groups policies  covered  evaluate_ms  posture_ms  facts_mib  peak_added_mib");
    for size in SIZES {
        // In a process of its own, so that memory is that of this size alone.
        let program = std::env::current_exe().expect("this program has a path");
        let size = size.map(|number| number.to_string());
        let status = std::process::Command::new(program).args(size).status();
        assert!(status.is_ok_and(|status| status.success()));
    }
}

fn measure(people: usize, groups: usize, policies: usize, kind: usize) {
    let empty = resident();
    let facts = tenant(people, groups, policies, kind);
    let declared = Declarations::default();
    let before = resident();
    let mut covered = 0;
    let evaluate = median(|| {
        let people = People::of(&facts).expect("accounts are known");
        let ground = Ground::of(&facts, &declared);
        let assessment = Assessment::of(&ground, &people, Question::Mfa);
        assert_eq!(assessment.coverage.len(), people.count());
        covered = assessment.coverage.iter().filter(|it| it.is_always() == Some(true)).count();
    });
    let posture = median(|| assert!(Posture::of(&facts, &declared).legacy.is_ok()));
    let added = peak().saturating_sub(before) as f64 / 1024.0;
    let facts = before.saturating_sub(empty) as f64 / 1024.0;
    println!(
        "{people:>6} {groups:>6} {policies:>8} {covered:>8} {evaluate:>12.1} {posture:>11.1} \
         {facts:>10.1} {added:>15.1}"
    );
}

/// CPU milliseconds.
fn median(mut run: impl FnMut()) -> f64 {
    run();
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let before = cpu();
            run();
            cpu() - before
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

/// Milliseconds this thread has been on a processor.
fn cpu() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let nanoseconds = text.split(' ').next().and_then(|word| word.parse::<f64>().ok());
    nanoseconds.expect("a number") / 1e6
}

fn status(key: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = text.lines().find(|line| line.starts_with(key)).expect("it is there");
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number")
}

/// KiB in memory now; the peak starts anew.
fn resident() -> u64 {
    // 5 resets the peak.
    fs::write("/proc/self/clear_refs", "5").expect("Linux lets us");
    status("VmRSS:")
}

/// KiB at most since.
fn peak() -> u64 {
    status("VmHWM:")
}

fn id(kind: u8, number: usize) -> ObjectId {
    let mut bytes = [kind; 16];
    bytes[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    ObjectId::Guid(bytes)
}

/// A tenant whose groups are nested four deep: each policy names one outermost group that it
/// includes and one that it leaves out, and the conditions vary, so that no policy covers anybody
/// alone and many have to be put together.
fn tenant(people: usize, groups: usize, policies: usize, kind: usize) -> Facts {
    let now = Timestamp::UNIX_EPOCH;
    let users = (0..people).map(|number| User {
        id: id(1, number),
        user_principal_name: format!("user-{number}@contoso.example").into(),
        account_enabled: true,
        account: Default::default(),
        created: None,
        invited: false,
    });
    let rows = (0..people)
        .map(|number| (id(1, number), Registration::new(true, true, Methods::default())));
    // Group n holds group n + groups / 4, and so on for four levels; people are in the innermost.
    let level = groups / 4;
    let all = (0..groups).map(|number| {
        let inner = if number < level * 3 { vec![id(2, number + level)] } else { Vec::new() };
        let scattered = (kind == 2 && number < SCATTERED).then(|| scattered(people, number));
        let members = scattered.or((number >= level * 3).then(|| {
            let start = (number - level * 3) * people / level;
            (0..people / level * 3)
                .map(|offset| id(1, (start + offset) % people))
                .collect::<Vec<_>>()
        }));
        let members =
            Members::Known { people: members.unwrap_or_default().into(), groups: inner.into() };
        (id(2, number), Group::new("a group", members, now))
    });
    let assignments = (0..people / 100).map(|number| RoleAssignment {
        principal: id(1, number * 100),
        is_group: Some(false),
        role: id(3, number % 20),
        tenant_wide: true,
        activated: false,
        ends: None,
    });
    Facts {
        users: Fact::known(Users::new(users.collect()), now),
        user_registration_details: Fact::known(UserRegistrationDetails::new(rows, 0), now),
        security_defaults: Fact::known(SecurityDefaults { is_enabled: false }, now),
        conditional_access_policies: Fact::known(
            ConditionalAccessPolicies {
                policies: (0..policies)
                    .map(|number| {
                        if kind == 2 { together(number) } else { policy(number, level, kind == 1) }
                    })
                    .collect(),
                unreadable: 0,
            },
            now,
        ),
        authentication_strengths: Fact::known(AuthenticationStrengths::default(), now),
        named_locations: Fact::known(NamedLocations::default(), now),
        per_user_mfa: Fact::known(PerUserMfa::default(), now),
        role_assignments: Fact::known(RoleAssignments::new(assignments.collect()), now),
        role_eligibilities: Fact::known(RoleEligibilities::default(), now),
        agent_groups: Fact::known(AgentGroups::default(), now),
        groups: Fact::known(Groups::new(all), now),
        ..Facts::unread(now)
    }
}

/// Groups in which everybody is or is not by chance.
const SCATTERED: usize = 40;

/// About half of the people, another half in each group.
fn scattered(people: usize, group: usize) -> Vec<ObjectId> {
    let bits = |number: usize| (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let those = (0..people).filter(|number| bits(*number) >> (group + 8) & 1 == 1);
    those.map(|number| id(1, number)).collect()
}

/// One policy leaves a hundred applications out, a hundred bring one back each, and the rest make no
/// difference to anybody.
fn together(number: usize) -> Policy {
    let application = |number: usize| format!("{number:08x}-0000-4000-8000-000000000000");
    let (users, applications, clients) = match number {
        0 => {
            let left_out: Vec<_> = (1..=100).map(application).collect();
            let applications =
                json!({"includeApplications": ["All"], "excludeApplications": left_out});
            (json!({"includeUsers": ["All"]}), applications, "all")
        }
        1..=100 => {
            let applications = json!({"includeApplications": [application(number)]});
            (json!({"includeUsers": ["All"]}), applications, "all")
        }
        _ => {
            let group = id(2, number % SCATTERED).to_string();
            let users = json!({"includeGroups": [group]});
            (users, json!({"includeApplications": ["All"]}), "browser")
        }
    };
    let policy = json!({
        "id": id(4, number).to_string(),
        "displayName": format!("Policy {number}"),
        "state": "enabled",
        "conditions": {"users": users, "applications": applications, "clientAppTypes": [clients]},
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    });
    serde_json::from_value(policy).expect("it is of the documented shape")
}

fn policy(number: usize, level: usize, apart: bool) -> Policy {
    let group = |offset: usize| id(2, (number * 37 + offset) % level).to_string();
    let include: Vec<_> = (0..level / 10).map(&group).collect();
    let exchange = "00000002-0000-0ff1-ce00-000000000000";
    let sharepoint = "00000003-0000-0ff1-ce00-000000000000";
    let one_each = format!("{number:08x}-0000-4000-8000-000000000000");
    let applications = match number % 3 {
        _ if apart => json!({"includeApplications": [one_each]}),
        0 => json!({"includeApplications": ["All"], "excludeApplications": [exchange]}),
        1 => json!({"includeApplications": [exchange]}),
        _ => json!({"includeApplications": ["All"], "excludeApplications": [sharepoint]}),
    };
    let locations = match number % 5 {
        0 => {
            json!({"includeLocations": ["All"], "excludeLocations": [format!("place-{}", number % 7)]})
        }
        1 => json!({"includeLocations": [format!("place-{}", number % 7)]}),
        _ => serde_json::Value::Null,
    };
    let clients = if number.is_multiple_of(4) { json!(["browser"]) } else { json!(["all"]) };
    let policy = json!({
        "id": id(4, number).to_string(),
        "displayName": format!("Policy {number}"),
        "state": "enabled",
        "conditions": {
            "users": {
                "includeGroups": include,
                "excludeGroups": [group(level / 2)],
                "excludeRoles": [id(3, number % 20).to_string()],
            },
            "applications": applications,
            "clientAppTypes": clients,
            "locations": locations,
        },
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
    });
    serde_json::from_value(policy).expect("it is of the documented shape")
}
