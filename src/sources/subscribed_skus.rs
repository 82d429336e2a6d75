//! Licences the tenant has bought, as far as Entra ID P1 and P2 are among them: whether they work, and
//! for how many people.

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
    p1_units: Units,
    p2_units: Units,
}

/// For how many people a plan was bought, over all subscriptions that bring it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// Bought, and good.
    pub enabled: u64,
    /// Given to somebody.
    pub consumed: u64,
    /// Of subscriptions in the grace after their end.
    pub warning: u64,
    /// Of subscriptions that ended.
    pub suspended: u64,
}

impl Units {
    fn add(&mut self, sku: &Sku) {
        let prepaid = sku.prepaid_units;
        self.enabled = self.enabled.saturating_add(prepaid.enabled);
        self.warning = self.warning.saturating_add(prepaid.warning);
        self.suspended = self.suspended.saturating_add(prepaid.suspended);
        self.consumed = self.consumed.saturating_add(sku.consumed_units);
    }

    /// By the label `license_state`.
    fn by_state(self) -> [(&'static str, u64); 4] {
        [
            ("enabled", self.enabled),
            ("consumed", self.consumed),
            ("warning", self.warning),
            ("suspended", self.suspended),
        ]
    }
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
    #[serde(default, deserialize_with = "wire::null_is_default")]
    consumed_units: u64,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    prepaid_units: PrepaidUnits,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
struct PrepaidUnits {
    #[serde(deserialize_with = "wire::null_is_default")]
    enabled: u64,
    #[serde(deserialize_with = "wire::null_is_default")]
    warning: u64,
    #[serde(deserialize_with = "wire::null_is_default")]
    suspended: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServicePlan {
    #[serde(default, deserialize_with = "wire::null_is_default")]
    service_plan_id: String,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    provisioning_status: String,
}

impl ServicePlan {
    fn is_switched_on(&self) -> bool {
        self.provisioning_status.eq_ignore_ascii_case("Success")
    }
}

impl SubscribedSkus {
    /// With exactly these plans.
    pub fn with(plans: &[Plan]) -> Self {
        let (p1, p2) = (plans.contains(&Plan::P1), plans.contains(&Plan::P2));
        Self { p1, p2, ..Self::default() }
    }

    /// Whether Microsoft opens sign-in logs, reports and Conditional Access to the tenant. Some
    /// add-ons list P2 alone.
    pub fn has_premium(&self) -> bool {
        self.p1 || self.p2
    }

    /// Whether Privileged Identity Management and Identity Protection are open to the tenant.
    pub fn has_p2(&self) -> bool {
        self.p2
    }

    fn add(&mut self, sku: &Sku) {
        let brings = |plan| {
            let is_it = |it: &ServicePlan| Plan::of(&it.service_plan_id) == Some(plan);
            sku.service_plans.iter().any(|it| is_it(it) && it.is_switched_on())
        };
        // Of what has ended, too, it is told for how many people it was.
        if brings(Plan::P1) {
            self.p1_units.add(sku);
        }
        if brings(Plan::P2) {
            self.p2_units.add(sku);
        }
        // A subscription in its grace period (Warning) still works.
        if !["enabled", "warning"].contains(&sku.capability_status.to_ascii_lowercase().as_str()) {
            return;
        }
        self.p1 |= brings(Plan::P1);
        self.p2 |= brings(Plan::P2);
    }
}

static SIGN_IN_LOG_AVAILABLE: Metric = Metric {
    name: "partnercenter_sign_in_log_available",
    help: "Whether the tenant has the licence (Entra ID P1 or P2) with which Microsoft opens its \
           sign-in log to us (1), or not (0). Absent while licences cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static LICENSES: Metric = Metric {
    name: "partnercenter_licenses",
    help: "Units of Entra ID P1 (p1) and P2 (p2) over all subscriptions that bring the plan, by \
           license_state: enabled (bought and good), consumed (given to somebody), warning (in the \
           grace after the subscription's end: renew now), suspended (ended: they give nothing). A \
           suite with both plans counts under both; some add-ons bring p2 alone. consumed is a part \
           of the others and not beside them. 0 enabled: nobody has it. Absent while licences cannot \
           be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "plan", "license_state"],
};

impl Source for SubscribedSkus {
    const ID: &'static str = "subscribed_skus";
    const WHAT: &'static str = "Licences: whether Entra ID P1 or P2 is among them, for how many";
    const ASK: Ask = Ask::graph(
        "/v1.0/subscribedSkus?$select=capabilityStatus,servicePlans,consumedUnits,prepaidUnits",
        Bucket::Directory,
    );
    const PERMISSION: &'static str = "LicenseAssignment.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/subscribedsku-list";
    const INTERVAL: Duration = Duration::from_secs(3600);
    const METRICS: &'static [&'static Metric] = &[&SIGN_IN_LOG_AVAILABLE, &LICENSES];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut source = Self::default();
        let tally = client.list::<Sku>(&Self::ASK, |sku| source.add(&sku)).await?;
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, samples: &mut Samples) {
        samples.flag(&SIGN_IN_LOG_AVAILABLE, [], self.has_premium());
        for (plan, units) in [("p1", self.p1_units), ("p2", self.p2_units)] {
            for (state, count) in units.by_state() {
                let labels = [("plan", plan), ("license_state", state)];
                samples.push(&LICENSES, labels, count as f64);
            }
        }
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
        assert!(skus.has_premium() && skus.has_p2() && !skus.p1);
        let enabled = Units { enabled: 20, consumed: 14, warning: 5, suspended: 0 };
        let ended = Units { suspended: 7, ..Units::default() };
        assert_eq!((skus.p2_units, skus.p1_units), (enabled, ended));
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
        let page = samples.to_string();
        assert!(page.contains("partnercenter_sign_in_log_available{tenant=\"contoso\"} 0\n"));
        let of_p2 = "plan=\"p2\",license_state=\"enabled\"} 0\n";
        assert!(page.contains(of_p2) && page.matches("partnercenter_licenses{").count() == 8);
    }
}
