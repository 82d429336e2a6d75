//! What customers with Azure spend, and of what budget.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Context};
use crate::simulator::customers::Customer;
use crate::simulator::person::guid;

const BUDGET: f64 = 2_000.0;

/// All customers with Azure in one answer, whatever their number.
pub(super) fn records(context: &Context<'_>) -> Answer {
    let updated = context.state.now().strftime("%Y-%m-%dT%H:%M:%S%.7f+00:00").to_string();
    let customers = context.state.customers.iter().filter(|customer| customer.has_azure());
    let rows = customers.map(|customer| show(customer, &updated)).collect();
    context.collection(rows, &["id"])
}

/// The budget of one customer, which may have none.
pub(super) fn budget(customer: &Customer) -> Answer {
    let mut body = json!({
        "attributes": { "objectType": "SpendingBudget" },
        "links": { "self": {
            "uri": format!("/v1/customers/{}/usagebudget", guid(customer.id)),
            "method": "GET",
            "headers": [],
        }},
    });
    if customer.spent().is_some() {
        // The documentation has it under both names.
        (body["amount"], body["usageSpendingBudget"]) = (json!(BUDGET), json!(BUDGET));
    }
    Answer::of(StatusCode::OK, &body)
}

fn show(customer: &Customer, updated: &str) -> Value {
    let mut budget = json!({ "attributes": { "objectType": "SpendingBudget" } });
    if customer.spent().is_some() {
        budget["amount"] = json!(BUDGET);
    }
    let percent = customer.spent().unwrap_or(0.0);
    let cost = BUDGET * percent / 100.0;
    let mut row = json!({
        "budget": budget,
        "percentUsed": percent,
        "isUpgraded": customer.is_upgraded(),
        "resourceId": guid(customer.id),
        "id": guid(customer.id),
        "resourceName": customer.name(),
        "name": customer.name(),
        "totalCost": cost,
        "usdTotalCost": cost,
        "lastModifiedDate": updated,
        "attributes": { "objectType": "CustomerMonthlyUsageRecord" },
    });
    // Those of the old kind say where the currency is from, and the others what it is.
    if customer.is_upgraded() {
        row["currencyCode"] = json!("EUR");
    } else {
        row["currencyLocale"] = json!("nl-NL");
        row["customerSpendingBudget"] = row["budget"].clone();
    }
    row
}
