//! Who registered what, as the report on authentication methods tells it.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::list::{self, Page, row};
use super::refusal::Refusal;
use super::{Answer, Context, Kind};
use crate::simulator::person::{METHODS, Person};

const FIELDS: [&str; 16] = [
    "id",
    "isAdmin",
    "isMfaCapable",
    "isMfaRegistered",
    "isPasswordlessCapable",
    "isSsprCapable",
    "isSsprEnabled",
    "isSsprRegistered",
    "isSystemPreferredAuthenticationMethodEnabled",
    "lastUpdatedDateTime",
    "methodsRegistered",
    "systemPreferredAuthenticationMethods",
    "userDisplayName",
    "userPreferredMethodForSecondaryAuthentication",
    "userPrincipalName",
    "userType",
];
const FLAGS: [&str; 4] = ["isAdmin", "isMfaCapable", "isMfaRegistered", "isPasswordlessCapable"];
const MOST: usize = 1000;

/// A page covers so many accounts of the directory and leaves out those without a row: it can be
/// short, or empty, and still have a next one.
pub(super) fn list(context: &Context<'_>) -> Result<Answer, Refusal> {
    let options = &context.options;
    options.allow(&["$select", "$top", "$filter"])?;
    let top = options.top.unwrap_or(MOST);
    if !(1..=MOST).contains(&top) {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "BadRequest", "Invalid $top."));
    }
    let filter = options.filtered(&FLAGS)?;
    let fields = options.fields("userRegistrationDetails", &FIELDS, &FIELDS)?;
    let people = context.state.world.people();
    let start = options.cursor.position.min(people.len());
    let end = (start + top).min(people.len());
    let now = context.state.now();
    let rows = people[start..end].iter().filter(|person| person.has_row(now));
    let rows = rows.filter(|person| {
        filter.is_none_or(|(field, wanted)| value(context, person, field) == json!(wanted))
    });
    let rows = rows.map(|person| row(&fields, |field| value(context, person, field))).collect();
    // A page that is just full goes on, if only to an empty one.
    let next = (end - start == top).then_some(end);
    let what = "reports/authenticationMethods/userRegistrationDetails";
    Ok(list::answer(context, what, Page { rows, next, count: None }))
}

pub(super) fn one(context: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    context.options.allow(&[])?;
    let (now, wanted) = (context.state.now(), id.to_lowercase());
    let mut people = context.state.world.people().iter();
    let person = people
        .find(|person| person.guid() == wanted && person.has_row(now))
        .ok_or_else(|| Refusal::absent(id))?;
    let what = "reports/authenticationMethods/userRegistrationDetails/$entity";
    let mut body = row(&FIELDS, |field| value(context, person, field));
    body["@odata.context"] = context.metadata(what);
    Ok(context.json(&body))
}

fn value(context: &Context<'_>, person: &Person, field: &str) -> Value {
    let nullable = [
        "isAdmin",
        "isSystemPreferredAuthenticationMethodEnabled",
        "lastUpdatedDateTime",
        "userDisplayName",
        "userPreferredMethodForSecondaryAuthentication",
        "userPrincipalName",
        "userType",
    ];
    if nullable.contains(&field) && context.has(&Kind::NullEverything) {
        return Value::Null;
    }
    let methods = METHODS.iter().filter(|(_, bit)| person.methods & bit != 0).map(|(word, _)| word);
    let pushes = person.mfa_capable && person.methods & METHODS[0].1 != 0;
    match field {
        "id" => json!(person.guid()),
        "userPrincipalName" => json!(person.upn()),
        "userDisplayName" => json!(person.display_name()),
        // Lower case here, and never missing: who has no type is a member.
        "userType" => json!(if person.is_guest() { "guest" } else { "member" }),
        "isAdmin" => json!(person.duty.holds_role(context.plan())),
        "isMfaRegistered" => json!(person.mfa_registered),
        "isMfaCapable" => json!(person.mfa_capable),
        "isPasswordlessCapable" => json!(person.passwordless()),
        "isSsprRegistered" => json!(person.methods != 0),
        "isSsprEnabled" | "isSsprCapable" => json!(false),
        "isSystemPreferredAuthenticationMethodEnabled" => json!(true),
        "methodsRegistered" => json!(methods.collect::<Vec<_>>()),
        "systemPreferredAuthenticationMethods" if pushes => json!(["push"]),
        "systemPreferredAuthenticationMethods" => json!([]),
        // Nothing preferred is an empty text, not null.
        "userPreferredMethodForSecondaryAuthentication" => json!(if pushes { "push" } else { "" }),
        "lastUpdatedDateTime" => updated(context.state.now(), person),
        _ => Value::Null,
    }
}

/// When the row was refreshed, some hours ago, to a ten-millionth of a second.
fn updated(now: Timestamp, person: &Person) -> Value {
    let hour = now.as_second().div_euclid(3600) - (person.id % 6) as i64;
    let fraction = (person.id % 9_999_999 + 1) as i32 * 100;
    let moment = Timestamp::new(hour * 3600, fraction).unwrap_or(now);
    json!(format!("{moment:.7}"))
}
