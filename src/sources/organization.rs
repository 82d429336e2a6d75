//! The tenant itself: its name and age, what kind of partner it is, and which domains sign in
//! elsewhere.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire;

/// The organization entity of the tenant.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// Tenant id.
    #[serde(default, deserialize_with = "wire::null_is_default")]
    pub id: String,
    /// The organization's name.
    #[serde(default, deserialize_with = "wire::null_is_default")]
    pub display_name: String,
    /// When the tenant was made.
    #[serde(default, deserialize_with = "wire::optional_moment")]
    pub created_date_time: Option<Timestamp>,
    /// What kind of partner the tenant is.
    #[serde(default)]
    pub partner_tenant_type: PartnerType,
    /// Its domains.
    #[serde(default, deserialize_with = "wire::null_is_default")]
    pub verified_domains: Vec<Domain>,
}

/// A verified domain.
#[derive(Debug, Deserialize)]
pub struct Domain {
    /// Such as `contoso.com`.
    #[serde(default, deserialize_with = "wire::null_is_default")]
    pub name: String,
    /// `Managed`, or `Federated` when another identity provider signs its people in.
    #[serde(default, rename = "type", deserialize_with = "wire::null_is_default")]
    pub authentication: String,
}

/// Microsoft's word for the kind of partner, `none` for an ordinary tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerType(Box<str>);

impl Default for PartnerType {
    fn default() -> Self {
        Self(Self::NONE.into())
    }
}

impl PartnerType {
    const NONE: &'static str = "none";

    /// As a label's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it resells for an indirect provider, who answers Microsoft in its place.
    pub fn is_indirect_reseller(&self) -> bool {
        &*self.0 == "valueAddedResellerPartnerDelegatedAdmin"
    }

    /// Whether it advises customers and sells nothing to them.
    pub fn is_advisor(&self) -> bool {
        ["breadthPartner", "breadthPartnerDelegatedAdmin"].contains(&&*self.0)
    }

    /// Whether the tenant is a partner's at all.
    pub fn is_partner(&self) -> bool {
        &*self.0 != Self::NONE
    }
}

impl<'de> Deserialize<'de> for PartnerType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        let word: String = word.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
        Ok(if word.is_empty() { Self::default() } else { Self(word.into()) })
    }
}

impl Organization {
    /// Domains whose people sign in at another identity provider.
    pub fn federated_domains(&self) -> impl Iterator<Item = &Domain> {
        let is_federated = |it: &&Domain| it.authentication.eq_ignore_ascii_case("Federated");
        self.verified_domains.iter().filter(is_federated)
    }

    /// Whether the people of this user principal name's domain sign in at another identity
    /// provider, whose MFA Entra does not see.
    pub fn signs_in_elsewhere(&self, user_principal_name: &str) -> bool {
        let domain = user_principal_name.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.federated_domains().any(|federated| federated.name.eq_ignore_ascii_case(domain))
    }
}

static TENANT_INFO: Metric = Metric {
    name: "partnercenter_tenant_info",
    help: "The partner tenant: its id, its name at Microsoft, and what kind of partner it is in \
           Microsoft's words (none: an ordinary tenant, to which most requirements do not apply). \
           Always 1; absent until the organization could be read.",
    kind: Kind::Info,
    labels: &["tenant", "tenant_id", "display_name", "partner_type"],
};

static CREATED: Metric = Metric {
    name: "partnercenter_tenant_created_timestamp_seconds",
    help: "When the partner tenant was made. In one made before August 2017 modern authentication was \
           off in Exchange Online until somebody switched it on. Absent where Microsoft does not say.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static FEDERATED: Metric = Metric {
    name: "partnercenter_federated_domains",
    help: "Verified domains whose people sign in at another identity provider. Whether they do MFA \
           there Entra does not see.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for Organization {
    const ID: &'static str = "organization";
    const WHAT: &'static str = "The tenant's name, age, kind of partner, and verified domains";
    const ASK: Ask = Ask::graph(
        "/v1.0/organization?$select=id,displayName,createdDateTime,partnerTenantType,verifiedDomains",
        Bucket::Directory,
    );
    const PERMISSION: &'static str = "Organization.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/organization-list";
    const INTERVAL: Duration = Duration::from_secs(3600);
    const METRICS: &'static [&'static Metric] = &[&TENANT_INFO, &CREATED, &FEDERATED];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        client.entity(&Self::ASK).await.map(Rows::single)
    }

    fn observe(&self, samples: &mut Samples) {
        let labels = [
            ("tenant_id", self.id.as_str()),
            ("display_name", self.display_name.as_str()),
            ("partner_type", self.partner_tenant_type.as_str()),
        ];
        samples.push(&TENANT_INFO, labels, 1.0);
        if let Some(created) = self.created_date_time {
            samples.push(&CREATED, [], created.as_second() as f64);
        }
        samples.count(&FEDERATED, [], self.federated_domains().count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = include_bytes!("../../tests/samples/organization.json");

    #[test]
    fn the_documented_list_of_one_is_read() {
        let organization: Organization = wire::entity(BODY).unwrap();
        assert!(organization.partner_tenant_type.is_partner());
        let mut samples = Samples::of_tenant("contoso");
        organization.observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_federated_domains{tenant=\"contoso\"} 1\n\
             partnercenter_tenant_created_timestamp_seconds{tenant=\"contoso\"} 1433406600\n\
             partnercenter_tenant_info{tenant=\"contoso\",\
             tenant_id=\"5a0e3c5d-3a6b-4c19-9a77-0e2d7f9d1c11\",\
             display_name=\"Fabrikam \\\"Cloud\\\" Partners\",\
             partner_type=\"resellerPartnerDelegatedAdmin\"} 1\n"
        );
    }

    #[test]
    fn an_ordinary_tenant_is_said_so_plainly() {
        for body in [
            r#"{"id":"x"}"#,
            r#"{"partnerTenantType":null,"createdDateTime":null}"#,
            r#"{"partnerTenantType":""}"#,
        ] {
            let organization: Organization = wire::entity(body.as_bytes()).unwrap();
            assert_eq!(organization.partner_tenant_type.as_str(), "none", "{body}");
            assert!(!organization.partner_tenant_type.is_partner());
            let mut samples = Samples::of_tenant("contoso");
            organization.observe(&mut samples);
            assert!(!samples.to_string().contains("_created_"), "{samples}");
        }
    }

    #[test]
    fn people_of_federated_domains_sign_in_elsewhere() {
        let organization: Organization = wire::entity(BODY).unwrap();
        assert!(organization.signs_in_elsewhere("jo@AdFs.Fabrikam.example"));
        assert!(!organization.signs_in_elsewhere("jo@fabrikam.example"));
        assert!(!organization.signs_in_elsewhere("jo@sub.adfs.fabrikam.example"));
        assert!(!organization.signs_in_elsewhere("nobody"));
    }
}
