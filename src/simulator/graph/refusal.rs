//! How Graph says no.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use crate::simulator::http::Answer;

/// An error of Graph's, before it is an answer.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    text: String,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, code, text: text.into(), headers: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        self.headers.extend(value.map(|value| (name, value)));
        self
    }

    /// The question cannot be understood, or asks for what is not offered.
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", text)
    }

    /// The token with which a list goes on is none, or none any more.
    pub(super) fn expired_token() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired or belongs to another query.",
        )
    }

    /// There is no beta, as some clouds and proxies have it.
    pub(super) fn no_beta(status: u16) -> Self {
        let (status, code) = match status {
            400 => (StatusCode::BAD_REQUEST, "BadRequest"),
            404 => (StatusCode::NOT_FOUND, "ResourceNotFound"),
            _ => (StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
        };
        Self::new(status, code, "The beta is not available here.")
    }

    pub(super) fn denied() -> Self {
        let text = "Insufficient privileges to complete the operation.";
        Self::new(StatusCode::FORBIDDEN, "Authorization_RequestDenied", text)
    }

    /// Partner security wants MFA in the token.
    pub(super) fn without_mfa() -> Self {
        let text = "The token does not show that MFA was done.";
        Self::new(StatusCode::FORBIDDEN, "Unauthorized_MissingMFA", text)
    }

    pub(super) fn unlicensed() -> Self {
        let text = "The tenant is neither B2C nor has it a premium licence.";
        Self::new(
            StatusCode::FORBIDDEN,
            "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
            text,
        )
    }

    /// Privileged Identity Management is not part of the plan.
    pub(super) fn without_p2() -> Self {
        let text = "Microsoft Entra ID P2 or ID Governance is needed for this.";
        Self::new(StatusCode::BAD_REQUEST, "AadPremiumLicenseRequired", text)
    }

    pub(super) fn absent(id: &str) -> Self {
        let text = format!("Resource '{id}' does not exist.");
        Self::new(StatusCode::NOT_FOUND, "Request_ResourceNotFound", text)
    }

    pub(super) fn throttled() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "Please retry again later.")
    }

    pub(super) fn unavailable() -> Self {
        let text = "The service is temporarily unavailable.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "serviceNotAvailable", text)
    }

    pub(super) fn unauthenticated(text: &str) -> Self {
        let challenge = "Bearer realm=\"\", \
            authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\"";
        Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", text)
            .with("www-authenticate", Some(challenge.to_owned()))
    }

    /// The body, whose keys vary with the service behind the path. Dates have no zone.
    pub(super) fn answer(self, now: Timestamp, request: &str, client_request: &str) -> Answer {
        let date = now.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let body = match self.status {
            StatusCode::TOO_MANY_REQUESTS => json!({ "error": {
                "code": self.code,
                "message": self.text,
                "innerError": {
                    "code": "429",
                    "date": date,
                    "message": "Please retry after",
                    "request-id": request,
                    "status": "429",
                },
            }}),
            // Partner security capitalises them.
            StatusCode::FORBIDDEN if self.code == "Unauthorized_MissingMFA" => {
                json!({ "Error": {
                    "Code": self.code,
                    "Message": self.text,
                    "InnerError": {
                        "Date": date,
                        "Request-Id": request,
                        "Client-Request-Id": client_request,
                    },
                }})
            }
            // The reports' own service spells the keys in its own way.
            StatusCode::FORBIDDEN if self.code.starts_with("Authentication_") => {
                json!({ "error": {
                    "code": self.code,
                    "message": self.text,
                    "innererror": {
                        "date": date,
                        "requestId": request,
                        "client-request-id": client_request,
                    },
                }})
            }
            _ => json!({ "error": {
                "code": self.code,
                "message": self.text,
                "innerError": {
                    "date": date,
                    "request-id": request,
                    "client-request-id": client_request,
                },
            }}),
        };
        let headers = self.headers.into_iter();
        headers
            .fold(Answer::of(self.status, &body), |answer, (name, value)| answer.with(name, &value))
    }
}
