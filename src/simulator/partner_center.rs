//! Partner Center: who may ask, how often, for what; what is answered stands in the files below.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::bearer::{Bearer, Holder};
use super::faults::{Cause, Kind};
use super::http::{Answer, Asked};
use super::scope::Api;
use super::spoil;
use super::state::State;

mod audit_records;
mod customers;
mod fraud_events;
mod paging;
mod profile;
mod refusal;
mod resellers;
mod usage;
mod visits;

use refusal::Refusal;

/// Requests in a minute, of all that ask for one partner.
const LIMIT: u32 = 500;

/// What was asked in the present minute.
#[derive(Default)]
pub(super) struct Meter {
    began: i64,
    count: u32,
}

impl Meter {
    /// Counts one request, refused or not; the seconds until there is room, when there is none.
    fn count(&mut self, now: Timestamp) -> Option<i64> {
        let now = now.as_second();
        if now - self.began >= 60 {
            (self.began, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(1);
        (self.count > LIMIT).then(|| (self.began + 60 - now).max(1))
    }
}

pub(super) fn answer(state: &mut State, asked: &Asked, faults: &[Kind]) -> Answer {
    let (request, correlation, trace) = (state.fresh_id(), state.fresh_id(), state.fresh_id());
    let mut mfa = None;
    let answered = serve(state, asked, faults, &mut mfa).unwrap_or_else(Refusal::answer);
    let answered = answered
        .with("ms-requestid", asked.header("ms-requestid").unwrap_or(&request))
        .with("ms-correlationid", asked.header("ms-correlationid").unwrap_or(&correlation))
        .with("ms-cv", &format!("{}.0", &trace[..8]))
        .with("ms-serverid", "202010406")
        .with("x-locale", "en-US");
    let tests = asked.header("validatemfa").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match mfa {
        Some(mfa) if tests && !faults.contains(&Kind::ValidateMfaSilent) => {
            answered.with("ismfacompliant", &mfa.to_string())
        }
        _ => answered,
    }
}

fn serve(
    state: &mut State,
    asked: &Asked,
    faults: &[Kind],
    mfa: &mut Option<bool>,
) -> Result<Answer, Refusal> {
    for fault in faults {
        match fault {
            Kind::Throttle(retry) => return Ok(throttled(retry.header(state.now()))),
            Kind::ServerError(rate) if state.rng.f64() < *rate => {
                return Ok(match state.rng.u8(..3) {
                    0 => Answer::text(StatusCode::INTERNAL_SERVER_ERROR, ""),
                    1 => Answer::html(StatusCode::BAD_GATEWAY, "<h1>502 Bad Gateway</h1>"),
                    _ => Answer::html(StatusCode::SERVICE_UNAVAILABLE, "<h1>Unavailable</h1>"),
                });
            }
            _ => {}
        }
    }
    let now = state.now();
    if state.settings.enforce_throttles
        && let Some(seconds) = state.meter.count(now)
    {
        return Ok(throttled(Some(seconds.to_string())));
    }
    authorize(state, asked, faults, mfa)?;
    if asked.method != Method::GET {
        return Ok(Answer::text(StatusCode::METHOD_NOT_ALLOWED, "").with("allow", "GET"));
    }
    let query = Query::read(asked);
    let context = Context { state, asked, query, faults };
    match asked.path.strip_prefix("/partnercenter/v1/").unwrap_or_default() {
        "fraudEvents" => fraud_events::list(&context),
        "nonMfaCompliantPartnerPrincipals" => Ok(visits::portal(&context)),
        "partnerRequests" => Ok(visits::requests(&context)),
        "applicationmfaadoptionstatus" => Ok(visits::adoption(&context)),
        "customers/usagerecords" => Ok(usage::records(&context)),
        "relationships" => resellers::relationships(&context),
        "compliance/csp/agreementstatus" => resellers::agreement_status(&context),
        "profiles/legalbusiness" => Ok(profile::legal_business(&context)),
        "auditrecords" => audit_records::list(&context),
        "customers" => customers::list(&context),
        path if path.starts_with("customers/") => customers::one(&context, path),
        path => Err(Refusal::absent(&format!("The resource '{path}' could not be found."))),
    }
}

/// Whether whoever asks may ask.
fn authorize(
    state: &mut State,
    asked: &Asked,
    faults: &[Kind],
    mfa: &mut Option<bool>,
) -> Result<(), Refusal> {
    let bearer = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let Some(bearer) = bearer else {
        return Err(Refusal::unauthorized(800001, "The authorization token is missing."));
    };
    let now = state.now();
    let holder = match state.tokens.judge(bearer, Api::PartnerCenter, now) {
        Bearer::Known { first: true, .. } if faults.contains(&Kind::ExpiredToken) => {
            return Err(Refusal::unauthorized(400, "Access denied: the token has expired."));
        }
        Bearer::Known { holder, .. } => holder,
        Bearer::WrongAudience => {
            let text = "The audience of the token is not accepted.";
            return Err(Refusal::unauthorized(900420, text));
        }
        Bearer::Expired | Bearer::Unknown => {
            return Err(Refusal::unauthorized(400, "Access denied."));
        }
    };
    match holder {
        Holder::Application { .. } if takes_applications(&asked.path) => {
            if !state.settings.registered || faults.contains(&Kind::Unregistered) {
                return Err(Refusal::unregistered());
            }
        }
        Holder::Application { .. } => {
            let text = "This resource does not support application-only authentication.";
            return Err(Refusal::forbidden(900329, text));
        }
        Holder::Person { mfa: done, .. } => {
            *mfa = Some(done);
            if !done && !faults.contains(&Kind::MfaUnenforced) {
                return Err(Refusal::without_mfa());
            }
        }
    }
    if !state.settings.partner || state.settings.indirect_reseller {
        return Err(Refusal::of(Cause::Programme));
    }
    for fault in faults {
        match fault {
            Kind::Refusal(cause) => return Err(Refusal::of(*cause)),
            Kind::Forbidden(part) if asked.path.contains(part.as_str()) => {
                return Err(Refusal::of(Cause::Role));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether an application may ask for this by itself.
fn takes_applications(path: &str) -> bool {
    let path = path.strip_prefix("/partnercenter/v1/").unwrap_or_default();
    match path.split('/').collect::<Vec<_>>()[..] {
        ["customers" | "auditrecords"] | ["customers", _, "usagebudget"] => true,
        ["customers", id] => id != "usagerecords",
        _ => false,
    }
}

/// What stands in front of Partner Center says so, in its own way.
fn throttled(retry: Option<String>) -> Answer {
    let after = retry.as_deref().unwrap_or("57");
    let text = format!("Rate limit is exceeded. Try again in {after} seconds.");
    let body = json!({ "statusCode": 429, "message": text });
    let answer = Answer::of(StatusCode::TOO_MANY_REQUESTS, &body);
    match retry {
        Some(value) => answer.with("retry-after", &value),
        None => answer,
    }
}

/// What the query says, whatever the casing of the names.
struct Query(BTreeMap<String, String>);

impl Query {
    fn read(asked: &Asked) -> Self {
        let pairs = form_urlencoded::parse(asked.query.as_bytes());
        Self(pairs.map(|(name, value)| (name.to_lowercase(), value.into_owned())).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_lowercase()).map(String::as_str)
    }
}

/// Everything an answer is made from.
struct Context<'a> {
    state: &'a State,
    asked: &'a Asked,
    query: Query,
    faults: &'a [Kind],
}

impl Context<'_> {
    /// Rows as they are shown, spoiled where that was asked for.
    fn shown(&self, mut rows: Vec<Value>, before: usize, kept: &[&str]) -> Vec<Value> {
        rows.iter_mut().for_each(|row| spoil::null_but(self.faults, row, kept));
        spoil::rows(self.faults, &mut rows, before);
        rows
    }

    /// A collection, which says how many there are on this page.
    fn collection(&self, rows: Vec<Value>, kept: &[&str]) -> Answer {
        Answer::of(StatusCode::OK, &collection(&self.shown(rows, 0, kept)))
    }

    /// A bare array.
    fn array(&self, rows: Vec<Value>, kept: &[&str]) -> Answer {
        Answer::of(StatusCode::OK, &self.shown(rows, 0, kept))
    }
}

fn collection(rows: &[Value]) -> Value {
    json!({
        "totalCount": rows.len(),
        "items": rows,
        "attributes": { "objectType": "Collection" },
    })
}

/// A time as most of Partner Center writes it: without a zone, and as short as it can be.
fn moment(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.f").to_string()
}

pub(super) use visits::truth;
