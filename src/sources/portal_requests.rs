//! Who worked in Partner Center's portal without MFA in the past seven days.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, AnyCase, ObjectId};

/// The people, each once, by object id.
#[derive(Debug, Default)]
pub struct PortalRequests {
    /// Who.
    pub people: Vec<Person>,
}

/// Somebody who worked without MFA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Object id.
    pub id: ObjectId,
    /// The name signed in with. Never goes into a label.
    pub name: Box<str>,
    /// When it last happened, if Microsoft says so.
    pub last: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(rename = "objectid")]
    id: ObjectId,
    #[serde(default, rename = "upn", deserialize_with = "wire::name")]
    name: Box<str>,
    /// Two articles, two names. Should an answer ever have both, the later holds.
    #[serde(
        default,
        rename = "lastnonmfacompliantrequestdatetime",
        deserialize_with = "wire::optional_moment"
    )]
    last_request: Option<Timestamp>,
    #[serde(
        default,
        rename = "lastnonmfacompliantlogindatetime",
        deserialize_with = "wire::optional_moment"
    )]
    last_login: Option<Timestamp>,
}

/// The people while rows are read.
#[derive(Debug, Default)]
struct Collected {
    people: BTreeMap<ObjectId, Person>,
    is_full: bool,
}

impl Collected {
    const KEPT: usize = 100_000;

    /// A person may stand in several rows; the latest time is theirs.
    fn add(&mut self, row: Row) {
        let last = row.last_request.max(row.last_login);
        if let Some(known) = self.people.get_mut(&row.id) {
            known.last = known.last.max(last);
            return;
        }
        self.is_full |= self.people.len() >= Self::KEPT;
        if !self.is_full {
            let person = Person { id: row.id.clone(), name: row.name, last };
            self.people.insert(row.id, person);
        }
    }

    fn source(self) -> Result<PortalRequests, FetchError> {
        if self.is_full {
            return Err(FetchError::Limit { bound: "people" });
        }
        Ok(PortalRequests { people: self.people.into_values().collect() })
    }
}

static PEOPLE: Metric = Metric {
    name: "partnercenter_portal_users_without_mfa",
    help: "People who used Partner Center's portal without MFA in the past seven days, by \
           Microsoft's daily report. 0 is as it should be. Absent while the report cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static LAST: Metric = Metric {
    name: "partnercenter_portal_without_mfa_last_timestamp_seconds",
    help: "When somebody last used Partner Center's portal without MFA, by Microsoft's daily report \
           on the past seven days. Absent when nobody did.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for PortalRequests {
    const ID: &'static str = "portal_requests";
    const WHAT: &'static str = "Who used Partner Center's portal without MFA, past seven days";
    const ASK: Ask = Ask::partner_center("/v1/nonMfaCompliantPartnerPrincipals", &[]);
    const PERMISSION: &'static str = "user_impersonation (Partner Center, delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/partner-center/developer/get-portal-requests-without-mfa";
    const INTERVAL: Duration = Duration::from_secs(6 * 3600);
    const METRICS: &'static [&'static Metric] = &[&PEOPLE, &LAST];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut collected = Collected::default();
        let add = |AnyCase(row): AnyCase<Row>| collected.add(row);
        let tally = client.list(&Self::ASK, add).await?;
        let source = collected.source()?;
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, samples: &mut Samples) {
        samples.count(&PEOPLE, [], self.people.len());
        if let Some(last) = self.people.iter().filter_map(|person| person.last).max() {
            samples.push(&LAST, [], last.as_second() as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn read(body: &[u8]) -> PortalRequests {
        let mut collected = Collected::default();
        for AnyCase(row) in rows_of::<AnyCase<Row>>(body) {
            collected.add(row);
        }
        collected.source().unwrap()
    }

    #[test]
    fn the_documented_collection_is_read_under_both_names_and_each_person_counts_once() {
        let source = read(include_bytes!("../../tests/samples/portal_requests.json"));
        let names: Vec<_> = source.people.iter().map(|person| &*person.name).collect();
        assert_eq!(names, ["ada@fabrikam.example", "bo@fabrikam.example"]);
        let mut samples = Samples::of_tenant("t");
        source.observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_portal_users_without_mfa{tenant=\"t\"} 2\n\
             partnercenter_portal_without_mfa_last_timestamp_seconds{tenant=\"t\"} 1795471753\n"
        );
    }

    #[test]
    fn nobody_is_zero_and_has_no_time() {
        let mut samples = Samples::of_tenant("t");
        read(br#"{"totalCount":0,"items":[],"attributes":{}}"#).observe(&mut samples);
        assert_eq!(samples.to_string(), "partnercenter_portal_users_without_mfa{tenant=\"t\"} 0\n");
    }
}
