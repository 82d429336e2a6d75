//! Conditional Access: the policies, and the places they may name.

use serde_json::{Value, json};

use super::list::{self, Page, row};
use super::refusal::Refusal;
use super::{Answer, Context, Kind};
use crate::simulator::person::guid;
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

/// The fields of one kind of place are missing from the others.
pub(super) fn named_locations(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$top"])?;
    let cidr = |kind: &str, range: &str| json!({ "@odata.type": format!("#microsoft.graph.{kind}"), "cidrAddress": range });
    let mut rows = vec![
        json!({
            "@odata.type": "#microsoft.graph.ipNamedLocation",
            "id": "2b0a9c1e-5f63-4c0e-9a45-61c1d8ef0a01",
            "displayName": "Headquarters",
            "modifiedDateTime": "2024-05-14T18:00:43.5796446Z",
            "createdDateTime": "2024-05-14T17:11:12Z",
            "isTrusted": true,
            "ipRanges": [
                cidr("iPv4CidrRange", "192.0.2.0/24"),
                cidr("iPv6CidrRange", "2001:db8:10::/48"),
            ],
        }),
        json!({
            "@odata.type": "#microsoft.graph.ipNamedLocation",
            "id": "2b0a9c1e-5f63-4c0e-9a45-61c1d8ef0a02",
            "displayName": "Guest network",
            "modifiedDateTime": "2024-05-14T18:02:10.1234567Z",
            "createdDateTime": "2024-05-14T17:20:01Z",
            "isTrusted": false,
            "ipRanges": [cidr("iPv4CidrRange", "198.51.100.0/25")],
        }),
        json!({
            "@odata.type": "#microsoft.graph.countryNamedLocation",
            "id": "2b0a9c1e-5f63-4c0e-9a45-61c1d8ef0a03",
            "displayName": "Where we work",
            "modifiedDateTime": "2024-05-14T18:03:54.7238848Z",
            "createdDateTime": "2024-05-14T18:03:54.7238848Z",
            "countriesAndRegions": ["NL", "BE"],
            "includeUnknownCountriesAndRegions": false,
        }),
    ];
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
