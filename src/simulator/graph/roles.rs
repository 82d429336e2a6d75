//! Directory roles: which are held, by whom, and who may activate one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::filter::{self, Filter};
use super::list::{self, Page, row};
use super::members::{self, Member};
use super::refusal::Refusal;
use super::{Answer, Context, Kind};
use crate::simulator::person::{HOUR, guid};
use crate::simulator::roles::{Assignment, ROLES, Term};

const ROLE: [&str; 5] = ["deletedDateTime", "description", "displayName", "id", "roleTemplateId"];

/// The roles that somebody holds, all on one page.
pub(super) fn active(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select"])?;
    let fields = context.options.fields("directoryRole", &ROLE, &ROLE)?;
    let directory = context.state.world.directory();
    let held = |place: usize| {
        let mut assignments = directory.assignments.iter();
        assignments.any(|held| held.role == ROLES[place] && held.active(context.plan()))
    };
    let null_everything = context.has(&Kind::NullEverything);
    let rows = (0..ROLES.len()).filter(|place| held(*place)).map(|place| {
        row(&fields, |field| match field {
            // Not the id of the template, which is the same everywhere.
            "id" => json!(guid(directory.role_ids[place])),
            _ if null_everything => Value::Null,
            "description" => json!("A built-in role."),
            "displayName" => json!(ROLES[place].name),
            "roleTemplateId" => json!(ROLES[place].template),
            _ => Value::Null,
        })
    });
    Ok(list::answer(context, "directoryRoles", Page::whole(context, rows.collect())))
}

/// Who holds a role for the whole tenant, all on one page; groups as groups. The key is the
/// role's id in this tenant, or `roleTemplateId=…`.
pub(super) fn members(context: &Context<'_>, key: &str) -> Result<Answer, Refusal> {
    context.options.allow(&["$select"])?;
    members::check_fields(context)?;
    let directory = context.state.world.directory();
    let wanted = key.to_lowercase();
    let place = match wanted.strip_prefix("roletemplateid=") {
        Some(template) => ROLES.iter().position(|role| role.template == template),
        None => directory.role_ids.iter().position(|id| guid(*id) == wanted),
    };
    let role = place.map(|place| ROLES[place]);
    let held = |held: &&Assignment| Some(held.role) == role && held.active(context.plan());
    let holders: Vec<_> = directory.assignments.iter().filter(held).collect();
    if holders.is_empty() {
        return Err(Refusal::absent(key));
    }
    let select = context.options.select.as_deref();
    let holders = holders.into_iter().filter(|held| !held.unit);
    let rows = holders.map(|held| Member::at(context, held.principal).show(context, select));
    Ok(list::answer(context, "directoryObjects", Page::whole(context, rows.collect())))
}

const ASSIGNMENT: [&str; 6] =
    ["appScopeId", "condition", "directoryScopeId", "id", "principalId", "roleDefinitionId"];

/// Active assignments of one principal or of one role; all at once are not to be had.
pub(super) fn assignments(context: &Context<'_>) -> Result<Answer, Refusal> {
    if context.options.filter.is_none() {
        let text = "A filter on principalId or roleDefinitionId is needed.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "Request_BadRequest", text));
    }
    context.options.allow(&["$select", "$filter", "$expand"])?;
    let fields = context.options.fields("unifiedRoleAssignment", &ASSIGNMENT, &ASSIGNMENT)?;
    let what = "roleManagement/directory/roleAssignments";
    let of = ["principalId", "roleDefinitionId"];
    list(context, what, &fields, &of, |held| held.active(context.plan()))
}

const SCHEDULED: [&str; 11] = [
    "appScopeId",
    "assignmentType",
    "directoryScopeId",
    "endDateTime",
    "id",
    "memberType",
    "principalId",
    "roleAssignmentOriginId",
    "roleAssignmentScheduleId",
    "roleDefinitionId",
    "startDateTime",
];

/// Every active assignment.
pub(super) fn assignment_schedules(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select", "$filter", "$expand"])?;
    let kind = "unifiedRoleAssignmentScheduleInstance";
    let fields = context.options.fields(kind, &SCHEDULED, &SCHEDULED)?;
    let what = "roleManagement/directory/roleAssignmentScheduleInstances";
    let of =
        ["principalId", "roleDefinitionId", "directoryScopeId", "assignmentType", "memberType"];
    list(context, what, &fields, &of, |held| held.active(context.plan()))
}

const ELIGIBLE: [&str; 9] = [
    "appScopeId",
    "directoryScopeId",
    "endDateTime",
    "id",
    "memberType",
    "principalId",
    "roleDefinitionId",
    "roleEligibilityScheduleId",
    "startDateTime",
];

/// Everybody who may activate a role.
pub(super) fn eligibility_schedules(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select", "$filter", "$expand"])?;
    let kind = "unifiedRoleEligibilityScheduleInstance";
    let fields = context.options.fields(kind, &ELIGIBLE, &ELIGIBLE)?;
    let what = "roleManagement/directory/roleEligibilityScheduleInstances";
    let of = ["principalId", "roleDefinitionId", "directoryScopeId", "memberType"];
    list(context, what, &fields, &of, |held| held.term == Term::Eligible)
}

fn list(
    context: &Context<'_>,
    what: &str,
    fields: &[&str],
    filterable: &[&str],
    wanted: impl Fn(&Assignment) -> bool,
) -> Result<Answer, Refusal> {
    let expand = context.options.expands_principal()?;
    let filter = filter::read(&context.options, filterable)?;
    let admits = |held: &Assignment, filter: &Filter<'_>| {
        value(context, held, filter.field).as_str().is_some_and(|text| filter.admits(text))
    };
    let assignments = context.state.world.directory().assignments.iter();
    let assignments = assignments
        .filter(|held| wanted(held) && filter.as_ref().is_none_or(|filter| admits(held, filter)));
    let null_everything = context.has(&Kind::NullEverything);
    let principal = ["id".to_owned(), "displayName".to_owned()];
    let rows = assignments.map(|held| {
        let mut shown = row(fields, |field| match field {
            "id" => value(context, held, field),
            _ if null_everything => Value::Null,
            _ => value(context, held, field),
        });
        if expand {
            shown["principal"] =
                Member::at(context, held.principal).show(context, Some(&principal));
        }
        shown
    });
    Ok(list::answer(context, what, Page::whole(context, rows.collect())))
}

fn value(context: &Context<'_>, held: &Assignment, field: &str) -> Value {
    let now = context.state.now().as_second();
    let moment =
        |seconds: i64| json!(Timestamp::from_second(seconds).ok().map(|moment| moment.to_string()));
    let principal = Member::at(context, held.principal).id();
    match (field, held.term) {
        ("id" | "roleAssignmentOriginId" | "roleAssignmentScheduleId", _) => {
            json!(assignment_id(held, principal))
        }
        ("roleEligibilityScheduleId", _) => json!(guid(principal ^ 0xe11)),
        ("principalId", _) => json!(guid(principal)),
        ("roleDefinitionId", _) => json!(held.role.template),
        ("directoryScopeId", _) if held.unit => {
            let unit = guid(context.state.world.directory().unit);
            json!(format!("/administrativeUnits/{unit}"))
        }
        ("directoryScopeId", _) => json!("/"),
        ("memberType", _) => json!("Direct"),
        ("assignmentType", Term::Activated) => json!("Activated"),
        ("assignmentType", _) => json!("Assigned"),
        // Activated in the last full hour, for eight hours.
        ("startDateTime", Term::Activated) => moment(now - now.rem_euclid(HOUR)),
        ("endDateTime", Term::Activated) => moment(now - now.rem_euclid(HOUR) + 8 * HOUR),
        ("startDateTime", Term::Eligible) => json!("2024-05-14T14:44:50.287Z"),
        _ => Value::Null,
    }
}

/// Made of role and principal, as Microsoft's ids are.
fn assignment_id(held: &Assignment, principal: u128) -> String {
    let mut bytes = held.role.template.as_bytes()[..16].to_vec();
    bytes.extend(principal.to_be_bytes());
    bytes.push(u8::from(held.unit));
    let suffix = if held.term == Term::Eligible { "-1-e" } else { "-1" };
    format!("{}{suffix}", URL_SAFE_NO_PAD.encode(bytes))
}
