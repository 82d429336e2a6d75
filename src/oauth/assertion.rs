//! A client assertion: a JWT signed with the certificate's key (PS256, `x5t#S256`).

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{KeyPair, RSA_PSS_SHA256, RsaKeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::credential::read;
use super::error::TokenError;

/// How long an assertion holds, in seconds: Microsoft wants five to ten minutes.
const LIFE_SECONDS: i64 = 600;

/// How far our clock may be ahead of Microsoft's, in seconds.
const SKEW_SECONDS: i64 = 60;

/// Signs that `client_id` asks `endpoint` for a token. Files are read each time, so that rotating
/// them needs no restart.
pub(super) fn sign(
    client_id: &str,
    endpoint: &str,
    certificate_file: &Path,
    key_file: &Path,
    now: Timestamp,
) -> Result<SecretString, TokenError> {
    let refuse = |path: &Path, what: &str| TokenError::of_file(path, what);
    let pem = read(certificate_file)?;
    let certificate = CertificateDer::from_pem_slice(pem.expose_secret().as_bytes())
        .map_err(|_| refuse(certificate_file, "no CERTIFICATE block in PEM"))?;
    let pem = read(key_file)?;
    let key = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes())
        .map_err(|_| refuse(key_file, "no PRIVATE KEY block in PEM"))?;
    let key = match &key {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(refuse(key_file, "not an RSA key; Entra takes RSA keys only")),
    }
    .map_err(|_| refuse(key_file, "not an RSA key of 2048, 3072 or 4096 bits"))?;
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate));
    let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint});
    let issued = now.as_second();
    let claims = json!({
        "aud": endpoint,
        "iss": client_id,
        "sub": client_id,
        "jti": random_id().ok_or_else(|| refuse(key_file, "the system gives no random numbers"))?,
        "nbf": issued - SKEW_SECONDS,
        "iat": issued,
        "exp": issued + LIFE_SECONDS,
    });
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; key.public_key().modulus_len()];
    key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| refuse(key_file, "the key does not sign"))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}

/// 128 random bits: no two assertions are alike.
fn random_id() -> Option<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(crate::wire::ObjectId::Guid(bytes).to_string())
}
