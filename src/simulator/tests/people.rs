//! Tokens for people: the sign-in page, the code it sends back, and what a grant is good for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use url::Url;
use url::form_urlencoded::Serializer;

use super::*;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The challenge of that verifier, both as RFC 7636 prints them.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://localhost:4711/";
const GRAPH: &str = "https://graph.microsoft.com/.default";
pub(super) const PARTNER_CENTER: &str = "https://api.partnercenter.microsoft.com/.default";
pub(super) const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

pub(super) fn encode(fields: &[(&str, &str)], changes: &[(&str, &str)]) -> String {
    let mut form: BTreeMap<&str, &str> = fields.iter().copied().collect();
    form.extend(changes.iter().copied());
    form.retain(|_, value| !value.is_empty());
    Serializer::new(String::new()).extend_pairs(form).finish()
}

fn page(changes: &[(&str, &str)]) -> String {
    let scope = "openid offline_access https://graph.microsoft.com/PartnerSecurity.Read.All \
                 https://api.partnercenter.microsoft.com/user_impersonation";
    let fields = [
        ("client_id", APP_USER_CLIENT_ID),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("redirect_uri", REDIRECT),
        ("scope", scope),
        ("state", "a state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("prompt", "login"),
    ];
    format!("/{TENANT_ID}/oauth2/v2.0/authorize?{}", encode(&fields, changes))
}

/// The fields that came back to the redirect.
fn sent_back(reply: &Reply) -> BTreeMap<String, String> {
    assert_eq!(reply.status, 302, "{}", String::from_utf8_lossy(&reply.body));
    let url = Url::parse(&reply.headers["location"]).unwrap();
    assert!(url.as_str().starts_with(REDIRECT), "{url}");
    url.query_pairs().into_owned().collect()
}

pub(super) fn claims(body: &Value) -> Value {
    let token = body["access_token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

pub(super) fn code(reply: &Reply) -> u64 {
    reply.json()["error_codes"][0].as_u64().unwrap()
}

impl Running {
    pub(super) fn agent(&self) -> String {
        account::Account::agent(&self.control.lock()).upn
    }

    async fn sign_in(&self, choice: &str) -> String {
        let body = encode(&[("username", &self.agent()), ("choice", choice)], &[]);
        let reply = self.ask("POST", &page(&[]), FORM, &body).await;
        sent_back(&reply)["code"].clone()
    }

    pub(super) async fn for_person(
        &self,
        fields: &[(&str, &str)],
        changes: &[(&str, &str)],
    ) -> Reply {
        let mut form = vec![
            ("client_id", APP_USER_CLIENT_ID),
            ("client_secret", APP_USER_CLIENT_SECRET),
            ("scope", PARTNER_CENTER),
        ];
        form.extend(fields);
        let path = format!("/{TENANT_ID}/oauth2/v2.0/token");
        self.ask("POST", &path, FORM, &encode(&form, changes)).await
    }

    async fn redeem(&self, code: &str, changes: &[(&str, &str)]) -> Reply {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        self.for_person(&fields, changes).await
    }

    pub(super) async fn refresh(&self, token: &str, changes: &[(&str, &str)]) -> Reply {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.for_person(&fields, changes).await
    }

    /// The refresh token that came in place of this one.
    pub(super) async fn next(&self, token: &str) -> String {
        let reply = self.refresh(token, &[]).await;
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        reply.json()["refresh_token"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_person_signs_in_and_the_application_speaks_for_the_person() {
    let running = start(quiet()).await;
    let shown = running.ask("GET", &page(&[]), "", "").await;
    let text = String::from_utf8(shown.body.clone()).unwrap();
    assert!(shown.status == 200 && shown.headers["content-type"].starts_with("text/html"));
    for id in ["username", "approve-mfa", "password-only", "cancel", "admin", "scopes"] {
        assert!(text.contains(&format!("id=\"{id}\"")), "{id}: {text}");
    }
    assert!(text.contains(&running.agent()));
    let reply = running.redeem(&running.sign_in("approve-mfa").await, &[]).await;
    let body = reply.json();
    assert_eq!((reply.status, &body["token_type"]), (200, &json!("Bearer")));
    assert_eq!(body["scope"], "https://api.partnercenter.microsoft.com/user_impersonation");
    assert!(body["refresh_token"].is_string() && body["id_token"].is_string());
    let claims = claims(&body);
    assert_eq!(claims["aud"], "https://api.partnercenter.microsoft.com");
    assert_eq!(claims["amr"], json!(["pwd", "mfa"]));
    assert_eq!((&claims["scp"], &claims["ver"]), (&json!("user_impersonation"), &json!("1.0")));
    assert_eq!((&claims["tid"], &claims["appid"]), (&json!(TENANT_ID), &json!(APP_USER_CLIENT_ID)));
    assert_eq!((&claims["upn"], &claims["unique_name"]), (&json!(running.agent()), &claims["upn"]));
    assert!(claims["oid"].is_string() && claims.get("idtyp").is_none());
    assert!(!claims["wids"].as_array().unwrap().contains(&json!(GLOBAL_ADMINISTRATOR)));
    let seen = running.control.requests();
    assert_eq!(seen.last().unwrap().grant_type.as_deref(), Some("authorization_code"));
}

#[tokio::test]
async fn how_somebody_signed_in_stays_with_the_grant() {
    let running = start(quiet()).await;
    let reply = running.redeem(&running.sign_in("password-only").await, &[]).await.json();
    assert_eq!(claims(&reply)["amr"], json!(["pwd"]));
    let token = running.next(reply["refresh_token"].as_str().unwrap()).await;
    assert_eq!(claims(&running.refresh(&token, &[]).await.json())["amr"], json!(["pwd"]));

    let body = encode(&[("username", "whoever"), ("admin", "on"), ("choice", "approve-mfa")], &[]);
    let code = sent_back(&running.ask("POST", &page(&[]), FORM, &body).await)["code"].clone();
    let held = claims(&running.redeem(&code, &[]).await.json())["wids"].clone();
    assert!(held.as_array().unwrap().contains(&json!(GLOBAL_ADMINISTRATOR)));
    for (mfa, admin) in [(true, false), (false, true)] {
        let token = running.control.grant(mfa, admin);
        let claims = claims(&running.refresh(&token, &[]).await.json());
        assert_eq!(claims["amr"].as_array().unwrap().contains(&json!("mfa")), mfa);
        let held = claims["wids"].as_array().unwrap().contains(&json!(GLOBAL_ADMINISTRATOR));
        assert_eq!(held, admin);
    }
    let minted = running.ask("POST", "/-/grant", "", "mfa global-admin").await;
    let token = String::from_utf8(minted.body).unwrap();
    assert_eq!(running.refresh(token.trim(), &[]).await.status, 200);
    assert_eq!(running.ask("POST", "/-/grant", "", "everything").await.status, 400);
}

#[tokio::test]
async fn whoever_is_unknown_disabled_or_unwilling_comes_to_no_code() {
    let running = start(quiet()).await;
    let disabled =
        running.all("/users?$select=userPrincipalName&$filter=accountEnabled%20eq%20false");
    let disabled = disabled.await[0]["userPrincipalName"].as_str().unwrap().to_owned();
    for (username, said) in [("nobody@example.com", "AADSTS50034"), (&disabled, "AADSTS50057")] {
        let body = encode(&[("username", username), ("choice", "approve-mfa")], &[]);
        let reply = running.ask("POST", &page(&[]), FORM, &body).await;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(reply.status == 200 && text.contains(said) && text.contains("id=\"error\""));
    }
    let body = encode(&[("choice", "cancel")], &[]);
    let fields = sent_back(&running.ask("POST", &page(&[]), FORM, &body).await);
    assert_eq!((fields["error"].as_str(), fields["state"].as_str()), ("access_denied", "a state"));
    assert!(fields["error_description"].starts_with("AADSTS65004") && !fields.contains_key("code"));
}

#[tokio::test]
async fn the_page_says_itself_what_it_cannot_send_back() {
    let running = start(quiet()).await;
    for (change, code) in [
        (("client_id", ""), 900_144),
        (("client_id", "somebody"), 700_016),
        (("client_id", CLIENT_ID), 50_011),
        (("redirect_uri", ""), 900_144),
        (("redirect_uri", "http://localhost:4711/elsewhere"), 50_011),
        (("redirect_uri", "https://localhost:4711/"), 50_011),
        (("redirect_uri", "http://evil.example/"), 50_011),
        (("redirect_uri", "http://localhost.evil.example/"), 50_011),
    ] {
        let reply = running.ask("GET", &page(&[change]), "", "").await;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(reply.status == 400 && text.contains(&format!("AADSTS{code}")), "{change:?}");
    }
    let elsewhere = page(&[]).replace(TENANT_ID, "common");
    assert_eq!(running.ask("GET", &elsewhere, "", "").await.status, 400);
    let change = ("redirect_uri", "http://127.0.0.1:1/");
    assert_eq!(running.ask("GET", &page(&[change]), "", "").await.status, 200);
    let nasty = running.ask("GET", &page(&[("client_id", "<script>")]), "", "").await;
    assert!(!String::from_utf8_lossy(&nasty.body).contains("<script>"));
}

#[tokio::test]
async fn what_else_is_wrong_is_sent_back() {
    let running = start(quiet()).await;
    for (change, error, code) in [
        (("response_type", "token"), "unsupported_response_type", "700051"),
        (("response_mode", "fragment"), "invalid_request", "70007"),
        (("code_challenge", ""), "invalid_request", "9002325"),
        (("code_challenge", "short"), "invalid_request", "501491"),
        (("code_challenge_method", "plain"), "invalid_request", "501491"),
        (("code_challenge_method", ""), "invalid_request", "501491"),
        (("scope", ""), "invalid_request", "900144"),
        (("scope", "openid"), "invalid_scope", "70011"),
        (("scope", "Everything.ReadWrite.All"), "invalid_client", "650053"),
        (("scope", "https://vault.azure.net/user_impersonation"), "invalid_client", "650053"),
        (("scope", "https://graph.example.com/User.Read"), "invalid_resource", "500011"),
    ] {
        let fields = sent_back(&running.ask("GET", &page(&[change]), "", "").await);
        assert_eq!((fields["error"].as_str(), fields["state"].as_str()), (error, "a state"));
        let said = &fields["error_description"];
        assert!(said.starts_with(&format!("AADSTS{code}: ")), "{change:?}: {said}");
    }
}

#[tokio::test]
async fn a_code_is_good_once_for_ten_minutes_and_for_whoever_asked() {
    let running = start(quiet()).await;
    for (change, expected) in [
        (("code", "guess"), 70_000),
        (("code", ""), 900_144),
        (("redirect_uri", "http://localhost:4712/"), 500_112),
        (("code_verifier", "another-verifier-of-the-same-length-as-before"), 501_481),
        (("code_verifier", ""), 50_148),
        (("scope", "https://graph.microsoft.com/User.Read"), 65_001),
    ] {
        let reply = running.redeem(&running.sign_in("approve-mfa").await, &[change]).await;
        assert_eq!((reply.status, code(&reply)), (400, expected), "{change:?}");
    }
    let own = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    let reply = running.redeem(&running.sign_in("approve-mfa").await, &own).await;
    assert_eq!((reply.status, code(&reply)), (400, 70_000));
    let both = format!("{GRAPH} {PARTNER_CENTER}");
    let reply = running.redeem(&running.sign_in("approve-mfa").await, &[("scope", &both)]).await;
    assert_eq!((reply.status, code(&reply)), (400, 28_000));

    let once = running.sign_in("approve-mfa").await;
    assert_eq!(running.redeem(&once, &[]).await.status, 200);
    assert_eq!(code(&running.redeem(&once, &[]).await), 54_005);
    let late = running.sign_in("approve-mfa").await;
    running.control.turn(Duration::from_secs(599));
    let just = running.sign_in("approve-mfa").await;
    running.control.turn(Duration::from_secs(1));
    assert_eq!(code(&running.redeem(&late, &[]).await), 70_008);
    assert_eq!(running.redeem(&just, &[]).await.status, 200);
}

#[tokio::test]
async fn the_application_proves_itself_whatever_the_grant() {
    let running = start(quiet()).await;
    let token = running.control.grant(true, false);
    for (change, status, expected) in [
        (("client_secret", "guess"), 401, 7_000_215),
        (("client_secret", CLIENT_SECRET), 401, 7_000_215),
        (("client_secret", ""), 401, 7_000_218),
        (("client_id", "somebody"), 400, 700_016),
    ] {
        let reply = running.refresh(&token, &[change]).await;
        assert_eq!((reply.status, code(&reply)), (status, expected), "{change:?}");
        let reply = running.redeem("code", &[change]).await;
        assert_eq!((reply.status, code(&reply)), (status, expected), "{change:?}");
    }
    assert_eq!(running.control.refreshes(), 0);
    // By itself it may have a token, and nothing was granted to it.
    let fields = [("client_id", APP_USER_CLIENT_ID), ("client_secret", APP_USER_CLIENT_SECRET)];
    let mut running = running;
    running.renew(&fields).await;
    assert_eq!(running.get("/organization").await.code(), "Authorization_RequestDenied");
}

#[tokio::test]
async fn one_application_may_be_for_both() {
    let identity = Identity { app_user_client_id: CLIENT_ID.to_owned(), ..Identity::default() };
    let running = start(Settings { identity, ..quiet() }).await;
    let token = running.control.grant(true, false);
    for secret in [CLIENT_SECRET, APP_USER_CLIENT_SECRET] {
        let own = [("client_id", CLIENT_ID), ("client_secret", secret)];
        assert_eq!(running.refresh(&token, &own).await.status, 200);
        assert_eq!(running.token(&[("client_secret", secret)]).await.status, 200);
    }
    assert_eq!(code(&running.refresh(&token, &[]).await), 700_016);
    assert_eq!(running.get("/organization").await.status, 200);
}

#[tokio::test]
async fn a_grant_serves_every_resource_consented_to_and_no_other() {
    let running = start(quiet()).await;
    let token = running.control.grant(true, false);
    for scope in [GRAPH, PARTNER_CENTER, "https://graph.microsoft.com/PartnerSecurity.Read.All"] {
        let reply = running.refresh(&token, &[("scope", scope)]).await.json();
        let audience = claims(&reply)["aud"].as_str().unwrap().to_owned();
        assert!(scope.starts_with(&audience), "{scope}: {audience}");
    }
    let graph_only = "offline_access https://graph.microsoft.com/PartnerSecurity.Read.All";
    let body = encode(&[("username", &running.agent()), ("choice", "approve-mfa")], &[]);
    let reply = running.ask("POST", &page(&[("scope", graph_only)]), FORM, &body).await;
    let given = running.redeem(&sent_back(&reply)["code"], &[("scope", "")]).await.json();
    assert_eq!(claims(&given)["scp"], "PartnerSecurity.Read.All");
    let token = given["refresh_token"].as_str().unwrap();
    assert_eq!(code(&running.refresh(token, &[]).await), 65_001);
    assert_eq!(code(&running.refresh(token, &[("scope", "User.Read")]).await), 65_001);
    for scope in ["Everything.ReadWrite.All", "https://vault.azure.net/.default"] {
        let reply = running.refresh(token, &[("scope", scope)]).await;
        assert_eq!((reply.status, &reply.json()["error"]), (400, &json!("invalid_scope")));
    }
    assert_eq!(running.refresh(token, &[("scope", GRAPH)]).await.status, 200);
    // Who did not ask to come back gets nothing to come back with.
    let briefly = "https://api.partnercenter.microsoft.com/user_impersonation";
    let reply = running.ask("POST", &page(&[("scope", briefly)]), FORM, &body).await;
    let given = running.redeem(&sent_back(&reply)["code"], &[]).await;
    assert!(given.status == 200 && given.json().get("refresh_token").is_none());
}
