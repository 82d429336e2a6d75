//! A code that is entered on another machine.

use serde_json::json;

use super::people::{FORM, PARTNER_CENTER, claims, code, encode};
use super::*;

impl Running {
    async fn device_code(&self, changes: &[(&str, &str)]) -> Reply {
        let scope = format!("offline_access {PARTNER_CENTER}");
        let fields = [("client_id", APP_USER_CLIENT_ID), ("scope", scope.as_str())];
        let path = format!("/{TENANT_ID}/oauth2/v2.0/devicecode");
        self.ask("POST", &path, FORM, &encode(&fields, changes)).await
    }

    async fn poll(&self, device: &Value) -> Reply {
        let kind = "urn:ietf:params:oauth:grant-type:device_code";
        let code = device["device_code"].as_str().unwrap();
        self.for_person(&[("grant_type", kind), ("device_code", code)], &[("scope", "")]).await
    }

    async fn enter(&self, code: &Value, choice: &str) -> String {
        let (code, agent) = (code.as_str().unwrap(), self.agent());
        let body = encode(&[("code", code), ("username", &agent), ("choice", choice)], &[]);
        let reply = self.ask("POST", "/devicelogin", FORM, &body).await;
        assert_eq!(reply.status, 200);
        String::from_utf8(reply.body).unwrap()
    }
}

#[tokio::test]
async fn a_code_is_entered_on_another_machine() {
    let running = start(quiet()).await;
    let device = running.device_code(&[]).await.json();
    assert_eq!((&device["interval"], &device["expires_in"]), (&json!(5), &json!(900)));
    let uri = format!("http://{}/devicelogin", running.address);
    assert_eq!(device["verification_uri"], json!(uri));
    let message = device["message"].as_str().unwrap();
    assert!(message.contains(device["user_code"].as_str().unwrap()) && message.contains(&uri));
    let pending = running.poll(&device).await;
    assert_eq!((pending.status, code(&pending)), (400, 70_016));
    assert_eq!(pending.json()["error"], "authorization_pending");
    let shown = running.ask("GET", "/devicelogin", "", "").await;
    let text = String::from_utf8(shown.body).unwrap();
    for id in ["code", "username", "approve-mfa", "password-only", "cancel", "admin"] {
        assert!(text.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(running.enter(&json!("WRONGCODE"), "approve-mfa").await.contains("id=\"error\""));
    assert!(running.enter(&device["user_code"], "approve-mfa").await.contains("id=\"done\""));
    let given = running.poll(&device).await.json();
    assert_eq!(claims(&given)["amr"], json!(["pwd", "mfa"]));
    assert!(given["refresh_token"].is_string());
    assert_eq!(running.poll(&device).await.json()["error"], "expired_token");
}

#[tokio::test]
async fn a_code_that_is_declined_late_or_wrong_comes_to_nothing() {
    let running = start(quiet()).await;
    let device = running.device_code(&[]).await.json();
    running.enter(&device["user_code"], "cancel").await;
    assert_eq!(running.poll(&device).await.json()["error"], "authorization_declined");
    let device = running.device_code(&[]).await.json();
    running.control.turn(Duration::from_secs(900));
    assert_eq!(running.poll(&device).await.json()["error"], "expired_token");
    assert!(running.enter(&device["user_code"], "approve-mfa").await.contains("id=\"error\""));
    let guess = json!({ "device_code": "guess" });
    assert_eq!(running.poll(&guess).await.json()["error"], "bad_verification_code");
    for (change, expected) in [
        (("client_id", "somebody"), 700_016),
        (("client_id", CLIENT_ID), 650_057),
        (("scope", "openid"), 650_057),
        (("scope", ""), 900_144),
    ] {
        assert_eq!(code(&running.device_code(&[change]).await), expected, "{change:?}");
    }
    let hurried = start(Settings { enforce_throttles: true, ..quiet() }).await;
    let device = hurried.device_code(&[]).await.json();
    assert_eq!(hurried.poll(&device).await.json()["error"], "authorization_pending");
    assert_eq!(hurried.poll(&device).await.json()["error"], "slow_down");
    hurried.control.turn(Duration::from_secs(5));
    assert_eq!(hurried.poll(&device).await.json()["error"], "authorization_pending");
}
