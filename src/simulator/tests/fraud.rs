//! Alerts about fraud, from when they are raised until they are resolved, as Graph shows them.

use serde_json::json;

use super::*;

const ALERTS: &str = "/graph/beta/security/partner/securityAlerts";
const MINING: &str = "networkConnectionsToCryptoMiningPools";
const HOUR: Duration = Duration::from_secs(3600);

async fn watch(settings: Settings) -> Running {
    let mut running = start(settings).await;
    running.become_person(true, GRAPH).await;
    running
}

fn is_test(row: &Value) -> bool {
    row["isTest"] == true
}

#[tokio::test]
async fn only_a_person_who_did_mfa_reads_alerts() {
    let mut running = watch(quiet()).await;
    assert_eq!(running.get(ALERTS).await.status, 200);
    let old = running.get("/graph/v1.0/security/partner/securityAlerts").await;
    assert_eq!((old.status, old.code().as_str()), (400, "BadRequest"));
    assert!(String::from_utf8_lossy(&old.body).contains("segment 'partner'"));
    assert_eq!(running.get(USERS).await.code(), "Authorization_RequestDenied");
    assert_eq!(running.get("/graph/beta/security/partner/nothing").await.status, 400);
    assert_eq!(running.get(&format!("{ALERTS}?$top=5")).await.status, 400);

    running.become_person(false, GRAPH).await;
    let refused = running.get(ALERTS).await;
    assert_eq!(
        (refused.status, &refused.json()["Error"]["Code"]),
        (403, &json!("Unauthorized_MissingMFA"))
    );
    let mut settings = quiet();
    settings.granted.push("PartnerSecurity.Read.All".to_owned());
    let app = start(settings).await;
    assert_eq!(app.get(ALERTS).await.json()["Error"]["Code"], "Unauthorized_MissingMFA");
    running.become_person(true, PARTNER_CENTER).await;
    assert_eq!(running.get(ALERTS).await.status, 401);
    let ordinary = watch(Settings { partner: false, ..quiet() }).await;
    assert_eq!(ordinary.get(ALERTS).await.status, 403);
    running.become_person(true, GRAPH).await;
    running.faults(&["forbidden=/securityAlerts"]);
    assert_eq!(running.get(ALERTS).await.status, 403);
}

#[tokio::test]
async fn the_list_agrees_with_the_truth_and_shows_every_odd_spelling() {
    let running = watch(quiet()).await;
    let (rows, truth) = (running.all(ALERTS).await, running.control.truth().fraud);
    let open = |row: &&Value| row["status"] != "resolved" && !is_test(row);
    assert_eq!(rows.iter().filter(open).count(), truth.open_total());
    assert_eq!((truth.open_total(), truth.tests), (13, 2));
    for severity in ["informational", "low", "medium", "high", "unknown"] {
        let word = if severity == "unknown" { "unknownFutureValue" } else { severity };
        let shown = rows.iter().filter(open).filter(|row| row["severity"] == word);
        let (mut active, mut investigating) = (0, 0);
        for row in shown {
            *(if row["status"] == "active" { &mut active } else { &mut investigating }) += 1;
        }
        let all = truth.open.values().filter_map(|kinds| kinds.get(severity));
        let all = all.fold((0, 0), |sum, one| (sum.0 + one.active, sum.1 + one.investigating));
        assert_eq!((active, investigating), all, "{severity}");
    }
    assert_eq!(truth.open_of(MINING, "high"), Open { active: 3, investigating: 0 });
    assert_eq!(truth.open_of("confidentialComputeAnomaly", "low").investigating, 1);
    // The oldest was detected 34 days ago, and a few seconds.
    let age = noon().duration_since(truth.oldest_unanswered["high"]).as_secs();
    assert!((34 * 86_400..34 * 86_400 + 60).contains(&age));
    assert_eq!(truth.oldest_open["high"], truth.oldest_unanswered["high"]);
    assert!(truth.oldest_open["low"] < truth.oldest_unanswered["low"]);

    let stray =
        rows.iter().filter(|row| row["status"] == "active" && row["resolvedReason"] == "fraud");
    assert_eq!(stray.count(), 1);
    let flags = rows.iter().filter(|row| row["isTest"] == "false").count();
    assert_eq!((flags, rows.iter().filter(|row| is_test(row)).count()), (1, 4));
    let silent = |row: &&Value| row["status"] == "resolved" && row["activityLogs"] == json!([]);
    assert_eq!(rows.iter().filter(silent).count(), 1);
    let detected = rows[0]["detectedDateTime"].as_str().unwrap();
    assert!(
        detected.ends_with('Z') && detected.split('.').nth(1).unwrap().len() == 8,
        "{detected}"
    );
    // Of one kind, the id is put together from two.
    let long = |row: &&Value| row["alertType"] == "usageAnomalyDetection";
    assert!(rows.iter().filter(long).all(|row| row["id"].as_str().unwrap().len() == 73));
}

#[tokio::test]
async fn answers_are_counted_by_how_long_they_took() {
    let running = watch(quiet()).await;
    let truth = running.control.truth().fraud;
    // Twenty-four are history, three to each of eight times; six more are being looked into.
    assert_eq!(
        truth.answered,
        BTreeMap::from([("lt1h", 6 + 2), ("1to12h", 9 + 2), ("12to24h", 6 + 1), ("gt24h", 3 + 1),])
    );
    assert_eq!((truth.unanswered, truth.resolved.values().sum::<usize>()), (6, 24));
    assert_eq!(
        truth.resolved,
        BTreeMap::from([("fraud", 5), ("ignore", 9), ("legitimate", 10), ("unknown", 0),])
    );
    let rows = running.all(ALERTS).await;
    let seconds = |row: &Value, field: &str| {
        row[field].as_str().and_then(|text| text.parse::<Timestamp>().ok()).map(|at| at.as_second())
    };
    let now = noon().as_second();
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for row in rows.iter().filter(|row| !is_test(row)) {
        let detected = seconds(row, "detectedDateTime").unwrap();
        if now - detected > 30 * 86_400 {
            continue;
        }
        let log = seconds(&row["activityLogs"][0], "updatedDateTime");
        let end = seconds(row, "resolvedOnDateTime").filter(|_| row["status"] == "resolved");
        own.push((log.or(end).unwrap_or(now) - detected) as f64);
        theirs.extend(log.or(end).map(|answered| (answered - detected) as f64));
    }
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    assert!((mean(&own) - truth.average_seconds.unwrap()).abs() < 1.0);
    assert!((mean(&theirs) / 3600.0 - truth.microsoft_hours).abs() < 0.01);
}

#[tokio::test]
async fn an_alert_is_raised_looked_into_and_resolved() {
    let mut running = watch(quiet()).await;
    let before = running.control.truth().fraud;
    let id = running.control.raise_alert("high", MINING);
    let alert = format!("{ALERTS}/{id}");
    let shown = running.get(&alert).await.json();
    assert_eq!((&shown["status"], &shown["severity"]), (&json!("active"), &json!("high")));
    assert_eq!(shown["detectedDateTime"], "2026-03-02T12:00:00.0000000Z");
    assert_eq!(running.get(ALERTS).await.json()["value"][0]["id"], json!(id));
    assert_eq!(running.control.truth().fraud.open_of(MINING, "high").active, 4);
    running.control.turn(HOUR);
    running.become_person(true, GRAPH).await;
    assert!(running.control.investigate(&id) && !running.control.investigate(&id));
    let shown = running.get(&alert).await.json();
    assert_eq!(shown["activityLogs"][0]["updatedDateTime"], "2026-03-02T13:00:00.0000000Z");
    assert_eq!(
        (&shown["status"], &shown["resolvedReason"]),
        (&json!("investigating"), &Value::Null)
    );
    running.control.turn(HOUR);
    running.become_person(true, GRAPH).await;
    assert!(running.control.resolve(&id, "fraud") && !running.control.resolve(&id, "fraud"));
    let shown = running.get(&alert).await.json();
    assert_eq!((&shown["status"], &shown["resolvedReason"]), (&json!("resolved"), &json!("fraud")));
    assert_eq!(shown["activityLogs"].as_array().unwrap().len(), 2);
    let after = running.control.truth().fraud;
    assert_eq!(after.resolved["fraud"], before.resolved["fraud"] + 1);
    // Within an hour is less than an hour.
    assert_eq!(after.answered["1to12h"], before.answered["1to12h"] + 1);
    assert_eq!(running.get(&format!("{ALERTS}/none")).await.status, 404);
}

#[tokio::test]
async fn the_same_is_done_over_http() {
    let running = watch(quiet()).await;
    let say = async |path: &str, body: &str| {
        let reply = running.ask("POST", &format!("/-/alerts/{path}"), "", body).await;
        (reply.status, String::from_utf8(reply.body).unwrap().trim().to_owned())
    };
    let (status, id) = say("raise", "medium usageAnomalyDetection").await;
    assert_eq!(status, 200);
    assert_eq!(say("investigate", &id).await, (200, "ok".to_owned()));
    assert_eq!(say("investigate", &id).await.0, 404);
    assert_eq!(say("resolve", &format!("{id} legitimate")).await.0, 200);
    assert_eq!(say("resolve", &id).await.0, 400);
    assert_eq!(say("dismiss", &id).await.0, 400);
    let shown = running.get(&format!("{ALERTS}/{id}")).await.json();
    assert_eq!(shown["resolvedReason"], "legitimate");
}

#[tokio::test]
async fn alerts_come_and_go_while_the_world_moves_and_never_pile_up() {
    let running = start(quiet()).await;
    let mut said = String::new();
    for _ in 0..400 {
        running.control.turn(Duration::from_secs(4));
        said.push_str(&running.control.step());
    }
    for what in ["was raised", "is being looked into", "was resolved as"] {
        assert!(said.contains(what), "{what}");
    }
    let alerts = running.control.lock().alerts.iter().count();
    assert!(running.control.truth().fraud.open_total() <= 31 && alerts <= 500);
    for _ in 0..480 {
        running.control.raise_alert("low", MINING);
    }
    assert_eq!(running.control.lock().alerts.iter().count(), 500);
}

#[tokio::test]
async fn without_customers_there_is_only_what_is_raised() {
    let running = watch(Settings { customers: 0, ..quiet() }).await;
    assert_eq!(running.all(ALERTS).await.len(), 0);
    let truth = running.control.truth().fraud;
    assert_eq!((truth.open_total(), truth.average_seconds, truth.microsoft_hours), (0, None, 0.0));
    for _ in 0..50 {
        running.control.step();
    }
    assert_eq!(running.control.truth().fraud.open_total(), 0);
    running.control.raise_alert("high", MINING);
    assert_eq!(running.all(ALERTS).await.len(), 1);
}

#[tokio::test]
async fn faults_meet_alerts_too() {
    let running = watch(quiet()).await;
    let many = running.all(ALERTS).await.len();
    running.faults(&["malformed-rows=25"]);
    let rows = running.all(ALERTS).await;
    let good = |row: &&Value| row["id"].is_string() && row["status"].is_string();
    assert_eq!((rows.len(), rows.iter().filter(good).count()), (many, many - 25));
    running.faults(&["null-everything"]);
    let row = running.get(ALERTS).await.json()["value"][0].clone();
    assert!(row["id"].is_string() && row["customerTenantId"].is_null());
    running.faults(&["foreign-nextlink"]);
    let page = running.get(ALERTS).await.json();
    assert!(page["@odata.nextLink"].as_str().unwrap().contains("example.invalid"));
    running.faults(&["throttle=57"]);
    assert_eq!(running.get(ALERTS).await.headers["retry-after"], "57");
}
