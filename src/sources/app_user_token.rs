//! The token of the person who consented: whether the grant still works, how old it is, and
//! whether it carries MFA.
//!
//! A grant that Microsoft refuses is a measurement and not a failure to read: how it stands is known.

use std::time::Duration;

use jiff::Timestamp;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::oauth::{Claims, Dates, Standing, TokenError};

/// How the grant stands.
#[derive(Debug, Default, Clone)]
pub struct AppUserToken {
    /// What the last access token said; `None` until one was had, and where it says nothing.
    pub claims: Option<Claims>,
    /// Why Microsoft gives no token for the person, if it does not, and what to do.
    pub refusal: Option<(&'static str, &'static str)>,
    /// When the refresh token was had.
    pub obtained: Option<Timestamp>,
    /// When it dies unless it is used before.
    pub expires: Option<Timestamp>,
    /// When the person consented.
    pub consented: Option<Timestamp>,
    /// When it last brought an access token.
    pub refreshed: Option<Timestamp>,
}

static MFA_CLAIM: Metric = Metric {
    name: "partnercenter_token_mfa_claim",
    help: "Whether the token of the person who consented says that MFA was done (1) or not (0). \
           At 0 Partner Center refuses the exporter, and counts its requests among those without \
           MFA. Absent while no token is had.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static SUCCESS: Metric = Metric {
    name: "partnercenter_token_refresh_success",
    help: "Whether the grant of the person who consented brings tokens (1), or Microsoft refuses it \
           (0). At 0 fraud alerts are not read. Absent until that is known.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static REFRESHED: Metric = Metric {
    name: "partnercenter_token_refresh_last_success_timestamp_seconds",
    help: "When the grant of the person who consented last brought a token. Absent before the first.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static FAILURE: Metric = Metric {
    name: "partnercenter_token_refresh_failure",
    help: "1 for the present reason why the grant of the person who consented brings no token; \
           absent while it does.",
    kind: Kind::Gauge,
    labels: &["tenant", "reason"],
};

static CONSENTED: Metric = Metric {
    name: "partnercenter_app_user_consented_timestamp_seconds",
    help: "When the person consented, as far as is known: when a refresh token was found that the \
           exporter had not put there itself. Absent while there is none.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static OBTAINED: Metric = Metric {
    name: "partnercenter_refresh_token_obtained_timestamp_seconds",
    help: "When the refresh token was had that is kept now; each use replaces it. Absent while \
           there is none.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static EXPIRY: Metric = Metric {
    name: "partnercenter_refresh_token_expiry_timestamp_seconds",
    help: "When the refresh token that is kept now dies unless it is used before: 90 days after it \
           was had. Absent while there is none.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for AppUserToken {
    const ID: &'static str = "app_user_token";
    const WHAT: &'static str =
        "The grant of the person who consented, its age and whether it carries MFA";
    const ASK: Ask = Ask::login("/oauth2/v2.0/token");
    const PERMISSION: &'static str = "user_impersonation (Partner Center, delegated)";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/partner-center/developer/enable-secure-app-model";
    const INTERVAL: Duration = Duration::from_secs(300);
    const METRICS: &'static [&'static Metric] =
        &[&MFA_CLAIM, &SUCCESS, &REFRESHED, &FAILURE, &CONSENTED, &OBTAINED, &EXPIRY];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let tokens = client.app_user().ok_or(FetchError::Internal)?;
        let grant = tokens.grant().ok_or(FetchError::Internal)?;
        let error = match grant.look().await {
            Err(error) if error.is_missing_grant() => Some(error),
            // What else keeps us from looking keeps us from using it, too, once that is due.
            _ => tokens.bearer(client.partner_center_audience()).await.err(),
        };
        match error {
            // What passes by itself says nothing about the grant.
            Some(error) if error.is_transient() => Err(FetchError::of_token(&error)),
            error => Ok(Rows::single(Self::of(grant.standing(), error.as_ref()))),
        }
    }

    fn observe(&self, samples: &mut Samples) {
        samples.flag(&SUCCESS, [], self.refusal.is_none());
        if let Some((reason, _)) = self.refusal {
            samples.push(&FAILURE, [("reason", reason)], 1.0);
        }
        if let Some(claims) = &self.claims {
            samples.flag(&MFA_CLAIM, [], claims.is_mfa);
        }
        let moments = [
            (&REFRESHED, self.refreshed),
            (&CONSENTED, self.consented),
            (&OBTAINED, self.obtained),
            (&EXPIRY, self.expires),
        ];
        for (metric, moment) in moments {
            if let Some(moment) = moment {
                samples.push(metric, [], moment.as_millisecond() as f64 / 1000.0);
            }
        }
    }
}

impl AppUserToken {
    fn of(standing: Standing, refusal: Option<&TokenError>) -> Self {
        // What is remembered of one that is gone is kept for when it comes back, and shown to nobody.
        let is_there = !refusal.is_some_and(TokenError::is_missing_grant);
        let dates = standing.dates.filter(|_| is_there);
        Self {
            claims: standing.claims.filter(|_| refusal.is_none()),
            refusal: refusal.map(|error| (error.reason(), error.remedy())),
            obtained: dates.as_ref().map(|dates| dates.obtained),
            expires: dates.as_ref().map(Dates::expires),
            consented: dates.map(|dates| dates.consented),
            refreshed: standing.used,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::oauth::{Grant, Store, TokenFile};

    fn shown(token: &AppUserToken) -> String {
        let mut samples = Samples::of_tenant("t");
        token.observe(&mut samples);
        samples.to_string()
    }

    #[test]
    fn a_grant_that_works_has_dates_and_says_whether_mfa_was_done() {
        let claims = Claims {
            is_mfa: true,
            account: None,
            roles: None,
            tenant: None,
            is_application: false,
        };
        let at = |seconds| Some(Timestamp::from_second(seconds).unwrap());
        let token = AppUserToken {
            claims: Some(claims),
            obtained: at(100),
            expires: at(200),
            ..AppUserToken::default()
        };
        let shown = shown(&token);
        assert!(shown.contains("token_mfa_claim{tenant=\"t\"} 1\n"), "{shown}");
        assert!(shown.contains("token_refresh_success{tenant=\"t\"} 1\n"), "{shown}");
        assert!(shown.contains("expiry_timestamp_seconds{tenant=\"t\"} 200\n"), "{shown}");
        assert!(!shown.contains("failure") && !shown.contains("last_success"), "{shown}");
    }

    #[tokio::test]
    async fn a_grant_that_is_gone_has_no_dates() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("token");
        std::fs::write(&path, "R1").unwrap();
        let clock = Clock::driven(Timestamp::UNIX_EPOCH);
        let grant = Grant::borrowed(Store::File(TokenFile::new(&path)), clock);
        grant.look().await.unwrap();
        assert!(shown(&AppUserToken::of(grant.standing(), None)).contains("expiry_timestamp"));
        std::fs::remove_file(&path).unwrap();
        let missing = grant.look().await.unwrap_err();
        let shown = shown(&AppUserToken::of(grant.standing(), Some(&missing)));
        assert!(shown.contains("reason=\"grant_missing\"} 1\n"), "{shown}");
        assert!(!shown.contains("timestamp"), "{shown}");
    }

    #[test]
    fn a_grant_that_is_refused_says_why_and_claims_nothing() {
        let token =
            AppUserToken { refusal: Some(("grant_revoked", "consent")), ..AppUserToken::default() };
        let shown = shown(&token);
        assert!(shown.contains("token_refresh_success{tenant=\"t\"} 0\n"), "{shown}");
        assert!(shown.contains("{tenant=\"t\",reason=\"grant_revoked\"} 1\n"), "{shown}");
        assert!(!shown.contains("mfa_claim"), "{shown}");
    }
}
