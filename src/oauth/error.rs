//! Why no token is had: a word for a label, and a sentence for whoever has to mend it.

use std::path::Path;
use std::time::Duration;

use crate::transport::SendError;

/// What an operator sees a failure as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Who we are is not accepted.
    Credential,
    /// Who we are is accepted, and may not.
    Permission,
    /// No connection.
    Network,
    /// No answer in time.
    Timeout,
    /// Too many requests.
    Throttled,
    /// Microsoft failed.
    ServerError,
    /// Not an answer of a token endpoint.
    Malformed,
}

impl Class {
    /// The value of the label `reason` on requests that failed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Permission => "permission",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::Throttled => "throttled",
            Self::ServerError => "server_error",
            Self::Malformed => "malformed",
        }
    }
}

/// One cause: its word, the AADSTS numbers that mean it, and what to do.
#[derive(Debug)]
struct Reason {
    word: &'static str,
    class: Class,
    codes: &'static [u32],
    remedy: &'static str,
}

/// Numbers as Microsoft documents them. They may change, so nothing but words hangs on them.
static REASONS: [Reason; 29] = [
    Reason {
        word: "secret_expired",
        class: Class::Credential,
        codes: &[7_000_222],
        remedy: "make a new client secret in the Entra admin centre under App registrations, \
                 Certificates & secrets, and put its value into the secret's file",
    },
    Reason {
        word: "secret_wrong",
        class: Class::Credential,
        codes: &[7_000_215],
        remedy: "put the client secret's value into the secret's file; its id, which the portal \
                 shows beside it, does not work",
    },
    Reason {
        word: "assertion_rejected",
        class: Class::Credential,
        codes: &[700_027, 50_012, 700_030, 50_013, 500_133, 700_024, 700_023],
        remedy: "upload this certificate under App registrations, Certificates & secrets, check \
                 that it has not expired, and that this machine's clock is right",
    },
    Reason {
        word: "federation_mismatch",
        class: Class::Credential,
        codes: &[70_021, 700_211, 700_212, 700_213, 700_229],
        remedy: "compare issuer, subject and audience of the token file with the federated \
                 credential under App registrations, Certificates & secrets",
    },
    Reason {
        word: "consent_missing",
        class: Class::Permission,
        codes: &[65_001, 65_004, 90_099, 650_052, 650_056, 650_057],
        remedy: "grant admin consent for the application's permissions in the Entra admin centre \
                 under App registrations, API permissions",
    },
    Reason {
        word: "app_unknown",
        class: Class::Credential,
        codes: &[700_016, 7_000_229],
        remedy: "check client_id and tenant_id: no such application is in that tenant",
    },
    Reason {
        word: "app_disabled",
        class: Class::Credential,
        codes: &[70_001, 7_000_112],
        remedy: "enable the application in the Entra admin centre under Enterprise applications, \
                 Properties, Enabled for users to sign in",
    },
    Reason {
        word: "tenant_unknown",
        class: Class::Credential,
        codes: &[90_002, 50_059, 900_023],
        remedy: "check tenant_id and cloud: that cloud has no such tenant",
    },
    Reason {
        word: "conditional_access",
        class: Class::Credential,
        codes: &[53_003, 53_000, 53_001, 53_002, 530_032, 530_035],
        remedy: "a policy blocks this application, or the person it acts for, from here: see Sign-in \
                 logs in the Entra admin centre, of service principals or of users (non-interactive), \
                 and exempt this address or move the exporter",
    },
    Reason {
        word: "mfa_required",
        class: Class::Credential,
        codes: &[50_076, 50_079, 50_074, 50_158, 50_072, 50_078],
        remedy: "run `partnercenter_exporter consent` and sign in with MFA",
    },
    Reason {
        word: "risk_blocked",
        class: Class::Credential,
        codes: &[530_034, 53_011],
        remedy: "see Identity Protection in the Entra admin centre and work through the risk found",
    },
    Reason {
        word: "grant_expired",
        class: Class::Credential,
        codes: &[700_082, 70_008, 70_043],
        remedy: "run `partnercenter_exporter consent` and sign in with MFA: the grant was unused for \
                 too long, or a policy on sign-in frequency ended it",
    },
    Reason {
        word: "grant_revoked",
        class: Class::Credential,
        codes: &[50_173, 50_133, 50_132, 70_000],
        remedy: "run `partnercenter_exporter consent` and sign in with MFA: the grant was revoked",
    },
    Reason {
        word: "account_blocked",
        class: Class::Credential,
        codes: &[50_057, 50_053, 50_055],
        remedy: "enable the account, or run `partnercenter_exporter consent` with another",
    },
    Reason {
        word: "account_foreign",
        class: Class::Credential,
        codes: &[50_020, 50_177, 50_034],
        remedy: "run `partnercenter_exporter consent` with an account of the partner tenant itself",
    },
    Reason {
        word: "grant_missing",
        class: Class::Credential,
        codes: &[],
        remedy: "run `partnercenter_exporter consent` once, and sign in with MFA",
    },
    Reason {
        word: "grant_not_stored",
        class: Class::Credential,
        codes: &[],
        remedy: "make room and see that the exporter's user may write there; a running exporter keeps the new \
                 token in memory until then",
    },
    Reason {
        word: "grant_busy",
        class: Class::Credential,
        codes: &[],
        remedy: "find out which other process holds the lock beside the refresh token's file",
    },
    Reason {
        word: "vault_refused",
        class: Class::Credential,
        codes: &[],
        remedy: "give the tenant's credential the rights to get and set this secret in Key Vault",
    },
    Reason {
        word: "scope_wrong",
        class: Class::Credential,
        codes: &[500_011, 50_001, 70_011, 1_002_012],
        remedy: "check cloud and endpoints: the API asked for is not known to that authority",
    },
    Reason {
        word: "cloud_mismatch",
        class: Class::Credential,
        codes: &[90_038, 900_382, 900_432],
        remedy: "set cloud to the one the tenant lives in",
    },
    Reason {
        word: "request_malformed",
        class: Class::Credential,
        codes: &[7_000_218, 900_144, 90_014],
        remedy: "check that a gateway before the authority leaves requests as they are",
    },
    Reason {
        word: "too_many_requests",
        class: Class::Throttled,
        codes: &[50_196],
        remedy: "find out who else asks for tokens with this application",
    },
    Reason {
        word: "service_unavailable",
        class: Class::ServerError,
        codes: &[90_055, 90_006, 90_012, 90_024, 90_033, 90_090],
        remedy: "nothing here; see Microsoft's service health if it lasts",
    },
    Reason {
        word: "identity_unavailable",
        class: Class::Credential,
        codes: &[],
        remedy: "assign a managed identity to this machine, or name the user-assigned one's client_id",
    },
    Reason {
        word: "unreadable_file",
        class: Class::Credential,
        codes: &[],
        remedy: "mend the file named, and see that the exporter's user may read it",
    },
    Reason {
        word: "unreachable",
        class: Class::Network,
        codes: &[],
        remedy: "check DNS, proxy and firewall between this machine and the authority",
    },
    Reason {
        word: "malformed_answer",
        class: Class::Malformed,
        codes: &[],
        remedy: "check whether a proxy answers in the authority's place",
    },
    Reason {
        word: "refused",
        class: Class::Credential,
        codes: &[],
        remedy: "look the AADSTS number up at https://login.microsoftonline.com/error",
    },
];

/// Every reason and its remedy, for the reference.
pub fn reasons() -> impl Iterator<Item = (&'static str, &'static str)> {
    REASONS.iter().map(|reason| (reason.word, reason.remedy))
}

fn named(word: &str) -> &'static Reason {
    REASONS.iter().find(|reason| reason.word == word).expect("the word stands in the table")
}

/// Why no token is had. Holds Microsoft's numbers and ids, never its text, which may name people.
#[derive(Debug, Clone)]
pub struct TokenError {
    reason: &'static Reason,
    class: Class,
    /// What the log may know beside: an AADSTS number, a file, a trace id.
    detail: String,
    /// OAuth's own word for it, such as `invalid_grant`; empty where there was none.
    word: String,
    retry_after: Option<Duration>,
}

impl std::error::Error for TokenError {}

impl std::fmt::Display for TokenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.reason.word)?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        Ok(())
    }
}

impl TokenError {
    fn new(word: &str, detail: String) -> Self {
        let reason = named(word);
        let word = String::new();
        Self { reason, class: reason.class, detail, word, retry_after: None }
    }

    /// The fixed word: the value of the label `reason`.
    pub fn reason(&self) -> &'static str {
        self.reason.word
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        self.reason.remedy
    }

    /// What an operator sees it as.
    pub fn class(&self) -> Class {
        self.class
    }

    /// What the log may know beside.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether it may pass by itself.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.class,
            Class::Network | Class::Timeout | Class::Throttled | Class::ServerError
        )
    }

    /// OAuth's own word for it, such as `authorization_pending`; empty where there was none.
    pub fn word(&self) -> &str {
        &self.word
    }

    /// How long the token endpoint asked us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Something about the grant, in one of the words above.
    pub(super) fn of_grant(word: &str, detail: &str) -> Self {
        Self::new(word, detail.to_owned())
    }

    /// Whether there is no grant at all.
    pub fn is_missing_grant(&self) -> bool {
        self.reason.word == "grant_missing"
    }

    /// Whether Microsoft will never take this grant again.
    pub(super) fn is_of_dead_grant(&self) -> bool {
        matches!(self.reason.word, "grant_expired" | "grant_revoked")
    }

    /// A file of ours that cannot be used.
    pub(super) fn of_file(path: &Path, what: &str) -> Self {
        Self::new("unreadable_file", format!("{}: {what}", path.display()))
    }

    pub(super) fn of_transport(error: &SendError) -> Self {
        let mut made = match error {
            SendError::TooLarge { .. } => Self::new("malformed_answer", error.to_string()),
            _ => Self::new("unreachable", error.to_string()),
        };
        if matches!(error, SendError::Timeout) {
            made.class = Class::Timeout;
        }
        made
    }

    pub(super) fn malformed(detail: &str) -> Self {
        Self::new("malformed_answer", detail.to_owned())
    }

    /// The metadata service's own refusal.
    pub(super) fn identity_unavailable(status: u16) -> Self {
        Self::new("identity_unavailable", format!("HTTP {status}"))
    }

    /// A refusal of the token endpoint: its status, its OAuth word, its AADSTS number.
    pub(super) fn refused(
        status: u16,
        word: &str,
        code: Option<u32>,
        trace_id: &str,
        retry_after: Option<Duration>,
    ) -> Self {
        let known = code.and_then(|code| REASONS.iter().find(|it| it.codes.contains(&code)));
        let reason = known.unwrap_or_else(|| match (status, word) {
            (429, _) => named("too_many_requests"),
            (500.., _) | (_, "temporarily_unavailable" | "server_error") => {
                named("service_unavailable")
            }
            _ => named("refused"),
        });
        let word = harmless(word);
        let mut detail = format!("HTTP {status} {word}");
        if let Some(code) = code {
            detail += &format!(", AADSTS{code}");
        }
        if !trace_id.is_empty() {
            detail += &format!(", trace id {}", harmless(trace_id));
        }
        Self { reason, class: reason.class, detail, word, retry_after }
    }
}

/// Short, and of characters that harm no log.
fn harmless(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(80).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_means_one_thing_and_every_word_has_a_remedy() {
        let mut codes = BTreeSet::new();
        let mut words = BTreeSet::new();
        for reason in &REASONS {
            assert!(words.insert(reason.word), "{}", reason.word);
            assert!(reason.remedy.len() > 15, "{}", reason.word);
            for code in reason.codes {
                assert!(codes.insert(*code), "AADSTS{code} stands twice");
            }
        }
    }

    #[test]
    fn refusals_become_reasons() {
        let table = [
            (401, "invalid_client", Some(7_000_222), "secret_expired", Class::Credential, false),
            (401, "invalid_client", Some(7_000_215), "secret_wrong", Class::Credential, false),
            (400, "invalid_grant", Some(65_001), "consent_missing", Class::Permission, false),
            (400, "invalid_grant", Some(50_078), "mfa_required", Class::Credential, false),
            (400, "invalid_grant", Some(50_072), "mfa_required", Class::Credential, false),
            (400, "unauthorized_client", Some(7_000_112), "app_disabled", Class::Credential, false),
            (400, "invalid_grant", Some(53_003), "conditional_access", Class::Credential, false),
            (400, "invalid_request", Some(123), "refused", Class::Credential, false),
            (400, "invalid_request", None, "refused", Class::Credential, false),
            (
                503,
                "temporarily_unavailable",
                Some(90_033),
                "service_unavailable",
                Class::ServerError,
                true,
            ),
            (500, "", None, "service_unavailable", Class::ServerError, true),
            (429, "", None, "too_many_requests", Class::Throttled, true),
        ];
        for (status, word, code, reason, class, transient) in table {
            let error = TokenError::refused(status, word, code, "t", None);
            assert_eq!(
                (error.reason(), error.class(), error.is_transient()),
                (reason, class, transient)
            );
        }
    }
}
