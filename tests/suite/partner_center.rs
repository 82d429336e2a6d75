//! How Partner Center is asked, over a real socket: its pages, its headers, its lists by number.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use partnercenter_exporter::client::{Api, Ask, Client, FetchError, Identities, Meters};
use partnercenter_exporter::clock::Clock;
use partnercenter_exporter::oauth::Tokens;
use partnercenter_exporter::sources::{
    Facts, FraudEvents, IndirectResellers, Rows, SecurityAlerts, Source,
};
use partnercenter_exporter::telemetry::Telemetry;
use partnercenter_exporter::transport::Transport;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::harness::{TOKEN, beginning, run, settings};

static CUSTOMERS: Ask = Ask::partner_center("/v1/customers?size=1", &[("validatemfa", "true")]);

/// A Partner Center that answers from a list, the last of it for ever, and keeps what it was asked.
struct Service {
    client: Client,
    clock: Clock,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service {
    async fn answering(answers: Vec<(u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answers) = (Arc::clone(&asked), Mutex::new(VecDeque::from(answers)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &log, &answers).await;
            }
        });
        let clock = Clock::driven(beginning());
        Self { client: client(address, &clock), clock, asked }
    }

    /// The heads of all questions.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The paths of all questions.
    fn paths(&self) -> Vec<String> {
        self.asked().iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect()
    }

    /// Waits for what is asked while the clock turns.
    async fn turning<T>(&self, asking: impl Future<Output = T>) -> T {
        let mut asking = std::pin::pin!(asking);
        loop {
            match tokio::time::timeout(Duration::from_millis(2), &mut asking).await {
                Ok(answer) => return answer,
                Err(_) => self.clock.turn(Duration::from_millis(500)),
            }
        }
    }

    async fn fetch<S: Source>(&self) -> Result<Rows<S>, FetchError> {
        self.turning(S::fetch(&self.client, &Facts::unread(beginning()))).await
    }
}

/// Answers one request; tokens are had without being counted.
async fn serve(
    mut stream: TcpStream,
    asked: &Mutex<Vec<String>>,
    answers: &Mutex<VecDeque<(u16, Value)>>,
) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&chunk[..read]),
        }
    }
    let head = String::from_utf8(request).unwrap();
    let (status, body) = if head.lines().next().unwrap().contains(TOKEN) {
        (200, json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": "canned" }))
    } else {
        asked.lock().unwrap().push(head);
        let mut answers = answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
    };
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nAuthorization: Bearer planted\r\n\
         MS-ContinuationToken: planted\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A client of a tenant whose Partner Center has a path of its own.
fn client(address: SocketAddr, clock: &Clock) -> Client {
    let yaml = format!(
        "tenants:\n  - name: contoso\n    tenant_id: 11111111-2222-4333-8444-555555555555\n    \
         credential: {{ client_id: 21111111-2222-4333-8444-555555555555, client_secret_env: S }}\n    \
         pace: unlimited\n    endpoints: {{ login: 'http://{address}', \
         graph: 'http://{address}/graph', partner_center: 'http://{address}/pc', dap: 'http://{address}/dap' }}\n"
    );
    let mut settings = settings(&yaml);
    let mut tenant = settings.tenants.remove(0);
    tenant.client.limits.pages = 8;
    let transport = Transport::new(&settings.transport).unwrap();
    let tokens = Tokens::new(tenant.oauth, transport.clone(), clock.clone(), Arc::new(|_| {}));
    let identities = Identities { application: tokens.clone(), app_user: Some(tokens) };
    let telemetry = Telemetry::new();
    let meter = |api: Api| telemetry.api("contoso", api.as_str(), &FetchError::REASONS);
    let (graph, dap) = (meter(Api::Graph), meter(Api::Dap));
    let meters = Meters { graph, partner_center: meter(Api::PartnerCenter), dap };
    let in_flight = Arc::new(Semaphore::new(4));
    Client::new(tenant.client, transport, identities, clock.clone(), meters, in_flight)
}

/// The one value of a header.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut values = head.lines().filter_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then_some(value.trim())
    });
    let value = values.next();
    assert_eq!(values.next(), None, "{name} stands twice in\n{head}");
    value
}

/// A page that goes on at `uri`, with a token beside it and a header that is none of its business.
fn page(rows: u64, uri: &str, token: &str) -> (u16, Value) {
    let headers = json!([
        { "key": "Authorization", "value": "Bearer planted" },
        { "key": "MS-ContinuationToken", "value": token },
    ]);
    let items: Vec<_> = (0..rows).map(|n| json!({ "id": n })).collect();
    let links = json!({ "next": { "uri": uri, "method": "GET", "headers": headers } });
    (200, json!({ "totalCount": rows, "items": items, "links": links }))
}

#[test]
fn a_link_is_followed_with_the_version_and_without_and_its_token_is_sent_along() {
    run(async {
        let service = Service::answering(vec![
            page(2, "/customers?size=1&seekOperation=Next", "AA=="),
            page(0, "/v1/customers?size=1&seekOperation=Next", "BB=="),
            (200, json!({ "totalCount": 1, "items": [{ "id": 9 }] })),
        ])
        .await;
        let mut rows = Vec::new();
        let list = service.client.list(&CUSTOMERS, |row: Value| rows.push(row));
        let tally = service.turning(list).await.unwrap();
        assert_eq!((tally.accepted, rows.len()), (3, 3));
        let next = "/pc/v1/customers?size=1&seekOperation=Next";
        assert_eq!(service.paths(), ["/pc/v1/customers?size=1", next, next]);
        let asked = service.asked();
        let tokens: Vec<_> =
            asked.iter().map(|head| header(head, "MS-ContinuationToken")).collect();
        assert_eq!(tokens, [None, Some("AA=="), Some("BB==")]);
        for head in &asked {
            assert_eq!(header(head, "Authorization"), Some("Bearer canned"), "{head}");
            assert_eq!(header(head, "ValidateMfa"), Some("true"), "{head}");
            assert_eq!(header(head, "MS-Contract-Version"), Some("v1"), "{head}");
            assert!(header(head, "MS-RequestId").is_some_and(|id| id.len() == 36), "{head}");
        }
    });
}

#[test]
fn a_list_that_repeats_ends_at_a_bound() {
    run(async {
        let next = "/customers?size=1&seekOperation=Next";
        let again = Service::answering(vec![page(1, next, "AA==")]).await;
        let list = again.client.list(&CUSTOMERS, |_: Value| {});
        let error = again.turning(list).await.unwrap_err();
        assert_eq!(error.reason(), "limit");
        assert_eq!(again.paths().len(), 2, "the second page leads to itself");

        let pages = (0..100).map(|number| page(1, next, &number.to_string())).collect();
        let anew = Service::answering(pages).await;
        let list = anew.client.list(&CUSTOMERS, |_: Value| {});
        assert_eq!(anew.turning(list).await.unwrap_err().reason(), "limit");
        assert_eq!(anew.paths().len(), 8);
    });
}

#[test]
fn a_link_to_another_host_is_not_followed() {
    run(async {
        for uri in ["https://elsewhere.example/v1/customers", "//elsewhere.example/v1/customers"] {
            let service = Service::answering(vec![page(1, uri, "AA==")]).await;
            let list = service.client.list(&CUSTOMERS, |_: Value| {});
            let error = service.turning(list).await.unwrap_err();
            assert_eq!(error.reason(), "foreign_link", "{uri}");
        }
    });
}

#[test]
fn a_question_that_is_asked_again_is_known_by_its_id() {
    run(async {
        let service = Service::answering(vec![
            (503, json!({})),
            (429, json!({ "statusCode": 429, "message": "slower" })),
            page(1, "/customers?size=1&seekOperation=Next", "AA=="),
            (200, json!({ "items": [] })),
        ])
        .await;
        let list = service.client.list(&CUSTOMERS, |_: Value| {});
        service.turning(list).await.unwrap();
        let asked = service.asked();
        let ids =
            |name| -> Vec<_> { asked.iter().map(|head| header(head, name).unwrap()).collect() };
        let (requests, correlations) = (ids("MS-RequestId"), ids("MS-CorrelationId"));
        assert_eq!([requests[1], requests[2]], [requests[0]; 2], "the same question");
        assert_ne!(requests[3], requests[0], "the next page is another");
        for (place, id) in correlations.iter().enumerate() {
            assert!(!correlations[..place].contains(id), "{correlations:?}");
        }
    });
}

fn event(id: &str) -> Value {
    json!({ "eventId": id, "eventTime": "2026-11-24T10:00:00", "eventStatus": "Active" })
}

fn events(from: u32, to: u32) -> (u16, Value) {
    (200, (from..to).map(|id| event(&id.to_string())).collect())
}

#[test]
fn fraud_events_are_asked_for_page_by_page_until_one_brings_nothing_new() {
    let bad = json!({ "eventId": "bad" });
    let cases = [
        // The last page is short, and an empty one follows.
        (vec![events(0, 500), events(500, 510), (200, json!([]))], 510, 0, 3),
        // Pages are smaller than was asked for.
        (vec![events(0, 100), events(100, 200), (200, json!([]))], 200, 0, 3),
        // Page numbers are passed over.
        (vec![events(0, 700)], 700, 0, 2),
        // A page behind the last is refused.
        (vec![events(0, 3), (400, json!({ "code": 2000 }))], 3, 0, 2),
        // An alert moves onto the next page meanwhile, and one row is bad.
        (
            vec![events(0, 500), (200, json!([event("499"), event("500"), bad])), (200, json!([]))],
            501,
            1,
            3,
        ),
        (vec![(200, json!([]))], 0, 0, 1),
        // Bad rows are counted once, however often they come.
        (vec![(200, json!([event("1"), bad]))], 1, 1, 2),
    ];
    for (answers, count, rejected, asked) in cases {
        run(async {
            let service = Service::answering(answers).await;
            let rows = service.fetch::<FraudEvents>().await.unwrap();
            assert_eq!(rows.source.alerts.unwrap().len(), count);
            assert_eq!((rows.rejected, rows.source.rejected), (rejected, rejected));
            let paths = service.paths();
            assert_eq!(paths.len(), asked);
            for (place, path) in paths.iter().enumerate() {
                let number = place + 1;
                assert_eq!(*path, format!("/pc/v1/fraudEvents?PageSize=500&PageNumber={number}"));
            }
            let model = |head: &String| header(head, "X-NewEventsModel") == Some("true");
            assert!(service.asked().iter().all(model));
        });
    }
}

#[test]
fn a_list_of_fraud_events_that_is_no_longer_offered_is_told_from_an_empty_one() {
    run(async {
        for status in [404, 410] {
            let service = Service::answering(vec![(status, json!({}))]).await;
            assert!(service.fetch::<FraudEvents>().await.unwrap().source.alerts.is_none());
        }
        for (answers, reason) in [
            (vec![(403, json!({ "code": 900_329 }))], "permission"),
            (vec![(401, json!({ "code": 900_421 }))], "mfa"),
            // A full page, and then nothing to be had: there may be more.
            (vec![events(0, 500), (404, json!({}))], "not_found"),
        ] {
            let service = Service::answering(answers).await;
            assert_eq!(service.fetch::<FraudEvents>().await.unwrap_err().reason(), reason);
        }
    });
}

#[test]
fn a_list_of_alerts_of_which_every_row_is_bad_is_no_empty_list() {
    run(async {
        let bad = json!({ "eventId": "bad" });
        let service = Service::answering(vec![(200, json!([bad, bad]))]).await;
        let error = service.fetch::<FraudEvents>().await.unwrap_err();
        assert!(error.reason() == "malformed" && error.to_string().contains('2'), "{error}");
        assert_eq!(service.paths().len(), 1);
        let bad = json!({ "id": 7 });
        let service = Service::answering(vec![(200, json!({ "value": [bad, bad] }))]).await;
        let error = service.fetch::<SecurityAlerts>().await.unwrap_err();
        assert!(error.reason() == "malformed" && error.to_string().contains('2'), "{error}");
    });
}

#[test]
fn the_good_alerts_are_shown_however_many_are_bad() {
    run(async {
        let alert = json!({ "id": "a", "detectedDateTime": "2026-11-24T10:00:00Z" });
        for bad in [1, 30] {
            let mut rows = vec![json!({ "id": 7 }); bad];
            rows.push(alert.clone());
            let service = Service::answering(vec![(200, json!({ "value": rows }))]).await;
            let rows = service.fetch::<SecurityAlerts>().await.unwrap();
            assert_eq!(rows.source.alerts.len(), 1);
            assert_eq!(rows.source.rejected, bad as u64);
        }
    });
}

#[test]
fn each_reseller_is_asked_about_and_one_that_fails_is_unknown() {
    run(async {
        let reseller = |id: u32| format!("b0c0ffee-0000-4000-8000-00000000000{id}");
        let items: Vec<_> = (1..5).map(|id| json!({ "id": reseller(id), "name": "r" })).collect();
        let service = Service::answering(vec![
            (200, json!({ "totalCount": 4, "items": items })),
            (200, json!({ "isAgreementSigned": true })),
            (403, json!({ "code": 900_123 })),
            (404, json!({ "code": 60_003 })),
            (200, json!({ "isAgreementSigned": false })),
        ])
        .await;
        let rows = service.fetch::<IndirectResellers>().await.unwrap();
        let signed: Vec<_> =
            rows.source.resellers.iter().map(|reseller| reseller.is_agreement_signed).collect();
        assert_eq!(signed, [Some(true), Some(false), None, Some(false)]);
        let paths = service.paths();
        let relationships =
            "/pc/v1/relationships?relationship_type=IsIndirectCloudSolutionProviderOf";
        assert_eq!(paths[0], relationships);
        let agreement = "/pc/v1/compliance/csp/agreementstatus?tenantId=";
        assert_eq!(paths[1], format!("{agreement}{}", reseller(1)));
        assert_eq!(paths.len(), 5);
    });
}

#[test]
fn one_reseller_over_whom_microsoft_stumbles_is_unknown_and_several_are_a_failure() {
    run(async {
        let reseller =
            |id: u32| json!({ "id": format!("b0c0ffee-0000-4000-8000-00000000000{id}") });
        let list = (200, json!({ "items": (1..5).map(reseller).collect::<Vec<_>>() }));
        let (broken, signed) = ((500, json!({})), (200, json!({ "isAgreementSigned": true })));
        // Each question is asked five times before it is given up.
        let mut answers = vec![list.clone()];
        answers.extend(vec![broken.clone(); 5]);
        answers.push(signed);
        let service = Service::answering(answers).await;
        let resellers = service.fetch::<IndirectResellers>().await.unwrap().source.resellers;
        let known = resellers.iter().filter(|it| it.is_agreement_signed == Some(true)).count();
        assert_eq!((resellers.len(), known), (4, 3));

        let service = Service::answering(vec![list, broken]).await;
        let error = service.fetch::<IndirectResellers>().await.unwrap_err();
        assert_eq!(error.reason(), "server_error");
    });
}

#[test]
fn the_documented_page_that_goes_on_goes_on() {
    let Some(folder) = std::env::var_os("PARTNERCENTER_SAMPLES") else { return };
    let file = std::path::PathBuf::from(folder)
        .join("partner-center/paging/collection-with-links-next.json");
    let body: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    run(async {
        let service = Service::answering(vec![(200, body), (200, json!({ "items": [] }))]).await;
        let list = service.client.list(&CUSTOMERS, |_: Value| {});
        assert_eq!(service.turning(list).await.unwrap().accepted, 2);
        let asked = service.asked();
        assert!(service.paths()[1].starts_with("/pc/v1/invoices/"), "{}", asked[1]);
        assert!(service.paths()[1].ends_with("&seekOperation=Next"), "{}", asked[1]);
        assert_eq!(header(&asked[1], "MS-ContinuationToken"), Some("AQAAAA=="));
    });
}
