//! What was done in Partner Center, the newest first.

use jiff::SignedDuration;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::paging::Place;
use super::refusal::Refusal;
use super::{Answer, Context};
use crate::simulator::audit::{self, Record};
use crate::simulator::names::DOMAIN;
use crate::simulator::person::guid;

/// Records on a page at most.
const MOST: usize = 500;
/// How far back one looks who does not say.
const DEFAULT_DAYS: i64 = 30;

pub(super) fn list(context: &Context<'_>) -> Result<Answer, Refusal> {
    let (query, now) = (&context.query, context.state.now());
    let day = |name| {
        let day = query.get(name).map(|text| Date::strptime("%Y-%m-%d", text));
        day.transpose().map_err(|_| Refusal::bad("A date is written as yyyy-mm-dd."))
    };
    let recent = audit::date(now - SignedDuration::from_hours(24 * DEFAULT_DAYS));
    let first = day("startDate")?.unwrap_or(recent);
    let last = day("endDate")?.unwrap_or(audit::date(now));
    if first < audit::first_day(now) {
        return Err(Refusal::bad("startDate must be within the last 90 days."));
    }
    if last < first {
        return Err(Refusal::bad("endDate must not be before startDate."));
    }
    let size = match query.get("size").map(str::parse) {
        None => MOST,
        Some(Ok(size)) if (1..=MOST).contains(&size) => size,
        Some(_) => return Err(Refusal::bad("size must be between 1 and 500.")),
    };
    let wanted = query.get("filter").map(Filter::read).transpose()?;
    let mut records = context.state.audit.records(first, last, now);
    records.retain(|record| wanted.as_ref().is_none_or(|filter| filter.fits(record)));
    // The last of a page is the first of the next as well.
    let place = Place::read(context)?.repeating(1);
    let partner = &context.state.settings.identity.tenant_id;
    let rows = records.iter().skip(place.before).take(place.rows(size));
    let rows = rows.map(|record| show(record, partner)).collect();
    let mut asked = form_urlencoded::Serializer::new(String::new());
    for name in ["startDate", "endDate", "size", "filter"] {
        asked.extend_pairs(query.get(name).map(|value| (name, value)));
    }
    let uri = format!("/auditrecords?{}", asked.finish());
    let kept = ["operationType", "operationDate", "operationStatus"];
    Ok(place.answer(context, rows, records.len(), &uri, &kept))
}

/// Which records are wanted.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    field: String,
    value: String,
    operator: String,
}

impl Filter {
    fn read(text: &str) -> Result<Self, Refusal> {
        let filter: Self =
            serde_json::from_str(text).map_err(|_| Refusal::bad("The filter is not valid."))?;
        match (&*filter.field, &*filter.operator) {
            ("CompanyName", "substring") | ("CustomerId" | "ResourceType", "equals") => Ok(filter),
            _ => Err(Refusal::bad("The filter is not supported.")),
        }
    }

    fn fits(&self, record: &Record) -> bool {
        let value = self.value.to_lowercase();
        let customer = |of: fn(audit::Subject) -> String| record.customer.map(of);
        match &*self.field {
            "CompanyName" => customer(audit::Subject::name)
                .is_some_and(|name| name.to_lowercase().contains(&value)),
            "CustomerId" => customer(|subject| guid(subject.id)).is_some_and(|id| id == value),
            _ => record.operation.1 == value,
        }
    }
}

fn show(record: &Record, partner: &str) -> Value {
    let (operation, resource) = record.operation;
    let bits = record.id as u64;
    // To a ten-millionth of a second, or to a second.
    let format =
        if bits.is_multiple_of(5) { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%.7fZ" };
    let application = match bits % 3 {
        0 => "Partner Center Native App",
        _ => "4990cffe-04e8-4e8b-808a-1175604b879f",
    };
    let mut row = json!({
        "partnerId": partner,
        "userPrincipalName": format!("agent@{DOMAIN}"),
        "applicationId": application,
        "resourceType": resource,
        "resourceNewValue": json!({ "Id": guid(record.id) }).to_string(),
        "operationType": operation,
        "operationDate": record.at.strftime(format).to_string(),
        "operationStatus": record.status,
        "customizedData": [{ "key": "CorrelationId", "value": null }],
        "attributes": { "objectType": "AuditRecord" },
    });
    if let Some(customer) = record.customer {
        row["customerId"] = json!(guid(customer.id));
        row["customerName"] = json!(customer.name());
    }
    // Records of the older kind have no id.
    if !bits.is_multiple_of(7) {
        let about = record.customer.map_or_else(|| partner.to_owned(), |it| guid(it.id));
        let unique = guid(record.id).replace('-', "");
        row["id"] = json!(format!("{partner}_{about}_{unique}_{operation}"));
        row["participants"] = json!([partner]);
        row["originalCorrelationId"] = json!(guid(record.id ^ 1));
    }
    row
}
