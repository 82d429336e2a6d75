//! Lists: pages, and the links between them.

use serde_json::{Map, Value, json};

use super::options::Cursor;
use super::refusal::Refusal;
use super::{Answer, Context, Kind};
use crate::simulator::spoil;

/// A page before it is written.
pub(super) struct Page {
    pub(super) rows: Vec<Value>,
    /// Where the next page begins, if there is one.
    pub(super) next: Option<usize>,
    /// How many rows the whole list has, when that was asked.
    pub(super) count: Option<usize>,
}

impl Page {
    /// All there is, on one page, with nothing behind it.
    pub(super) fn whole(context: &Context<'_>, rows: Vec<Value>) -> Self {
        let first = context.options.cursor.pages == 0;
        Self { rows: if first { rows } else { Vec::new() }, next: None, count: None }
    }

    /// So many of a short list as fit on a page.
    pub(super) fn part(
        context: &Context<'_>,
        rows: Vec<Value>,
        default: usize,
        most: usize,
    ) -> Result<Self, Refusal> {
        let top = context.options.page_size(default, most)?;
        let start = context.options.cursor.position.min(rows.len());
        let rows: Vec<_> = rows.into_iter().skip(start).take(top).collect();
        // A page that is just full goes on, if only to an empty one.
        let next = (rows.len() == top).then_some(start + top);
        Ok(Self { rows, next, count: None })
    }
}

/// One row from what its fields hold.
pub(super) fn row(fields: &[&str], value: impl Fn(&str) -> Value) -> Value {
    Value::Object(fields.iter().map(|field| ((*field).to_owned(), value(field))).collect())
}

/// Writes a page, spoiled where that was asked for.
pub(super) fn answer(context: &Context<'_>, what: &str, mut page: Page) -> Answer {
    let here = context.options.cursor;
    let rows = page.rows.len();
    spoil::rows(context.faults, &mut page.rows, here.rows);
    if page.next.is_none() && context.has(&Kind::EndlessPaging) {
        page.next = Some(usize::MAX); // Beyond everybody, however many are hired.
    }
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), context.metadata(what));
    if let Some(count) = page.count {
        body.insert("@odata.count".to_owned(), json!(count));
    }
    if let Some(link) = link(context, page.next, rows) {
        body.insert("@odata.nextLink".to_owned(), json!(link));
    }
    body.insert("value".to_owned(), Value::Array(page.rows));
    context.json(&Value::Object(body))
}

/// Where the list goes on after so many rows, if it does.
pub(super) fn link(context: &Context<'_>, next: Option<usize>, rows: usize) -> Option<String> {
    if context.has(&Kind::ForeignNextLink) {
        return Some("https://graph.example.invalid/v1.0/users?$skiptoken=c2ltdWxhdGVk".to_owned());
    }
    let here = context.options.cursor;
    let next = Cursor { position: next?, rows: here.rows + rows, pages: here.pages + 1 };
    let (path, rest) = (&context.asked.path, &context.options.rest);
    let token = next.seal(path, rest);
    let joint = if rest.is_empty() { "" } else { "&" };
    let origin = &context.asked.origin;
    Some(format!("{origin}{path}?{rest}{joint}$skiptoken={token}"))
}
