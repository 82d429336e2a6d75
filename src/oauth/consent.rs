//! The one-time sign-in of a person with MFA, by which the application gets a grant: authorization
//! code with PKCE, or a device code where there is no browser.
//!
//! Nothing is handed out that was not seen to carry MFA: a grant without it stays without it.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::claims::Claims;
use super::error::TokenError;
use super::exchange::{Exchanger, form_request};
use super::grant::Used;
use super::{Settings, Watch};
use crate::clock::Clock;
use crate::transport::Transport;
use crate::wire;

/// What Graph's partner security API asks of a person's application: to read, and nothing else.
const GRAPH_SCOPE: &str = "PartnerSecurity.Read.All";

/// The one scope Partner Center has.
const PARTNER_CENTER_SCOPE: &str = "user_impersonation";

/// Without `offline_access` there is no refresh token.
const SIGN_IN_SCOPES: &str = "openid offline_access";

/// Between two looks whether the person has entered the code, unless Microsoft says otherwise.
const DEVICE_INTERVAL_SECONDS: f64 = 5.0;

/// The APIs the grant is for, as audiences.
#[derive(Debug, Clone)]
pub struct Audiences {
    /// Microsoft Graph.
    pub graph: String,
    /// Partner Center.
    pub partner_center: String,
}

/// Asks a person for a grant.
pub struct Consent {
    exchanger: Exchanger,
    audiences: Audiences,
    client_id: String,
    tenant_id: String,
    clock: Clock,
}

/// Where the person signs in, and what has to come back from there.
pub struct Invitation {
    /// The page to open.
    pub address: Url,
    redirect: String,
    state: String,
    verifier: SecretString,
}

/// Where the person enters which code.
#[derive(Deserialize)]
pub struct DeviceInvitation {
    device_code: SecretString,
    /// The code to enter.
    pub user_code: String,
    /// The page to enter it on, reached with any browser.
    pub verification_uri: String,
    #[serde(default, deserialize_with = "wire::optional_number")]
    expires_in: Option<f64>,
    #[serde(default, deserialize_with = "wire::optional_number")]
    interval: Option<f64>,
}

/// A grant that carries MFA and is good for Partner Center.
pub struct NewGrant {
    /// To be kept.
    pub refresh_token: SecretString,
    /// What the token for Partner Center says.
    pub claims: Claims,
    /// Why Graph gives nothing for it, if it does not: then fraud alerts cannot be read there.
    pub without_graph: Option<TokenError>,
}

/// Why there is no grant. Every text says what to do; none holds a part of a token.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// The person, or a policy, said no.
    #[error(
        "the sign-in was not completed ({0}); nothing was stored; run the command again, and see the \
         sign-in log of the tenant if a policy is in the way"
    )]
    Declined(String),
    /// What came back does not belong to this sign-in.
    #[error(
        "the answer does not belong to this sign-in; nothing was stored; close other sign-in pages \
         and run the command again"
    )]
    Foreign,
    /// Microsoft gives no token.
    #[error("Microsoft gives no token: {0}; nothing was stored; {remedy}", remedy = .0.remedy())]
    Token(#[from] TokenError),
    /// No refresh token came along.
    #[error(
        "Microsoft gave no refresh token; nothing was stored; allow the application the delegated \
         permission offline_access in the Entra admin centre"
    )]
    NoRefreshToken,
    /// It is not to be seen whether MFA was done.
    #[error(
        "the token cannot be looked into, so that it is not known whether MFA was done; nothing was \
         stored; please report it"
    )]
    Unseen,
    /// MFA was not done.
    #[error(
        "the sign-in was done without MFA, and Partner Center refuses such a grant; nothing was \
         stored; have MFA demanded of this account (a Conditional Access policy, or security \
         defaults), close the browser so that it forgets the sign-in, and run the command again"
    )]
    NoMfa,
    /// Somebody of another tenant signed in.
    #[error(
        "the account belongs to another tenant than the one configured; nothing was stored; sign in \
         with an account of the partner tenant"
    )]
    ForeignTenant,
    /// Nobody signed in.
    #[error("nobody signed in in time; nothing was stored; run the command again")]
    TooLate,
}

impl Consent {
    /// For the application of `settings`. Asks for nothing yet.
    pub fn new(
        settings: Settings,
        audiences: Audiences,
        transport: Transport,
        clock: Clock,
    ) -> Self {
        let client_id = settings.credential.client_id().unwrap_or_default().to_owned();
        let tenant_id = settings.tenant_id.clone();
        let nobody_counts: Watch = std::sync::Arc::new(|_| {});
        let exchanger = Exchanger::new(settings, None, transport, clock.clone(), nobody_counts);
        Self { exchanger, audiences, client_id, tenant_id, clock }
    }

    /// What to open in a browser, for an answer that comes to `redirect`.
    pub fn invite(&self, redirect: &Url) -> Result<Invitation, ConsentError> {
        let (verifier, state) = (random(32)?, random(16)?);
        // As it is registered: for Microsoft a slash at the end makes another address.
        let redirect = redirect.as_str().trim_end_matches('/').to_owned();
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let mut address = self.exchanger.endpoint("authorize");
        // Of what the person is asked to agree to, several APIs may be named at once.
        let scope = format!(
            "{SIGN_IN_SCOPES} {}/{PARTNER_CENTER_SCOPE} {}/{GRAPH_SCOPE}",
            self.audiences.partner_center, self.audiences.graph
        );
        address
            .query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("redirect_uri", &redirect)
            .append_pair("scope", &scope)
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            // A sign-in of last week, done without MFA, must not pass for this one.
            .append_pair("prompt", "login");
        Ok(Invitation { address, redirect, state, verifier: verifier.into() })
    }

    /// Makes a grant of what came back to the redirect.
    pub async fn accept(
        &self,
        invitation: &Invitation,
        answer: &Url,
    ) -> Result<NewGrant, ConsentError> {
        let field = |name: &str| {
            let found = answer.query_pairs().find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned())
        };
        if field("state").as_deref() != Some(&invitation.state) {
            return Err(ConsentError::Foreign);
        }
        if let Some(error) = field("error") {
            let word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
            return Err(ConsentError::Declined(error.chars().filter(word).take(80).collect()));
        }
        let code = field("code").ok_or(ConsentError::Foreign)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &invitation.redirect),
            ("code_verifier", invitation.verifier.expose_secret()),
            ("scope", &self.scope()),
        ];
        self.verified(self.exchanger.post(&form).await?).await
    }

    /// A code for somebody to enter on another machine.
    pub async fn invite_device(&self) -> Result<DeviceInvitation, ConsentError> {
        let mut form = Serializer::new(String::new());
        form.append_pair("client_id", &self.client_id).append_pair("scope", &self.scope());
        let request = form_request(self.exchanger.endpoint("devicecode"), form.finish());
        let response = self.exchanger.send(request).await?;
        let invitation = serde_json::from_slice(wire::without_mark(&response.body));
        Ok(invitation.map_err(|_| TokenError::malformed("not a device code"))?)
    }

    /// Waits until the person has entered the code, and makes a grant of it.
    pub async fn accept_device(
        &self,
        invitation: &DeviceInvitation,
    ) -> Result<NewGrant, ConsentError> {
        const LONGEST_SECONDS: f64 = 1_800.0;
        let seconds = invitation.expires_in.unwrap_or(900.0).clamp(0.0, LONGEST_SECONDS);
        let until = self.clock.uptime() + Duration::from_secs_f64(seconds);
        let interval = invitation.interval.unwrap_or(DEVICE_INTERVAL_SECONDS).clamp(1.0, 60.0);
        let mut interval = Duration::from_secs_f64(interval);
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", invitation.device_code.expose_secret()),
        ];
        while self.clock.uptime() < until {
            self.clock.sleep(interval).await;
            match self.exchanger.post(&form).await {
                Ok(used) => return self.verified(used).await,
                Err(error) => match error.word() {
                    "authorization_pending" => {}
                    "slow_down" => interval += Duration::from_secs(5),
                    "expired_token" => return Err(ConsentError::TooLate),
                    word @ ("authorization_declined" | "access_denied") => {
                        return Err(ConsentError::Declined(word.to_owned()));
                    }
                    _ if error.is_transient() => {}
                    _ => return Err(error.into()),
                },
            }
        }
        Err(ConsentError::TooLate)
    }

    /// Tokens are for one API at a time.
    fn scope(&self) -> String {
        format!("{SIGN_IN_SCOPES} {}/{PARTNER_CENTER_SCOPE}", self.audiences.partner_center)
    }

    /// Looks whether MFA was done, and whether Graph takes the grant too.
    async fn verified<T>(&self, used: Used<T>) -> Result<NewGrant, ConsentError> {
        let claims = used.claims.ok_or(ConsentError::Unseen)?;
        let tenant = wire::ObjectId::parse(&self.tenant_id);
        if claims.tenant.is_some() && claims.tenant != tenant {
            return Err(ConsentError::ForeignTenant);
        }
        if !claims.is_mfa || claims.is_application {
            return Err(ConsentError::NoMfa);
        }
        let refresh_token = used.next.ok_or(ConsentError::NoRefreshToken)?;
        let scope = format!("{}/.default offline_access", self.audiences.graph);
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose_secret()),
            ("scope", &scope),
        ];
        let (refresh_token, without_graph) = match self.exchanger.post(&form).await {
            Ok(used) => (used.next.unwrap_or(refresh_token), None),
            Err(error) => (refresh_token, Some(error)),
        };
        Ok(NewGrant { refresh_token, claims, without_graph })
    }
}

/// So many random bytes, as text.
fn random(bytes: usize) -> Result<String, TokenError> {
    let mut random = vec![0; bytes];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| TokenError::malformed("the system gives no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(random))
}
