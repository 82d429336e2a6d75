//! When we ask: every source on its own interval, on a thread of its own, and a page printed
//! whenever something changed.
//!
//! This is the only room that acts on the clock's word. The serving thread sees nothing of it but
//! [`View`], so that a slow page, a panicking reader or a stuck disk never keeps a scrape waiting;
//! and if this thread stops turning, the view says so and old truth does not pass for new.

mod memory;
mod tenant;
mod undecided;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::metrics::Press;
use crate::oauth::StoreError;
use crate::snapshot::{Report, Snapshot};
use crate::sources::{self, EachSource, Facts, Place, Source};
use crate::state::{StateDirectory, StateError};
use crate::telemetry::Telemetry;
use crate::transport::{self, Transport, TransportError};
use memory::Memory;
use tenant::Tenant;
pub use tenant::{AppUser, TenantSettings};

/// How often the exporter's own counters are printed anew.
const TICK: Duration = Duration::from_secs(5);

/// How long sources that finish together are waited for, so that they print one page.
const SETTLE: Duration = Duration::from_millis(100);

/// How often facts are judged anew although nothing was read: grace periods end by themselves.
const REJUDGE: Duration = Duration::from_secs(60);

/// A page older than this was printed by a thread that has stopped turning.
const STALLED: Duration = Duration::from_secs(60);

/// How long the collecting thread may take to end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Pages in flight at once in the whole process; each may hold a body and what it inflated to.
const PAGES_IN_FLIGHT: usize = 4;

/// What collecting is made from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The partner tenants.
    pub tenants: Vec<TenantSettings>,
    /// The way out.
    pub transport: transport::Settings,
    /// Where what survives a restart is kept, if anywhere.
    pub state_directory: Option<PathBuf>,
    /// Whether the refresh tokens that come with each use are kept; whoever only looks leaves grants
    /// as they are.
    pub keeps_grants: bool,
}

/// Why collecting could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The way out could not be made.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A grant cannot be kept.
    #[error(transparent)]
    Grant(#[from] StoreError),
    /// The system gave no thread or no runtime.
    #[error("cannot start the collecting thread: {0}")]
    Thread(std::io::Error),
}

/// What the serving side sees.
#[derive(Debug, Clone)]
pub struct View {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    clock: Clock,
}

impl View {
    /// The latest snapshot, or `None` if the collecting thread has stopped turning.
    pub fn current(&self) -> Option<Arc<Snapshot>> {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let age = self.clock.uptime().saturating_sub(snapshot.printed);
        (age <= STALLED).then_some(snapshot)
    }

    /// Waits until a snapshot satisfies `condition` and returns it; `None` if collecting ended.
    pub async fn wait_for(
        &mut self,
        mut condition: impl FnMut(&Snapshot) -> bool,
    ) -> Option<Arc<Snapshot>> {
        let found = self.snapshots.wait_for(|snapshot| condition(snapshot)).await;
        found.ok().map(|snapshot| Arc::clone(&snapshot))
    }
}

/// Collecting, under way on its own thread. Dropping it stops it.
#[derive(Debug)]
pub struct Collecting {
    view: View,
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<Result<(), StartError>>>,
    ended: watch::Receiver<bool>,
}

impl Collecting {
    /// Starts the thread. The first page, on which nothing is known yet, is ready on return.
    pub fn start(
        settings: Settings,
        clock: Clock,
        telemetry: Telemetry,
    ) -> Result<Self, StartError> {
        let mut press = Press::default();
        let unread = settings.tenants.iter().map(|tenant| Arc::new(tenant.unread(&clock)));
        let first =
            Snapshot::print(&mut press, unread.collect(), telemetry.families(), clock.uptime());
        let (snapshots, seen) = watch::channel(Arc::new(first));
        let (stop, stopped) = watch::channel(false);
        let (end, ended) = watch::channel(false);
        let loop_clock = clock.clone();
        let thread = std::thread::Builder::new()
            .name("collect".to_owned())
            .spawn(move || {
                let collected = collect(settings, loop_clock, telemetry, press, snapshots, stopped);
                end.send_replace(true);
                collected
            })
            .map_err(StartError::Thread)?;
        let view = View { snapshots: seen, clock };
        Ok(Self { view, stop, thread: Some(thread), ended })
    }

    /// What is known.
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// Waits until the thread ends, which it does by itself only when it could not begin.
    pub async fn ended(&self) {
        // An error means that the thread is gone, which is what is waited for.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Stops and waits for the thread, but not for ever: one that hangs on a file or a name server
    /// must not keep the program alive.
    pub async fn stop(mut self) -> Result<(), StartError> {
        self.stop.send_replace(true);
        if tokio::time::timeout(FAREWELL, self.ended()).await.is_err() {
            tracing::warn!("collecting does not end; going without it");
            return Ok(());
        }
        match self.thread.take().map(std::thread::JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(StartError::Thread(std::io::Error::other("it panicked"))),
            None => Ok(()),
        }
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

fn collect(
    settings: Settings,
    clock: Clock,
    telemetry: Telemetry,
    press: Press,
    snapshots: watch::Sender<Arc<Snapshot>>,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Thread)?;
    let state = settings.state_directory.as_deref().map(StateDirectory::open).transpose()?;
    let memory = Memory::recall(state)?;
    let transport = Transport::new(&settings.transport)?;
    let in_flight = Arc::new(Semaphore::new(PAGES_IN_FLIGHT));
    let changed = Arc::new(Notify::new());
    let tenants: Vec<Arc<Tenant>> = settings
        .tenants
        .into_iter()
        .map(|tenant| {
            let past = memory.past(&tenant.name)?;
            let (transport, in_flight) = (transport.clone(), Arc::clone(&in_flight));
            let keeps = settings.keeps_grants;
            let tenant =
                Tenant::new(tenant, transport, &clock, &telemetry, in_flight, past, keeps)?;
            Ok(Arc::new(tenant))
        })
        .collect::<Result<_, StartError>>()?;
    runtime.block_on(async {
        let mut readers = Readers {
            tasks: JoinSet::new(),
            tenant: None,
            clock: clock.clone(),
            changed: Arc::clone(&changed),
        };
        for tenant in &tenants {
            readers.tenant = Some(Arc::clone(tenant));
            sources::each(&mut readers);
        }
        let publisher = Publisher { tenants, clock, telemetry, press, snapshots, memory };
        tokio::select! {
            () = publisher.run(&changed) => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    });
    // A name that is still being looked up is nobody's concern any more.
    runtime.shutdown_background();
    Ok(())
}

/// Starts a reader for each enabled source of a tenant.
struct Readers {
    tasks: JoinSet<()>,
    tenant: Option<Arc<Tenant>>,
    clock: Clock,
    changed: Arc<Notify>,
}

impl EachSource for Readers {
    fn source<S: Source>(&mut self, place: Place<S>) {
        let Some(tenant) = self.tenant.clone() else { return };
        if tenant.schedule(S::ID).enabled {
            let (clock, changed) = (self.clock.clone(), Arc::clone(&self.changed));
            self.tasks.spawn(async move {
                let mut turned = tenant.turned();
                tenant.tried_all(S::AFTER, &mut turned).await;
                loop {
                    let pause = tenant.read::<S>(&place, &clock).await;
                    changed.notify_one();
                    tokio::select! {
                        () = clock.sleep(pause) => {}
                        () = tenant.wanted::<S>(&clock, &mut turned) => {}
                    }
                }
            });
        }
    }
}

/// Judges what changed and prints pages.
struct Publisher {
    tenants: Vec<Arc<Tenant>>,
    clock: Clock,
    telemetry: Telemetry,
    press: Press,
    snapshots: watch::Sender<Arc<Snapshot>>,
    memory: Memory,
}

impl Publisher {
    async fn run(mut self, changed: &Notify) {
        let mut judged: Vec<Judged> =
            self.tenants.iter().map(|tenant| self.judge(tenant)).collect();
        loop {
            let tick = self.clock.sleep(TICK);
            tokio::select! {
                () = changed.notified() => self.clock.sleep(SETTLE).await,
                () = tick => {}
            }
            for (tenant, judged) in self.tenants.iter().zip(&mut judged) {
                if tenant.take_changed() || self.clock.uptime() >= judged.again {
                    *judged = self.judge(tenant);
                }
            }
            self.memory.note(&self.tenants);
            self.telemetry.snapshot_printed();
            let reports = judged.iter().map(|judged| Arc::clone(&judged.report)).collect();
            let own = self.telemetry.families();
            let snapshot = Snapshot::print(&mut self.press, reports, own, self.clock.uptime());
            self.snapshots.send_replace(Arc::new(snapshot));
        }
    }

    fn judge(&self, tenant: &Tenant) -> Judged {
        let now = self.clock.now();
        let (facts, standings, expiry) = tenant.facts(&self.clock);
        let again = self.clock.uptime() + expiry.map_or(REJUDGE, |expiry| expiry.min(REJUDGE));
        let token_failure = tenant.token_failure();
        let judge = |facts: &Facts| {
            let standings = standings.clone();
            Report::of(&tenant.name, facts, &tenant.declared, standings, token_failure)
        };
        // A defect that one tenant's data brings to light must not end the others.
        let report = catch_unwind(AssertUnwindSafe(|| {
            tenant.tell_undecided(&facts);
            judge(&facts)
        }));
        let report = report.unwrap_or_else(|_| {
            tracing::error!(tenant = %tenant.name, "judging this tenant failed; please report it");
            judge(&Facts::failed(now))
        });
        Judged { report: Arc::new(report), again }
    }
}

/// A report, and when it has to be made anew although nothing was read.
struct Judged {
    report: Arc<Report>,
    /// In uptime.
    again: Duration,
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn if_collecting_stops_turning_old_truth_does_not_pass_for_new() {
        let clock = Clock::driven(Timestamp::UNIX_EPOCH);
        let (printer, snapshots) = watch::channel(Arc::new(Snapshot::default()));
        let view = View { snapshots, clock: clock.clone() };
        clock.turn(STALLED);
        assert!(view.current().is_some());
        clock.turn(Duration::from_millis(1));
        assert!(view.current().is_none());
        let printed = clock.uptime();
        printer.send_replace(Arc::new(Snapshot { printed, ..Snapshot::default() }));
        assert!(view.current().is_some());
    }
}
