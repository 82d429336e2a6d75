//! What was asked about GDAP relationships that are coming or going: to approve them, or to end them.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::relationship::Status;
use super::source::{Rows, Source};
use super::sweep::{Sweep, Turn};
use super::{Facts, Schedule};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire;

/// The requests about each relationship that is coming or going.
#[derive(Debug, Default)]
pub struct GdapRequests {
    sweep: Sweep<Counts>,
    /// Whether more can be read at once.
    goes_on: bool,
}

/// Words that Microsoft documents, and the one for all others.
const ACTIONS: [&str; 5] = ["lockForApproval", "approve", "terminate", "reject", OTHER];
const OUTCOMES: [&str; 5] = ["created", "pending", "succeeded", "failed", OTHER];
const OTHER: &str = "other";

/// Requests about one relationship, by action and outcome.
type Counts = [[u16; OUTCOMES.len()]; ACTIONS.len()];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(default, deserialize_with = "wire::name")]
    action: Box<str>,
    #[serde(default, deserialize_with = "wire::name")]
    status: Box<str>,
}

impl Row {
    fn count(&self, counts: &mut Counts) {
        let place = |words: &[&str], word: &str| {
            let known = words.iter().position(|known| known.eq_ignore_ascii_case(word.trim()));
            known.unwrap_or(words.len() - 1)
        };
        let action = place(&ACTIONS, &self.action);
        let count = &mut counts[action][place(&OUTCOMES, &self.status)];
        *count = count.saturating_add(1);
    }
}

/// A minute at our own pace: the next reading follows at once while some were never read, and those of
/// the largest partner are all read again within a day.
const TURN: Turn = Turn { most: 500, round: Duration::from_secs(24 * 3600) };

impl GdapRequests {
    async fn turn(
        client: &Client,
        known: &Facts,
        last: Option<&Self>,
    ) -> Result<Rows<Self>, FetchError> {
        const ANY: Ask = Ask::graph(
            "/v1.0/tenantRelationships/delegatedAdminRelationships?$top=1",
            Bucket::Delegation,
        );
        let Ok(relationships) = known.gdap_relationships.rows() else {
            // Nothing says what to read. Why that is so is worth knowing.
            client.page_of::<IgnoredAny>(&ANY).await?;
            return Err(FetchError::unreadable("relationships"));
        };
        let moves = |status| {
            matches!(
                status,
                Status::Created
                    | Status::ApprovalPending
                    | Status::Approved
                    | Status::Activating
                    | Status::TerminationRequested
                    | Status::Terminating
            )
        };
        let moving = relationships.all().filter(|it| moves(it.status));
        let wanted = moving.map(|it| (it.id.clone(), it.modified));
        let read = |id| {
            let ask = relationships.of(&id).and_then(|it| it.ask("requests?$top=300"));
            let client = client.clone();
            async move { counted(&client, ask).await }
        };
        let before = last.map(|last| &last.sweep);
        let sweep = Sweep::turn(before, wanted, TURN, known.now, read).await?;
        let tally = sweep.tally();
        let has_gained = tally != before.map(Sweep::tally).unwrap_or_default();
        let goes_on = has_gained && !sweep.is_whole();
        Ok(Rows::listed(Self { sweep, goes_on }, tally))
    }
}

/// The requests about one relationship.
async fn counted(client: &Client, ask: Option<Ask>) -> Result<Counts, FetchError> {
    let ask = ask.ok_or_else(|| FetchError::unreadable("an id"))?;
    let mut counts = Counts::default();
    match client.list::<Row>(&ask, |row| row.count(&mut counts)).await?.rejected {
        0 => Ok(counts),
        rejected => Err(FetchError::unreadable(&format!("{rejected} requests"))),
    }
}

static REQUESTS: Metric = Metric {
    name: "partnercenter_gdap_requests",
    help: "Requests about GDAP relationships that are being approved, activated or terminated, by \
           action and status in Microsoft's words; other is a word that is not known to us. A \
           request that is failed, or pending for days, does not come about by itself. Absent while \
           none can be read; each relationship is read again within a day, and at once when it \
           changes.",
    kind: Kind::Gauge,
    labels: &["tenant", "action", "status"],
};

impl Source for GdapRequests {
    const ID: &'static str = "gdap_requests";
    const WHAT: &'static str =
        "Requests to approve or end GDAP relationships, one relationship after the other";
    const ASK: Ask = Ask::graph(
        "/v1.0/tenantRelationships/delegatedAdminRelationships/{id}/requests?$top=300",
        Bucket::Delegation,
    );
    const PERMISSION: &'static str = "DelegatedAdminRelationship.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/delegatedadminrelationship-list-requests";
    const INTERVAL: Duration = Duration::from_secs(3600);
    const AFTER: &'static [&'static str] = &["gdap_relationships"];
    const METRICS: &'static [&'static Metric] = &[&REQUESTS];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        Self::turn(client, known, None).await
    }

    async fn fetch_on(
        client: &Client,
        known: &Facts,
        _schedule: Schedule,
        last: Option<Arc<Self>>,
    ) -> Result<Rows<Self>, FetchError> {
        Self::turn(client, known, last.as_deref()).await
    }

    fn wants(known: &Facts) -> bool {
        known.gdap_requests.rows().is_ok_and(|it| it.goes_on)
    }

    fn observe(&self, samples: &mut Samples) {
        for (action, word) in ACTIONS.iter().enumerate() {
            for (outcome, status) in OUTCOMES.iter().enumerate() {
                let counts = self.sweep.read().map(|(_, counts, _)| counts[action][outcome]);
                let count = counts.map(usize::from).sum();
                samples.count(&REQUESTS, [("action", word), ("status", status)], count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::client::rows_of;
    use crate::wire::ObjectId;

    #[test]
    fn the_documented_collection_is_counted_by_action_and_status() {
        let mut counts = Counts::default();
        let body = include_bytes!("../../tests/samples/gdap_requests.json");
        rows_of::<Row>(body).iter().for_each(|row| row.count(&mut counts));
        let id = |text| ObjectId::parse(text).unwrap();
        let known = ["a", "b"].map(|it| (id(it), Ok(counts), Timestamp::UNIX_EPOCH));
        let mut samples = Samples::of_tenant("t");
        GdapRequests { sweep: Sweep::new(known), goes_on: false }.observe(&mut samples);
        let page = samples.to_string();
        assert_eq!(page.lines().count(), ACTIONS.len() * OUTCOMES.len());
        for (action, status, count) in [
            ("lockForApproval", "succeeded", 2),
            ("approve", "pending", 2),
            ("other", "other", 4),
            ("terminate", "failed", 0),
        ] {
            let line = format!(
                "partnercenter_gdap_requests\
                 {{tenant=\"t\",action=\"{action}\",status=\"{status}\"}} {count}"
            );
            assert!(page.lines().any(|it| it == line), "{line}\n{page}");
        }
    }
}
