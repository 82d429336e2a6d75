//! One page of a list: its rows, and where it goes on.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::wire;

/// A page, read.
#[derive(Debug)]
pub(super) struct Page<Row> {
    pub(super) rows: Vec<Row>,
    /// Rows that could not be read.
    pub(super) rejected: u64,
    /// As Microsoft wrote it.
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
struct Whole<Row> {
    value: Vec<Row>,
    #[serde(rename = "@odata.nextLink", default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct RowByRow<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
    #[serde(rename = "@odata.nextLink", default)]
    next: Option<String>,
}

/// Reads a page in one pass; only if a row resists, each row by itself.
pub(super) fn read<Row: DeserializeOwned>(body: &[u8]) -> Result<Page<Row>, serde_json::Error> {
    let body = wire::without_mark(body);
    match serde_json::from_slice::<Whole<Row>>(body) {
        Ok(Whole { value, next }) => Ok(Page { rows: value, rejected: 0, next: link(next) }),
        Err(error) if error.is_data() => {
            let RowByRow { value, next } = serde_json::from_slice(body)?;
            let total = value.len();
            let rows: Vec<Row> =
                value.into_iter().filter_map(|row| serde_json::from_str(row.get()).ok()).collect();
            let rejected = (total - rows.len()) as u64;
            Ok(Page { rows, rejected, next: link(next) })
        }
        Err(error) => Err(error),
    }
}

fn link(next: Option<String>) -> Option<String> {
    next.filter(|link| !link.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Row {
        n: u32,
    }

    #[test]
    fn one_bad_row_leaves_the_others() {
        let page =
            read::<Row>(br#"{"value":[{"n":1},{"n":"x"},null,{"n":3}],"@odata.nextLink":"u"}"#);
        let page = page.unwrap();
        assert_eq!(page.rows, [Row { n: 1 }, Row { n: 3 }]);
        assert_eq!((page.rejected, page.next.as_deref()), (2, Some("u")));
    }

    #[test]
    fn an_empty_page_may_go_on_and_the_last_one_does_not() {
        let page = read::<Row>(br#"{"value":[],"@odata.nextLink":"u"}"#).unwrap();
        assert_eq!((page.rows.len(), page.next.as_deref()), (0, Some("u")));
        for body in
            [r#"{"value":[]}"#, r#"{"value":[],"@odata.nextLink":null}"#, "\u{feff}{\"value\":[]}"]
        {
            assert_eq!(read::<Row>(body.as_bytes()).unwrap().next, None, "{body}");
        }
    }

    #[test]
    fn what_is_no_list_is_an_error_and_not_an_empty_list() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"value":null}"#,
            r#"{"value":{}}"#,
            r#"{"value":[{"n":1}"#,
            "<html>",
        ] {
            assert!(read::<Row>(body.as_bytes()).is_err(), "{body}");
        }
    }
}
