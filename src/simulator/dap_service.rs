//! The service behind Partner Center's page of administrative relationships: OData of an older
//! house, for people who did MFA only, and announced as short-lived.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::audit;
use super::bearer::{Bearer, Holder};
use super::customers::Customer;
use super::faults::Kind;
use super::http::{Answer, Asked};
use super::person::guid;
use super::scope::Api;
use super::spoil;
use super::state::State;
use super::tokens;

/// What it takes itself for.
const BASE: &str = "https://traf-pcsvcadmin-prod.trafficmanager.net/CustomerServiceAdminApi/Web/v1";
/// Rows on a page at most.
const MOST: usize = 300;
/// What can be selected, in the order shown.
const FIELDS: [&str; 10] = [
    "id",
    "customerTenantId",
    "organizationDisplayName",
    "partnerAgentCount",
    "partnerSignInCount",
    "globalAdminSignInCount",
    "dapEnabled",
    "startDateTime",
    "endDateTime",
    "lastSignInDateTime",
];
/// What can be sorted by.
const SORTED: [&str; 4] =
    ["organizationDisplayName", "dapEnabled", "startDateTime", "lastSignInDateTime"];

pub(super) fn answer(state: &mut State, asked: &Asked, faults: &[Kind]) -> Answer {
    for fault in faults {
        match fault {
            Kind::Throttle(retry) => return tokens::throttled(state, retry),
            Kind::ServerError(rate) if state.rng.f64() < *rate => {
                return Answer::html(StatusCode::BAD_GATEWAY, "<h1>502 Bad Gateway</h1>");
            }
            Kind::DapServiceGone(status) => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::GONE);
                return Answer::html(status, "<h1>This site is not here any more</h1>");
            }
            _ => {}
        }
    }
    serve(state, asked, faults).unwrap_or_else(Refusal::answer)
}

fn serve(state: &mut State, asked: &Asked, faults: &[Kind]) -> Result<Answer, Refusal> {
    authorize(state, asked, faults)?;
    if asked.method != Method::GET {
        return Ok(Answer::text(StatusCode::METHOD_NOT_ALLOWED, "").with("allow", "GET"));
    }
    match asked.path.as_str() {
        "/dap/v1/delegatedAdminCustomers" => customers(state, asked, faults),
        "/dap/v1/delegatedAdminStatistics" => Ok(statistics(state)),
        _ => Err(Refusal(StatusCode::NOT_FOUND, "NotFound", "The resource was not found.")),
    }
}

/// Why it says no: its word and its text.
struct Refusal(StatusCode, &'static str, &'static str);

impl Refusal {
    fn bad(text: &'static str) -> Self {
        Self(StatusCode::BAD_REQUEST, "BadRequest", text)
    }

    fn answer(self) -> Answer {
        let Self(status, code, text) = self;
        let answer = Answer::of(status, &json!({ "error": { "code": code, "message": text } }));
        if status == StatusCode::UNAUTHORIZED {
            return answer.with("www-authenticate", "Bearer error=\"invalid_token\"");
        }
        answer
    }
}

fn authorize(state: &mut State, asked: &Asked, faults: &[Kind]) -> Result<(), Refusal> {
    let bearer = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let now = state.now();
    let judged = bearer.map(|bearer| state.tokens.judge(bearer, Api::Dap, now));
    let holder = match judged {
        Some(Bearer::Known { first: true, .. }) if faults.contains(&Kind::ExpiredToken) => None,
        Some(Bearer::Known { holder, .. }) => Some(holder),
        _ => None,
    };
    match holder {
        None => {
            Err(Refusal(StatusCode::UNAUTHORIZED, "Unauthorized", "The token is not accepted."))
        }
        Some(Holder::Application { .. }) => {
            Err(Refusal(StatusCode::FORBIDDEN, "Forbidden", "Only people may ask."))
        }
        Some(Holder::Person { mfa: false, .. }) => {
            Err(Refusal(StatusCode::UNAUTHORIZED, "Unauthorized", "MFA is required."))
        }
        Some(Holder::Person { .. }) => {
            let forbidden = faults.iter().any(|fault| match fault {
                Kind::Forbidden(part) => asked.path.contains(part.as_str()),
                _ => false,
            });
            if forbidden || !state.settings.partner {
                return Err(Refusal(StatusCode::FORBIDDEN, "Forbidden", "Not a partner's agent."));
            }
            Ok(())
        }
    }
}

/// What the query asks for.
struct Options {
    enabled: Option<bool>,
    fields: Vec<&'static str>,
    top: Option<usize>,
    skip: usize,
    count: bool,
    /// All of the query but for where it begins.
    rest: String,
}

impl Options {
    fn read(asked: &Asked) -> Result<Self, Refusal> {
        let mut options = Self {
            enabled: None,
            fields: FIELDS.to_vec(),
            top: None,
            skip: 0,
            count: false,
            rest: String::new(),
        };
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(asked.query.as_bytes()) {
            if !name.eq_ignore_ascii_case("$skip") {
                rest.append_pair(&name, &value);
            }
            match name.to_lowercase().as_str() {
                "$filter" => {
                    options.enabled = match value.split_whitespace().collect::<Vec<_>>()[..] {
                        ["dapEnabled", "eq", "true"] => Some(true),
                        ["dapEnabled", "eq", "false"] => Some(false),
                        _ => return Err(Refusal::bad("The filter is not supported.")),
                    };
                }
                "$select" => {
                    let known = |name: &str| FIELDS.into_iter().find(|field| *field == name.trim());
                    let fields = value.split(',').map(known).collect::<Option<_>>();
                    options.fields = fields.ok_or_else(|| Refusal::bad("No such property."))?;
                }
                "$top" => {
                    let top = value.parse().ok().filter(|top| (1..=MOST).contains(top));
                    let top = top.ok_or_else(|| Refusal::bad("$top is between 1 and 300."))?;
                    options.top = Some(top);
                }
                "$skip" => {
                    let skip = value.parse();
                    options.skip = skip.map_err(|_| Refusal::bad("$skip is a number."))?;
                }
                "$count" => options.count = value == "true",
                "$orderby" => {
                    let by = value.split_whitespace().next().unwrap_or_default();
                    if !SORTED.contains(&by) {
                        return Err(Refusal::bad("It cannot be sorted by that."));
                    }
                }
                name if name.starts_with('$') => {
                    return Err(Refusal::bad("The query option is not supported."));
                }
                _ => {}
            }
        }
        options.rest = rest.finish();
        Ok(options)
    }
}

fn customers(state: &State, asked: &Asked, faults: &[Kind]) -> Result<Answer, Refusal> {
    let options = Options::read(asked)?;
    let wanted = |customer: &&Customer| {
        options.enabled.is_none_or(|enabled| customer.dap.is_enabled() == enabled)
    };
    let all: Vec<_> = state.customers.iter().filter(wanted).collect();
    let page = all.iter().skip(options.skip).take(options.top.unwrap_or(MOST));
    let (last_use, now) = (state.last_use(), state.now());
    let show = |customer: &&Customer| show(customer, last_use(customer), &options.fields, now);
    let mut rows: Vec<_> = page.map(show).collect();
    let next = options.skip + rows.len();
    rows.iter_mut().for_each(|row| spoil::null_but(faults, row, &["id", "dapEnabled"]));
    spoil::rows(faults, &mut rows, options.skip);
    let mut body = json!({
        "@odata.context": format!("{BASE}/$metadata#delegatedAdminCustomers"),
        "value": rows,
    });
    if options.count {
        body["@odata.count"] = json!(all.len());
    }
    if next < all.len() || faults.contains(&Kind::EndlessPaging) {
        let origin = if faults.contains(&Kind::ForeignNextLink) {
            "https://dap.example.invalid"
        } else {
            &asked.origin
        };
        let between = if options.rest.is_empty() { "" } else { "&" };
        let link = format!("{origin}{}?{}{between}$skip={next}", asked.path, options.rest);
        // Tools that read this service look for either name.
        let name = if options.skip == 0 { "@odata.nextLink" } else { "nextLink" };
        body[name] = json!(link);
    }
    Ok(Answer::of(StatusCode::OK, &body))
}

fn show(customer: &Customer, used: Option<Timestamp>, fields: &[&str], now: Timestamp) -> Value {
    let (id, dap) = (guid(customer.id), &customer.dap);
    let used = used.filter(|_| dap.is_enabled());
    let lately = used.is_some_and(|used| now.duration_since(used) < SignedDuration::from_hours(24));
    // Some say that it is universal time.
    let zone = if customer.serial.is_multiple_of(3) { "Z" } else { "" };
    let written = |at| moment(at) + zone;
    let whole = json!({
        "id": id,
        "customerTenantId": id,
        "organizationDisplayName": customer.name(),
        // Of the last day only.
        "partnerAgentCount": usize::from(lately),
        "partnerSignInCount": if lately { 5 } else { 0 },
        "globalAdminSignInCount": 0,
        "dapEnabled": dap.is_enabled(),
        "startDateTime": dap.started.map(written),
        "endDateTime": dap.ended.map(|(ended, _)| written(ended)),
        "lastSignInDateTime": match used {
            Some(used) => json!(written(used)),
            None if customer.serial.is_multiple_of(2) => json!(""),
            None => Value::Null,
        },
    });
    let shown = fields.iter().map(|field| ((*field).to_owned(), whole[*field].clone()));
    Value::Object(shown.collect::<Map<_, _>>())
}

/// To a ten-millionth of a second.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.7f").to_string()
}

/// How many granted it, and were last there, on which day.
fn statistics(state: &State) -> Answer {
    let by_day = |of: &dyn Fn(&Customer) -> Option<Timestamp>| {
        let mut days = BTreeMap::<_, usize>::new();
        for customer in state.customers.iter().filter(|customer| customer.dap.is_enabled()) {
            if let Some(at) = of(customer) {
                *days.entry(audit::date(at)).or_default() += 1;
            }
        }
        let show = |(day, count): (Date, usize)| json!({ "date": day.strftime("%-m/%-d/%Y").to_string(), "count": count });
        days.into_iter().map(show).collect::<Vec<_>>()
    };
    let id = &state.settings.identity.tenant_id;
    let enabled = state.customers.iter().filter(|customer| customer.dap.is_enabled());
    let body = json!({
        "@odata.context": format!("{BASE}/$metadata#delegatedAdminStatistics/$entity"),
        "id": id,
        "partnerTenantId": id,
        "totalDapCustomerCount": enabled.count(),
        "establishedDapCount": by_day(&|customer| customer.dap.started),
        "inactiveDapCount": by_day(&state.last_use()),
    });
    Answer::of(StatusCode::OK, &body)
}
