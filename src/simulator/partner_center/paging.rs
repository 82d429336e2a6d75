//! How Partner Center's lists go on: by a link and a header, of which neither is enough alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{Answer, Context, Kind, collection};

/// Rows that come again after a page is turned, where that was asked for.
const REPEATED: usize = 2;

/// Where in a list a page begins. The second of several pages is empty.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Pages before it.
    page: usize,
    /// Rows before it.
    pub(super) before: usize,
    /// Rows that were on the page before.
    repeated: usize,
}

impl Place {
    /// Who only has the link without its header, or the header without the link, starts again.
    pub(super) fn read(context: &Context<'_>) -> Result<Self, Refusal> {
        let next = context.query.get("seekOperation") == Some("Next");
        let token = context.asked.header("ms-continuationtoken").filter(|_| next);
        let first = Self { page: 0, before: 0, repeated: 0 };
        let place = token
            .map_or(Some(first), Self::open)
            .ok_or_else(|| Refusal::bad("The token is not valid."))?;
        let repeats = context.faults.contains(&Kind::RepeatingPages);
        Ok(if repeats { place.repeating(REPEATED) } else { place })
    }

    /// With the last rows of the page before, if they are not there yet.
    pub(super) fn repeating(self, rows: usize) -> Self {
        if self.page < 2 || self.repeated >= rows {
            return self;
        }
        let repeated = rows.min(self.before);
        Self { before: self.before - repeated, repeated, ..self }
    }

    fn open(token: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
        let (page, before) = text.strip_prefix("simulated ")?.split_once(' ')?;
        Some(Self { page: page.parse().ok()?, before: before.parse().ok()?, repeated: 0 })
    }

    /// How many rows are on this page at most, of pages of so many.
    pub(super) fn rows(self, size: usize) -> usize {
        if self.page == 1 { 0 } else { size + self.repeated }
    }

    /// The page with these rows of so many in all; the link repeats what was asked.
    pub(super) fn answer(
        self,
        context: &Context<'_>,
        rows: Vec<Value>,
        all: usize,
        uri: &str,
        kept: &[&str],
    ) -> Answer {
        let before = self.before + rows.len();
        let rows = context.shown(rows, self.before, kept);
        let mut body = collection(&rows);
        body["links"] = json!({ "self": { "uri": uri, "method": "GET", "headers": [] } });
        if before < all || context.faults.contains(&Kind::EndlessPaging) {
            // Sometimes with the version, and sometimes without.
            let version = if self.page.is_multiple_of(2) { "" } else { "/v1" };
            let token = STANDARD.encode(format!("simulated {} {before}", self.page + 1));
            body["links"]["next"] = json!({
                "uri": format!("{version}{uri}&seekOperation=Next"),
                "method": "GET",
                "headers": [{ "key": "MS-ContinuationToken", "value": token }],
            });
        }
        if context.faults.contains(&Kind::ForeignNextLink) {
            let uri = format!("https://partner.example.invalid/v1{uri}&seekOperation=Next");
            body["links"]["next"] = json!({ "uri": uri, "method": "GET", "headers": [] });
        }
        Answer::of(StatusCode::OK, &body)
    }
}
