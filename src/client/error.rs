//! Why something could not be read: the causes an operator can tell apart.

use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderName, RETRY_AFTER};
use jiff::Timestamp;
use serde_json::Value;

use crate::clock;
use crate::oauth::{Class, TokenError};
use crate::transport::{Response, SendError};
use crate::wire;

/// Why something could not be read. The word of each cause is a label's value; its text is for
/// the log and holds no token, no body and nobody's name.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FetchError {
    /// No token is to be had, because who we are is not accepted.
    #[error("no token: {cause}")]
    Credential {
        /// The token room's word for it, and what it knows beside.
        cause: String,
        /// What the operator should do.
        remedy: &'static str,
    },
    /// No token is to be had for want of consent.
    #[error("no token: {cause}")]
    Consent {
        /// The token room's word for it, and what it knows beside.
        cause: String,
        /// What the operator should do.
        remedy: &'static str,
    },
    /// A token was had and refused.
    #[error("the token was refused ({trail})")]
    Unauthorized {
        /// What the answer said.
        trail: Trail,
    },
    /// The application lacks a permission, or consent for it.
    #[error("permission refused ({trail})")]
    Permission {
        /// What the answer said.
        trail: Trail,
    },
    /// Microsoft refuses us as a partner: for want of MFA, of an agreement, of a programme or a role.
    #[error("refused as a partner for want of {} ({trail})", refusal.as_str())]
    Partner {
        /// For want of what.
        refusal: PartnerRefusal,
        /// What the answer said.
        trail: Trail,
    },
    /// The tenant lacks the licence this data needs.
    #[error("the tenant has no licence for this ({trail})")]
    License {
        /// What the answer said.
        trail: Trail,
    },
    /// Microsoft told us to slow down.
    #[error("throttled ({trail})")]
    Throttled {
        /// How long we were told to wait, if we were told.
        retry_after: Option<Duration>,
        /// What the answer said.
        trail: Trail,
    },
    /// No whole answer in time.
    #[error("no whole answer in time (client-request-id {correlation})")]
    Timeout {
        /// The id we sent.
        correlation: String,
    },
    /// No connection, or it broke off.
    #[error("{cause} (client-request-id {correlation})")]
    Network {
        /// The lowest cause.
        cause: String,
        /// The id we sent.
        correlation: String,
    },
    /// Microsoft failed.
    #[error("Microsoft failed ({trail})")]
    Server {
        /// How long we were told to wait, if we were told.
        retry_after: Option<Duration>,
        /// What the answer said.
        trail: Trail,
    },
    /// The answer is not what was documented.
    #[error("unreadable answer: {what} ({trail})")]
    Malformed {
        /// Which part, without its content.
        what: String,
        /// Where it came from.
        trail: Trail,
    },
    /// A bound of ours was hit.
    #[error("gave up at our own bound on {bound}")]
    Limit {
        /// Which.
        bound: &'static str,
    },
    /// A nextLink led to another host; no token was sent there.
    #[error("a nextLink leads to another host, {host}; not followed")]
    ForeignLink {
        /// The host.
        host: String,
    },
    /// The path does not exist there.
    #[error("not found ({trail})")]
    NotFound {
        /// What the answer said.
        trail: Trail,
    },
    /// Any other refusal.
    #[error("refused ({trail})")]
    Refused {
        /// What the answer said.
        trail: Trail,
    },
    /// A defect of ours.
    #[error("a defect of the exporter; please report it")]
    Internal,
}

/// What Partner Center misses in whom it refuses.
/// Source: Partner Center REST error codes; Mandating MFA for your partner tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartnerRefusal {
    /// The token's claim that its person did MFA (code 900421).
    Mfa,
    /// The Microsoft Partner Agreement, of the partner (900124) or of a reseller (900123).
    Agreement,
    /// An active programme (900149).
    Programme,
    /// A role of the person who consented (2032, 900308, 900150).
    Role,
}

impl PartnerRefusal {
    /// All of them, in the order of the label's values.
    pub const ALL: [Self; 4] = [Self::Mfa, Self::Agreement, Self::Programme, Self::Role];

    /// The value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mfa => "mfa",
            Self::Agreement => "agreement",
            Self::Programme => "programme",
            Self::Role => "role",
        }
    }

    fn of_code(code: &str) -> Option<Self> {
        Some(match code {
            "900421" | "10001" | "Unauthorized_MissingMFA" => Self::Mfa,
            "900123" | "900124" => Self::Agreement,
            "900149" => Self::Programme,
            "2032" | "900308" | "900150" => Self::Role,
            _ => return None,
        })
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Mfa => {
                "run `partnercenter_exporter consent` and sign in with MFA: the grant carries no \
                 MFA claim"
            }
            Self::Agreement => "accept the Microsoft Partner Agreement in Partner Center",
            Self::Programme => {
                "see in Partner Center, under Account settings, why the programme is not active"
            }
            Self::Role => {
                "give the account that consented the role Admin agent in Partner Center, or \
                 consent with one that has it"
            }
        }
    }
}

impl FetchError {
    /// Every word [`FetchError::reason`] can give.
    pub const REASONS: [&'static str; 17] = [
        "credential",
        "permission",
        "mfa",
        "agreement",
        "programme",
        "role",
        "license",
        "throttled",
        "timeout",
        "network",
        "server_error",
        "malformed",
        "limit",
        "foreign_link",
        "not_found",
        "refused",
        "internal",
    ];

    /// The fixed word for the cause: the value of the label `reason`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Credential { .. } | Self::Unauthorized { .. } => "credential",
            Self::Consent { .. } | Self::Permission { .. } => "permission",
            Self::Partner { refusal, .. } => refusal.as_str(),
            Self::License { .. } => "license",
            Self::Throttled { .. } => "throttled",
            Self::Timeout { .. } => "timeout",
            Self::Network { .. } => "network",
            Self::Server { .. } => "server_error",
            Self::Malformed { .. } => "malformed",
            Self::Limit { .. } => "limit",
            Self::ForeignLink { .. } => "foreign_link",
            Self::NotFound { .. } => "not_found",
            Self::Refused { .. } => "refused",
            Self::Internal => "internal",
        }
    }

    /// What to do about it, for the log line.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Credential { remedy, .. } | Self::Consent { remedy, .. } => remedy,
            Self::Unauthorized { .. } => {
                "check that endpoints and cloud belong together and that this machine's clock is right"
            }
            Self::Permission { .. } => {
                "grant the permission named in the reference of sources, with admin consent, in the \
                 Entra admin centre under App registrations; for what needs a person, see also that \
                 their account is Admin agent in Partner Center"
            }
            Self::Partner { refusal, .. } => refusal.remedy(),
            Self::License { .. } => {
                "this data needs Microsoft Entra ID P1 or P2 in the partner tenant; on a licensed \
                 tenant, grant Directory.Read.All, without which Microsoft gives this answer too"
            }
            Self::Throttled { .. } => {
                "nothing, if it passes; else lengthen the source's interval or find who else \
                 reads this tenant"
            }
            Self::Timeout { .. } | Self::Network { .. } => {
                "check DNS, proxy and firewall between this machine and Microsoft"
            }
            Self::Server { .. } => "nothing here; see Microsoft's service health if it lasts",
            Self::Malformed { .. } => {
                "check whether a proxy answers in Microsoft's place; else please report it"
            }
            Self::Limit { .. } => "please report it, with the size of the tenant",
            Self::ForeignLink { .. } => {
                "check whether a proxy rewrites answers; else report it to Microsoft"
            }
            Self::NotFound { .. } | Self::Refused { .. } => {
                "check that the cloud configured has this API; else please report it"
            }
            Self::Internal => "please report it, with the log around it",
        }
    }

    /// A well-formed answer that cannot be true.
    pub fn empty(what: &str) -> Self {
        Self::Malformed { what: what.to_owned(), trail: Trail::words("empty_list") }
    }

    /// Rows that cannot be read and cannot be done without.
    pub fn unreadable(what: &str) -> Self {
        Self::Malformed { what: what.to_owned(), trail: Trail::words("rows") }
    }

    /// Whether asking again soon may help.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. }
                | Self::Timeout { .. }
                | Self::Network { .. }
                | Self::Server { .. }
        )
    }

    /// Whether the service says that it does not know what was asked for.
    pub fn is_not_offered(&self) -> bool {
        match self {
            Self::NotFound { .. } => true,
            Self::Refused { trail } => matches!(trail.status, 400 | 501),
            _ => false,
        }
    }

    /// Whether the service says that it does not, or no longer, have what was asked for.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::NotFound { .. } => true,
            Self::Refused { trail } => trail.status == 410,
            _ => false,
        }
    }

    /// Whether the tenant lacks Entra ID P2 for Privileged Identity Management, said in so many
    /// words.
    pub fn is_without_pim(&self) -> bool {
        matches!(self, Self::License { trail } if trail.code == "AadPremiumLicenseRequired")
    }

    /// How long Microsoft told us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// How Microsoft refuses us as a partner, if that is what it does.
    pub fn partner_refusal(&self) -> Option<PartnerRefusal> {
        match self {
            Self::Partner { refusal, .. } => Some(*refusal),
            _ => None,
        }
    }

    /// Whether it is about the token, which is told once for the tenant and not for each source.
    pub fn is_of_token(&self) -> bool {
        matches!(self, Self::Credential { .. } | Self::Consent { .. })
    }

    /// Why no token is had, in the words of this room.
    pub fn of_token(error: &TokenError) -> Self {
        let (cause, remedy) = (error.to_string(), error.remedy());
        match error.class() {
            Class::Credential => Self::Credential { cause, remedy },
            Class::Permission => Self::Consent { cause, remedy },
            Class::Throttled => {
                Self::Throttled { retry_after: error.retry_after(), trail: Trail::words(&cause) }
            }
            Class::Network => Self::Network { cause, correlation: String::new() },
            Class::Timeout => Self::Timeout { correlation: String::new() },
            Class::ServerError => {
                Self::Server { retry_after: error.retry_after(), trail: Trail::words(&cause) }
            }
            Class::Malformed => Self::Malformed {
                what: "the token endpoint's".to_owned(),
                trail: Trail::words(&cause),
            },
        }
    }

    pub(super) fn of_transport(error: &SendError, correlation: String) -> Self {
        match error {
            SendError::Timeout => Self::Timeout { correlation },
            SendError::Connect(_) | SendError::Broken(_) => {
                Self::Network { cause: error.to_string(), correlation }
            }
            SendError::TooLarge { .. } => Self::Limit { bound: "bytes of one answer" },
            // A body cut short by a broken link looks like this too, so it is tried again.
            SendError::Damaged => Self::Network { cause: error.to_string(), correlation },
        }
    }
}

/// How to find an exchange again: in our log, and in Microsoft's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// HTTP status, 0 where there was none.
    pub status: u16,
    /// Microsoft's error code.
    pub code: String,
    /// Microsoft's id of the request.
    pub request_id: String,
}

impl Trail {
    /// Of an answer: its status, its error code if it has one, its request id.
    pub fn of(response: &Response) -> Self {
        Self {
            status: response.status.as_u16(),
            code: error_code(&response.body).unwrap_or_default(),
            request_id: header(response, "request-id")
                .or_else(|| header(response, "ms-requestid"))
                .map(cleaned)
                .unwrap_or_default(),
        }
    }

    /// Without an answer of its own: only our word for it.
    pub(super) fn words(code: &str) -> Self {
        Self { code: code.to_owned(), ..Self::default() }
    }
}

impl std::fmt::Display for Trail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.status != 0 {
            write!(f, "HTTP {} ", self.status)?;
        }
        write!(f, "{}", if self.code.is_empty() { "without error code" } else { &self.code })?;
        if !self.request_id.is_empty() {
            write!(f, ", request-id {}", self.request_id)?;
        }
        Ok(())
    }
}

/// What an answer refuses, if it does.
pub(super) fn refusal(response: &Response, now: Timestamp) -> Option<FetchError> {
    let status = response.status;
    if status == StatusCode::OK {
        return None;
    }
    let trail = Trail::of(response);
    let retry_after =
        || header(response, RETRY_AFTER.as_str()).and_then(|text| retry_after(text, now));
    Some(match (status.as_u16(), trail.code.as_str()) {
        (
            _,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant" | "AadPremiumLicenseRequired",
        ) => FetchError::License { trail },
        (400..=403, code) if let Some(refusal) = PartnerRefusal::of_code(code) => {
            FetchError::Partner { refusal, trail }
        }
        (401, _) => FetchError::Unauthorized { trail },
        (403, _) => FetchError::Permission { trail },
        (404, _) => FetchError::NotFound { trail },
        (408, _) => FetchError::Server { retry_after: retry_after(), trail },
        (429, _) => FetchError::Throttled { retry_after: retry_after(), trail },
        // What is not implemented will not be in a second.
        (501, _) => FetchError::Refused { trail },
        (500..=599, _) => FetchError::Server { retry_after: retry_after(), trail },
        _ => FetchError::Refused { trail },
    })
}

/// `Retry-After`: whole seconds, decimal seconds (seen from Graph), or a date.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(clock::age(until, now))
}

/// Microsoft's error code, whatever the casing of its keys: Graph writes `error.code`, its partner
/// services `Error.Code`, the token endpoint a bare word, and Partner Center a bare `code`, which is
/// a number although its documentation calls it a string.
fn error_code(body: &[u8]) -> Option<String> {
    const BOUND_BYTES: usize = 64 << 10;
    if body.len() > BOUND_BYTES {
        return None;
    }
    let body: Value = serde_json::from_slice(wire::without_mark(body)).ok()?;
    let code = match member(&body, "error") {
        Some(word @ Value::String(_)) => word,
        Some(error) => member(error, "code")?,
        None => member(&body, "code")?,
    };
    match code {
        Value::String(word) => Some(cleaned(word)),
        Value::Number(number) => Some(cleaned(&number.to_string())),
        _ => None,
    }
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let (_, found) = value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(found)
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.get(HeaderName::from_bytes(name.as_bytes()).ok()?)?.to_str().ok()
}

/// A code or id as it may stand in a log: short, and of harmless characters only.
fn cleaned(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(100).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Response {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let table = [
            ("10", Some(10.0)),
            ("2.128", Some(2.128)),
            (" 0 ", Some(0.0)),
            ("Tue, 24 Nov 2026 12:01:30 GMT", Some(90.0)),
            ("Tue, 24 Nov 2026 11:00:00 GMT", Some(0.0)),
            ("-5", None),
            ("soon", None),
            ("", None),
            ("1e400", None),
        ];
        for (text, seconds) in table {
            let expected = seconds.map(Duration::from_secs_f64);
            assert_eq!(retry_after(text, now), expected, "{text:?}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let now = Timestamp::UNIX_EPOCH;
        let premium =
            r#"{"error":{"code":"Authentication_RequestFromNonPremiumTenantOrB2CTenant"}}"#;
        let pim = r#"{"error":{"code":"AadPremiumLicenseRequired"}}"#;
        let denied = r#"{"error":{"code":"Authorization_RequestDenied","message":"m"}}"#;
        let pascal = r#"{"Error":{"Code":"Unauthorized_MissingMFA","Message":"m"}}"#;
        let table = [
            (403, premium, "license"),
            (400, pim, "license"),
            (403, denied, "permission"),
            (403, pascal, "mfa"),
            (401, r#"{"code":900421,"description":"m"}"#, "mfa"),
            (403, r#"{"code":"900421"}"#, "mfa"),
            (403, r#"{"code":900124,"data":[]}"#, "agreement"),
            (403, r#"{"code":900149}"#, "programme"),
            (403, r#"{"code":2032,"source":"s"}"#, "role"),
            (403, r#"{"code":900329}"#, "permission"),
            (429, r#"{"statusCode":429,"message":"m"}"#, "throttled"),
            (403, "<html>", "permission"),
            (401, "", "credential"),
            (404, "", "not_found"),
            (400, "", "refused"),
            (302, "", "refused"),
            (204, "", "refused"),
            (429, "", "throttled"),
            (500, "", "server_error"),
            (503, "", "server_error"),
        ];
        for (status, body, reason) in table {
            let error = refusal(&answer(status, &[], body), now).unwrap();
            assert_eq!(error.reason(), reason, "{status} {body}");
            assert!(FetchError::REASONS.contains(&reason));
        }
        assert_eq!(refusal(&answer(200, &[], "{}"), now), None);
    }

    #[test]
    fn what_is_not_there_is_gone_and_what_fails_is_not() {
        let gone =
            |status| refusal(&answer(status, &[], ""), Timestamp::UNIX_EPOCH).unwrap().is_gone();
        for (status, expected) in
            [(404, true), (410, true), (400, false), (403, false), (501, false), (503, false)]
        {
            assert_eq!(gone(status), expected, "{status}");
        }
    }

    #[test]
    fn the_trail_names_code_and_request_and_nothing_else() {
        let body = r#"{"error":{"code":"Forbidden","message":"user jane@contoso.com"}}"#;
        let error = refusal(&answer(403, &[("request-id", "r-1")], body), Timestamp::UNIX_EPOCH);
        let text = error.unwrap().to_string();
        assert_eq!(text, "permission refused (HTTP 403 Forbidden, request-id r-1)");
    }

    #[test]
    fn a_code_is_bounded_and_harmless_in_a_log() {
        let body = format!(r#"{{"error":{{"code":"a\n{}"}}}}"#, "b".repeat(500));
        let code = error_code(body.as_bytes()).unwrap();
        assert_eq!(code.len(), 100);
        assert!(!code.contains('\n'));
    }
}
