//! Named locations: which places Conditional Access knows, and which of them it trusts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire;

/// All named locations, by id in lower case.
#[derive(Debug, Default)]
pub struct NamedLocations {
    places: BTreeMap<Box<str>, Location>,
    rejected: u64,
}

/// One place.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Location {
    #[serde(deserialize_with = "wire::null_is_default")]
    id: Box<str>,
    /// What the administrators call it.
    #[serde(deserialize_with = "wire::null_is_default")]
    pub display_name: Box<str>,
    /// Whether it is marked as trusted. Countries cannot be.
    #[serde(deserialize_with = "wire::optional_bool")]
    is_trusted: Option<bool>,
}

impl Location {
    /// Whether it is marked as trusted.
    pub fn is_trusted(&self) -> bool {
        self.is_trusted == Some(true)
    }
}

impl NamedLocations {
    /// From rows.
    pub fn new(rows: impl IntoIterator<Item = Location>, rejected: u64) -> Self {
        let by_id = rows.into_iter().map(|row| (row.id.to_lowercase().into_boxed_str(), row));
        Self { places: by_id.collect(), rejected }
    }

    /// Whether a location that is not there may be one that could not be read.
    pub fn has_gaps(&self) -> bool {
        self.rejected > 0
    }

    /// The location of this id.
    pub fn of(&self, id: &str) -> Option<&Location> {
        self.places.get(id.to_lowercase().as_str())
    }
}

static LOCATIONS: Metric = Metric {
    name: "partnercenter_named_locations",
    help: "Named locations of Conditional Access by whether they are marked as trusted (yes, no). A \
           policy that leaves trusted locations out challenges nobody there.",
    kind: Kind::Gauge,
    labels: &["tenant", "trusted"],
};

impl Source for NamedLocations {
    const ID: &'static str = "named_locations";
    const WHAT: &'static str = "Named locations: names, and which are trusted";
    const ASK: Ask =
        Ask::graph("/v1.0/identity/conditionalAccess/namedLocations", Bucket::Policies);
    const PERMISSION: &'static str = "Policy.Read.All";
    const LICENSE: Option<&'static str> = Some("Microsoft Entra ID P1 or P2");
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/conditionalaccessroot-list-namedlocations";
    const INTERVAL: Duration = Duration::from_secs(3600);
    const METRICS: &'static [&'static Metric] = &[&LOCATIONS];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut rows = Vec::new();
        let tally = client.list::<Location>(&Self::ASK, |row| rows.push(row)).await?;
        let source = Self::new(rows, tally.rejected);
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, samples: &mut Samples) {
        for (trusted, word) in [(true, "yes"), (false, "no")] {
            let count = self.places.values().filter(|place| place.is_trusted() == trusted).count();
            samples.count(&LOCATIONS, [("trusted", word)], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    #[test]
    fn the_documented_page_is_read() {
        let body = include_bytes!("../../tests/samples/named_locations.json");
        let rows: Vec<Location> = rows_of(body);
        let locations = NamedLocations::new(rows, 0);
        assert!(locations.of("70CA0000-0000-4000-8000-000000000001").unwrap().is_trusted());
        assert!(!locations.of("70ca0000-0000-4000-8000-000000000002").unwrap().is_trusted());
        let mut samples = Samples::of_tenant("t");
        locations.observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_named_locations{tenant=\"t\",trusted=\"yes\"} 1\n\
             partnercenter_named_locations{tenant=\"t\",trusted=\"no\"} 2\n"
        );
    }
}
