//! The records of what was done in Partner Center.

use std::collections::BTreeSet;

use super::customers::{application, items};
use super::partner_center::refused;
use super::*;

fn day(text: &str) -> Timestamp {
    format!("{text}T00:00:00Z").parse().unwrap()
}

/// Operations by status, each record once.
fn tally(rows: &[&Value]) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut seen = BTreeSet::new();
    let mut tally = BTreeMap::<_, BTreeMap<_, _>>::new();
    for row in rows {
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        let key = ["operationDate", "operationType", "customerId", "resourceNewValue"].map(text);
        if seen.insert(key) {
            let statuses = tally.entry(text("operationType")).or_default();
            *statuses.entry(text("operationStatus")).or_default() += 1;
        }
    }
    tally
}

fn told(running: &Running, from: &str, end: &str) -> BTreeMap<String, BTreeMap<String, usize>> {
    let figures = running.control.audit(day(from), day(end));
    serde_json::from_value(serde_json::to_value(figures).unwrap()).unwrap()
}

#[tokio::test]
async fn records_are_kept_for_90_days_and_shown_for_30_unless_more_is_asked_for() {
    let running = application(quiet()).await;
    let all = running.turned("auditrecords?startDate=2025-12-02&endDate=2026-03-02").await;
    assert_eq!(tally(&items(&all)), told(&running, "2025-12-02", "2026-03-03"));
    let usual = running.turned("auditrecords").await;
    assert_eq!(tally(&items(&usual)), told(&running, "2026-01-31", "2026-03-03"));
    let one = running.turned("auditrecords?startDate=2026-02-10&endDate=2026-02-10").await;
    assert_eq!(tally(&items(&one)), told(&running, "2026-02-10", "2026-02-11"));
    for wrong in [
        "startDate=2025-12-01",
        "startDate=2026-03-02&endDate=2026-03-01",
        "startDate=3/2/2026",
        "size=0",
        "size=501",
    ] {
        let reply = running.visit(&format!("auditrecords?{wrong}"), "").await;
        assert_eq!(refused(&reply), (400, 2_000), "{wrong}");
    }
    // Nothing that is yet to come.
    let noon = noon().to_string();
    assert!(items(&all).iter().all(|row| *row["operationDate"].as_str().unwrap() <= *noon));
}

#[tokio::test]
async fn pages_overlap_and_one_in_the_middle_is_empty() {
    let running = application(quiet()).await;
    let path = "auditrecords?startDate=2025-12-02";
    let whole = running.turned(path).await;
    let pages = running.turned(&format!("{path}&size=100")).await;
    let (all, again) = (items(&whole), items(&pages));
    assert_eq!(pages[1]["totalCount"], 0);
    // The whole is of three pages itself, for the same reason.
    assert_eq!((whole.len(), again.len() - all.len()), (3, pages.len() - 3));
    assert_eq!(tally(&again), tally(&all));
    let uri = pages[0]["links"]["next"]["uri"].as_str().unwrap();
    assert_eq!(uri, "/auditrecords?startDate=2025-12-02&size=100&seekOperation=Next");
    // Some have no id; the others have each their own.
    let ids: Vec<_> = all.iter().filter_map(|row| row["id"].as_str()).collect();
    assert!(ids.len() < all.len() && ids.len() * 2 > all.len());
    assert!(ids.iter().collect::<BTreeSet<_>>().len() >= ids.len() - 1);
    let dates: Vec<_> = all.iter().map(|row| row["operationDate"].as_str().unwrap()).collect();
    assert!(dates.iter().map(|date| &date[..10]).is_sorted_by(|one, other| one >= other));
    assert!(dates.iter().any(|date| date.len() == 20) && dates.iter().any(|d| d.len() == 28));
    let statuses: BTreeSet<_> =
        all.iter().map(|row| row["operationStatus"].as_str().unwrap()).collect();
    assert_eq!(statuses, BTreeSet::from(["succeeded", "failed", "progress", "decline"]));
}

#[tokio::test]
async fn what_was_granted_and_taken_back_lately_left_its_record() {
    let running = application(quiet()).await;
    let pages = running.turned("auditrecords?startDate=2025-12-02").await;
    let customers = |operation: &str| {
        let of = |row: &&&Value| {
            row["operationType"] == operation && row["operationStatus"] == "succeeded"
        };
        let rows = items(&pages);
        let ids = rows.iter().filter(of).map(|row| row["customerId"].as_str().unwrap().to_owned());
        ids.collect::<BTreeSet<String>>()
    };
    let dap = running.control.truth().dap;
    let lately = dap.started.iter().filter(|(_, started)| **started >= day("2025-12-02"));
    let lately: BTreeSet<_> = lately.map(|(id, _)| id.clone()).collect();
    assert_eq!(customers("dap_admin_relationship_approved"), lately);
    assert_eq!(lately.len(), 5);
    assert_eq!(customers("dap_admin_relationship_terminated").len(), 2);
    assert_eq!(customers("dap_admin_relationship_terminated_by_microsoft").len(), 2);
}

#[tokio::test]
async fn what_the_hand_does_leaves_its_record_and_the_past_stays_as_it_was() {
    let running = application(quiet()).await;
    let before = told(&running, "2025-12-02", "2026-03-03");
    running.control.turn(Duration::from_secs(60));
    running.control.grant_dap(3);
    running.control.remove_dap(2);
    let id = running.control.add_customer();
    assert_eq!(running.visit(&format!("customers/{id}"), "").await.status, 200);
    assert_eq!(running.control.truth().customers.tenants, 41);
    assert_eq!(running.control.remove_customer(), Some(id.clone()));
    assert_eq!(running.visit(&format!("customers/{id}"), "").await.status, 404);
    assert_ne!(running.control.add_customer(), id);
    let dap = running.control.truth().dap;
    assert_eq!(dap.granted_ids.len(), 22 + 3 - 2);
    assert_eq!(dap.inactivity["new"], 2 + 3);
    let now = "2026-03-02T12:01:00Z".parse().unwrap();
    let end = "2026-03-02T12:01:01Z".parse().unwrap();
    let done = running.control.audit(now, end);
    let count = |operation| done[operation]["succeeded"];
    assert_eq!(count("dap_admin_relationship_approved"), 3);
    assert_eq!(count("dap_admin_relationship_terminated"), 2);
    assert_eq!(count("add_customer"), 2);
    assert_eq!(count("remove_partner_customer_relationship"), 1);
    let rows = running.turned("auditrecords?startDate=2026-03-02&endDate=2026-03-02").await;
    assert_eq!(tally(&items(&rows)), told(&running, "2026-03-02", "2026-03-03"));
    assert_eq!(told(&running, "2025-12-02", "2026-03-02"), {
        let again = application(quiet()).await;
        told(&again, "2025-12-02", "2026-03-02")
    });
    assert_ne!(told(&running, "2025-12-02", "2026-03-03"), before);
}

#[tokio::test]
async fn records_are_found_by_customer_and_by_resource() {
    let running = application(quiet()).await;
    let rows = running.turned("auditrecords?startDate=2025-12-02").await;
    let id = items(&rows).iter().find_map(|row| row["customerId"].as_str()).unwrap().to_owned();
    let name = items(&rows).iter().find_map(|row| row["customerName"].as_str()).unwrap().to_owned();
    for (field, operator, value, of) in [
        ("CustomerId", "equals", id.as_str(), "customerId"),
        ("ResourceType", "equals", "partner_customer_dap", "resourceType"),
        ("CompanyName", "substring", name.as_str(), "customerName"),
    ] {
        let filter = serde_json::json!({ "Field": field, "Value": value, "Operator": operator });
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", &filter.to_string())
            .finish();
        let path = format!("auditrecords?startDate=2025-12-02&{query}");
        let found = running.turned(&path).await;
        let expected = items(&rows).into_iter().filter(|row| row[of] == value).count();
        assert!(expected > 0 && items(&found).iter().all(|row| row[of] == value), "{field}");
        assert_eq!(items(&found).len(), expected, "{field}");
    }
    let reply = running.visit("auditrecords?filter=%7B%7D", "").await;
    assert_eq!(refused(&reply), (400, 2_000));
}

#[tokio::test]
async fn a_moving_world_burns_down() {
    let running = start(quiet()).await;
    let count = || running.control.truth().dap.granted_ids.len();
    let before = count();
    for _ in 0..24 {
        running.control.step();
    }
    assert_eq!(count(), before - 2);
}
