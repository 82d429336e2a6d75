//! What Partner Center says of our own token: whether it carries MFA, and for want of what it is
//! refused.

use std::time::Duration;

use http::HeaderMap;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError, PartnerRefusal};
use crate::metrics::{Kind, Metric, Samples};

/// The answer to a question that is asked for its own sake.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct MfaSelfTest {
    /// For want of what we are refused as a partner. Here that is a measurement and no failure.
    pub refusal: Option<PartnerRefusal>,
    /// Whether the token is said to satisfy the MFA requirement; `None` where nothing is said.
    pub is_compliant: Option<bool>,
}

impl MfaSelfTest {
    /// Of an answer that was given. Microsoft does not document how the value is spelled, and not
    /// every answer has it.
    fn of(headers: &HeaderMap) -> Self {
        let value = headers.get("ismfacompliant").and_then(|value| value.to_str().ok());
        let is_compliant = match value.map(str::trim) {
            Some(yes) if yes.eq_ignore_ascii_case("true") => Some(true),
            Some(no) if no.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        Self { refusal: None, is_compliant }
    }
}

static REFUSALS: Metric = Metric {
    name: "partnercenter_partner_api_refusals",
    help: "Whether Partner Center refused our last self test as a partner (1) or not (0), by what \
           was missing: mfa (the grant carries no MFA claim: consent again), agreement (the \
           Microsoft Partner Agreement is not accepted), programme (not active), role (of the \
           account that consented). Absent while the self test gets no answer.",
    kind: Kind::Gauge,
    labels: &["tenant", "reason"],
};

static COMPLIANT: Metric = Metric {
    name: "partnercenter_partner_validate_mfa_compliant",
    help: "Whether Partner Center says that our token satisfies its MFA requirement (1) or not (0): \
           the header isMfaCompliant of a call with ValidateMfa. Absent while it says nothing, \
           which some of its answers do.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for MfaSelfTest {
    const ID: &'static str = "mfa_self_test";
    const WHAT: &'static str = "What Partner Center says of MFA in our own token";
    const ASK: Ask = Ask::partner_center("/v1/profiles/legalbusiness", &[("validatemfa", "true")]);
    const PERMISSION: &'static str = "user_impersonation (Partner Center, delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/partner-center/security/partner-security-requirements-mandating-mfa";
    const INTERVAL: Duration = Duration::from_secs(900);
    const METRICS: &'static [&'static Metric] = &[&REFUSALS, &COMPLIANT];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        match client.headers(&Self::ASK).await {
            Ok(headers) => Ok(Rows::single(Self::of(&headers))),
            Err(error) => match error.partner_refusal() {
                Some(refusal) => {
                    Ok(Rows::single(Self { refusal: Some(refusal), is_compliant: None }))
                }
                None => Err(error),
            },
        }
    }

    fn observe(&self, samples: &mut Samples) {
        for refusal in PartnerRefusal::ALL {
            let reason = [("reason", refusal.as_str())];
            samples.flag(&REFUSALS, reason, self.refusal == Some(refusal));
        }
        if let Some(is_compliant) = self.is_compliant {
            samples.flag(&COMPLIANT, [], is_compliant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_in_any_spelling_and_its_absence_says_nothing() {
        for (value, expected) in [
            (Some("true"), Some(true)),
            (Some("True "), Some(true)),
            (Some("FALSE"), Some(false)),
            (Some("1"), None),
            (Some(""), None),
            (None, None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert("isMfaCompliant", value.parse().unwrap());
            }
            assert_eq!(MfaSelfTest::of(&headers).is_compliant, expected, "{value:?}");
        }
    }

    #[test]
    fn every_reason_is_sampled_and_what_is_not_said_is_not() {
        let mut samples = Samples::of_tenant("t");
        MfaSelfTest { refusal: Some(PartnerRefusal::Mfa), is_compliant: None }
            .observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_partner_api_refusals{tenant=\"t\",reason=\"mfa\"} 1\n\
             partnercenter_partner_api_refusals{tenant=\"t\",reason=\"agreement\"} 0\n\
             partnercenter_partner_api_refusals{tenant=\"t\",reason=\"programme\"} 0\n\
             partnercenter_partner_api_refusals{tenant=\"t\",reason=\"role\"} 0\n"
        );
    }
}
