//! What is true of the log: counted from how often each kind occurs, not from rows, but for those
//! that have not settled.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::kinds::{
    self, Access, Across, Agents, Client, Evidence, Kind, LEGACY, Named, Requirement,
};
use super::who::Who;
use super::{Log, SETTLING, Span, moment, ticks};
use crate::simulator::person::Person;

/// What a reader of a window should find, as it can be read now; every id counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SignIns {
    /// Where somebody was there.
    pub interactive: Figures,
    /// Where a client acted for somebody.
    pub non_interactive: Figures,
    /// When the oldest row is from.
    pub oldest: Option<Timestamp>,
    /// When the newest row is from.
    pub newest: Option<Timestamp>,
}

/// Figures about one kind of sign-ins. `people` of each fact are object ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// All rows.
    pub rows: u64,
    /// By whether `errorCode` is 0.
    pub outcomes: Outcomes,
    /// Of legacy clients, by the canonical name; every name is there.
    pub legacy: BTreeMap<&'static str, Outcomes>,
    /// Successes that asked for one factor, and for more. Those in other words are in neither.
    pub factors: ByMfa,
    /// Of the successes with one factor, those of Connect sync accounts.
    pub sync_single_factor: u64,
    /// Successes where a policy demanded MFA and got it, as `appliedConditionalAccessPolicies`
    /// has it: what v1.0 shows of factors.
    pub mfa_by_policy: u64,
    /// `ropc`, by `partner_center`, `graph`, `azure_management`, `exchange` and `other`.
    pub password_grants: BTreeMap<&'static str, Outcomes>,
    /// `deviceCode`.
    pub device_code: Outcomes,
    /// Successes on behalf of customers.
    pub on_behalf: ByMfa,
    /// Successes at Partner Center, either of its ids.
    pub portal: ByMfa,
    /// Successes of federated users, by whether the provider claims MFA.
    pub federated: ByMfa,
    /// Successes by `az`, `azurerm`, `graph`, `azuread` (and MSOnline, of the same id), `exchange`
    /// and `cli`.
    pub powershell: BTreeMap<&'static str, ByMfa>,
    /// Successes in which MFA was skipped due to an app password.
    pub app_passwords: u64,
    /// Of Connect sync accounts by Connect itself.
    pub sync_by_connect: Outcomes,
    /// Of Connect sync accounts by anything else.
    pub sync_by_others: Outcomes,
    /// Distinct people by fact: `everybody`, `succeeded`, `legacy`, `legacy_succeeded`,
    /// `single_factor`, `multi_factor`, `password_grant`, `password_grant_succeeded`,
    /// `device_code`, `on_behalf_with_mfa`, `on_behalf_without_mfa`, `portal_with_mfa`,
    /// `portal_without_mfa`, `federated_with_claim`, `federated_without_claim`, `powershell` and
    /// `sync_by_others`.
    pub people: BTreeMap<&'static str, BTreeSet<String>>,
}

/// Successes and failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcomes {
    /// `errorCode` 0.
    pub success: u64,
    /// Any other.
    pub failure: u64,
}

/// With more than one factor, and with one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByMfa {
    /// `multiFactorAuthentication`.
    pub with_mfa: u64,
    /// `singleFactorAuthentication`.
    pub without_mfa: u64,
}

impl SignIns {
    /// Distinct people of whom a fact is true, interactively or not.
    pub fn people(&self, fact: &str) -> BTreeSet<String> {
        let of = |figures: &Figures| figures.people.get(fact).cloned().unwrap_or_default();
        &of(&self.interactive) | &of(&self.non_interactive)
    }

    /// Sign-ins by a legacy client, interactive or not.
    pub fn legacy_of(&self, client: &str) -> Outcomes {
        let of = |figures: &Figures| figures.legacy.get(client).copied().unwrap_or_default();
        let (one, other) = (of(&self.interactive), of(&self.non_interactive));
        Outcomes { success: one.success + other.success, failure: one.failure + other.failure }
    }
}

impl Log {
    /// What is true of a window now.
    pub(in crate::simulator) fn figures(
        &self,
        people: &[Person],
        (from, end): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> SignIns {
        let whole = self.span(ticks(from), ticks(end), now);
        let settled = self.pace.first_since(ticks(now) - SETTLING);
        let settled = settled.clamp(whole.first, whole.end);
        let mut tally = Tally::new(people.len());
        // What has settled, by kind: who sign in take turns.
        let (before, after) = (self.occurrences(whole.first), self.occurrences(settled));
        for (place, kind) in self.kinds.iter().enumerate() {
            let circle = self.circles.of(kind.who);
            let count = after[place] - before[place];
            let first = before[place] as usize % circle.len().max(1);
            let turns = circle.iter().cycle().skip(first);
            let turns = turns.take(circle.len().min(count as usize));
            tally.add(kind, count, turns.map(|&person| person as usize));
        }
        // The rest row by row, those that have arrived.
        for row in self.rows(Span { first: settled, end: whole.end }) {
            if row.has_arrived(now) {
                let kind = &self.kinds[self.shown(&row, ticks(now))];
                tally.add(kind, 1, std::iter::once(row.person));
            }
        }
        let mut arrived = self.rows(whole).filter(|row| row.has_arrived(now));
        let newest = arrived.next().map(|row| moment(row.tick));
        let oldest =
            (whole.first..whole.end).map(|serial| self.row(&self.pace.hour_of(serial), serial));
        let oldest = { oldest }.find(|row| row.has_arrived(now)).map(|row| moment(row.tick));
        SignIns { oldest, newest, ..tally.finish(people) }
    }
}

/// Figures that are being counted, people by place.
struct Tally {
    sides: [Figures; 2],
    people: [BTreeMap<&'static str, Vec<bool>>; 2],
    everybody: usize,
}

impl Tally {
    fn new(everybody: usize) -> Self {
        let blank = || Figures {
            legacy: LEGACY.map(|(name, ..)| (name, Outcomes::default())).into(),
            password_grants: ["partner_center", "graph", "azure_management", "exchange", "other"]
                .map(|resource| (resource, Outcomes::default()))
                .into(),
            ..Figures::default()
        };
        let people = || FACTS.map(|(fact, _)| (fact, vec![false; everybody])).into();
        Self { sides: [blank(), blank()], people: [people(), people()], everybody }
    }

    fn add(&mut self, kind: &Kind, count: u64, people: impl Iterator<Item = usize> + Clone) {
        let side = usize::from(!kind.interactive);
        self.sides[side].add(kind, count);
        for (fact, holds) in FACTS {
            if holds(kind) {
                let marks = self.people[side].entry(fact).or_default();
                people.clone().for_each(|place| marks[place] = true);
            }
        }
    }

    fn finish(self, people: &[Person]) -> SignIns {
        debug_assert_eq!(self.everybody, people.len());
        let name = |marks: BTreeMap<&'static str, Vec<bool>>| {
            let of = |marks: Vec<bool>| {
                people
                    .iter()
                    .zip(marks)
                    .filter(|(_, mark)| *mark)
                    .map(|(one, _)| one.guid())
                    .collect()
            };
            marks.into_iter().map(|(fact, marks)| (fact, of(marks))).collect()
        };
        let [mut interactive, mut non_interactive] = self.sides;
        let [one, other] = self.people;
        (interactive.people, non_interactive.people) = (name(one), name(other));
        SignIns { interactive, non_interactive, oldest: None, newest: None }
    }
}

type Fact = fn(&Kind) -> bool;

const FACTS: [(&str, Fact); 17] = [
    ("everybody", |_| true),
    ("succeeded", Kind::succeeded),
    ("legacy", Kind::is_legacy),
    ("legacy_succeeded", |kind| kind.is_legacy() && kind.succeeded()),
    ("single_factor", |kind| kind.mfa() == Some(false)),
    ("multi_factor", |kind| kind.mfa() == Some(true)),
    ("password_grant", |kind| kind.protocol == "ropc"),
    ("password_grant_succeeded", |kind| kind.protocol == "ropc" && kind.succeeded()),
    ("device_code", |kind| kind.protocol == "deviceCode"),
    ("on_behalf_with_mfa", |kind| kind.is_on_behalf() && kind.mfa() == Some(true)),
    ("on_behalf_without_mfa", |kind| kind.is_on_behalf() && kind.mfa() == Some(false)),
    ("portal_with_mfa", |kind| kind.is_portal() && kind.mfa() == Some(true)),
    ("portal_without_mfa", |kind| kind.is_portal() && kind.mfa() == Some(false)),
    ("federated_with_claim", |kind| kind.evidence == Evidence::FederatedWithClaim),
    ("federated_without_claim", |kind| kind.evidence == Evidence::FederatedWithoutClaim),
    ("powershell", |kind| kind.module().is_some() && kind.succeeded()),
    ("sync_by_others", |kind| kind.who == Who::Sync && kind.app != kinds::CONNECT),
];

impl Kind {
    fn is_legacy(&self) -> bool {
        matches!(self.client, Client::Legacy(_))
    }

    fn is_on_behalf(&self) -> bool {
        self.across == Across::Customer
    }

    fn is_portal(&self) -> bool {
        self.resource == kinds::PARTNER_CENTER || self.resource == kinds::PARTNER_PORTAL
    }

    /// Of a success, whether more than one factor was asked for, where that is said.
    fn mfa(&self) -> Option<bool> {
        match self.requirement {
            _ if !self.succeeded() => None,
            Requirement::Single => Some(false),
            Requirement::Multi => Some(true),
            Requirement::Strange | Requirement::Unsaid => None,
        }
    }

    fn module(&self) -> Option<&'static str> {
        const MODULES: [(Named, &str); 6] = [
            (kinds::AZURE_POWERSHELL, "az"),
            (kinds::AZURE_CLI, "cli"),
            (kinds::GRAPH_POWERSHELL, "graph"),
            (kinds::AZURE_AD_POWERSHELL, "azuread"),
            (kinds::EXCHANGE_POWERSHELL, "exchange"),
            (kinds::REMOTE_POWERSHELL, "exchange"),
        ];
        let module = MODULES.iter().find(|(app, _)| *app == self.app).map(|(_, module)| *module);
        module.map(|module| if self.agents == Agents::AzureRm { "azurerm" } else { module })
    }

    /// Which of the resources that matter is asked for.
    fn target(&self) -> &'static str {
        match self.resource {
            _ if self.is_portal() => "partner_center",
            kinds::GRAPH => "graph",
            kinds::AZURE => "azure_management",
            kinds::EXCHANGE => "exchange",
            _ => "other",
        }
    }
}

impl Figures {
    fn add(&mut self, kind: &Kind, count: u64) {
        if count == 0 {
            return;
        }
        self.rows += count;
        self.outcomes.add(kind, count);
        if let Client::Legacy(place) = kind.client {
            self.legacy.entry(LEGACY[place].0).or_default().add(kind, count);
        }
        if kind.protocol == "ropc" {
            self.password_grants.entry(kind.target()).or_default().add(kind, count);
        }
        if kind.protocol == "deviceCode" {
            self.device_code.add(kind, count);
        }
        if kind.who == Who::Sync {
            let connect = kind.app == kinds::CONNECT;
            let side = if connect { &mut self.sync_by_connect } else { &mut self.sync_by_others };
            side.add(kind, count);
        }
        if !kind.succeeded() {
            return;
        }
        self.factors.add(kind, count);
        if kind.is_on_behalf() {
            self.on_behalf.add(kind, count);
        }
        if kind.is_portal() {
            self.portal.add(kind, count);
        }
        if let Some(module) = kind.module() {
            self.powershell.entry(module).or_default().add(kind, count);
        }
        match kind.evidence {
            Evidence::FederatedWithClaim | Evidence::FederatedWithoutClaim => {
                self.federated.add(kind, count);
            }
            Evidence::AppPassword => self.app_passwords += count,
            _ => {}
        }
        if kind.access == Access::Mfa {
            self.mfa_by_policy += count;
        }
        if kind.who == Who::Sync && kind.mfa() == Some(false) {
            self.sync_single_factor += count;
        }
    }
}

impl Outcomes {
    fn add(&mut self, kind: &Kind, count: u64) {
        *(if kind.succeeded() { &mut self.success } else { &mut self.failure }) += count;
    }
}

impl ByMfa {
    fn add(&mut self, kind: &Kind, count: u64) {
        match kind.mfa() {
            Some(true) => self.with_mfa += count,
            Some(false) => self.without_mfa += count,
            None => {}
        }
    }
}
