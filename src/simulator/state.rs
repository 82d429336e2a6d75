//! Everything that changes while the simulator runs, behind one lock.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::alerts::Alerts;
use super::audit::Audit;
use super::bearer::Tokens;
use super::control::Seen;
use super::customers::{self, Customer};
use super::dap::{self, Dap};
use super::downloads::Downloads;
use super::faults::{Fault, Kind, Side};
use super::gdap;
use super::grants::Grants;
use super::graph::Throttles;
use super::outlook;
use super::partner_center::{self, Meter};
use super::person;
use super::privilege::Privilege;
use super::resellers::{self, Reseller};
use super::score::{self, History};
use super::sign_in_log::Log;
use super::time::Time;
use super::truth::{Circumstances, Customers, Fraud, Score, Truth};
use super::vault::Vault;
use super::world::World;
use super::{Plan, Settings};

/// How many requests are remembered.
const REMEMBERED: usize = 10_000;

/// Once in so many moves of the world a delegation of old is taken back.
const STEPS_PER_REMOVAL: u64 = 12;

pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) world: World,
    pub(super) customers: Vec<Customer>,
    /// The number of the customer that comes next.
    next_customer: usize,
    steps: u64,
    pub(super) gdap: Vec<gdap::Relationship>,
    pub(super) resellers: Vec<Reseller>,
    pub(super) alerts: Alerts,
    pub(super) audit: Audit,
    pub(super) history: History,
    pub(super) log: Log,
    pub(super) time: Time,
    /// When it was made.
    pub(super) born: Timestamp,
    pub(super) meter: Meter,
    pub(super) tokens: Tokens,
    pub(super) grants: Grants,
    pub(super) vault: Vault,
    pub(super) downloads: Downloads,
    pub(super) throttles: Throttles,
    pub(super) faults: Vec<Fault>,
    /// Draws ids of requests and who meets a server error; never anything in the world.
    pub(super) rng: fastrand::Rng,
    pub(super) seen: VecDeque<Seen>,
}

impl State {
    pub(super) fn new(mut settings: Settings) -> Self {
        let time = Time::new(settings.start);
        let (seed, now) = (settings.seed, time.now());
        let mut customers = customers::draw(settings.customers, seed);
        dap::settle(&mut customers, seed, now);
        let world = World::new(settings.users, seed, now, settings.partner);
        let mut state = Self {
            log: Log::new(&settings, world.people(), world.directory(), &mut customers, now),
            world,
            gdap: gdap::draw(&customers, seed, now, settings.partner),
            resellers: resellers::draw(settings.customers, seed),
            next_customer: settings.customers,
            steps: 0,
            born: now,
            meter: Meter::default(),
            alerts: Alerts::new(&customers, seed, now),
            audit: Audit::new(&customers, seed),
            customers,
            history: History::default(),
            time,
            tokens: Tokens::default(),
            grants: Grants::default(),
            vault: Vault::default(),
            downloads: Downloads::default(),
            throttles: Throttles::default(),
            faults: std::mem::take(&mut settings.faults),
            rng: fastrand::Rng::with_seed(seed ^ 0x5eed),
            seen: VecDeque::new(),
            settings,
        };
        state.note_score();
        state
    }

    /// One move of everything that moves. Says what happened.
    pub(super) fn step(&mut self) -> String {
        let now = self.now();
        let mut said = self.world.step(now);
        if let Some(more) = self.alerts.step(&self.customers, now) {
            said.push_str("; ");
            said.push_str(&more);
        }
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_PER_REMOVAL)
            && let Some(name) = self.remove_dap(1).first()
        {
            said.push_str(&format!("; nobody administers {name} for good any more"));
        }
        self.note_score();
        said
    }

    pub(super) fn grant_dap(&mut self, count: usize) {
        let now = self.now();
        for place in dap::grant(&mut self.customers, count, now) {
            self.audit.note_grant(&self.customers[place], now);
        }
    }

    /// Says whose were removed.
    pub(super) fn remove_dap(&mut self, count: usize) -> Vec<String> {
        let now = self.now();
        let removed = dap::remove(&mut self.customers, count, now);
        let note = |&place: &usize| {
            self.audit.note_removal(&self.customers[place], now);
            self.customers[place].name()
        };
        removed.iter().map(note).collect()
    }

    pub(super) fn add_customer(&mut self) -> String {
        let customer = customers::another(self.next_customer, self.settings.seed);
        self.next_customer += 1;
        self.audit.note_arrival(&customer, self.now());
        let id = person::guid(customer.id);
        self.customers.push(customer);
        self.note_score();
        id
    }

    pub(super) fn remove_customer(&mut self) -> Option<String> {
        let customer = self.customers.pop()?;
        // With whom there is nobody there are no relationships either.
        let place = self.customers.len();
        self.gdap.retain(|one| one.customer != place);
        self.audit.note_departure(&customer, self.now());
        self.note_score();
        Some(person::guid(customer.id))
    }

    /// When somebody of the partner was last in a customer's tenant.
    pub(super) fn last_use(&self) -> impl Fn(&Customer) -> Option<Timestamp> + use<> {
        let lately = self.log.lately(self.now());
        move |customer| customer.dap.used.max(lately.get(&customer.id).copied())
    }

    /// Remembers the score, if it is another than before.
    pub(super) fn note_score(&mut self) {
        let requirements = score::requirements(self, &self.scored());
        let now = self.now();
        self.history.note(&requirements, now);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// What goes wrong with a request for this path and its options.
    pub(super) fn faults(&self, side: Side, url: &str) -> Vec<Kind> {
        let met = self.faults.iter().filter(|fault| fault.meets(side, url));
        met.map(|fault| fault.kind.clone()).collect()
    }

    /// What the tenant has paid for, as far as a request that meets these faults can tell.
    pub(super) fn plan(&self, faults: &[Kind]) -> Plan {
        if faults.contains(&Kind::Unlicensed) { Plan::None } else { self.settings.plan }
    }

    pub(super) fn truth(&self) -> Truth {
        let mut truth = self.scored();
        truth.dap = Dap::of(&self.customers, self.last_use(), self.now());
        let in_log = self.log.last_uses(self.now()).into_iter();
        truth.dap.last_use_in_log = in_log.map(|(id, at)| (person::guid(id), at)).collect();
        truth
    }

    /// The same without what no score depends on and what takes long with many customers.
    fn scored(&self) -> Truth {
        let faults = self.faults(Side::Graph, "/graph/v1.0/subscribedSkus");
        let settings = &self.settings;
        let tenant = Circumstances {
            plan: self.plan(&faults),
            partner: settings.partner,
            security_defaults: settings.security_defaults,
            per_user_mfa_shown: settings.per_user_mfa_shown,
            trusts_guest_mfa: settings.trusts_guest_mfa,
        };
        let mut truth = self.world.truth(self.now(), &tenant);
        truth.fraud = Fraud::of(&self.alerts, self.now());
        truth.customers = Customers::of(&self.customers);
        truth.outlook = outlook::count(self.world.people());
        truth.partner_center = partner_center::truth(self);
        truth.gdap = gdap::truth(self);
        truth.groups_read += self.world.directory().groups_held(&truth.gdap.holders);
        let (now, born) = (self.now().as_second(), self.born.as_second());
        let (people, directory) = (self.world.people(), self.world.directory());
        truth.privilege =
            Privilege::of(people, directory, (now, born), &tenant, &truth.gdap.holders);
        truth.score = Score::of(&score::requirements(self, &truth), &self.history);
        truth
    }

    /// An id for a request, a trace, a token.
    pub(super) fn fresh_id(&mut self) -> String {
        person::guid(person::random_id(&mut self.rng))
    }

    /// What nobody guesses: a code, a refresh token. It opens nothing but a simulator.
    pub(super) fn fresh_secret(&mut self) -> String {
        let bytes: Vec<u8> = (0..48).map(|_| self.rng.u8(..)).collect();
        format!("1.simulated-{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(super) fn remember(&mut self, seen: Seen) {
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(seen);
    }
}
