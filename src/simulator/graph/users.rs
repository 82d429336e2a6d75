//! Accounts as the directory lists them.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::list::{self, Page, row};
use super::refusal::Refusal;
use super::{Answer, Context, Kind};
use crate::simulator::person::{Person, Role};

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
    let enabled = options.filtered(&["accountEnabled"])?.map(|(_, enabled)| enabled);
    let wanted = |person: &&Person| enabled.is_none_or(|enabled| person.enabled == enabled);
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
        "businessPhones" | "assignedPlans" => json!([]),
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

fn activity(context: &Context<'_>, person: &Person) -> Value {
    if person.role == Role::BreakGlass {
        return Value::Null;
    }
    let hours_ago = (person.id % 400) as i64;
    let last = moment(context.state.now().as_second() - hours_ago * 3600);
    json!({
        "lastSignInDateTime": last,
        "lastSignInRequestId": person.guid(),
        "lastNonInteractiveSignInDateTime": "0001-01-01T00:00:00Z",
        "lastNonInteractiveSignInRequestId": "",
    })
}

fn moment(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds).ok().map(|moment| moment.to_string())
}
