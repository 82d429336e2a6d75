//! What people consented to: codes on their way to a grant, and refresh tokens, which are one.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::account::Account;
use super::faults::Kind;
use super::scope::{Scope, Wanted};
use super::tokens::Refusal;

/// How long a code from the sign-in page may take to come back.
const CODE_SECONDS: i64 = 600;
/// How long a code may take to be entered on another machine.
pub(super) const DEVICE_SECONDS: i64 = 900;
/// How often to look whether it was.
pub(super) const DEVICE_INTERVAL_SECONDS: i64 = 5;
/// A refresh token that is not used for so long is void.
const IDLE_DAYS: i64 = 90;

/// Codes of either kind that are remembered, the latest.
const CODES: usize = 64;
/// Refresh tokens that are remembered, the latest.
const REFRESH_TOKENS: usize = 4096;

/// What a person allowed an application, and how the person signed in.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) client: String,
    pub(super) account: Account,
    /// Whether MFA was done; it stays with the grant for good.
    pub(super) mfa: bool,
    pub(super) wanted: Wanted,
}

impl Grant {
    /// The audience and the scopes of a token, of what was allowed.
    pub(super) fn cut(
        &self,
        scope: Option<&str>,
    ) -> Result<(&'static str, Vec<&'static str>), Refusal> {
        let asked = Wanted::read(scope.unwrap_or_default()).map_err(|refusal| {
            // What the sign-in page puts like this is an invalid scope here.
            let error = if refusal.code == 650053 { "invalid_scope" } else { refusal.error };
            Refusal { error, ..refusal }
        })?;
        let allowed = &self.wanted.scopes;
        let resource = asked.resource()?.or(allowed.first().map(|scope| scope.audience));
        let on_resource = |scope: &&Scope| Some(scope.audience) == resource;
        let all = scope.is_none_or(|scope| scope.contains("/.default")) || asked.scopes.is_empty();
        let given: Vec<_> = if all {
            allowed.iter().filter(on_resource).map(|scope| scope.name).collect()
        } else if asked.scopes.iter().all(|scope| allowed.contains(scope)) {
            asked.scopes.iter().map(|scope| scope.name).collect()
        } else {
            Vec::new()
        };
        match resource {
            Some(resource) if !given.is_empty() => Ok((resource, given)),
            _ => Err(without_consent()),
        }
    }
}

pub(super) fn without_consent() -> Refusal {
    let text = "The user or administrator has not consented to use the application.";
    Refusal::new("invalid_grant", 65001, text)
}

/// A code that the sign-in page sent back.
struct Code {
    text: String,
    redirect: String,
    challenge: String,
    grant: Arc<Grant>,
    issued: Timestamp,
    redeemed: bool,
}

/// A code that is entered on another machine.
pub(super) struct Device {
    /// What the application polls with.
    pub(super) code: String,
    /// What the person enters.
    pub(super) user_code: String,
    pub(super) client: String,
    pub(super) wanted: Wanted,
    expires: Timestamp,
    polled: Option<Timestamp>,
    outcome: Outcome,
}

pub(super) enum Outcome {
    Pending,
    Declined,
    Signed(Arc<Grant>),
    Redeemed,
}

struct RefreshToken {
    text: String,
    grant: Arc<Grant>,
    /// When it was made, or last used.
    used: Timestamp,
    /// When another was first given in its place.
    replaced: Option<Timestamp>,
    revoked: bool,
}

/// All of them.
#[derive(Default)]
pub(super) struct Grants {
    codes: VecDeque<Code>,
    devices: VecDeque<Device>,
    tokens: VecDeque<RefreshToken>,
    /// Refresh tokens used.
    pub(super) refreshes: u64,
    /// Refresh tokens given in place of one that was used.
    pub(super) rotations: u64,
}

fn push<T>(into: &mut VecDeque<T>, most: usize, one: T) {
    if into.len() == most {
        into.pop_front();
    }
    into.push_back(one);
}

fn refuse<T>(code: u32, text: &str) -> Result<T, Refusal> {
    Err(Refusal::new("invalid_grant", code, text))
}

impl Grants {
    /// Remembers a code that is sent to `redirect`.
    pub(super) fn send(
        &mut self,
        text: String,
        redirect: String,
        challenge: String,
        grant: Grant,
        now: Timestamp,
    ) {
        let grant = Arc::new(grant);
        let code = Code { text, redirect, challenge, grant, issued: now, redeemed: false };
        push(&mut self.codes, CODES, code);
    }

    /// The grant of a code: once, to whom it was sent, by who asked for it.
    pub(super) fn redeem(
        &mut self,
        text: &str,
        client: &str,
        redirect: &str,
        challenge: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<Grant>, Refusal> {
        let Some(code) = self.codes.iter_mut().find(|code| code.text == text) else {
            return refuse(70000, "Provided grant is invalid or malformed.");
        };
        if !code.grant.client.eq_ignore_ascii_case(client) {
            return refuse(70000, "Provided grant was issued to another client.");
        }
        if code.redirect != redirect {
            let text = format!(
                "The reply address '{redirect}' does not match the reply address '{}' provided \
                 when requesting Authorization code.",
                code.redirect
            );
            return refuse(500112, &text);
        }
        if code.redeemed {
            return refuse(54005, "OAuth2 Authorization code was already redeemed.");
        }
        if now.as_second() - code.issued.as_second() >= CODE_SECONDS {
            return refuse(70008, "The provided authorization code has expired.");
        }
        match challenge {
            None => return refuse(50148, "The code_verifier is missing."),
            Some(challenge) if challenge != code.challenge => {
                let text = "The Code_Verifier does not match the code_challenge supplied in the \
                            authorization request.";
                return refuse(501481, text);
            }
            Some(_) => {}
        }
        code.redeemed = true;
        Ok(Arc::clone(&code.grant))
    }

    /// Remembers a code that is to be entered on another machine.
    pub(super) fn invite(
        &mut self,
        code: String,
        user_code: String,
        client: String,
        wanted: Wanted,
        now: Timestamp,
    ) {
        let expires = now + SignedDuration::from_secs(DEVICE_SECONDS);
        let (polled, outcome) = (None, Outcome::Pending);
        let device = Device { code, user_code, client, wanted, expires, polled, outcome };
        push(&mut self.devices, CODES, device);
    }

    /// Who waits for this code to be entered.
    pub(super) fn invited(&mut self, user_code: &str, now: Timestamp) -> Option<&mut Device> {
        self.devices.iter_mut().find(|device| {
            device.user_code.eq_ignore_ascii_case(user_code.trim())
                && now < device.expires
                && matches!(device.outcome, Outcome::Pending)
        })
    }

    /// What came of it so far. Who asks too often is told so, where anybody is.
    pub(super) fn poll(
        &mut self,
        code: &str,
        client: &str,
        hurry: bool,
        now: Timestamp,
    ) -> Result<Arc<Grant>, Refusal> {
        let mut devices = self.devices.iter_mut();
        let device = devices
            .find(|device| device.code == code && device.client.eq_ignore_ascii_case(client));
        let Some(device) = device else {
            let text = "The provided value for the input parameter 'device_code' is not valid.";
            return Err(Refusal::new("bad_verification_code", 70018, text));
        };
        let last = device.polled.replace(now);
        let early = last.is_some_and(|last| {
            now.duration_since(last) < SignedDuration::from_secs(DEVICE_INTERVAL_SECONDS)
        });
        match &device.outcome {
            Outcome::Signed(grant) => {
                let grant = Arc::clone(grant);
                device.outcome = Outcome::Redeemed;
                Ok(grant)
            }
            Outcome::Declined => Err(Refusal::new(
                "authorization_declined",
                65004,
                "The user declined to consent to access the app.",
            )),
            Outcome::Pending if now < device.expires => {
                if hurry && early {
                    let text = "Polling is too frequent; wait five seconds more each time.";
                    return Err(Refusal::new("slow_down", 50196, text));
                }
                let text =
                    "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
                Err(Refusal::new("authorization_pending", 70016, text))
            }
            Outcome::Pending | Outcome::Redeemed => {
                Err(Refusal::new("expired_token", 70019, "The verification code expired."))
            }
        }
    }

    /// Remembers a refresh token.
    pub(super) fn give(&mut self, text: String, grant: Arc<Grant>, now: Timestamp) {
        let token = RefreshToken { text, grant, used: now, replaced: None, revoked: false };
        push(&mut self.tokens, REFRESH_TOKENS, token);
    }

    /// The grant behind a refresh token, if it may still be used. Nothing is counted yet.
    pub(super) fn known(
        &self,
        text: &str,
        client: &str,
        grace: SignedDuration,
        faults: &[Kind],
        now: Timestamp,
    ) -> Result<Arc<Grant>, Refusal> {
        let Some(token) = self.tokens.iter().find(|token| token.text == text) else {
            return refuse(9002313, "Invalid request. Request is malformed or invalid.");
        };
        if !token.grant.client.eq_ignore_ascii_case(client) {
            return refuse(70000, "Provided grant was issued to another client.");
        }
        if token.revoked || faults.contains(&Kind::GrantRevoked) {
            let text = "The provided grant has expired due to it being revoked, a fresh auth \
                        token is needed.";
            return refuse(50173, text);
        }
        if faults.contains(&Kind::SignInFrequency) {
            let text = "The refresh token has expired or is invalid due to sign-in frequency \
                        checks by Conditional Access.";
            return refuse(70043, text);
        }
        if token.replaced.is_some_and(|replaced| now.duration_since(replaced) >= grace) {
            return refuse(70000, "Provided grant is invalid or malformed.");
        }
        let idle = now.duration_since(token.used);
        if idle >= SignedDuration::from_hours(24 * IDLE_DAYS)
            || faults.contains(&Kind::GrantExpired)
        {
            let text = format!(
                "The refresh token has expired due to inactivity. The token was issued on {} and \
                 was inactive for {IDLE_DAYS}.00:00:00.",
                token.used
            );
            return refuse(700082, &text);
        }
        Ok(Arc::clone(&token.grant))
    }

    /// Counts one use of a refresh token, and remembers the one given in its place, if any.
    pub(super) fn rotate(&mut self, text: &str, next: Option<String>, now: Timestamp) {
        self.refreshes += 1;
        let Some(token) = self.tokens.iter_mut().find(|token| token.text == text) else { return };
        token.used = now;
        if let Some(next) = next {
            token.replaced.get_or_insert(now);
            let grant = Arc::clone(&token.grant);
            self.rotations += 1;
            self.give(next, grant, now);
        }
    }

    /// Ends all that was consented to until now.
    pub(super) fn revoke(&mut self) {
        self.codes.clear();
        self.devices.clear();
        self.tokens.iter_mut().for_each(|token| token.revoked = true);
    }
}

impl Device {
    /// The person signed in, or did not want to.
    pub(super) fn settle(&mut self, grant: Option<Grant>) {
        self.outcome = grant.map_or(Outcome::Declined, |grant| Outcome::Signed(Arc::new(grant)));
    }
}
