//! How Partner Center says no.

use hyper::StatusCode;
use serde_json::json;

use crate::simulator::faults::Cause;
use crate::simulator::http::Answer;

/// An error of Partner Center's, before it is an answer.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: u32,
    text: String,
    /// Whether there is a list of more to say, which is empty.
    data: bool,
}

impl Refusal {
    fn new(status: StatusCode, code: u32, text: &str, data: bool) -> Self {
        Self { status, code, text: text.to_owned(), data }
    }

    pub(super) fn unauthorized(code: u32, text: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, text, false)
    }

    pub(super) fn forbidden(code: u32, text: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, text, false)
    }

    pub(super) fn bad(text: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 2000, text, true)
    }

    pub(super) fn absent(text: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, 3000, text, true)
    }

    /// No published code says so; this one is about roles, as others are that refuse who asks.
    pub(super) fn unregistered() -> Self {
        Self::forbidden(900308, "The application is not allowed to do this.")
    }

    pub(super) fn unknown_tenant() -> Self {
        let text = "The customer's tenant could not be found.";
        Self::new(StatusCode::NOT_FOUND, 60003, text, true)
    }

    pub(super) fn without_mfa() -> Self {
        let text = "MFA is required for this request. The provided authentication token does not \
                    have MFA claims.";
        Self::unauthorized(900421, text)
    }

    pub(super) fn of(cause: Cause) -> Self {
        match cause {
            Cause::Agreement => Self::forbidden(
                900124,
                "The partner has not accepted the Microsoft Partner Agreement.",
            ),
            Cause::Programme => {
                Self::forbidden(900149, "The partner's status in the programme is not active.")
            }
            Cause::Role => Self::forbidden(2032, "The role of the user does not allow this."),
            Cause::Mfa => Self::without_mfa(),
        }
    }

    pub(super) fn answer(self) -> Answer {
        let mut body = json!({
            "code": self.code,
            "description": self.text,
            "source": "PartnerFD",
        });
        if self.data {
            body["data"] = json!([]);
        }
        let answer = Answer::of(self.status, &body);
        if self.status == StatusCode::UNAUTHORIZED {
            return answer.with("www-authenticate", "Bearer error=\"invalid_token\"");
        }
        answer
    }
}
