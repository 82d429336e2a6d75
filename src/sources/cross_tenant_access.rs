//! Cross-tenant access settings: whether MFA done in a guest's own tenant is trusted here.

use std::time::Duration;

use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire;

/// Whose MFA is trusted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct CrossTenantAccess {
    /// That of every tenant without a setting of its own.
    pub default_is_trusted: bool,
    /// How many tenants have a setting of their own that trusts theirs.
    pub trusted_partners: usize,
}

impl CrossTenantAccess {
    /// Whether some guest may answer a challenge where it cannot be seen from here.
    pub fn trusts_somebody(self) -> bool {
        self.default_is_trusted || self.trusted_partners > 0
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Setting {
    #[serde(deserialize_with = "wire::null_is_default")]
    inbound_trust: InboundTrust,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct InboundTrust {
    #[serde(deserialize_with = "wire::optional_bool")]
    is_mfa_accepted: Option<bool>,
}

impl Setting {
    fn is_trusted(&self) -> bool {
        self.inbound_trust.is_mfa_accepted == Some(true)
    }
}

static DEFAULT: Metric = Metric {
    name: "partnercenter_inbound_mfa_trust_default",
    help: "Whether MFA done in any other tenant is trusted for its guests here (1) or not (0). \
           Where it is, guests need no method here, and what they have cannot be seen.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static PARTNERS: Metric = Metric {
    name: "partnercenter_inbound_mfa_trust_partners",
    help: "Other tenants whose MFA is trusted by a cross-tenant access setting of their own.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for CrossTenantAccess {
    const ID: &'static str = "cross_tenant_access";
    const WHAT: &'static str = "Whether MFA done in guests' own tenants is trusted";
    const ASK: Ask =
        Ask::graph("/v1.0/policies/crossTenantAccessPolicy/partners", Bucket::Directory);
    const PERMISSION: &'static str = "Policy.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/crosstenantaccesspolicy-list-partners";
    const INTERVAL: Duration = Duration::from_secs(3600);
    const METRICS: &'static [&'static Metric] = &[&DEFAULT, &PARTNERS];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        const DEFAULT: Ask =
            Ask::graph("/v1.0/policies/crossTenantAccessPolicy/default", Bucket::Directory);
        let default: Setting = client.entity(&DEFAULT).await?;
        let mut trusted_partners = 0;
        let count = |setting: Setting| trusted_partners += usize::from(setting.is_trusted());
        let tally = client.list::<Setting>(&Self::ASK, count).await?;
        let source = Self { default_is_trusted: default.is_trusted(), trusted_partners };
        Ok(Rows { source, accepted: tally.accepted + 1, rejected: tally.rejected })
    }

    fn observe(&self, samples: &mut Samples) {
        samples.flag(&DEFAULT, [], self.default_is_trusted);
        samples.count(&PARTNERS, [], self.trusted_partners);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_is_what_is_said_and_nothing_else() {
        for (body, trusted) in [
            (r#"{"inboundTrust":{"isMfaAccepted":true}}"#, true),
            (r#"{"inboundTrust":{"isMfaAccepted":false}}"#, false),
            (r#"{"inboundTrust":{"isCompliantDeviceAccepted":true}}"#, false),
            (r#"{"inboundTrust":null}"#, false),
            (r#"{"tenantId":"x"}"#, false),
        ] {
            assert_eq!(
                serde_json::from_str::<Setting>(body).unwrap().is_trusted(),
                trusted,
                "{body}"
            );
        }
    }
}
