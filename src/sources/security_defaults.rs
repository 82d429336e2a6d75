//! The switch for security defaults, Microsoft's ready-made MFA for everyone.

use std::time::Duration;

use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Metric, Samples};

/// `identitySecurityDefaultsEnforcementPolicy`, of which each tenant has one.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityDefaults {
    /// Whether they are on. The schema never leaves it unsaid, so neither do we guess.
    pub is_enabled: bool,
}

impl Source for SecurityDefaults {
    const ID: &'static str = "security_defaults";
    const WHAT: &'static str = "Whether security defaults are on";
    const ASK: Ask =
        Ask::graph("/v1.0/policies/identitySecurityDefaultsEnforcementPolicy", Bucket::Directory);
    const PERMISSION: &'static str = "Policy.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/identitysecuritydefaultsenforcementpolicy-get";
    const INTERVAL: Duration = Duration::from_secs(300);
    /// It shows beside the other ways in `posture::policies`.
    const METRICS: &'static [&'static Metric] = &[];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        client.entity(&Self::ASK).await.map(Rows::single)
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    #[test]
    fn the_documented_entity_is_read() {
        let body = include_bytes!("../../tests/samples/security_defaults.json");
        let defaults: SecurityDefaults = wire::entity(body).unwrap();
        assert!(defaults.is_enabled);
    }

    #[test]
    fn a_policy_that_does_not_say_is_refused_and_not_taken_for_off() {
        for body in ["{}", r#"{"isEnabled":null}"#, r#"{"error":{}}"#] {
            assert!(wire::entity::<SecurityDefaults>(body.as_bytes()).is_err(), "{body}");
        }
    }
}
