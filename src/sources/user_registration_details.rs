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
        self.is_mfa_registered || self.is_mfa_capable || self.methods.resists_phishing()
    }

    /// Microsoft's flag: what is registered is allowed by the authentication methods policy.
    pub fn capable(self) -> bool {
        self.is_mfa_capable
    }

    /// What was registered.
    pub fn methods(self) -> Methods {
        self.methods
    }

    /// Whether the person can do MFA with what policy lets them use. Windows Hello stands outside
    /// the authentication methods policy, so its holders always can, whatever the flag says.
    pub fn able(self) -> bool {
        self.is_mfa_capable || self.methods.windows_hello()
    }
}

/// Which methods somebody registered, out of an open list of words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Methods(u32);

/// What a method is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worth {
    /// Two factors in one that cannot be phished.
    Resistant,
    /// A good second factor.
    Strong,
    /// A call or a text message.
    Phone,
    /// For resetting a password, or a single factor.
    None,
}

/// The words Microsoft uses, older and newer ones, in the order of their bits.
const WORDS: [(&str, Worth); 22] = [
    ("windowsHelloForBusiness", Worth::Resistant),
    ("fido2", Worth::Resistant),
    ("fido2SecurityKey", Worth::Resistant),
    ("passKeyDeviceBound", Worth::Resistant),
    ("passKeyDeviceBoundAuthenticator", Worth::Resistant),
    ("passKeyDeviceBoundWindowsHello", Worth::Resistant),
    ("passKeySynced", Worth::Resistant),
    ("macOsSecureEnclaveKey", Worth::Resistant),
    ("x509CertificateMultiFactor", Worth::Resistant),
    ("microsoftAuthenticatorPasswordless", Worth::Strong),
    ("microsoftAuthenticatorPush", Worth::Strong),
    ("softwareOneTimePasscode", Worth::Strong),
    ("hardwareOneTimePasscode", Worth::Strong),
    ("externalAuthMethod", Worth::Strong),
    ("mobilePhone", Worth::Phone),
    ("alternateMobilePhone", Worth::Phone),
    ("officePhone", Worth::Phone),
    ("temporaryAccessPass", Worth::None),
    ("email", Worth::None),
    ("securityQuestion", Worth::None),
    ("appPassword", Worth::None),
    ("qrCode", Worth::None),
];
/// A word unknown to us, and one that is unknown but begins like a passkey.
const OTHER: u32 = 1 << WORDS.len();
const OTHER_RESISTANT: u32 = OTHER << 1;

impl Methods {
    /// Takes one word of the list into account.
    pub fn add(&mut self, word: &str) {
        let place = WORDS.iter().position(|(known, _)| known.eq_ignore_ascii_case(word));
        self.0 |= match place {
            Some(place) => 1 << place,
            None if word.is_empty() => 0,
            None => {
                let word = word.to_ascii_lowercase();
                let resistant = ["fido2", "passkey", "macossecureenclavekey"];
                if resistant.iter().any(|start| word.starts_with(start)) {
                    OTHER_RESISTANT
                } else {
                    OTHER
                }
            }
        };
    }

    fn any(self, worth: Worth) -> bool {
        WORDS.iter().enumerate().any(|(place, (_, of))| *of == worth && self.0 >> place & 1 == 1)
    }

    /// Holds a method that cannot be phished; it satisfies MFA by itself.
    pub fn resists_phishing(self) -> bool {
        self.0 & OTHER_RESISTANT != 0 || self.any(Worth::Resistant)
    }

    /// Holds Windows Hello for Business.
    fn windows_hello(self) -> bool {
        self.0 & 1 == 1
    }

    /// Holds nothing better than a telephone.
    pub fn is_weak(self) -> bool {
        let better = self.resists_phishing() || self.any(Worth::Strong) || self.0 & OTHER != 0;
        !better && self.any(Worth::Phone)
    }

    /// The values of the label `auth_method`, with whether this one is held.
    pub fn held(self) -> impl Iterator<Item = (&'static str, bool)> {
        let known = WORDS
            .iter()
            .enumerate()
            .map(move |(place, (word, _))| (*word, self.0 >> place & 1 == 1));
        known.chain([("other", self.0 & (OTHER | OTHER_RESISTANT) != 0)])
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
        Ok(Rows::listed(source, tally))
    }

    fn observe(&self, _samples: &mut Samples) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::rows_of;

    fn rows() -> Vec<Row> {
        let body = include_bytes!("../../tests/samples/user_registration_details.json");
        rows_of::<Row>(body)
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
    fn a_telephone_is_weak_unless_something_better_is_held() {
        let weak = |words: &[&str]| {
            let mut methods = Methods::default();
            words.iter().for_each(|word| methods.add(word));
            methods.is_weak()
        };
        assert!(weak(&["mobilePhone"]) && weak(&["officePhone", "email"]));
        assert!(!weak(&["email"]) && !weak(&[]));
        for better in ["microsoftAuthenticatorPush", "fido2", "passKeyOfTomorrow", "somethingNew"] {
            assert!(!weak(&["mobilePhone", better]), "{better}");
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
