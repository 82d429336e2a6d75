//! Tokens against a token endpoint of the tests' own, the clock turned by hand.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::transport;

const GRAPH: &str = "https://graph.microsoft.com";
const GRANTED: &str = r#"{"token_type":"bearer","expires_in":"3599","access_token":"T1"}"#;

/// A token endpoint that answers from a list and keeps what it was asked.
struct Endpoint {
    url: Url,
    asked: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl Endpoint {
    async fn answering(answers: &[(u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers: VecDeque<_> =
            answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let answers = Arc::new(Mutex::new(answers));
        let (log, left) = (Arc::clone(&asked), Arc::clone(&answers));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let mut chunk = [0; 8192];
                loop {
                    let read = stream.read(&mut chunk).await.unwrap_or(0);
                    request.extend_from_slice(&chunk[..read]);
                    if read == 0 {
                        break;
                    }
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head.to_lowercase();
                    let length = length.split("content-length: ").nth(1).map_or(0, |rest| {
                        rest.lines().next().unwrap().trim().parse::<usize>().unwrap()
                    });
                    if body.len() >= length {
                        break;
                    }
                }
                if request.is_empty() {
                    continue;
                }
                log.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                let (status, body) = left.lock().unwrap().pop_front().expect("one more answer");
                let head = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nRetry-After: 3\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Self { url, asked, answers }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn answer(&self, status: u16, body: &str) {
        self.answers.lock().unwrap().push_back((status, body.to_owned()));
    }
}

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn with_secret() -> Credential {
    Credential::Secret { client_id: "app".to_owned(), secret: Secret::Value("planted".into()) }
}

/// Who the tests are, at this endpoint.
fn of(endpoint: &Endpoint) -> Settings {
    Settings {
        tenant_id: "tenant".to_owned(),
        login: endpoint.url.clone(),
        credential: with_secret(),
    }
}

fn way_out() -> Transport {
    Transport::new(&transport::Settings::default()).unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

struct Subject {
    tokens: Tokens,
    clock: Clock,
    seen: Arc<Mutex<Vec<Option<&'static str>>>>,
}

fn subject(endpoint: &Endpoint, credential: Credential) -> Subject {
    let clock = Clock::driven(now());
    let transport = way_out();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let watch: Watch = Arc::new(move |exchange: &Exchange<'_>| {
        log.lock().unwrap().push(exchange.outcome.err().map(TokenError::reason));
    });
    let settings =
        Settings { tenant_id: "tenant".to_owned(), login: endpoint.url.clone(), credential };
    Subject { tokens: Tokens::new(settings, transport, clock.clone(), watch), clock, seen }
}

/// Waits for an answer while the clock runs ahead as fast as anyone waits for it.
async fn hurried<T>(clock: &Clock, future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    loop {
        tokio::select! {
            biased;
            done = &mut future => return done,
            () = tokio::task::yield_now() => {
                if clock.waiting() > 0 {
                    clock.turn(Duration::from_millis(100));
                }
            }
        }
    }
}

fn form(request: &str) -> BTreeMap<String, String> {
    let body = request.split_once("\r\n\r\n").unwrap().1;
    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn a_secret_is_sent_as_documented_and_the_token_comes_back() {
    let endpoint = Endpoint::answering(&[(200, GRANTED)]).await;
    let subject = subject(&endpoint, with_secret());
    let bearer = subject.tokens.bearer(GRAPH).await.unwrap();
    assert_eq!(bearer.header(), "Bearer T1");
    assert!(bearer.header().is_sensitive());
    let asked = &endpoint.asked()[0];
    assert!(asked.starts_with("POST /tenant/oauth2/v2.0/token HTTP/1.1\r\n"), "{asked}");
    let form = form(asked);
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["client_id"], "app");
    assert_eq!(form["client_secret"], "planted");
    assert_eq!(form["scope"], "https://graph.microsoft.com/.default");
    assert_eq!(*subject.seen.lock().unwrap(), [None]);
}

#[tokio::test]
async fn a_token_is_kept_and_renewed_five_minutes_before_it_expires() {
    let endpoint = Endpoint::answering(&[(200, GRANTED)]).await;
    let Subject { tokens, clock, .. } = subject(&endpoint, with_secret());
    tokens.bearer(GRAPH).await.unwrap();
    clock.turn(Duration::from_secs(3599 - 301));
    assert_eq!(tokens.bearer(GRAPH).await.unwrap().header(), "Bearer T1");
    assert_eq!(endpoint.asked().len(), 1);
    clock.turn(Duration::from_secs(1));
    endpoint.answer(200, &GRANTED.replace("T1", "T2"));
    assert_eq!(tokens.bearer(GRAPH).await.unwrap().header(), "Bearer T2");
}

#[tokio::test]
async fn a_short_lived_token_is_renewed_at_half_its_life() {
    let endpoint = Endpoint::answering(&[(
        200,
        r#"{"token_type":"Bearer","expires_in":300,"access_token":"A"}"#,
    )])
    .await;
    let Subject { tokens, clock, .. } = subject(&endpoint, with_secret());
    tokens.bearer(GRAPH).await.unwrap();
    clock.turn(Duration::from_secs(149));
    tokens.bearer(GRAPH).await.unwrap();
    assert_eq!(endpoint.asked().len(), 1);
    clock.turn(Duration::from_secs(1));
    endpoint.answer(200, GRANTED);
    assert_eq!(tokens.bearer(GRAPH).await.unwrap().header(), "Bearer T1");
}

#[tokio::test]
async fn ten_callers_make_one_request_and_audiences_do_not_share() {
    let endpoint = Endpoint::answering(&[(200, GRANTED)]).await;
    let Subject { tokens, .. } = subject(&endpoint, with_secret());
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let tokens = tokens.clone();
            tokio::spawn(async move { tokens.bearer(GRAPH).await.unwrap().header() })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "Bearer T1");
    }
    assert_eq!(endpoint.asked().len(), 1);
    endpoint.answer(200, &GRANTED.replace("T1", "P1"));
    let other = tokens.bearer("https://api.partnercenter.microsoft.com").await.unwrap();
    assert_eq!(other.header(), "Bearer P1");
}

#[tokio::test]
async fn whoever_gives_up_waiting_leaves_the_others_a_token() {
    let endpoint = Endpoint::answering(&[(200, GRANTED), (200, GRANTED)]).await;
    let Subject { tokens, .. } = subject(&endpoint, with_secret());
    let mut gave_up = Box::pin(tokens.bearer(GRAPH));
    let polled =
        std::future::poll_fn(|context| std::task::Poll::Ready(gave_up.as_mut().poll(context)));
    assert!(polled.await.is_pending());
    drop(gave_up);
    assert_eq!(tokens.bearer(GRAPH).await.unwrap().header(), "Bearer T1");
}

#[tokio::test]
async fn an_old_token_serves_while_its_renewal_fails_and_not_a_moment_longer() {
    let endpoint = Endpoint::answering(&[(200, GRANTED)]).await;
    let Subject { tokens, clock, .. } = subject(&endpoint, with_secret());
    tokens.bearer(GRAPH).await.unwrap();
    clock.turn(Duration::from_secs(3400));
    endpoint.answer(401, r#"{"error":"invalid_client","error_codes":[7000222]}"#);
    assert_eq!(tokens.bearer(GRAPH).await.unwrap().header(), "Bearer T1");
    assert_eq!(
        tokens.bearer(GRAPH).await.unwrap().header(),
        "Bearer T1",
        "not pressed for a minute"
    );
    assert_eq!(endpoint.asked().len(), 2);
    assert_eq!(tokens.refusal(), None, "nobody was turned away");
    clock.turn(Duration::from_secs(199));
    endpoint.answer(401, r#"{"error":"invalid_client","error_codes":[7000222]}"#);
    assert_eq!(tokens.bearer(GRAPH).await.unwrap_err().reason(), "secret_expired");
    assert_eq!(tokens.refusal(), Some("secret_expired"));
}

#[tokio::test]
async fn a_refusal_is_remembered_for_a_minute_and_then_asked_again() {
    let refused = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret.","error_codes":[7000215],"trace_id":"t-1"}"#;
    let endpoint = Endpoint::answering(&[(401, refused), (200, GRANTED)]).await;
    let Subject { tokens, clock, seen } = subject(&endpoint, with_secret());
    for _ in 0..5 {
        let error = tokens.bearer(GRAPH).await.unwrap_err();
        assert_eq!((error.reason(), error.class()), ("secret_wrong", Class::Credential));
        assert_eq!(
            error.to_string(),
            "secret_wrong (HTTP 401 invalid_client, AADSTS7000215, trace id t-1)"
        );
    }
    assert_eq!(*seen.lock().unwrap(), [Some("secret_wrong")]);
    clock.turn(REFUSED);
    tokens.bearer(GRAPH).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [Some("secret_wrong"), None]);
}

#[tokio::test]
async fn what_may_pass_is_asked_again_after_the_time_told() {
    let endpoint = Endpoint::answering(&[(503, ""), (429, ""), (200, GRANTED)]).await;
    let Subject { tokens, clock, .. } = subject(&endpoint, with_secret());
    hurried(&clock, tokens.bearer(GRAPH)).await.unwrap();
    assert!(clock.uptime() >= Duration::from_secs(6), "Retry-After: 3, twice");
    let endpoint = Endpoint::answering(&[(500, ""), (500, ""), (500, "")]).await;
    let Subject { tokens, clock, .. } = subject(&endpoint, with_secret());
    let error = hurried(&clock, tokens.bearer(GRAPH)).await.unwrap_err();
    assert_eq!((error.reason(), endpoint.asked().len()), ("service_unavailable", 3));
}

#[tokio::test]
async fn what_may_pass_is_told_to_all_who_wait_and_microsoft_is_left_alone_for_a_while() {
    let endpoint = Endpoint::answering(&[(500, ""), (500, ""), (500, ""), (200, GRANTED)]).await;
    let Subject { tokens, clock, .. } = subject(&endpoint, with_secret());
    hurried(&clock, tokens.bearer(GRAPH)).await.unwrap_err();
    for _ in 0..5 {
        assert_eq!(tokens.bearer(GRAPH).await.unwrap_err().reason(), "service_unavailable");
    }
    assert_eq!(endpoint.asked().len(), 3, "the others were told, and did not ask");
    clock.turn(PASSING);
    tokens.bearer(GRAPH).await.unwrap();
}

#[tokio::test]
async fn a_refused_token_is_forgotten_and_its_successor_is_not() {
    let endpoint =
        Endpoint::answering(&[(200, GRANTED), (200, &GRANTED.replace("T1", "T2"))]).await;
    let Subject { tokens, .. } = subject(&endpoint, with_secret());
    let first = tokens.bearer(GRAPH).await.unwrap();
    tokens.forget(GRAPH, &first);
    assert_eq!(tokens.bearer(GRAPH).await.unwrap().header(), "Bearer T2");
    tokens.forget(GRAPH, &first);
    assert_eq!(tokens.bearer(GRAPH).await.unwrap().header(), "Bearer T2");
    assert_eq!(endpoint.asked().len(), 2);
}

#[tokio::test]
async fn tokens_that_are_all_refused_are_not_renewed_again_and_again() {
    let answer = |name: &str| (200, GRANTED.replace("T1", name));
    let answers = [answer("T1"), answer("T2"), answer("T3")];
    let answers: Vec<_> = answers.iter().map(|(status, body)| (*status, body.as_str())).collect();
    let endpoint = Endpoint::answering(&answers).await;
    let Subject { tokens, clock, .. } = subject(&endpoint, with_secret());
    for _ in 0..10 {
        let refused = tokens.bearer(GRAPH).await.unwrap();
        tokens.forget(GRAPH, &refused);
    }
    assert_eq!(endpoint.asked().len(), 2, "one fresh one is worth a try, a second is not");
    clock.turn(FUTILE);
    let refused = tokens.bearer(GRAPH).await.unwrap();
    tokens.forget(GRAPH, &refused);
    assert_eq!(tokens.bearer(GRAPH).await.unwrap().header(), "Bearer T3");
}

#[tokio::test]
async fn answers_that_are_none_are_told_apart_from_refusals() {
    let table = [
        (200, "<html>", "malformed_answer"),
        (200, "{}", "malformed_answer"),
        (200, r#"{"token_type":"mac","access_token":"a"}"#, "malformed_answer"),
        (200, r#"{"token_type":"Bearer","access_token":""}"#, "malformed_answer"),
        (200, r#"{"token_type":"Bearer","access_token":"a\nb"}"#, "malformed_answer"),
        (302, "", "malformed_answer"),
        (400, "<html>", "refused"),
        (
            400,
            r#"{"error":"invalid_grant","error_description":"AADSTS65001: jane@contoso.com"}"#,
            "consent_missing",
        ),
        (
            400,
            r#"{"error":"invalid_request","error_codes":[],"timestamp":"YYYY-MM-DD HH:MM:SSZ"}"#,
            "refused",
        ),
    ];
    for (status, body, reason) in table {
        let endpoint = Endpoint::answering(&[(status, body)]).await;
        let Subject { tokens, .. } = subject(&endpoint, with_secret());
        let error = tokens.bearer(GRAPH).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{status} {body}");
        assert!(!error.to_string().contains("jane"), "{error}");
    }
}

#[tokio::test]
async fn a_secrets_file_is_read_at_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "first\r\n").unwrap();
    let endpoint = Endpoint::answering(&[(200, GRANTED), (200, GRANTED)]).await;
    let secret = Secret::File(path.clone());
    let Subject { tokens, clock, .. } =
        subject(&endpoint, Credential::Secret { client_id: "app".to_owned(), secret });
    tokens.bearer(GRAPH).await.unwrap();
    std::fs::write(&path, "second").unwrap();
    clock.turn(Duration::from_secs(3600));
    tokens.bearer(GRAPH).await.unwrap();
    let sent: Vec<_> =
        endpoint.asked().iter().map(|asked| form(asked)["client_secret"].clone()).collect();
    assert_eq!(sent, ["first", "second"]);
    for (content, word) in [(Some(""), "empty"), (None, "No such file")] {
        match content {
            Some(content) => std::fs::write(&path, content).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        clock.turn(Duration::from_secs(3700));
        let error = tokens.bearer(GRAPH).await.unwrap_err();
        assert_eq!(error.reason(), "unreadable_file");
        let text = error.to_string();
        assert!(text.contains(word) && text.contains(&path.display().to_string()), "{text}");
    }
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_that_verifies() {
    for key in ["assertion.key.pem", "assertion.pkcs1.pem"] {
        let endpoint = Endpoint::answering(&[(200, GRANTED)]).await;
        let Subject { tokens, .. } = subject(
            &endpoint,
            Credential::Certificate {
                client_id: "app".to_owned(),
                certificate_file: fixture("assertion.crt.pem"),
                key_file: fixture(key),
            },
        );
        tokens.bearer(GRAPH).await.unwrap();
        let form = form(&endpoint.asked()[0]);
        assert_eq!(
            form["client_assertion_type"],
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        let parts: Vec<_> = form["client_assertion"].split('.').collect();
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        let header: Value = serde_json::from_slice(&decoded(parts[0])).unwrap();
        let claims: Value = serde_json::from_slice(&decoded(parts[1])).unwrap();
        assert_eq!((&header["alg"], &header["typ"]), (&"PS256".into(), &"JWT".into()));
        assert_eq!(decoded(header["x5t#S256"].as_str().unwrap()).len(), 32);
        assert_eq!(claims["aud"], format!("{}tenant/oauth2/v2.0/token", endpoint.url));
        assert_eq!((&claims["iss"], &claims["sub"]), (&"app".into(), &"app".into()));
        let at = now().as_second();
        assert_eq!((&claims["iat"], &claims["exp"]), (&at.into(), &(at + 600).into()));
        assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() == 36));
        let public = std::fs::read(fixture("assertion.pub.der")).unwrap();
        UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, public)
            .verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &decoded(parts[2]))
            .unwrap();
    }
}

#[tokio::test]
async fn files_that_are_no_certificate_or_key_are_named() {
    let table = [
        ("assertion.key.pem", "assertion.key.pem", "no CERTIFICATE block"),
        ("assertion.crt.pem", "assertion.crt.pem", "no PRIVATE KEY block"),
        ("assertion.crt.pem", "not-rsa.key.pem", "not an RSA key"),
        ("nowhere.pem", "assertion.key.pem", "No such file"),
    ];
    for (certificate, key, word) in table {
        let endpoint = Endpoint::answering(&[]).await;
        let Subject { tokens, .. } = subject(
            &endpoint,
            Credential::Certificate {
                client_id: "app".to_owned(),
                certificate_file: fixture(certificate),
                key_file: fixture(key),
            },
        );
        let error = tokens.bearer(GRAPH).await.unwrap_err();
        assert_eq!(error.reason(), "unreadable_file");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_federated_token_is_read_at_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "jwt-1\n").unwrap();
    let endpoint = Endpoint::answering(&[(200, GRANTED), (200, GRANTED)]).await;
    let credential =
        Credential::Federated { client_id: "app".to_owned(), token_file: token_file.clone() };
    let Subject { tokens, clock, .. } = subject(&endpoint, credential);
    tokens.bearer(GRAPH).await.unwrap();
    std::fs::write(&token_file, "jwt-2").unwrap();
    clock.turn(Duration::from_secs(3600));
    tokens.bearer(GRAPH).await.unwrap();
    let sent: Vec<_> =
        endpoint.asked().iter().map(|asked| form(asked)["client_assertion"].clone()).collect();
    assert_eq!(sent, ["jwt-1", "jwt-2"]);
}

#[tokio::test]
async fn the_metadata_service_is_asked_as_documented_and_again_while_it_is_updated() {
    let granted = r#"{"access_token":"M1","refresh_token":"","expires_in":"3599","expires_on":"1","token_type":"Bearer"}"#;
    let endpoint = Endpoint::answering(&[(410, ""), (404, ""), (200, granted)]).await;
    let host = ManagedIdentityHost::Imds { base: endpoint.url.clone() };
    let credential = Credential::ManagedIdentity { client_id: Some("mine".to_owned()), host };
    let Subject { tokens, clock, .. } = subject(&endpoint, credential);
    assert_eq!(hurried(&clock, tokens.bearer(GRAPH)).await.unwrap().header(), "Bearer M1");
    let asked = endpoint.asked().pop().unwrap();
    let line = "GET /metadata/identity/oauth2/token?api-version=2018-02-01&\
                resource=https%3A%2F%2Fgraph.microsoft.com&client_id=mine HTTP/1.1\r\n";
    assert!(asked.starts_with(line) && asked.contains("\r\nmetadata: true\r\n"), "{asked}");
    let endpoint = Endpoint::answering(&[(
        400,
        r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
    )])
    .await;
    let host = ManagedIdentityHost::Imds { base: endpoint.url.clone() };
    let Subject { tokens, .. } =
        subject(&endpoint, Credential::ManagedIdentity { client_id: None, host });
    assert_eq!(tokens.bearer(GRAPH).await.unwrap_err().reason(), "identity_unavailable");
}

#[tokio::test]
async fn app_service_tells_only_when_a_token_expires() {
    let expiry = now().as_second() + 1_000;
    let granted =
        format!(r#"{{"access_token":"A1","expires_on":"{expiry}","token_type":"Bearer"}}"#);
    let endpoint = Endpoint::answering(&[(200, &granted), (200, GRANTED)]).await;
    let host = ManagedIdentityHost::AppService {
        endpoint: endpoint.url.join("/msi/token").unwrap(),
        header: "planted".into(),
    };
    let Subject { tokens, clock, .. } =
        subject(&endpoint, Credential::ManagedIdentity { client_id: None, host });
    tokens.bearer(GRAPH).await.unwrap();
    let asked = &endpoint.asked()[0];
    assert!(asked.starts_with("GET /msi/token?api-version=2019-08-01&resource="), "{asked}");
    assert!(asked.contains("\r\nx-identity-header: planted\r\n"), "{asked}");
    clock.turn(Duration::from_secs(699));
    assert_eq!(tokens.bearer(GRAPH).await.unwrap().header(), "Bearer A1");
    clock.turn(Duration::from_secs(1));
    assert_eq!(tokens.bearer(GRAPH).await.unwrap().header(), "Bearer T1");
}

#[test]
fn nothing_of_this_room_prints_a_secret() {
    let url = Url::parse("http://127.0.0.1:1/").unwrap();
    let host = ManagedIdentityHost::AppService { endpoint: url.clone(), header: "planted".into() };
    let credentials = [
        with_secret(),
        Credential::ManagedIdentity { client_id: None, host },
        Credential::Secret {
            client_id: "app".to_owned(),
            secret: Secret::File("/run/secret".into()),
        },
    ];
    for credential in credentials {
        let settings = Settings { tenant_id: "t".to_owned(), login: url.clone(), credential };
        let printed = format!("{settings:?} {settings:#?}");
        assert!(!printed.contains("planted"), "{printed}");
    }
    let bearer = Bearer::new("planted").unwrap();
    assert_eq!(format!("{bearer:?} {:?}", bearer.header()), "… Sensitive");
}

/// A token for a person, as the authority gives it.
fn for_person(claims: &str, next: &str) -> String {
    let token = super::claims::tests::token(claims);
    format!(
        r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{token}","refresh_token":"{next}"}}"#
    )
}

/// Tokens of whoever has the grant `R1`, kept at this path.
fn of_person(endpoint: &Endpoint, path: &Path) -> (Grant, Tokens) {
    std::fs::write(path, "R1").unwrap();
    let clock = Clock::driven(now());
    let grant = Grant::kept(Store::File(TokenFile::new(path)), None, clock.clone()).unwrap();
    let settings = of(endpoint);
    let tokens = Tokens::of_person(settings, grant.clone(), way_out(), clock, Arc::new(|_| {}));
    (grant, tokens)
}

const MFA: &str = r#"{"amr":["pwd","mfa"],"tid":"tenant","wids":[]}"#;

#[tokio::test]
async fn a_person_s_token_rotates_the_grant_and_the_next_api_uses_what_came() {
    let endpoint =
        Endpoint::answering(&[(200, &for_person(MFA, "R2")), (200, &for_person(MFA, "R3"))]).await;
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("token");
    let (_, tokens) = of_person(&endpoint, &path);
    for audience in [GRAPH, "https://api.partnercenter.microsoft.com", GRAPH] {
        tokens.bearer(audience).await.unwrap();
    }
    let asked = endpoint.asked();
    assert_eq!(asked.len(), 2, "the third had a token already");
    assert!(
        asked[0].contains("grant_type=refresh_token&refresh_token=R1&scope=https%3A%2F%2Fgraph")
    );
    assert!(asked[0].contains("offline_access&client_id=app&client_secret=planted"));
    assert!(asked[1].contains("refresh_token=R2&scope=https%3A%2F%2Fapi.partnercenter"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "R3");
    let standing = tokens.grant().unwrap().standing();
    assert!(standing.claims.unwrap().is_mfa && standing.used == Some(now()));
}

#[tokio::test]
async fn whoever_consents_anew_is_acted_for_as_soon_as_it_is_seen() {
    let endpoint =
        Endpoint::answering(&[(200, &for_person(MFA, "R2")), (200, &for_person(MFA, "N2"))]).await;
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("token");
    let (grant, tokens) = of_person(&endpoint, &path);
    for _ in 0..2 {
        tokens.bearer(GRAPH).await.unwrap();
        grant.look().await.unwrap();
    }
    assert_eq!(endpoint.asked().len(), 1, "nobody consented, and what was had is used");
    std::fs::write(&path, "N1").unwrap();
    grant.look().await.unwrap();
    tokens.bearer(GRAPH).await.unwrap();
    assert!(endpoint.asked()[1].contains("refresh_token=N1"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "N2");
}

fn consent(endpoint: &Endpoint, clock: &Clock) -> Consent {
    let settings = of(endpoint);
    let audiences = Audiences {
        graph: GRAPH.to_owned(),
        partner_center: "https://api.partnercenter.microsoft.com".to_owned(),
    };
    let transport = way_out();
    Consent::new(settings, audiences, transport, clock.clone())
}

fn came_back(invitation: &Invitation, rest: &str) -> Url {
    let state = invitation.address.query_pairs().find(|(key, _)| key == "state").unwrap().1;
    Url::parse(&format!("http://localhost:1/?state={state}&{rest}")).unwrap()
}

#[tokio::test]
async fn a_sign_in_with_mfa_becomes_a_grant_and_proves_that_we_began_it() {
    let endpoint =
        Endpoint::answering(&[(200, &for_person(MFA, "R1")), (200, &for_person(MFA, "R2"))]).await;
    let consent = consent(&endpoint, &Clock::driven(now()));
    let invitation = consent.invite(&Url::parse("http://localhost:1/").unwrap()).unwrap();
    let new = consent.accept(&invitation, &came_back(&invitation, "code=C1")).await.ok().unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&new.refresh_token), "R2", "the newest");
    assert!(new.without_graph.is_none());
    assert_eq!(new.claims.is_global_administrator(), Some(false));
    let asked = endpoint.asked();
    let field = |name: &str| {
        let body = asked[0].split("\r\n\r\n").nth(1).unwrap();
        let mut fields = url::form_urlencoded::parse(body.as_bytes());
        fields.find(|(key, _)| key == name).unwrap().1.into_owned()
    };
    assert_eq!(field("code"), "C1");
    // As it is registered: a slash at the end would make it another.
    assert_eq!(field("redirect_uri"), "http://localhost:1");
    let sent = invitation.address.query_pairs().find(|(key, _)| key == "redirect_uri").unwrap().1;
    assert_eq!(sent, "http://localhost:1");
    let hash = ring::digest::digest(&ring::digest::SHA256, field("code_verifier").as_bytes());
    let challenge = invitation.address.query_pairs().find(|(key, _)| key == "code_challenge");
    assert_eq!(challenge.unwrap().1, URL_SAFE_NO_PAD.encode(hash));
    let scope = invitation.address.query_pairs().find(|(key, _)| key == "scope").unwrap().1;
    assert!(scope.contains("PartnerSecurity.Read.All") && scope.contains("user_impersonation"));
}

#[tokio::test]
async fn what_is_no_grant_with_mfa_of_this_tenant_is_refused_with_what_to_do() {
    let table = [
        ("code=C", r#"{"amr":["pwd"],"tid":"tenant"}"#, "R", "without MFA"),
        ("code=C", r#"{"tid":"tenant"}"#, "R", "without MFA"),
        ("code=C", r#"{"amr":["mfa"],"tid":"other"}"#, "R", "another tenant"),
        ("code=C", MFA, "", "offline_access"),
        ("error=access_denied&error_description=x", MFA, "R", "access_denied"),
        ("nothing=1", MFA, "R", "does not belong to this sign-in"),
    ];
    for (rest, claims, next, message) in table {
        let endpoint = Endpoint::answering(&[(200, &for_person(claims, next))]).await;
        let consent = consent(&endpoint, &Clock::driven(now()));
        let invitation = consent.invite(&Url::parse("http://localhost:1/").unwrap()).unwrap();
        let refused = consent.accept(&invitation, &came_back(&invitation, rest)).await.err();
        let refused = refused.unwrap().to_string();
        assert!(refused.contains(message) && refused.contains("nothing was stored"), "{refused}");
    }
    let endpoint = Endpoint::answering(&[]).await;
    let consent = consent(&endpoint, &Clock::driven(now()));
    let invitation = consent.invite(&Url::parse("http://localhost:1/").unwrap()).unwrap();
    let forged = Url::parse("http://localhost:1/?code=C&state=forged").unwrap();
    let refused = consent.accept(&invitation, &forged).await.err().unwrap();
    assert!(matches!(refused, ConsentError::Foreign));
    assert!(endpoint.asked().is_empty());
}

#[tokio::test]
async fn a_device_code_is_waited_for_at_the_pace_asked_for() {
    let invited = r#"{"device_code":"D1","user_code":"ABC123","verification_uri":"https://x/","expires_in":"900","interval":5}"#;
    let refused = |word: &str| format!(r#"{{"error":"{word}","error_codes":[70016]}}"#);
    let endpoint = Endpoint::answering(&[
        (200, invited),
        (400, &refused("authorization_pending")),
        (400, &refused("slow_down")),
        (200, &for_person(MFA, "R1")),
        (400, r#"{"error":"invalid_grant","error_codes":[65001]}"#),
    ])
    .await;
    let clock = Clock::driven(now());
    let consent = consent(&endpoint, &clock);
    let invitation = consent.invite_device().await.ok().unwrap();
    assert_eq!(invitation.user_code, "ABC123");
    let new = hurried(&clock, consent.accept_device(&invitation)).await.ok().unwrap();
    assert_eq!(new.without_graph.unwrap().reason(), "consent_missing", "and it is told");
    let waited = clock.uptime().as_secs_f64();
    assert!((20.0..21.0).contains(&waited), "5, 5 and 10 seconds: {waited}");
    let declined = refused("authorization_declined");
    let endpoint = Endpoint::answering(&[(200, invited), (400, &declined)]).await;
    let consent = self::consent(&endpoint, &clock);
    let invitation = consent.invite_device().await.ok().unwrap();
    let declined = hurried(&clock, consent.accept_device(&invitation)).await.err().unwrap();
    assert!(matches!(declined, ConsentError::Declined(_)), "{declined}");
}

#[tokio::test]
async fn a_grant_in_a_vault_is_got_and_set_with_the_application_s_own_token() {
    let secret =
        |value: &str| format!(r#"{{"value":"{value}","attributes":{{"created":1795000000}}}}"#);
    let endpoint = Endpoint::answering(&[
        (200, GRANTED),       // the application's token for the vault
        (200, &secret("R1")), // got
        (200, &for_person(MFA, "R2")),
        (200, &secret("R1")), // still the one that was used
        (200, &secret("R2")), // set
    ])
    .await;
    let clock = Clock::driven(now());
    let transport = way_out();
    let settings = of(&endpoint);
    let application =
        Tokens::new(settings.clone(), transport.clone(), clock.clone(), Arc::new(|_| {}));
    let home = Home::KeyVault { vault: endpoint.url.clone(), secret: "grant".to_owned() };
    let store = home.store(&application, &transport);
    let grant = Grant::kept(store, None, clock.clone()).unwrap();
    let tokens = Tokens::of_person(settings, grant, transport, clock, Arc::new(|_| {}));
    tokens.bearer(GRAPH).await.unwrap();
    let asked = endpoint.asked();
    assert!(asked[0].contains("scope=https%3A%2F%2Fvault.azure.net%2F.default"), "{}", asked[0]);
    assert!(asked[1].starts_with("GET /secrets/grant?api-version=7.4 "), "{}", asked[1]);
    assert!(asked[1].to_lowercase().contains("authorization: bearer t1"));
    assert!(asked[2].contains("refresh_token=R1"));
    assert!(asked[4].starts_with("PUT /secrets/grant?api-version=7.4 "), "{}", asked[4]);
    assert!(asked[4].ends_with(r#"{"value":"R2"}"#), "{}", asked[4]);
    let dates = tokens.grant().unwrap().standing().dates.unwrap();
    assert_eq!(dates.consented, Timestamp::from_second(1_795_000_000).unwrap());
}

#[tokio::test]
async fn a_vault_that_refuses_says_what_to_grant_and_an_empty_one_to_consent() {
    for (status, reason) in [(403, "vault_refused"), (404, "grant_missing")] {
        let endpoint = Endpoint::answering(&[(200, GRANTED), (status, "{}")]).await;
        let clock = Clock::driven(now());
        let transport = way_out();
        let settings = of(&endpoint);
        let application =
            Tokens::new(settings.clone(), transport.clone(), clock.clone(), Arc::new(|_| {}));
        let home = Home::KeyVault { vault: endpoint.url.clone(), secret: "grant".to_owned() };
        let grant = Grant::kept(home.store(&application, &transport), None, clock.clone()).unwrap();
        let tokens = Tokens::of_person(settings, grant, transport, clock, Arc::new(|_| {}));
        let refused = tokens.bearer(GRAPH).await.err().unwrap();
        assert_eq!(refused.reason(), reason);
        assert!(!refused.is_transient());
    }
}
