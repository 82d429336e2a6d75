//! Privileged access: who may activate a place in a group, what activating a role demands, and who is
//! at risk.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::filter;
use super::list::{self, Page, row};
use super::refusal::Refusal;
use super::users::moment;
use super::{Answer, Context, Kind};
use crate::simulator::directory::Group;
use crate::simulator::person::{HOUR, guid};
use crate::simulator::privilege::{self, ELIGIBLE, Traits};
use crate::simulator::roles::ROLES;

const ELIGIBILITY: [&str; 8] = [
    "accessId",
    "eligibilityScheduleId",
    "endDateTime",
    "groupId",
    "id",
    "memberType",
    "principalId",
    "startDateTime",
];

/// Who may activate a place in one group; of all groups at once nobody is told.
pub(super) fn group_eligibilities(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select", "$filter"])?;
    let kind = "privilegedAccessGroupEligibilityScheduleInstance";
    let fields = context.options.fields(kind, &ELIGIBILITY, &ELIGIBILITY)?;
    let filter = filter::read(&context.options, &["groupId", "principalId"])?;
    let Some(filter) = filter else {
        let text = "A filter on groupId or principalId is needed.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "MissingFilter", text));
    };
    let admits = |group: &Group, principal: u128| match filter.field {
        "groupId" => filter.admits(&guid(group.id)),
        _ => filter.admits(&guid(principal)),
    };
    let null_everything = context.has(&Kind::NullEverything);
    let people = context.state.world.people();
    let groups = context.state.world.directory().groups.iter();
    let rows = groups.filter(|group| privilege::is_managed(group.name)).flat_map(|group| {
        people.iter().take(ELIGIBLE).filter(|person| admits(group, person.id)).map(|person| {
            row(&fields, |field| match field {
                "id" => json!(format!("{}_member_{:x}", guid(group.id), person.id)),
                "principalId" => json!(person.guid()),
                "groupId" => json!(guid(group.id)),
                _ if null_everything => Value::Null,
                "accessId" => json!("member"),
                "memberType" => json!("direct"),
                "eligibilityScheduleId" => json!(guid(person.id ^ 0xe12)),
                "startDateTime" => json!("2024-05-14T14:44:50.287Z"),
                _ => Value::Null,
            })
        })
    });
    let what = "identityGovernance/privilegedAccess/group/eligibilityScheduleInstances";
    Ok(list::answer(context, what, Page::whole(context, rows.collect())))
}

const LAID: [&str; 5] = ["id", "policyId", "roleDefinitionId", "scopeId", "scopeType"];

/// The policies laid on directory roles, each with its rules where they are wanted.
pub(super) fn role_policies(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select", "$filter", "$expand"])?;
    let fields = context.options.fields("unifiedRoleManagementPolicyAssignment", &LAID, &LAID)?;
    let role = laid_on(context.options.filter.as_deref().unwrap_or_default())?;
    let expand = match context.options.expand.as_deref() {
        None => None,
        Some("policy") => Some(false),
        Some("policy($expand=rules)") => Some(true),
        Some(_) => return Err(Refusal::bad("Only 'policy' and its rules can be expanded here.")),
    };
    let tenant = &context.state.settings.identity.tenant_id;
    let wanted = ROLES.iter().filter(|it| role.as_ref().is_none_or(|role| it.template == role));
    let null_everything = context.has(&Kind::NullEverything);
    let rows = wanted.map(|role| {
        let policy = format!("DirectoryRole_{tenant}_{}", &role.template[..8]);
        let mut shown = row(&fields, |field| match field {
            "id" => json!(format!("{policy}_{}", role.template)),
            "roleDefinitionId" => json!(role.template),
            _ if null_everything => Value::Null,
            "policyId" => json!(policy),
            "scopeId" => json!("/"),
            "scopeType" => json!("DirectoryRole"),
            _ => Value::Null,
        });
        if let Some(with_rules) = expand {
            shown["policy"] = json!({
                "id": policy,
                "displayName": "DirectoryRole",
                "isOrganizationDefault": false,
                "scopeId": "/",
                "scopeType": "DirectoryRole",
            });
            if with_rules {
                shown["policy"]["rules"] = rules(privilege::approved(role), null_everything);
            }
        }
        shown
    });
    let what = "policies/roleManagementPolicyAssignments";
    Ok(list::answer(context, what, Page::whole(context, rows.collect())))
}

/// The filter has to say that directory roles are meant, and may name one.
fn laid_on(filter: &str) -> Result<Option<String>, Refusal> {
    let (mut scope, mut kind, mut role) = (false, false, None);
    for clause in filter.split(" and ") {
        let mut words = clause.trim().splitn(3, ' ');
        let (field, verb) = (words.next().unwrap_or_default(), words.next());
        let value = words.next().and_then(filter::quoted).map(|(value, _)| value);
        match (field, verb, value) {
            ("scopeId", Some("eq"), Some(value)) if value == "/" => scope = true,
            ("scopeType", Some("eq"), Some(value)) if value == "DirectoryRole" => kind = true,
            ("roleDefinitionId", Some("eq"), Some(value)) => role = Some(value.to_lowercase()),
            _ => break,
        }
    }
    if scope && kind {
        return Ok(role);
    }
    let text = "A filter on scopeId and scopeType is needed.";
    Err(Refusal::new(StatusCode::BAD_REQUEST, "MissingFilter", text))
}

/// Some of the seventeen rules of a policy. The word `setting` is not only that of approval.
fn rules(approved: bool, null_everything: bool) -> Value {
    let setting = json!({
        "isApprovalRequired": approved,
        "isApprovalRequiredForExtension": false,
        "isRequestorJustificationRequired": true,
        "approvalMode": "SingleStage",
        "approvalStages": [],
    });
    let target =
        |caller: &str| json!({ "caller": caller, "operations": ["All"], "level": "Assignment" });
    json!([
        {
            "@odata.type": "#microsoft.graph.unifiedRoleManagementPolicyExpirationRule",
            "id": "Expiration_EndUser_Assignment",
            "isExpirationRequired": true,
            "maximumDuration": "PT8H",
            "target": target("EndUser"),
        },
        {
            "@odata.type": "#microsoft.graph.unifiedRoleManagementPolicyApprovalRule",
            "id": "Approval_Admin_Eligibility",
            "setting": { "isApprovalRequired": !approved },
            "target": target("Admin"),
        },
        {
            "@odata.type": "#microsoft.graph.unifiedRoleManagementPolicyApprovalRule",
            "id": "Approval_EndUser_Assignment",
            "setting": if null_everything { Value::Null } else { setting },
            "target": target("EndUser"),
        },
    ])
}

const RISKY: [&str; 9] = [
    "id",
    "isDeleted",
    "isProcessing",
    "riskDetail",
    "riskLastUpdatedDateTime",
    "riskLevel",
    "riskState",
    "userDisplayName",
    "userPrincipalName",
];

/// Who was ever found at risk, somebody among them who is there no more.
pub(super) fn risky_users(context: &Context<'_>) -> Result<Answer, Refusal> {
    context.options.allow(&["$select", "$top"])?;
    let fields = context.options.fields("riskyUser", &RISKY, &RISKY)?;
    let born = context.state.born.as_second();
    let null_everything = context.has(&Kind::NullEverything);
    let people = context.state.world.people().iter();
    let risky = people.filter_map(|person| Some((person, Traits::of(person, born).risk?)));
    let mut rows: Vec<_> = risky
        .map(|(person, risk)| {
            row(&fields, |field| match field {
                "id" => json!(person.guid()),
                _ if null_everything => Value::Null,
                "isDeleted" | "isProcessing" => json!(false),
                "riskLevel" => json!(risk.level),
                "riskState" => json!(risk.state),
                "riskDetail" => json!("none"),
                "riskLastUpdatedDateTime" => json!(moment(born - 30 * HOUR)),
                "userDisplayName" => json!(person.display_name()),
                "userPrincipalName" => json!(person.upn()),
                _ => Value::Null,
            })
        })
        .collect();
    rows.push(row(&fields, |field| match field {
        "id" => json!("51301a7e-0000-4000-8000-00000000de1e"),
        "isDeleted" => json!(true),
        _ if null_everything => Value::Null,
        "riskLevel" => json!("high"),
        "riskState" => json!("atRisk"),
        "isProcessing" => json!(false),
        _ => Value::Null,
    }));
    let page = Page::part(context, rows, 20, 500)?;
    Ok(list::answer(context, "identityProtection/riskyUsers", page))
}
