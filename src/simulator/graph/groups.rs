//! Groups themselves; who is in them is a matter of its own.

use serde_json::{Value, json};

use super::filter;
use super::list::{self, Page, row};
use super::refusal::Refusal;
use super::{Answer, Context, Kind};
use crate::simulator::directory::Group;
use crate::simulator::person::guid;

pub(super) const FIELDS: [&str; 13] = [
    "createdDateTime",
    "deletedDateTime",
    "description",
    "displayName",
    "groupTypes",
    "id",
    "isAssignableToRole",
    "mailEnabled",
    "mailNickname",
    "membershipRule",
    "onPremisesSyncEnabled",
    "securityEnabled",
    "visibility",
];
const DEFAULT_TOP: usize = 100;
const MOST: usize = 999;

pub(super) fn list(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select", "$filter", "$top"])?;
    let fields = context.options.fields("group", &FIELDS, &FIELDS)?;
    let filter = filter::read(&context.options, &["displayName", "id"])?;
    let wanted = |group: &&Group| {
        filter.as_ref().is_none_or(|filter| match filter.field {
            "id" => filter.admits(&guid(group.id)),
            _ => filter.admits(group.name),
        })
    };
    let groups = context.state.world.directory().groups.iter().filter(wanted);
    let rows = groups.map(|group| show(context, group, &fields)).collect();
    let page = Page::part(context, rows, DEFAULT_TOP, MOST)?;
    Ok(list::answer(context, "groups", page))
}

pub(super) fn one(context: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    context.options.allow(&["$select"])?;
    let fields = context.options.fields("group", &FIELDS, &FIELDS)?;
    let place = find(context, id)?;
    let mut body = show(context, &context.state.world.directory().groups[place], &fields);
    body["@odata.context"] = context.metadata("groups/$entity");
    Ok(context.json(&body))
}

/// The place of a group that is there, and was not deleted.
pub(super) fn find(context: &Context<'_>, id: &str) -> Result<usize, Refusal> {
    let wanted = id.to_lowercase();
    let mut groups = context.state.world.directory().groups.iter();
    groups.position(|group| guid(group.id) == wanted).ok_or_else(|| Refusal::absent(id))
}

pub(super) fn show(context: &Context<'_>, group: &Group, fields: &[&str]) -> Value {
    let null_everything = context.has(&Kind::NullEverything);
    row(fields, |field| match field {
        "id" => json!(guid(group.id)),
        "groupTypes" => json!([]),
        _ if null_everything => Value::Null,
        "displayName" => json!(group.name),
        "createdDateTime" => json!("2018-12-22T02:21:05Z"),
        "isAssignableToRole" if group.assignable => json!(true),
        "mailEnabled" => json!(false),
        "mailNickname" => json!(group.name.replace(' ', "")),
        "securityEnabled" => json!(true),
        _ => Value::Null,
    })
}
