//! Customers with whom the partner has, or had, a GDAP relationship.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::ObjectId;

/// The customers, counted. Who they are stands in the relationships.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct GdapCustomers {
    /// Customers' tenants.
    pub customers: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    tenant_id: ObjectId,
}

/// Customers told apart at most.
const KEPT: usize = 200_000;

static CUSTOMERS: Metric = Metric {
    name: "partnercenter_gdap_customers",
    help: "Customers that Microsoft Graph lists under delegated administration. Those with an active \
           relationship, which alone grants access, are partnercenter_customers_gdap. Absent while \
           they cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for GdapCustomers {
    const ID: &'static str = "gdap_customers";
    const WHAT: &'static str = "Customers that Graph lists under delegated administration";
    const ASK: Ask = Ask::graph(
        "/v1.0/tenantRelationships/delegatedAdminCustomers?$select=tenantId&$top=300",
        Bucket::Delegation,
    );
    const PERMISSION: &'static str = "DelegatedAdminRelationship.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/tenantrelationship-list-delegatedadmincustomers";
    const INTERVAL: Duration = Duration::from_secs(6 * 3600);
    const METRICS: &'static [&'static Metric] = &[&CUSTOMERS];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let (mut seen, mut is_full) = (HashSet::new(), false);
        let keep = |row: Row| {
            is_full |= seen.len() >= KEPT;
            if !is_full {
                seen.insert(row.tenant_id);
            }
        };
        let tally = client.list(&Self::ASK, keep).await?;
        if is_full {
            return Err(FetchError::Limit { bound: "customers" });
        }
        Ok(Rows::listed(Self { customers: seen.len() }, tally))
    }

    fn observe(&self, samples: &mut Samples) {
        samples.count(&CUSTOMERS, [], self.customers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn the_documented_collection_is_read() {
        let rows = rows_of::<Row>(include_bytes!("../../tests/samples/gdap_customers.json"));
        let seen: HashSet<_> = rows.into_iter().map(|row| row.tenant_id).collect();
        assert_eq!(seen.len(), 2);
    }
}
