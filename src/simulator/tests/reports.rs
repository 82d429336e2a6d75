//! Reports lie elsewhere, are given once, and to nobody who shows a token.

use super::*;

/// Where the report lies, as a path.
async fn place(running: &Running) -> String {
    let reply = running.get(OUTLOOK).await;
    assert_eq!(reply.status, 302, "{}", String::from_utf8_lossy(&reply.body));
    let base = format!("http://{}", running.address);
    reply.headers["location"].strip_prefix(&base).unwrap().to_owned()
}

#[tokio::test]
async fn a_report_is_fetched_once_and_without_a_token() {
    let running = start(quiet()).await;
    let place = place(&running).await;
    assert!(place.starts_with("/download/"), "{place}");
    let bearer = format!("Authorization: Bearer {}\r\n", running.bearer);
    assert_eq!(running.ask("GET", &place, &bearer, "").await.status, 400);
    assert_eq!(running.ask("POST", &place, "", "").await.status, 400);
    assert_eq!(running.ask("GET", "/download/guessed", "", "").await.status, 404);
    let reply = running.ask("GET", &place, "", "").await;
    assert_eq!(reply.status, 200);
    let text = String::from_utf8(reply.body).unwrap();
    let lines: Vec<_> = text.split("\r\n").collect();
    let outlook = running.control.truth().outlook;
    assert!(["2007", "2010", "2013"].iter().all(|version| outlook[version] > 0), "{outlook:?}");
    assert_eq!(
        lines,
        [
            "\u{feff}Report Refresh Date,Outlook 2016,Outlook 2013,Outlook 2010,Outlook 2007,\
             Undetermined,Report Period,Outlook M365,Outlook 2019",
            &format!(
                "2026-02-28,{},{},{},{},{},30,{},{}",
                outlook["2016"],
                outlook["2013"],
                outlook["2010"],
                outlook["2007"],
                outlook["undetermined"],
                outlook["m365"],
                outlook["2019"]
            ),
            ""
        ]
    );
    assert_eq!(running.ask("GET", &place, "", "").await.status, 404, "it is given once");
}

#[tokio::test]
async fn a_report_of_nobody_has_no_row_and_strange_questions_are_refused() {
    let running = start(Settings { users: 9, ..quiet() }).await;
    let reply = running.ask("GET", &place(&running).await, "", "").await;
    assert!(reply.body.ends_with(b"Outlook 2019\r\n"));
    for path in [
        "/reports/getEmailAppUsageVersionsUserCounts",
        "/reports/getEmailAppUsageVersionsUserCounts(period='D31')",
        &format!("{OUTLOOK}?$top=5"),
    ] {
        assert_eq!(running.get(path).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn what_goes_wrong_goes_wrong_at_either_place() {
    let running = start(quiet()).await;
    running.faults(&["foreign-redirect"]);
    let away = running.get(OUTLOOK).await;
    assert_eq!(away.headers["location"], "http://reports.elsewhere.example/report");
    running.faults(&["second-redirect"]);
    let again = running.ask("GET", &place(&running).await, "", "").await;
    assert_eq!(again.status, 302);
    assert!(again.headers["location"].contains("/download/again/"));
    for (fault, status) in [
        ("throttle=3@/download/", 429),
        ("server-error@/download/", 503),
        ("forbidden=/download/", 403),
        ("html@/download/", 200),
    ] {
        running.faults(&[fault]);
        let reply = running.ask("GET", &place(&running).await, "", "").await;
        assert_eq!(reply.status, status, "{fault}");
    }
    running.faults(&["truncate@/download/"]);
    assert!(!running.ask("GET", &place(&running).await, "", "").await.whole);
    running.faults(&["throttle@/reports/"]);
    assert_eq!(running.get(OUTLOOK).await.status, 429);
    let said = |fault: &'static str| {
        let running = &running;
        async move {
            running.faults(&[fault]);
            let reply = running.ask("GET", &place(running).await, "", "").await;
            String::from_utf8(reply.body).unwrap()
        }
    };
    assert!(said("malformed-rows=1").await.contains(",many,"));
    assert!(said("null-everything").await.ends_with(",,,,,,30,,\r\n"));
}
