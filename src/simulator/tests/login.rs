//! The token endpoints: who is let in, and how the others are told.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use serde_json::json;

use super::*;

const THUMBPRINT: [u8; 32] = [7; 32];

/// A key made for this test; it opens nothing else.
fn key() -> RsaKeyPair {
    RsaKeyPair::from_der(include_bytes!("key.der")).unwrap()
}

fn identity() -> Identity {
    let public = key().public().as_ref().to_vec();
    let uploaded = AssertionKey { thumbprint_sha256: THUMBPRINT, rsa_public_key_der: public };
    Identity {
        assertion_keys: vec![uploaded],
        federated_tokens: vec!["eyJhbGciOiJ9.from.elsewhere".to_owned()],
        managed_identity: true,
        app_service_header: Some("header-value".to_owned()),
        ..Identity::default()
    }
}

fn sign(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let (key, random) = (key(), ring::rand::SystemRandom::new());
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PSS_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn header() -> Value {
    json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(THUMBPRINT) })
}

fn claims(address: SocketAddr) -> Value {
    json!({
        "aud": format!("http://{address}/{TENANT_ID}/oauth2/v2.0/token"),
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "jti": "22222222-3333-4444-8555-666666666666",
        "nbf": noon().as_second(),
        "exp": noon().as_second() + 300,
    })
}

async fn with_assertion(running: &Running, assertion: &str) -> Reply {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let fields =
        [("client_secret", ""), ("client_assertion_type", kind), ("client_assertion", assertion)];
    running.token(&fields).await
}

#[tokio::test]
async fn a_token_looks_like_microsofts() {
    let running = start(quiet()).await;
    let reply = running.token(&[]).await;
    let body = reply.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!((&body["expires_in"], &body["ext_expires_in"]), (&json!(3599), &json!(3599)));
    let token = body["access_token"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((&claims["tid"], &claims["appid"]), (&json!(TENANT_ID), &json!(CLIENT_ID)));
    assert_eq!(claims["roles"], json!(graph::NEEDED_PERMISSIONS));
    assert_eq!(running.control.tokens_issued(), 2);
}

#[tokio::test]
async fn whoever_asks_wrongly_is_told_what_is_wrong() {
    let running = start(quiet()).await;
    for (fields, status, error, code) in [
        (("client_secret", "guess"), 401, "invalid_client", 7_000_215),
        (("client_secret", ""), 401, "invalid_client", 7_000_218),
        (("client_id", "somebody"), 400, "unauthorized_client", 700_016),
        (("client_id", ""), 400, "invalid_request", 900_144),
        (("grant_type", ""), 400, "invalid_request", 900_144),
        (("grant_type", "password"), 400, "unsupported_grant_type", 70_003),
        (("scope", ""), 400, "invalid_request", 900_144),
        (("scope", "User.Read.All"), 400, "invalid_scope", 1_002_012),
        (("scope", "https://graph.example.com/.default"), 400, "invalid_resource", 500_011),
    ] {
        let reply = running.token(&[fields]).await;
        let body = reply.json();
        assert_eq!((reply.status, body["error"].as_str()), (status, Some(error)), "{fields:?}");
        assert_eq!(body["error_codes"], json!([code]), "{fields:?}");
        let description = body["error_description"].as_str().unwrap();
        assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
        assert!(description.contains("\r\nTrace ID: "), "{description}");
        assert_eq!(body["timestamp"], "2026-03-02 12:00:00Z");
    }
    for (tenant, code) in [("common", 50_059), ("someone-else", 90_002)] {
        let reply = running.token_of(tenant, &[]).await;
        assert_eq!((reply.status, &reply.json()["error_codes"]), (400, &json!([code])));
    }
    let path = format!("/{TENANT_ID}/oauth2/v2.0/token");
    assert_eq!(running.ask("GET", &path, "", "").await.status, 405);
    assert_eq!(running.ask("POST", &path, "", "grant_type=client_credentials").await.status, 400);
}

#[tokio::test]
async fn an_assertion_proves_who_signed_it() {
    let running = start(Settings { identity: identity(), ..quiet() }).await;
    let good = sign(&header(), &claims(running.address));
    assert_eq!(with_assertion(&running, &good).await.status, 200);

    let spoiled = |part: &str, value: Value| {
        let (mut header, mut claims) = (header(), claims(running.address));
        let place = if header.get(part).is_some() { &mut header[part] } else { &mut claims[part] };
        *place = value;
        sign(&header, &claims)
    };
    let now = noon().as_second();
    for (assertion, code) in [
        (spoiled("alg", json!("RS256")), 50_027),
        (spoiled("typ", json!("at+jwt")), 50_027),
        (spoiled("x5t#S256", json!("unknown")), 700_027),
        (spoiled("aud", json!("https://login.microsoftonline.com/")), 700_023),
        (spoiled("iss", json!("somebody")), 700_021),
        (spoiled("sub", json!("somebody")), 700_021),
        (spoiled("jti", Value::Null), 50_027),
        (spoiled("exp", json!(now - 301)), 700_024),
        (spoiled("exp", json!(now + 90_000)), 700_024),
        (spoiled("nbf", json!(now + 301)), 700_024),
        (format!("{}x", &good[..good.len() - 4]), 50_027),
        ("not-a-jwt".to_owned(), 50_027),
    ] {
        let reply = with_assertion(&running, &assertion).await;
        assert_eq!((reply.status, &reply.json()["error_codes"]), (401, &json!([code])));
    }
    // Other claims under a signature made for these.
    let mut parts: Vec<&str> = good.split('.').collect();
    let mut other = claims(running.address);
    other["jti"] = json!("another");
    let other = URL_SAFE_NO_PAD.encode(other.to_string());
    parts[1] = &other;
    let reply = with_assertion(&running, &parts.join(".")).await;
    assert_eq!(reply.json()["error_codes"], json!([700_027]));
}

#[tokio::test]
async fn an_assertion_proves_the_application_for_people_too() {
    let running = start(Settings { identity: identity(), ..quiet() }).await;
    let grant = running.control.grant(true, false);
    let mut claims = claims(running.address);
    let ask = async |claims: &Value| {
        let assertion = sign(&header(), claims);
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &grant),
            ("client_id", APP_USER_CLIENT_ID),
            ("client_secret", ""),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ];
        running.token(&fields).await
    };
    // The other application's will not do.
    assert_eq!(ask(&claims).await.json()["error_codes"], json!([700_021]));
    (claims["iss"], claims["sub"]) = (json!(APP_USER_CLIENT_ID), json!(APP_USER_CLIENT_ID));
    assert_eq!(ask(&claims).await.status, 200);
}

#[tokio::test]
async fn a_federated_token_is_accepted_as_it_is_written() {
    let running = start(Settings { identity: identity(), ..quiet() }).await;
    assert_eq!(with_assertion(&running, "eyJhbGciOiJ9.from.elsewhere").await.status, 200);
    assert_eq!(with_assertion(&running, "eyJhbGciOiJ9.from.nowhere").await.status, 401);
}

#[tokio::test]
async fn a_virtual_machine_has_its_token_with_numbers_as_strings() {
    let mut running = start(Settings { identity: identity(), ..quiet() }).await;
    let path = "/metadata/identity/oauth2/token?api-version=2018-02-01\
                &resource=https://graph.microsoft.com";
    let metadata = "Metadata: true\r\n";
    let reply = running.ask("GET", path, metadata, "").await;
    let body = reply.json();
    assert_eq!((reply.status, &body["expires_in"]), (200, &json!("3599")));
    assert_eq!(body["expires_on"], json!((noon().as_second() + 3599).to_string()));
    running.bearer = body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(running.get("/users").await.status, 200);
    for (path, headers) in [
        (path.to_owned(), ""),
        (path.replace("2018-02-01", "2001-01-01"), metadata),
        (path.replace("graph.microsoft.com", "graph.example.com"), metadata),
        (format!("{path}&client_id=somebody"), metadata),
    ] {
        assert_eq!(running.ask("GET", &path, headers, "").await.status, 400, "{path}");
    }
    let running = start(quiet()).await;
    assert_eq!(running.ask("GET", path, metadata, "").await.status, 400);
}

#[tokio::test]
async fn app_service_says_when_its_token_expires_and_not_how_long_it_lasts() {
    let running = start(Settings { identity: identity(), ..quiet() }).await;
    let path = "/msi/token?api-version=2019-08-01&resource=https://graph.microsoft.com";
    let reply = running.ask("GET", path, "X-IDENTITY-HEADER: header-value\r\n", "").await;
    let body = reply.json();
    assert_eq!(reply.status, 200);
    assert!(body["expires_on"].is_string() && body.get("expires_in").is_none());
    assert_eq!(running.ask("GET", path, "X-IDENTITY-HEADER: other\r\n", "").await.status, 401);
    assert_eq!(start(quiet()).await.ask("GET", path, "", "").await.status, 404);
}
