//! How many of each application's requests to Partner Center carried MFA, as Microsoft counts for
//! its report on security requirements.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Metric, Samples};
use crate::wire::{self, AnyCase, ObjectId};

/// Each application once, by id, summed over the days of the report. Only requests in people's
/// names are in it.
#[derive(Debug, Default)]
pub struct MfaAdoption {
    /// The applications.
    pub applications: Vec<Application>,
    /// How many rows could not be read. While there are any, an application may be missing.
    pub rejected: u64,
}

impl MfaAdoption {
    /// The application of this id.
    pub fn of(&self, id: &ObjectId) -> Option<&Application> {
        let place = self.applications.binary_search_by(|it| it.id.cmp(id));
        place.ok().map(|place| &self.applications[place])
    }
}

/// The requests of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: ObjectId,
    /// What Microsoft calls it; often empty.
    pub name: Box<str>,
    /// Requests that carried MFA.
    pub compliant: u64,
    /// All requests.
    pub total: u64,
}

/// One application on one day. A row that lacks a count says nothing and is refused, and so is one
/// with more requests with MFA than requests.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
struct Row {
    id: ObjectId,
    name: Box<str>,
    compliant: u64,
    total: u64,
}

#[derive(Debug, Deserialize)]
struct Written {
    #[serde(rename = "applicationid")]
    id: ObjectId,
    #[serde(default, rename = "applicationname", deserialize_with = "wire::name")]
    name: Box<str>,
    #[serde(rename = "mfacompliantrequestcount", deserialize_with = "wire::count")]
    compliant: u64,
    #[serde(rename = "totalrequestcount", deserialize_with = "wire::count")]
    total: u64,
}

impl TryFrom<Written> for Row {
    type Error = &'static str;

    fn try_from(Written { id, name, compliant, total }: Written) -> Result<Self, Self::Error> {
        (compliant <= total).then_some(Self { id, name, compliant, total }).ok_or("more than all")
    }
}

/// The applications while rows are read.
#[derive(Debug, Default)]
struct Collected {
    applications: BTreeMap<ObjectId, Application>,
    is_full: bool,
}

impl Collected {
    const KEPT: usize = 100_000;

    fn add(&mut self, row: Row) {
        self.is_full |= self.applications.len() >= Self::KEPT;
        if self.is_full {
            return;
        }
        let application = self.applications.entry(row.id.clone()).or_insert_with(|| Application {
            id: row.id,
            name: Box::default(),
            compliant: 0,
            total: 0,
        });
        if !row.name.is_empty() {
            application.name = row.name;
        }
        application.compliant = application.compliant.saturating_add(row.compliant);
        application.total = application.total.saturating_add(row.total);
    }

    fn source(self, rejected: u64) -> Result<MfaAdoption, FetchError> {
        if self.is_full {
            return Err(FetchError::Limit { bound: "applications" });
        }
        Ok(MfaAdoption { applications: self.applications.into_values().collect(), rejected })
    }
}

impl Source for MfaAdoption {
    const ID: &'static str = "mfa_adoption";
    const WHAT: &'static str = "Applications' requests to Partner Center, with MFA and in all";
    const ASK: Ask = Ask::partner_center("/v1/applicationmfaadoptionstatus", &[]);
    const PERMISSION: &'static str = "user_impersonation (Partner Center, delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/partner-center/developer/get-api-request-summary";
    const INTERVAL: Duration = Duration::from_secs(6 * 3600);
    /// Which applications are whose is known in `posture::partner`.
    const METRICS: &'static [&'static Metric] = &[];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut collected = Collected::default();
        let add = |AnyCase(row): AnyCase<Row>| collected.add(row);
        let tally = client.list(&Self::ASK, add).await?;
        let source = collected.source(tally.rejected)?;
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn the_documented_list_is_read_and_summed_over_its_days() {
        let body = include_bytes!("../../tests/samples/mfa_adoption.json");
        let mut collected = Collected::default();
        for AnyCase(row) in rows_of::<AnyCase<Row>>(body) {
            collected.add(row);
        }
        let source = collected.source(0).unwrap();
        let [panel, invoicing] = &source.applications[..] else { panic!("{source:?}") };
        assert_eq!((panel.compliant, panel.total, &*panel.name), (19, 26, "Panel"));
        assert_eq!((invoicing.compliant, invoicing.total), (4, 4));
    }

    #[test]
    fn a_row_without_its_counts_is_refused_and_not_taken_for_none() {
        for body in [
            r#"{"applicationId":"a","totalRequestCount":3}"#,
            r#"{"applicationId":"a","mfaCompliantRequestCount":null,"totalRequestCount":3}"#,
            r#"{"mfaCompliantRequestCount":3,"totalRequestCount":3}"#,
            r#"{"applicationId":"a","mfaCompliantRequestCount":4,"totalRequestCount":3}"#,
        ] {
            assert!(serde_json::from_str::<AnyCase<Row>>(body).is_err(), "{body}");
        }
    }
}
