//! One row of the sign-in log, read where it lies: what it says in a few bytes, nobody's name.

use std::borrow::Cow;
use std::fmt;
use std::hash::BuildHasher;
use std::marker::PhantomData;

use foldhash::fast::FixedState;
use serde::Deserialize;
use serde::de::{self, Deserializer, Unexpected, Visitor};
use serde_json::value::RawValue;

use crate::client::Unreadable;
use crate::wire;

/// The object id of whoever signed in.
pub type PersonId = [u8; 16];

/// What one sign-in says.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// Hash of its id, by which one that comes twice is known.
    #[serde(deserialize_with = "spelled")]
    pub(super) id: IdHash,
    #[serde(rename = "createdDateTime", deserialize_with = "spelled")]
    pub(super) at: Second,
    #[serde(default, rename = "userId", deserialize_with = "spelled")]
    pub(super) person: MaybeId,
    #[serde(default, rename = "appId", deserialize_with = "spelled")]
    pub(super) application: MaybeId,
    #[serde(default, rename = "resourceId", deserialize_with = "spelled")]
    pub(super) resource: Resource,
    #[serde(default, rename = "clientAppUsed", deserialize_with = "spelled")]
    pub(super) client: MaybeLegacy,
    #[serde(default, rename = "authenticationRequirement", deserialize_with = "spelled")]
    pub(super) requirement: Requirement,
    #[serde(default, rename = "authenticationProtocol", deserialize_with = "spelled")]
    pub(super) protocol: Protocol,
    #[serde(default, rename = "crossTenantAccessType", deserialize_with = "spelled")]
    pub(super) access: Access,
    #[serde(default, rename = "incomingTokenType", deserialize_with = "spelled")]
    pub(super) token: Token,
    #[serde(default, rename = "tokenIssuerType", deserialize_with = "spelled")]
    pub(super) issuer: Issuer,
    #[serde(default, rename = "homeTenantId", deserialize_with = "spelled")]
    pub(super) home: MaybeId,
    #[serde(default, rename = "resourceTenantId", deserialize_with = "spelled")]
    pub(super) entered: MaybeId,
    #[serde(default, rename = "status", deserialize_with = "outcome")]
    pub(super) outcome: Option<Outcome>,
}

/// A page of rows.
#[derive(Debug, PartialEq)]
pub struct Page {
    /// Those that could be read.
    pub rows: Vec<SignIn>,
    /// How many could not.
    pub rejected: u64,
    /// Where the list goes on.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Listed<'a, Rows> {
    value: Rows,
    #[serde(borrow, default, rename = "@odata.nextLink")]
    next: Option<Cow<'a, str>>,
}

/// Reads a page in one pass; only if a row resists, each row by itself.
pub fn page(body: &[u8]) -> Result<Page, Unreadable> {
    let body = wire::without_mark(body);
    match sonic_rs::from_slice::<Listed<'_, Vec<SignIn>>>(body) {
        Ok(Listed { value, next }) => {
            Ok(Page { rows: value, rejected: 0, next: next.map(Cow::into_owned) })
        }
        // Both parsers refuse what is no JSON; the slow one names the place, and not the content.
        Err(_) => row_by_row(body),
    }
}

/// The same by the parser that is slower, and lets a row be left out.
fn row_by_row(body: &[u8]) -> Result<Page, Unreadable> {
    // Bytes that are no text spoil the row they are in.
    let body = String::from_utf8_lossy(body);
    let Listed { value, next } = serde_json::from_str::<Listed<'_, Vec<&RawValue>>>(&body)
        .map_err(|error| Unreadable::of(&error))?;
    let total = value.len();
    let rows: Vec<SignIn> =
        value.into_iter().filter_map(|row| serde_json::from_str(row.get()).ok()).collect();
    let rejected = (total - rows.len()) as u64;
    Ok(Page { rows, rejected, next: next.map(Cow::into_owned) })
}

/// What is told by a word or an id, read without keeping its text.
trait Spelled: Default {
    /// What the text stands for; `None` refuses the row.
    fn read(text: &str) -> Option<Self>;
}

/// Text, null or absent.
fn spelled<'de, D: Deserializer<'de>, T: Spelled>(deserializer: D) -> Result<T, D::Error> {
    struct Words<T>(PhantomData<T>);
    impl<'de, T: Spelled> Visitor<'de> for Words<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text or null")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            T::read(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
            deserializer.deserialize_str(self)
        }

        fn visit_none<E: de::Error>(self) -> Result<T, E> {
            // Where nothing said is no answer, an empty text is none either.
            T::read("").ok_or_else(|| E::invalid_value(Unexpected::Option, &self))
        }

        fn visit_unit<E: de::Error>(self) -> Result<T, E> {
            self.visit_none()
        }
    }
    deserializer.deserialize_option(Words(PhantomData))
}

/// See [`SignIn::id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct IdHash(pub(super) u64);

impl Spelled for IdHash {
    fn read(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(FixedState::default().hash_one(text)))
    }
}

/// Seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Second(pub(super) i64);

impl Spelled for Second {
    fn read(text: &str) -> Option<Self> {
        let by_rules = || wire::moment(text).ok().flatten().map(|moment| moment.as_second());
        plain_second(text.as_bytes()).or_else(by_rules).map(Self)
    }
}

/// `2026-05-01T10:00:00.1234567Z`, which nearly all dates look like; anything else is `None`.
fn plain_second(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(19)?;
    let number = |range: std::ops::Range<usize>| {
        date[range].iter().try_fold(0_i64, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
        })
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let fraction = rest.strip_suffix(b"Z")?;
    let is_plain = separators.iter().all(|(place, separator)| date[*place] == *separator)
        && (fraction.is_empty()
            || (fraction[0] == b'.' && fraction[1..].iter().all(u8::is_ascii_digit)));
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    // Days beyond the 28th are left to who knows the lengths of months.
    let is_certain = (1970..9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (day <= 28 || (day <= 30 && month != 2) || matches!(month, 1 | 3 | 5 | 7 | 8 | 10 | 12))
        && hour < 24
        && minute < 60
        && second < 60
        && fraction.len() != 1;
    if !is_plain || !is_certain {
        return None;
    }
    // Days since 1970 in years that begin in March.
    // Source: Howard Hinnant, chrono-compatible low-level date algorithms.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// An object id where there is one. What is no GUID, and the GUID of noughts that stands for nobody,
/// are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct MaybeId(pub(super) Option<PersonId>);

impl Spelled for MaybeId {
    fn read(text: &str) -> Option<Self> {
        Some(Self(wire::guid(text).filter(|id| *id != [0; 16])))
    }
}

/// How a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Error code 0.
    Success,
    /// Any other: refused, or interrupted and not gone on with.
    Failure,
}

impl Outcome {
    /// Both, in the order of the label's values.
    pub const ALL: [Self; 2] = [Self::Failure, Self::Success];

    /// The value of the label `outcome`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// A success may carry a reason of failure ("Other."); only the code tells.
fn outcome<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Outcome>, D::Error> {
    #[derive(Deserialize)]
    struct Status {
        #[serde(default, rename = "errorCode", deserialize_with = "wire::optional_number")]
        code: Option<f64>,
    }
    let code = Option::<Status>::deserialize(deserializer)?.and_then(|status| status.code);
    Ok(code.map(|code| if code == 0.0 { Outcome::Success } else { Outcome::Failure }))
}

/// A client that cannot be challenged for a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client(u8);

impl Client {
    /// Names as Microsoft's page on legacy authentication has them; `other` is a client that is neither
    /// among them nor among the modern ones.
    /// Source: Microsoft Entra, Sign-in log activity details.
    const NAMES: [&'static str; 14] = [
        "Authenticated SMTP",
        "Autodiscover",
        "Exchange ActiveSync",
        "Exchange Online PowerShell",
        "Exchange Web Services",
        "IMAP4",
        "MAPI over HTTP",
        "Offline Address Book",
        "Other clients",
        "Outlook Anywhere (RPC over HTTP)",
        "Outlook Service",
        "POP3",
        "Reporting Web Services",
        "other",
    ];

    /// Shorter names of the same, from Graph's pages.
    const SHORT: [(&'static str, u8); 6] = [
        ("SMTP", 0),
        ("IMAP", 5),
        ("MAPI", 6),
        ("Outlook Anywhere", 9),
        ("POP", 11),
        ("Universal Outlook", 10),
    ];

    /// What is no legacy client, or says nothing.
    const MODERN: [&'static str; 6] = [
        "Browser",
        "Mobile Apps and Desktop clients",
        "",
        "Modern clients",
        "Modern authentication clients",
        "Unknown",
    ];

    /// All of them, in the order of the label's values.
    pub fn all() -> impl Iterator<Item = Self> {
        (0_u8..).take(Self::NAMES.len()).map(Self)
    }

    /// The value of the label `client_app`.
    pub fn as_str(self) -> &'static str {
        Self::NAMES[self.slot()]
    }

    /// How many there are.
    pub(super) const COUNT: usize = Self::NAMES.len();

    pub(super) fn slot(self) -> usize {
        usize::from(self.0)
    }

    /// Whether it is known to be a legacy client; what nobody knows yet may be anything.
    pub(super) fn is_known(self) -> bool {
        self.as_str() != "other"
    }

    fn of(text: &str) -> Option<Self> {
        let is = |name: &str| text.eq_ignore_ascii_case(name);
        if Self::MODERN.iter().any(|name| is(name)) {
            return None;
        }
        let known = Self::all().find(|client| is(client.as_str()));
        let short = || Self::SHORT.iter().find(|(name, _)| is(name)).map(|(_, of)| Self(*of));
        // Older rows say "Other clients; IMAP".
        let others = || {
            let head = text.get(..13)?;
            head.eq_ignore_ascii_case("Other clients").then_some(Self(8))
        };
        known.or_else(short).or_else(others).or(Some(Self(13)))
    }
}

/// The legacy client that was used, if one was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct MaybeLegacy(pub(super) Option<Client>);

impl Spelled for MaybeLegacy {
    fn read(text: &str) -> Option<Self> {
        Some(Self(Client::of(text)))
    }
}

/// How many factors were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Requirement {
    /// Not said; so it is throughout v1.0.
    #[default]
    Unsaid,
    /// One.
    SingleFactor,
    /// More than one.
    MultiFactor,
}

impl Spelled for Requirement {
    fn read(text: &str) -> Option<Self> {
        Some(if text.eq_ignore_ascii_case("singleFactorAuthentication") {
            Self::SingleFactor
        } else if text.eq_ignore_ascii_case("multiFactorAuthentication") {
            Self::MultiFactor
        } else {
            Self::Unsaid
        })
    }
}

/// Ways to sign in that tell something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Protocol {
    /// None of those below.
    #[default]
    Other,
    /// User name and password sent by a program: `ropc`, or `directUserGrant`.
    PasswordGrant,
    /// A code typed in elsewhere.
    DeviceCode,
}

impl Spelled for Protocol {
    fn read(text: &str) -> Option<Self> {
        let is = |name: &str| text.eq_ignore_ascii_case(name);
        Some(if is("ropc") || is("directUserGrant") {
            Self::PasswordGrant
        } else if is("deviceCode") {
            Self::DeviceCode
        } else {
            Self::Other
        })
    }
}

/// What was signed in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resource {
    /// Partner Center, its site or its API.
    PartnerCenter,
    /// Microsoft Graph.
    Graph,
    /// Azure Resource Manager.
    AzureManagement,
    /// Exchange Online.
    Exchange,
    /// Anything else.
    #[default]
    Other,
}

impl Resource {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 5] =
        [Self::AzureManagement, Self::Exchange, Self::Graph, Self::Other, Self::PartnerCenter];

    /// The value of the label `resource`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PartnerCenter => "partner_center",
            Self::Graph => "graph",
            Self::AzureManagement => "azure_management",
            Self::Exchange => "exchange",
            Self::Other => "other",
        }
    }
}

impl Spelled for Resource {
    fn read(text: &str) -> Option<Self> {
        const IDS: [(&str, Resource); 5] = [
            ("00000003-0000-0000-c000-000000000000", Resource::Graph),
            ("00000002-0000-0ff1-ce00-000000000000", Resource::Exchange),
            ("797f4846-ba00-4fd7-ba43-dac1f8f63013", Resource::AzureManagement),
            ("fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd", Resource::PartnerCenter),
            ("4990cffe-04e8-4e8b-808a-1175604b879f", Resource::PartnerCenter),
        ];
        let known = IDS.iter().find(|(id, _)| text.eq_ignore_ascii_case(id));
        Some(known.map_or(Self::Other, |(_, resource)| *resource))
    }
}

/// How a sign-in crosses tenants, in Microsoft's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Not at all, or not said.
    #[default]
    None,
    /// A guest.
    Guest,
    /// Somebody of a tenant connected directly.
    DirectConnect,
    /// Microsoft's support.
    MicrosoftSupport,
    /// A service provider, on behalf of a customer.
    ServiceProvider,
    /// A way unknown to this version.
    Other,
}

impl Access {
    /// Those that cross, in the order of the label's values.
    pub const ALL: [Self; 5] = [
        Self::Guest,
        Self::DirectConnect,
        Self::MicrosoftSupport,
        Self::Other,
        Self::ServiceProvider,
    ];

    /// The value of the label `access`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Guest => "b2bCollaboration",
            Self::DirectConnect => "b2bDirectConnect",
            Self::MicrosoftSupport => "microsoftSupport",
            Self::ServiceProvider => "serviceProvider",
            Self::Other => "other",
        }
    }

    fn of(word: &str) -> Self {
        if word.is_empty() || word.eq_ignore_ascii_case("none") {
            return Self::None;
        }
        let known = Self::ALL.into_iter().find(|it| word.eq_ignore_ascii_case(it.as_str()));
        known.unwrap_or(Self::Other)
    }
}

impl Spelled for Access {
    /// Graph writes several values of such a type with commas between.
    fn read(text: &str) -> Option<Self> {
        let ways = text.split(',').map(|word| Self::of(word.trim()));
        Some(ways.max_by_key(|way| *way == Self::ServiceProvider).unwrap_or_default())
    }
}

/// Whether somebody came with a token of another identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Token(pub(super) bool);

impl Spelled for Token {
    /// `saml11` and `saml20`; samples of Microsoft also have the texts its portal shows.
    fn read(text: &str) -> Option<Self> {
        Some(Self(text.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("saml"))))
    }
}

/// Whether another identity provider issued the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Issuer(pub(super) bool);

impl Spelled for Issuer {
    fn read(text: &str) -> Option<Self> {
        const HEAD: &str = "ADFederationServices";
        Some(Self(text.get(..HEAD.len()).is_some_and(|head| head.eq_ignore_ascii_case(HEAD))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(rows: &str) -> Page {
        page(format!(r#"{{"@odata.nextLink":"u\/2","value":[{rows}]}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn the_thirteen_names_are_known_in_any_casing_and_by_their_short_forms() {
        let of = |text: &str| Client::of(text).map(Client::as_str);
        for client in Client::all() {
            let name = client.as_str();
            for text in [name.to_lowercase(), name.to_uppercase(), name.to_owned()] {
                assert_eq!(of(&text), Some(name));
            }
        }
        for (text, name) in [
            ("AutoDiscover", "Autodiscover"),
            ("MAPI Over HTTP", "MAPI over HTTP"),
            ("smtp", "Authenticated SMTP"),
            ("IMAP", "IMAP4"),
            ("POP", "POP3"),
            ("MAPI", "MAPI over HTTP"),
            ("Other clients; IMAP", "Other clients"),
            ("Ünknown", "other"),
        ] {
            assert_eq!(of(text), Some(name), "{text}");
        }
        for modern in ["Browser", "Mobile Apps and Desktop Clients", "unknown", ""] {
            assert_eq!(of(modern), None, "{modern}");
        }
    }

    #[test]
    fn a_malformed_row_costs_one_row() {
        let good = |id: u32| format!(r#"{{"id":"{id}","createdDateTime":"2026-11-24T12:00:00Z"}}"#);
        for bad in [
            "null",
            "7",
            "[]",
            r#"{"id":"x"}"#,
            r#"{"id":"","createdDateTime":"2026-11-24T12:00:00Z"}"#,
            r#"{"id":null,"createdDateTime":"2026-11-24T12:00:00Z"}"#,
            r#"{"id":"x","createdDateTime":"yesterday"}"#,
            r#"{"id":"x","createdDateTime":null}"#,
            r#"{"id":"x","createdDateTime":"2026-11-24T12:00:00Z","appId":{}}"#,
            r#"{"id":"x","createdDateTime":"2026-11-24T12:00:00Z","status":"0"}"#,
        ] {
            let page = rows(&format!("{},{bad},{}", good(1), good(2)));
            assert_eq!((page.rows.len(), page.rejected), (2, 1), "{bad}");
            assert_eq!(page.next.as_deref(), Some("u/2"));
        }
        let mut body = format!(r#"{{"value":[{},{{"id":"x"#, good(1)).into_bytes();
        body.extend(b"\xff\"}]}");
        let page = page(&body).unwrap();
        assert_eq!((page.rows.len(), page.rejected), (1, 1), "bytes that are no text");
    }

    #[test]
    fn a_page_cut_anywhere_is_no_page() {
        let body = include_bytes!("../../../tests/samples/sign_ins.json").trim_ascii_end();
        for end in 0..body.len() {
            assert!(page(&body[..end]).is_err(), "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn plain_dates_are_read_as_all_dates_are(
            year in 1969..2101, month in 0..14, day in 0..33, hour in 0..25, minute in 0..61,
            second in 0..61, rest in "(\\.[0-9]{0,9})?[Zz ]?",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{rest}");
            if let Some(read) = plain_second(text.as_bytes()) {
                let moment = wire::moment(&text).unwrap().unwrap();
                prop_assert_eq!(read, moment.as_second());
            }
        }

        #[test]
        fn both_parsers_read_a_page_alike(
            rows in prop::collection::vec(row(), 0..12),
            next in prop::option::of("[ -~]{1,20}"),
        ) {
            let body = serde_json::json!({"@odata.nextLink": next, "value": rows}).to_string();
            let fast = page(body.as_bytes());
            prop_assert_eq!(&fast, &row_by_row(body.as_bytes()));
            let page = fast.unwrap();
            let in_one_pass = sonic_rs::from_slice::<Listed<'_, Vec<SignIn>>>(body.as_bytes());
            prop_assert_eq!(in_one_pass.is_ok(), page.rejected == 0);
            prop_assert_eq!(page.rows.len() as u64 + page.rejected, rows.len() as u64);
        }

        #[test]
        fn no_bytes_make_the_parsers_panic_or_disagree(
            mut body in Just(include_bytes!("../../../tests/samples/sign_ins.json").to_vec()),
            changes in prop::collection::vec((0_usize..4_000, any::<u8>()), 1..6),
        ) {
            for (place, byte) in changes {
                let place = place % body.len();
                body[place] = byte;
            }
            prop_assert_eq!(page(&body), row_by_row(&body));
        }
    }

    /// A row with fields of right and wrong kinds, escapes and all.
    fn row() -> impl Strategy<Value = serde_json::Value> {
        let value = prop_oneof![
            4 => prop::sample::select(vec![
                "2026-11-24T12:00:00.25Z", "singleFactorAuthentication", "MultiFactorAuthentication",
                "ropc", "deviceCode", "serviceProvider", "imap4", "Browser", "0",
                "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd", "00000000-0000-0000-0000-000000000000",
            ]).prop_map(serde_json::Value::from),
            2 => "\\PC{0,12}".prop_map(serde_json::Value::from),
            1 => Just(serde_json::Value::Null),
            1 => any::<i32>().prop_map(serde_json::Value::from),
            1 => any::<f64>().prop_map(serde_json::Value::from),
            1 => (0..2).prop_map(|code| serde_json::json!({"errorCode": code, "other": [null, "]"]})),
        ];
        let field = prop::sample::select(vec![
            "userId",
            "appId",
            "resourceId",
            "clientAppUsed",
            "authenticationRequirement",
            "authenticationProtocol",
            "crossTenantAccessType",
            "incomingTokenType",
            "tokenIssuerType",
            "homeTenantId",
            "resourceTenantId",
            "status",
            "\"\u{1F600}",
        ]);
        let fields = prop::collection::vec((field, value), 0..8);
        (any::<bool>(), "[a-c\"\\\\]{0,3}", fields).prop_map(|(is_dated, id, fields)| {
            let mut row: serde_json::Map<_, _> =
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            row.insert("id".to_owned(), id.into());
            if is_dated {
                row.insert("createdDateTime".to_owned(), "2026-11-24T12:00:00.25Z".into());
            }
            row.into()
        })
    }
}
