//! The simulator against a plain client: what it enforces and how it misbehaves.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::Value;

use super::*;

struct Served {
    root: String,
    control: Control,
    http: reqwest::Client,
}

async fn served(settings: Settings) -> Served {
    let start = settings.start.or(Some("2026-11-24T12:00:00Z".parse().unwrap()));
    let simulator = Simulator::bind(Settings { start, ..settings }).await.unwrap();
    let root = format!("http://{}", simulator.address());
    let control = simulator.control();
    tokio::spawn(simulator.serve(std::future::pending()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let http =
        reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
    Served { root, control, http }
}

impl Served {
    async fn token(&self) -> String {
        let (status, body) = self.grant(&[]).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// Asks for a token with the right form, some fields of which are replaced.
    async fn grant(&self, replaced: &[(&str, &str)]) -> (StatusCode, Value) {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let usual = [
            ("tenant", Identity::TENANT_ID),
            ("grant_type", "client_credentials"),
            ("client_id", Identity::CLIENT_ID),
            ("client_secret", Identity::CLIENT_SECRET),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let value = |name: &str, usual: &'static str| {
            let found = replaced.iter().find(|(replaced, _)| *replaced == name);
            found.map_or(usual.to_owned(), |(_, value)| (*value).to_owned())
        };
        for (name, usual) in &usual[1..] {
            form.append_pair(name, &value(name, usual));
        }
        let tenant = value("tenant", usual[0].1);
        let request = self.http.post(format!("{}/{tenant}/oauth2/v2.0/token", self.root));
        let response = request.body(form.finish()).send().await.unwrap();
        let status = response.status();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let token = self.token().await;
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.root) };
        let response = self.http.get(url).bearer_auth(token).send().await.unwrap();
        let status = response.status();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn all(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let (status, body) = self.get(&path).await;
            assert_eq!(status, 200, "{body}");
            rows.extend(body["value"].as_array().unwrap().iter().cloned());
            next = body["@odata.nextLink"].as_str().map(str::to_owned);
        }
        rows
    }
}

#[tokio::test]
async fn paging_brings_everyone_once_whatever_the_page_size() {
    let served = served(Settings { users: 50, ..Settings::default() }).await;
    for path in [
        "/graph/v1.0/users?$select=id",
        "/graph/v1.0/users?$top=7",
        "/graph/v1.0/users?$top=25",
        "/graph/v1.0/users?$top=999",
    ] {
        let rows = served.all(path).await;
        let ids: BTreeSet<_> =
            rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!((rows.len(), ids.len()), (50, 50), "{path}");
    }
    for top in ["0", "1000", "x"] {
        assert_eq!(served.get(&format!("/graph/v1.0/users?$top={top}")).await.0, 400);
    }
}

#[tokio::test]
async fn fields_are_those_asked_for_and_usually_not_whether_an_account_is_enabled() {
    let served = served(Settings::default()).await;
    let (_, body) = served.get("/graph/v1.0/users?$select=id,accountEnabled").await;
    let fields: Vec<_> = body["value"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["accountEnabled", "id"]);
    let (_, body) = served.get("/graph/v1.0/users").await;
    assert!(body["value"][0].get("accountEnabled").is_none());
}

#[tokio::test]
async fn the_truth_is_what_the_pages_add_up_to() {
    let served = served(Settings { users: 400, ..Settings::default() }).await;
    for days in 0..2 {
        let truth = served.control.truth();
        let users =
            served.all("/graph/v1.0/users?$select=id,accountEnabled,userType&$top=999").await;
        let path = "/graph/v1.0/reports/authenticationMethods/userRegistrationDetails";
        let report = served.all(path).await;
        let enabled: Vec<_> = users.iter().filter(|user| user["accountEnabled"] == true).collect();
        let guests = enabled.iter().filter(|user| user["userType"] == "Guest").count();
        assert_eq!((truth.members + truth.guests, truth.guests), (enabled.len(), guests));
        assert_eq!(truth.disabled, users.len() - enabled.len());
        let strong = ["fido2", "passKeyDeviceBound", "windowsHelloForBusiness"];
        let can = report.iter().filter(|row| {
            let methods = row["methodsRegistered"].as_array().unwrap();
            row["isMfaRegistered"] == true
                || methods.iter().any(|it| strong.contains(&it.as_str().unwrap()))
        });
        assert_eq!(truth.registered_members + truth.registered_guests, can.count());
        let unregistered = truth.unregistered_members + truth.unregistered_guests;
        assert_eq!(truth.unregistered_ids.len(), unregistered);
        let unjudged = truth.unjudged_members + truth.unjudged_guests;
        assert_eq!(
            enabled.len(),
            truth.registered_members + truth.registered_guests + unregistered + unjudged
        );
        assert_eq!(unjudged > 0, days == 0);
        assert!(unregistered > 10 && truth.guests > 10 && truth.disabled > 10);
        served.control.step();
        served.control.step();
        assert_ne!(served.control.truth(), truth);
        // A day later the report knows who was hired.
        served.control.turn(Duration::from_secs(49 * 3600));
        assert_eq!(served.control.truth().unjudged_members, 0);
    }
}

#[tokio::test]
async fn permissions_and_licences_are_asked_for() {
    let without = |name: &str| Settings {
        granted: Settings::default().granted.into_iter().filter(|it| it != name).collect(),
        ..Settings::default()
    };
    let report = "/graph/v1.0/reports/authenticationMethods/userRegistrationDetails";
    let refused = served(without("AuditLog.Read.All")).await.get(report).await;
    assert_eq!(
        (refused.0.as_u16(), &refused.1["error"]["code"]),
        (403, &"Authorization_RequestDenied".into())
    );
    let premium = "Authentication_RequestFromNonPremiumTenantOrB2CTenant";
    let refused = served(without("Directory.Read.All")).await.get(report).await;
    assert_eq!((refused.0.as_u16(), &refused.1["error"]["code"]), (403, &premium.into()));
    let free = served(Settings { plan: Plan::Free, ..Settings::default() }).await;
    assert_eq!(free.get(report).await.1["error"]["code"], premium);
    let policy = "/graph/v1.0/policies/identitySecurityDefaultsEnforcementPolicy";
    let refused = served(without("Policy.Read.All")).await.get(policy).await;
    assert_eq!(
        refused.1["Error"]["Code"], "Authorization_RequestDenied",
        "in Pascal's case, as some services do"
    );
}

#[tokio::test]
async fn nothing_is_had_without_a_living_token() {
    let served = served(Settings::default()).await;
    let url = format!("{}/graph/v1.0/users", served.root);
    assert_eq!(served.http.get(&url).send().await.unwrap().status(), 401);
    assert_eq!(served.http.get(&url).bearer_auth("forged").send().await.unwrap().status(), 401);
    let token = served.token().await;
    assert_eq!(served.http.get(&url).bearer_auth(&token).send().await.unwrap().status(), 200);
    served.control.turn(Duration::from_secs(3600));
    assert_eq!(served.http.get(&url).bearer_auth(&token).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn tokens_are_refused_as_microsoft_refuses_them() {
    let served = served(Settings::default()).await;
    let table = [
        (("client_secret", "wrong"), 401, 7_000_215),
        (("client_id", "someone"), 400, 700_016),
        (("tenant", "common"), 400, 50_059),
        (("tenant", "another"), 400, 90_002),
        (("scope", "https://graph.microsoft.com/User.Read"), 400, 1_002_012),
        (("scope", "https://elsewhere.example/.default"), 400, 500_011),
        (("client_secret", ""), 401, 7_000_218),
    ];
    for (replaced, status, code) in table {
        let (found, body) = served.grant(&[replaced]).await;
        assert_eq!(
            (found.as_u16(), &body["error_codes"][0]),
            (status, &code.into()),
            "{replaced:?}"
        );
        let text = body["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{code}: ")) && text.contains("\r\nTrace ID: "));
    }
}

#[tokio::test]
async fn faults_do_what_they_say() {
    let served = served(Settings { users: 30, ..Settings::default() }).await;
    let users = "/graph/v1.0/users?$select=id,userType&$top=10";
    let with = async |fault: &str| {
        served.control.set_faults(vec![fault.parse().unwrap()]);
        served.get(users).await
    };
    assert_eq!(with("throttle").await.0, 429);
    assert_eq!(with("forbidden=/users").await.0, 403);
    assert_eq!(with("forbidden=/groups").await.0, 200);
    assert!(with("server-error=1@/graph").await.0.is_server_error());
    assert_eq!(with("expired-token").await.0, 401);
    assert_eq!(with("html").await, (StatusCode::OK, Value::Null));
    assert_eq!(with("malformed").await, (StatusCode::OK, Value::Null));
    assert_eq!(with("malformed-rows=2").await.1["value"][1]["id"]["unexpected"], true);
    assert_eq!(with("null-everything").await.1["value"][0]["userType"], Value::Null);
    let next = with("foreign-nextlink").await.1["@odata.nextLink"].to_string();
    assert!(next.contains("graph.microsoft.example"), "{next}");
    let next = with("endless-paging").await.1["@odata.nextLink"].as_str().unwrap().to_owned();
    assert_ne!(served.get(&next).await.1["@odata.nextLink"], next.as_str());
    for fault in ["truncate@/users", "reset@/users"] {
        served.control.set_faults(vec![fault.parse().unwrap()]);
        let token = served.token().await;
        let request = served.http.get(format!("{}{users}", served.root)).bearer_auth(token);
        let broken = match request.send().await {
            Ok(response) => response.bytes().await.is_err(),
            Err(_) => true,
        };
        assert!(broken, "{fault}");
    }
    for (fault, code) in
        [("expired-secret", 7_000_222), ("consent", 65_001), ("app-disabled", 7_000_112)]
    {
        served.control.set_faults(vec![fault.parse().unwrap()]);
        assert_eq!(served.grant(&[]).await.1["error_codes"][0], code, "{fault}");
    }
    served.control.set_faults(Vec::new());
    assert_eq!(served.get(users).await.0, 200);
}

#[tokio::test]
async fn the_pace_of_reports_is_enforced_where_time_runs() {
    let simulator = Simulator::bind(Settings { users: 10, ..Settings::default() }).await.unwrap();
    let root = format!("http://{}", simulator.address());
    let control = simulator.control();
    tokio::spawn(simulator.serve(std::future::pending()));
    let http = served(Settings::default()).await.http;
    let served = Served { root, control, http };
    let report = "/graph/v1.0/reports/authenticationMethods/userRegistrationDetails";
    for _ in 0..5 {
        assert_eq!(served.get(report).await.0, 200);
    }
    assert_eq!(served.get(report).await.0, 429);
    assert_eq!(served.get("/graph/v1.0/organization").await.0, 200);
}

#[test]
fn the_same_seed_is_the_same_tenant() {
    let now = "2026-11-24T12:00:00Z".parse().unwrap();
    let truth = |seed| World::new(&Settings { seed, ..Settings::default() }, now).truth(now);
    assert_eq!(truth(1), truth(1));
    assert_ne!(truth(1), truth(2));
}
