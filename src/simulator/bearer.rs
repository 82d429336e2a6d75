//! Access tokens that were handed out, and whom they speak for.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Settings;
use super::account::Account;
use super::scope::Api;
use super::state::State;

pub(super) const LIFETIME_SECONDS: i64 = 3599;
/// Tokens remembered; older ones are refused as if expired.
const REMEMBERED: usize = 256;

/// The tokens handed out.
#[derive(Default)]
pub(super) struct Tokens {
    remembered: VecDeque<Token>,
    pub(super) issued: u64,
}

struct Token {
    text: String,
    api: Api,
    holder: Holder,
    expires: Timestamp,
    used: bool,
}

/// Whom a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// An application by itself, and whether it is the one that permissions were granted to.
    Application { granted: bool },
    /// A person, by an application.
    Person { mfa: bool, scopes: Vec<&'static str> },
}

impl Holder {
    /// Whether this permission was granted, or consented to and asked for.
    pub(super) fn may(&self, settings: &Settings, permission: &str) -> bool {
        match self {
            Self::Application { granted } => {
                *granted && settings.granted.iter().any(|granted| granted == permission)
            }
            Self::Person { scopes, .. } => scopes.contains(&permission),
        }
    }
}

/// Whether a bearer is let in.
pub(super) enum Bearer {
    /// For the first time with this token, or again.
    Known {
        first: bool,
        holder: Holder,
    },
    WrongAudience,
    Expired,
    Unknown,
}

impl Tokens {
    /// Judges a bearer that came to this API.
    pub(super) fn judge(&mut self, text: &str, api: Api, now: Timestamp) -> Bearer {
        let Some(token) = self.remembered.iter_mut().find(|token| token.text == text) else {
            return Bearer::Unknown;
        };
        if token.expires <= now {
            return Bearer::Expired;
        }
        if token.api != api {
            return Bearer::WrongAudience;
        }
        let first = !std::mem::replace(&mut token.used, true);
        Bearer::Known { first, holder: token.holder.clone() }
    }
}

/// A token for an application by itself.
pub(super) fn for_application(
    state: &mut State,
    audience: &str,
    client: &str,
    granted: bool,
) -> String {
    let roles = if granted { json!(state.settings.granted) } else { json!([]) };
    let claims = json!({ "appid": client, "idtyp": "app", "roles": roles });
    issue(state, audience, claims, Holder::Application { granted })
}

/// A token for a person, as Partner Center's own test of MFA reads it.
pub(super) fn for_person(
    state: &mut State,
    audience: &str,
    client: &str,
    account: &Account,
    mfa: bool,
    scopes: Vec<&'static str>,
) -> String {
    let methods: &[&str] = if mfa { &["pwd", "mfa"] } else { &["pwd"] };
    let claims = json!({
        "acr": "1",
        "amr": methods,
        "appid": client,
        "appidacr": "1",
        "name": account.name,
        "oid": account.id,
        "scp": scopes.join(" "),
        "unique_name": account.upn,
        "upn": account.upn,
        "wids": account.roles,
    });
    issue(state, audience, claims, Holder::Person { mfa, scopes })
}

/// Makes a token. It looks like a JWT, and is accepted only because it is remembered.
fn issue(state: &mut State, audience: &str, mut claims: Value, holder: Holder) -> String {
    let now = state.now();
    let tenant = &state.settings.identity.tenant_id;
    claims["aud"] = json!(audience);
    claims["iss"] = json!(format!("https://sts.windows.net/{tenant}/"));
    claims["iat"] = json!(now.as_second());
    claims["nbf"] = json!(now.as_second());
    claims["exp"] = json!(now.as_second() + LIFETIME_SECONDS);
    claims["tid"] = json!(tenant);
    claims["ver"] = json!("1.0");
    claims["uti"] = json!(state.rng.u64(..).to_string());
    let text = jwt(state, &claims);
    let expires = Timestamp::from_second(now.as_second() + LIFETIME_SECONDS).unwrap_or(now);
    if state.tokens.remembered.len() == REMEMBERED {
        state.tokens.remembered.pop_front();
    }
    let api = Api::of(audience);
    let token = Token { text: text.clone(), api, holder, expires, used: false };
    state.tokens.remembered.push_back(token);
    state.tokens.issued += 1;
    text
}

/// Claims as a JWT that nobody signed.
pub(super) fn jwt(state: &mut State, claims: &Value) -> String {
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": "simulated" });
    let signature: Vec<u8> = (0..32).map(|_| state.rng.u8(..)).collect();
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    format!(
        "{}.{}.{}",
        part(header.to_string()),
        part(claims.to_string()),
        URL_SAFE_NO_PAD.encode(signature)
    )
}
