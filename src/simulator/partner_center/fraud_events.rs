//! Alerts about fraud in the older API, in either of its two models.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{Answer, Context, moment};
use crate::simulator::alerts::{Alert, Oddity, Status, TYPES};
use crate::simulator::names::{COMPANY, DOMAIN};
use crate::simulator::person::guid;

/// What a time that is not known yet is written as.
const NEVER: &str = "9999-12-31T23:59:59.9970000";
/// The older model knows no other kinds.
const OLD: [&str; 2] = [TYPES[0], TYPES[1]];

pub(super) fn list(context: &Context<'_>) -> Result<Answer, Refusal> {
    let header = context.asked.header("x-neweventsmodel");
    let new = header.is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let query = &context.query;
    let status = match query.get("EventStatus") {
        None => None,
        Some(word) => {
            let known = [Status::Active, Status::Investigating, Status::Resolved];
            let known = known.into_iter().find(|status| word.eq_ignore_ascii_case(status.word()));
            Some(known.ok_or_else(|| Refusal::bad("EventStatus is not valid."))?)
        }
    };
    let only_new = ["EventType", "PageSize", "PageNumber"];
    if !new && only_new.iter().any(|name| query.get(name).is_some()) {
        return Err(Refusal::bad("That parameter needs the new events model."));
    }
    let number = |name: &str| {
        let number = query.get(name).map(|text| text.parse::<usize>().ok().filter(|n| *n > 0));
        number
            .map(|number| number.ok_or_else(|| Refusal::bad("PageSize and PageNumber start at 1.")))
    };
    let page = match (number("PageSize").transpose()?, number("PageNumber").transpose()?) {
        (None, None) => None,
        (Some(size), Some(page)) => Some((size, page)),
        _ => return Err(Refusal::bad("PageSize and PageNumber belong together.")),
    };
    let wanted = |alert: &&Alert| {
        status.is_none_or(|status| alert.status() == status)
            && query
                .get("SubscriptionId")
                .is_none_or(|id| id.eq_ignore_ascii_case(&guid(alert.subscription)))
            && query
                .get("EventType")
                .is_none_or(|kind| kind.eq_ignore_ascii_case(&alert.alert_type))
            && (new || OLD.contains(&alert.alert_type.as_str()))
    };
    let alerts = context.state.alerts.iter().rev().filter(wanted);
    let (size, page) = page.unwrap_or((usize::MAX, 1));
    let before = size.saturating_mul(page - 1);
    let rows = alerts.skip(before).take(size).map(|alert| show(context, alert, new)).collect();
    let rows = context.shown(rows, before, &["eventId", "eventTime", "eventStatus", "eventType"]);
    Ok(Answer::of(hyper::StatusCode::OK, &rows))
}

fn show(context: &Context<'_>, alert: &Alert, new: bool) -> Value {
    let detected = moment(alert.detected);
    let is_resolved = alert.status() == Status::Resolved;
    let finding = alert.finding.as_deref().filter(|_| is_resolved);
    let mut row = json!({
        "eventTime": detected,
        "eventId": alert.event_id(),
        "partnerTenantId": context.state.settings.identity.tenant_id,
        "partnerFriendlyName": COMPANY,
        "customerTenantId": guid(alert.customer),
        "customerFriendlyName": alert.customer_name,
        "subscriptionId": guid(alert.subscription),
        "subscriptionType": "modern",
        "entityId": alert.entity(),
        "entityName": "vm-1",
        "entityUrl": "",
        "hitCount": "10",
        "catalogOfferId": "ms-azr-17g",
        "eventStatus": capital(alert.status().word()),
        "serviceName": "",
        "resourceName": "",
        "resourceGroupName": "",
        "firstOccurrence": detected,
        "lastOccurrence": detected,
        "resolvedReason": finding.map_or_else(|| "None".to_owned(), capital),
        "resolvedOn": alert.resolved().map_or_else(|| NEVER.to_owned(), moment),
        "resolvedBy": if is_resolved { format!("agent@{DOMAIN}") } else { String::new() },
        "firstObserved": NEVER,
        "lastObserved": NEVER,
        "eventType": capital(&alert.alert_type),
    });
    if new {
        row["firstObserved"] = json!(detected);
        row["lastObserved"] = json!(detected);
        row["severity"] = json!(capital(&alert.severity));
        row["confidenceLevel"] = json!("high");
        row["displayName"] = json!(format!("Action Required: {} Detected", alert.alert_type));
        row["description"] = json!("What is out of the ordinary.");
        row["country"] = json!("NL");
        row["valueAddedResellerTenantId"] = Value::Null;
        row["valueAddedResellerFriendlyName"] = Value::Null;
        row["subscriptionName"] = json!("Azure plan");
        row["affectedResources"] = json!([{
            "azureResourceId": format!("\\subscriptions\\{} ", guid(alert.subscription)),
            "type": "AzureResource",
        }]);
        row["additionalDetails"] = json!({ "connectionCount": "31" });
        row["IsTest"] = json!(alert.is_test.to_string());
        row["activityLogs"] = json!(logs(alert));
    }
    row
}

/// What happened, as JSON inside a string, in somebody's local time.
fn logs(alert: &Alert) -> String {
    let mut before = Status::Active;
    let mut logs = Vec::new();
    for (status, at) in alert.changes.iter().filter(|_| alert.oddity != Oddity::NoLog) {
        logs.push(json!({
            "statusFrom": capital(before.word()),
            "statusTo": capital(status.word()),
            "updatedBy": format!("agent@{DOMAIN}"),
            "dateTime": abroad(*at),
        }));
        before = *status;
    }
    Value::Array(logs).to_string()
}

fn abroad(at: Timestamp) -> String {
    let offset = Offset::from_seconds(5 * 3600 + 1800).unwrap_or(Offset::UTC);
    let there = at.to_zoned(TimeZone::fixed(offset));
    there.strftime("%Y-%m-%dT%H:%M:%S%.7f%:z").to_string()
}

/// Words begin with a capital here.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
