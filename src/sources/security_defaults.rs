//! The switch for security defaults, Microsoft's ready-made MFA for everyone.

use std::time::Duration;

use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};

/// `identitySecurityDefaultsEnforcementPolicy`, of which each tenant has one.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityDefaults {
    /// Whether they are on. The schema never leaves it unsaid, so neither do we guess.
    pub is_enabled: bool,
}

static OPTION_ENABLED: Metric = Metric {
    name: "partnercenter_mfa_option_enabled",
    help: "Whether a way to enforce MFA is switched on (1) or off (0). One is enough: security \
           defaults must be off where Conditional Access is used. Absent while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "option"],
};

impl Source for SecurityDefaults {
    const ID: &'static str = "security_defaults";
    const WHAT: &'static str = "Whether security defaults are on";
    const ASK: Ask = Ask::graph(
        "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy",
        Bucket::Directory,
    );
    const PERMISSION: &'static str = "Policy.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/identitysecuritydefaultsenforcementpolicy-get";
    const INTERVAL: Duration = Duration::from_secs(300);
    const METRICS: &'static [&'static Metric] = &[&OPTION_ENABLED];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        client.entity(&Self::ASK).await.map(Rows::single)
    }

    fn observe(&self, samples: &mut Samples) {
        samples.flag(&OPTION_ENABLED, [("option", "security_defaults")], self.is_enabled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    #[test]
    fn the_documented_entity_is_read() {
        let body = include_bytes!("../../tests/samples/security_defaults.json");
        let defaults: SecurityDefaults = wire::entity(body).unwrap();
        let mut samples = Samples::of_tenant("contoso");
        defaults.observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_mfa_option_enabled{tenant=\"contoso\",option=\"security_defaults\"} 1\n"
        );
    }

    #[test]
    fn a_policy_that_does_not_say_is_refused_and_not_taken_for_off() {
        for body in ["{}", r#"{"isEnabled":null}"#, r#"{"error":{}}"#] {
            assert!(wire::entity::<SecurityDefaults>(body.as_bytes()).is_err(), "{body}");
        }
    }
}
