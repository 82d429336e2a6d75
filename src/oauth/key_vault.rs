//! A refresh token as a secret of Azure Key Vault, got and set and nothing else.
//!
//! Source: Azure Key Vault REST API, Get Secret and Set Secret.

use std::fmt;
use std::pin::Pin;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::Tokens;
use super::error::TokenError;
use super::store::Stored;
use crate::transport::{Request, Response, Transport};
use crate::wire;

const API_VERSION: &str = "7.4";

/// A secret in a vault, and by whose tokens it is reached.
#[derive(Clone)]
pub struct KeyVault {
    secret: Url,
    audience: String,
    tokens: Tokens,
    transport: Transport,
}

impl fmt::Debug for KeyVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyVault({})", self.place())
    }
}

type Answering<'a> = Pin<Box<dyn Future<Output = Result<Response, TokenError>> + Send + 'a>>;

#[derive(Deserialize)]
struct Secret {
    value: SecretString,
    #[serde(default)]
    attributes: Option<Attributes>,
}

#[derive(Deserialize)]
struct Attributes {
    /// Seconds since 1970, of this version.
    #[serde(default, deserialize_with = "wire::optional_number")]
    created: Option<f64>,
}

impl KeyVault {
    /// The secret `name` of the vault at `vault`, such as `https://contoso.vault.azure.net`.
    pub fn new(vault: &Url, name: &str, tokens: Tokens, transport: Transport) -> Self {
        let mut secret = vault.clone();
        if let Ok(mut path) = secret.path_segments_mut() {
            path.pop_if_empty().extend(["secrets", name]);
        }
        secret.query_pairs_mut().append_pair("api-version", API_VERSION);
        Self { secret, audience: audience(vault), tokens, transport }
    }

    pub(super) async fn read(&self) -> Result<Stored, TokenError> {
        let response = self.ask(Method::GET, Vec::new()).await?;
        let secret: Secret = serde_json::from_slice(wire::without_mark(&response.body))
            .map_err(|_| TokenError::malformed("not a secret of Key Vault"))?;
        if secret.value.expose_secret().is_empty() {
            return Err(TokenError::of_grant("grant_missing", &self.place()));
        }
        let created = secret.attributes.and_then(|attributes| attributes.created);
        let since = created.and_then(|seconds| Timestamp::from_second(seconds as i64).ok());
        Ok(Stored { token: secret.value, since })
    }

    pub(super) async fn put(&self, token: &SecretString) -> Result<(), TokenError> {
        let body = serde_json::json!({ "value": token.expose_secret() });
        self.ask(Method::PUT, body.to_string().into_bytes()).await.map(drop)
    }

    /// Boxed, because tokens may rest on a grant and a grant on a vault. A vault's own do not.
    fn ask(&self, method: Method, body: Vec<u8>) -> Answering<'_> {
        Box::pin(async move {
            let bearer = self.tokens.bearer(&self.audience).await?;
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, bearer.header());
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            if !body.is_empty() {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            let request = Request { method, headers, body, ..Request::get(self.secret.clone()) };
            let response = self.transport.send(request, None).await;
            let response = response.map_err(|error| TokenError::of_transport(&error))?;
            let status = response.status.as_u16();
            match response.status {
                StatusCode::OK => Ok(response),
                StatusCode::NOT_FOUND => Err(TokenError::of_grant("grant_missing", &self.place())),
                StatusCode::UNAUTHORIZED => {
                    self.tokens.forget(&self.audience, &bearer);
                    Err(self.refused(status))
                }
                StatusCode::TOO_MANY_REQUESTS => Err(passing(status)),
                _ if response.status.is_server_error() => Err(passing(status)),
                _ => Err(self.refused(status)),
            }
        })
    }

    fn refused(&self, status: u16) -> TokenError {
        TokenError::of_grant("vault_refused", &format!("{}: HTTP {status}", self.place()))
    }

    fn place(&self) -> String {
        format!("{}{}", self.secret.host_str().unwrap_or("-"), self.secret.path())
    }
}

/// A failure that may pass by itself.
fn passing(status: u16) -> TokenError {
    TokenError::refused(status, "", None, "", None)
}

/// Whom tokens for a vault are asked for: each cloud has its own domain of vaults.
fn audience(vault: &Url) -> String {
    let host = vault.host_str().unwrap_or_default();
    let clouds = ["vault.usgovcloudapi.net", "vault.azure.cn"];
    let domain = clouds.into_iter().find(|domain| host.ends_with(domain));
    format!("https://{}", domain.unwrap_or("vault.azure.net"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_vaults_of_its_own() {
        let of = |text: &str| audience(&Url::parse(text).unwrap());
        assert_eq!(of("https://contoso.vault.azure.net"), "https://vault.azure.net");
        assert_eq!(of("https://contoso.vault.azure.cn/"), "https://vault.azure.cn");
        assert_eq!(of("https://c.vault.usgovcloudapi.net"), "https://vault.usgovcloudapi.net");
        assert_eq!(of("http://127.0.0.1:4010/vault"), "https://vault.azure.net");
    }
}
