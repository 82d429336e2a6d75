//! The one-time sign-in with MFA that yields the Secure Application Model's refresh token.
//!
//! Nothing is stored before the token was seen to carry MFA. A running exporter finds the new grant
//! by itself.

mod loopback;

use std::process::ExitCode;
use std::time::Duration;

use jiff::SignedDuration;

use super::{Context, Failure, print, serve};
use crate::clock::Clock;
use crate::config;
use crate::config::flags;
use crate::oauth::{Audiences, Consent, ConsentError, Grant, NewGrant, Tokens};
use crate::refresh::{AppUser, Settings, TenantSettings};
use crate::transport::Transport;
use loopback::Loopback;

/// How long a person may take to sign in.
const PATIENCE: Duration = Duration::from_secs(900);

/// Nothing was stored, for want of MFA or of a person.
const NOT_STORED: u8 = 1;

pub(super) fn run(flags: &flags::Consent, context: Context) -> Result<ExitCode, Failure> {
    let Settings { tenants, transport, .. } = config::load(&flags.config_file)?;
    let tenant = chosen(tenants, flags.tenant.as_deref())?;
    let transport = Transport::new(&transport)?;
    serve::runtime()?.block_on(consent(flags, tenant, transport, context.clock))
}

async fn consent(
    flags: &flags::Consent,
    tenant: TenantSettings,
    transport: Transport,
    clock: Clock,
) -> Result<ExitCode, Failure> {
    let (Some(acting), Some(AppUser { home, .. })) = (tenant.acting(), &tenant.app_user) else {
        return Err(missing(&tenant.name).into());
    };
    let nobody_counts = std::sync::Arc::new(|_: &crate::oauth::Exchange<'_>| {});
    let application =
        Tokens::new(tenant.oauth.clone(), transport.clone(), clock.clone(), nobody_counts);
    let grant = Grant::borrowed(home.store(&application, &transport), clock.clone());
    // Better now than after the sign-in.
    grant.try_out().await.map_err(|error| format!("{error}; {}", error.remedy()))?;
    let audiences = Audiences {
        graph: tenant.client.graph_audience.clone(),
        partner_center: tenant.client.partner_center_audience.clone(),
    };
    let consent = Consent::new(acting, audiences, transport, clock.clone());
    let outcome = match flags.device_code {
        true => by_device(&consent, &grant).await,
        false => by_browser(&consent, &grant, flags.redirect_port, &clock).await,
    };
    match outcome {
        Ok(new) => {
            print(&stored(&new, &home.to_string(), &clock));
            Ok(ExitCode::SUCCESS)
        }
        Err(Outcome::Refused(error)) => {
            super::complain(&error.to_string());
            Ok(ExitCode::from(NOT_STORED))
        }
        Err(Outcome::Failed(error)) => Err(error),
    }
}

/// Why there is no new grant.
enum Outcome {
    /// Microsoft or the person said no.
    Refused(ConsentError),
    /// We could not.
    Failed(Failure),
}

impl From<ConsentError> for Outcome {
    fn from(error: ConsentError) -> Self {
        Self::Refused(error)
    }
}

async fn by_browser(
    consent: &Consent,
    grant: &Grant,
    port: u16,
    clock: &Clock,
) -> Result<NewGrant, Outcome> {
    let failed = |error: std::io::Error| Outcome::Failed(error.into());
    let mut loopback = Loopback::bind(port).await.map_err(failed)?;
    let invitation = consent.invite(loopback.address())?;
    print(&format!(
        "Sign in with MFA, with the account that is to act for the exporter: one of its own, Admin \
         agent in\nPartner Center, and no Global Administrator. Open on this machine:\n\n{}\n",
        invitation.address
    ));
    let answered = tokio::select! {
        answered = loopback.answer() => answered.map_err(failed)?,
        () = clock.sleep(PATIENCE) => return Err(ConsentError::TooLate.into()),
    };
    let outcome = match consent.accept(&invitation, &answered.address).await {
        Ok(new) => keep(grant, &new).await.map(|()| new),
        Err(error) => Err(error.into()),
    };
    let told = match &outcome {
        Ok(_) => "The grant is stored. You may close this page.".to_owned(),
        Err(Outcome::Refused(error)) => error.to_string(),
        Err(Outcome::Failed(error)) => error.to_string(),
    };
    answered.tell(&told);
    loopback.finish().await;
    outcome
}

async fn by_device(consent: &Consent, grant: &Grant) -> Result<NewGrant, Outcome> {
    let invitation = consent.invite_device().await?;
    print(&format!(
        "Beware: whoever is given such a code by somebody else hands over their account. Enter only a \
         code that\nyou asked for yourself, and prefer the sign-in in a browser where there is one; \
         many tenants block this one.\n\nOn any machine, open {} and enter {}\n",
        invitation.verification_uri, invitation.user_code
    ));
    let new = consent.accept_device(&invitation).await?;
    keep(grant, &new).await?;
    Ok(new)
}

async fn keep(grant: &Grant, new: &NewGrant) -> Result<(), Outcome> {
    let kept = grant.begin(&new.refresh_token).await;
    kept.map_err(|error| Outcome::Failed(format!("{error}; {}", error.remedy()).into()))
}

/// What was stored where, and what to think of the account.
fn stored(new: &NewGrant, home: &str, clock: &Clock) -> String {
    const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
    let until = clock.now().saturating_add(LIFE).unwrap_or(jiff::Timestamp::MAX);
    let mut said = format!(
        "The grant carries MFA and is stored in {home}. It lives until {} unless it is used, which \
         the exporter\ndoes every hour; a running exporter finds it within minutes.",
        until.strftime("%Y-%m-%d")
    );
    let account = new.claims.account.as_ref().map_or_else(String::new, |id| format!(" ({id})"));
    match new.claims.is_global_administrator() {
        Some(true) => {
            said += &format!(
                "\n\nWarning: this account{account} is a Global Administrator. Whoever steals the \
                 grant is one, too. Microsoft\nadvises against it; use an account of its own that is \
                 Admin agent, and run this command again."
            );
        }
        Some(false) => {}
        None => {
            said += "\n\nThe token does not list the account's roles; see for yourself that it is no \
                     Global Administrator.";
        }
    }
    if let Some(error) = &new.without_graph {
        said += &format!(
            "\n\nWarning: Microsoft Graph gives no token for it ({error}), so that fraud alerts come \
             from Partner Center's older\nlist only. Add the delegated permission \
             PartnerSecurity.Read.All to the application and grant admin consent."
        );
    }
    said
}

/// The tenant that is meant.
fn chosen(tenants: Vec<TenantSettings>, name: Option<&str>) -> Result<TenantSettings, Failure> {
    let names = tenants.iter().map(|tenant| tenant.name.clone()).collect::<Vec<_>>().join(", ");
    let mut meant = tenants.into_iter().filter(|tenant| match name {
        Some(name) => tenant.name == name,
        None => tenant.app_user.is_some(),
    });
    match (meant.next(), meant.next(), name) {
        (Some(tenant), None, _) => Ok(tenant),
        (Some(_), Some(_), _) => {
            Err(format!("several tenants have an app_user; say which with --tenant: {names}")
                .into())
        }
        (None, _, Some(name)) => {
            Err(format!("no tenant is called `{name}`; there are: {names}").into())
        }
        (None, _, None) => Err(missing(&names).into()),
    }
}

fn missing(tenant: &str) -> String {
    format!(
        "no app_user is configured for {tenant}; add it to the tenant, with client_id, a credential \
         and refresh_token_file"
    )
}
