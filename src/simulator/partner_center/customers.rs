//! The customers, page by page, and each of them alone, which says more.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::paging::Place;
use super::refusal::Refusal;
use super::{Answer, Context, usage};
use crate::simulator::customers::{Card, Customer};
use crate::simulator::person::guid;

/// Customers on a page at most.
const MOST: usize = 500;

pub(super) fn list(context: &Context<'_>) -> Result<Answer, Refusal> {
    let size = match context.query.get("size").map(str::parse) {
        None => return Err(Refusal::bad("size is missing.")),
        // The documentation's own examples leave it to the service.
        Some(Ok(0)) => MOST,
        Some(Ok(size)) if size <= MOST => size,
        Some(_) => return Err(Refusal::bad("size must be between 1 and 500.")),
    };
    let filter = context.query.get("filter");
    let wanted = filter.map(Filter::read).transpose()?;
    let place = Place::read(context)?;
    let fits = |customer: &&Customer| wanted.as_ref().is_none_or(|filter| filter.fits(customer));
    let all = context.state.customers.iter().filter(fits);
    let rows = all.clone().skip(place.before).take(place.rows(size)).map(show).collect();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("size", &size.to_string());
    query.extend_pairs(filter.map(|filter| ("filter", filter)));
    let uri = format!("/customers?{}", query.finish());
    Ok(place.answer(context, rows, all.count(), &uri, &["id"]))
}

/// What names begin with.
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
        if !["CompanyName", "Domain"].contains(&filter.field.as_str())
            || filter.operator != "starts_with"
        {
            return Err(Refusal::bad("The filter is not supported."));
        }
        Ok(filter)
    }

    fn fits(&self, customer: &Customer) -> bool {
        let text = if self.field == "Domain" { customer.domain() } else { customer.name() };
        text.to_lowercase().starts_with(&self.value.to_lowercase())
    }
}

/// As far as a list shows it.
fn show(customer: &Customer) -> Value {
    let id = guid(customer.id);
    json!({
        "id": id,
        "companyProfile": {
            "tenantId": id,
            "domain": customer.domain(),
            "companyName": customer.name(),
            "links": link(&format!("/customers/{id}/profiles/company")),
            "attributes": { "objectType": "CustomerCompanyProfile" },
        },
        "relationshipToPartner": customer.relationship(),
        "links": link(&format!("/customers/{id}")),
        "attributes": { "objectType": "Customer" },
    })
}

fn link(uri: &str) -> Value {
    json!({ "self": { "uri": uri, "method": "GET", "headers": [] } })
}

/// One customer, or its budget.
pub(super) fn one(context: &Context<'_>, path: &str) -> Result<Answer, Refusal> {
    let (id, what) = match path.split('/').collect::<Vec<_>>()[..] {
        ["customers", id] => (id, ""),
        ["customers", id, what @ "usagebudget"] => (id, what),
        _ => return Err(Refusal::absent(&format!("The resource '{path}' could not be found."))),
    };
    let id =
        u128::from_str_radix(&id.replace('-', ""), 16).map_err(|_| Refusal::unknown_tenant())?;
    let mut customers = context.state.customers.iter();
    let customer =
        customers.find(|customer| customer.id == id).ok_or_else(Refusal::unknown_tenant)?;
    match customer.card() {
        Card::ConditionalAccess => {
            let text = "Access has been blocked by Conditional Access policies. The access policy \
                        does not allow token issuance.";
            return Err(Refusal::forbidden(900309, text));
        }
        Card::NoCommerce => {
            let text = "The partner has no commerce relationship with the customer.";
            return Err(Refusal::forbidden(20002, text));
        }
        Card::Plain | Card::Pascal | Card::Silent => {}
    }
    if what == "usagebudget" {
        return Ok(usage::budget(customer));
    }
    let mut shown = context.shown(vec![show_alone(customer)], 0, &["id"]);
    let mut body = shown.remove(0);
    if customer.card() == Card::Pascal {
        body = capitals(body);
    }
    Ok(Answer::of(StatusCode::OK, &body))
}

fn show_alone(customer: &Customer) -> Value {
    let mut row = show(customer);
    let id = guid(customer.id);
    let address = json!({
        "country": "NL",
        "city": "Utrecht",
        "addressLine1": "1 Example Street",
        "postalCode": "0000 AA",
        "phoneNumber": "0000000000",
    });
    row["commerceId"] = json!(guid(customer.subscription ^ customer.id));
    row["billingProfile"] = json!({
        "id": guid(customer.subscription ^ 1),
        "firstName": "Ada",
        "lastName": "Abara",
        "email": format!("billing@{}", customer.domain()),
        "culture": "en-US",
        "language": "en",
        "companyName": customer.name(),
        "defaultAddress": address,
        "links": link(&format!("/customers/{id}/profiles/billing")),
        "attributes": { "etag": "-4242", "objectType": "CustomerBillingProfile" },
    });
    let delegated = customer.dap.is_enabled();
    if customer.card() != Card::Silent {
        row["allowDelegatedAccess"] = json!(delegated);
    }
    // What is not for everybody's eyes.
    if delegated {
        row["companyProfile"]["address"] = address;
        row["companyProfile"]["email"] = json!(format!("office@{}", customer.domain()));
        row["customDomains"] = json!([customer.domain()]);
    }
    row
}

/// The same with names that begin with capitals, all the way down.
fn capitals(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let capital = |(name, value): (String, Value)| {
                let first = name[..1].to_uppercase();
                (format!("{first}{}", &name[1..]), capitals(value))
            };
            Value::Object(fields.into_iter().map(capital).collect::<Map<_, _>>())
        }
        Value::Array(values) => values.into_iter().map(capitals).collect(),
        other => other,
    }
}
