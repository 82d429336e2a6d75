//! Customers with Azure: whether they have a spending budget, and how much of it is used.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, AnyCase, ObjectId};

/// Customers with Azure in the current month, each once, by id.
#[derive(Debug, Default)]
pub struct UsageRecords {
    /// The customers.
    pub customers: Vec<Customer>,
    /// How many rows could not be read. While there are any, a customer may be missing.
    pub rejected: u64,
}

/// One customer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Row")]
pub struct Customer {
    /// The customer's tenant.
    pub id: ObjectId,
    /// Its name.
    pub name: Box<str>,
    /// Whether a spending budget is set.
    pub has_budget: bool,
    /// How much of the budget is used, in percent, as Microsoft estimates; means nothing without a
    /// budget.
    pub percent_used: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(default, deserialize_with = "wire::optional_id")]
    id: Option<ObjectId>,
    #[serde(default, rename = "resourceid", deserialize_with = "wire::optional_id")]
    resource: Option<ObjectId>,
    #[serde(default, deserialize_with = "wire::name")]
    name: Box<str>,
    #[serde(default, rename = "resourcename", deserialize_with = "wire::name")]
    resource_name: Box<str>,
    #[serde(default, deserialize_with = "is_set")]
    budget: bool,
    #[serde(default, rename = "customerspendingbudget", deserialize_with = "is_set")]
    spending_budget: bool,
    #[serde(default, rename = "percentused", deserialize_with = "wire::optional_number")]
    percent_used: Option<f64>,
}

/// A budget without an amount is none, and of nothing no part is ever used up.
fn is_set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    struct Budget {
        #[serde(default, deserialize_with = "wire::optional_number")]
        amount: Option<f64>,
    }
    let budget = Option::<Budget>::deserialize(deserializer)?;
    Ok(budget.and_then(|budget| budget.amount).is_some_and(|amount| amount > 0.0))
}

impl TryFrom<Row> for Customer {
    type Error = &'static str;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.id.or(row.resource).ok_or("a customer without an id")?,
            name: if row.name.is_empty() { row.resource_name } else { row.name },
            has_budget: row.budget || row.spending_budget,
            percent_used: row.percent_used,
        })
    }
}

/// The customers while rows are read.
#[derive(Debug, Default)]
struct Collected {
    customers: BTreeMap<ObjectId, Customer>,
    is_full: bool,
}

impl Collected {
    const KEPT: usize = 100_000;

    /// Of two rows of one customer the fuller use holds, whichever came first: neither says when it
    /// was made.
    fn add(&mut self, customer: Customer) {
        if let Some(known) = self.customers.get_mut(&customer.id) {
            known.has_budget |= customer.has_budget;
            known.percent_used = match (known.percent_used, customer.percent_used) {
                (Some(one), Some(other)) => Some(one.max(other)),
                (one, other) => one.or(other),
            };
            return;
        }
        self.is_full |= self.customers.len() >= Self::KEPT;
        if !self.is_full {
            self.customers.insert(customer.id.clone(), customer);
        }
    }

    fn source(self, rejected: u64) -> Result<UsageRecords, FetchError> {
        if self.is_full {
            return Err(FetchError::Limit { bound: "customers" });
        }
        Ok(UsageRecords { customers: self.customers.into_values().collect(), rejected })
    }
}

impl Customer {
    /// The value of the label `used`; `None` where the use of a budget is not said.
    fn band(&self) -> Option<&'static str> {
        if !self.has_budget {
            return Some("none");
        }
        Some(match self.percent_used? {
            percent if percent > 100.0 => "gt100",
            percent if percent >= 80.0 => "80to100",
            _ => "lt80",
        })
    }
}

const BANDS: [&str; 4] = ["none", "lt80", "80to100", "gt100"];

static CUSTOMERS: Metric = Metric {
    name: "partnercenter_azure_customers",
    help: "Customers with an Azure plan or another subscription by usage, by Microsoft's records of \
           the current month, which are about a day old. 0: there are none. Absent while they \
           cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static WITH_BUDGET: Metric = Metric {
    name: "partnercenter_azure_customers_with_budget",
    help: "Customers with a spending budget, of those in partnercenter_azure_customers. A budget \
           warns and stops nothing. Absent while they cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static USE: Metric = Metric {
    name: "partnercenter_azure_customers_budget_use",
    help: "Customers with Azure by how much of this month's budget is used: none (no budget), lt80, \
           80to100, gt100, in percent, as Microsoft estimates about a day late. Customers with a \
           budget whose use Microsoft does not say are in none of these. Absent while they cannot be \
           read.",
    kind: Kind::Gauge,
    labels: &["tenant", "used"],
};

impl Source for UsageRecords {
    const ID: &'static str = "usage_records";
    const WHAT: &'static str = "Customers with Azure, their spending budgets and how much is used";
    const ASK: Ask = Ask::partner_center("/v1/customers/usagerecords", &[]);
    const PERMISSION: &'static str = "user_impersonation (Partner Center, delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/partner-center/developer/get-a-customer-s-usage-records";
    const INTERVAL: Duration = Duration::from_secs(6 * 3600);
    const METRICS: &'static [&'static Metric] = &[&CUSTOMERS, &WITH_BUDGET, &USE];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut collected = Collected::default();
        let add = |AnyCase(customer): AnyCase<Customer>| collected.add(customer);
        let tally = client.list(&Self::ASK, add).await?;
        let source = collected.source(tally.rejected)?;
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, samples: &mut Samples) {
        samples.count(&CUSTOMERS, [], self.customers.len());
        let with_budget = self.customers.iter().filter(|customer| customer.has_budget).count();
        samples.count(&WITH_BUDGET, [], with_budget);
        for band in BANDS {
            let count = self.customers.iter().filter(|it| it.band() == Some(band)).count();
            samples.count(&USE, [("used", band)], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn the_documented_collection_is_read() {
        let body = include_bytes!("../../tests/samples/usage_records.json");
        let mut collected = Collected::default();
        for AnyCase(customer) in rows_of::<AnyCase<Customer>>(body) {
            collected.add(customer);
        }
        let source = collected.source(0).unwrap();
        let mut samples = Samples::of_tenant("t");
        source.observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_azure_customers{tenant=\"t\"} 5\n\
             partnercenter_azure_customers_budget_use{tenant=\"t\",used=\"none\"} 2\n\
             partnercenter_azure_customers_budget_use{tenant=\"t\",used=\"lt80\"} 1\n\
             partnercenter_azure_customers_budget_use{tenant=\"t\",used=\"80to100\"} 0\n\
             partnercenter_azure_customers_budget_use{tenant=\"t\",used=\"gt100\"} 1\n\
             partnercenter_azure_customers_with_budget{tenant=\"t\"} 3\n"
        );
        assert_eq!(&*source.customers[0].name, "Tailspin");
    }

    #[test]
    fn a_budget_is_one_when_it_has_an_amount() {
        for (budget, has_budget) in [
            (r#"{"amount":20}"#, true),
            (r#"{"amount":"20.5"}"#, true),
            (r#"{"amount":0}"#, false),
            (r#"{"amount":null,"attributes":{}}"#, false),
            ("{}", false),
            ("null", false),
        ] {
            for field in ["budget", "CustomerSpendingBudget"] {
                let body = format!(r#"{{"id":"a","{field}":{budget}}}"#);
                let AnyCase(customer) = serde_json::from_str::<AnyCase<Customer>>(&body).unwrap();
                assert_eq!(customer.has_budget, has_budget, "{body}");
            }
        }
    }

    #[test]
    fn a_customer_without_an_id_is_refused() {
        let body = r#"{"id":"","name":"Adatum","budget":{"amount":5}}"#;
        assert!(serde_json::from_str::<AnyCase<Customer>>(body).is_err());
    }

    #[test]
    fn a_boundary_belongs_to_the_band_between() {
        let band = |percent_used| {
            let id = ObjectId::Other("a".into());
            Customer { id, name: Box::default(), has_budget: true, percent_used }.band()
        };
        for (percent, expected) in [
            (79.99, "lt80"),
            (80.0, "80to100"),
            (100.0, "80to100"),
            (100.01, "gt100"),
            (0.0, "lt80"),
        ] {
            assert_eq!(band(Some(percent)), Some(expected), "{percent}");
        }
        assert_eq!(band(None), None);
    }
}
