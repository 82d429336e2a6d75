//! Entra's token endpoint: who asks, how it is proved, and for whom.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use serde_json::json;
use url::form_urlencoded;

use super::bearer::{self, LIFETIME_SECONDS};
use super::faults::{Kind, Retry};
use super::grants::{Grant, without_consent};
use super::http::{Answer, Asked};
use super::names::INITIAL_DOMAIN;
use super::scope;
use super::state::State;
use super::{assertion, managed, sign_in, time};

/// How a person's application names the grant of a device code.
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Who waits for an answer that never comes gives up sooner than this.
const NEVER: Duration = Duration::from_secs(3600);

pub(super) fn answer(state: &mut State, asked: &Asked, faults: &[Kind]) -> Answer {
    match asked.path.as_str() {
        "/metadata/identity/oauth2/token" => managed::virtual_machine(state, asked, faults),
        "/msi/token" => managed::app_service(state, asked, faults),
        sign_in::DEVICE_PAGE => sign_in::device_page(state, asked),
        path => match path.trim_start_matches('/').split_once('/') {
            Some((tenant, "oauth2/v2.0/authorize")) => sign_in::authorize(state, asked, tenant),
            Some((tenant, "oauth2/v2.0/token")) if asked.method == Method::POST => {
                entra(state, asked, tenant, faults)
                    .unwrap_or_else(|refusal| refusal.answer(state, asked))
            }
            Some((tenant, "oauth2/v2.0/devicecode")) if asked.method == Method::POST => {
                sign_in::device_code(state, asked, tenant)
                    .unwrap_or_else(|refusal| refusal.answer(state, asked))
            }
            Some((_, "oauth2/v2.0/token" | "oauth2/v2.0/devicecode")) => {
                Answer::text(StatusCode::METHOD_NOT_ALLOWED, "").with("allow", "POST")
            }
            _ => Answer::text(StatusCode::NOT_FOUND, ""),
        },
    }
}

/// What a form says; an empty field says nothing.
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    pub(super) fn read(text: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(text).into_owned();
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The body of a request, which has to be a form.
    pub(super) fn of(asked: &Asked) -> Result<Self, Refusal> {
        let content_type = asked.header("content-type").unwrap_or_default();
        if !content_type.starts_with("application/x-www-form-urlencoded") {
            return Err(missing("grant_type"));
        }
        Ok(Self::read(&asked.body))
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.field(name).ok_or_else(|| missing(name))
    }
}

fn missing(name: &str) -> Refusal {
    let text = format!("The request body must contain the following parameter: '{name}'.");
    Refusal::new("invalid_request", 900144, text)
}

/// An application of the tenant, and what it is for. One may be for both.
pub(super) struct Client {
    pub(super) id: String,
    /// Whether permissions were granted to it, to use by itself.
    by_itself: bool,
    /// Whether it acts for people.
    pub(super) for_people: bool,
}

impl Client {
    pub(super) fn find(state: &State, id: &str) -> Result<Self, Refusal> {
        let identity = &state.settings.identity;
        let by_itself = id.eq_ignore_ascii_case(&identity.client_id);
        let for_people = id.eq_ignore_ascii_case(&identity.app_user_client_id);
        if by_itself || for_people {
            return Ok(Self { id: id.to_owned(), by_itself, for_people });
        }
        let text = format!("Application with identifier '{id}' was not found in the directory.");
        Err(Refusal::new("unauthorized_client", 700016, text))
    }

    /// Whether whoever asks is this application.
    fn prove(&self, state: &State, asked: &Asked, form: &Form) -> Result<(), Refusal> {
        let identity = &state.settings.identity;
        match (form.field("client_assertion"), form.field("client_secret")) {
            (Some(jwt), _) => {
                let kind = form.field("client_assertion_type");
                if kind != Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") {
                    return Err(missing("client_assertion_type"));
                }
                let endpoint = format!("{}{}", asked.origin, asked.path);
                assertion::check(jwt, identity, &self.id, &endpoint, state.now())
            }
            (None, Some(secret))
                if self.by_itself && secret == identity.client_secret
                    || self.for_people && secret == identity.app_user_client_secret =>
            {
                Ok(())
            }
            (None, Some(_)) => Err(wrong_secret(&self.id)),
            (None, None) => {
                let text = "The request body must contain the following parameter: \
                            'client_assertion' or 'client_secret'.";
                Err(Refusal::new("invalid_client", 7000218, text))
            }
        }
    }
}

/// Why Entra hands out no token: its word, its code, its text.
pub(super) struct Refusal {
    pub(super) error: &'static str,
    pub(super) code: u32,
    pub(super) text: String,
}

impl Refusal {
    pub(super) fn new(error: &'static str, code: u32, text: impl Into<String>) -> Self {
        Self { error, code, text: text.into() }
    }

    pub(super) fn answer(&self, state: &mut State, asked: &Asked) -> Answer {
        let status = match self.error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        let moment = state.now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let trace = state.fresh_id();
        let correlation = match asked.header("client-request-id") {
            Some(id) => id.to_owned(),
            None => state.fresh_id(),
        };
        let description = format!(
            "AADSTS{}: {}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\n\
             Timestamp: {moment}",
            self.code, self.text
        );
        let body = json!({
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": correlation,
        });
        Answer::of(status, &body).with("cache-control", "no-store, no-cache")
    }
}

fn entra(
    state: &mut State,
    asked: &Asked,
    tenant: &str,
    faults: &[Kind],
) -> Result<Answer, Refusal> {
    for fault in faults {
        if let Kind::Throttle(retry) = fault {
            return Ok(throttled(state, retry));
        }
    }
    stand_in_the_way(state, faults)?;
    let form = Form::of(asked)?;
    check_tenant(tenant, &state.settings.identity.tenant_id)?;
    let kind = form.required("grant_type")?;
    let known = ["client_credentials", "authorization_code", "refresh_token", DEVICE_CODE];
    if !known.contains(&kind) {
        let text = format!("The app requested an unsupported grant type '{kind}'.");
        return Err(Refusal::new("unsupported_grant_type", 70003, text));
    }
    let client = Client::find(state, form.required("client_id")?)?;
    if kind == "client_credentials" {
        let audience = scope::audience(form.required("scope")?)?;
        client.prove(state, asked, &form)?;
        let token = bearer::for_application(state, audience, &client.id, client.by_itself);
        let body = json!({
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "ext_expires_in": LIFETIME_SECONDS,
            "access_token": token,
        });
        return Ok(token_answer(&body));
    }
    client.prove(state, asked, &form)?;
    if faults.contains(&Kind::TokenHang) {
        let mut answer = Answer::text(StatusCode::GATEWAY_TIMEOUT, "");
        answer.delay = NEVER;
        return Ok(answer);
    }
    let mut answer = for_person(state, &form, &client, kind, faults)?;
    for fault in faults {
        if let Kind::TokenStall(milliseconds) = fault {
            answer.delay = Duration::from_millis(*milliseconds);
        }
    }
    Ok(answer)
}

/// Tokens for a person: by a code from the sign-in page, by one entered elsewhere, or by the grant
/// of before.
fn for_person(
    state: &mut State,
    form: &Form,
    client: &Client,
    kind: &str,
    faults: &[Kind],
) -> Result<Answer, Refusal> {
    let (now, scope) = (state.now(), form.field("scope"));
    let rotates = !faults.contains(&Kind::NoRotation);
    let (grant, given, next) = match kind {
        "refresh_token" => {
            let token = form.required("refresh_token")?;
            let grace =
                SignedDuration::try_from(state.settings.grant_grace).unwrap_or(SignedDuration::MAX);
            let grant = state.grants.known(token, &client.id, grace, faults, now)?;
            let given = grant.cut(scope)?;
            let next = rotates.then(|| state.fresh_secret());
            state.grants.rotate(token, next.clone(), now);
            (grant, given, next)
        }
        _ => {
            let grant = if kind == DEVICE_CODE {
                let hurry = state.settings.enforce_throttles;
                state.grants.poll(form.required("device_code")?, &client.id, hurry, now)?
            } else {
                let (code, redirect) = (form.required("code")?, form.required("redirect_uri")?);
                let challenge = form.field("code_verifier").map(challenge);
                state.grants.redeem(code, &client.id, redirect, challenge.as_deref(), now)?
            };
            let given = grant.cut(scope)?;
            let next = (rotates && grant.wanted.offline).then(|| state.fresh_secret());
            if let Some(next) = &next {
                state.grants.give(next.clone(), Arc::clone(&grant), now);
            }
            (grant, given, next)
        }
    };
    Ok(tokens_for(state, &grant, given, next, faults))
}

fn tokens_for(
    state: &mut State,
    grant: &Grant,
    (audience, scopes): (&'static str, Vec<&'static str>),
    next: Option<String>,
    faults: &[Kind],
) -> Answer {
    let mfa = grant.mfa && !faults.contains(&Kind::MfaMissing);
    let said: Vec<_> = scopes.iter().map(|name| format!("{audience}/{name}")).collect();
    let (client, account) = (&grant.client, &grant.account);
    let now = state.now().as_second();
    let identity = json!({
        "aud": client,
        "exp": now + LIFETIME_SECONDS,
        "iat": now,
        "iss": format!("https://sts.windows.net/{}/", state.settings.identity.tenant_id),
        "oid": account.id,
        "preferred_username": account.upn,
        "tid": state.settings.identity.tenant_id,
        "ver": "2.0",
    });
    let mut body = json!({
        "token_type": "Bearer",
        "scope": said.join(" "),
        "expires_in": LIFETIME_SECONDS,
        "ext_expires_in": LIFETIME_SECONDS,
        "access_token": bearer::for_person(state, audience, client, account, mfa, scopes),
        "id_token": bearer::jwt(state, &identity),
    });
    if let Some(next) = next {
        body["refresh_token"] = json!(next);
    }
    token_answer(&body)
}

fn token_answer(body: &serde_json::Value) -> Answer {
    Answer::of(StatusCode::OK, body).with("cache-control", "no-store, no-cache")
}

/// What a verifier was announced as (PKCE, S256).
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

pub(super) fn throttled(state: &State, retry: &Retry) -> Answer {
    let answer = Answer::text(StatusCode::TOO_MANY_REQUESTS, "");
    match retry.header(state.now()) {
        Some(value) => answer.with("retry-after", &value),
        None => answer,
    }
}

impl Retry {
    /// `Retry-After`, where it is sent at all.
    pub(super) fn header(&self, now: Timestamp) -> Option<String> {
        match self {
            Self::Seconds(seconds) => Some(seconds.to_string()),
            Self::Date => {
                let moment = Timestamp::from_second(now.as_second() + 10).unwrap_or(now);
                Some(time::http_date(moment))
            }
            Self::None => None,
        }
    }
}

/// The refusals that are asked for as faults.
fn stand_in_the_way(state: &mut State, faults: &[Kind]) -> Result<(), Refusal> {
    for fault in faults {
        return Err(match fault {
            Kind::ServerError(rate) if state.rng.f64() < *rate => Refusal::new(
                "temporarily_unavailable",
                90033,
                "A transient error has occurred. Please try again.",
            ),
            Kind::ExpiredSecret => Refusal::new(
                "invalid_client",
                7000222,
                format!(
                    "The provided client secret keys for app '{}' are expired.",
                    state.settings.identity.client_id
                ),
            ),
            Kind::WrongSecret => wrong_secret(&state.settings.identity.client_id),
            Kind::Consent => without_consent(),
            Kind::AppDisabled => Refusal::new(
                "unauthorized_client",
                7000112,
                format!("Application '{}' is disabled.", state.settings.identity.client_id),
            ),
            Kind::ConditionalAccess => Refusal::new(
                "invalid_grant",
                53003,
                "Access has been blocked by Conditional Access policies.",
            ),
            _ => continue,
        });
    }
    Ok(())
}

fn wrong_secret(client: &str) -> Refusal {
    let text = format!("Invalid client secret provided for app '{client}'.");
    Refusal::new("invalid_client", 7000215, text)
}

pub(super) fn check_tenant(asked: &str, tenant: &str) -> Result<(), Refusal> {
    if ["common", "organizations", "consumers"].contains(&asked) {
        let text = "No tenant-identifying information found in the request.";
        return Err(Refusal::new("invalid_request", 50059, text));
    }
    if !asked.eq_ignore_ascii_case(tenant) && !asked.eq_ignore_ascii_case(INITIAL_DOMAIN) {
        let text = format!("Tenant '{asked}' not found.");
        return Err(Refusal::new("invalid_request", 90002, text));
    }
    Ok(())
}
