//! When DAP was granted and last used, customer by customer, as the service behind Partner Center's page
//! of administrative relationships tells it. It was announced to be short-lived, and may be gone.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError, Tally};
use crate::metrics::{Metric, Samples};
use crate::wire::{self, AnyCase, ObjectId};

/// Customers that have DAP, each once, in the order of their ids.
#[derive(Debug, Default)]
pub struct DapService {
    customers: Vec<Delegation>,
    rejected: u64,
}

/// DAP that one customer has granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// The id of the customer's tenant.
    pub customer: ObjectId,
    /// What it is called.
    pub name: Box<str>,
    /// When it was granted, where that is said.
    pub granted: Option<Timestamp>,
    /// When it was last used; `None` is never.
    pub last: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Row {
    // `id` repeats it.
    #[serde(rename = "customertenantid")]
    customer: ObjectId,
    #[serde(default, rename = "organizationdisplayname", deserialize_with = "wire::name")]
    name: Box<str>,
    #[serde(rename = "dapenabled", deserialize_with = "said")]
    is_enabled: bool,
    #[serde(default, rename = "startdatetime", deserialize_with = "wire::optional_moment")]
    granted: Option<Timestamp>,
    #[serde(default, rename = "lastsignindatetime", deserialize_with = "wire::optional_moment")]
    last: Option<Timestamp>,
}

/// A row that does not say whether there is DAP says nothing.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    wire::optional_bool(deserializer)?.ok_or_else(|| de::Error::custom("neither yes nor no"))
}

/// Rows of a page, as many as the service gives.
const PAGE: u64 = 300;

impl DapService {
    /// Puts rows in order, each customer once.
    pub fn new(mut customers: Vec<Delegation>) -> Self {
        customers.sort_by(|one, other| one.customer.cmp(&other.customer));
        customers.dedup_by(|one, other| one.customer == other.customer);
        Self { customers, rejected: 0 }
    }

    /// All that have DAP.
    pub fn all(&self) -> &[Delegation] {
        &self.customers
    }

    /// Whether a customer that is not there may be one that could not be read.
    pub fn has_gaps(&self) -> bool {
        self.rejected > 0
    }
}

impl Source for DapService {
    const ID: &'static str = "dap_service";
    const WHAT: &'static str =
        "When DAP was granted and last used, by the service behind Partner Center's page of it";
    const ASK: Ask = Ask::dap("/v1/delegatedAdminCustomers?$top=300&$skip={rows}");
    const PERMISSION: &'static str =
        "user_impersonation (Partner Customer Delegated Administration, delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/partner-center/developer/list-delegated-admin-customers";
    const INTERVAL: Duration = Duration::from_secs(24 * 3600);
    /// Who does not have the service would be told so every day.
    const ENABLED: bool = false;
    /// Bands are counted in `posture`, where it is known which evidence is the best.
    const METRICS: &'static [&'static Metric] = &[];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let (mut customers, mut all) = (Vec::new(), Tally::default());
        let mut ids = BTreeSet::new();
        loop {
            let skip = all.accepted + all.rejected;
            let ask = Self::ASK.of(format!("/v1/delegatedAdminCustomers?$top={PAGE}&$skip={skip}"));
            // Rows of customers that have ended it come too.
            let known = ids.len();
            let keep = |AnyCase(row): AnyCase<Row>| {
                let Row { customer, name, is_enabled, granted, last } = row;
                ids.insert(customer.clone());
                customers.extend(is_enabled.then_some(Delegation {
                    customer,
                    name,
                    granted,
                    last,
                }));
            };
            let more = client.list(&ask, keep).await?;
            all.add(more);
            // Where a link is given it was followed; the last page may have lost it. What brings nothing
            // new is the end, or knows nothing of skipping.
            if ids.len() == known {
                break;
            }
        }
        let source = Self { rejected: all.rejected, ..Self::new(customers) };
        Ok(Rows::listed(source, all))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn the_documented_page_is_read() {
        let body = include_bytes!("../../tests/samples/dap_service.json");
        let rows = rows_of::<AnyCase<Row>>(body);
        let said: Vec<_> = rows
            .iter()
            .map(|AnyCase(row)| (row.is_enabled, row.granted.is_some(), row.last.is_some()))
            .collect();
        assert_eq!(said, [(true, true, true), (false, true, false), (true, true, false)]);
        for body in [
            r#"{"customerTenantId":"a"}"#,
            r#"{"customerTenantId":"a","dapEnabled":null}"#,
            r#"{"dapEnabled":true}"#,
        ] {
            assert!(serde_json::from_str::<AnyCase<Row>>(body).is_err(), "{body}");
        }
    }
}
