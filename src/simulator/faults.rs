//! What can go wrong on demand: `KIND[=ARG][@PATH]`.

use std::fmt;
use std::str::FromStr;

/// Every kind of fault as it is written, and what it does.
pub const FAULTS: [(&str, &str); 36] = [
    (
        "throttle[=SECONDS|date|none]",
        "429 for all of Graph, with Retry-After in whole or decimal seconds, as a date, or missing",
    ),
    ("forbidden=PATH", "403 Authorization_RequestDenied where the path contains PATH"),
    ("unlicensed", "no Entra ID P1 or P2: logs, reports, Conditional Access and PIM are refused"),
    ("slow=MILLISECONDS", "every answer comes late"),
    ("truncate", "bodies end before their Content-Length and the connection closes"),
    ("malformed", "bodies are broken JSON"),
    ("malformed-rows=N", "the first N rows of every list carry wrong types"),
    ("html", "200 with a page of HTML, as a proxy would"),
    ("foreign-nextlink", "lists go on at another host"),
    ("foreign-redirect", "reports lie at another host, to be had without TLS"),
    ("second-redirect", "reports lie elsewhere than where they were said to lie"),
    ("endless-paging", "lists never end: one empty page after the other"),
    ("expired-secret", "no token: the client secret has expired"),
    ("wrong-secret", "no token: the client secret is wrong"),
    ("consent", "no token: nobody consented to the application"),
    ("app-disabled", "no token: the application is disabled"),
    ("conditional-access", "no token: Conditional Access blocks it"),
    ("server-error[=RATE]", "500, 502 or 503 at that rate, from 0 to 1 (the default)"),
    ("reset", "the connection is reset in the middle of an answer"),
    ("expired-token", "Graph refuses the first use of every token"),
    ("null-everything", "every field that may be null is null"),
    ("mfa-missing", "tokens for people say nothing of MFA, whatever was done at sign-in"),
    ("grant-revoked", "no token for people: the grant was revoked"),
    ("grant-expired", "no token for people: the grant was not used for 90 days"),
    ("sign-in-frequency", "no token for people: a policy wants a new sign-in"),
    ("token-stall=MILLISECONDS", "tokens for people come late, and the grant is rotated at once"),
    ("token-hang", "requests for tokens for people are neither acted on nor answered"),
    ("no-rotation", "no refresh token comes with a token for people"),
    (
        "refusal=agreement|programme|role|mfa",
        "Partner Center refuses: agreement not accepted, programme not active, role, no MFA",
    ),
    ("validate-mfa-silent", "Partner Center does not say whether the token satisfies its MFA test"),
    ("mfa-unenforced", "Partner Center lets tokens without MFA in, as before it was mandatory"),
    ("unregistered", "Partner Center knows no application that comes by itself"),
    ("repeating-pages", "Partner Center's lists show rows again after a page is turned"),
    (
        "dap-service-gone[=404|410]",
        "the service that tells of DAP is gone, with 410 unless another status is given",
    ),
    ("no-beta[=400|404|501]", "Graph's beta is refused, with 501 unless another status is given"),
    (
        "expiring-skiptoken=PAGES",
        "lists go on for so many pages; then the token is refused with 400",
    ),
];

/// One thing that goes wrong, everywhere it can or only where the path contains some text.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub(super) kind: Kind,
    path: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Throttle(Retry),
    Forbidden(String),
    Unlicensed,
    Slow(u64),
    Truncate,
    Malformed,
    MalformedRows(usize),
    Html,
    ForeignNextLink,
    ForeignRedirect,
    SecondRedirect,
    EndlessPaging,
    ExpiredSecret,
    WrongSecret,
    Consent,
    AppDisabled,
    ConditionalAccess,
    ServerError(f64),
    Reset,
    ExpiredToken,
    NullEverything,
    MfaMissing,
    GrantRevoked,
    GrantExpired,
    SignInFrequency,
    TokenStall(u64),
    TokenHang,
    NoRotation,
    Refusal(Cause),
    ValidateMfaSilent,
    MfaUnenforced,
    Unregistered,
    RepeatingPages,
    DapServiceGone(u16),
    NoBeta(u16),
    ExpiringSkiptoken(usize),
}

/// Why Partner Center refuses whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Agreement,
    Programme,
    Role,
    Mfa,
}

impl Cause {
    const ALL: [(&str, Self); 4] = [
        ("agreement", Self::Agreement),
        ("programme", Self::Programme),
        ("role", Self::Role),
        ("mfa", Self::Mfa),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, cause)| *cause == self).map_or("", |(word, _)| word)
    }
}

/// How a throttled reader is told when to come back.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Retry {
    /// Whole or decimal; an older service sends fractions.
    Seconds(f64),
    Date,
    None,
}

/// Which part of Microsoft a request went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Login,
    Graph,
    PartnerCenter,
    /// The service behind the page of administrative relationships.
    Dap,
    Vault,
    /// Where reports lie.
    Download,
    /// The simulator's own pages, where nothing goes wrong.
    Own,
}

impl Fault {
    /// Whether this fault meets a request for this path.
    pub(super) fn meets(&self, side: Side, url: &str) -> bool {
        match (&self.path, side) {
            (_, Side::Own) => false,
            (Some(part), _) => is_part(part, url),
            (None, Side::Graph | Side::PartnerCenter | Side::Dap | Side::Download) => true,
            (None, Side::Vault) => matches!(self.kind, Kind::Forbidden(_)),
            // Without a path, what spoils answers spoils Graph's: else no token would be had.
            (None, Side::Login) => matches!(
                self.kind,
                Kind::ExpiredSecret
                    | Kind::WrongSecret
                    | Kind::Consent
                    | Kind::AppDisabled
                    | Kind::ConditionalAccess
                    | Kind::ServerError(_)
                    | Kind::MfaMissing
                    | Kind::GrantRevoked
                    | Kind::GrantExpired
                    | Kind::SignInFrequency
                    | Kind::TokenStall(_)
                    | Kind::TokenHang
                    | Kind::NoRotation
            ),
        }
    }
}

/// Whether a path contains the text; one with a question mark reaches into the options.
pub(super) fn is_part(part: &str, url: &str) -> bool {
    let path = url.split_once('?').map_or(url, |(path, _)| path);
    if part.contains('?') { url.contains(part) } else { path.contains(part) }
}

/// Why a text is no fault.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// No such kind.
    #[error("unknown fault `{kind}`; allowed, each with an optional @PATH: {}", allowed())]
    Kind {
        /// What was given.
        kind: String,
    },
    /// The kind exists, its argument does not fit.
    #[error("fault `{fault}` does not fit `{usage}`")]
    Argument {
        /// What was given.
        fault: String,
        /// How it is written.
        usage: &'static str,
    },
}

fn allowed() -> String {
    FAULTS.map(|(usage, _)| usage).join(", ")
}

/// The bare word of a usage: `slow=MILLISECONDS` is about `slow`.
fn word(usage: &str) -> &str {
    usage.split(['=', '[']).next().unwrap_or(usage)
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let text = text.trim();
        let (fault, path) = match text.rsplit_once('@') {
            Some((fault, path)) => (fault, Some(path.to_owned())),
            None => (text, None),
        };
        let (kind, argument) = match fault.split_once('=') {
            Some((kind, argument)) => (kind, Some(argument)),
            None => (fault, None),
        };
        let Some((usage, _)) = FAULTS.iter().find(|(usage, _)| word(usage) == kind) else {
            return Err(FaultError::Kind { kind: kind.to_owned() });
        };
        let kind = Kind::parse(kind, argument).filter(|_| path.as_deref() != Some(""));
        let misfit = || FaultError::Argument { fault: text.to_owned(), usage };
        Ok(Self { kind: kind.ok_or_else(misfit)?, path })
    }
}

impl Kind {
    fn parse(kind: &str, argument: Option<&str>) -> Option<Self> {
        match (kind, argument) {
            ("throttle", None) => Some(Self::Throttle(Retry::Seconds(10.0))),
            ("throttle", Some("date")) => Some(Self::Throttle(Retry::Date)),
            ("throttle", Some("none")) => Some(Self::Throttle(Retry::None)),
            ("throttle", Some(text)) => number(text).map(|n| Self::Throttle(Retry::Seconds(n))),
            ("forbidden", Some(path)) if !path.is_empty() => Some(Self::Forbidden(path.to_owned())),
            ("slow", Some(text)) => text.parse().ok().map(Self::Slow),
            ("malformed-rows", Some(text)) => text.parse().ok().map(Self::MalformedRows),
            ("server-error", None) => Some(Self::ServerError(1.0)),
            ("server-error", Some(text)) => {
                number(text).filter(|rate| *rate <= 1.0).map(Self::ServerError)
            }
            ("unlicensed", None) => Some(Self::Unlicensed),
            ("truncate", None) => Some(Self::Truncate),
            ("malformed", None) => Some(Self::Malformed),
            ("html", None) => Some(Self::Html),
            ("foreign-nextlink", None) => Some(Self::ForeignNextLink),
            ("foreign-redirect", None) => Some(Self::ForeignRedirect),
            ("second-redirect", None) => Some(Self::SecondRedirect),
            ("endless-paging", None) => Some(Self::EndlessPaging),
            ("expired-secret", None) => Some(Self::ExpiredSecret),
            ("wrong-secret", None) => Some(Self::WrongSecret),
            ("consent", None) => Some(Self::Consent),
            ("app-disabled", None) => Some(Self::AppDisabled),
            ("conditional-access", None) => Some(Self::ConditionalAccess),
            ("reset", None) => Some(Self::Reset),
            ("expired-token", None) => Some(Self::ExpiredToken),
            ("null-everything", None) => Some(Self::NullEverything),
            ("mfa-missing", None) => Some(Self::MfaMissing),
            ("grant-revoked", None) => Some(Self::GrantRevoked),
            ("grant-expired", None) => Some(Self::GrantExpired),
            ("sign-in-frequency", None) => Some(Self::SignInFrequency),
            ("token-stall", Some(text)) => text.parse().ok().map(Self::TokenStall),
            ("token-hang", None) => Some(Self::TokenHang),
            ("no-rotation", None) => Some(Self::NoRotation),
            ("refusal", Some(text)) => {
                let cause = Cause::ALL.into_iter().find(|(word, _)| *word == text);
                cause.map(|(_, cause)| Self::Refusal(cause))
            }
            ("validate-mfa-silent", None) => Some(Self::ValidateMfaSilent),
            ("mfa-unenforced", None) => Some(Self::MfaUnenforced),
            ("unregistered", None) => Some(Self::Unregistered),
            ("repeating-pages", None) => Some(Self::RepeatingPages),
            ("dap-service-gone", None) => Some(Self::DapServiceGone(410)),
            ("dap-service-gone", Some("404")) => Some(Self::DapServiceGone(404)),
            ("dap-service-gone", Some("410")) => Some(Self::DapServiceGone(410)),
            ("no-beta", None) => Some(Self::NoBeta(501)),
            ("no-beta", Some(text)) => text
                .parse()
                .ok()
                .filter(|status| [400, 404, 501].contains(status))
                .map(Self::NoBeta),
            ("expiring-skiptoken", Some(text)) => text.parse().ok().map(Self::ExpiringSkiptoken),
            _ => None,
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Throttle(Retry::Seconds(seconds)) => write!(f, "throttle={seconds}"),
            Kind::Throttle(Retry::Date) => f.write_str("throttle=date"),
            Kind::Throttle(Retry::None) => f.write_str("throttle=none"),
            Kind::Forbidden(path) => write!(f, "forbidden={path}"),
            Kind::Unlicensed => f.write_str("unlicensed"),
            Kind::Slow(milliseconds) => write!(f, "slow={milliseconds}"),
            Kind::Truncate => f.write_str("truncate"),
            Kind::Malformed => f.write_str("malformed"),
            Kind::MalformedRows(rows) => write!(f, "malformed-rows={rows}"),
            Kind::Html => f.write_str("html"),
            Kind::ForeignNextLink => f.write_str("foreign-nextlink"),
            Kind::ForeignRedirect => f.write_str("foreign-redirect"),
            Kind::SecondRedirect => f.write_str("second-redirect"),
            Kind::EndlessPaging => f.write_str("endless-paging"),
            Kind::ExpiredSecret => f.write_str("expired-secret"),
            Kind::WrongSecret => f.write_str("wrong-secret"),
            Kind::Consent => f.write_str("consent"),
            Kind::AppDisabled => f.write_str("app-disabled"),
            Kind::ConditionalAccess => f.write_str("conditional-access"),
            Kind::ServerError(rate) => write!(f, "server-error={rate}"),
            Kind::Reset => f.write_str("reset"),
            Kind::ExpiredToken => f.write_str("expired-token"),
            Kind::NullEverything => f.write_str("null-everything"),
            Kind::MfaMissing => f.write_str("mfa-missing"),
            Kind::GrantRevoked => f.write_str("grant-revoked"),
            Kind::GrantExpired => f.write_str("grant-expired"),
            Kind::SignInFrequency => f.write_str("sign-in-frequency"),
            Kind::TokenStall(milliseconds) => write!(f, "token-stall={milliseconds}"),
            Kind::TokenHang => f.write_str("token-hang"),
            Kind::NoRotation => f.write_str("no-rotation"),
            Kind::Refusal(cause) => write!(f, "refusal={}", cause.word()),
            Kind::ValidateMfaSilent => f.write_str("validate-mfa-silent"),
            Kind::MfaUnenforced => f.write_str("mfa-unenforced"),
            Kind::Unregistered => f.write_str("unregistered"),
            Kind::RepeatingPages => f.write_str("repeating-pages"),
            Kind::DapServiceGone(status) => write!(f, "dap-service-gone={status}"),
            Kind::NoBeta(status) => write!(f, "no-beta={status}"),
            Kind::ExpiringSkiptoken(pages) => write!(f, "expiring-skiptoken={pages}"),
        }?;
        self.path.as_ref().map_or(Ok(()), |path| write!(f, "@{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_fault_parses_and_prints_back() {
        for (usage, _) in FAULTS {
            let fault = match word(usage) {
                "forbidden" => "forbidden=/users".to_owned(),
                "throttle" => "throttle=2.128".to_owned(),
                "server-error" => "server-error=0.25".to_owned(),
                "refusal" => "refusal=programme".to_owned(),
                "no-beta" => "no-beta=404".to_owned(),
                "dap-service-gone" => "dap-service-gone=404".to_owned(),
                kind if usage.contains('=') => format!("{kind}=7"),
                kind => kind.to_owned(),
            };
            for text in [fault.clone(), format!("{fault}@/users")] {
                assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
            }
        }
        for text in ["throttle=date", "throttle=none", "throttle=3"] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        assert_eq!("server-error".parse::<Fault>().unwrap().to_string(), "server-error=1");
        assert_eq!("throttle".parse::<Fault>().unwrap().to_string(), "throttle=10");
        assert_eq!("no-beta".parse::<Fault>().unwrap().to_string(), "no-beta=501");
    }

    #[test]
    fn what_is_no_fault_is_refused_with_what_is_allowed() {
        let unknown = "explode".parse::<Fault>().unwrap_err().to_string();
        assert!(
            unknown.contains("`explode`") && unknown.contains("slow=MILLISECONDS"),
            "{unknown}"
        );
        for text in [
            "slow",
            "slow=soon",
            "server-error=2",
            "server-error=-1",
            "html=1",
            "html@",
            "throttle=inf",
            "throttle=later",
            "forbidden",
            "forbidden=",
            "malformed-rows",
            "refusal",
            "refusal=mood",
            "token-stall",
            "no-beta=200",
            "expiring-skiptoken",
        ] {
            let error = text.parse::<Fault>().unwrap_err();
            assert!(matches!(error, FaultError::Argument { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn a_fault_meets_only_its_path_and_never_the_simulators_own_pages() {
        let everywhere: Fault = "malformed".parse().unwrap();
        let somewhere: Fault = "malformed@/users".parse().unwrap();
        assert!(everywhere.meets(Side::Graph, "/graph/v1.0/organization"));
        assert!(!everywhere.meets(Side::Login, "/t/oauth2/v2.0/token"));
        assert!(somewhere.meets(Side::Graph, "/graph/v1.0/users"));
        assert!(!somewhere.meets(Side::Graph, "/graph/v1.0/organization"));
        assert!(!somewhere.meets(Side::Own, "/-/users"));
        assert!(!somewhere.meets(Side::Graph, "/graph/v1.0/groups?$select=/users"));
        let asked: Fault = "malformed@/users?$filter".parse().unwrap();
        assert!(asked.meets(Side::Graph, "/graph/v1.0/users?$filter=id"));
        assert!(!asked.meets(Side::Graph, "/graph/v1.0/users?$select=id"));
        let token: Fault = "malformed@/oauth2".parse().unwrap();
        assert!(token.meets(Side::Login, "/t/oauth2/v2.0/token"));
        assert!(everywhere.meets(Side::PartnerCenter, "/partnercenter/v1/fraudEvents"));
        assert!(!everywhere.meets(Side::Vault, "/vault/secrets/grant"));
        let grant: Fault = "grant-revoked".parse().unwrap();
        assert!(grant.meets(Side::Login, "/t/oauth2/v2.0/token"));
    }
}
