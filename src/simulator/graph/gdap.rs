//! GDAP in Graph: relationships, who may use them, what was asked about them, and the customers.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::filter::{self, Filter};
use super::list::{self, Page};
use super::refusal::Refusal;
use super::resource::Resource;
use super::{Answer, Context, Kind};
use crate::simulator::customers::Customer;
use crate::simulator::gdap::{Assignment, Relationship, Role};
use crate::simulator::person::guid;
use crate::simulator::spoil;

/// The documents say how many rows a page may have, and not how many it has.
const DEFAULT_TOP: usize = 100;
const MOST: usize = 300;
const OPTIONS: [&str; 5] = ["$select", "$filter", "$top", "$orderby", "$count"];

/// Whether whoever holds this may ask here at all.
pub(super) fn permit(context: &Context<'_>) -> Result<(), Refusal> {
    if context.state.settings.partner {
        return Ok(());
    }
    let text = "The caller's tenant is not a partner tenant.";
    Err(Refusal::new(StatusCode::FORBIDDEN, "Forbidden", text))
}

/// With seven digits behind the second, as this service writes it.
fn moment(moment: Timestamp) -> Value {
    json!(moment.strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string())
}

fn id(one: &Relationship) -> String {
    format!("{}-{}", guid(one.id.0), guid(one.id.1))
}

fn etag(id: &str) -> Value {
    json!(format!("W/\"{id}\""))
}

fn unified(roles: &[&Role]) -> Value {
    let roles = roles.iter().map(|role| json!({ "roleDefinitionId": role.template }));
    json!({ "unifiedRoles": roles.collect::<Vec<_>>() })
}

/// A part of what is admitted, in the order that was asked for.
fn page<T>(
    context: &Context<'_>,
    mut admitted: Vec<T>,
    key: impl Fn(&T, &str) -> Option<String>,
    show: impl Fn(&T) -> Value,
) -> Result<Page, Refusal> {
    if let Some(order) = &context.options.order {
        let (field, way) = order.split_once(' ').unwrap_or((order, "asc"));
        let unknown = || Refusal::bad(format!("Cannot order by '{order}'."));
        let mut failed = false;
        admitted.sort_by_cached_key(|row| {
            key(row, field).inspect(|_| {}).or_else(|| {
                failed = true;
                None
            })
        });
        match way {
            _ if failed => return Err(unknown()),
            "asc" => {}
            "desc" => admitted.reverse(),
            _ => return Err(unknown()),
        }
    }
    let top = context.options.page_size(DEFAULT_TOP, MOST)?;
    let start = context.options.cursor.position.min(admitted.len());
    let count =
        (context.options.count && context.options.cursor.pages == 0).then_some(admitted.len());
    let rows: Vec<_> = admitted.iter().skip(start).take(top).map(show).collect();
    // A page that is just full goes on, if only to an empty one.
    let next = (rows.len() == top).then_some(start + top);
    Ok(Page { rows, next, count })
}

/// What is selected of a row.
fn select(context: &Context<'_>, mut row: Value) -> Value {
    if let (Some(select), Some(fields)) = (&context.options.select, row.as_object_mut()) {
        fields.retain(|name, _| name.starts_with('@') || select.iter().any(|it| it == name));
    }
    row
}

fn checked(context: &Context<'_>, of: &str, known: &[&str]) -> Result<(), Refusal> {
    context.options.allow(&OPTIONS)?;
    context.options.fields(of, known, &[]).map(drop)
}

const RELATIONSHIP: [&str; 11] = [
    "accessDetails",
    "activatedDateTime",
    "autoExtendDuration",
    "createdDateTime",
    "customer",
    "displayName",
    "duration",
    "endDateTime",
    "id",
    "lastModifiedDateTime",
    "status",
];

/// All relationships.
pub(super) fn relationships(context: &Context<'_>) -> Result<Answer, Refusal> {
    checked(context, "delegatedAdminRelationship", &RELATIONSHIP)?;
    let filter =
        filter::read(&context.options, &["status", "displayName", "id", "customer/tenantId"])?;
    let key = |one: &&Relationship, field: &str| key(context, one, field);
    let admits = |one: &&Relationship, filter: &Filter<'_>| {
        key(one, filter.field).is_some_and(|text| filter.admits(&text))
    };
    let all = context.state.gdap.iter();
    let all = all.filter(|one| filter.as_ref().is_none_or(|filter| admits(one, filter)));
    let page = page(context, all.collect(), key, |one| select(context, show(context, one)))?;
    Ok(list::answer(context, "tenantRelationships/delegatedAdminRelationships", page))
}

/// What a relationship is found and put in order by.
fn key(context: &Context<'_>, one: &Relationship, field: &str) -> Option<String> {
    let now = context.state.now();
    let order = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.to_string());
    Some(match field {
        "id" => id(one),
        "status" => one.status(now).to_owned(),
        "displayName" => one.name(customer(context, one)),
        "customer/tenantId" if one.has_customer() => guid(customer(context, one).id),
        "customer/tenantId" => String::new(),
        "createdDateTime" => order(Some(one.created())),
        "activatedDateTime" => order(one.activated()),
        "endDateTime" => order(one.end(now)),
        "lastModifiedDateTime" => order(Some(one.modified(now))),
        _ => return None,
    })
}

fn customer<'a>(context: &'a Context<'_>, one: &Relationship) -> &'a Customer {
    &context.state.customers[one.customer]
}

fn show(context: &Context<'_>, one: &Relationship) -> Value {
    let now = context.state.now();
    let (id, of) = (id(one), customer(context, one));
    let customer = json!({ "tenantId": guid(of.id), "displayName": of.name() });
    let mut row = json!({
        "@odata.type": "#microsoft.graph.delegatedAdminRelationship",
        "@odata.etag": etag(&id),
        "id": id,
        "displayName": one.name(of),
        "duration": one.duration(),
        "customer": if one.has_customer() { customer } else { Value::Null },
        "accessDetails": unified(one.roles()),
        "status": one.status(now),
        "autoExtendDuration": one.auto_extend(),
        "createdDateTime": moment(one.created()),
        "lastModifiedDateTime": moment(one.modified(now)),
        "activatedDateTime": one.activated().map(moment),
        "endDateTime": one.end(now).map(moment),
    });
    spoil::null_but(context.faults, &mut row, &["id", "status", "displayName", "accessDetails"]);
    row
}

fn find<'a>(context: &'a Context<'_>, wanted: &str) -> Result<&'a Relationship, Refusal> {
    // Writing the ids of thousands for each question would take long.
    let first = wanted.get(..36).map(|first| first.replace('-', ""));
    let first = first.and_then(|first| u128::from_str_radix(&first, 16).ok());
    let mut all = context.state.gdap.iter();
    let found = all.find(|one| Some(one.id.0) == first && id(one).eq_ignore_ascii_case(wanted));
    found.ok_or_else(|| Refusal::absent(wanted))
}

/// One relationship.
pub(super) fn relationship(context: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    context.options.allow(&["$select"])?;
    let mut body = select(context, show(context, find(context, id)?));
    let what = "tenantRelationships/delegatedAdminRelationships/$entity";
    body["@odata.context"] = context.metadata(what);
    Ok(context.json(&body))
}

/// Who may use a relationship.
pub(super) fn assignments(context: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    let known = [
        "accessContainer",
        "accessDetails",
        "createdDateTime",
        "id",
        "lastModifiedDateTime",
        "status",
    ];
    checked(context, "delegatedAdminAccessAssignment", &known)?;
    let filter = filter::read(&context.options, &["status"])?;
    let one = find(context, id)?;
    let all = one.assignments().iter().enumerate();
    let all = all.filter(|(_, it)| filter.as_ref().is_none_or(|filter| filter.admits(it.status)));
    let key = |(_, it): &(usize, &Assignment), field: &str| {
        (field == "status").then(|| it.status.to_owned())
    };
    let show = |(place, it): &(usize, &Assignment)| {
        select(context, show_assignment(context, one, *place, it))
    };
    let page = page(context, all.collect(), key, show)?;
    Ok(list::answer(context, "accessAssignments", page))
}

fn show_assignment(
    context: &Context<'_>,
    one: &Relationship,
    place: usize,
    it: &Assignment,
) -> Value {
    let directory = context.state.world.directory();
    let group = directory.holder(it.holder).map(|place| guid(directory.groups[place].id));
    let id = guid(one.part ^ (place as u128 + 1));
    let at = moment(one.modified(context.state.now()));
    let mut row = json!({
        "@odata.type": "#microsoft.graph.delegatedAdminAccessAssignment",
        "@odata.etag": etag(&id),
        "id": id,
        "status": it.status,
        "createdDateTime": at,
        "lastModifiedDateTime": at,
        "accessContainer": {
            "accessContainerId": group,
            "accessContainerType": "securityGroup",
        },
        "accessDetails": unified(it.roles(one)),
    });
    spoil::null_but(
        context.faults,
        &mut row,
        &["id", "status", "accessContainer", "accessDetails"],
    );
    row
}

/// What was asked about a relationship.
pub(super) fn requests(context: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    context.options.allow(&["$expand", "$select", "$filter", "$top", "$count"])?;
    let filter = filter::read(&context.options, &["status", "action"])?;
    let one = find(context, id)?;
    let all = one.requests().iter().enumerate();
    let admits = |action: &str, status: &str, filter: &Filter<'_>| {
        filter.admits(if filter.field == "action" { action } else { status })
    };
    let all = all.filter(|(_, (action, status))| {
        filter.as_ref().is_none_or(|filter| admits(action, status, filter))
    });
    let at = moment(one.modified(context.state.now()));
    let show = |(place, (action, status)): &(usize, &(&str, &str))| {
        let id = guid(one.part ^ (place + 0x100) as u128);
        let mut row = json!({
            "@odata.type": "#microsoft.graph.delegatedAdminRelationshipRequest",
            "@odata.etag": etag(&id),
            "id": id,
            // Spoken of only to those who ask for words of a later day.
            "action": if *action == "reject" { "unknownFutureValue" } else { action },
            "status": status,
            "createdDateTime": at,
            "lastModifiedDateTime": at,
        });
        spoil::null_but(context.faults, &mut row, &["id"]);
        select(context, row)
    };
    let page = page(context, all.collect(), |_, _| None, show)?;
    Ok(list::answer(context, "requests", page))
}

/// The customers with any relationship.
pub(super) fn customers(context: &Context<'_>) -> Result<Answer, Refusal> {
    checked(context, "delegatedAdminCustomer", &["displayName", "id", "tenantId"])?;
    let filter = filter::read(&context.options, &["displayName", "tenantId"])?;
    let key = |customer: &&Customer, field: &str| match field {
        "displayName" => Some(customer.name()),
        "tenantId" => Some(guid(customer.id)),
        _ => None,
    };
    let mut places: Vec<_> =
        context.state.gdap.iter().filter(|it| it.has_customer()).map(|it| it.customer).collect();
    places.dedup();
    let all = places.into_iter().map(|place| &context.state.customers[place]);
    let all = all.filter(|customer| {
        let admits = |filter: &Filter<'_>| {
            key(customer, filter.field).is_some_and(|text| filter.admits(&text))
        };
        filter.as_ref().is_none_or(admits)
    });
    let show = |customer: &&Customer| {
        let id = guid(customer.id);
        let name = customer.name();
        let name = if context.has(&Kind::NullEverything) { Value::Null } else { json!(name) };
        let row = json!({
            "@odata.type": "#microsoft.graph.delegatedAdminCustomer",
            "@odata.etag": etag(&id),
            "id": id,
            "tenantId": id,
            "displayName": name,
        });
        select(context, row)
    };
    let page = page(context, all.collect(), key, show)?;
    Ok(list::answer(context, "tenantRelationships/delegatedAdminCustomers", page))
}

/// What lies behind a path below `tenantRelationships`.
pub(super) fn resource_at(segments: &[&str]) -> Option<Resource> {
    const RELATIONSHIPS: &str = "delegatedAdminRelationships";
    Some(match segments {
        [RELATIONSHIPS] => Resource::Relationships,
        [RELATIONSHIPS, id] => Resource::Relationship((*id).to_owned()),
        [RELATIONSHIPS, id, "accessAssignments"] => {
            Resource::RelationshipAssignments((*id).to_owned())
        }
        [RELATIONSHIPS, id, "requests"] => Resource::RelationshipRequests((*id).to_owned()),
        ["delegatedAdminCustomers"] => Resource::DelegatedCustomers,
        _ => return None,
    })
}
