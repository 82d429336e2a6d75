//! The whole simulator, asked with bare sockets: they show what readers' libraries hide.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::*;

mod answers;
mod audit;
mod customers;
mod dap_service;
mod device;
mod directory;
mod fates;
mod fraud;
mod fraud_events;
mod gdap;
mod grants;
mod login;
mod partner_center;
mod people;
mod policies;
mod privilege;
mod reports;
mod score;
mod sign_ins;
mod trouble;
mod vault;
mod visits;

/// A simulator that is served until this is dropped.
struct Running {
    address: SocketAddr,
    control: Control,
    bearer: String,
    _stop: oneshot::Sender<()>,
}

/// An answer as it came.
struct Reply {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    /// Whether the connection ended in order, and not before the announced length.
    whole: bool,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

fn noon() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// Time stands still and nobody is throttled, unless a test is about that.
fn quiet() -> Settings {
    Settings { start: Some(noon()), enforce_throttles: false, ..Settings::default() }
}

async fn start(settings: Settings) -> Running {
    let simulator = Simulator::bind(settings).await.unwrap();
    let (address, control) = (simulator.address(), simulator.control());
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(simulator.serve(async move {
        let _ = stopped.await;
    }));
    let mut running = Running { address, control, bearer: String::new(), _stop: stop };
    running.renew(&[]).await;
    running
}

impl Running {
    async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let ended = stream.read_to_end(&mut bytes).await.is_ok();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.map_or(bytes.len(), |end| end + 4);
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let body = bytes[end..].to_vec();
        let length = headers.get("content-length").and_then(|length| length.parse().ok());
        let whole = ended && length == Some(body.len());
        Reply { status: status.unwrap_or(0), headers, body, whole }
    }

    /// Asks Graph with the bearer; a path, or a link as it was given.
    async fn get(&self, path: &str) -> Reply {
        self.get_with(path, "").await
    }

    async fn get_with(&self, path: &str, headers: &str) -> Reply {
        let path = path.strip_prefix(&format!("http://{}", self.address)).unwrap_or(path);
        let path =
            if path.starts_with("/graph") { path.into() } else { format!("/graph/v1.0{path}") };
        let headers = format!("Authorization: Bearer {}\r\n{headers}", self.bearer);
        self.ask("GET", &path, &headers, "").await
    }

    /// Asks for a token with the right answers, but for the fields given; an empty one is left out.
    async fn token(&self, fields: &[(&str, &str)]) -> Reply {
        self.token_of(TENANT_ID, fields).await
    }

    async fn token_of(&self, tenant: &str, fields: &[(&str, &str)]) -> Reply {
        let mut form = BTreeMap::from([
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("scope", "https://graph.microsoft.com/.default"),
        ]);
        form.extend(fields.iter().copied());
        form.retain(|_, value| !value.is_empty());
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.ask("POST", &format!("/{tenant}/oauth2/v2.0/token"), headers, &body).await
    }

    async fn renew(&mut self, fields: &[(&str, &str)]) {
        let reply = self.token(fields).await;
        self.bearer = reply.json()["access_token"].as_str().unwrap().to_owned();
    }

    /// Has a token for a person who consented, with MFA or without.
    async fn become_person(&mut self, mfa: bool, audience: &str) {
        let (token, scope) = (self.control.grant(mfa, false), format!("{audience}/.default"));
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &token),
            ("client_id", APP_USER_CLIENT_ID),
            ("client_secret", APP_USER_CLIENT_SECRET),
            ("scope", &scope),
        ];
        self.renew(&fields).await;
    }

    /// Follows a list to its end.
    async fn all(&self, path: &str) -> Vec<Value> {
        let (mut rows, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let reply = self.get(&path).await;
            assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
            let page = reply.json();
            rows.extend(page["value"].as_array().unwrap().iter().cloned());
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        rows
    }

    fn faults(&self, faults: &[&str]) {
        self.control.set_faults(faults.iter().map(|fault| fault.parse().unwrap()).collect());
    }
}

const GRAPH: &str = "https://graph.microsoft.com";
const PARTNER_CENTER: &str = "https://api.partnercenter.microsoft.com";
const DAP: &str = "https://api.partnercustomeradministration.microsoft.com";

const USERS: &str = "/users?$select=id,userPrincipalName,accountEnabled,userType,createdDateTime";
const REPORT: &str = "/reports/authenticationMethods/userRegistrationDetails";
/// The report of Outlook versions over 30 days.
const OUTLOOK: &str = "/reports/getEmailAppUsageVersionsUserCounts(period='D30')";
const POLICY: &str = "/policies/identitySecurityDefaultsEnforcementPolicy";

const POLICIES: &str = "/identity/conditionalAccess/policies";
const LOCATIONS: &str = "/identity/conditionalAccess/namedLocations";
const ACTIVE: &str = "/roleManagement/directory/roleAssignmentScheduleInstances";
const ELIGIBLE: &str = "/roleManagement/directory/roleEligibilityScheduleInstances";
const RELATIONSHIPS: &str = "/tenantRelationships/delegatedAdminRelationships";
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// The id of the one group of this name.
async fn group(running: &Running, name: &str) -> String {
    let name = name.replace(' ', "%20");
    let groups = running.all(&format!("/groups?$filter=displayName%20eq%20'{name}'")).await;
    assert_eq!(groups.len(), 1, "{name}");
    groups[0]["id"].as_str().unwrap().to_owned()
}

/// A quiet world whose reader was granted less.
fn without(permissions: &[&str]) -> Settings {
    let mut settings = quiet();
    settings.granted.retain(|granted| !permissions.contains(&granted.as_str()));
    settings
}

#[tokio::test]
async fn the_world_is_moved_and_read_over_http_too() {
    let running = start(quiet()).await;
    let truth = running.ask("GET", "/-/truth", "", "").await.json();
    assert_eq!(truth, serde_json::to_value(running.control.truth()).unwrap());
    let said = running.ask("POST", "/-/step", "", "").await;
    assert!(String::from_utf8_lossy(&said.body).contains("hired"));
    let turned = running.ask("POST", "/-/turn", "", "90").await;
    assert_eq!(String::from_utf8_lossy(&turned.body), "2026-03-02T12:01:30Z\n");
    assert_eq!(running.ask("POST", "/-/turn", "", "soon").await.status, 400);

    let faults = "throttle=date\nmalformed@/users\n\n";
    assert_eq!(running.ask("POST", "/-/faults", "", faults).await.status, 200);
    assert_eq!(running.get("/organization").await.status, 429);
    assert_eq!(running.ask("POST", "/-/faults", "", "explode").await.status, 400);
    assert_eq!(running.ask("POST", "/-/faults", "", "").await.status, 200);
    assert_eq!(running.get("/organization").await.status, 200);
    assert_eq!(running.ask("GET", "/-/nothing", "", "").await.status, 404);
    assert_eq!(running.ask("GET", "/", "", "").await.status, 200);
}

#[tokio::test]
async fn requests_are_remembered_without_what_authorized_them() {
    let running = start(quiet()).await;
    let headers = "client-request-id: 11111111-2222-4333-8444-555555555555\r\n\
                   User-Agent: reader/1\r\n\
                   Accept-Encoding: gzip\r\nx-ms-throttle-priority: Low\r\n";
    let reply = running.get_with("/organization?$select=id", headers).await;
    assert_eq!(reply.headers["client-request-id"], "11111111-2222-4333-8444-555555555555");
    let seen = running.control.requests();
    assert_eq!((seen.len(), running.control.tokens_issued()), (2, 1));
    let last = &seen[1];
    assert_eq!((last.method.as_str(), last.status), ("GET", 200));
    assert_eq!(last.path, "/graph/v1.0/organization?$select=id");
    assert_eq!(last.throttle_priority.as_deref(), Some("Low"));
    assert_eq!(last.accept_encoding.as_deref(), Some("gzip"));
    assert_eq!(last.user_agent.as_deref(), Some("reader/1"));
    assert!(last.authorization);
    let listed = running.ask("GET", "/-/requests", "", "").await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(&running.bearer));
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_question() {
    let running = start(quiet()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        let mut rest = Vec::new();
        while !rest.ends_with(b"what it asked\n") {
            rest.push(stream.read_u8().await.unwrap());
        }
    }
}

#[tokio::test]
async fn behind_tls_links_lead_back_to_it() {
    let running = start(quiet()).await;
    for (headers, scheme) in [("", "http"), ("X-Forwarded-Proto: https\r\n", "https")] {
        let page = running.get_with("/users?$select=id&$top=1", headers).await.json();
        let link = page["@odata.nextLink"].as_str().unwrap();
        assert!(link.starts_with(&format!("{scheme}://{}/graph/", running.address)), "{link}");
    }
}

#[tokio::test]
async fn serving_ends_when_it_is_told_to() {
    let simulator = Simulator::bind(quiet()).await.unwrap();
    let address = simulator.address();
    simulator.serve(std::future::ready(())).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn the_configuration_names_every_half_of_microsoft() {
    let address = SocketAddr::from(([127, 0, 0, 1], 4010));
    let yaml = configuration(address, Path::new("/run/a \"secret\""));
    assert!(yaml.contains("login: http://127.0.0.1:4010\n"));
    assert!(yaml.contains("graph: http://127.0.0.1:4010/graph\n"));
    assert!(yaml.contains(r#"client_secret_file: "/run/a \"secret\"""#));
    assert!(yaml.contains(TENANT_ID) && !yaml.contains(CLIENT_SECRET));
    let [secret, other, grant] = ["/run/secret", "/run/other", "/run/grant"].map(Path::new);
    let more = configuration_with_app_user(address, secret, other, grant);
    assert!(more.starts_with(&configuration(address, secret)));
    assert!(more.contains("    app_user:\n") && more.contains(APP_USER_CLIENT_ID));
    assert!(more.contains("refresh_token_file: \"/run/grant\"\n"));
    assert!(!more.contains(APP_USER_CLIENT_SECRET));
}
