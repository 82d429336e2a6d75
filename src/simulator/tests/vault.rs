//! Secrets are got and set by whoever has a token for just that.

use serde_json::json;

use super::*;

const SECRET: &str = "/vault/secrets/partner-grant?api-version=7.4";

async fn ask(running: &Running, method: &str, path: &str, body: &str) -> Reply {
    let headers =
        format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", running.bearer);
    running.ask(method, path, &headers, body).await
}

async fn open() -> Running {
    let mut running = start(quiet()).await;
    running.renew(&[("scope", "https://vault.azure.net/.default")]).await;
    running
}

#[tokio::test]
async fn a_secret_is_set_and_got_by_its_latest_version() {
    let running = open().await;
    let absent = ask(&running, "GET", SECRET, "").await;
    assert_eq!((absent.status, absent.code().as_str()), (404, "SecretNotFound"));
    let set = ask(&running, "PUT", SECRET, r#"{"value":"first"}"#).await;
    assert_eq!((set.status, &set.json()["value"]), (200, &json!("first")));
    running.control.turn(Duration::from_secs(5));
    ask(&running, "PUT", SECRET, r#"{"value":"second"}"#).await;
    let got = ask(&running, "GET", SECRET, "").await.json();
    assert_eq!(got["value"], "second");
    assert_ne!(got["id"], set.json()["id"]);
    let here = format!("http://{}/vault/secrets/partner-grant/", running.address);
    assert!(got["id"].as_str().unwrap().starts_with(&here));
    let created = noon().as_second() + 5;
    assert_eq!(
        (&got["attributes"]["created"], &got["attributes"]["updated"]),
        (&json!(created), &json!(created))
    );
    assert_eq!(got["attributes"]["enabled"], true);
    assert_eq!(running.control.secret("partner-grant").as_deref(), Some("second"));
    running.control.set_secret("partner-grant", "third");
    assert_eq!(ask(&running, "GET", SECRET, "").await.json()["value"], "third");
}

#[tokio::test]
async fn nobody_else_gets_it_and_each_is_told_why() {
    let running = open().await;
    running.faults(&["forbidden=/vault"]);
    let reply = ask(&running, "GET", SECRET, "").await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "Forbidden"));
    assert_eq!(reply.json()["error"]["innererror"]["code"], "ForbiddenByRbac");
    running.faults(&["throttle", "malformed"]);
    assert_eq!(ask(&running, "GET", SECRET, "").await.status, 404);
    running.faults(&[]);

    for (fields, status) in [
        (&[("scope", "https://graph.microsoft.com/.default")][..], 401),
        (
            &[
                ("scope", "https://vault.azure.net/.default"),
                ("client_id", APP_USER_CLIENT_ID),
                ("client_secret", APP_USER_CLIENT_SECRET),
            ][..],
            403,
        ),
    ] {
        let mut running = start(quiet()).await;
        running.renew(fields).await;
        let reply = ask(&running, "GET", SECRET, "").await;
        assert_eq!(reply.status, status);
        if status == 401 {
            let challenge = &reply.headers["www-authenticate"];
            assert!(challenge.contains("resource=\"https://vault.azure.net\""), "{challenge}");
        }
    }
    assert_eq!(running.ask("GET", SECRET, "", "").await.status, 401);
    running.control.turn(Duration::from_secs(3600));
    assert_eq!(ask(&running, "GET", SECRET, "").await.status, 401);
}

#[tokio::test]
async fn only_getting_and_setting_exist() {
    let running = open().await;
    for (method, path, body, status) in [
        ("GET", "/vault/secrets/partner-grant", "", 400),
        ("GET", "/vault/secrets?api-version=7.4", "", 400),
        ("GET", "/vault/secrets/under_score?api-version=7.4", "", 400),
        ("GET", "/vault/secrets/a/versions?api-version=7.4", "", 400),
        ("DELETE", SECRET, "", 405),
        ("PUT", SECRET, "no JSON", 400),
        ("PUT", SECRET, r#"{"value":7}"#, 400),
    ] {
        assert_eq!(ask(&running, method, path, body).await.status, status, "{method} {path}");
    }
    let long = json!({ "value": "x".repeat(25_001) }).to_string();
    assert_eq!(ask(&running, "PUT", SECRET, &long).await.status, 400);
}
