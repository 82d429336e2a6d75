//! Alerts about fraud as Partner Center shows them, in either model.

use serde_json::json;

use super::partner_center::{FRAUD, NEW, refused, visitor};
use super::*;

#[tokio::test]
async fn fraud_events_come_in_two_models() {
    let running = visitor(quiet()).await;
    let (old, new) =
        (running.visit(FRAUD, "").await.json(), running.visit(FRAUD, NEW).await.json());
    let (old, new) = (old.as_array().unwrap(), new.as_array().unwrap());
    assert!(old.len() < new.len());
    assert!(old.iter().all(|row| row.get("severity").is_none() && row.get("IsTest").is_none()));
    assert!(old.iter().all(|row| row["firstObserved"] == "9999-12-31T23:59:59.9970000"));
    let truth = running.control.truth().fraud;
    let open =
        new.iter().filter(|row| row["eventStatus"] != "Resolved" && row["IsTest"] == "false");
    assert_eq!(open.clone().count(), truth.open_total());
    for row in open {
        assert_eq!((&row["resolvedReason"], &row["resolvedBy"]), (&json!("None"), &json!("")));
        assert_eq!(row["resolvedOn"], "9999-12-31T23:59:59.9970000");
    }
    let latest = &new[0];
    assert_eq!(latest["eventType"], "NetworkConnectionsToCryptoMiningPools");
    assert_eq!((&latest["severity"], &latest["hitCount"]), (&json!("High"), &json!("10")));
    let id = latest["eventId"].as_str().unwrap();
    let expected = format!(
        "{}_{}",
        latest["subscriptionId"].as_str().unwrap(),
        latest["entityId"].as_str().unwrap()
    );
    assert_eq!(id, expected);
    let time = latest["eventTime"].as_str().unwrap();
    assert!(time.starts_with("2026-03-02T11:") && !time.ends_with('Z'), "{time}");
    let resolved = new.iter().find(|row| {
        row["eventStatus"] == "Resolved"
            && row["activityLogs"].as_str().unwrap().contains("Investigating")
    });
    let logs = resolved.unwrap()["activityLogs"].as_str().unwrap();
    let logs: Value = serde_json::from_str(logs).unwrap();
    assert_eq!(
        (&logs[0]["statusFrom"], &logs[1]["statusTo"]),
        (&json!("Active"), &json!("Resolved"))
    );
    assert!(logs[0]["dateTime"].as_str().unwrap().ends_with("+05:30"), "{logs}");
    assert!(logs[0]["dateTime"].as_str().unwrap().parse::<Timestamp>().unwrap() < noon());
}

#[tokio::test]
async fn fraud_events_are_filtered_and_paged() {
    let running = visitor(quiet()).await;
    let rows = async |query: &str, headers: &str| {
        let reply = running.visit(&format!("fraudEvents?{query}"), headers).await;
        assert_eq!(reply.status, 200, "{query}");
        reply.json().as_array().unwrap().clone()
    };
    let all = rows("", NEW).await;
    let mut split = 0;
    for status in ["Active", "Investigating", "Resolved"] {
        let some = rows(&format!("EventStatus={status}"), NEW).await;
        assert!(some.iter().all(|row| row["eventStatus"] == status) && !some.is_empty());
        split += some.len();
    }
    assert_eq!(split, all.len());
    let mut paged = Vec::new();
    for page in 1.. {
        let some = rows(&format!("PageSize=20&PageNumber={page}"), NEW).await;
        if some.is_empty() {
            break;
        }
        paged.extend(some);
    }
    assert_eq!(paged, all);
    let subscription = all[0]["subscriptionId"].as_str().unwrap();
    let some = rows(&format!("SubscriptionId={subscription}"), "").await;
    assert!(some.iter().all(|row| row["subscriptionId"] == subscription));
    let kind = rows("EventType=UsageAnomalyDetection", NEW).await;
    assert!(!kind.is_empty() && kind.iter().all(|row| row["eventType"] == "UsageAnomalyDetection"));
    for (query, headers) in [
        ("EventStatus=Open", ""),
        ("PageSize=20&PageNumber=1", ""),
        ("EventType=UsageAnomalyDetection", ""),
        ("PageSize=20", NEW),
        ("PageSize=0&PageNumber=1", NEW),
        ("PageSize=20&PageNumber=0", NEW),
        ("PageSize=all&PageNumber=1", NEW),
    ] {
        let reply = running.visit(&format!("fraudEvents?{query}"), headers).await;
        assert_eq!(refused(&reply), (400, 2_000), "{query}");
        assert_eq!(reply.json()["data"], json!([]));
    }
}
