//! How Microsoft spells things: dates, "not set", numbers in strings, singletons in wrappers.
//!
//! Everything here is lenient about spelling and strict about meaning: what cannot be understood
//! is an error of that row, never a guess.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::de::{
    self, Deserialize, DeserializeOwned, Deserializer, IgnoredAny, Unexpected, Visitor,
};
use serde_json::Value;

/// The id of a directory object: a GUID as documented, or, should one ever not be, its text in
/// lower case. Compared regardless of case. Compact, since tenants hold 100,000 of them; such a text is
/// kept once, however many copies there are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// The documented form.
    Guid([u8; 16]),
    /// Anything else.
    Other(Arc<str>),
}

impl ObjectId {
    /// Reads an id; `None` for an empty one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match guid(text) {
            Some(bytes) => Some(Self::Guid(bytes)),
            None if text.is_empty() => None,
            None => Some(Self::Other(text.to_lowercase().into())),
        }
    }
}

/// The sixteen bytes of `8-4-4-4-12` hexadecimal digits.
pub fn guid(text: &str) -> Option<[u8; 16]> {
    const PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    if [8, 13, 18, 23].iter().any(|&dash| text[dash] != b'-') {
        return None;
    }
    let (mut bytes, mut seen) = ([0; 16], 0);
    for (byte, pair) in bytes.iter_mut().zip(PAIRS) {
        let digits = [text[pair], text[pair + 1]].map(|digit| DIGITS[usize::from(digit)]);
        *byte = digits[0] << 4 | digits[1];
        seen |= digits[0] | digits[1];
    }
    (seen < 16).then_some(bytes)
}

/// The value of each hexadecimal digit; of all other bytes one that is none.
const DIGITS: [u8; 256] = {
    let mut digits = [255; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guid(bytes) => {
                for (position, byte) in bytes.iter().enumerate() {
                    let dash = if matches!(position, 4 | 6 | 8 | 10) { "-" } else { "" };
                    write!(f, "{dash}{byte:02x}")?;
                }
                Ok(())
            }
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text("an object id", ObjectId::parse))
    }
}

/// A date as any of Microsoft's services writes it. `Ok(None)` is "not set", which they spell as
/// an empty string, as year 1 and as the end of year 9999.
///
/// Fractions of any length, a missing offset (UTC then), a one-digit offset hour and a date
/// without a time are understood; all of them occur in documented answers.
pub fn moment(text: &str) -> Result<Option<Timestamp>, jiff::Error> {
    let text = text.trim();
    if text.is_empty() || text.starts_with("0001-01-01") || text.starts_with("9999-12-") {
        return Ok(None);
    }
    let text = padded_offset(text);
    match Timestamp::from_str(&text) {
        Ok(moment) => Ok(Some(moment)),
        Err(error) => match DateTime::from_str(&text) {
            Ok(civil) => Ok(Some(civil.to_zoned(TimeZone::UTC)?.timestamp())),
            Err(_) => Err(error),
        },
    }
}

/// `…T00:00:00-8:00` with its hour padded.
fn padded_offset(text: &str) -> Cow<'_, str> {
    let Some(time) = text.find(['T', ' ']) else { return text.into() };
    match text[time..].rfind(['+', '-']).map(|position| time + position) {
        Some(sign) if text[sign + 1..].find(':') == Some(1) => {
            format!("{}0{}", &text[..=sign], &text[sign + 1..]).into()
        }
        _ => text.into(),
    }
}

/// For `#[serde(default, deserialize_with = "wire::optional_moment")]`: [`moment`], null or absent.
pub fn optional_moment<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    struct Moment;
    impl<'de> Visitor<'de> for Moment {
        type Value = Option<Timestamp>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a date and time, or null")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            moment(text).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Moment)
}

/// For fields that may be null or absent and then mean their default (an empty list, `false`, 0).
pub fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// For yes/no fields: `true`, `false`, the same words as strings in any case, null, absent.
pub fn optional_bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    struct YesNo;
    impl<'de> Visitor<'de> for YesNo {
        type Value = Option<bool>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true, false or null")
        }

        fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
            Ok(Some(value))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            match text.trim() {
                "" => Ok(None),
                yes if yes.eq_ignore_ascii_case("true") => Ok(Some(true)),
                no if no.eq_ignore_ascii_case("false") => Ok(Some(false)),
                other => Err(E::invalid_value(Unexpected::Str(other), &self)),
            }
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(YesNo)
}

/// For numbers that come as numbers or as strings; null and absent are `None`.
pub fn optional_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<f64>, D::Error> {
    struct Number;
    impl<'de> Visitor<'de> for Number {
        type Value = Option<f64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, a number in a string, or null")
        }

        fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
            Ok(Some(value))
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
            Ok(Some(value as f64))
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Some(value as f64))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            match text.trim() {
                "" => Ok(None),
                digits => match digits.parse::<f64>() {
                    Ok(number) if number.is_finite() => Ok(Some(number)),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                },
            }
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Number)
}

/// For names that people read: null and absent are empty, and what is longer than a name is cut.
pub fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
    let text = Option::<Cow<'de, str>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(cut(&text, NAME).into())
}

/// As many characters as a name or an id may have.
pub const NAME: usize = 256;

/// The part of a text that is kept for people to read.
pub fn cut(text: &str, characters: usize) -> &str {
    let text = text.trim();
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}

/// For ids that may be null, absent or empty.
pub fn optional_id<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ObjectId>, D::Error> {
    let text = Option::<Cow<'de, str>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(ObjectId::parse(cut(&text, NAME)))
}

/// A length of time as ISO 8601 writes it (`P730D`, `P2Y`, `PT0S`), in whole days: a year has 365,
/// a month 30. `None` for what is no such length, or a negative one.
pub fn days(text: &str) -> Option<u32> {
    let span: jiff::Span = text.trim().parse().ok()?;
    if span.is_negative() {
        return None;
    }
    let hours =
        i64::from(span.get_hours()) + (span.get_minutes() / 60) + (span.get_seconds() / 3600);
    let (years, months) = (i64::from(span.get_years()), i64::from(span.get_months()));
    let (weeks, days) = (i64::from(span.get_weeks()), i64::from(span.get_days()));
    u32::try_from(years * 365 + months * 30 + weeks * 7 + days + hours / 24).ok()
}

/// For lengths of time that may be null, absent or empty.
pub fn optional_days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = Option::<Cow<'de, str>>::deserialize(deserializer)?.unwrap_or_default();
    match text.trim() {
        "" => Ok(None),
        text => {
            let refuse =
                || de::Error::invalid_value(Unexpected::Str(text), &"an ISO 8601 duration");
            days(text).map(Some).ok_or_else(refuse)
        }
    }
}

/// An object whose keys, and those of all objects in it, come in any casing (`EventTime`,
/// `eventTime`), as Partner Center's articles disagree on it. Whoever reads it names them in lower
/// case.
#[derive(Debug)]
pub struct AnyCase<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for AnyCase<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = with_lower_keys(Value::deserialize(deserializer)?);
        T::deserialize(value).map(Self).map_err(de::Error::custom)
    }
}

fn with_lower_keys(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let lower =
                |(key, value): (String, Value)| (key.to_lowercase(), with_lower_keys(value));
            Value::Object(members.into_iter().map(lower).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(with_lower_keys).collect()),
        other => other,
    }
}

/// For counts, which come as numbers and as strings; null and absent are `None`, and what counts
/// nothing is refused.
pub fn optional_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    match optional_number(deserializer)? {
        None => Ok(None),
        Some(count) if count.fract() == 0.0 && (0.0..=EXACT).contains(&count) => {
            Ok(Some(count as u64))
        }
        Some(number) => Err(de::Error::invalid_value(Unexpected::Float(number), &"a count")),
    }
}

/// For counts that must be said.
pub fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    optional_count(deserializer)?.ok_or_else(|| de::Error::custom("a count is not said"))
}

/// Reads a text field without keeping its text: `read` says what it stands for, `None` refuses it.
pub struct Text<T>(pub &'static str, pub fn(&str) -> Option<T>);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        let Self(expected, read) = self;
        read(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &expected))
    }
}

/// One entity: bare as documented, under `value` as some pages print it, or alone in a list.
pub fn entity<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        value: Option<&'a serde_json::value::RawValue>,
    }
    let body = without_mark(body);
    let inner = match serde_json::from_slice::<Wrapped<'_>>(body) {
        Ok(Wrapped { value: Some(value) }) if value.get().starts_with(['{', '[']) => value.get(),
        _ => return serde_json::from_slice(body),
    };
    if inner.starts_with('[') {
        let First(first) = serde_json::from_str(inner)?;
        return first
            .ok_or_else(|| de::Error::custom("an empty list where one entity was asked for"));
    }
    serde_json::from_str(inner)
}

/// The first item of a list; what follows it is passed over.
struct First<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = First<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<First<T>, A::Error> {
                let first = items.next_element()?;
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// The body without the byte order mark that some gateways put first.
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn dates_are_read_as_microsoft_writes_them() {
        let table = [
            ("2026-05-01T10:00:00Z", Some("2026-05-01T10:00:00Z")),
            ("2026-05-01T10:00:00.1234567Z", Some("2026-05-01T10:00:00.1234567Z")),
            ("2026-05-01T10:00:00.12", Some("2026-05-01T10:00:00.12Z")),
            ("2026-05-01 10:00:00Z", Some("2026-05-01T10:00:00Z")),
            ("2021-03-18T00:00:00-8:00", Some("2021-03-18T08:00:00Z")),
            ("2021-03-18T00:00:00+05:30", Some("2021-03-17T18:30:00Z")),
            ("2026-05-01", Some("2026-05-01T00:00:00Z")),
            ("", None),
            ("0001-01-01T00:00:00Z", None),
            ("9999-12-31T23:59:59.9970000", None),
            ("9999-12-31T23:59:59.9999999Z", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|text| text.parse::<Timestamp>().unwrap());
            assert_eq!(moment(text).unwrap(), expected, "{text}");
        }
        for text in ["yesterday", "2026-13-01T00:00:00Z", "2026-05-01T25:00:00Z", "12"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Row {
        #[serde(default, deserialize_with = "optional_moment")]
        at: Option<Timestamp>,
        #[serde(default, deserialize_with = "optional_bool")]
        test: Option<bool>,
        #[serde(default, deserialize_with = "optional_number")]
        score: Option<f64>,
        #[serde(default, deserialize_with = "null_is_default")]
        methods: Vec<String>,
    }

    #[test]
    fn absent_null_and_empty_are_not_set() {
        for body in [
            "{}",
            r#"{"at":null,"test":null,"score":null,"methods":null}"#,
            r#"{"at":"","test":"","score":"","methods":[]}"#,
        ] {
            let row: Row = serde_json::from_str(body).unwrap();
            assert_eq!(row, Row { at: None, test: None, score: None, methods: vec![] }, "{body}");
        }
    }

    #[test]
    fn numbers_and_truth_come_as_strings_too() {
        let row: Row = serde_json::from_str(r#"{"test":"False","score":"12.5"}"#).unwrap();
        assert_eq!((row.test, row.score), (Some(false), Some(12.5)));
        let row: Row = serde_json::from_str(r#"{"test":true,"score":-3}"#).unwrap();
        assert_eq!((row.test, row.score), (Some(true), Some(-3.0)));
        for body in
            [r#"{"test":"maybe"}"#, r#"{"score":"many"}"#, r#"{"score":"NaN"}"#, r#"{"at":7}"#]
        {
            assert!(serde_json::from_str::<Row>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn an_entity_is_read_bare_wrapped_and_alone_in_a_list() {
        for body in [
            r#"{"score":1}"#,
            r#"{"@odata.context":"x","value":{"score":1}}"#,
            r#"{"value":[{"score":1},{"score":2}]}"#,
            "\u{feff}{\"score\":1}",
        ] {
            assert_eq!(entity::<Row>(body.as_bytes()).unwrap().score, Some(1.0), "{body}");
        }
        assert!(entity::<Row>(br#"{"value":[]}"#).is_err());
        assert!(entity::<Row>(b"<html>").is_err());
    }

    #[test]
    fn keys_are_read_in_any_casing_however_deep() {
        #[derive(Debug, Deserialize)]
        struct Outer {
            innerrow: Row,
            #[serde(deserialize_with = "name")]
            displayname: Box<str>,
            #[serde(default, deserialize_with = "optional_id")]
            tenantid: Option<ObjectId>,
        }
        for body in [
            r#"{"innerRow":{"score":"7"},"displayName":" a ","tenantId":"B"}"#,
            r#"{"InnerRow":{"Score":7},"DISPLAYNAME":"a","TenantId":"b"}"#,
        ] {
            let AnyCase(outer) = serde_json::from_str::<AnyCase<Outer>>(body).unwrap();
            assert_eq!((outer.innerrow.score, &*outer.displayname), (Some(7.0), "a"), "{body}");
            assert_eq!(outer.tenantid, ObjectId::parse("b"));
        }
        assert!(serde_json::from_str::<AnyCase<Outer>>(r#"{"innerRow":null}"#).is_err());
    }

    #[test]
    fn counts_count_something() {
        #[derive(Deserialize)]
        struct Counted {
            #[serde(default, deserialize_with = "optional_count")]
            n: Option<u64>,
        }
        for (body, count) in [
            (r#"{"n":7}"#, Some(7)),
            (r#"{"n":"7"}"#, Some(7)),
            (r#"{"n":null}"#, None),
            ("{}", None),
        ] {
            assert_eq!(serde_json::from_str::<Counted>(body).unwrap().n, count, "{body}");
        }
        for body in [r#"{"n":-1}"#, r#"{"n":0.5}"#, r#"{"n":1e300}"#, r#"{"n":"many"}"#] {
            assert!(serde_json::from_str::<Counted>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn lengths_of_time_come_in_days_years_and_seconds_of_none() {
        for (text, expected) in [
            ("P730D", Some(730)),
            ("P2Y", Some(730)),
            ("P1Y6M", Some(545)),
            ("P180D", Some(180)),
            ("PT0S", Some(0)),
            ("P0D", Some(0)),
            ("PT48H", Some(2)),
            ("P1W", Some(7)),
            ("p30d", Some(30)),
            ("-P1D", None),
            ("730", None),
            ("P", None),
            ("soon", None),
        ] {
            assert_eq!(days(text), expected, "{text}");
        }
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(cut(&"é".repeat(300), NAME), "é".repeat(256));
        assert_eq!(cut(" Contoso ", 3), "Con");
        assert_eq!(cut(" Contoso ", NAME), "Contoso");
    }

    #[test]
    fn ids_are_compared_regardless_of_case_and_print_in_lower_case() {
        let id = ObjectId::parse("87D349ED-44D7-43E1-9A83-5F2406DEE5BD").unwrap();
        assert_eq!(id, ObjectId::parse("87d349ed-44d7-43e1-9a83-5f2406dee5bd").unwrap());
        assert_eq!(id.to_string(), "87d349ed-44d7-43e1-9a83-5f2406dee5bd");
        assert_eq!(ObjectId::parse("User-7").unwrap().to_string(), "user-7");
        assert_eq!(ObjectId::parse(" "), None);
        assert_eq!(guid("87d349ed-44d7-43e1-9a83-5f2406dee5b"), None);
        assert_eq!(guid("87d349ed-44d7-43e1-9a83-5f2406dee5bg"), None);
        assert_eq!(guid("87d349ed-44d7-43e1-9a83-5f2406dee-bd"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in "\\PC{0,48}") {
            let _ = moment(&text);
            let _ = ObjectId::parse(&text);
            let _ = entity::<Row>(text.as_bytes());
        }

        #[test]
        fn every_guid_reads_back(bytes in proptest::array::uniform16(0u8..)) {
            let id = ObjectId::Guid(bytes);
            proptest::prop_assert_eq!(ObjectId::parse(&id.to_string()), Some(id));
        }
    }
}
