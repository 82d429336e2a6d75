//! One request for a token, in the ways there are.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Method};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::claims::Claims;
use super::credential::{Credential, ManagedIdentityHost, read};
use super::error::TokenError;
use super::grant::{Grant, Used};
use super::{Bearer, Exchange, Settings, Watch, assertion};
use crate::clock::Clock;
use crate::transport::{Request, Response, Transport};
use crate::wire;

/// Pauses before asking the authority again, in seconds, when a failure may pass.
const AUTHORITY_PAUSES: [f64; 2] = [1.0, 4.0];

/// Pauses before asking the metadata service again: Microsoft's own advice.
const METADATA_PAUSES: [f64; 4] = [2.0, 6.0, 14.0, 30.0];

/// The longest `Retry-After` that is waited for here.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a token's life is taken for when the answer is absurd.
const LIFE_BOUNDS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 3600));

/// Asks for tokens of one tenant.
pub(super) struct Exchanger {
    settings: Settings,
    /// Of the person for whom tokens are asked; `None` asks for the application itself.
    grant: Option<Grant>,
    transport: Transport,
    clock: Clock,
    watch: Watch,
}

/// The answer that holds a token.
#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    token_type: String,
    #[serde(default, deserialize_with = "wire::optional_number")]
    expires_in: Option<f64>,
    /// Seconds since 1970; all that App Service tells.
    #[serde(default, deserialize_with = "wire::optional_number")]
    expires_on: Option<f64>,
    /// What takes the place of the refresh token that was used.
    #[serde(default)]
    refresh_token: Option<SecretString>,
}

/// The answer that holds none.
#[derive(Deserialize, Default)]
struct Denied {
    #[serde(default, deserialize_with = "wire::null_is_default")]
    error: String,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    error_codes: Vec<u32>,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    error_description: String,
    #[serde(default, deserialize_with = "wire::null_is_default")]
    trace_id: String,
}

impl Denied {
    fn code(&self) -> Option<u32> {
        self.error_codes.first().copied().or_else(|| {
            let digits = self.error_description.strip_prefix("AADSTS")?;
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            digits[..end].parse().ok()
        })
    }
}

impl Exchanger {
    pub(super) fn new(
        settings: Settings,
        grant: Option<Grant>,
        transport: Transport,
        clock: Clock,
        watch: Watch,
    ) -> Self {
        Self { settings, grant, transport, clock, watch }
    }

    pub(super) fn grant(&self) -> Option<&Grant> {
        self.grant.as_ref()
    }

    /// A token and how long it lives, asked for until it is had or refused.
    pub(super) async fn token(&self, audience: &str) -> Result<(Bearer, Duration), TokenError> {
        let pauses = match &self.settings.credential {
            Credential::ManagedIdentity { .. } => METADATA_PAUSES.as_slice(),
            _ => AUTHORITY_PAUSES.as_slice(),
        };
        let mut pauses = pauses.iter();
        loop {
            let asked = self.clock.uptime();
            let outcome = self.ask(audience).await;
            let duration = self.clock.uptime().saturating_sub(asked);
            let seen = outcome.as_ref().map(|_| ());
            (self.watch)(&Exchange { duration, outcome: seen });
            let error = match outcome {
                Ok(token) => return Ok(token),
                Err(error) if !error.is_transient() => return Err(error),
                Err(error) => error,
            };
            let Some(seconds) = pauses.next() else { return Err(error) };
            let backed_off = Duration::from_secs_f64(seconds * (1.0 + fastrand::f64() / 2.0));
            let pause = error.retry_after().unwrap_or(backed_off);
            if pause > LONGEST_PAUSE {
                return Err(error);
            }
            self.clock.sleep(pause).await;
        }
    }

    async fn ask(&self, audience: &str) -> Result<(Bearer, Duration), TokenError> {
        let scope = format!("{audience}/.default");
        match (&self.grant, &self.settings.credential) {
            (None, Credential::ManagedIdentity { client_id, host }) => {
                let request = metadata_request(host, client_id.as_deref(), audience);
                self.granted(&self.send(request).await?).map(Used::fruit)
            }
            (None, _) => {
                let form = [("grant_type", "client_credentials"), ("scope", &scope)];
                self.post(&form).await.map(Used::fruit)
            }
            (Some(grant), _) => {
                // Without it no refresh token would take the place of the one that is used.
                let scope = format!("{scope} offline_access");
                grant
                    .turn(async |refresh_token| {
                        let form = [
                            ("grant_type", "refresh_token"),
                            ("refresh_token", refresh_token.expose_secret()),
                            ("scope", &scope),
                        ];
                        self.post(&form).await
                    })
                    .await
            }
        }
    }

    /// Asks the authority with what proves who we are beside `form`.
    pub(super) async fn post(
        &self,
        form: &[(&str, &str)],
    ) -> Result<Used<(Bearer, Duration)>, TokenError> {
        let url = self.endpoint("token");
        let form = self.proven(&url, form)?;
        self.granted(&self.send(form_request(url, form)).await?)
    }

    /// A form for `url` with what proves who we are.
    fn proven(&self, url: &Url, form: &[(&str, &str)]) -> Result<String, TokenError> {
        const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let (client_id, secret, assertion) = match &self.settings.credential {
            // A machine has nobody to act for, and proves itself elsewhere.
            Credential::ManagedIdentity { .. } => return Err(TokenError::identity_unavailable(0)),
            Credential::Secret { client_id, secret } => (client_id, Some(secret.read()?), None),
            Credential::Certificate { client_id, certificate_file, key_file } => {
                let now = self.clock.now();
                let signed =
                    assertion::sign(client_id, url.as_str(), certificate_file, key_file, now)?;
                (client_id, None, Some(signed))
            }
            Credential::Federated { client_id, token_file } => {
                (client_id, None, Some(read(token_file)?))
            }
        };
        let mut fields = Serializer::new(String::new());
        fields.extend_pairs(form).append_pair("client_id", client_id);
        if let Some(secret) = secret {
            fields.append_pair("client_secret", secret.expose_secret());
        }
        if let Some(assertion) = assertion {
            fields.append_pair("client_assertion_type", ASSERTION);
            fields.append_pair("client_assertion", assertion.expose_secret());
        }
        Ok(fields.finish())
    }

    /// A whole answer that is no refusal.
    pub(super) async fn send(&self, request: Request) -> Result<Response, TokenError> {
        let response = self.transport.send(request, None).await;
        let response = response.map_err(|error| TokenError::of_transport(&error))?;
        match response.status.is_success() {
            true => Ok(response),
            false => Err(denied(&response, &self.settings.credential)),
        }
    }

    fn granted(&self, response: &Response) -> Result<Used<(Bearer, Duration)>, TokenError> {
        let granted: Granted = serde_json::from_slice(wire::without_mark(&response.body))
            .map_err(|_| TokenError::malformed("not a token response"))?;
        if !granted.token_type.eq_ignore_ascii_case("bearer") {
            return Err(TokenError::malformed("not a bearer token"));
        }
        let token = granted.access_token.expose_secret();
        let bearer = Some(token)
            .filter(|token| !token.is_empty())
            .and_then(Bearer::new)
            .ok_or_else(|| TokenError::malformed("an access token that cannot be sent"))?;
        let told = granted.expires_in.or_else(|| {
            let left = granted.expires_on? - self.clock.now().as_second() as f64;
            Some(left)
        });
        let (shortest, longest) = LIFE_BOUNDS;
        let seconds = told.unwrap_or(0.0).clamp(shortest.as_secs_f64(), longest.as_secs_f64());
        let claims = Claims::of(token);
        let next = granted.refresh_token.filter(|token| !token.expose_secret().is_empty());
        Ok(Used { fruit: (bearer, Duration::from_secs_f64(seconds)), next, claims })
    }

    pub(super) fn endpoint(&self, name: &str) -> Url {
        let mut endpoint = self.settings.login.clone();
        if let Ok(mut path) = endpoint.path_segments_mut() {
            path.pop_if_empty().extend([&self.settings.tenant_id, "oauth2", "v2.0", name]);
        }
        endpoint
    }
}

pub(super) fn form_request(url: Url, form: String) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, kind);
    Request { method: Method::POST, url, headers, body: form.into_bytes(), direct: false }
}

/// What the instance metadata service, or App Service in its place, is asked.
fn metadata_request(
    host: &ManagedIdentityHost,
    client_id: Option<&str>,
    audience: &str,
) -> Request {
    let (mut url, version, name, value) = match host {
        ManagedIdentityHost::Imds { base } => {
            let mut url = base.clone();
            url.set_path("/metadata/identity/oauth2/token");
            (url, "2018-02-01", "metadata", HeaderValue::from_static("true"))
        }
        ManagedIdentityHost::AppService { endpoint, header } => {
            let value = HeaderValue::from_str(header.expose_secret());
            let value = value.unwrap_or(HeaderValue::from_static(""));
            (endpoint.clone(), "2019-08-01", "x-identity-header", value)
        }
    };
    url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", audience);
    if let Some(client_id) = client_id {
        url.query_pairs_mut().append_pair("client_id", client_id);
    }
    let mut request = Request { direct: true, ..Request::get(url) };
    let mut value = value;
    value.set_sensitive(true);
    request.headers.insert(HeaderName::from_static(name), value);
    request
}

fn denied(response: &Response, credential: &Credential) -> TokenError {
    let (managed, imds) = match credential {
        Credential::ManagedIdentity { host, .. } => {
            (true, matches!(host, ManagedIdentityHost::Imds { .. }))
        }
        _ => (false, false),
    };
    let status = response.status.as_u16();
    let body: Denied =
        serde_json::from_slice(wire::without_mark(&response.body)).unwrap_or_default();
    let header = response.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds = header.and_then(|text| text.trim().parse::<f64>().ok());
    let retry_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match status {
        // The metadata service is being updated, or not up yet.
        404 | 410 if imds => TokenError::refused(503, &body.error, None, "", retry_after),
        400..=499 if managed && status != 429 => TokenError::identity_unavailable(status),
        300..=399 => TokenError::malformed("a redirect"),
        _ => TokenError::refused(status, &body.error, body.code(), &body.trace_id, retry_after),
    }
}
