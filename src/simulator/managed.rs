//! Tokens of managed identities: the metadata service of virtual machines, and App Service's.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use serde_json::json;
use url::form_urlencoded;

use super::bearer::LIFETIME_SECONDS;
use super::faults::{Kind, Retry};
use super::http::{Answer, Asked};
use super::state::State;
use super::{bearer, scope, tokens};

/// Why neither hands out a token.
enum Refusal {
    /// Status, word, text.
    Said(StatusCode, &'static str, &'static str),
    Throttled(Retry),
    /// As if nothing were there.
    Bare(StatusCode),
}

impl Refusal {
    fn bad(text: &'static str) -> Self {
        Self::Said(StatusCode::BAD_REQUEST, "invalid_request", text)
    }

    fn answer(self, state: &State) -> Answer {
        match self {
            Self::Said(status, error, text) => {
                Answer::of(status, &json!({ "error": error, "error_description": text }))
            }
            Self::Throttled(retry) => tokens::throttled(state, &retry),
            Self::Bare(status) => Answer::text(status, ""),
        }
    }
}

/// The instance metadata service of virtual machines. Its numbers are strings.
pub(super) fn virtual_machine(state: &mut State, asked: &Asked, faults: &[Kind]) -> Answer {
    let resource = if asked.method != Method::GET {
        Err(Refusal::Bare(StatusCode::METHOD_NOT_ALLOWED))
    } else if asked.header("metadata") != Some("true") {
        Err(Refusal::bad("Required metadata header not specified"))
    } else if !state.settings.identity.managed_identity {
        Err(Refusal::bad("Identity not found"))
    } else {
        resource(state, asked, "2018-02-01", faults)
    };
    let resource = match resource {
        Ok(resource) => resource,
        Err(refusal) => return refusal.answer(state),
    };
    let now = state.now().as_second();
    let client = state.settings.identity.client_id.clone();
    let body = json!({
        "access_token": bearer::for_application(state, resource, &client, true),
        "client_id": client,
        "refresh_token": "",
        "expires_in": LIFETIME_SECONDS.to_string(),
        "expires_on": (now + LIFETIME_SECONDS).to_string(),
        "ext_expires_in": LIFETIME_SECONDS.to_string(),
        "not_before": now.to_string(),
        "resource": resource,
        "token_type": "Bearer",
    });
    Answer::of(StatusCode::OK, &body)
}

/// App Service's own endpoint, which says when a token expires and not how long it lasts.
pub(super) fn app_service(state: &mut State, asked: &Asked, faults: &[Kind]) -> Answer {
    let resource = match state.settings.identity.app_service_header.as_deref() {
        None => Err(Refusal::Bare(StatusCode::NOT_FOUND)),
        Some(expected) if asked.header("x-identity-header") != Some(expected) => {
            Err(Refusal::Bare(StatusCode::UNAUTHORIZED))
        }
        Some(_) => resource(state, asked, "2019-08-01", faults),
    };
    let resource = match resource {
        Ok(resource) => resource,
        Err(refusal) => return refusal.answer(state),
    };
    let client = state.settings.identity.client_id.clone();
    let body = json!({
        "access_token": bearer::for_application(state, resource, &client, true),
        "client_id": client,
        "expires_on": (state.now().as_second() + LIFETIME_SECONDS).to_string(),
        "resource": resource,
        "token_type": "Bearer",
    });
    Answer::of(StatusCode::OK, &body)
}

/// What both want to know; the resource, when they are satisfied.
fn resource(
    state: &mut State,
    asked: &Asked,
    version: &str,
    faults: &[Kind],
) -> Result<&'static str, Refusal> {
    for fault in faults {
        match fault {
            Kind::Throttle(retry) => return Err(Refusal::Throttled(retry.clone())),
            Kind::ServerError(rate) if state.rng.f64() < *rate => {
                let text = "Failed to retrieve token";
                return Err(Refusal::Said(StatusCode::INTERNAL_SERVER_ERROR, "unknown", text));
            }
            _ => {}
        }
    }
    let query: BTreeMap<String, String> =
        form_urlencoded::parse(asked.query.as_bytes()).into_owned().collect();
    if query.get("api-version").map(String::as_str) != Some(version) {
        return Err(Refusal::bad("Required query variable 'api-version' is not supported"));
    }
    if query.get("client_id").is_some_and(|client| *client != state.settings.identity.client_id) {
        return Err(Refusal::bad("Identity not found"));
    }
    let Some(resource) = query.get("resource") else {
        return Err(Refusal::bad("Required query variable 'resource' is missing"));
    };
    scope::resource_named(resource).ok_or(Refusal::Said(
        StatusCode::BAD_REQUEST,
        "invalid_resource",
        "AADSTS500011: The resource principal was not found in the tenant.",
    ))
}
