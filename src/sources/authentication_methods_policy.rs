//! The authentication methods policy: which methods people may register and use.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire;

/// The methods and whether they are on.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationMethodsPolicy {
    /// The schema never leaves it out; a policy without it says nothing and is refused.
    #[serde(rename = "authenticationMethodConfigurations")]
    methods: Vec<Method>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Method {
    #[serde(default, rename = "@odata.type", deserialize_with = "wire::null_is_default")]
    kind: Box<str>,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    id: Box<str>,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    state: Box<str>,
}

/// The methods this version knows, as Microsoft spells their ids.
const KNOWN: [&str; 10] = [
    "Fido2",
    "MicrosoftAuthenticator",
    "Sms",
    "Voice",
    "Email",
    "TemporaryAccessPass",
    "SoftwareOath",
    "HardwareOath",
    "X509Certificate",
    "QRCodePin",
];

impl Method {
    fn is_on(&self) -> bool {
        self.state.eq_ignore_ascii_case("enabled")
    }

    fn is_external(&self) -> bool {
        self.kind.to_ascii_lowercase().contains("externalauthenticationmethod")
    }

    fn known(&self) -> &'static str {
        KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(&self.id)).unwrap_or("other")
    }
}

impl AuthenticationMethodsPolicy {
    /// Whether somebody without a phone has a way: a one-time passcode, a token or a passkey.
    pub fn offers_phoneless(&self) -> bool {
        let phoneless = ["Fido2", "SoftwareOath", "HardwareOath", "X509Certificate"];
        self.methods.iter().any(|method| method.is_on() && phoneless.contains(&method.known()))
    }

    /// Methods of other vendors that are on.
    pub fn external(&self) -> usize {
        self.methods.iter().filter(|method| method.is_on() && method.is_external()).count()
    }
}

static ENABLED: Metric = Metric {
    name: "partnercenter_authentication_method_enabled",
    help: "Whether an authentication method may be used at all (1) or is switched off (0), as the \
           authentication methods policy has it. Methods unknown to this version, and those of \
           other vendors, are together `other`.",
    kind: Kind::Gauge,
    labels: &["tenant", "auth_method"],
};

impl Source for AuthenticationMethodsPolicy {
    const ID: &'static str = "authentication_methods_policy";
    const WHAT: &'static str = "Which authentication methods may be used";
    const ASK: Ask = Ask::graph("/v1.0/policies/authenticationMethodsPolicy", Bucket::Directory);
    const PERMISSION: &'static str = "Policy.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/authenticationmethodspolicy-get";
    const INTERVAL: Duration = Duration::from_secs(3600);
    const METRICS: &'static [&'static Metric] = &[&ENABLED];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        client.entity(&Self::ASK).await.map(Rows::single)
    }

    fn observe(&self, samples: &mut Samples) {
        let mut enabled: BTreeMap<&str, bool> = BTreeMap::new();
        for method in &self.methods {
            *enabled.entry(method.known()).or_default() |= method.is_on();
        }
        for (method, enabled) in enabled {
            samples.flag(&ENABLED, [("auth_method", method)], enabled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_entity_is_read() {
        let body = include_bytes!("../../tests/samples/authentication_methods_policy.json");
        let policy: AuthenticationMethodsPolicy = wire::entity(body).unwrap();
        assert!(policy.offers_phoneless());
        assert_eq!(policy.external(), 1);
        let mut samples = Samples::of_tenant("t");
        policy.observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_authentication_method_enabled{tenant=\"t\",auth_method=\"Fido2\"} 1\n\
             partnercenter_authentication_method_enabled{tenant=\"t\",auth_method=\"Sms\"} 0\n\
             partnercenter_authentication_method_enabled{tenant=\"t\",auth_method=\"other\"} 1\n"
        );
    }

    #[test]
    fn a_policy_without_methods_is_refused_and_not_taken_for_none() {
        assert!(wire::entity::<AuthenticationMethodsPolicy>(b"{}").is_err());
    }
}
