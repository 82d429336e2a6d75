//! One page of a list: its rows, and where it goes on.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::Api;
use crate::wire;

/// A page, read.
#[derive(Debug)]
pub(super) struct Page<Row> {
    pub(super) rows: Vec<Row>,
    /// Rows that could not be read.
    pub(super) rejected: u64,
    pub(super) next: Option<Next>,
}

/// Where a list goes on, as Microsoft wrote it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) link: String,
    /// What Partner Center wants to be told beside the link.
    pub(super) continuation: Option<String>,
}

/// A page of rows: Graph calls them `value`, Partner Center `items`.
#[derive(Deserialize)]
struct Listed<Rows> {
    #[serde(alias = "items")]
    value: Rows,
    #[serde(rename = "@odata.nextLink", alias = "nextLink", default)]
    next: Option<String>,
    #[serde(default)]
    links: Option<Links>,
}

#[derive(Deserialize)]
struct Links {
    #[serde(default)]
    next: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    uri: Option<String>,
    #[serde(default)]
    headers: Option<Vec<Header>>,
}

#[derive(Deserialize)]
struct Header {
    key: String,
    value: String,
}

/// Reads a page in one pass; only if a row resists, each row by itself.
pub(super) fn read<Row: DeserializeOwned>(
    body: &[u8],
    api: Api,
) -> Result<Page<Row>, serde_json::Error> {
    let body = wire::without_mark(body);
    match listed::<Vec<Row>>(body, api) {
        Ok((rows, next)) => Ok(Page { rows, rejected: 0, next }),
        Err(error) if error.is_data() => {
            let (raw, next) = listed::<Vec<&RawValue>>(body, api)?;
            let total = raw.len();
            let rows: Vec<Row> =
                raw.into_iter().filter_map(|row| serde_json::from_str(row.get()).ok()).collect();
            let rejected = (total - rows.len()) as u64;
            Ok(Page { rows, rejected, next })
        }
        Err(error) => Err(error),
    }
}

fn listed<'a, Rows: Deserialize<'a>>(
    body: &'a [u8],
    api: Api,
) -> Result<(Rows, Option<Next>), serde_json::Error> {
    // Some of Partner Center's lists are nothing but rows.
    if api == Api::PartnerCenter && body.trim_ascii_start().starts_with(b"[") {
        return Ok((serde_json::from_slice(body)?, None));
    }
    let Listed { value, next, links } = serde_json::from_slice(body)?;
    let next = next.map(|link| Next { link, continuation: None });
    let next = next.or_else(|| links?.next?.followed());
    Ok((value, next.filter(|next| !next.link.trim().is_empty())))
}

impl Link {
    /// Of the headers only the one that is documented is sent: what an answer says must not take
    /// the place of what we say.
    fn followed(self) -> Option<Next> {
        let is_continuation =
            |header: &Header| header.key.eq_ignore_ascii_case("MS-ContinuationToken");
        let continuation = self.headers.into_iter().flatten().find(is_continuation);
        Some(Next { link: self.uri?, continuation: continuation.map(|header| header.value) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Row {
        n: u32,
    }

    fn graph(body: &str) -> Result<Page<Row>, serde_json::Error> {
        read(body.as_bytes(), Api::Graph)
    }

    fn partner_center(body: &str) -> Result<Page<Row>, serde_json::Error> {
        read(body.as_bytes(), Api::PartnerCenter)
    }

    fn link(page: &Page<Row>) -> Option<&str> {
        page.next.as_ref().map(|next| next.link.as_str())
    }

    #[test]
    fn one_bad_row_leaves_the_others() {
        let rows = r#"[{"n":1},{"n":"x"},null,{"n":3}]"#;
        for page in [
            graph(&format!(r#"{{"value":{rows},"@odata.nextLink":"u"}}"#)),
            partner_center(&format!(r#"{{"items":{rows},"links":{{"next":{{"uri":"u"}}}}}}"#)),
        ] {
            let page = page.unwrap();
            assert_eq!(page.rows, [Row { n: 1 }, Row { n: 3 }]);
            assert_eq!((page.rejected, link(&page)), (2, Some("u")));
        }
        let bare = partner_center(rows).unwrap();
        assert_eq!((bare.rows.len(), bare.rejected, link(&bare)), (2, 2, None));
    }

    #[test]
    fn an_empty_page_may_go_on_and_the_last_one_does_not() {
        let page = graph(r#"{"value":[],"@odata.nextLink":"u"}"#).unwrap();
        assert_eq!((page.rows.len(), link(&page)), (0, Some("u")));
        for body in
            [r#"{"value":[]}"#, r#"{"value":[],"@odata.nextLink":null}"#, "\u{feff}{\"value\":[]}"]
        {
            assert_eq!(graph(body).unwrap().next, None, "{body}");
        }
        for body in [r#"{"items":[],"links":{"self":{"uri":"s"}}}"#, r#"{"items":[],"links":null}"#]
        {
            assert_eq!(partner_center(body).unwrap().next, None, "{body}");
        }
    }

    #[test]
    fn of_the_headers_in_a_link_only_the_continuation_is_sent() {
        let body = r#"{"items":[],"links":{"next":{"uri":"/customers?size=40","method":"GET","headers":[
            {"key":"Authorization","value":"planted"},{"key":"MS-ContinuationToken","value":"AA=="}]}}}"#;
        let next = partner_center(body).unwrap().next.unwrap();
        assert_eq!(next.link, "/customers?size=40");
        assert_eq!(next.continuation.as_deref(), Some("AA=="));
    }

    #[test]
    fn what_is_no_list_is_an_error_and_not_an_empty_list() {
        for body in
            ["", "{}", r#"{"value":null}"#, r#"{"value":{}}"#, r#"{"value":[{"n":1}"#, "<html>"]
        {
            assert!(graph(body).is_err() && partner_center(body).is_err(), "{body}");
        }
        assert!(graph("[]").is_err(), "only Partner Center lists without a name");
        assert!(partner_center("[]").unwrap().rows.is_empty());
    }
}
