//! The customers of the partner, as Partner Center lists them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, AnyCase, ObjectId};

/// Every customer once, in the order of their ids.
#[derive(Debug, Default)]
pub struct Customers {
    customers: Vec<Customer>,
    rejected: u64,
}

/// One customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The id of its tenant.
    pub id: ObjectId,
    /// What the partner calls it.
    pub name: Box<str>,
    /// Its first domain.
    pub domain: Box<str>,
    /// What the partner is to it.
    pub relationship: Relationship,
}

/// What the partner is to a customer, in Microsoft's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Relationship {
    /// Nothing, or not said.
    #[default]
    None,
    /// Sells to it.
    Reseller,
    /// Advises it.
    Advisor,
    /// Sells to it as a syndication partner.
    Syndication,
    /// Microsoft's own support.
    MicrosoftSupport,
    /// A word this version does not know.
    Other,
}

impl Relationship {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 6] = [
        Self::Advisor,
        Self::MicrosoftSupport,
        Self::None,
        Self::Other,
        Self::Reseller,
        Self::Syndication,
    ];

    /// The value of the label `relationship`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reseller => "reseller",
            Self::Advisor => "advisor",
            Self::Syndication => "syndication",
            Self::MicrosoftSupport => "microsoft_support",
            Self::Other => "other",
        }
    }
}

impl<'de> Deserialize<'de> for Relationship {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        if word.is_empty() {
            return Ok(Self::None);
        }
        // `microsoft_support` in the articles, `MicrosoftSupport` in the SDK.
        let word = word.replace('_', "");
        let is = |it: &Self| it.as_str().replace('_', "").eq_ignore_ascii_case(&word);
        Ok(Self::ALL.into_iter().find(is).unwrap_or(Self::Other))
    }
}

#[derive(Debug, Deserialize)]
struct Row {
    // The company profile repeats it; in one published body that is a placeholder.
    id: ObjectId,
    #[serde(default, rename = "companyprofile", deserialize_with = "wire::null_is_default")]
    company: Company,
    #[serde(default, rename = "relationshiptopartner")]
    relationship: Relationship,
}

#[derive(Debug, Default, Deserialize)]
struct Company {
    #[serde(default, rename = "companyname", deserialize_with = "wire::name")]
    name: Box<str>,
    #[serde(default, deserialize_with = "wire::name")]
    domain: Box<str>,
}

impl From<Row> for Customer {
    fn from(row: Row) -> Self {
        let Row { id, company: Company { name, domain }, relationship } = row;
        Self { id, name, domain, relationship }
    }
}

/// Customers kept at most, of which design promises a tenth.
const KEPT: usize = 200_000;

impl Customers {
    /// Puts customers in order, each once.
    pub fn new(mut customers: Vec<Customer>) -> Self {
        customers.sort_by(|one, other| one.id.cmp(&other.id));
        customers.dedup_by(|one, other| one.id == other.id);
        customers.shrink_to_fit();
        Self { customers, rejected: 0 }
    }

    /// All of them.
    pub fn all(&self) -> &[Customer] {
        &self.customers
    }

    /// The customer of this id.
    pub fn of(&self, id: &ObjectId) -> Option<&Customer> {
        let place = self.customers.binary_search_by(|customer| customer.id.cmp(id)).ok()?;
        Some(&self.customers[place])
    }

    /// Whether a customer that is not there may be one that could not be read.
    pub fn has_gaps(&self) -> bool {
        self.rejected > 0
    }
}

static CUSTOMERS: Metric = Metric {
    name: "partnercenter_customers",
    help: "Customers of this partner by what the partner is to them, in Microsoft's words; other is a \
           word this version does not know. Counted from the list itself, of which Microsoft's own \
           totals tell nothing. Absent while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "relationship"],
};

impl Source for Customers {
    const ID: &'static str = "customers";
    const WHAT: &'static str = "The partner's customers";
    const ASK: Ask = Ask::registered("/v1/customers?size=500");
    const PERMISSION: &'static str =
        "registration of the application in Partner Center (App management)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/partner-center/developer/get-a-list-of-customers";
    const INTERVAL: Duration = Duration::from_secs(6 * 3600);
    const METRICS: &'static [&'static Metric] = &[&CUSTOMERS];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let (mut customers, mut ids) = (Vec::new(), BTreeSet::new());
        let add = |AnyCase(row): AnyCase<Row>| {
            let is_new = ids.len() < KEPT && ids.insert(row.id.clone());
            if is_new {
                customers.push(row.into());
            }
            is_new
        };
        let tally = client.list_of_new(&Self::ASK, add).await?;
        if customers.len() >= KEPT {
            return Err(FetchError::Limit { bound: "customers" });
        }
        let source = Self { rejected: tally.rejected, ..Self::new(customers) };
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, samples: &mut Samples) {
        for relationship in Relationship::ALL {
            let is = |it: &&Customer| it.relationship == relationship;
            let count = self.customers.iter().filter(is).count();
            samples.count(&CUSTOMERS, [("relationship", relationship.as_str())], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn the_documented_collection_is_read() {
        let body = include_bytes!("../../tests/samples/customers.json");
        let customers: Vec<Customer> =
            rows_of::<AnyCase<Row>>(body).into_iter().map(|AnyCase(row)| row.into()).collect();
        let said: Vec<_> =
            customers.iter().map(|it| (&*it.name, it.relationship.as_str())).collect();
        assert_eq!(
            said,
            [
                ("Wide World Importers", "reseller"),
                ("Adatum", "microsoft_support"),
                ("", "none"),
                ("Trey Research", "other"),
            ]
        );
        let customers = Customers::new(customers.iter().chain(&customers).cloned().collect());
        assert_eq!(customers.all().len(), 4, "one that comes on two pages counts once");
        let mut samples = Samples::of_tenant("t");
        customers.observe(&mut samples);
        let text = samples.to_string();
        assert!(text.contains("{tenant=\"t\",relationship=\"reseller\"} 1\n"), "{text}");
        assert!(text.contains("{tenant=\"t\",relationship=\"advisor\"} 0\n"), "{text}");
    }
}
