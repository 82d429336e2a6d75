//! Who we are: credentials, and the tokens Microsoft gives for them, to the application by itself or
//! for a person who consented.
//!
//! A token is cached per audience, renewed before it expires and by one caller at a time. A
//! renewal that fails does no harm while the old token lives. A refusal that will not pass by
//! itself is remembered for a minute, so that five sources do not ask the same question five times.

mod assertion;
mod claims;
mod cloud;
mod consent;
mod credential;
mod error;
mod exchange;
mod grant;
mod key_vault;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

pub use claims::Claims;
pub use cloud::{Cloud, dap};
pub use consent::{Audiences, Consent, ConsentError, DeviceInvitation, Invitation, NewGrant};
pub use credential::{Credential, ManagedIdentityHost, Secret};
pub use error::{Class, TokenError, reasons};
pub use grant::{Dates, Grant, Standing};
pub use key_vault::KeyVault;
pub use store::{Home, Store, StoreError, TokenFile};

use crate::clock::Clock;
use crate::transport::Transport;
use exchange::Exchanger;

/// A token is renewed this long before it expires, or at half its life if that is shorter.
const MARGIN: Duration = Duration::from_secs(300);

/// How long a refusal that will not pass by itself is remembered.
const REFUSED: Duration = Duration::from_secs(60);

/// The same for a failure that passes by itself, unless Microsoft asks for more.
const PASSING: Duration = Duration::from_secs(15);

/// How long a token that took the place of a refused one is not replaced for being refused as well:
/// what is wrong is not the token then, and Microsoft blocks whoever asks on and on (AADSTS50196).
const FUTILE: Duration = Duration::from_secs(300);

/// No answer keeps us from asking for longer.
const LONGEST: Duration = Duration::from_secs(3600);

/// The audience by which tokens for an API are asked for: its address without a slash at the end.
pub fn audience(api: &Url) -> String {
    api.as_str().trim_end_matches('/').to_owned()
}

/// Who we are in one tenant.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The tenant's id.
    pub tenant_id: String,
    /// The authority, such as `https://login.microsoftonline.com`.
    pub login: Url,
    /// How we prove it.
    pub credential: Credential,
}

/// One request for a token, for whoever counts them.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// From asking to having the answer.
    pub duration: Duration,
    /// What came of it.
    pub outcome: Result<(), &'a TokenError>,
}

/// Called after each request for a token.
pub type Watch = Arc<dyn Fn(&Exchange<'_>) + Send + Sync>;

/// An access token, ready to be sent. Prints as `…`.
#[derive(Clone)]
pub struct Bearer(Arc<HeaderValue>);

impl Bearer {
    fn new(token: &str) -> Option<Self> {
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        header.set_sensitive(true);
        Some(Self(Arc::new(header)))
    }

    /// The value of the `Authorization` header, marked sensitive.
    pub fn header(&self) -> HeaderValue {
        (*self.0).clone()
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The tokens of one tenant, cheap to clone.
#[derive(Clone)]
pub struct Tokens(Arc<Shared>);

struct Shared {
    exchanger: Exchanger,
    clock: Clock,
    /// One lock per audience: whoever holds it renews, whoever waits finds the token renewed.
    audiences: Mutex<BTreeMap<String, Arc<AsyncMutex<Held>>>>,
    /// Why no token is had at present.
    refusal: Mutex<Option<&'static str>>,
}

/// What is held for one audience. Times are in the clock's uptime, which no correction of the
/// wall clock touches.
#[derive(Default)]
struct Held {
    token: Option<Token>,
    refusal: Option<(TokenError, Duration)>,
    /// When a token was last dropped for being refused.
    forgotten: Option<Duration>,
}

struct Token {
    bearer: Bearer,
    /// Which of the grants that were found one after another it rests on.
    consents: u64,
    renew: Duration,
    expires: Duration,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// Tokens for the application by itself. Asks for nothing yet.
    pub fn new(settings: Settings, transport: Transport, clock: Clock, watch: Watch) -> Self {
        Self::of(Exchanger::new(settings, None, transport, clock.clone(), watch), clock)
    }

    /// Tokens for the person who gave `grant` to the application. Asks for nothing yet.
    pub fn of_person(
        settings: Settings,
        grant: Grant,
        transport: Transport,
        clock: Clock,
        watch: Watch,
    ) -> Self {
        Self::of(Exchanger::new(settings, Some(grant), transport, clock.clone(), watch), clock)
    }

    fn of(exchanger: Exchanger, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            exchanger,
            clock,
            audiences: Mutex::default(),
            refusal: Mutex::default(),
        }))
    }

    /// Why no token is had at present: the reason the last caller was turned away with. A renewal
    /// that fails while the old token lives turns nobody away.
    pub fn refusal(&self) -> Option<&'static str> {
        *self.0.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The grant these rest on; `None` for the application by itself.
    pub fn grant(&self) -> Option<&Grant> {
        self.0.exchanger.grant()
    }

    /// A token for `audience`, such as `https://graph.microsoft.com`.
    pub async fn bearer(&self, audience: &str) -> Result<Bearer, TokenError> {
        let outcome = self.held_or_asked(audience).await;
        let refusal = outcome.as_ref().err().map(TokenError::reason);
        *self.0.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
        outcome
    }

    async fn held_or_asked(&self, audience: &str) -> Result<Bearer, TokenError> {
        let Shared { exchanger, clock, .. } = &*self.0;
        let consents = || self.grant().map_or(0, |grant| grant.standing().consents);
        let slot = self.slot(audience);
        let mut held = slot.lock().await;
        held.token.take_if(|token| token.consents != consents());
        let now = clock.uptime();
        if let Some(token) = held.token.as_ref().filter(|token| now < token.renew) {
            return Ok(token.bearer.clone());
        }
        let living = held.token.as_ref().filter(|token| now < token.expires);
        let living = living.map(|token| token.bearer.clone());
        if let Some((refusal, until)) = held.refusal.as_ref().filter(|(_, until)| now < *until) {
            debug_assert!(*until > now);
            return living.ok_or_else(|| refusal.clone());
        }
        match exchanger.token(audience).await {
            Ok((bearer, life)) => {
                let now = clock.uptime();
                let renew = now + life.saturating_sub(MARGIN).max(life / 2);
                let (consents, expires) = (consents(), now + life);
                held.token = Some(Token { bearer: bearer.clone(), consents, renew, expires });
                held.refusal = None;
                Ok(bearer)
            }
            Err(error) => {
                // Whoever waits for the same token is told the same, and Microsoft is left alone for
                // a while: while an old token lives there is time, so even more then.
                let pause = match (error.is_transient(), living.is_some()) {
                    (true, false) => error.retry_after().map_or(PASSING, |told| told.max(PASSING)),
                    _ => error.retry_after().map_or(REFUSED, |told| told.max(REFUSED)),
                };
                let until = clock.uptime() + pause.min(LONGEST);
                held.refusal = Some((error.clone(), until));
                living.ok_or(error)
            }
        }
    }

    /// Drops a token that was refused, unless another has taken its place meanwhile, or it has
    /// itself taken the place of a refused one just now.
    pub fn forget(&self, audience: &str, refused: &Bearer) {
        let now = self.0.clock.uptime();
        // Whoever holds the lock is renewing, which comes to the same.
        if let Ok(mut held) = self.slot(audience).try_lock()
            && held.forgotten.is_none_or(|at| now >= at + FUTILE)
            && held.token.take_if(|token| Arc::ptr_eq(&token.bearer.0, &refused.0)).is_some()
        {
            held.forgotten = Some(now);
        }
    }

    fn slot(&self, audience: &str) -> Arc<AsyncMutex<Held>> {
        let mut audiences = self.0.audiences.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(audiences.entry(audience.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests;
