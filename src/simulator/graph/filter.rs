//! The filters that short lists understand: one field that equals any of some texts.

use hyper::StatusCode;

use super::options::Options;
use super::refusal::Refusal;

/// Texts that one filter may name.
const MOST: usize = 15;

/// One field, and the texts it may hold.
pub(super) struct Filter<'a> {
    pub(super) field: &'a str,
    pub(super) values: Vec<String>,
}

impl Filter<'_> {
    /// Texts are compared as the directory does, in whatever case.
    pub(super) fn admits(&self, text: &str) -> bool {
        self.values.iter().any(|value| value.eq_ignore_ascii_case(text))
    }
}

/// `FIELD eq 'X'`, any number of them with `or` between, or `FIELD in ('X','Y')`, about one of
/// these fields.
pub(super) fn read<'a>(
    options: &'a Options,
    fields: &[&str],
) -> Result<Option<Filter<'a>>, Refusal> {
    options.filter.as_deref().map(|filter| about(filter, fields)).transpose()
}

fn about<'a>(filter: &'a str, fields: &[&str]) -> Result<Filter<'a>, Refusal> {
    let unsupported = || Refusal::bad("Invalid or unsupported filter clause.");
    let filter = parse(filter).ok_or_else(unsupported)?;
    if filter.values.len() > MOST {
        let text = format!(
            "Too many child clauses specified in search filter expression containing 'OR' \
             operators: {}. Max allowed: {MOST}.",
            filter.values.len()
        );
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", text));
    }
    if fields.contains(&filter.field) { Ok(filter) } else { Err(unsupported()) }
}

fn parse(text: &str) -> Option<Filter<'_>> {
    let (field, mut rest) = text.trim().split_once(' ')?;
    let mut values = Vec::new();
    if let Some(list) = rest.trim_start().strip_prefix("in ") {
        rest = list.trim_start().strip_prefix('(')?;
        loop {
            let (value, after) = quoted(rest.trim_start())?;
            values.push(value);
            rest = after.trim_start();
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        return (rest.trim_end() == ")").then_some(Filter { field, values });
    }
    loop {
        let (value, after) = quoted(rest.trim_start().strip_prefix("eq ")?.trim_start())?;
        values.push(value);
        if after.trim().is_empty() {
            return Some(Filter { field, values });
        }
        let (again, after) = after.strip_prefix(" or ")?.trim_start().split_once(' ')?;
        if again != field {
            return None;
        }
        rest = after;
    }
}

/// A text in quotation marks, of which it may hold doubled ones, and what follows.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('\'')?;
    let mut value = String::new();
    loop {
        let (before, after) = rest.split_once('\'')?;
        value.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Option<Vec<String>> {
        parse(text).filter(|filter| filter.field == "displayName").map(|filter| filter.values)
    }

    #[test]
    fn one_name_or_many_in_either_way_of_writing_them() {
        assert_eq!(values("displayName eq 'A b'").unwrap(), ["A b"]);
        assert_eq!(values("displayName eq 'O''Neill'").unwrap(), ["O'Neill"]);
        let chain = "displayName eq 'A' or displayName eq 'B' or displayName eq 'C'";
        assert_eq!(values(chain).unwrap(), ["A", "B", "C"]);
        assert_eq!(values("displayName in ('A','B', 'C')").unwrap(), ["A", "B", "C"]);
    }

    #[test]
    fn a_filter_names_fifteen_texts_at_most() {
        let names = |count| {
            let names: Vec<_> = (0..count).map(|name| format!("'{name}'")).collect();
            let filter = format!("id in ({})", names.join(","));
            about(&filter, &["id"]).map(|filter| filter.values.len()).ok()
        };
        assert_eq!((names(15), names(16)), (Some(15), None));
    }

    #[test]
    fn everything_else_is_not_understood() {
        for text in [
            "",
            "displayName",
            "displayName eq A",
            "displayName eq 'A",
            "displayName eq 'A' and displayName eq 'B'",
            "displayName eq 'A' or mail eq 'B'",
            "displayName in ()",
            "displayName in ('A'",
            "startsWith(displayName,'A')",
        ] {
            assert_eq!(values(text), None, "{text}");
        }
    }
}
