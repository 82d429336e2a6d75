//! Partner Center: whom it lets in, how it says no, and what it tells.

use serde_json::json;

use super::*;

pub(super) const FRAUD: &str = "fraudEvents";
const ROUTES: [&str; 7] = [
    FRAUD,
    "nonMfaCompliantPartnerPrincipals",
    "partnerRequests",
    "applicationmfaadoptionstatus",
    "customers/usagerecords",
    "relationships?relationship_type=IsIndirectCloudSolutionProviderOf",
    "profiles/legalbusiness",
];
pub(super) const NEW: &str = "X-NewEventsModel: true\r\n";

impl Running {
    pub(super) async fn visit(&self, path: &str, headers: &str) -> Reply {
        let path = path.strip_prefix("/v1").unwrap_or(path).trim_start_matches('/');
        let headers = format!("Authorization: Bearer {}\r\n{headers}", self.bearer);
        self.ask("GET", &format!("/partnercenter/v1/{path}"), &headers, "").await
    }
}

pub(super) async fn visitor(settings: Settings) -> Running {
    let mut running = start(settings).await;
    running.become_person(true, PARTNER_CENTER).await;
    running
}

pub(super) fn refused(reply: &Reply) -> (u16, u64) {
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
        // Microsoft tells the two apart elsewhere.
        let mut other = other;
        other.renew(&[]).await;
        let kind = other.get("/organization").await.json()["value"][0]["partnerTenantType"].clone();
        let reseller = other.control.lock().settings.indirect_reseller;
        let expected = reseller.then_some("valueAddedResellerPartnerDelegatedAdmin");
        assert_eq!(kind.as_str(), expected);
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
    assert_eq!((&other["items"], other["links"].get("next")), (&json!([]), None));
    let bad = running.visit(&path, "MS-ContinuationToken: garbage\r\n").await;
    assert_eq!(refused(&bad), (400, 2_000));
}

#[tokio::test]
async fn without_customers_there_are_no_resellers_and_no_budgets() {
    let running = visitor(Settings { customers: 0, ..quiet() }).await;
    for route in [ROUTES[4], ROUTES[5]] {
        let body = running.visit(route, "").await.json();
        assert_eq!((&body["items"], body["links"].get("next")), (&json!([]), None), "{route}");
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
