//! What a query asks for: its options, and the place where its page begins.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use url::form_urlencoded;

use super::Asked;
use super::refusal::Refusal;

/// What the query asked for.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) select: Option<Vec<String>>,
    pub(super) top: Option<usize>,
    pub(super) filter: Option<String>,
    pub(super) expand: Option<String>,
    pub(super) count: bool,
    pub(super) order: Option<String>,
    /// Names of the options given, to be held against what is offered.
    given: Vec<String>,
    /// Where the page begins.
    pub(super) cursor: Cursor,
    /// The query without its `$skiptoken`, as asked.
    pub(super) rest: String,
}

/// A place in a list. A reader gets it inside an opaque token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Position in what the list is made from.
    pub(super) position: usize,
    /// Rows before it.
    pub(super) rows: usize,
    /// Pages before it.
    pub(super) pages: usize,
}

impl Options {
    pub(super) fn read(asked: &Asked) -> Result<Self, Refusal> {
        let mut options = Self {
            select: None,
            top: None,
            filter: None,
            expand: None,
            count: false,
            order: None,
            given: Vec::new(),
            cursor: Cursor::default(),
            rest: String::new(),
        };
        let mut token = None;
        for piece in asked.query.split('&').filter(|piece| !piece.is_empty()) {
            let pair = form_urlencoded::parse(piece.as_bytes()).next();
            let Some((name, value)) = pair else { continue };
            match &*name {
                "$skiptoken" | "$skipToken" => {
                    token = Some(value.into_owned());
                    continue;
                }
                "$select" => {
                    options.select = Some(value.split(',').map(|f| f.trim().to_owned()).collect());
                }
                "$top" => {
                    let top = value.parse().map_err(|_| Refusal::bad("Invalid value for $top."))?;
                    options.top = Some(top);
                }
                "$filter" => options.filter = Some(value.into_owned()),
                "$expand" => options.expand = Some(value.into_owned()),
                "$orderby" | "$orderBy" => options.order = Some(value.into_owned()),
                "$count" => options.count = value == "true",
                _ => {}
            }
            options.given.push(name.into_owned());
            options.rest.push_str(if options.rest.is_empty() { "" } else { "&" });
            options.rest.push_str(piece);
        }
        if let Some(token) = token {
            let cursor = Cursor::open(&token, &asked.path, &options.rest);
            options.cursor = cursor.ok_or_else(Refusal::expired_token)?;
        }
        Ok(options)
    }

    pub(super) fn selects(&self, field: &str) -> bool {
        self.select.as_ref().is_some_and(|fields| fields.iter().any(|name| name == field))
    }

    /// Refuses what the collection does not offer. What is no `$` option is ignored, as by OData.
    pub(super) fn allow(&self, offered: &[&str]) -> Result<(), Refusal> {
        let strange = self
            .given
            .iter()
            .find(|name| name.starts_with('$') && !offered.contains(&name.as_str()));
        match strange {
            Some(name) => {
                Err(Refusal::bad(format!("Query option '{name}' is not supported here.")))
            }
            None => Ok(()),
        }
    }

    /// What the options make of the resource units: some save, one adds.
    pub(super) fn weigh(&self, units: u32) -> u32 {
        let saved =
            u32::from(self.select.is_some()) + u32::from(self.top.is_some_and(|top| top < 20));
        (units + u32::from(self.expand.is_some())).saturating_sub(saved).max(1)
    }

    /// How many rows a page has at most.
    pub(super) fn page_size(&self, default: usize, most: usize) -> Result<usize, Refusal> {
        let top = self.top.unwrap_or(default);
        if (1..=most).contains(&top) {
            return Ok(top);
        }
        Err(Refusal::bad(format!(
            "Invalid page size specified: '{top}'. Must be between 1 and {most} inclusive."
        )))
    }

    /// Whether the principal is to be shown as well; nothing else can be expanded.
    pub(super) fn expands_principal(&self) -> Result<bool, Refusal> {
        match self.expand.as_deref() {
            None => Ok(false),
            Some("principal") => Ok(true),
            Some(_) => Err(Refusal::bad("Only 'principal' can be expanded here.")),
        }
    }

    /// The fields to show: the selected ones, which must exist, or the default ones.
    pub(super) fn fields<'a>(
        &'a self,
        of: &str,
        known: &[&str],
        default: &[&'a str],
    ) -> Result<Vec<&'a str>, Refusal> {
        let Some(select) = &self.select else { return Ok(default.to_vec()) };
        let strange = select.iter().find(|name| !known.contains(&name.as_str()));
        if let Some(name) = strange {
            let text =
                format!("Could not find a property named '{name}' on type 'microsoft.graph.{of}'.");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "BadRequest", text));
        }
        Ok(select.iter().map(String::as_str).collect())
    }

    /// `FIELD eq true` or `FIELD eq false` about one of these fields; other filters are refused.
    pub(super) fn filtered(&self, fields: &[&str]) -> Result<Option<(&str, bool)>, Refusal> {
        let Some(filter) = &self.filter else { return Ok(None) };
        let words: Vec<&str> = filter.split_whitespace().collect();
        match words[..] {
            [field, "eq", "true"] if fields.contains(&field) => Ok(Some((field, true))),
            [field, "eq", "false"] if fields.contains(&field) => Ok(Some((field, false))),
            _ => Err(Refusal::bad("Invalid or unsupported filter clause.")),
        }
    }
}

impl Cursor {
    /// The token binds the place to the query: one cannot go on with other options.
    pub(super) fn seal(self, path: &str, rest: &str) -> String {
        let Self { position, rows, pages } = self;
        let check = checksum(path, rest);
        URL_SAFE_NO_PAD.encode(format!("simulated {position} {rows} {pages} {check:x}"))
    }

    fn open(token: &str, path: &str, rest: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let mut words = text.strip_prefix("simulated ")?.split(' ');
        let mut number = || words.next()?.parse().ok();
        let cursor = Self { position: number()?, rows: number()?, pages: number()? };
        (words.next()? == format!("{:x}", checksum(path, rest))).then_some(cursor)
    }
}

fn checksum(path: &str, rest: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (path, rest).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_its_place_and_only_for_its_query() {
        let cursor = Cursor { position: 7, rows: 5, pages: 1 };
        let token = cursor.seal("/graph/v1.0/users", "$top=5");
        assert_eq!(Cursor::open(&token, "/graph/v1.0/users", "$top=5"), Some(cursor));
        assert_eq!(Cursor::open(&token, "/graph/v1.0/users", "$top=6"), None);
        assert_eq!(Cursor::open(&token, "/graph/beta/users", "$top=5"), None);
        assert_eq!(Cursor::open("garbage", "/graph/v1.0/users", "$top=5"), None);
    }
}
