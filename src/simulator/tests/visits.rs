//! Who reached Partner Center, and whether with MFA.

use serde_json::json;

use super::partner_center::visitor;
use super::*;

#[tokio::test]
async fn people_without_mfa_are_named_once_or_more() {
    let running = visitor(quiet()).await;
    let body = running.visit("nonMfaCompliantPartnerPrincipals", "").await.json();
    let rows = body["items"].as_array().unwrap();
    let truth = running.control.truth().partner_center;
    assert_eq!((rows.len(), truth.portal_people.len()), (3, 2));
    assert_eq!(
        (&body["totalCount"], &body["attributes"]["objectType"]),
        (&json!(3), &json!("Collection"))
    );
    assert_eq!(rows[0]["objectId"], json!(truth.portal_people[0]));
    assert_eq!(
        (&rows[2]["objectId"], &rows[1]["objectId"]),
        (&rows[0]["objectId"], &json!(truth.portal_people[1]))
    );
    assert_eq!(rows[0]["lastNonMfaCompliantRequestDateTime"], "2026-03-01T16:00:00");
    assert!(rows[2]["lastNonMfaCompliantLoginDateTime"].is_string());
    assert_eq!(truth.portal_last.unwrap().to_string(), "2026-03-01T16:00:00Z");
    let clean = visitor(Settings { portal_without_mfa: 0, ..quiet() }).await;
    let body = clean.visit("nonMfaCompliantPartnerPrincipals", "").await.json();
    assert_eq!(
        (&body["items"], clean.control.truth().partner_center.portal_last),
        (&json!([]), None)
    );
}

#[tokio::test]
async fn requests_are_shown_by_application_and_ten_thousand_at_most() {
    let running = visitor(quiet()).await;
    let body = running.visit("partnerRequests", "").await.json();
    let rows = body["items"].as_array().unwrap();
    let truth = running.control.truth().partner_center;
    let mut counted = BTreeMap::<String, (usize, usize)>::new();
    for row in rows {
        let counts = counted.entry(row["applicationId"].as_str().unwrap().to_owned()).or_default();
        *(if row["mfaCompliant"] == true { &mut counts.0 } else { &mut counts.1 }) += 1;
    }
    let expected =
        truth.requests.iter().map(|(id, one)| (id.clone(), (one.with_mfa, one.without_mfa)));
    assert_eq!(counted, expected.collect());
    assert_eq!((rows.len(), counted.len()), (400, 3));
    assert_eq!(counted.values().map(|(_, without)| without).sum::<usize>(), 50);
    assert_eq!(truth.request_people.len(), 2);
    let uses =
        |what: fn(&Requests) -> bool| truth.requests.values().filter(|one| what(one)).count();
    assert_eq!((uses(|one| one.invoicing), uses(|one| one.provisioning)), (1, 1));
    assert!(rows[0]["ipAddress"].is_string() && rows[1]["sourceIpAddress"].is_string());
    let oldest = rows[399]["requestDateTime"].as_str().unwrap();
    assert!(oldest.starts_with("2026-02-23T12:"), "{oldest}");
    let busy = visitor(Settings { partner_requests: 12_000, ..quiet() }).await;
    let body = busy.visit("partnerRequests", "").await.json();
    assert_eq!(body["items"].as_array().unwrap().len(), 10_000);
}

#[tokio::test]
async fn adoption_is_a_bare_array_behind_a_byte_order_mark() {
    let running = visitor(quiet()).await;
    let reply = running.visit("applicationmfaadoptionstatus", "").await;
    let body = reply.body.strip_prefix("\u{feff}".as_bytes()).unwrap();
    let rows: Vec<Value> = serde_json::from_slice(body).unwrap();
    let mut counted = BTreeMap::<String, (u64, u64)>::new();
    for row in &rows {
        let counts = counted.entry(row["applicationId"].as_str().unwrap().to_owned()).or_default();
        counts.0 += row["mfaCompliantRequestCount"].as_u64().unwrap();
        counts.1 += row["totalRequestCount"].as_u64().unwrap();
    }
    let truth = running.control.truth().partner_center;
    assert_eq!((rows.len(), &counted), (28, &truth.adoption));
    let full = counted.values().filter(|(with, all)| with == all && *all > 0).count();
    let idle = counted.values().filter(|(_, all)| *all == 0).count();
    assert_eq!((counted.len(), full, idle), (4, 2, 1));
    assert_eq!(rows[0]["loginDate"], "2026-03-02");
    assert!(rows.iter().any(|row| row["applicationName"] == ""));
    // Who makes requests is among them.
    assert!(truth.requests.keys().all(|id| counted.contains_key(id)));
}
