//! One tenant while it is collected: its client, what its sources last said, and how they fare.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

use super::memory::Past;
use super::undecided::Undecided;
use crate::client::{self, Api, Bucket, Client, FetchError, Identities, Meters, Who};
use crate::clock::{Clock, age};
use crate::oauth::{self, Dates, Grant, StoreError, Tokens};
use crate::posture::Declarations;
use crate::snapshot::{Report, Standing};
use crate::sources::sign_ins::{Closed, SignIns, Uses};
use crate::sources::{
    self, CustomerDap, EachSource, Fact, Facts, Place, Rows, Schedule, Source, Unread,
};
use crate::telemetry::{ApiMeter, SourceMeter, Telemetry};
use crate::transport::Transport;

/// First pause after a failed reading; doubled with each further one, up to the interval.
const RETRY: Duration = Duration::from_secs(15);

/// Longest pause while no token is to be had.
const TOKEN_RETRY: Duration = Duration::from_secs(120);

/// What one tenant's collecting is made from.
#[derive(Debug, Clone)]
pub struct TenantSettings {
    /// The configured name, the value of the label `tenant`.
    pub name: String,
    /// Who we are there.
    pub oauth: oauth::Settings,
    /// For whom we act there, if for anybody.
    pub app_user: Option<AppUser>,
    /// How we ask there.
    pub client: client::Settings,
    /// When we ask what, by source id; a source that is not named has its defaults.
    pub schedules: BTreeMap<&'static str, Schedule>,
    /// What the operator declared.
    pub declared: Arc<Declarations>,
}

/// The application that acts for a person who consented.
#[derive(Debug, Clone)]
pub struct AppUser {
    /// How the application proves who it is.
    pub credential: oauth::Credential,
    /// Where the refresh token lives.
    pub home: oauth::Home,
}

impl TenantSettings {
    /// When `source` is read. What is told to nobody but a person is not asked for without one, and
    /// the partner security API, usage reports of Microsoft 365 and delegated administration not where
    /// they do not exist.
    fn schedule(&self, source: &sources::About) -> Schedule {
        let schedule =
            self.schedules.get(source.id).cloned().unwrap_or_else(|| Schedule::of(source));
        let can_be_asked = source.ask.who == Who::Application || self.app_user.is_some();
        let is_global = matches!(
            source.ask.bucket,
            Bucket::PartnerSecurity | Bucket::Usage | Bucket::Delegation | Bucket::Dap
        );
        let exists = !is_global || !self.declared.is_sovereign;
        Schedule { enabled: schedule.enabled && can_be_asked && exists, ..schedule }
    }

    /// Who we are when we act for a person, if we do.
    pub fn acting(&self) -> Option<oauth::Settings> {
        let credential = self.app_user.as_ref()?.credential.clone();
        Some(oauth::Settings { credential, ..self.oauth.clone() })
    }

    /// A client that asks as the application alone, for whoever reads one thing and goes. Grants and
    /// state are none of its business.
    pub fn client(&self, transport: Transport, clock: &Clock, telemetry: &Telemetry) -> Client {
        let watch = login_watch(&self.name, NO_TOKEN, telemetry);
        let application = Tokens::new(self.oauth.clone(), transport.clone(), clock.clone(), watch);
        let identities = Identities { application, app_user: None };
        let asked = meters_of(&self.name, telemetry);
        let in_flight = Arc::new(Semaphore::new(super::PAGES_IN_FLIGHT));
        Client::new(self.client.clone(), transport, identities, clock.clone(), asked, in_flight)
    }

    /// When the sign-in log is read, and how far back its figures reach.
    pub fn sign_ins(&self) -> Schedule {
        self.schedule(&sources::About::of::<SignIns>())
    }

    /// The report before anything was read.
    pub(super) fn unread(&self, clock: &Clock) -> Report {
        let standings = sources::all().into_iter().map(|about| (self.schedule(&about), about));
        let standings = standings
            .filter(|(schedule, _)| schedule.enabled)
            .map(|(schedule, about)| {
                Mark::default().standing(about.id, &schedule, clock.now(), clock.uptime())
            })
            .collect();
        Report::of(&self.name, &Facts::unread(clock.now()), &self.declared, standings, None)
    }
}

/// One tenant while it is collected.
pub(super) struct Tenant {
    pub(super) name: String,
    pub(super) declared: Arc<Declarations>,
    client: Client,
    schedules: BTreeMap<&'static str, Schedule>,
    meters: BTreeMap<&'static str, SourceMeter>,
    readings: Mutex<Readings>,
    undecided: Mutex<Undecided>,
    tokens: Tokens,
    app_user: Option<Tokens>,
    changed: AtomicBool,
    /// Counts readings, for those that wait for others.
    turned: watch::Sender<u64>,
}

/// What the sources said, and how they fare.
struct Readings {
    /// Last good facts, whatever their age.
    facts: Facts,
    marks: BTreeMap<&'static str, Mark>,
}

/// How one source fares.
#[derive(Debug, Default, Clone)]
struct Mark {
    tried: bool,
    failure: Option<FetchError>,
    /// Failures in a row.
    failures: u32,
    last_success: Option<Timestamp>,
    /// When it last succeeded in this process, in uptime.
    read: Option<Duration>,
    duration: Option<Duration>,
    rows: Option<u64>,
    /// Rows left out of the last good reading.
    rejected: u64,
}

impl Mark {
    /// How old the last success is: by the wall clock or by uptime, whichever says more. The wall
    /// clock may be set back, and uptime may stand still while the machine sleeps.
    fn age(&self, now: Timestamp, uptime: Duration) -> Option<Duration> {
        let by_wall = age(now, self.last_success?);
        Some(self.read.map_or(by_wall, |read| by_wall.max(uptime.saturating_sub(read))))
    }

    fn standing(
        &self,
        source: &'static str,
        schedule: &Schedule,
        now: Timestamp,
        uptime: Duration,
    ) -> Standing {
        let fresh = self.age(now, uptime).is_some_and(|age| age <= schedule.max_age);
        Standing {
            source,
            tried: self.tried,
            success: self.tried && self.failure.is_none(),
            last_success: self.last_success,
            duration: self.duration,
            rows: self.rows.filter(|_| fresh),
            failure: self.failure.as_ref().map(FetchError::reason),
            max_age: schedule.max_age,
        }
    }
}

impl Tenant {
    pub(super) fn new(
        settings: TenantSettings,
        transport: Transport,
        clock: &Clock,
        telemetry: &Telemetry,
        in_flight: Arc<Semaphore>,
        past: Past,
        keeps_grants: bool,
    ) -> Result<Self, StoreError> {
        let name = settings.name.clone();
        let all = sources::all();
        let schedules: BTreeMap<_, _> =
            all.iter().map(|about| (about.id, settings.schedule(about))).collect();
        let meters =
            all.iter().map(|about| (about.id, telemetry.source(&name, about.id))).collect();
        let marks = all.iter().map(|about| {
            // One that lies ahead was written by a clock that has been set back since.
            let last_success = past.last_successes.get(about.id).copied();
            let last_success = last_success.filter(|at| *at <= clock.now());
            (about.id, Mark { last_success, ..Mark::default() })
        });
        let watch = |gives_none| login_watch(&name, gives_none, telemetry);
        let acting = settings.acting();
        let tokens = Tokens::new(settings.oauth, transport.clone(), clock.clone(), watch(NO_TOKEN));
        let mut app_user = None;
        if let (Some(AppUser { home, .. }), Some(acting)) = (&settings.app_user, acting) {
            let store = home.store(&tokens, &transport);
            let grant = match keeps_grants {
                true => Grant::kept(store, past.grant, clock.clone())?,
                false => Grant::borrowed(store, clock.clone()),
            };
            let watch = watch("Microsoft gives no token for the person who consented");
            app_user =
                Some(Tokens::of_person(acting, grant, transport.clone(), clock.clone(), watch));
        }
        let asked = meters_of(&name, telemetry);
        let identities = Identities { application: tokens.clone(), app_user: app_user.clone() };
        let client =
            Client::new(settings.client, transport, identities, clock.clone(), asked, in_flight);
        let mut facts = Facts::unread(clock.now());
        // Gone on from, and not shown before it was.
        if past.sign_ins.is_some() || past.uses.is_some() {
            let recalled = SignIns::recalled(past.sign_ins, past.uses);
            facts.sign_ins = Fact::known(recalled, clock.now());
        }
        if let Some(flags) = past.customer_dap {
            facts.customer_dap = Fact::known(flags, clock.now());
        }
        let readings = Readings { facts, marks: marks.collect() };
        Ok(Self {
            name,
            declared: settings.declared,
            client,
            schedules,
            meters,
            readings: Mutex::new(readings),
            undecided: Mutex::default(),
            tokens,
            app_user,
            changed: AtomicBool::new(true),
            turned: watch::Sender::new(0),
        })
    }

    /// How old the grant of the person is for whom we act.
    pub(super) fn grant_dates(&self) -> Option<Dates> {
        self.app_user.as_ref()?.grant()?.standing().dates
    }

    pub(super) fn schedule(&self, source: &str) -> &Schedule {
        &self.schedules[source]
    }

    /// Why Microsoft gives no token at present.
    pub(super) fn token_failure(&self) -> Option<&'static str> {
        self.tokens.refusal()
    }

    /// Whether something was read or failed since this was last asked.
    pub(super) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    /// When each source last succeeded.
    pub(super) fn last_successes(&self) -> BTreeMap<String, Timestamp> {
        let readings = lock(&self.readings);
        let known = readings.marks.iter().filter_map(|(id, mark)| Some((id, mark.last_success?)));
        known.map(|(id, at)| ((*id).to_owned(), at)).collect()
    }

    /// Reads one source once, notes what came of it, and tells how long to pause.
    pub(super) async fn read<S: Source>(&self, place: &Place<S>, clock: &Clock) -> Duration {
        let started = clock.uptime();
        let client = self.client.clone();
        let (known, ..) = self.facts(clock);
        // In a task of its own, so that a panic in one reader is that source's failure.
        let (schedule, last) = (self.schedule(S::ID).clone(), self.last(place));
        let outcome =
            tokio::spawn(async move { S::fetch_on(&client, &known, schedule, last).await }).await;
        let outcome = outcome.unwrap_or(Err(FetchError::Internal));
        let duration = clock.uptime().saturating_sub(started);
        let rejected = outcome.as_ref().map_or(0, |rows| rows.rejected);
        self.meters[S::ID].refreshed(outcome.is_ok(), rejected);
        let pause = self.note(place, outcome, clock, duration);
        self.changed.store(true, Ordering::Release);
        self.turned.send_modify(|turns| *turns += 1);
        pause
    }

    /// Says in the log which policies have become undecided.
    pub(super) fn tell_undecided(&self, facts: &Facts) {
        lock(&self.undecided).tell(&self.name, facts, &self.declared);
    }

    /// The last good rows of a source, whatever their age, those of an earlier run included.
    fn last<S: Source>(&self, place: &Place<S>) -> Option<Arc<S>> {
        match (place.of)(&lock(&self.readings).facts) {
            Fact::Known { rows, .. } => Some(Arc::clone(rows)),
            Fact::Unread(_) => None,
        }
    }

    /// What is closed of the sign-in log, and what it showed of delegations, to be kept over a restart.
    pub(super) fn kept_of_sign_ins(&self) -> Option<(Arc<Closed>, Arc<Uses>)> {
        match &lock(&self.readings).facts.sign_ins {
            Fact::Known { rows, .. } => Some((Arc::clone(rows.closed()), Arc::clone(rows.uses()))),
            Fact::Unread(_) => None,
        }
    }

    /// Which customers have DAP, to be kept over a restart.
    pub(super) fn kept_of_customer_dap(&self) -> Option<Arc<CustomerDap>> {
        match &lock(&self.readings).facts.customer_dap {
            Fact::Known { rows, .. } => Some(Arc::clone(rows)),
            Fact::Unread(_) => None,
        }
    }

    /// Tells of every reading that has ended.
    pub(super) fn turned(&self) -> watch::Receiver<u64> {
        self.turned.subscribe()
    }

    /// Waits until each of these sources that is read at all has been tried.
    pub(super) async fn tried_all(&self, sources: &[&str], turned: &mut watch::Receiver<u64>) {
        let tried = |_: &u64| {
            let readings = lock(&self.readings);
            let waits = |source: &&&str| self.schedules[**source].enabled;
            sources.iter().filter(waits).all(|source| readings.marks[*source].tried)
        };
        // An error would mean that this tenant is gone, and then nobody waits.
        let _ = turned.wait_for(tried).await;
    }

    /// Waits until what other sources said asks for an earlier reading of this one.
    pub(super) async fn wanted<S: Source>(&self, clock: &Clock, turned: &mut watch::Receiver<u64>) {
        if S::AFTER.is_empty() {
            std::future::pending::<()>().await;
        }
        loop {
            turned.borrow_and_update();
            // Who fails waits as long as failures wait, whatever others say.
            let is_well = lock(&self.readings).marks[S::ID].failures == 0;
            if is_well && S::wants(&self.facts(clock).0) {
                return;
            }
            if turned.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn note<S: Source>(
        &self,
        place: &Place<S>,
        outcome: Result<Rows<S>, FetchError>,
        clock: &Clock,
        duration: Duration,
    ) -> Duration {
        let now = clock.now();
        let interval = self.schedules[S::ID].interval;
        let mut readings = lock(&self.readings);
        let Readings { facts, marks } = &mut *readings;
        let mark = marks.get_mut(S::ID).expect("every source has a mark from the start");
        mark.tried = true;
        mark.duration = Some(duration);
        match outcome {
            Ok(rows) => {
                if mark.failure.take().is_some() {
                    tracing::info!(tenant = %self.name, source = S::ID, "reads again");
                }
                // Said when it changes, and not at each reading.
                if rows.rejected > 0 && rows.rejected != mark.rejected {
                    let rows_rejected = rows.rejected;
                    tracing::warn!(tenant = %self.name, source = S::ID, rows_rejected, "rows left out");
                }
                mark.rejected = rows.rejected;
                mark.failures = 0;
                mark.last_success = Some(now);
                mark.read = Some(clock.uptime());
                mark.rows = Some(rows.accepted);
                *(place.of_mut)(facts) = Fact::known(rows.source, now);
                interval.mul_f64(1.0 - fastrand::f64() / 10.0)
            }
            Err(failure) => {
                let reason = failure.reason();
                let remedy = failure.remedy();
                let known = mark.failure.as_ref().map(FetchError::reason);
                let (tenant, source) = (&self.name, S::ID);
                // Said once, and what is about the token once for the whole tenant.
                if known == Some(reason) || failure.is_of_token() {
                    tracing::debug!(%tenant, source, reason, error = %failure, "still cannot be read");
                } else {
                    tracing::warn!(%tenant, source, reason, error = %failure, remedy, "cannot be read");
                }
                let doubled = RETRY.saturating_mul(1 << mark.failures.min(16)).min(interval);
                // Refusals of tokens are remembered, so asking again costs nothing, and what was
                // mended is seen soon.
                let longest = if failure.is_of_token() { TOKEN_RETRY } else { interval };
                let doubled = doubled.min(longest);
                mark.failures = mark.failures.saturating_add(1);
                let told = failure.retry_after().unwrap_or_default().min(Duration::from_secs(3600));
                mark.failure = Some(failure);
                doubled.mul_f64(1.0 - fastrand::f64() / 10.0).max(told)
            }
        }
    }

    /// The facts that hold at `now`, how every enabled source stands, and how long until the
    /// first of the facts no longer holds.
    pub(super) fn facts(&self, clock: &Clock) -> (Facts, Vec<Standing>, Option<Duration>) {
        let readings = lock(&self.readings);
        let mut held = Held {
            tenant: self,
            readings: &readings,
            facts: Facts::unread(clock.now()),
            uptime: clock.uptime(),
            standings: Vec::new(),
            expiry: None,
        };
        sources::each(&mut held);
        (held.facts, held.standings, held.expiry)
    }
}

/// What the log says while there is no token for the application.
const NO_TOKEN: &str = "Microsoft gives no token";

fn meter(tenant: &str, api: Api, telemetry: &Telemetry) -> ApiMeter {
    telemetry.api(tenant, api.as_str(), &FetchError::REASONS)
}

fn meters_of(tenant: &str, telemetry: &Telemetry) -> Meters {
    let meter = |api| meter(tenant, api, telemetry);
    Meters {
        graph: meter(Api::Graph),
        partner_center: meter(Api::PartnerCenter),
        dap: meter(Api::Dap),
    }
}

/// Counts requests for tokens, and says when their outcome changes.
fn login_watch(tenant: &str, gives_none: &'static str, telemetry: &Telemetry) -> oauth::Watch {
    let meter = meter(tenant, Api::Login, telemetry);
    let (said, tenant) = (Mutex::new(None), tenant.to_owned());
    Arc::new(move |exchange: &oauth::Exchange<'_>| {
        let failure = exchange.outcome.err();
        meter.asked(exchange.duration, failure.map(|error| error.class().as_str()));
        let reason = failure.map(oauth::TokenError::reason);
        let before = std::mem::replace(&mut *lock(&said), reason);
        match failure {
            Some(error) if before != reason => {
                tracing::warn!(%tenant, %error, remedy = error.remedy(), "{gives_none}");
            }
            None if before.is_some() => tracing::info!(%tenant, "tokens are had again"),
            _ => {}
        }
    })
}

/// Takes over what holds, source by source.
struct Held<'a> {
    tenant: &'a Tenant,
    readings: &'a Readings,
    facts: Facts,
    uptime: Duration,
    standings: Vec<Standing>,
    expiry: Option<Duration>,
}

impl EachSource for Held<'_> {
    fn source<S: Source>(&mut self, place: Place<S>) {
        let schedule = &self.tenant.schedules[S::ID];
        let now = self.facts.now;
        let fact = (place.of_mut)(&mut self.facts);
        if !schedule.enabled {
            *fact = Fact::Unread(Unread::NotConfigured);
            return;
        }
        let mark = &self.readings.marks[S::ID];
        *fact = match ((place.of)(&self.readings.facts), &mark.failure) {
            (Fact::Known { rows, at }, failure) if mark.read.is_some() => {
                let age = mark.age(now, self.uptime).unwrap_or(Duration::MAX);
                if age <= schedule.max_age {
                    let left = schedule.max_age - age + Duration::from_millis(1);
                    self.expiry = Some(self.expiry.map_or(left, |expiry| expiry.min(left)));
                    Fact::Known { rows: Arc::clone(rows), at: *at }
                } else {
                    Fact::Unread(too_old(failure.as_ref()))
                }
            }
            (_, Some(failure)) => Fact::Unread(Unread::after(failure)),
            (Fact::Known { .. }, None) => Fact::default(),
            (Fact::Unread(why), None) => Fact::Unread(*why),
        };
        self.standings.push(mark.standing(S::ID, schedule, now, self.uptime));
    }
}

/// What lets no source be read is the better answer to why nothing newer is known; whatever
/// passes by itself is not.
fn too_old(failure: Option<&FetchError>) -> Unread {
    match failure.map(Unread::after) {
        Some(why @ (Unread::Credential | Unread::Permission | Unread::License)) => why,
        _ => Unread::Stale,
    }
}

/// What is behind these locks is whole at every step, so one left by a panic is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
