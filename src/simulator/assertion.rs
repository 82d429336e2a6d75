//! Whether a client assertion proves who signs it, judged as Entra judges it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::Identity;
use super::tokens::Refusal;

/// How far the clocks of both sides may differ.
const SKEW_SECONDS: i64 = 300;
/// How long an assertion may live at most.
const LONGEST_SECONDS: i64 = 24 * 3600;

/// Accepts the assertion, or says as Entra would what is wrong with it.
pub(super) fn check(
    jwt: &str,
    identity: &Identity,
    client: &str,
    endpoint: &str,
    now: Timestamp,
) -> Result<(), Refusal> {
    if identity.federated_tokens.iter().any(|token| token == jwt) {
        return Ok(());
    }
    let refuse = |code, text: &str| Err(Refusal::new("invalid_client", code, text));
    let mut parts = jwt.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return refuse(50027, "JWT token is invalid or malformed.");
    };
    let signed = &jwt[..header.len() + 1 + claims.len()];
    let (Some(header), Some(claims), Ok(signature)) =
        (json(header), json(claims), URL_SAFE_NO_PAD.decode(signature))
    else {
        return refuse(50027, "JWT token is invalid or malformed.");
    };
    if header["alg"] != "PS256" || header["typ"] != "JWT" {
        return refuse(
            50027,
            "JWT token is invalid or malformed: alg PS256 and typ JWT are expected.",
        );
    }
    let thumbprint = header["x5t#S256"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let mut keys = identity.assertion_keys.iter();
    let key = keys.find(|key| thumbprint.as_deref() == Some(&key.thumbprint_sha256[..]));
    let Some(key) = key else {
        return refuse(
            700027,
            "The certificate with identifier used to sign the client assertion is \
                               not registered on application.",
        );
    };
    let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &key.rsa_public_key_der);
    if public.verify(signed.as_bytes(), &signature).is_err() {
        return refuse(700027, "Client assertion failed signature validation.");
    }
    if claims["aud"] != endpoint {
        return refuse(700023, "Client assertion audience claim does not match Realm issuer.");
    }
    let is_client =
        |claim: &Value| claim.as_str().is_some_and(|id| id.eq_ignore_ascii_case(client));
    if !is_client(&claims["iss"]) || !is_client(&claims["sub"]) {
        return refuse(
            700021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        );
    }
    if claims["jti"].as_str().is_none_or(str::is_empty) {
        return refuse(50027, "JWT token is invalid or malformed: jti is missing.");
    }
    let (Some(from), Some(until)) = (claims["nbf"].as_i64(), claims["exp"].as_i64()) else {
        return refuse(
            700024,
            "Client assertion is not within its valid time range: nbf and exp are expected.",
        );
    };
    let now = now.as_second();
    let valid = from - SKEW_SECONDS <= now && now < until + SKEW_SECONDS;
    if !valid || until <= from || until - from > LONGEST_SECONDS {
        return refuse(700024, "Client assertion is not within its valid time range.");
    }
    Ok(())
}

fn json(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
