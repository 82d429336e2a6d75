//! Conditional Access: the policies, and the places they may name.

use serde_json::{Value, json};

use super::list::{self, Page, row};
use super::refusal::Refusal;
use super::{Answer, Context, Kind};
use crate::simulator::person::guid;
use crate::simulator::places::places;
use crate::simulator::policy::Policy;

const POLICY: [&str; 9] = [
    "conditions",
    "createdDateTime",
    "displayName",
    "grantControls",
    "id",
    "modifiedDateTime",
    "sessionControls",
    "state",
    "templateId",
];
const TOP: usize = 1000;

/// Other options are documented, and refused here: `$filter`, `$orderby`, `$skip`, `$count`.
pub(super) fn policies(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select", "$top"])?;
    let fields = context.options.fields("conditionalAccessPolicy", &POLICY, &POLICY)?;
    let policies = context.state.world.directory().policies.iter();
    let rows = policies.map(|policy| row(&fields, |field| show(context, policy, field)));
    let page = Page::part(context, rows.collect(), TOP, TOP)?;
    Ok(list::answer(context, "conditionalAccess/policies", page))
}

fn show(context: &Context<'_>, policy: &Policy, field: &str) -> Value {
    let null_everything = context.has(&Kind::NullEverything);
    match field {
        "id" => json!(guid(policy.id)),
        "displayName" => json!(policy.name),
        "state" => json!(policy.shown(context.state.settings.security_defaults).spelled()),
        "conditions" if null_everything => emptied(&policy.conditions),
        "conditions" => policy.conditions.clone(),
        _ if null_everything => Value::Null,
        "grantControls" => policy.grant.clone(),
        "sessionControls" => policy.session.clone(),
        "createdDateTime" if !policy.undated => json!("2024-05-14T19:52:00.050958Z"),
        _ => Value::Null,
    }
}

/// The conditions with nothing but what cannot be null: the plain lists.
fn emptied(conditions: &Value) -> Value {
    let mut conditions = conditions.clone();
    if let Some(fields) = conditions.as_object_mut() {
        fields
            .values_mut()
            .filter(|value| !value.is_array())
            .for_each(|value| *value = json!(null));
    }
    conditions
}

pub(super) fn named_locations(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$top"])?;
    let mut rows = places();
    if context.has(&Kind::NullEverything) {
        for row in &mut rows {
            row["displayName"] = Value::Null;
            row["createdDateTime"] = Value::Null;
            row["modifiedDateTime"] = Value::Null;
        }
    }
    let page = Page::part(context, rows, TOP, TOP)?;
    Ok(list::answer(context, "conditionalAccess/namedLocations", page))
}
