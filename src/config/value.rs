//! Values that cannot be wrong once they are read: durations, names, addresses.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use url::Url;

use crate::transport::is_loopback;
use crate::wire;

/// A duration as Prometheus writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct HumanDuration(pub Duration);

/// Reads `5m`, `1h30m`, `7d`, `500ms`: units from large to small, each once; a day is 24 hours.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 6] = [
        ("w", 7 * 24 * 3_600_000),
        ("d", 24 * 3_600_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let refuse = || "not a duration; write it like 90s, 5m, 1h30m or 7d".to_owned();
    let mut rest = text.trim();
    let mut millis: u64 = 0;
    let mut units = UNITS.iter();
    if rest.is_empty() {
        return Err(refuse());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refuse)?;
        let number: u64 = rest[..digits].parse().map_err(|_| refuse())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (_, unit) = units.find(|(name, _)| *name == &rest[..end]).ok_or_else(refuse)?;
        rest = &rest[end..];
        let part = number.checked_mul(*unit).ok_or_else(refuse)?;
        millis = millis.checked_add(part).ok_or_else(refuse)?;
    }
    if millis == 0 {
        return Err("a duration of nothing; write it like 90s, 5m, 1h30m or 7d".to_owned());
    }
    Ok(Duration::from_millis(millis))
}

impl TryFrom<String> for HumanDuration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_duration(&text).map(Self)
    }
}

impl JsonSchema for HumanDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration as Prometheus writes them: 90s, 5m, 1h30m, 7d.",
            "pattern": "^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "minLength": 2,
        })
    }
}

/// The short name of a tenant: the value of the label `tenant`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct TenantName(pub(super) String);

impl TryFrom<String> for TenantName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if text.is_empty() || text.len() > 64 || !text.chars().all(legal) {
            return Err("not a name; use up to 64 letters, digits, '-', '_' and '.', such as \
                        contoso-eu"
                .to_owned());
        }
        Ok(Self(text))
    }
}

impl JsonSchema for TenantName {
    fn schema_name() -> Cow<'static, str> {
        "TenantName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"})
    }
}

/// A GUID, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Guid(pub(super) String);

impl TryFrom<String> for Guid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match wire::guid(&text) {
            Some(_) => Ok(Self(text.to_ascii_lowercase())),
            None => Err("not a GUID; copy it from the Entra admin centre, it looks like \
                         11111111-2222-3333-4444-555555555555"
                .to_owned()),
        }
    }
}

impl JsonSchema for Guid {
    fn schema_name() -> Cow<'static, str> {
        "Guid".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
        })
    }
}

/// Where to send requests that may carry a token: `https`, or `http` on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Endpoint(pub(super) Url);

impl TryFrom<String> for Endpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let url = Url::parse(&text)
            .map_err(|_| "not a URL; write it like https://graph.microsoft.com".to_owned())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user name or password; remove it".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("holds a query or fragment; remove it".to_owned());
        }
        match url.scheme() {
            "https" if url.host().is_some() => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            "http" => Err("plain http to another machine would show tokens to the network; use \
                           https (http is accepted for loopback addresses only)"
                .to_owned()),
            _ => {
                Err("neither https nor http; write it like https://graph.microsoft.com".to_owned())
            }
        }
    }
}

impl JsonSchema for Endpoint {
    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "uri", "pattern": "^https?://"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_writes_them() {
        let table = [
            ("90s", 90_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("1w2d", 777_600_000),
            ("1m500ms", 60_500),
            (" 15s ", 15_000),
        ];
        for (text, millis) in table {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", "5", "m", "-5m", "1.5h", "5 m", "30m1h", "1m1m", "0s", "1y", "99999999999999999w"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tokens_are_not_sent_in_the_clear_to_another_machine() {
        let read = |text: &str| Endpoint::try_from(text.to_owned());
        assert!(read("https://graph.microsoft.com").is_ok());
        assert!(read("http://127.0.0.1:4010/graph").is_ok());
        assert!(read("http://localhost:4010").is_ok());
        for text in [
            "http://graph.example.com",
            "http://10.0.0.1",
            "ftp://x",
            "graph",
            "https://u:p@h/",
            "https://h/?q",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_duration_panic(text in "\\PC{0,24}") {
            let _ = parse_duration(&text);
        }
    }
}
