//! The log of sign-ins: what it enforces, what traps it holds, and that its figures are true.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

mod crossings;
mod recount;

use recount::{legacy, recount};

const BETA: &str = "/graph/beta/auditLogs/signIns";
const V1: &str = "/graph/v1.0/auditLogs/signIns";
const EVENTS: &str = "%20and%20signInEventTypes/any(t:%20t%20eq%20'nonInteractiveUser')";

fn logged(sign_ins: usize) -> Settings {
    Settings { sign_ins, ..quiet() }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn query(path: &str, from: &str, to: &str, more: &str) -> String {
    format!(
        "{path}?$filter=createdDateTime%20ge%20{from}%20and%20createdDateTime%20lt%20{to}{more}"
    )
}

/// Rows of a window by id, each once.
async fn window(running: &Running, path: &str, from: &str, to: &str) -> BTreeMap<String, Value> {
    let id = |row: Value| (row["id"].as_str().unwrap().to_owned(), row);
    running.all(path_of(path, from, to).as_str()).await.into_iter().map(id).collect()
}

fn path_of(path: &str, from: &str, to: &str) -> String {
    let (path, more) = path.split_once('+').unwrap_or((path, ""));
    query(path, from, to, more)
}

/// Both kinds of the beta.
fn sides() -> [String; 2] {
    [BETA.to_owned(), format!("{BETA}+{EVENTS}")]
}

/// Object ids of Connect sync accounts.
async fn sync_accounts(running: &Running) -> Vec<String> {
    let users = running.all("/users?$select=id,userPrincipalName&$top=999").await;
    let sync = users
        .iter()
        .filter(|user| user["userPrincipalName"].as_str().unwrap().starts_with("Sync_"));
    sync.map(|user| user["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_figures_are_what_the_rows_say() {
    for (settings, from, to) in [
        (logged(6000), "2026-02-28T00:00:00Z", "2026-03-01T03:00:00Z"),
        (logged(6000), "2026-03-02T08:30:00Z", "2026-03-02T12:30:00Z"),
        (
            Settings { users: 30, customers: 0, ..logged(300) },
            "2026-02-20T00:00:00Z",
            "2026-03-03T00:00:00Z",
        ),
    ] {
        let running = start(settings).await;
        let sync = sync_accounts(&running).await;
        let truth = running.control.sign_ins(at(from), at(to));
        let mut times = BTreeSet::new();
        for (path, truth) in sides().iter().zip([&truth.interactive, &truth.non_interactive]) {
            let rows = window(&running, path, from, to).await;
            times.extend(rows.values().map(|row| at(row["createdDateTime"].as_str().unwrap())));
            assert_eq!(recount(&rows, &sync), *truth);
            assert!(truth.rows > 90);
        }
        assert_eq!(truth.oldest, times.first().copied());
        assert_eq!(truth.newest, times.last().copied());
    }
}

#[tokio::test]
async fn the_known_numbers_are_there() {
    let running = start(logged(1000)).await;
    let truth = running.control.sign_ins(at("2026-02-20T00:00:00Z"), at("2026-02-21T00:00:00Z"));
    let (interactive, quietly) = (&truth.interactive, &truth.non_interactive);
    assert_eq!(interactive.rows + quietly.rows, 1000);
    assert_eq!(truth.legacy_of("Exchange ActiveSync"), Outcomes { success: 3, failure: 3 });
    assert_eq!(truth.legacy_of("IMAP4"), Outcomes { success: 3, failure: 3 });
    assert_eq!(truth.legacy_of("POP3"), Outcomes { success: 0, failure: 3 });
    assert_eq!(quietly.password_grants["partner_center"].success, 1);
    assert_eq!(quietly.password_grants["graph"], Outcomes { success: 4, failure: 2 });
    assert_eq!(interactive.password_grants["graph"].success, 1);
    assert_eq!(interactive.on_behalf, ByMfa { with_mfa: 12, without_mfa: 5 });
    assert_eq!(quietly.on_behalf, ByMfa { with_mfa: 8, without_mfa: 3 });
    assert_eq!(interactive.portal, ByMfa { with_mfa: 11, without_mfa: 4 });
    assert_eq!(interactive.federated, ByMfa { with_mfa: 6, without_mfa: 4 });
    assert_eq!(interactive.sync_by_others, Outcomes { success: 1, failure: 1 });
    assert_eq!(quietly.sync_by_others, Outcomes { success: 2, failure: 0 });
    assert_eq!(quietly.sync_by_connect, Outcomes { success: 14, failure: 0 });
    assert_eq!(interactive.app_passwords, 1);
    assert_eq!(truth.people("on_behalf_without_mfa").len(), 3);
    assert_eq!(truth.people("portal_without_mfa").len(), 4);
}

#[tokio::test]
async fn the_newest_come_first_and_some_come_twice() {
    let running = start(logged(20_000)).await;
    let path = query(BETA, "2026-02-20T08:00:00Z", "2026-02-20T16:00:00Z", "&$top=1000");
    let (mut next, mut pages) = (Some(path), Vec::new());
    while let Some(path) = next {
        let page = running.get(&path).await.json();
        pages.push(page["value"].as_array().unwrap().clone());
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
    }
    assert!(pages.len() > 3);
    let rows: Vec<&Value> = pages.iter().flatten().collect();
    let created = |row: &Value| row["createdDateTime"].as_str().unwrap().to_owned();
    assert!(rows.is_sorted_by(|one, next| created(one) >= created(next)));
    // Within a page, and not one behind the other.
    let within = |page: &Vec<Value>| {
        (0..page.len() - 2).any(|place| page[place]["id"] == page[place + 2]["id"])
    };
    assert!(pages.iter().any(within));
    let across = pages.windows(2).filter(|two| two[0].last() == two[1].first());
    assert!(across.count() > 0);
    let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    let [from, to] = ["2026-02-20T08:00:00Z", "2026-02-20T16:00:00Z"].map(at);
    assert_eq!(ids.len() as u64, running.control.sign_ins(from, to).interactive.rows);
    assert!(ids.len() < rows.len());
}

#[tokio::test]
async fn rows_of_two_hours_may_still_come_and_change_and_then_no_more() {
    let mut running = start(logged(40_000)).await;
    let (from, to) = ("2026-03-02T09:00:00Z", "2026-03-02T12:00:00Z");
    let before = window(&running, BETA, from, to).await;
    running.control.turn(Duration::from_secs(3600));
    running.renew(&[]).await;
    let between = window(&running, BETA, from, to).await;
    running.control.turn(Duration::from_secs(3600));
    running.renew(&[]).await;
    let after = window(&running, BETA, from, to).await;
    assert!(before.len() < between.len() && between.len() < after.len());
    let changed = |one: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>| {
        one.iter().filter(|(id, row)| other[*id] != **row).count()
    };
    assert!(changed(&before, &between) > 0 && changed(&between, &after) > 0);
    let settled = |rows: &BTreeMap<String, Value>| -> Vec<Value> {
        let old = |row: &&Value| row["createdDateTime"].as_str().unwrap() < "2026-03-02T10";
        rows.values().filter(old).cloned().collect()
    };
    assert!(settled(&before) == settled(&after));
    running.control.turn(Duration::from_secs(7200));
    running.renew(&[]).await;
    running.control.step();
    assert_eq!(window(&running, BETA, from, to).await, after);
    let truth = running.control.sign_ins(at(from), at(to));
    assert_eq!(truth.interactive.rows, after.len() as u64);
}

#[tokio::test]
async fn the_past_is_the_same_whoever_is_hired_and_whenever_the_world_began() {
    let (from, to) = ("2026-02-28T10:00:00Z", "2026-02-28T12:00:00Z");
    let running = start(logged(5000)).await;
    let rows = window(&running, BETA, from, to).await;
    (0..10).for_each(|_| drop(running.control.step()));
    assert_eq!(window(&running, BETA, from, to).await, rows);
    let later = Settings { start: Some(at("2026-03-05T00:00:00Z")), ..logged(5000) };
    let later = start(later).await;
    assert_eq!(window(&later, BETA, from, to).await, rows);
    let other = start(Settings { seed: 2, ..logged(5000) }).await;
    assert_ne!(window(&other, BETA, from, to).await, rows);
}

#[tokio::test]
async fn what_is_older_than_thirty_days_is_gone() {
    let running = start(logged(2000)).await;
    let (from, to) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    let rows = window(&running, BETA, from, to).await;
    let oldest = rows.values().map(|row| row["createdDateTime"].as_str().unwrap()).min().unwrap();
    assert!(("2026-01-31T12:00:00Z".."2026-01-31T12:10").contains(&oldest), "{oldest}");
    let truth = running.control.sign_ins(at(from), at(to));
    assert_eq!(truth.interactive.rows, rows.len() as u64);
    let all = running.control.sign_ins(at("2000-01-01T00:00:00Z"), at("2100-01-01T00:00:00Z"));
    let rows = all.interactive.rows + all.non_interactive.rows;
    assert!((59_900..60_000).contains(&rows), "{rows}");
}

#[tokio::test]
async fn version_one_is_narrower_and_interactive_only() {
    let running = start(logged(6000)).await;
    let (from, to) = ("2026-02-28T08:00:00Z", "2026-02-28T14:00:00Z");
    let narrow = window(&running, V1, from, to).await;
    let wide = window(&running, BETA, from, to).await;
    assert_eq!(narrow.len(), wide.len());
    let enforced = |row: &Value| {
        let policies = row["appliedConditionalAccessPolicies"].as_array().unwrap();
        let mfa = |policy: &Value| {
            policy["result"] == "success" && policy["enforcedGrantControls"][0] == "Mfa"
        };
        row["status"]["errorCode"] == 0 && policies.iter().any(mfa)
    };
    let mut with_mfa = 0;
    for (id, row) in &narrow {
        assert_eq!((&row["isInteractive"], &row["userId"]), (&true.into(), &wide[id]["userId"]));
        for field in ["authenticationRequirement", "authenticationProtocol", "signInEventTypes"] {
            assert!(row.get(field).is_none() && wide[id].get(field).is_some(), "{field}");
        }
        assert!(row["createdDateTime"].as_str().unwrap().len() == "2026-02-28T08:00:00Z".len());
        with_mfa += u64::from(enforced(row));
    }
    let truth = running.control.sign_ins(at(from), at(to));
    assert_eq!(truth.interactive.mfa_by_policy, with_mfa);
    let events = query(V1, from, to, EVENTS);
    assert_eq!(running.get(&events).await.status, 400);
}

#[tokio::test]
async fn rows_are_as_long_and_as_odd_as_real_ones() {
    let running = start(logged(20_000)).await;
    let (from, to) = ("2026-02-28T09:00:00Z", "2026-02-28T12:00:00Z");
    let mut rows = Vec::new();
    for path in sides() {
        rows.extend(window(&running, &path, from, to).await.into_values());
    }
    let bytes: usize = rows.iter().map(|row| row.to_string().len()).sum();
    let mean = bytes / rows.len();
    assert!((2200..3600).contains(&mean), "{mean}");
    let seen = |pointer: &str| -> BTreeSet<String> {
        rows.iter().filter_map(|row| row.pointer(pointer)).map(Value::to_string).collect()
    };
    for (pointer, value) in [
        ("/clientAppUsed", "null"),
        ("/clientAppUsed", r#""""#),
        ("/clientAppUsed", r#""Unknown""#),
        ("/clientAppUsed", r#""AutoDiscover""#),
        ("/clientAppUsed", r#""SMTP""#),
        ("/clientAppUsed", r#""mobile apps and desktop clients""#),
        ("/clientAppUsed", r#""Holographic clients""#),
        ("/authenticationRequirement", r#""adaptiveFactorAuthentication""#),
        ("/authenticationRequirement", "null"),
        ("/authenticationProtocol", r#""quantumGrant""#),
        ("/authenticationProtocol", r#""unknownFutureValue""#),
        ("/authenticationProtocol", "null"),
        ("/conditionalAccessStatus", "null"),
        ("/homeTenantName", "null"),
        ("/homeTenantName", r#""""#),
        ("/location", "{}"),
        ("/deviceDetail/trustType", r#""""#),
        ("/deviceDetail/trustType", "null"),
        ("/userAgent", "null"),
        ("/crossTenantAccessType", r#""serviceProvider""#),
        ("/crossTenantAccessType", r#""b2bCollaboration""#),
        ("/resourceId", r#""radius""#),
        ("/appliedConditionalAccessPolicies/8/result", r#""notApplied""#),
        ("/appliedConditionalAccessPolicies/1/result", r#""reportOnlySuccess""#),
    ] {
        assert!(seen(pointer).contains(value), "{pointer} {value}: {:?}", seen(pointer));
    }
    let policies = |row: &Value| row["appliedConditionalAccessPolicies"].as_array().unwrap().len();
    let counts: BTreeSet<usize> = rows.iter().map(policies).collect();
    assert_eq!(counts, (0..10).collect());
    let other = rows.iter().filter(|row| row["status"]["failureReason"] == "Other.");
    assert!(other.clone().count() > 100 && { other }.all(|row| row["status"]["errorCode"] == 0));
    let lower = |row: &Value| {
        let name = row["userPrincipalName"].as_str().unwrap();
        name == name.to_lowercase()
    };
    assert!(rows.iter().all(lower));
}

#[tokio::test]
async fn documented_filters_are_understood_and_no_others() {
    let running = start(logged(3000)).await;
    let window =
        "createdDateTime ge 2026-02-28T09:00:00Z and createdDateTime le 2026-02-28T15:00:00Z";
    let ask = |filter: String| {
        let encoded = filter.replace(' ', "%20").replace('#', "%23");
        format!("{BETA}?$filter={encoded}")
    };
    let rows = |filter: &str| {
        let path = ask(format!("{window} and {filter}"));
        let running = &running;
        async move { running.all(&path).await }
    };
    let everything = rows("signInEventTypes/any(t: t ne 'servicePrincipal')").await;
    let interactive = rows("signInEventTypes/any(t:t ne 'nonInteractiveUser')").await;
    assert!(interactive.len() < everything.len());
    assert!(rows("signInEventTypes/any(t: t eq 'managedIdentity')").await.is_empty());
    let person = &interactive[0]["userId"].as_str().unwrap();
    let of_one = rows(&format!("userId eq '{person}'")).await;
    assert!(!of_one.is_empty() && of_one.iter().all(|row| row["userId"] == **person));
    let failed = rows("(status/errorCode eq 50126 or status/errorCode eq 53003)").await;
    assert!(!failed.is_empty() && failed.iter().all(|row| row["status"]["errorCode"] != 0));
    let clients = "(clientAppUsed eq 'IMAP4' or clientAppUsed eq 'POP3') and \
                   signInEventTypes/any(t: t ne 'managedIdentity')";
    let old = rows(clients).await;
    assert!(!old.is_empty() && old.iter().all(|row| legacy(row).is_some()));
    let name =
        "startsWith(userPrincipalName,'a') and startsWith(authenticationRequirement,'single')";
    let found = rows(name).await;
    assert!(!found.is_empty() && found.len() < interactive.len());
    assert_eq!(
        running.get(&ask("createdDateTime eq 2026-02-28T09:00:00Z".into())).await.status,
        200
    );
    for filter in [
        "createdDateTime gt 2026-02-28T09:00:00Z",
        "createdDateTime ge '2026-02-28T09:00:00Z'",
        "createdDateTime ge 2026-02-28",
        "authenticationProtocol eq 'ropc'",
        "crossTenantAccessType eq 'serviceProvider'",
        "resourceTenantId eq 'x'",
        "isInteractive eq true",
        "status/errorCode eq '0'",
        "status/errorCode ne 0",
        "startsWith(clientAppUsed,'IMAP')",
        "contains(userDisplayName,'a')",
        "signInEventTypes/all(t: t eq 'interactiveUser')",
        "signInEventTypes/any(t: u eq 'interactiveUser')",
        "userId eq 'x' and",
        "(userId eq 'x'",
        "not (userId eq 'x')",
        "",
    ] {
        assert_eq!(running.get(&ask(filter.to_owned())).await.status, 400, "{filter}");
    }
    let deep = format!("{}userId eq 'x'{}", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(running.get(&ask(deep)).await.status, 400);
}

#[tokio::test]
async fn pages_have_a_thousand_rows_at_most_and_tokens_are_good_for_their_list_only() {
    let running = start(logged(20_000)).await;
    let (from, to) = ("2026-02-20T00:00:00Z", "2026-02-21T00:00:00Z");
    let page = running.get(&query(BETA, from, to, "")).await.json();
    assert_eq!(page["value"].as_array().unwrap().len(), 1000);
    for (more, status) in [
        ("&$top=1001", 400),
        ("&$top=0", 400),
        ("&$select=id", 400),
        ("&$count=true", 400),
        ("&$orderby=createdDateTime%20asc", 400),
        ("&$orderBy=createdDateTime%20DESC", 200),
        ("&$top=7", 200),
    ] {
        assert_eq!(running.get(&query(BETA, from, to, more)).await.status, status, "{more}");
    }
    let link = page["@odata.nextLink"].as_str().unwrap();
    assert_eq!(running.get(link).await.status, 200);
    for other in [link.replace("02-20", "02-19"), link.replace("/beta/", "/v1.0/")] {
        let reply = running.get(&other).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "Directory_ExpiredPageToken"));
    }
}

#[tokio::test]
async fn a_token_expires_after_so_many_pages() {
    let running = start(logged(20_000)).await;
    running.faults(&["expiring-skiptoken=2@auditLogs"]);
    let (from, to) = ("2026-02-20T00:00:00Z", "2026-02-21T00:00:00Z");
    let mut path = query(BETA, from, to, "");
    for _ in 0..2 {
        let page = running.get(&path).await.json();
        path = page["@odata.nextLink"].as_str().unwrap().to_owned();
    }
    let reply = running.get(&path).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "Directory_ExpiredPageToken"));
    running.faults(&[]);
    assert_eq!(running.get(&path).await.status, 200);
}

#[tokio::test]
async fn without_the_beta_there_is_version_one() {
    let running = start(logged(1000)).await;
    for (fault, status) in [("no-beta", 501), ("no-beta=400", 400), ("no-beta=404", 404)] {
        running.faults(&[fault]);
        assert_eq!(running.get(BETA).await.status, status);
        assert_eq!(running.get(V1).await.status, 200);
    }
    running.faults(&["no-beta@auditLogs"]);
    let (reply, other) = (running.get(BETA).await, running.get("/graph/beta/users").await);
    assert_eq!((reply.status, other.status), (501, 200));
}

#[tokio::test]
async fn the_sixth_request_in_ten_seconds_is_one_too_many() {
    let settings = Settings { enforce_throttles: true, ..logged(1000) };
    let running = start(settings).await;
    for _ in 0..5 {
        assert_eq!(running.get(V1).await.status, 200);
    }
    let reply = running.get(BETA).await;
    assert_eq!((reply.status, reply.headers["retry-after"].as_str()), (429, "10"));
    running.control.turn(Duration::from_secs(10));
    assert_eq!(running.get(BETA).await.status, 200);
}

#[tokio::test]
async fn consent_and_a_licence_are_needed_and_policies_take_another_permission() {
    let denied = start(Settings { sign_ins: 100, ..without(&["AuditLog.Read.All"]) }).await;
    let reply = denied.get(BETA).await;
    let code = "Authentication_MSGraphPermissionMissing";
    assert_eq!((reply.status, reply.code().as_str()), (403, code));

    let free = start(Settings { plan: Plan::None, ..logged(100) }).await;
    let reply = free.get(V1).await;
    let code = "Authentication_RequestFromNonPremiumTenantOrB2CTenant";
    assert_eq!((reply.status, reply.code().as_str()), (403, code));

    let narrow = start(Settings { sign_ins: 100, ..without(&["Policy.Read.All"]) }).await;
    for path in [BETA, V1] {
        let rows = narrow.all(path).await;
        assert!(!rows.is_empty());
        assert!(rows.iter().all(|row| row.get("appliedConditionalAccessPolicies").is_none()));
    }
}

#[tokio::test]
async fn bad_rows_and_null_everything_and_endless_lists() {
    let running = start(logged(5000)).await;
    let path = query(BETA, "2026-02-28T09:00:00Z", "2026-02-28T15:00:00Z", "&$top=100");
    running.faults(&["malformed-rows=130"]);
    let rows = running.all(&path).await;
    let good = rows.iter().filter(|row| row["id"].is_string() && row["userId"].is_string());
    assert_eq!(good.count(), rows.len() - 130);
    running.faults(&["null-everything"]);
    let rows = running.all(&path).await;
    assert!(rows[0]["id"].is_string() && rows[0]["status"].is_null());
    running.faults(&["endless-paging"]);
    let mut next = query(V1, "2026-02-28T09:00:00Z", "2026-02-28T09:00:01Z", "");
    for _ in 0..4 {
        let page = running.get(&next).await.json();
        next = page["@odata.nextLink"].as_str().unwrap().to_owned();
    }
    running.faults(&["foreign-nextlink"]);
    let page = running.get(&path).await.json();
    assert!(page["@odata.nextLink"].as_str().unwrap().contains("example.invalid"));
}

#[tokio::test]
async fn where_nobody_is_nobody_signs_in() {
    for settings in [quiet(), Settings { users: 0, ..logged(1000) }] {
        let running = start(settings).await;
        assert!(running.all(BETA).await.is_empty());
        let truth = running.control.sign_ins(at("2026-02-01T00:00:00Z"), noon());
        assert_eq!((truth.interactive.rows, truth.oldest), (0, None));
    }
}

#[tokio::test]
async fn the_figures_are_had_over_http_too() {
    let running = start(logged(1000)).await;
    let (from, to) = ("2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z");
    let path = format!("/-/sign-ins?from={from}&to={to}");
    let truth = running.ask("GET", &path, "", "").await.json();
    let expected = running.control.sign_ins(at(from), at(to));
    assert_eq!(truth, serde_json::to_value(expected).unwrap());
    assert_eq!(running.ask("GET", "/-/sign-ins", "", "").await.status, 400);
}
