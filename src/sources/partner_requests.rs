//! Which applications asked Partner Center in people's names in the past seven days, and how often
//! without MFA.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::Facts;
use super::source::{Rows, Source, Unread};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Metric, Samples};
use crate::wire::{self, AnyCase, ObjectId};

/// The requests, counted by application.
#[derive(Debug, Default)]
pub struct PartnerRequests {
    /// Each application once, by id.
    pub applications: Vec<Application>,
    /// Whose requests lacked MFA, each once, with the name signed in with.
    pub people_without_mfa: Vec<(ObjectId, Box<str>)>,
    /// Whether there were as many requests as Microsoft shows at most, so that older ones of the
    /// seven days are missing.
    pub is_cut: bool,
    /// How many rows could not be read. While there are any, a request may be missing.
    pub rejected: u64,
}

/// What one application did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: ObjectId,
    /// Its requests.
    pub requests: u64,
    /// Those without MFA.
    pub without_mfa: u64,
    /// Whether it read invoices or usage.
    pub does_invoicing: bool,
    /// Whether it changed something of a customer's.
    pub does_provisioning: bool,
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(default, rename = "requestid", deserialize_with = "wire::optional_id")]
    request: Option<ObjectId>,
    #[serde(default, rename = "operationname", deserialize_with = "wire::name")]
    operation: Box<str>,
    #[serde(default, rename = "objectid", deserialize_with = "wire::optional_id")]
    person: Option<ObjectId>,
    #[serde(default, rename = "upn", deserialize_with = "wire::name")]
    name: Box<str>,
    #[serde(default, rename = "applicationid", deserialize_with = "wire::optional_id")]
    application: Option<ObjectId>,
    /// A row that does not say is refused: it would count as one or the other by a guess.
    #[serde(rename = "mfacompliant", deserialize_with = "said")]
    is_compliant: bool,
}

fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    wire::optional_bool(deserializer)?.ok_or_else(|| Error::custom("nothing is said of MFA"))
}

impl Row {
    /// Operations are named as `Get /v{version}/customers/{customer_id}/subscriptions`.
    fn does_invoicing(&self) -> bool {
        let operation = self.operation.to_ascii_lowercase();
        ["invoice", "usage"].iter().any(|word| operation.contains(word))
    }

    fn does_provisioning(&self) -> bool {
        let operation = self.operation.to_ascii_lowercase();
        let changes = ["post ", "put ", "patch ", "delete "];
        changes.iter().any(|verb| operation.starts_with(verb)) && operation.contains("/customers")
    }
}

/// What is counted while rows are read.
#[derive(Debug, Default)]
struct Collected {
    seen: HashSet<ObjectId, foldhash::fast::RandomState>,
    applications: BTreeMap<ObjectId, Application>,
    people: BTreeMap<ObjectId, Box<str>>,
    is_full: bool,
}

impl Collected {
    /// Microsoft shows a tenth of it.
    const KEPT: usize = 100_000;

    fn add(&mut self, row: Row) {
        self.is_full |= self.seen.len() >= Self::KEPT || self.people.len() >= Self::KEPT;
        // What has happened does not change, so of two rows for one request either will do.
        let is_known = |request: &ObjectId| !self.seen.insert(request.clone());
        if self.is_full || row.request.as_ref().is_some_and(is_known) {
            return;
        }
        let (does_invoicing, does_provisioning) = (row.does_invoicing(), row.does_provisioning());
        let unsaid = || ObjectId::Other("unknown".into());
        let id = row.application.unwrap_or_else(unsaid);
        let application = self.applications.entry(id.clone()).or_insert_with(|| Application {
            id,
            requests: 0,
            without_mfa: 0,
            does_invoicing: false,
            does_provisioning: false,
        });
        application.requests += 1;
        application.without_mfa += u64::from(!row.is_compliant);
        application.does_invoicing |= does_invoicing;
        application.does_provisioning |= does_provisioning;
        if let Some(person) = row.person.filter(|_| !row.is_compliant) {
            self.people.entry(person).or_insert(row.name);
        }
    }

    fn source(self, accepted: u64, rejected: u64) -> Result<PartnerRequests, FetchError> {
        if self.is_full {
            return Err(FetchError::Limit { bound: "requests" });
        }
        Ok(PartnerRequests {
            applications: self.applications.into_values().collect(),
            people_without_mfa: self.people.into_iter().collect(),
            is_cut: accepted + rejected >= PartnerRequests::SHOWN,
            rejected,
        })
    }
}

impl PartnerRequests {
    /// Microsoft shows no more.
    const SHOWN: u64 = 10_000;

    /// Why there may be more requests than are listed.
    pub fn doubt(&self) -> Option<Unread> {
        match self {
            Self { rejected: 1.., .. } => Some(Unread::SourceFailed),
            Self { is_cut: true, .. } => Some(Unread::Limit),
            _ => None,
        }
    }
}

impl Source for PartnerRequests {
    const ID: &'static str = "partner_requests";
    const WHAT: &'static str = "Requests to Partner Center in people's names, with MFA or without";
    const ASK: Ask = Ask::partner_center("/v1/partnerRequests", &[]);
    const PERMISSION: &'static str = "user_impersonation (Partner Center, delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/partner-center/developer/get-api-request-details";
    const INTERVAL: Duration = Duration::from_secs(6 * 3600);
    /// What was asked is told in `posture::partner`, which prefers Microsoft's own sums.
    const METRICS: &'static [&'static Metric] = &[];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut collected = Collected::default();
        let add = |AnyCase(row): AnyCase<Row>| collected.add(row);
        let tally = client.list(&Self::ASK, add).await?;
        let source = collected.source(tally.accepted, tally.rejected)?;
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn read(body: &[u8]) -> Collected {
        let mut collected = Collected::default();
        for AnyCase(row) in rows_of::<AnyCase<Row>>(body) {
            collected.add(row);
        }
        collected
    }

    #[test]
    fn the_documented_collection_is_read_and_each_request_counts_once() {
        let collected = read(include_bytes!("../../tests/samples/partner_requests.json"));
        let source = collected.source(5, 0).unwrap();
        let [panel, invoicing, unsaid] = &source.applications[..] else { panic!("{source:?}") };
        assert_eq!((panel.requests, panel.without_mfa), (2, 1));
        assert!(panel.does_provisioning && !panel.does_invoicing);
        assert!(invoicing.does_invoicing && !invoicing.does_provisioning);
        assert_eq!((unsaid.requests, unsaid.without_mfa), (1, 1));
        assert_eq!(source.people_without_mfa.len(), 1);
        assert_eq!(&*source.people_without_mfa[0].1, "bo@fabrikam.example");
        assert!(!source.is_cut);
    }

    #[test]
    fn a_row_that_says_nothing_of_mfa_is_refused() {
        for body in
            [r#"{"requestId":"a"}"#, r#"{"mfaCompliant":null}"#, r#"{"mfaCompliant":"perhaps"}"#]
        {
            assert!(serde_json::from_str::<AnyCase<Row>>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn as_many_requests_as_are_shown_at_most_are_not_all() {
        let doubt = |accepted, bad| Collected::default().source(accepted, bad).unwrap().doubt();
        assert_eq!(doubt(10_000, 0), Some(Unread::Limit));
        assert_eq!(doubt(9_999, 0), None);
        assert_eq!(doubt(9_998, 1), Some(Unread::SourceFailed), "nor are those that were left out");
    }
}
