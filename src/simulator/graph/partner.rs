//! Partner security: alerts about fraud, and the score, for a person who did MFA.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::list::{self, Page};
use super::refusal::Refusal;
use super::resource::Resource;
use super::{Answer, Context, Kind};
use crate::simulator::alerts::{Alert, Oddity, Status};
use crate::simulator::bearer::Holder;
use crate::simulator::customers::{Customer, Mfa};
use crate::simulator::names::DOMAIN;
use crate::simulator::person::guid;
use crate::simulator::scope::PARTNER_SECURITY;
use crate::simulator::score::{self, Requirement};
use crate::simulator::spoil;

/// Rows of a page, whose size is nobody's to choose.
const PAGE: usize = 20;
const TYPES: &str = "#microsoft.graph.partner.security.";

/// The singleton's id, and that of its parts.
const SCORE_ID: &str = "51301a7e-0000-4000-8000-00000000504e";

/// Whether whoever holds this may ask here at all.
pub(super) fn permit(context: &Context<'_>) -> Result<(), Refusal> {
    match &context.holder {
        // Permissions for applications are documented, and refused all the same.
        Holder::Application { .. } => return Err(Refusal::without_mfa()),
        Holder::Person { scopes, .. } if !scopes.contains(&PARTNER_SECURITY) => {
            return Err(Refusal::denied());
        }
        Holder::Person { mfa: false, .. } => return Err(Refusal::without_mfa()),
        Holder::Person { .. } => {}
    }
    if !context.state.settings.partner {
        let text = "The tenant is not a partner.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "Forbidden", text));
    }
    context.options.allow(&[])
}

/// As these services write a time: seven digits behind the second.
fn moment(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string()
}

/// Alerts, the latest first.
pub(super) fn alerts(context: &Context<'_>) -> Result<Answer, Refusal> {
    let alerts = context.state.alerts.iter().rev();
    let rows = alerts.map(|alert| show_alert(context, alert)).collect();
    let page = Page::part(context, rows, PAGE, PAGE)?;
    Ok(list::answer(context, "security/partner/securityAlerts", page))
}

/// One alert.
pub(super) fn alert(context: &Context<'_>, id: &str) -> Result<Answer, Refusal> {
    let mut alerts = context.state.alerts.iter();
    let alert = alerts.find(|alert| alert.id().eq_ignore_ascii_case(id));
    let mut body = show_alert(context, alert.ok_or_else(|| Refusal::absent(id))?);
    body["@odata.context"] = context.metadata("security/partner/securityAlerts/$entity");
    Ok(context.json(&body))
}

fn show_alert(context: &Context<'_>, alert: &Alert) -> Value {
    let stray = alert.oddity == Oddity::StrayFinding;
    let agent = format!("agent@{DOMAIN}");
    let mut before = Status::Active;
    let mut logs = Vec::new();
    for (status, at) in alert.changes.iter().filter(|_| alert.oddity != Oddity::NoLog) {
        logs.push(json!({
            "statusFrom": before.word(),
            "statusTo": status.word(),
            "updatedBy": agent,
            "updatedDateTime": moment(*at),
        }));
        before = *status;
    }
    let resolved = alert.resolved().or(stray.then_some(alert.detected)).map(moment);
    let finding = if stray { Some("fraud") } else { alert.finding.as_deref() };
    let subscription = guid(alert.subscription);
    let resource = format!(
        "/subscriptions/{subscription}/resourceGroups/production/providers/Microsoft.Compute/\
         virtualMachines/vm-{}",
        &alert.entity()[..8]
    );
    let is_test = match alert.oddity {
        Oddity::TextFlag => json!(alert.is_test.to_string()),
        _ => json!(alert.is_test),
    };
    let mut row = json!({
        "id": alert.id(),
        "displayName": format!("Action Required: {} Detected", alert.alert_type),
        "description": "Analysis of Azure resources detected what is out of the ordinary.",
        "alertType": alert.alert_type,
        "status": alert.status().word(),
        "severity": alert.severity,
        "confidenceLevel": "medium",
        "customerTenantId": guid(alert.customer),
        "subscriptionId": subscription,
        "valueAddedResellerTenantId": Value::Null,
        "catalogOfferId": "MS-AZR-0017G",
        "detectedDateTime": moment(alert.detected),
        "firstObservedDateTime": moment(alert.detected),
        "lastObservedDateTime": moment(alert.detected),
        "resolvedReason": finding,
        "resolvedOnDateTime": resolved,
        "resolvedBy": resolved.is_some().then_some(&agent),
        "isTest": is_test,
        "affectedResources": [{ "resourceId": resource, "resourceType": "AzureResource" }],
        "activityLogs": logs,
        "additionalDetails": { "ConnectionCount": "5", "VM_IP": "[  \"203.0.113.5\"]" },
    });
    let kept = ["id", "alertType", "status", "severity", "detectedDateTime", "isTest"];
    spoil::null_but(context.faults, &mut row, &kept);
    row
}

/// What was found out for all of them at once.
fn requirements_of(context: &Context<'_>) -> Vec<Requirement> {
    score::requirements(context.state, &context.state.truth())
}

/// The score, a single thing that is wrapped as if it were a list.
pub(super) fn score(context: &Context<'_>) -> Result<Answer, Refusal> {
    let requirements = requirements_of(context);
    let now = context.state.now();
    let max = requirements.iter().map(|requirement| requirement.max_score).sum::<u32>();
    let mut score = json!({
        "@odata.type": format!("{TYPES}partnerSecurityScore"),
        "id": SCORE_ID,
        "currentScore": score::current(&requirements),
        "maxScore": f64::from(max),
        "updatedDateTime": moment(now),
        "lastRefreshDateTime": moment(now),
    });
    spoil::null_but(context.faults, &mut score, &["@odata.type", "id", "currentScore", "maxScore"]);
    let what = context.metadata("security/partner/securityScore/$entity");
    Ok(context.json(&json!({ "@odata.context": what, "value": score })))
}

/// All requirements, each as its own type.
pub(super) fn requirements(context: &Context<'_>) -> Result<Answer, Refusal> {
    let now = context.state.now();
    let requirements = requirements_of(context);
    let rows = requirements.iter().enumerate();
    let rows = rows.map(|(place, requirement)| {
        let mut row = Map::new();
        row.insert("@odata.type".to_owned(), json!(format!("{TYPES}{}", requirement.subtype)));
        // One goes by the name of its kind, and one has its points as text.
        let id = match requirement.kind {
            kind @ "securityContactProvided" => kind.to_owned(),
            _ => format!("51301a7e-0000-4000-8000-00000000504{place}"),
        };
        let score = match requirement.kind {
            "securityAlertsPromptlyResolved" => json!(requirement.score.to_string()),
            _ => json!(requirement.score),
        };
        // It is really spelled like this.
        let word = if requirement.compliant { "compliant" } else { "noncomplaint" };
        let state = if requirement.preview { "preview" } else { "active" };
        row.insert("id".to_owned(), json!(id));
        row.insert("requirementType".to_owned(), json!(requirement.kind));
        row.insert("complianceStatus".to_owned(), json!(word));
        row.insert("score".to_owned(), score);
        row.insert("maxScore".to_owned(), json!(requirement.max_score));
        row.insert("state".to_owned(), json!(state));
        row.insert("actionUrl".to_owned(), json!("https://partner.example/security/act"));
        row.insert("helpUrl".to_owned(), json!("https://partner.example/security/help"));
        row.insert("updatedDateTime".to_owned(), json!(moment(now)));
        row.extend(requirement.measures.clone());
        let mut row = Value::Object(row);
        spoil::null_but(
            context.faults,
            &mut row,
            &["@odata.type", "id", "requirementType", "complianceStatus"],
        );
        row
    });
    let page = Page::whole(context, rows.collect());
    Ok(list::answer(context, "security/partner/securityScore/requirements", page))
}

/// The customers, and how MFA is brought about there.
pub(super) fn customer_insights(context: &Context<'_>) -> Result<Answer, Refusal> {
    let show = |customer: &Customer| {
        let [defaults, conditional_access, per_user] = customer.mfa.statuses();
        let mfa = json!({
            "compliantAdminsCount": customer.admins_mfa,
            "compliantNonAdminsCount": customer.others_mfa,
            "totalUsersCount": customer.users,
            "securityDefaultsStatus": defaults,
            "mfaConditionalAccessPolicyStatus": conditional_access,
            "legacyPerUserMfaStatus": per_user,
        });
        let said = customer.mfa != Mfa::Unsaid && !context.has(&Kind::NullEverything);
        json!({ "tenantId": guid(customer.id), "mfa": if said { mfa } else { Value::Null } })
    };
    let rows = context.state.customers.iter().map(show).collect();
    let page = Page::part(context, rows, PAGE, PAGE)?;
    Ok(list::answer(context, "security/partner/securityScore/customerInsights", page))
}

/// The scores of the past.
pub(super) fn history(context: &Context<'_>) -> Result<Answer, Refusal> {
    let entries = context.state.history.iter().enumerate();
    let rows = entries.map(|(place, entry)| {
        let mut row = json!({
            "id": format!("51301a7e-0000-4000-8000-0000000415{place:02}"),
            "createdDateTime": moment(entry.at),
            "score": entry.score,
            "compliantRequirementsCount": entry.compliant,
            "totalRequirementsCount": entry.total,
        });
        spoil::null_but(context.faults, &mut row, &["id", "createdDateTime", "score"]);
        row
    });
    let page = Page::whole(context, rows.collect());
    Ok(list::answer(context, "security/partner/securityScore/history", page))
}

/// What lies behind a path below `security/partner`, which only the beta has.
pub(super) fn resource_at(segments: &[&str]) -> Option<Resource> {
    Some(match segments {
        ["securityAlerts"] => Resource::SecurityAlerts,
        ["securityAlerts", id] => Resource::SecurityAlert((*id).to_owned()),
        ["securityScore"] => Resource::SecurityScore,
        ["securityScore", "requirements"] => Resource::SecurityRequirements,
        ["securityScore", "customerInsights"] => Resource::CustomerInsights,
        ["securityScore", "history"] => Resource::ScoreHistory,
        _ => return None,
    })
}
