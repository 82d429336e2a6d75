//! Entra's token endpoint, and the tokens that were handed out.

use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use url::form_urlencoded;

use super::faults::{Kind, Retry};
use super::http::{Answer, Asked};
use super::names::INITIAL_DOMAIN;
use super::state::State;
use super::{assertion, managed, time};

pub(super) const LIFETIME_SECONDS: i64 = 3599;
/// Tokens remembered; older ones are refused as if expired.
const REMEMBERED: usize = 256;
/// What tokens are asked for: Graph in each cloud, and Partner Center.
const AUDIENCES: [&str; 5] = [
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
    "https://api.partnercenter.microsoft.com",
];

/// The tokens handed out.
#[derive(Default)]
pub(super) struct Tokens {
    remembered: VecDeque<Token>,
    pub(super) issued: u64,
}

struct Token {
    text: String,
    audience: String,
    expires: Timestamp,
    used: bool,
}

/// Whether a bearer is let in.
pub(super) enum Bearer {
    /// For the first time with this token, or again.
    Known {
        first: bool,
    },
    WrongAudience,
    Expired,
    Unknown,
}

impl Tokens {
    /// Judges a bearer that came to Graph.
    pub(super) fn judge(&mut self, text: &str, now: Timestamp) -> Bearer {
        let Some(token) = self.remembered.iter_mut().find(|token| token.text == text) else {
            return Bearer::Unknown;
        };
        if token.expires <= now {
            return Bearer::Expired;
        }
        if !token.audience.contains("graph") {
            return Bearer::WrongAudience;
        }
        Bearer::Known { first: !std::mem::replace(&mut token.used, true) }
    }
}

/// Makes a token. It looks like a JWT, and is accepted only because it is remembered.
pub(super) fn issue(state: &mut State, audience: &str) -> String {
    let now = state.now();
    let identity = &state.settings.identity;
    let claims = json!({
        "aud": audience,
        "iss": format!("https://sts.windows.net/{}/", identity.tenant_id),
        "iat": now.as_second(),
        "nbf": now.as_second(),
        "exp": now.as_second() + LIFETIME_SECONDS,
        "appid": identity.client_id,
        "idtyp": "app",
        "roles": state.settings.granted,
        "tid": identity.tenant_id,
        "ver": "1.0",
        "uti": state.rng.u64(..).to_string(),
    });
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "simulated" });
    let signature: Vec<u8> = (0..32).map(|_| state.rng.u8(..)).collect();
    let text = format!(
        "{}.{}.{}",
        part(&header.to_string()),
        part(&claims.to_string()),
        URL_SAFE_NO_PAD.encode(signature)
    );
    let expires = Timestamp::from_second(now.as_second() + LIFETIME_SECONDS).unwrap_or(now);
    if state.tokens.remembered.len() == REMEMBERED {
        state.tokens.remembered.pop_front();
    }
    let token = Token { text: text.clone(), audience: audience.to_owned(), expires, used: false };
    state.tokens.remembered.push_back(token);
    state.tokens.issued += 1;
    text
}

pub(super) fn answer(state: &mut State, asked: &Asked, faults: &[Kind]) -> Answer {
    match asked.path.as_str() {
        "/metadata/identity/oauth2/token" => managed::virtual_machine(state, asked, faults),
        "/msi/token" => managed::app_service(state, asked, faults),
        path => match path.trim_start_matches('/').split_once('/') {
            Some((tenant, "oauth2/v2.0/token")) if asked.method == Method::POST => {
                entra(state, asked, tenant, faults)
                    .unwrap_or_else(|refusal| refusal.answer(state, asked))
            }
            Some((_, "oauth2/v2.0/token")) => {
                Answer::text(StatusCode::METHOD_NOT_ALLOWED, "").with("allow", "POST")
            }
            _ => Answer::text(StatusCode::NOT_FOUND, ""),
        },
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

    fn answer(&self, state: &mut State, asked: &Asked) -> Answer {
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
    let form: BTreeMap<String, String> = form_urlencoded::parse(&asked.body).into_owned().collect();
    let field = |name: &str| form.get(name).filter(|value| !value.is_empty());
    let missing = |name: &str| {
        let text = format!("The request body must contain the following parameter: '{name}'.");
        Refusal::new("invalid_request", 900144, text)
    };
    let required = |name: &str| field(name).ok_or_else(|| missing(name));
    let form_type = asked.header("content-type").unwrap_or_default();
    if !form_type.starts_with("application/x-www-form-urlencoded") {
        return Err(missing("grant_type"));
    }
    let identity = &state.settings.identity;
    check_tenant(tenant, &identity.tenant_id)?;
    let grant = required("grant_type")?;
    if grant != "client_credentials" {
        let text = format!("The app requested an unsupported grant type '{grant}'.");
        return Err(Refusal::new("unsupported_grant_type", 70003, text));
    }
    let client = required("client_id")?;
    if !client.eq_ignore_ascii_case(&identity.client_id) {
        let text =
            format!("Application with identifier '{client}' was not found in the directory.");
        return Err(Refusal::new("unauthorized_client", 700016, text));
    }
    let audience = audience(required("scope")?)?;
    match (field("client_assertion"), field("client_secret")) {
        (Some(jwt), _) => {
            let kind = field("client_assertion_type").map(String::as_str);
            if kind != Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") {
                return Err(missing("client_assertion_type"));
            }
            let endpoint = format!("{}{}", asked.origin, asked.path);
            assertion::check(jwt, identity, &endpoint, state.now())?;
        }
        (None, Some(secret)) if *secret == identity.client_secret => {}
        (None, Some(_)) => return Err(wrong_secret(client)),
        (None, None) => {
            let text = "The request body must contain the following parameter: \
                        'client_assertion' or 'client_secret'.";
            return Err(Refusal::new("invalid_client", 7000218, text));
        }
    }
    let body = json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECONDS,
        "ext_expires_in": LIFETIME_SECONDS,
        "access_token": issue(state, audience),
    });
    Ok(Answer::of(StatusCode::OK, &body).with("cache-control", "no-store, no-cache"))
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
            Kind::Consent => Refusal::new(
                "invalid_grant",
                65001,
                "The user or administrator has not consented to use the application.",
            ),
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

fn check_tenant(asked: &str, tenant: &str) -> Result<(), Refusal> {
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

/// The resource a scope names.
fn audience(scope: &str) -> Result<&'static str, Refusal> {
    let Some(resource) = scope.strip_suffix("/.default") else {
        let text = format!("The provided value for scope {scope} is not valid.");
        return Err(Refusal::new("invalid_scope", 1002012, text));
    };
    resource_named(resource).ok_or_else(|| {
        let text = format!("The resource principal named {resource} was not found in the tenant.");
        Refusal::new("invalid_resource", 500011, text)
    })
}

/// The audience that goes by this name.
pub(super) fn resource_named(resource: &str) -> Option<&'static str> {
    AUDIENCES.into_iter().find(|known| *known == resource.trim_end_matches('/'))
}
