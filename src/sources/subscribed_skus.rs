//! Licences the tenant has bought, as far as Entra ID P1 and P2 are among them.

use std::time::Duration;

use serde::Deserialize;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire;

/// The plans that unlock Entra's logs, reports and policies, and whether the tenant has them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SubscribedSkus {
    p1: bool,
    p2: bool,
}

/// An Entra ID plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Microsoft Entra ID P1.
    P1,
    /// Microsoft Entra ID P2, which contains P1.
    P2,
}

impl Plan {
    /// Service plan ids. The suites that bring a plan are many and change; the ids do not.
    fn of(service_plan_id: &str) -> Option<Self> {
        match service_plan_id.trim().to_ascii_lowercase().as_str() {
            "41781fb2-bc02-4b7c-bd55-b576c07bb09d" => Some(Self::P1),
            "eec0eb4f-6444-4f95-aba0-50c24d67f998" => Some(Self::P2),
            _ => None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sku {
    #[serde(default, deserialize_with = "wire::null_is_default")]
    capability_status: String,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    service_plans: Vec<ServicePlan>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServicePlan {
    #[serde(default, deserialize_with = "wire::null_is_default")]
    service_plan_id: String,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    provisioning_status: String,
}

impl SubscribedSkus {
    /// With exactly these plans.
    pub fn with(plans: &[Plan]) -> Self {
        Self { p1: plans.contains(&Plan::P1), p2: plans.contains(&Plan::P2) }
    }

    /// Whether Microsoft opens sign-in logs, reports and Conditional Access to the tenant. Some
    /// add-ons list P2 alone.
    pub fn has_premium(&self) -> bool {
        self.p1 || self.p2
    }

    fn add(&mut self, sku: &Sku) {
        // A subscription in its grace period (Warning) still works.
        if !["enabled", "warning"].contains(&sku.capability_status.to_ascii_lowercase().as_str()) {
            return;
        }
        for plan in &sku.service_plans {
            if plan.provisioning_status.eq_ignore_ascii_case("Success") {
                self.p1 |= Plan::of(&plan.service_plan_id) == Some(Plan::P1);
                self.p2 |= Plan::of(&plan.service_plan_id) == Some(Plan::P2);
            }
        }
    }
}

static SIGN_IN_LOG_AVAILABLE: Metric = Metric {
    name: "partnercenter_sign_in_log_available",
    help: "Whether the tenant has the licence (Entra ID P1 or P2) with which Microsoft opens its \
           sign-in log to us (1), or not (0). Absent while licences cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for SubscribedSkus {
    const ID: &'static str = "subscribed_skus";
    const WHAT: &'static str = "Licences: whether Entra ID P1 or P2 is among them";
    const ASK: Ask =
        Ask::graph("/v1.0/subscribedSkus?$select=capabilityStatus,servicePlans", Bucket::Directory);
    const PERMISSION: &'static str = "LicenseAssignment.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/subscribedsku-list";
    const INTERVAL: Duration = Duration::from_secs(3600);
    const METRICS: &'static [&'static Metric] = &[&SIGN_IN_LOG_AVAILABLE];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut source = Self::default();
        let tally = client.list::<Sku>(&Self::ASK, |sku| source.add(&sku)).await?;
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, samples: &mut Samples) {
        samples.flag(&SIGN_IN_LOG_AVAILABLE, [], self.has_premium());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn read(body: &[u8]) -> SubscribedSkus {
        let mut skus = SubscribedSkus::default();
        rows_of::<Sku>(body).iter().for_each(|sku| skus.add(sku));
        skus
    }

    #[test]
    fn the_documented_page_is_read() {
        let skus = read(include_bytes!("../../tests/samples/subscribed_skus.json"));
        assert_eq!(skus, SubscribedSkus::with(&[Plan::P2]));
        assert!(skus.has_premium());
    }

    #[test]
    fn a_plan_counts_only_where_it_works() {
        let p1 = "41781FB2-BC02-4B7C-BD55-B576C07BB09D";
        let table = [
            ("Enabled", "Success", true),
            ("Warning", "Success", true),
            ("Suspended", "Success", false),
            ("Deleted", "Success", false),
            ("Enabled", "Disabled", false),
            ("Enabled", "PendingActivation", false),
        ];
        for (capability, provisioning, works) in table {
            let body = format!(
                r#"{{"value":[{{"capabilityStatus":"{capability}","servicePlans":
                [{{"servicePlanId":"{p1}","provisioningStatus":"{provisioning}"}}]}}]}}"#
            );
            let has_premium = read(body.as_bytes()).has_premium();
            assert_eq!(has_premium, works, "{capability} {provisioning}");
        }
    }

    #[test]
    fn without_a_premium_plan_the_log_is_not_available_and_it_is_said() {
        let mut samples = Samples::of_tenant("contoso");
        read(br#"{"value":[]}"#).observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_sign_in_log_available{tenant=\"contoso\"} 0\n"
        );
    }
}
