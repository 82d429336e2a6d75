//! Who reached Partner Center in the past seven days, and whether with MFA.

use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Answer, Context, moment};
use crate::simulator::names::DOMAIN;
use crate::simulator::person::{guid, random_id};
use crate::simulator::state::State;
use crate::simulator::truth::{PartnerCenter, Requests};

/// Requests are shown up to this many, the latest.
const SHOWN: usize = 10_000;
const DAYS: i64 = 7;
/// The place of the first visitor among the people, where there are so many.
const FIRST_VISITOR: usize = 20;

/// An application that acts for people, with its requests of a day: those with MFA, and all.
struct Application {
    name: &'static str,
    with_mfa: u64,
    all: u64,
    operations: &'static [&'static str],
}

const APPLICATIONS: [Application; 4] = [
    Application {
        name: "Control panel (simulated)",
        with_mfa: 40,
        all: 40,
        operations: &[
            "Post /v{version}/customers/{customer_id}/orders",
            "Patch /v{version}/customers/{customer_id}/subscriptions/{subscription_id}",
            "Get /v{version}/customers",
        ],
    },
    Application {
        name: "Invoice importer (simulated)",
        with_mfa: 10,
        all: 20,
        operations: &[
            "Get /v{version}/invoices/{invoice_id}/lineitems",
            "Get /v{version}/invoices",
        ],
    },
    Application { name: "Sleeper (simulated)", with_mfa: 0, all: 0, operations: &[] },
    // Most go without a name.
    Application {
        name: "",
        with_mfa: 5,
        all: 5,
        operations: &[
            "Get /v{version}/customers/{customer_id}/subscriptions?order_id={order_id_value}",
        ],
    },
];
const IMPORTER: usize = 1;
/// Whose every request is: place among the applications.
const TURNS: [usize; 4] = [0, 0, IMPORTER, 3];

fn application_id(state: &State, place: usize) -> String {
    let mut rng = fastrand::Rng::with_seed(state.settings.seed ^ 0xa99 ^ ((place as u64) << 32));
    guid(random_id(&mut rng))
}

/// Object id and principal name of somebody who comes by.
fn visitor(state: &State, place: usize) -> (String, String) {
    match state.world.people().get(FIRST_VISITOR + place) {
        Some(person) => (person.guid(), person.upn()),
        None => {
            let id = format!("51301a7e-0000-4000-8000-{:012x}", 0x7151_0000 + place);
            (id, format!("visitor-{place}@{DOMAIN}"))
        }
    }
}

/// One request of an application for a person.
struct Request {
    application: usize,
    visitor: usize,
    mfa: bool,
    operation: &'static str,
    at: Timestamp,
}

/// The latest first.
fn all_requests(state: &State) -> impl Iterator<Item = Request> {
    let (count, now) = (state.settings.partner_requests, state.now());
    let apart = DAYS * 86_400 / (count as i64 + 1);
    (0..count.min(SHOWN)).map(move |place| {
        let application = TURNS[place % TURNS.len()];
        let operations = APPLICATIONS[application].operations;
        let mfa = application != IMPORTER || place % 8 != 2;
        Request {
            application,
            // Without MFA come the first two, one after the other.
            visitor: if mfa { 2 + place % 3 } else { place / 8 % 2 },
            mfa,
            operation: operations[place / TURNS.len() % operations.len()],
            at: now - SignedDuration::from_secs(apart * (place as i64 + 1)),
        }
    })
}

/// People who used the portal without MFA: of each the last time, and of the first once more.
fn portal_visits(state: &State) -> Vec<(usize, Timestamp, bool)> {
    let ago = |hours: i64| state.born - SignedDuration::from_hours(hours);
    let people = 0..state.settings.portal_without_mfa.min(SHOWN);
    let mut visits: Vec<_> =
        people.map(|place| (place, ago(20 + 30 * (place as i64 % 4)), false)).collect();
    if !visits.is_empty() {
        visits.push((0, ago(100), true));
    }
    visits
}

pub(super) fn portal(context: &Context<'_>) -> Answer {
    let state = context.state;
    let visits = portal_visits(state).into_iter();
    let rows = visits.map(|(place, at, again)| {
        let (id, upn) = visitor(state, place);
        // The documentation has two names for it.
        let name = match again {
            false => "lastNonMfaCompliantRequestDateTime",
            true => "lastNonMfaCompliantLoginDateTime",
        };
        json!({
            "objectId": id,
            "tenantId": state.settings.identity.tenant_id,
            "upn": upn,
            name: moment(at),
        })
    });
    context.collection(rows.collect(), &["objectId"])
}

pub(super) fn requests(context: &Context<'_>) -> Answer {
    let state = context.state;
    let rows = all_requests(state).enumerate().map(|(place, request)| {
        let (id, upn) = visitor(state, request.visitor);
        // And two for this.
        let address = if place % 2 == 0 { "ipAddress" } else { "sourceIpAddress" };
        json!({
            "requestId": guid(place as u128 + 1),
            "correlationId": "",
            "operationName": request.operation,
            "requestDateTime": moment(request.at),
            address: format!("203.0.113.{}", place % 200),
            "objectId": id,
            "tenantId": state.settings.identity.tenant_id,
            "upn": upn,
            "applicationId": application_id(state, request.application),
            "mfaCompliant": request.mfa,
        })
    });
    context.collection(rows.collect(), &["requestId", "applicationId", "mfaCompliant"])
}

/// One row for every day and application, in an array that begins with a byte order mark.
pub(super) fn adoption(context: &Context<'_>) -> Answer {
    let state = context.state;
    let mut rows = Vec::new();
    for day in 0..DAYS {
        let date = state.now() - SignedDuration::from_hours(24 * day);
        for (place, application) in APPLICATIONS.iter().enumerate() {
            rows.push(json!({
                "loginDate": date.strftime("%Y-%m-%d").to_string(),
                "mfaCompliantRequestCount": application.with_mfa,
                "totalRequestCount": application.all,
                "applicationId": application_id(state, place),
                "applicationName": application.name,
            }));
        }
    }
    let kept = ["loginDate", "mfaCompliantRequestCount", "totalRequestCount", "applicationId"];
    let mut answer = context.array(rows, &kept);
    debug_assert_eq!(answer.status, StatusCode::OK);
    answer.body.splice(0..0, "\u{feff}".bytes());
    answer
}

/// What is true of all that.
pub(in crate::simulator) fn truth(state: &State) -> PartnerCenter {
    let mut truth = PartnerCenter::default();
    for (place, at, again) in portal_visits(state) {
        if !again {
            truth.portal_people.push(visitor(state, place).0);
        }
        truth.portal_last = truth.portal_last.max(Some(at));
    }
    for request in all_requests(state) {
        let id = application_id(state, request.application);
        let requests: &mut Requests = truth.requests.entry(id).or_default();
        let writes = ["Post ", "Patch "].iter().any(|verb| request.operation.starts_with(verb));
        requests.provisioning |= writes;
        requests.invoicing |= request.operation.contains("/invoices");
        if request.mfa {
            requests.with_mfa += 1;
            continue;
        }
        requests.without_mfa += 1;
        let person = visitor(state, request.visitor).0;
        if !truth.request_people.contains(&person) {
            truth.request_people.push(person);
        }
    }
    for (place, application) in APPLICATIONS.iter().enumerate() {
        let days = DAYS.unsigned_abs();
        let counts = (application.with_mfa * days, application.all * days);
        truth.adoption.insert(application_id(state, place), counts);
    }
    truth.resellers = state.resellers.len();
    let signed = |wanted| state.resellers.iter().filter(|one| one.signed == Some(wanted)).count();
    (truth.resellers_signed, truth.resellers_unsigned) = (signed(true), signed(false));
    truth
}
