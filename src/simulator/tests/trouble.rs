//! Each fault does what it says, where it says, and leaves no trace when it is mended.

use super::*;

#[tokio::test]
async fn throttling_says_when_to_come_back_in_every_way_it_is_said() {
    let running = start(quiet()).await;
    for (fault, header) in [
        ("throttle", Some("10")),
        ("throttle=3", Some("3")),
        ("throttle=2.128", Some("2.128")),
        ("throttle=date", Some("Mon, 02 Mar 2026 12:00:10 GMT")),
        ("throttle=none", None),
    ] {
        running.faults(&[fault]);
        let reply = running.get("/organization").await;
        assert_eq!(reply.status, 429);
        assert_eq!(reply.headers.get("retry-after").map(String::as_str), header, "{fault}");
        assert_eq!(running.token(&[]).await.status, 200);
    }
    running.faults(&["throttle@/oauth2"]);
    assert_eq!(running.token(&[]).await.status, 429);
    assert_eq!(running.get("/organization").await.status, 200);
}

#[tokio::test]
async fn tokens_are_refused_for_the_reason_asked_for() {
    let running = start(quiet()).await;
    for (fault, status, code) in [
        ("expired-secret", 401, 7_000_222),
        ("wrong-secret", 401, 7_000_215),
        ("consent", 400, 65_001),
        ("app-disabled", 400, 7_000_112),
        ("conditional-access", 400, 53_003),
        ("server-error", 503, 90_033),
    ] {
        running.faults(&[fault]);
        let reply = running.token(&[]).await;
        assert_eq!(
            (reply.status, &reply.json()["error_codes"][0]),
            (status, &code.into()),
            "{fault}"
        );
    }
    running.faults(&[]);
    assert_eq!(running.token(&[]).await.status, 200);
}

#[tokio::test]
async fn what_is_forbidden_is_forbidden_by_path() {
    let running = start(quiet()).await;
    running.faults(&["forbidden=/users"]);
    let reply = running.get(USERS).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "Authorization_RequestDenied"));
    assert_eq!(running.get(REPORT).await.status, 200);
}

#[tokio::test]
async fn without_a_licence_reports_are_refused_and_the_plans_are_gone() {
    let running = start(quiet()).await;
    running.faults(&["unlicensed"]);
    for path in [REPORT, "/users?$select=signInActivity"] {
        let reply = running.get(path).await;
        assert_eq!(reply.status, 403);
        assert_eq!(reply.code(), "Authentication_RequestFromNonPremiumTenantOrB2CTenant");
    }
    assert_eq!(running.get(USERS).await.status, 200);
    assert!(!running.control.truth().premium);
    running.faults(&[]);
    assert!(running.control.truth().premium);
}

#[tokio::test]
async fn bodies_are_spoiled_where_asked() {
    let running = start(quiet()).await;
    running.faults(&["truncate@/users"]);
    let cut = running.get(USERS).await;
    assert!(cut.status == 200 && !cut.whole && !cut.body.is_empty());
    running.faults(&["reset@/users"]);
    assert!(!running.get(USERS).await.whole);
    running.faults(&["malformed@/users"]);
    let broken = running.get(USERS).await;
    assert!(broken.whole && serde_json::from_slice::<Value>(&broken.body).is_err());
    running.faults(&["html@/users"]);
    let page = running.get(USERS).await;
    assert!(page.headers["content-type"].starts_with("text/html") && page.body.starts_with(b"<!"));
    running.faults(&["slow=1"]);
    assert_eq!(running.get(USERS).await.status, 200);
    for fault in ["truncate@/users", "reset@/users", "malformed@/users", "html@/users"] {
        running.faults(&[fault]);
        let reply = running.get("/organization").await;
        assert!(reply.whole && reply.json()["value"].is_array(), "{fault}");
    }
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_truncation_is_not() {
    let running = start(quiet()).await;
    for (fault, reset) in [("reset", true), ("truncate", false)] {
        running.faults(&[fault]);
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let ask = format!(
            "GET /graph/v1.0/users?$top=999 HTTP/1.1\r\nHost: h\r\n\
             Authorization: Bearer {}\r\n\r\n",
            running.bearer
        );
        stream.write_all(ask.as_bytes()).await.unwrap();
        let ended = stream.read_to_end(&mut Vec::new()).await;
        let kind = ended.map_err(|error| error.kind()).err();
        assert_eq!(kind, reset.then_some(io::ErrorKind::ConnectionReset), "{fault}");
    }
}

#[tokio::test]
async fn the_first_rows_of_a_list_are_bad_across_pages() {
    let running = start(quiet()).await;
    running.faults(&["malformed-rows=7@/users"]);
    let rows = running.all(&format!("{USERS}&$top=5")).await;
    let good = |row: &&Value| row["id"].is_string() && row["accountEnabled"].is_boolean();
    assert_eq!((rows.len(), rows.iter().filter(good).count()), (240, 233));
    assert!(rows[7..].iter().all(|row| good(&row)));
}

#[tokio::test]
async fn lists_lead_astray_or_never_end() {
    let running = start(quiet()).await;
    running.faults(&["foreign-nextlink"]);
    let page = running.get(USERS).await.json();
    assert!(
        page["@odata.nextLink"].as_str().unwrap().starts_with("https://graph.example.invalid/")
    );

    running.faults(&["endless-paging"]);
    let mut link = format!("{USERS}&$top=100");
    let mut links = Vec::new();
    for place in 0..9 {
        let page = running.get(&link).await.json();
        let rows = page["value"].as_array().unwrap().len();
        assert_eq!(rows, [100, 100, 40].get(place).copied().unwrap_or(0));
        link = page["@odata.nextLink"].as_str().unwrap().to_owned();
        assert!(!links.contains(&link), "{link} came twice");
        links.push(link.clone());
    }
    let registered = running.control.truth();
    let registered = registered.members + registered.guests;
    let (mut link, mut rows) = (format!("{REPORT}?$top=100"), 0);
    for _ in 0..6 {
        let page = running.get(&link).await.json();
        rows += page["value"].as_array().unwrap().len();
        link = page["@odata.nextLink"].as_str().unwrap().to_owned();
    }
    assert!(rows <= registered, "{rows} rows of {registered} accounts");
}

#[tokio::test]
async fn server_errors_come_at_their_rate_and_in_every_kind() {
    let running = start(quiet()).await;
    running.faults(&["server-error=0.5"]);
    let mut statuses = BTreeMap::<u16, usize>::new();
    for _ in 0..80 {
        *statuses.entry(running.get("/organization").await.status).or_default() += 1;
    }
    assert_eq!(statuses.keys().collect::<Vec<_>>(), [&200, &500, &502, &503]);
    assert!((25..55).contains(&statuses[&200]), "{statuses:?}");
}

#[tokio::test]
async fn every_token_is_refused_once() {
    let mut running = start(quiet()).await;
    running.faults(&["expired-token"]);
    assert_eq!(running.get(USERS).await.status, 401);
    assert_eq!(running.get(USERS).await.status, 200);
    running.renew(&[]).await;
    assert_eq!(running.get(USERS).await.code(), "InvalidAuthenticationToken");
}

#[tokio::test]
async fn what_may_be_null_is_null() {
    let running = start(quiet()).await;
    running.faults(&["null-everything"]);
    let user = &running.get(USERS).await.json()["value"][0];
    assert!(
        user["id"].is_string() && user["accountEnabled"].is_null() && user["userType"].is_null()
    );
    let row = &running.get(REPORT).await.json()["value"][0];
    assert!(row["isMfaRegistered"].is_boolean() && row["isAdmin"].is_null());
    assert!(running.get("/organization").await.json()["value"][0]["displayName"].is_null());
    assert!(running.get(POLICY).await.json()["isEnabled"].is_boolean());
}

#[tokio::test]
async fn faults_meet_every_list() {
    let running = start(quiet()).await;
    let staff = group(&running, "All staff").await;
    let members = format!("/groups/{staff}/transitiveMembers");
    let paths = [
        POLICIES,
        LOCATIONS,
        ACTIVE,
        ELIGIBLE,
        "/directoryRoles",
        "/groups",
        "/policies/authenticationStrengthPolicies",
        "/policies/crossTenantAccessPolicy/partners",
        &members,
    ];
    for path in paths {
        running.faults(&["malformed-rows=2"]);
        let rows = running.get(path).await.json()["value"].clone();
        assert!(rows[0]["id"].as_str().is_none() && rows[1]["id"].as_str().is_none(), "{path}");
        running.faults(&[&format!("forbidden={path}")]);
        assert_eq!(running.get(path).await.status, 403, "{path}");
        running.faults(&["endless-paging"]);
        let mut link = path.to_owned();
        for _ in 0..5 {
            let page = running.get(&link).await.json();
            link = page["@odata.nextLink"].as_str().unwrap().to_owned();
        }
        assert_eq!(running.get(&link).await.json()["value"], serde_json::json!([]), "{path}");
        running.faults(&["null-everything"]);
        let rows = running.get(path).await.json()["value"].clone();
        let shown = rows[0].as_object().unwrap();
        assert!(shown.values().any(Value::is_null), "{path}");
        running.faults(&[]);
        assert_eq!(running.get(path).await.status, 200, "{path}");
    }
}
