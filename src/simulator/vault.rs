//! Key Vault: secrets by name, to get and to set, for applications only.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::bearer::{Bearer, Holder};
use super::faults::Kind;
use super::http::{Answer, Asked};
use super::scope::Api;
use super::state::State;

/// Names the vault has room for.
const SECRETS: usize = 64;
/// Microsoft's own limit on the size of a secret.
const BYTES: usize = 25_000;

/// The secrets, the latest version of each.
#[derive(Default)]
pub(super) struct Vault(BTreeMap<String, Secret>);

struct Secret {
    value: String,
    version: String,
    created: Timestamp,
}

impl Vault {
    pub(super) fn secret(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|secret| secret.value.as_str())
    }

    pub(super) fn set(&mut self, name: &str, value: &str, version: String, now: Timestamp) {
        if self.0.len() < SECRETS || self.0.contains_key(name) {
            let version = version.replace('-', "");
            let secret = Secret { value: value.to_owned(), version, created: now };
            self.0.insert(name.to_owned(), secret);
        }
    }
}

/// Status, code, text, and the code within.
struct Refusal(StatusCode, &'static str, String, Option<&'static str>);

impl Refusal {
    fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        Self(status, code, text.into(), None)
    }

    fn answer(self, tenant: &str) -> Answer {
        let Self(status, code, text, inner) = self;
        let mut error = json!({ "code": code, "message": text });
        if let Some(inner) = inner {
            error["innererror"] = json!({ "code": inner });
        }
        let answer = Answer::of(status, &json!({ "error": error }));
        if status != StatusCode::UNAUTHORIZED {
            return answer;
        }
        let challenge = format!(
            "Bearer authorization=\"https://login.microsoftonline.com/{tenant}\", \
             resource=\"https://vault.azure.net\""
        );
        answer.with("www-authenticate", &challenge)
    }
}

pub(super) fn answer(state: &mut State, asked: &Asked, faults: &[Kind]) -> Answer {
    let request = state.fresh_id();
    let answered = serve(state, asked, faults)
        .unwrap_or_else(|refusal| refusal.answer(&state.settings.identity.tenant_id));
    answered.with("x-ms-request-id", &request).with("cache-control", "no-cache")
}

fn serve(state: &mut State, asked: &Asked, faults: &[Kind]) -> Result<Answer, Refusal> {
    for fault in faults {
        match fault {
            Kind::Throttle(retry) => return Ok(super::tokens::throttled(state, retry)),
            Kind::ServerError(rate) if state.rng.f64() < *rate => {
                let text = "The service is temporarily unavailable.";
                return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Throttled", text));
            }
            _ => {}
        }
    }
    authorize(state, asked)?;
    let forbidden = |fault: &Kind| match fault {
        Kind::Forbidden(part) => asked.path.contains(part.as_str()),
        _ => false,
    };
    if faults.iter().any(forbidden) {
        let text = "Caller is not authorized to perform action on resource.".to_owned();
        return Err(Refusal(StatusCode::FORBIDDEN, "Forbidden", text, Some("ForbiddenByRbac")));
    }
    let bad = |text: &str| Refusal::new(StatusCode::BAD_REQUEST, "BadParameter", text);
    let version = url::form_urlencoded::parse(asked.query.as_bytes())
        .find(|(name, _)| name == "api-version")
        .map(|(_, version)| version.into_owned());
    if !version.is_some_and(|version| version.starts_with("7.")) {
        return Err(bad("The api-version is missing or not supported."));
    }
    let name = asked.path.strip_prefix("/vault/secrets/").unwrap_or_default();
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if name.is_empty() || name.len() > 127 || !name.chars().all(legal) {
        let text = "The request URI contains an invalid name, or asks for what is not simulated.";
        return Err(bad(text));
    }
    match asked.method {
        Method::GET => {}
        Method::PUT => {
            let body: Option<Value> = serde_json::from_slice(&asked.body).ok();
            let value = body.as_ref().and_then(|body| body["value"].as_str());
            let value = value.ok_or_else(|| bad("Property value is missing or no text."))?;
            if value.len() > BYTES {
                return Err(bad("Property value is too long."));
            }
            let (version, now) = (state.fresh_id(), state.now());
            state.vault.set(name, value, version, now);
        }
        _ => {
            let text = "Only to get and to set is simulated.";
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", text));
        }
    }
    let secret = state.vault.0.get(name).ok_or_else(|| {
        let text = format!("A secret with (name/id) {name} was not found in this key vault.");
        Refusal::new(StatusCode::NOT_FOUND, "SecretNotFound", text)
    })?;
    let created = secret.created.as_second();
    let body = json!({
        "value": secret.value,
        "id": format!("{}/vault/secrets/{name}/{}", asked.origin, secret.version),
        "attributes": {
            "enabled": true,
            "created": created,
            "updated": created,
            "recoveryLevel": "Recoverable+Purgeable",
            "recoverableDays": 90,
        },
    });
    Ok(Answer::of(StatusCode::OK, &body))
}

fn authorize(state: &mut State, asked: &Asked) -> Result<(), Refusal> {
    let refuse = |text: &str| Err(Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized", text));
    let bearer = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let Some(bearer) = bearer else {
        return refuse("AKV10000: Request is missing a Bearer or PoP token.");
    };
    let now = state.now();
    match state.tokens.judge(bearer, Api::Vault, now) {
        // Access is given to the application that is watched with, and to nobody else.
        Bearer::Known { holder: Holder::Application { granted: true }, .. } => Ok(()),
        Bearer::Known { .. } => {
            let text = "The user, group or application does not have secrets get permission.";
            let code = Some("AccessDenied");
            Err(Refusal(StatusCode::FORBIDDEN, "Forbidden", text.to_owned(), code))
        }
        Bearer::WrongAudience => {
            refuse("AKV10022: Invalid audience. Expected https://vault.azure.net.")
        }
        Bearer::Expired | Bearer::Unknown => {
            refuse("[TokenExpired] Error validating token: 'S2S12086'.")
        }
    }
}
