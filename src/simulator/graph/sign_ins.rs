//! The log of sign-ins, page by page, the newest first.

use hyper::StatusCode;
use serde_json::Value;

use super::list;
use super::refusal::Refusal;
use super::{Answer, Context, Kind};
use crate::simulator::sign_in_log::{Row, Version, View, Writer};
use crate::simulator::spoil;

mod filter;

use filter::Filter;

/// Rows of a page, by default and at most.
const PAGE: usize = 1000;
/// Rows that are looked at for one page: where a filter lets few through, pages are short, or
/// empty, and go on all the same.
const LOOKED_AT: usize = 20_000;
/// Any of these shows what Conditional Access did.
const POLICIES: [&str; 3] =
    ["Policy.Read.All", "Policy.Read.ConditionalAccess", "Policy.ReadWrite.ConditionalAccess"];

pub(super) fn list(context: &Context<'_>, version: Version) -> Result<Answer, Refusal> {
    let options = &context.options;
    options.allow(&["$top", "$filter", "$orderby", "$orderBy"])?;
    if let Some(order) = &options.order {
        let mut words = order.split_whitespace();
        let newest_first = words.next() == Some("createdDateTime")
            && words.next().is_some_and(|word| word.eq_ignore_ascii_case("desc"))
            && words.next().is_none();
        if !newest_first {
            return Err(Refusal::bad("Only 'createdDateTime desc' is an order here."));
        }
    }
    let top = options.page_size(PAGE, PAGE)?;
    let filter = Filter::read(options.filter.as_deref(), version)?;
    let (log, people, now) =
        (&context.state.log, context.state.world.people(), context.state.now());
    let policies = context.granted(&POLICIES);
    let mut page = Page {
        writer: Writer::new(log, people, View { version, policies, now }),
        rows: 0,
        start: 0,
        filter: &filter,
        faults: context.faults,
        before: options.cursor.rows,
    };
    let mut span = log.span(filter.from, filter.end, now);
    if options.cursor.pages > 0 {
        // What has come in since is for those who begin anew.
        span.end = span.end.min(options.cursor.position as u64).max(span.first);
    }
    page.writer.body.extend_from_slice(b",\"value\":[");
    page.start = page.writer.body.len();
    let (mut looked_at, mut last, mut shown) = (0, span.end, span.end);
    let mut rows = log.rows(span);
    while page.rows < top && looked_at < LOOKED_AT {
        let Some(row) = rows.next() else { break };
        looked_at += 1;
        last = row.serial;
        if !row.has_arrived(now) || !filter.admits(log.is_interactive(&row)) {
            continue;
        }
        let before = page.rows;
        page.show(&row);
        if page.rows > before {
            shown = row.serial;
        }
        // Some are shown twice, not one behind the other.
        let again = log.again(&row).filter(|again| {
            again.serial < span.end
                && again.has_arrived(now)
                && filter.admits(log.is_interactive(again))
        });
        if let Some(again) = again.filter(|_| page.rows < top) {
            page.show(&again);
        }
    }
    let full = page.rows == top || last > span.first;
    let mut next = full.then_some(last);
    // And where a page ends, the next now and then begins with the same row.
    if page.rows == top && top > 1 && options.cursor.pages % 3 == 1 {
        next = Some(shown + 1);
    }
    if next.is_none() && context.has(&Kind::EndlessPaging) {
        next = Some(0); // Before everything.
    }
    let mut body = page.writer.body;
    body.extend_from_slice(b"]}");
    let next = next.map(|serial| serial as usize);
    let mut head = format!("{{\"@odata.context\":{}", context.metadata("auditLogs/signIns"));
    if let Some(link) = list::link(context, next, page.rows) {
        head.push_str(&format!(",\"@odata.nextLink\":{}", Value::from(link)));
    }
    body.splice(0..0, head.bytes());
    Ok(context.typed(Answer::written(StatusCode::OK, body)))
}

/// A page that is being written.
struct Page<'a> {
    writer: Writer<'a>,
    rows: usize,
    /// Where the first row begins.
    start: usize,
    filter: &'a Filter,
    faults: &'a [Kind],
    /// Rows on the pages before.
    before: usize,
}

impl Page<'_> {
    /// Adds a row, if it is one that is asked for.
    fn show(&mut self, row: &Row) {
        let length = self.writer.body.len();
        if length > self.start {
            self.writer.body.push(b',');
        }
        let begin = self.writer.body.len();
        self.writer.write(row);
        let place = self.before + self.rows;
        let spoiled = self.faults.iter().any(|fault| match fault {
            Kind::MalformedRows(bad) => place < *bad,
            fault => *fault == Kind::NullEverything,
        });
        if spoiled || self.filter.looks_inside() {
            let text = &self.writer.body[begin..];
            let mut value: Value =
                serde_json::from_slice(text).expect("what the log writes is JSON");
            if !self.filter.matches(&value) {
                self.writer.body.truncate(length);
                return;
            }
            if spoiled {
                spoil::null_but(self.faults, &mut value, &["id", "createdDateTime", "userId"]);
                spoil::rows(self.faults, std::slice::from_mut(&mut value), place);
                self.writer.body.truncate(begin);
                self.writer.body.extend_from_slice(value.to_string().as_bytes());
            }
        }
        self.rows += 1;
    }
}
