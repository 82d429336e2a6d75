//! Whom to ask instead: a simulated Microsoft over plain HTTP, strict where Microsoft is strict.
//!
//! It speaks the documented shapes from its own world of people, so that what a reader concludes
//! can be held against [`Truth`]. It shares no type with the readers, so that no misreading of
//! theirs is also its own.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

mod account;
mod alerts;
mod assertion;
mod audit;
mod bearer;
mod census;
mod control;
mod customers;
mod dap;
mod dap_service;
mod directory;
mod downloads;
mod duty;
mod fate;
mod faults;
mod gdap;
mod grants;
mod graph;
mod http;
mod ledger;
mod managed;
mod names;
mod outlook;
mod partner_center;
mod person;
mod places;
mod plants;
mod policies;
mod policy;
mod privilege;
mod resellers;
mod roles;
mod scope;
mod score;
mod sign_in;
mod sign_in_log;
mod spoil;
mod state;
mod strength;
mod time;
mod tokens;
mod truth;
mod vault;
mod world;

#[cfg(test)]
mod tests;

pub use control::{Control, Seen};
pub use dap::Dap;
pub use faults::{FAULTS, Fault, FaultError};
pub use privilege::Privilege;
pub use sign_in_log::{ByMfa, Figures, Outcomes, SignIns};
pub use truth::{
    Admins, ByAccount, Customers, Fraud, Gdap, Open, PartnerCenter, Requests, Requirement, Score,
    Truth,
};

use state::State;

/// Tenant of the default [`Identity`].
pub const TENANT_ID: &str = "51301a7e-0000-4000-8000-00000000c59a";
/// Client of the default [`Identity`].
pub const CLIENT_ID: &str = "51301a7e-0000-4000-8000-0000000000a9";
/// Secret of the default [`Identity`]. It opens nothing but a simulator.
pub const CLIENT_SECRET: &str = "simulated-secret-that-opens-nothing-real";
/// Client of the application that acts for people in the default [`Identity`].
pub const APP_USER_CLIENT_ID: &str = "51301a7e-0000-4000-8000-0000000a9905";
/// Its secret. It opens nothing but a simulator.
pub const APP_USER_CLIENT_SECRET: &str = "simulated-secret-of-the-application-for-people";

/// Readers beyond this many connections wait to be accepted.
const CONNECTIONS: usize = 256;
/// How long answers under way may take once the simulator is told to stop.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long to leave the listener alone when a connection could not be accepted.
const RESPITE: Duration = Duration::from_millis(20);
/// How often a moving world moves.
const STEP: Duration = Duration::from_secs(4);

/// How many days the log of sign-ins is kept.
pub const LOG_DAYS: usize = 30;

/// What kind of Microsoft is simulated.
#[derive(Clone)]
pub struct Settings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Accounts in the partner tenant: members, guests, service and disabled accounts together.
    pub users: usize,
    /// Customers of the partner. Without any there are no alerts either, but those that are raised.
    pub customers: usize,
    /// Sign-ins a day, of which the log keeps [`LOG_DAYS`].
    pub sign_ins: usize,
    /// The same seed gives the same world.
    pub seed: u64,
    /// What goes wrong from the start; see [`Control::set_faults`].
    pub faults: Vec<Fault>,
    /// Who may have tokens.
    pub identity: Identity,
    /// `None` follows the machine's clock. With a moment, time stands still until
    /// [`Control::turn`].
    pub start: Option<Timestamp>,
    /// Whether the world moves by itself every few seconds, as [`Control::step`] does.
    pub moving: bool,
    /// Whether the tenant is a partner's; else it is an ordinary one.
    pub partner: bool,
    /// Whether the partner is an indirect reseller, whom Partner Center's API does not serve.
    pub indirect_reseller: bool,
    /// Whether the client is registered in Partner Center, which lets no other application in by
    /// itself.
    pub registered: bool,
    /// Application permissions granted to the client, as Microsoft names them.
    pub granted: Vec<String>,
    /// What the tenant has paid for.
    pub plan: Plan,
    /// Whether security defaults are on.
    pub security_defaults: bool,
    /// Whether the legacy per-user MFA state shows in the list of accounts, where Microsoft
    /// documents it nowhere.
    pub per_user_mfa_shown: bool,
    /// Whether MFA done in any other tenant is trusted.
    pub trusts_guest_mfa: bool,
    /// Whether Microsoft's limits on requests are enforced.
    pub enforce_throttles: bool,
    /// Whether a security contact is named in Partner Center.
    pub security_contact: bool,
    /// People who used Partner Center's portal without MFA.
    pub portal_without_mfa: usize,
    /// Requests that applications made of Partner Center for people in the past seven days.
    pub partner_requests: usize,
    /// How long a refresh token is still accepted after another was first given in its place.
    pub grant_grace: Duration,
}

impl Default for Settings {
    /// A partner of 240 people and 40 customers on a free port of the loopback interface, with all
    /// that is needed granted.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            users: 240,
            customers: 40,
            sign_ins: 0,
            seed: 1,
            faults: Vec::new(),
            identity: Identity::default(),
            start: None,
            moving: false,
            partner: true,
            indirect_reseller: false,
            registered: true,
            granted: graph::NEEDED_PERMISSIONS.iter().map(|&name| name.to_owned()).collect(),
            plan: Plan::P2,
            security_defaults: false,
            per_user_mfa_shown: true,
            trusts_guest_mfa: false,
            enforce_throttles: true,
            security_contact: true,
            portal_without_mfa: 2,
            partner_requests: 400,
            grant_grace: Duration::from_secs(3600),
        }
    }
}

/// The Entra ID plan of the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Entra ID P2.
    P2,
    /// Entra ID P1.
    P1,
    /// Entra ID Free: logs, reports and Conditional Access are refused.
    None,
}

/// The applications that may have tokens, and how they may prove themselves.
#[derive(Clone)]
pub struct Identity {
    /// Directory id of the partner tenant, a lower-case GUID.
    pub tenant_id: String,
    /// Application (client) id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
    /// Application (client) id of the one that acts for people; may be the same.
    pub app_user_client_id: String,
    /// Its client secret.
    pub app_user_client_secret: String,
    /// Certificates uploaded for either application.
    pub assertion_keys: Vec<AssertionKey>,
    /// Tokens of another identity provider, accepted as they are written here.
    pub federated_tokens: Vec<String>,
    /// Whether the instance metadata endpoint of virtual machines hands out tokens.
    pub managed_identity: bool,
    /// The header value that App Service's token endpoint wants; `None` where there is none.
    pub app_service_header: Option<String>,
}

impl Default for Identity {
    /// The demo's ids and secret, and no other way in.
    fn default() -> Self {
        Self {
            tenant_id: TENANT_ID.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            app_user_client_id: APP_USER_CLIENT_ID.to_owned(),
            app_user_client_secret: APP_USER_CLIENT_SECRET.to_owned(),
            assertion_keys: Vec::new(),
            federated_tokens: Vec::new(),
            managed_identity: false,
            app_service_header: None,
        }
    }
}

/// A certificate an assertion may be signed with.
#[derive(Clone)]
pub struct AssertionKey {
    /// SHA-256 of the certificate's DER, which the assertion names as `x5t#S256`.
    pub thumbprint_sha256: [u8; 32],
    /// The public key as PKCS#1 `RSAPublicKey` in DER.
    pub rsa_public_key_der: Vec<u8>,
}

/// A simulated Microsoft, listening and not yet answering.
pub struct Simulator {
    listener: TcpListener,
    address: SocketAddr,
    control: Control,
    moving: bool,
}

impl Simulator {
    /// Makes the world and opens the port.
    pub async fn bind(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let moving = settings.moving;
        Ok(Self { listener, address, control: Control::new(State::new(settings)), moving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The hand that changes this world while it is served.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Answers until `stop` is ready.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut step = tokio::time::interval(STEP);
        step.reset(); // The first move comes after one interval, not at once.
        let mut connections = JoinSet::new();
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                _ = step.tick(), if self.moving => {
                    self.control.step();
                    continue;
                }
                Some(_) = connections.join_next() => continue,
                accepted = accept(&self.listener, &places) => accepted,
            };
            // What fails is one connection that left too early, or files have run out for a while.
            let Ok((stream, place)) = accepted else {
                time::dawdle(RESPITE).await;
                continue;
            };
            let (control, address) = (self.control.clone(), self.address);
            let (wire, cutter) = http::Wire::new(stream);
            let service = service_fn(move |request| {
                http::exchange(control.clone(), address, cutter.clone(), request)
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(wire), service);
            let connection = graceful.watch(connection);
            connections.spawn(async move {
                // An error here is the reader's hanging up, or a fault that was asked for.
                let _ = connection.await;
                drop(place);
            });
        }
        drop(self.listener);
        let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

/// The tenant configuration (YAML) with which a reader asks this simulator instead of Microsoft.
///
/// The secret itself, [`CLIENT_SECRET`], is for the caller to write to `client_secret_file`.
pub fn configuration(address: SocketAddr, client_secret_file: &Path) -> String {
    let file = quoted(client_secret_file);
    format!(
        "\
tenants:
  - name: contoso
    tenant_id: {TENANT_ID}
    cloud: global
    credential:
      client_id: {CLIENT_ID}
      client_secret_file: {file}
    endpoints:
      login: http://{address}
      graph: http://{address}/graph
      partner_center: http://{address}/partnercenter
      dap: http://{address}/dap
"
    )
}

/// The same for a reader who acts for a person, too.
///
/// [`APP_USER_CLIENT_SECRET`] is for the caller to write to the second file, and a grant, such as
/// [`Control::grant`] mints, to the third.
pub fn configuration_with_app_user(
    address: SocketAddr,
    client_secret_file: &Path,
    app_user_secret_file: &Path,
    refresh_token_file: &Path,
) -> String {
    let (secret, grant) = (quoted(app_user_secret_file), quoted(refresh_token_file));
    let alone = configuration(address, client_secret_file);
    format!(
        "\
{alone}    app_user:
      client_id: {APP_USER_CLIENT_ID}
      client_secret_file: {secret}
      refresh_token_file: {grant}
"
    )
}

/// A JSON string is a YAML string too, whatever stands in the path.
fn quoted(path: &Path) -> serde_json::Value {
    serde_json::Value::from(path.to_string_lossy())
}
