//! Who registered which authentication method: Microsoft's registration report.
//!
//! The report has no row for disabled, deleted and brand-new accounts and lags by hours, so it is
//! only ever read together with the list of accounts (`posture::mfa`).

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Metric, Samples};
use crate::wire::{self, ObjectId};

/// The report, by account.
#[derive(Debug, Default)]
pub struct UserRegistrationDetails {
    rows: HashMap<ObjectId, Registration, foldhash::fast::RandomState>,
    rejected: u64,
}

/// What one account registered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Registration {
    /// Microsoft's flag: a strong method is registered.
    is_mfa_registered: bool,
    /// Microsoft's flag: one that policy allows, too.
    is_mfa_capable: bool,
    /// The methods themselves.
    methods: Methods,
}

impl Registration {
    /// From Microsoft's two flags and the methods.
    pub fn new(is_mfa_registered: bool, is_mfa_capable: bool, methods: Methods) -> Self {
        Self { is_mfa_registered, is_mfa_capable, methods }
    }

    /// Whether the person can answer an MFA challenge. Windows Hello and passkeys do answer one,
    /// though the flag has been seen to say no.
    pub fn registered(self) -> bool {
        self.is_mfa_registered || self.is_mfa_capable || self.methods.satisfies_mfa
    }

    /// Microsoft's flag: what is registered is allowed by the authentication methods policy.
    pub fn capable(self) -> bool {
        self.is_mfa_capable
    }

    /// Whether the person can do MFA with what policy lets them use. Windows Hello stands outside
    /// the authentication methods policy, so its holders always can, whatever the flag says.
    pub fn able(self) -> bool {
        self.is_mfa_capable || self.methods.windows_hello
    }
}

/// What matters of `methodsRegistered`, an open list of words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Methods {
    /// Holds a method that by itself satisfies MFA.
    pub satisfies_mfa: bool,
    /// Holds Windows Hello for Business.
    pub windows_hello: bool,
}

impl Methods {
    /// Takes one word of the list into account.
    pub fn add(&mut self, word: &str) {
        let word = word.to_ascii_lowercase();
        self.windows_hello |= word == "windowshelloforbusiness";
        // Older and newer words for passkeys and platform credentials.
        self.satisfies_mfa |= word == "windowshelloforbusiness"
            || word.starts_with("fido2")
            || word.starts_with("passkey")
            || word.starts_with("macossecureenclavekey");
    }
}

impl<'de> Deserialize<'de> for Methods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Methods;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of methods, or null")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Methods, A::Error> {
                let mut methods = Methods::default();
                while let Some(word) = words.next_element::<Option<String>>()? {
                    methods.add(&word.unwrap_or_default());
                }
                Ok(methods)
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Methods, E> {
                Ok(Methods::default())
            }
        }
        deserializer.deserialize_any(Words)
    }
}

/// A row as it is read. Not `flatten`: that would buffer every field of every row.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: ObjectId,
    #[serde(default, deserialize_with = "wire::optional_bool")]
    is_mfa_registered: Option<bool>,
    #[serde(default, deserialize_with = "wire::optional_bool")]
    is_mfa_capable: Option<bool>,
    #[serde(default)]
    methods_registered: Methods,
}

impl Row {
    /// A flag Microsoft leaves unsaid is no.
    fn registration(&self) -> Registration {
        Registration {
            is_mfa_registered: self.is_mfa_registered.unwrap_or(false),
            is_mfa_capable: self.is_mfa_capable.unwrap_or(false),
            methods: self.methods_registered,
        }
    }
}

impl UserRegistrationDetails {
    /// From rows; of two for one account the later holds.
    pub fn new(rows: impl IntoIterator<Item = (ObjectId, Registration)>, rejected: u64) -> Self {
        Self { rows: rows.into_iter().collect(), rejected }
    }

    /// The account's row, if the report has one.
    pub fn of(&self, id: &ObjectId) -> Option<Registration> {
        self.rows.get(id).copied()
    }

    /// Whether an account without a row may have had one that could not be read.
    pub fn has_gaps(&self) -> bool {
        self.rejected > 0
    }

    /// Whether the report has no row at all, as in the days after its licence was bought: then it
    /// says nothing about anybody.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Source for UserRegistrationDetails {
    const ID: &'static str = "user_registration_details";
    const WHAT: &'static str = "Who registered which authentication method";
    const ASK: Ask = Ask::graph(
        "/v1.0/reports/authenticationMethods/userRegistrationDetails\
               ?$select=id,isMfaRegistered,isMfaCapable,methodsRegistered&$top=999",
        Bucket::Reports,
    );
    const PERMISSION: &'static str = "AuditLog.Read.All";
    const LICENSE: Option<&'static str> = Some("Microsoft Entra ID P1 or P2");
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/authenticationmethodsroot-list-userregistrationdetails";
    const INTERVAL: Duration = Duration::from_secs(900);
    /// People are counted in `posture`, where it is known which accounts they are.
    const METRICS: &'static [&'static Metric] = &[];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let mut rows = HashMap::default();
        let tally = client
            .list::<Row>(&Self::ASK, |row| {
                let registration = row.registration();
                rows.insert(row.id, registration);
            })
            .await?;
        let source = Self { rows, rejected: tally.rejected };
        Ok(Rows { source, accepted: tally.accepted, rejected: tally.rejected })
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        #[derive(Deserialize)]
        struct Page {
            value: Vec<Row>,
        }
        let body = include_bytes!("../../tests/samples/user_registration_details.json");
        serde_json::from_slice::<Page>(body).unwrap().value
    }

    #[test]
    fn the_documented_page_is_read() {
        let rows = rows();
        let registered: Vec<_> = rows.iter().map(|row| row.registration().registered()).collect();
        assert_eq!(registered, [true, false, true, true]);
        let capable: Vec<_> = rows.iter().map(|row| row.registration().capable()).collect();
        assert_eq!(capable, [true, false, false, false]);
    }

    #[test]
    fn methods_that_satisfy_mfa_count_whatever_the_flag_says() {
        let table = [
            ("windowsHelloForBusiness", true, true),
            ("fido2", true, false),
            ("fido2SecurityKey", true, false),
            ("passKeyDeviceBound", true, false),
            ("passKeyDeviceBoundWindowsHello", true, false),
            ("PassKeySynced", true, false),
            ("macOsSecureEnclaveKey", true, false),
            ("mobilePhone", false, false),
            ("email", false, false),
            ("securityQuestion", false, false),
            ("somethingNew", false, false),
        ];
        for (word, registered, able) in table {
            let body = format!(
                r#"{{"id":"a","isMfaRegistered":false,"isMfaCapable":false,"methodsRegistered":["{word}"]}}"#
            );
            let row = serde_json::from_str::<Row>(&body).unwrap().registration();
            assert_eq!((row.registered(), row.able()), (registered, able), "{word}");
        }
    }

    #[test]
    fn flags_and_lists_may_be_null() {
        let body =
            r#"{"id":"a","isMfaRegistered":null,"isMfaCapable":null,"methodsRegistered":null}"#;
        let row: Row = serde_json::from_str(body).unwrap();
        assert_eq!(row.registration(), Registration::default());
        let body = r#"{"id":"a","isMfaRegistered":"perhaps"}"#;
        assert!(serde_json::from_str::<Row>(body).is_err());
    }
}
