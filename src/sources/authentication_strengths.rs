//! Authentication strengths: which combinations of methods a policy may ask for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Facts;
use super::policy::Strength;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Metric, Samples};

/// All strengths, by id in lower case. A policy usually carries its own along; where it names no
/// more than an id, it is looked up here.
#[derive(Debug, Default)]
pub struct AuthenticationStrengths(BTreeMap<Box<str>, Strength>);

impl AuthenticationStrengths {
    /// From rows.
    pub fn new(rows: impl IntoIterator<Item = Strength>) -> Self {
        let by_id = rows.into_iter().map(|row| (row.id.to_lowercase().into_boxed_str(), row));
        Self(by_id.collect())
    }

    /// The strength of this id.
    pub fn of(&self, id: &str) -> Option<&Strength> {
        self.0.get(id.to_lowercase().as_str())
    }
}

impl Source for AuthenticationStrengths {
    const ID: &'static str = "authentication_strengths";
    const WHAT: &'static str = "Authentication strengths: which of them satisfy MFA";
    const ASK: Ask = Ask::graph("/v1.0/policies/authenticationStrengthPolicies", Bucket::Directory);
    const PERMISSION: &'static str = "Policy.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/authenticationstrengthroot-list-policies";
    const INTERVAL: Duration = Duration::from_secs(3600);
    /// They show in what policies demand.
    const METRICS: &'static [&'static Metric] = &[];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut rows = Vec::new();
        let tally = client.list::<Strength>(&Self::ASK, |row| rows.push(row)).await?;
        Ok(Rows::listed(Self::new(rows), tally))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn the_documented_page_is_read() {
        let body = include_bytes!("../../tests/samples/authentication_strengths.json");
        let rows: Vec<Strength> = rows_of(body);
        let strengths = AuthenticationStrengths::new(rows);
        let satisfies = |id| strengths.of(id).map(Strength::satisfies_mfa);
        assert_eq!(satisfies("00000000-0000-0000-0000-000000000004"), Some(Some(true)));
        assert_eq!(satisfies("5A1D0000-0000-4000-8000-000000000001"), Some(Some(false)));
        assert_eq!(satisfies("5a1d0000-0000-4000-8000-000000000002"), Some(None), "left unsaid");
        assert_eq!(satisfies("elsewhere"), None);
    }
}
