//! What the sign-in log says was done: legacy clients, single factors, passwords in programs,
//! administration on behalf of customers. The largest of all sources, and the only one that goes on
//! where its last reading ended.

mod applications;
mod hour;
mod log;
mod past;
mod people;
mod reading;
mod row;
#[cfg(test)]
mod tests;
mod uses;
mod window;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use self::applications::Home;
use self::log::Log;
use self::reading::Version;
use self::window::HOUR;
use super::source::{Rows, Source};
use super::{Facts, Schedule};
use crate::client::{Ask, Bucket, Client, FetchError};
use crate::metrics::{Kind as Type, Metric, Samples};
use crate::wire::{self, ObjectId};

pub use applications::{Application, Applications, Module};
pub use hour::{Count, Hour, Kind, Mfa};
pub use log::Closed;
pub use past::{Past, Progress};
pub use people::{Deed, Deeds, Last};
pub use row::{Access, Client as LegacyClient, Outcome, Page, PersonId, Resource, SignIn, page};
pub use uses::Uses;

/// The log as far as it was read, in counts of hours and people's last deeds; no row is kept.
#[derive(Debug, Clone)]
pub struct SignIns {
    log: Log,
    version: Version,
    /// Whether this process has read any of it.
    is_begun: bool,
    is_complete: bool,
    /// When the last day that Microsoft keeps was looked at, and a row of it, in seconds since 1970.
    reach: Option<(i64, Option<i64>)>,
    figures: Option<Figures>,
}

/// What is counted over the window, once all of it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// All counts.
    pub counts: Hour,
    /// Whether it was read with what only beta tells; without it those counts are no measurement.
    pub is_rich: bool,
    /// Distinct people, unless there are more than are kept.
    pub people: Option<Tellings>,
    /// What everybody did of whom anything is kept, in the order of their ids.
    seen: Vec<(PersonId, Deeds)>,
}

/// How many people did something in the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tellings {
    /// Signed in by a legacy client.
    pub legacy: usize,
    /// Had a program send their password.
    pub password_grant: usize,
    /// Signed in in person with one factor, and never with more.
    pub without_mfa: usize,
}

impl SignIns {
    /// What an earlier run closed and remembers; it is shown when this one has read on.
    pub fn recalled(closed: Option<Closed>, uses: Option<Uses>) -> Self {
        Self::of(Log::recalled(closed, uses))
    }

    fn of(log: Log) -> Self {
        let version = Version::default();
        Self { log, version, is_begun: false, is_complete: false, reach: None, figures: None }
    }

    /// What is closed, to be kept over a restart.
    pub fn closed(&self) -> &Arc<Closed> {
        self.log.closed()
    }

    /// When customers' tenants were last gone into, to be kept over a restart.
    pub fn uses(&self) -> &Arc<Uses> {
        self.log.uses()
    }

    /// What is counted; `None` until the whole window was read.
    pub fn figures(&self) -> Option<&Figures> {
        self.figures.as_ref()
    }

    /// The earliest row seen, in seconds since 1970.
    pub fn oldest(&self) -> Option<i64> {
        self.log.oldest().into_iter().chain(self.last_day()).min()
    }

    /// A row of the last of the thirty days that Microsoft keeps, if one was seen.
    pub fn last_day(&self) -> Option<i64> {
        self.reach.and_then(|(_, row)| row)
    }

    /// What somebody did in the window; nothing where that person was not seen, or the window not
    /// read whole.
    pub fn deeds(&self, person: &ObjectId) -> Deeds {
        let (ObjectId::Guid(id), Some(figures)) = (person, &self.figures) else {
            return Deeds::default();
        };
        let place = figures.seen.binary_search_by_key(id, |(id, _)| *id);
        place.map_or_else(|_| Deeds::default(), |place| figures.seen[place].1)
    }

    /// The hour in which somebody was last seen to do something.
    pub fn last(&self, person: &ObjectId, deed: Deed) -> Option<Timestamp> {
        let ObjectId::Guid(id) = person else { return None };
        let hour = self.log.person(id)?.hour(deed);
        Timestamp::from_second(i64::from(hour) * HOUR).ok().filter(|_| hour > 0)
    }

    fn count(&mut self) {
        self.is_complete = self.log.next().is_none();
        self.figures = self.log.is_whole().then(|| Figures::of(&self.log));
    }
}

impl Figures {
    fn of(log: &Log) -> Self {
        let mut seen = Vec::new();
        let first = log.first_hour();
        log.each_person(|person, last| {
            let deeds = last.since(first);
            if !deeds.is_empty() {
                seen.push((*person, deeds));
            }
        });
        seen.sort_unstable_by_key(|(person, _)| *person);
        let people = log.has_everybody().then(|| Tellings::of(seen.iter().map(|it| it.1)));
        Self { counts: log.sum(), is_rich: log.is_rich(), people, seen }
    }

    /// Everybody of whom anything is kept, in the order of their ids, with what they did.
    pub fn seen(&self) -> impl Iterator<Item = (ObjectId, Deeds)> {
        self.seen.iter().map(|(id, deeds)| (ObjectId::Guid(*id), *deeds))
    }
}

impl Deeds {
    /// Whether somebody signed in in person with one factor and never with more.
    pub fn is_without_mfa(self) -> bool {
        self.has(Deed::Interactive) && self.has(Deed::SingleFactor) && !self.has(Deed::Mfa)
    }
}

impl Tellings {
    fn of(everybody: impl Iterator<Item = Deeds>) -> Self {
        let mut people = Self::default();
        everybody.for_each(|deeds| people.add(deeds));
        people
    }

    /// Adds somebody, by what they did in the window.
    fn add(&mut self, deeds: Deeds) {
        self.legacy += usize::from(deeds.has(Deed::Legacy));
        self.password_grant += usize::from(deeds.has(Deed::PasswordGrant));
        self.without_mfa += usize::from(deeds.is_without_mfa());
    }
}

/// Seconds.
const DAY: i64 = 24 * 3_600;

static LEGACY: Metric = Metric {
    name: "partnercenter_legacy_auth_sign_ins",
    help: "Sign-ins by clients that cannot be challenged, interactive and non-interactive, over \
           partnercenter_sign_in_window_seconds; client_app \"other\" is a client this version does not \
           know, which may or may not be one. 0: none. Absent until the whole window was read. Where Microsoft refuses its \
           beta, interactive ones only.",
    kind: Type::Gauge,
    labels: &["tenant", "client_app", "outcome"],
};

static SINGLE_FACTOR: Metric = Metric {
    name: "partnercenter_single_factor_sign_ins",
    help: "Successful sign-ins of people that asked for one factor, Microsoft Entra Connect left out, \
           over partnercenter_sign_in_window_seconds. A non_interactive one may rest on MFA done earlier. \
           Absent until the whole window was read, and where Microsoft refuses its beta.",
    kind: Type::Gauge,
    labels: &["tenant", "kind"],
};

static MULTI_FACTOR: Metric = Metric {
    name: "partnercenter_multi_factor_sign_ins",
    help: "Successful sign-ins of people that asked for more than one factor, over \
           partnercenter_sign_in_window_seconds; those of one factor are in \
           partnercenter_single_factor_sign_ins. Absent as they are.",
    kind: Type::Gauge,
    labels: &["tenant", "kind"],
};

static FEDERATED: Metric = Metric {
    name: "partnercenter_federated_sign_ins",
    help: "Successful sign-ins with a token of another identity provider, over \
           partnercenter_sign_in_window_seconds, by whether MFA was asked for and had, by that \
           provider's claim or here. Microsoft does not always say whose token it was: 0 where people \
           are federated proves nothing. Absent as partnercenter_single_factor_sign_ins is.",
    kind: Type::Gauge,
    labels: &["tenant", "mfa"],
};

static CROSSING: Metric = Metric {
    name: "partnercenter_cross_tenant_sign_ins",
    help: "Successful sign-ins that cross tenants, of our people elsewhere and of others here, over \
           partnercenter_sign_in_window_seconds, in Microsoft's words for the way; other is one \
           this version does not know. Absent as partnercenter_single_factor_sign_ins is.",
    kind: Type::Gauge,
    labels: &["tenant", "access"],
};

static WINDOW: Metric = Metric {
    name: "partnercenter_sign_in_window_seconds",
    help: "How far back all figures from the sign-in log reach, begun at a whole hour. Rows of the \
           last two hours may still arrive or change and count provisionally.",
    kind: Type::Gauge,
    labels: &["tenant"],
};

static OLDEST: Metric = Metric {
    name: "partnercenter_sign_in_log_oldest_timestamp_seconds",
    help: "The earliest sign-in seen: while this moves back the past is being read, and once it is read \
           the end of Microsoft's thirty days is looked at once a day. \
           Absent while no sign-in was seen at all: then no figure of 0 from the log means much.",
    kind: Type::Gauge,
    labels: &["tenant"],
};

static SETTLED: Metric = Metric {
    name: "partnercenter_sign_in_log_settled_timestamp_seconds",
    help: "The end of the newest hour of the sign-in log that was read for good; two to three hours \
           ago when all is well. Absent until one was.",
    kind: Type::Gauge,
    labels: &["tenant"],
};

static PASSWORD_GRANT: Metric = Metric {
    name: "partnercenter_password_grant_sign_ins",
    help: "Successful sign-ins in which a program sent user name and password (ropc, \
           directUserGrant), which no MFA can challenge, over partnercenter_sign_in_window_seconds, by \
           what was signed in to. Absent until the whole window was read, and where Microsoft \
           refuses its beta.",
    kind: Type::Gauge,
    labels: &["tenant", "resource"],
};

static DEVICE_CODE: Metric = Metric {
    name: "partnercenter_device_code_sign_ins",
    help: "Successful sign-ins with a code typed in on another device, over \
           partnercenter_sign_in_window_seconds, by what was signed in to. Absent until the whole \
           window was read, and where Microsoft refuses its beta.",
    kind: Type::Gauge,
    labels: &["tenant", "resource"],
};

static AOBO: Metric = Metric {
    name: "partnercenter_aobo_sign_ins",
    help: "Successful sign-ins of our people into customers' tenants, on behalf of them, over \
           partnercenter_sign_in_window_seconds, by whether MFA was asked for. A non_interactive one \
           may rest on MFA done earlier. Absent until the whole window was read, and where \
           Microsoft refuses its beta.",
    kind: Type::Gauge,
    labels: &["tenant", "mfa", "kind"],
};

static POWERSHELL: Metric = Metric {
    name: "partnercenter_powershell_sign_ins",
    help: "Successful sign-ins in shells, over partnercenter_sign_in_window_seconds, by whether MFA \
           was asked for. az includes AzureRM and azuread includes MSOnline, which share their ids. \
           Absent until the whole window was read, and where Microsoft refuses its beta.",
    kind: Type::Gauge,
    labels: &["tenant", "module", "mfa"],
};

static LEGACY_USERS: Metric = Metric {
    name: "partnercenter_legacy_auth_users",
    help: "People who signed in by a client that cannot be challenged (client_app \"other\" aside), with \
           success, over partnercenter_sign_in_window_seconds. Absent until the whole window was read, and where \
           more than 100000 people sign in.",
    kind: Type::Gauge,
    labels: &["tenant"],
};

static PASSWORD_GRANT_USERS: Metric = Metric {
    name: "partnercenter_password_grant_users",
    help: "People whose name and password a program sent, with success, over \
           partnercenter_sign_in_window_seconds. Absent as partnercenter_password_grant_sign_ins is, \
           and where more than 100000 people sign in.",
    kind: Type::Gauge,
    labels: &["tenant"],
};

static WITHOUT_MFA: Metric = Metric {
    name: "partnercenter_users_without_mfa_sign_in",
    help: "People who signed in in person with one factor over partnercenter_sign_in_window_seconds, \
           and not once with more. Absent as partnercenter_single_factor_sign_ins is, and where more \
           than 100000 people sign in.",
    kind: Type::Gauge,
    labels: &["tenant"],
};

impl Source for SignIns {
    const ID: &'static str = "sign_ins";
    const WHAT: &'static str = "The sign-in log, interactive and non-interactive, hour by hour";
    const ASK: Ask = Ask::graph("/beta/auditLogs/signIns", Bucket::Reports);
    const PERMISSION: &'static str = "AuditLog.Read.All";
    const LICENSE: Option<&'static str> = Some("Microsoft Entra ID P1 or P2");
    const DOCS: &'static str = "https://learn.microsoft.com/graph/api/signin-list";
    const INTERVAL: Duration = Duration::from_secs(300);
    const HOLDS_AT_LEAST: Duration = Duration::from_secs(3600);
    const WINDOW: Option<Duration> = Some(Duration::from_secs(7 * 24 * 3600));
    /// Which rows are of our own people is told by the tenant's id.
    const AFTER: &'static [&'static str] = &["organization"];
    const METRICS: &'static [&'static Metric] = &[
        &LEGACY,
        &SINGLE_FACTOR,
        &MULTI_FACTOR,
        &FEDERATED,
        &CROSSING,
        &WINDOW,
        &OLDEST,
        &SETTLED,
        &PASSWORD_GRANT,
        &DEVICE_CODE,
        &AOBO,
        &POWERSHELL,
        &LEGACY_USERS,
        &PASSWORD_GRANT_USERS,
        &WITHOUT_MFA,
    ];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        Self::fetch_on(client, known, Schedule::of(&super::About::of::<Self>()), None).await
    }

    async fn fetch_on(
        client: &Client,
        known: &Facts,
        schedule: Schedule,
        last: Option<Arc<Self>>,
    ) -> Result<Rows<Self>, FetchError> {
        let now = known.now.as_second();
        let window = schedule.window.or(Self::WINDOW).unwrap_or_default().as_secs();
        let window = i64::try_from(window).unwrap_or(i64::MAX);
        let home = Home {
            tenant: known.organization.rows().ok().and_then(|it| wire::guid(&it.id)),
            applications: schedule.applications,
        };
        let mut source = last.map_or_else(|| Self::of(Log::new(now, window)), Arc::unwrap_or_clone);
        let is_first = !std::mem::replace(&mut source.is_begun, true);
        source.log.begin(now, window, &home.applications);
        let SignIns { log, version, .. } = &mut source;
        let received = reading::read(client, log, version, &home, is_first, now).await?;
        let is_due = source.reach.is_none_or(|(at, _)| now - at >= DAY || now < at);
        if source.log.next().is_none() && is_due {
            let row = reading::probe(client, source.version, now).await;
            source.reach = Some((now, row));
        }
        source.count();
        Ok(Rows::listed(source, received))
    }

    fn wants(known: &Facts) -> bool {
        known.sign_ins.rows().is_ok_and(|source| !source.is_complete)
    }

    fn observe(&self, samples: &mut Samples) {
        samples.push(&WINDOW, [], self.log.window() as f64);
        if let Some(oldest) = self.oldest() {
            samples.push(&OLDEST, [], oldest as f64);
        }
        if let Some(settled) = self.log.settled() {
            samples.push(&SETTLED, [], settled as f64);
        }
        let Some(figures) = &self.figures else { return };
        figures.observe(samples);
    }
}

impl Figures {
    fn observe(&self, samples: &mut Samples) {
        let get = |count| f64::from(self.counts.get(count));
        for client in LegacyClient::all() {
            for outcome in Outcome::ALL {
                let labels = [("client_app", client.as_str()), ("outcome", outcome.as_str())];
                samples.push(&LEGACY, labels, get(Count::Legacy(client, outcome)));
            }
        }
        if let Some(people) = &self.people {
            samples.count(&LEGACY_USERS, [], people.legacy);
        }
        if !self.is_rich {
            return;
        }
        for kind in Kind::ALL {
            let of = |mfa| get(Count::Factors(mfa, kind));
            samples.push(&SINGLE_FACTOR, [("kind", kind.as_str())], of(Mfa::No));
            samples.push(&MULTI_FACTOR, [("kind", kind.as_str())], of(Mfa::Yes));
        }
        for resource in Resource::ALL {
            let label = [("resource", resource.as_str())];
            samples.push(&PASSWORD_GRANT, label, get(Count::PasswordGrant(resource)));
            samples.push(&DEVICE_CODE, label, get(Count::DeviceCode(resource)));
        }
        for mfa in Mfa::ALL {
            for kind in Kind::ALL {
                let labels = [("mfa", mfa.as_str()), ("kind", kind.as_str())];
                samples.push(&AOBO, labels, get(Count::Aobo(mfa, kind)));
            }
            samples.push(&FEDERATED, [("mfa", mfa.as_str())], get(Count::Federated(mfa)));
        }
        for access in Access::ALL {
            let label = [("access", access.as_str())];
            samples.push(&CROSSING, label, get(Count::Crossing(access)));
        }
        for module in Module::ALL {
            for mfa in Mfa::ALL {
                let labels = [("module", module.as_str()), ("mfa", mfa.as_str())];
                samples.push(&POWERSHELL, labels, get(Count::PowerShell(module, mfa)));
            }
        }
        if let Some(people) = &self.people {
            samples.count(&PASSWORD_GRANT_USERS, [], people.password_grant);
            samples.count(&WITHOUT_MFA, [], people.without_mfa);
        }
    }
}
