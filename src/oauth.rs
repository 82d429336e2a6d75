//! Who we are (stand-in until the real room arrives).
#![allow(missing_docs)]
use crate::clock::Clock;
use crate::transport::Transport;
use http::HeaderValue;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Credential,
    Permission,
    Network,
    Timeout,
    Throttled,
    ServerError,
    Malformed,
}
impl Class {
    pub fn as_str(self) -> &'static str {
        "credential"
    }
}
#[derive(Debug, Clone)]
pub struct TokenError;
impl TokenError {
    pub fn reason(&self) -> &'static str {
        "x"
    }
    pub fn remedy(&self) -> &'static str {
        "x"
    }
    pub fn class(&self) -> Class {
        Class::Credential
    }
}
pub struct Exchange<'a> {
    pub duration: Duration,
    pub outcome: Result<(), &'a TokenError>,
}
pub type Watch = Arc<dyn Fn(&Exchange<'_>) + Send + Sync>;
#[derive(Debug, Clone)]
pub struct Settings {
    pub tenant_id: String,
    pub login: Url,
}
#[derive(Clone)]
pub struct Bearer;
impl Bearer {
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_static("x")
    }
}
#[derive(Clone)]
pub struct Tokens;
impl Tokens {
    pub fn new(_: Settings, _: Transport, _: Clock, _: Watch) -> Self {
        Self
    }
    pub async fn bearer(&self, _: &str) -> Result<Bearer, TokenError> {
        Err(TokenError)
    }
    pub fn forget(&self, _: &str, _: &Bearer) {}
}
