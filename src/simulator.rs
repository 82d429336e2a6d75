//! A simulated Microsoft: the other party, for the demo and for tests.
//!
//! It stands apart from the rooms that read it, shares no type with them, and speaks Microsoft's
//! documented spelling, odd ones included. It enforces what Microsoft enforces (permissions per
//! path, page sizes, licences, pace) and misbehaves on demand. That it behaves so is no evidence
//! that Microsoft does; Microsoft's documents are.

mod faults;
mod graph;
mod http;
mod time;
mod tokens;
mod world;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::net::TcpListener;

pub use faults::Fault;
pub use tokens::{AssertionKey, Identity};
pub use world::Truth;

use time::Time;
use tokens::Issued;
use world::World;

/// How often a moving world moves.
const STEP: Duration = Duration::from_secs(4);

/// How many requests are remembered.
const REMEMBERED: usize = 10_000;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 for any.
    pub listen: SocketAddr,
    /// Accounts in the tenant.
    pub users: usize,
    /// Customers of the partner; a later world shows them.
    pub customers: usize,
    /// Sign-ins in the log; a later world shows them.
    pub sign_ins: usize,
    /// Another number, another tenant.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// Who is let in.
    pub identity: Identity,
    /// The moment the world stands still at until [`Control::turn`]; `None` for the wall clock.
    pub start: Option<Timestamp>,
    /// Whether the world moves by itself.
    pub moving: bool,
    /// Whether the tenant is a partner's.
    pub partner: bool,
    /// Application permissions granted.
    pub granted: Vec<String>,
    /// The Entra ID plan bought.
    pub plan: Plan,
    /// Whether security defaults are on.
    pub security_defaults: bool,
    /// Whether the tenant's pace is enforced; only where time runs.
    pub enforce_throttles: bool,
}

/// The Entra ID plan a simulated tenant has bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// None.
    Free,
    /// P1.
    P1,
    /// P2, in a suite that lists it alone.
    P2,
}

impl Default for Settings {
    fn default() -> Self {
        let granted = [
            "AuditLog.Read.All",
            "Directory.Read.All",
            "LicenseAssignment.Read.All",
            "Organization.Read.All",
            "Policy.Read.All",
            "User.Read.All",
        ];
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            users: 240,
            customers: 40,
            sign_ins: 2_000,
            seed: 1,
            faults: Vec::new(),
            identity: Identity::default(),
            start: None,
            moving: false,
            partner: true,
            granted: granted.map(str::to_owned).to_vec(),
            plan: Plan::P2,
            security_defaults: false,
            enforce_throttles: true,
        }
    }
}

/// A request as it was seen.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Status of the answer, 0 where the connection was broken off.
    pub status: u16,
    /// Whether a bearer token came with it.
    pub authorized: bool,
    /// Headers that matter, by lower-case name.
    pub headers: std::collections::BTreeMap<String, String>,
}

/// Everything the simulated Microsoft knows.
struct State {
    settings: Settings,
    time: Time,
    world: Mutex<World>,
    faults: Mutex<Vec<Fault>>,
    issued: Mutex<Issued>,
    seen: Mutex<VecDeque<Seen>>,
    chance: Mutex<fastrand::Rng>,
    reports: Mutex<VecDeque<Duration>>,
}

impl State {
    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    fn note(&self, seen: Seen) {
        let mut log = lock(&self.seen);
        if log.len() == REMEMBERED {
            log.pop_front();
        }
        log.push_back(seen);
    }

    /// Whether a fault of this kind holds for `path`, and its argument.
    fn fault(&self, kind: &str, path: &str) -> Option<Fault> {
        lock(&self.faults).iter().find(|fault| fault.is(kind, path)).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A simulated Microsoft, bound to its address.
pub struct Simulator {
    listener: TcpListener,
    address: SocketAddr,
    state: Arc<State>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Simulator({})", self.address)
    }
}

impl Simulator {
    /// Makes the world and binds the address.
    ///
    /// # Errors
    /// Those of binding.
    pub async fn bind(settings: Settings) -> std::io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let time = Time::new(settings.start);
        let state = State {
            world: Mutex::new(World::new(&settings, time.now())),
            faults: Mutex::new(settings.faults.clone()),
            issued: Mutex::default(),
            seen: Mutex::default(),
            chance: Mutex::new(fastrand::Rng::with_seed(settings.seed)),
            reports: Mutex::default(),
            time,
            settings,
        };
        Ok(Self { listener, address, state: Arc::new(state) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The strings to pull while it serves.
    pub fn control(&self) -> Control {
        Control(Arc::clone(&self.state))
    }

    /// Serves until `stop` completes.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let control = self.control();
        let moving = self.state.settings.moving;
        tokio::select! {
            () = http::serve(self.listener, &self.state) => {}
            () = time::every(STEP, || { control.step(); }), if moving => {}
            () = stop => {}
        }
    }
}

/// The strings to pull while it serves.
#[derive(Clone)]
pub struct Control(Arc<State>);

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Control")
    }
}

impl Control {
    /// From now on these faults, and no others.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        *lock(&self.0.faults) = faults;
    }

    /// Moves simulated time forward, where it stands still.
    pub fn turn(&self, by: Duration) {
        self.0.time.turn(by);
    }

    /// One move of the world: someone is hired, or someone registers a method. Tells which.
    pub fn step(&self) -> String {
        self.0.world().step(self.0.time.now())
    }

    /// How things truly are.
    pub fn truth(&self) -> Truth {
        self.0.world().truth(self.0.time.now())
    }

    /// The requests seen, oldest first.
    pub fn requests(&self) -> Vec<Seen> {
        lock(&self.0.seen).iter().cloned().collect()
    }

    /// How many tokens were given out.
    pub fn tokens_issued(&self) -> u64 {
        lock(&self.0.issued).count()
    }
}

/// The tenant's entry in the configuration of an exporter that is to watch the simulator at
/// `address`.
pub fn configuration(address: SocketAddr, identity: &Identity, secret_file: &str) -> String {
    format!(
        "tenants:\n\
         \x20 - name: simulated\n\
         \x20   tenant_id: {}\n\
         \x20   credential:\n\
         \x20     client_id: {}\n\
         \x20     client_secret_file: {secret_file}\n\
         \x20   endpoints:\n\
         \x20     login: http://{address}\n\
         \x20     graph: http://{address}/graph\n\
         \x20     partner_center: http://{address}/partnercenter\n",
        identity.tenant_id, identity.client_id
    )
}

#[cfg(test)]
mod tests;
