//! Whether each customer still has DAP, which Partner Center tells of one customer at a time only.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::source::{About, Rows, Source};
use super::sweep::{Sweep, Turn};
use super::{Facts, Schedule};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire::{self, AnyCase, ObjectId};

/// Of each customer whether it has DAP; `None` where the answer does not say.
#[derive(Debug, Default)]
pub struct CustomerDap(pub Sweep<Option<bool>>);

/// What is kept of it over a restart: whether each has DAP, and when it was asked.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Kept(Vec<(String, Option<bool>, Timestamp)>);

impl CustomerDap {
    /// What an earlier run was told; it is shown when this one has asked on.
    pub fn recalled(Kept(kept): Kept) -> Self {
        let known = kept
            .into_iter()
            .filter_map(|(id, allows, at)| Some((ObjectId::parse(&id)?, Ok(allows), at)));
        Self(Sweep::new(known))
    }

    /// What is to be kept.
    pub fn kept(&self) -> Kept {
        Kept(self.0.read().map(|(id, allows, at)| (id.to_string(), *allows, at)).collect())
    }

    /// How many customers are known, and when one was asked about last: changes with what is kept.
    pub fn extent(&self) -> (usize, Option<Timestamp>) {
        let times = self.0.read().map(|(.., at)| at);
        (times.clone().count(), times.max())
    }
}

/// So many customers a reading, within Partner Center's pace, and all of them within a day.
const TURN: Turn = Turn { most: 300, round: Duration::from_secs(24 * 3600) };

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(default, rename = "allowdelegatedaccess", deserialize_with = "wire::optional_bool")]
    allows: Option<bool>,
}

static DAP: Metric = Metric {
    name: "partnercenter_customers_dap",
    help: "Customers by whether they have DAP, delegated admin privileges that never end: enabled, \
           disabled, or unknown where it was not read yet or Microsoft does not say. Customers are asked \
           about one by one and each again within a day, one that the activity log shows as changed at \
           once; unknown falls while the first round lasts. Absent while none can be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "state"],
};

static OLDEST: Metric = Metric {
    name: "partnercenter_customers_dap_oldest_timestamp_seconds",
    help: "When the customer was asked about that was asked about longest ago, of those that are known; \
           about a day ago when all is well. Absent while none is known.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for CustomerDap {
    const ID: &'static str = "customer_dap";
    const WHAT: &'static str = "Whether customers have DAP, customer by customer";
    const ASK: Ask = Ask::registered("/v1/customers/{id}");
    const PERMISSION: &'static str =
        "registration of the application in Partner Center (App management)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/partner-center/developer/get-a-customer-by-id";
    const INTERVAL: Duration = Duration::from_secs(300);
    const HOLDS_AT_LEAST: Duration = Duration::from_secs(6 * 3600);
    const AFTER: &'static [&'static str] = &["customers", "audit_records"];
    const METRICS: &'static [&'static Metric] = &[&DAP, &OLDEST];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        Self::fetch_on(client, known, Schedule::of(&About::of::<Self>()), None).await
    }

    async fn fetch_on(
        client: &Client,
        known: &Facts,
        _schedule: Schedule,
        last: Option<Arc<Self>>,
    ) -> Result<Rows<Self>, FetchError> {
        let Ok(customers) = known.customers.rows() else {
            // Nothing says whom to ask about. What refuses the list is what would refuse us.
            const ANY: Ask = Ask::registered("/v1/customers?size=1");
            client.page_of::<IgnoredAny>(&ANY).await?;
            return Err(FetchError::unreadable("the list of customers"));
        };
        let changes = known.audit_records.rows().map(|audit| audit.changes()).unwrap_or_default();
        let wanted = customers.all().iter();
        let wanted = wanted.map(|it| (it.id.clone(), changes.get(&it.id).copied()));
        let read = |id: ObjectId| {
            let client = client.clone();
            async move { allows(&client, &id).await }
        };
        let last = last.as_deref().map(|last| &last.0);
        let sweep = Sweep::turn(last, wanted, TURN, known.now, read).await?;
        let tally = sweep.tally();
        Ok(Rows::listed(Self(sweep), tally))
    }

    fn wants(known: &Facts) -> bool {
        known.customer_dap.rows().is_ok_and(|source| !source.0.is_whole())
    }

    fn observe(&self, samples: &mut Samples) {
        for (state, said) in [("disabled", Some(false)), ("enabled", Some(true)), ("unknown", None)]
        {
            let count = self.0.all().filter(|(_, known)| known.ok().copied().flatten() == said);
            samples.count(&DAP, [("state", state)], count.count());
        }
        if let Some(oldest) = self.0.oldest() {
            samples.push(&OLDEST, [], oldest.as_second() as f64);
        }
    }
}

async fn allows(client: &Client, id: &ObjectId) -> Result<Option<bool>, FetchError> {
    // Ids are GUIDs. Anything else has no business in a path.
    let ObjectId::Guid(_) = id else { return Ok(None) };
    let ask = CustomerDap::ASK.of(format!("/v1/customers/{id}"));
    let AnyCase(row) = client.entity::<AnyCase<Row>>(&ask).await?;
    Ok(row.allows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Unread;

    #[test]
    fn what_is_not_said_is_neither_yes_nor_no() {
        let said = |body: &str| serde_json::from_str::<AnyCase<Row>>(body).unwrap().0.allows;
        assert_eq!(said(r#"{"id":"a","allowDelegatedAccess":true}"#), Some(true));
        assert_eq!(said(r#"{"AllowDelegatedAccess":"False"}"#), Some(false));
        assert_eq!(said(r#"{"allowDelegatedAccess":null}"#), None);
        assert_eq!(said("{}"), None);
    }

    #[test]
    fn all_customers_are_counted_once_whatever_is_known_of_them() {
        let now = Timestamp::from_second(1_000).unwrap();
        let id = |name| ObjectId::parse(name).unwrap();
        let sweep = Sweep::new([
            (id("a"), Ok(Some(true)), now),
            (id("b"), Ok(Some(false)), now),
            (id("c"), Ok(None), now),
            (id("d"), Err(Unread::Permission), now),
        ]);
        let mut samples = Samples::of_tenant("t");
        CustomerDap(sweep).observe(&mut samples);
        assert_eq!(
            samples.to_string(),
            "partnercenter_customers_dap{tenant=\"t\",state=\"disabled\"} 1\n\
             partnercenter_customers_dap{tenant=\"t\",state=\"enabled\"} 1\n\
             partnercenter_customers_dap{tenant=\"t\",state=\"unknown\"} 2\n\
             partnercenter_customers_dap_oldest_timestamp_seconds{tenant=\"t\"} 1000\n"
        );
    }
}
