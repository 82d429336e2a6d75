//! Partner Center: whom it lets in, how it says no, and what it tells.

use serde_json::json;

use super::*;

const FRAUD: &str = "fraudEvents";
const ROUTES: [&str; 7] = [
    FRAUD,
    "nonMfaCompliantPartnerPrincipals",
    "partnerRequests",
    "applicationmfaadoptionstatus",
    "customers/usagerecords",
    "relationships?relationship_type=IsIndirectCloudSolutionProviderOf",
    "profiles/legalbusiness",
];
const NEW: &str = "X-NewEventsModel: true\r\n";

impl Running {
    async fn visit(&self, path: &str, headers: &str) -> Reply {
        let path = path.strip_prefix("/v1").unwrap_or(path).trim_start_matches('/');
        let headers = format!("Authorization: Bearer {}\r\n{headers}", self.bearer);
        self.ask("GET", &format!("/partnercenter/v1/{path}"), &headers, "").await
    }
}

async fn visitor(settings: Settings) -> Running {
    let mut running = start(settings).await;
    running.become_person(true, PARTNER_CENTER).await;
    running
}

fn refused(reply: &Reply) -> (u16, u64) {
    let body = reply.json();
    assert!(body["description"].is_string() && body["source"] == "PartnerFD", "{body}");
    (reply.status, body["code"].as_u64().unwrap())
}

#[tokio::test]
async fn every_route_wants_a_person_who_did_mfa() {
    let mut running = visitor(quiet()).await;
    for route in ROUTES {
        assert_eq!(running.visit(route, "").await.status, 200, "{route}");
    }
    running.become_person(false, PARTNER_CENTER).await;
    for route in ROUTES {
        let reply = running.visit(route, "").await;
        assert_eq!(refused(&reply), (401, 900_421), "{route}");
        assert_eq!(reply.headers["www-authenticate"], "Bearer error=\"invalid_token\"");
    }
    running.faults(&["mfa-unenforced"]);
    assert_eq!(running.visit(FRAUD, "").await.status, 200);
    running.faults(&[]);
    running.renew(&[("scope", "https://api.partnercenter.microsoft.com/.default")]).await;
    for route in ROUTES {
        assert_eq!(refused(&running.visit(route, "").await), (403, 900_329), "{route}");
    }
    running.become_person(true, GRAPH).await;
    assert_eq!(refused(&running.visit(FRAUD, "").await), (401, 900_420));
    assert_eq!(
        refused(&running.ask("GET", "/partnercenter/v1/fraudEvents", "", "").await),
        (401, 800_001)
    );
    running.become_person(true, PARTNER_CENTER).await;
    running.control.turn(Duration::from_secs(3600));
    assert_eq!(refused(&running.visit(FRAUD, "").await), (401, 400));
}

#[tokio::test]
async fn it_refuses_for_the_reason_asked_for() {
    let running = visitor(quiet()).await;
    for (fault, expected) in [
        ("refusal=agreement", (403, 900_124)),
        ("refusal=programme", (403, 900_149)),
        ("refusal=role", (403, 2_032)),
        ("refusal=mfa", (401, 900_421)),
        ("forbidden=/fraudEvents", (403, 2_032)),
        ("expired-token", (401, 400)),
    ] {
        let mut running = visitor(quiet()).await;
        running.faults(&[fault]);
        running.become_person(true, PARTNER_CENTER).await;
        assert_eq!(refused(&running.visit(FRAUD, "").await), expected, "{fault}");
    }
    for settings in
        [Settings { partner: false, ..quiet() }, Settings { indirect_reseller: true, ..quiet() }]
    {
        let other = visitor(settings).await;
        assert_eq!(refused(&other.visit(FRAUD, "").await), (403, 900_149));
    }
    assert_eq!(refused(&running.visit("nothing", "").await), (404, 3_000));
    let headers = format!("Authorization: Bearer {}\r\n", running.bearer);
    assert_eq!(
        running.ask("POST", "/partnercenter/v1/fraudEvents", &headers, "").await.status,
        405
    );
    running.faults(&["server-error"]);
    assert!(running.visit(FRAUD, "").await.status >= 500);
}

#[tokio::test]
async fn what_stands_in_front_says_when_to_come_back() {
    let running = visitor(quiet()).await;
    running.faults(&["throttle=57"]);
    let reply = running.visit(FRAUD, "").await;
    assert_eq!((reply.status, reply.headers["retry-after"].as_str()), (429, "57"));
    let expected =
        json!({ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 57 seconds." });
    assert_eq!(reply.json(), expected);
    let strict = visitor(Settings { enforce_throttles: true, ..quiet() }).await;
    strict.control.turn(Duration::from_secs(3));
    for _ in 0..500 {
        assert_eq!(strict.visit("profiles/legalbusiness", "").await.status, 200);
    }
    let reply = strict.visit(FRAUD, "").await;
    assert_eq!((reply.status, reply.headers["retry-after"].as_str()), (429, "60"));
    strict.control.turn(Duration::from_secs(60));
    assert_eq!(strict.visit(FRAUD, "").await.status, 200);
}

#[tokio::test]
async fn ids_come_back_and_the_self_test_says_what_the_token_shows() {
    let mut running = visitor(quiet()).await;
    let ids = "MS-RequestId: 11111111-2222-4333-8444-555555555555\r\n\
               MS-CorrelationId: 22222222-3333-4444-8555-666666666666\r\n";
    let reply = running.visit("profiles/legalbusiness", ids).await;
    assert_eq!(reply.headers["ms-requestid"], "11111111-2222-4333-8444-555555555555");
    assert_eq!(reply.headers["ms-correlationid"], "22222222-3333-4444-8555-666666666666");
    assert!(reply.headers.contains_key("ms-cv") && !reply.headers.contains_key("ismfacompliant"));
    let test = "ValidateMfa: true\r\n";
    let reply = running.visit("profiles/legalbusiness", test).await;
    assert_eq!(reply.headers["ismfacompliant"], "true");
    assert_eq!(reply.json()["profileType"], "LegalBusinessProfile");
    running.faults(&["validate-mfa-silent"]);
    let reply = running.visit("profiles/legalbusiness", test).await;
    assert!(reply.status == 200 && !reply.headers.contains_key("ismfacompliant"));
    for (fault, status) in [("slow=1", 401), ("mfa-unenforced", 200)] {
        running.become_person(false, PARTNER_CENTER).await;
        running.faults(&[fault]);
        let reply = running.visit("profiles/legalbusiness", test).await;
        assert_eq!((reply.status, reply.headers["ismfacompliant"].as_str()), (status, "false"));
    }
    // A grant with MFA whose tokens do not say so.
    running.faults(&["mfa-missing"]);
    running.become_person(true, PARTNER_CENTER).await;
    assert_eq!(running.visit("profiles/legalbusiness", test).await.status, 401);
}

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

#[tokio::test]
async fn budgets_are_missing_spent_and_overspent() {
    let running = visitor(quiet()).await;
    let body = running.visit("customers/usagerecords", "").await.json();
    let rows = body["items"].as_array().unwrap();
    let truth = running.control.truth().customers;
    assert_eq!((rows.len(), truth.azure), (30, 30));
    let budgets = rows.iter().filter(|row| row["budget"]["amount"].is_number());
    assert_eq!((budgets.count(), truth.with_budget), (24, 24));
    assert_eq!(
        truth.budget_use,
        BTreeMap::from([("none", 6), ("lt80", 12), ("80to100", 6), ("gt100", 6)])
    );
    let over = rows.iter().filter(|row| row["percentUsed"].as_f64().unwrap() > 100.0);
    assert_eq!(over.count(), 6);
    assert!(rows.iter().all(|row| row["id"] == row["resourceId"] && row["name"].is_string()));
    assert!(rows.iter().any(|row| row["isUpgraded"] == false && row["currencyLocale"].is_string()));
    assert_eq!(rows[1]["lastModifiedDate"], "2026-03-02T12:00:00.0000000+00:00");
}

#[tokio::test]
async fn resellers_come_in_pages_that_need_the_link_and_the_header() {
    let running = visitor(quiet()).await;
    let first = ROUTES[5];
    let (mut names, mut pages, mut prefixed) = (Vec::new(), 0, 0);
    let (mut path, mut headers) = (first.to_owned(), String::new());
    loop {
        let body = running.visit(&path, &headers).await.json();
        let rows = body["items"].as_array().unwrap().clone();
        assert_eq!(body["totalCount"], json!(rows.len()));
        // One in the middle is empty, and not the last.
        assert_eq!(rows.is_empty(), pages == 1);
        names.extend(rows.into_iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        pages += 1;
        let next = &body["links"]["next"];
        let Some(uri) = next["uri"].as_str() else { break };
        assert!(uri.contains("seekOperation=Next"));
        prefixed += usize::from(uri.starts_with("/v1/"));
        let header = &next["headers"][0];
        assert_eq!(header["key"], "MS-ContinuationToken");
        if pages == 1 {
            // Without the header, or without the operation, it is the first page again.
            assert_eq!(running.visit(uri, "").await.json(), body);
            let alone = format!("MS-ContinuationToken: {}\r\n", header["value"].as_str().unwrap());
            assert_eq!(running.visit(first, &alone).await.json(), body);
        }
        path = uri.to_owned();
        headers = format!("MS-ContinuationToken: {}\r\n", header["value"].as_str().unwrap());
    }
    let truth = running.control.truth().partner_center;
    assert_eq!((pages, prefixed, names.len(), truth.resellers), (4, 1, 10, 10));
    assert_eq!((truth.resellers_signed, truth.resellers_unsigned), (6, 3));
    let (mut signed, mut unsigned, mut unknown) = (0, 0, 0);
    for id in &names {
        let reply =
            running.visit(&format!("compliance/csp/agreementstatus?tenantId={id}"), "").await;
        match reply.status {
            200 if reply.json()["isAgreementSigned"] == true => signed += 1,
            200 => unsigned += 1,
            _ => unknown += usize::from(refused(&reply) == (404, 3_000)),
        }
    }
    assert_eq!((signed, unsigned, unknown), (6, 3, 1));
    let by_mpn = running.visit("compliance/csp/agreementstatus?mpnid=4847383", "").await;
    assert_eq!(by_mpn.json()["isAgreementSigned"], true);
    assert_eq!(refused(&running.visit("compliance/csp/agreementstatus", "").await), (400, 2_000));
    assert_eq!(refused(&running.visit("relationships", "").await), (400, 2_000));
    let other =
        running.visit("relationships?relationship_type=IsIndirectResellerOf", "").await.json();
    assert_eq!((&other["items"], other.get("links")), (&json!([]), None));
    let bad = running.visit(&path, "MS-ContinuationToken: garbage\r\n").await;
    assert_eq!(refused(&bad), (400, 2_000));
}

#[tokio::test]
async fn without_customers_there_are_no_resellers_and_no_budgets() {
    let running = visitor(Settings { customers: 0, ..quiet() }).await;
    for route in [ROUTES[4], ROUTES[5]] {
        let body = running.visit(route, "").await.json();
        assert_eq!((&body["items"], body.get("links")), (&json!([]), None), "{route}");
    }
    assert_eq!(running.visit(FRAUD, NEW).await.json(), json!([]));
}

#[tokio::test]
async fn faults_meet_every_list() {
    let running = visitor(quiet()).await;
    for route in ROUTES.into_iter().filter(|route| !route.starts_with("profiles")) {
        running.faults(&["malformed-rows=1"]);
        let text = String::from_utf8(running.visit(route, "").await.body).unwrap();
        let body: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        let rows = if body.is_array() { &body } else { &body["items"] };
        let garbled = |value: &Value| !value.is_string() || value == "perhaps";
        assert!(rows[0].as_object().unwrap().values().all(garbled), "{route}");
        running.faults(&["null-everything"]);
        let text = String::from_utf8(running.visit(route, "").await.body).unwrap();
        assert!(text.contains(":null"), "{route}");
        running.faults(&["html"]);
        assert!(running.visit(route, "").await.body.starts_with(b"<!"), "{route}");
    }
    running.faults(&["endless-paging"]);
    let mut headers = String::new();
    let mut path = ROUTES[5].to_owned();
    for _ in 0..9 {
        let body = running.visit(&path, &headers).await.json();
        let next = &body["links"]["next"];
        path = next["uri"].as_str().unwrap().to_owned();
        let token = next["headers"][0]["value"].as_str().unwrap();
        headers = format!("MS-ContinuationToken: {token}\r\n");
    }
    running.faults(&["foreign-nextlink"]);
    let body = running.visit(ROUTES[5], "").await.json();
    assert!(body["links"]["next"]["uri"].as_str().unwrap().contains("example.invalid"));
}
