//! Accounts as the directory lists them.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::filter;
use super::list::{self, Page, row};
use super::refusal::Refusal;
use super::{Answer, Context, Kind};
use crate::simulator::Plan;
use crate::simulator::person::{Person, Role};
use crate::simulator::privilege::Traits;

/// What is shown unless something else is selected. `accountEnabled` is not among it.
pub(super) const DEFAULT: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];
pub(super) const KNOWN: [&str; 21] = [
    "accountEnabled",
    "assignedPlans",
    "businessPhones",
    "createdDateTime",
    "creationType",
    "department",
    "displayName",
    "externalUserState",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "onPremisesSyncEnabled",
    // In no schema, and selectable all the same.
    "perUserMfaState",
    "preferredLanguage",
    "signInActivity",
    "surname",
    "userPrincipalName",
    "userType",
];
const DEFAULT_TOP: usize = 100;
const MOST: usize = 999;
/// The sign-in activity lives in another store, which gives fewer at a time.
const MOST_WITH_ACTIVITY: usize = 500;

pub(super) fn list(context: &Context<'_>) -> Result<Answer, Refusal> {
    let options = &context.options;
    options.allow(&["$select", "$top", "$filter", "$count"])?;
    let most = if options.selects("signInActivity") { MOST_WITH_ACTIVITY } else { MOST };
    let top = options.page_size(DEFAULT_TOP, most)?;
    let by_id = options.filter.as_deref().is_some_and(|filter| filter.starts_with("id "));
    let ids = if by_id { filter::read(options, &["id"])? } else { None };
    let enabled = if by_id { None } else { options.filtered(&["accountEnabled"])? };
    let wanted = |person: &&Person| {
        enabled.is_none_or(|(_, enabled)| person.enabled == enabled)
            && ids.as_ref().is_none_or(|ids| ids.admits(&person.guid()))
    };
    let fields = options.fields("user", &KNOWN, &DEFAULT)?;
    let people = context.state.world.people();
    let count = if options.count {
        consistent(context)?;
        // On the first page only.
        (options.cursor.pages == 0).then(|| people.iter().filter(wanted).count())
    } else {
        None
    };
    let start = options.cursor.position.min(people.len());
    let found: Vec<_> =
        people.iter().enumerate().skip(start).filter(|(_, p)| wanted(p)).take(top).collect();
    // A page that is just full goes on, if only to an empty one.
    let next = found.last().filter(|_| found.len() == top).map(|(place, _)| place + 1);
    let rows = found.iter().map(|(_, person)| show(context, person, &fields)).collect();
    Ok(list::answer(context, "users", Page { rows, next, count }))
}

/// The bare number of accounts.
pub(super) fn count(context: &Context<'_>) -> Result<Answer, Refusal> {
    consistent(context)?;
    let enabled = context.options.filtered(&["accountEnabled"])?;
    let people = context.state.world.people().iter();
    let count = people.filter(|p| enabled.is_none_or(|(_, wanted)| p.enabled == wanted)).count();
    Ok(Answer::text(StatusCode::OK, &count.to_string()))
}

/// One account, by object id or principal name.
pub(super) fn one(context: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    context.options.allow(&["$select"])?;
    let fields = context.options.fields("user", &KNOWN, &DEFAULT)?;
    let person = find(context, id)?;
    let mut body = show(context, person, &fields);
    body["@odata.context"] = context.metadata("users/$entity");
    Ok(context.json(&body))
}

/// What the legacy way demands of one account.
pub(super) fn mfa_requirements(context: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    context.options.allow(&[])?;
    let state = match find(context, id)?.fate.per_user_state() {
        _ if context.has(&Kind::NullEverything) => Value::Null,
        state => json!(state),
    };
    let what = format!("users('{id}')/authentication/requirements");
    let body = json!({ "@odata.context": context.metadata(&what), "perUserMfaState": state });
    Ok(context.json(&body))
}

fn find<'a>(context: &'a Context<'_>, id: &str) -> Result<&'a Person, Refusal> {
    let wanted = id.to_lowercase();
    let mut people = context.state.world.people().iter();
    people
        .find(|person| person.guid() == wanted || person.upn().eq_ignore_ascii_case(id))
        .ok_or_else(|| Refusal::absent(id))
}

/// Counting is for those who say that they can live with an index that lags.
pub(super) fn consistent(context: &Context<'_>) -> Result<(), Refusal> {
    match context.asked.header("consistencylevel") {
        Some(level) if level.eq_ignore_ascii_case("eventual") => Ok(()),
        _ => Err(Refusal::bad("$count needs the header ConsistencyLevel: eventual.")),
    }
}

pub(super) fn show(context: &Context<'_>, person: &Person, fields: &[&str]) -> Value {
    let null_everything = context.has(&Kind::NullEverything);
    let shown =
        |field: &&&str| **field != "perUserMfaState" || context.state.settings.per_user_mfa_shown;
    let fields: Vec<_> = fields.iter().filter(shown).copied().collect();
    row(&fields, |field| match field {
        "id" => json!(person.guid()),
        _ if null_everything => Value::Null,
        "accountEnabled" => json!(person.enabled),
        "userPrincipalName" => json!(person.upn()),
        "displayName" => json!(person.display_name()),
        "userType" => user_type(person),
        "createdDateTime" => json!(person.created.and_then(moment)),
        "businessPhones" => json!([]),
        "assignedPlans" => plans(context, person),
        // Null, and never false, for those made here.
        "onPremisesSyncEnabled" if traits(context, person).synchronized => json!(true),
        "givenName" if person.is_human() => json!(person.name().first),
        "surname" if person.is_human() => json!(person.name().last),
        "mail" if person.role == Role::Employee => json!(person.upn()),
        "creationType" if person.is_guest() => json!("Invitation"),
        "externalUserState" if person.is_guest() => json!("Accepted"),
        "perUserMfaState" => json!(person.fate.per_user_state()),
        "preferredLanguage" if person.role == Role::Employee => json!("en"),
        "signInActivity" => activity(context, person),
        _ => Value::Null,
    })
}

/// Capitalised here, and not in the report.
fn user_type(person: &Person) -> Value {
    match (person.typed, person.is_guest()) {
        (false, _) => Value::Null,
        (true, true) => json!("Guest"),
        (true, false) => json!("Member"),
    }
}

fn traits(context: &Context<'_>, person: &Person) -> Traits {
    Traits::of(person, context.state.born.as_second())
}

/// What somebody was given, and what was taken away again.
fn plans(context: &Context<'_>, person: &Person) -> Value {
    let traits = traits(context, person);
    let plan = |status: &str, service: &str, id: &str| {
        json!({
            "assignedDateTime": "2025-02-03T09:12:31Z",
            "capabilityStatus": status,
            "service": service,
            "servicePlanId": id,
        })
    };
    const P1: &str = "41781fb2-bc02-4b7c-bd55-b576c07bb09d";
    const P2: &str = "eec0eb4f-6444-4f95-aba0-50c24d67f998";
    let of_entra = |id| plan("Enabled", "AADPremiumService", id);
    let mut plans = match (traits.premium, context.plan()) {
        (true, Plan::P2) => vec![of_entra(P1), of_entra(P2)],
        (true, Plan::P1) => vec![of_entra(P1), plan("Deleted", "AADPremiumService", P2)],
        _ => Vec::new(),
    };
    if traits.premium {
        // In nearly every suite, and no mailbox.
        plans.push(plan("Enabled", "exchange", "113feb6c-3fe4-4440-bddc-54d774bf0318"));
    }
    let status = if traits.mailbox { "Enabled" } else { "Deleted" };
    plans.push(plan(status, "exchange", "efb87545-963c-4e0d-99df-69c6916d9eb0"));
    json!(plans)
}

/// The last sign-in stands in one of three places, and never is spelt in two ways.
fn activity(context: &Context<'_>, person: &Person) -> Value {
    const NEVER: &str = "0001-01-01T00:00:00Z";
    let last = traits(context, person).last;
    if last.is_none() && person.serial.is_multiple_of(2) {
        return Value::Null;
    }
    let last = last.and_then(moment).unwrap_or_else(|| NEVER.to_owned());
    let [mut interactive, mut other, mut successful] = [json!(NEVER), json!(NEVER), Value::Null];
    match person.serial % 3 {
        0 => interactive = json!(last),
        1 => other = json!(last),
        _ => successful = json!(last),
    }
    json!({
        "lastSignInDateTime": interactive,
        "lastSignInRequestId": person.guid(),
        "lastNonInteractiveSignInDateTime": other,
        "lastNonInteractiveSignInRequestId": "",
        "lastSuccessfulSignInDateTime": successful,
    })
}

pub(super) fn moment(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds).ok().map(|moment| moment.to_string())
}
