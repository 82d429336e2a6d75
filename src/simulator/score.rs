//! The partner security score, as Microsoft would come to it.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::Plan;
use super::state::State;
use super::truth::Truth;

/// So many past scores are kept.
const PAST: usize = 60;

/// What Microsoft says about one requirement.
pub(super) struct Requirement {
    pub(super) kind: &'static str,
    /// The derived type it is shown as.
    pub(super) subtype: &'static str,
    pub(super) compliant: bool,
    pub(super) score: u32,
    pub(super) max_score: u32,
    pub(super) preview: bool,
    /// What it was measured by.
    pub(super) measures: Map<String, Value>,
}

/// A score of the past.
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) score: f64,
    pub(super) compliant: usize,
    pub(super) total: usize,
}

fn part(of: u32, some: usize, all: usize) -> u32 {
    if all == 0 { of } else { (f64::from(of) * some as f64 / all as f64).floor() as u32 }
}

fn measures(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(measures) => measures,
        _ => Map::new(),
    }
}

/// All requirements as they stand in a world of which this is true.
pub(super) fn requirements(state: &State, truth: &Truth) -> Vec<Requirement> {
    let (admins, fraud, customers) = (&truth.admins, &truth.fraud, &truth.customers);
    let word = |on: bool| if on { "enabled" } else { "disabled" };
    let waiting = |gaps: &[&str], count: &dyn Fn(&str) -> usize| -> usize {
        gaps.iter().map(|gap| count(gap)).sum()
    };
    // Demanded of somebody who has nothing registered to do it with.
    let admins_waiting = waiting(&["registration"], &|gap| admins.without_mfa[gap]);
    let users_waiting = waiting(&["registration"], &|gap| truth.without_mfa[gap].total());
    let users = truth.members + truth.guests;
    let always = truth.coverage["always"].total();
    let registered = truth.registered_members + truth.registered_guests;
    let hours = fraud.microsoft_hours;
    let policies = state.settings.plan != Plan::None && !state.settings.security_defaults;
    let legacy = truth.per_user_mfa.values().sum::<usize>() > 0;
    let contact = state.settings.security_contact;
    vec![
        Requirement {
            kind: "mfaEnforcedForAdmins",
            subtype: "adminsMfaEnforcedSecurityRequirement",
            compliant: admins.enforced == admins.total && admins_waiting == 0,
            score: part(20, admins.enforced, admins.total),
            max_score: 20,
            preview: false,
            measures: measures(json!({
                "adminsRequiredNotUsingMfaCount": admins_waiting,
                "mfaEnabledAdminsCount": admins.enforced,
                "totalAdminsCount": admins.total,
                "usersRequiredNotUsingMfaCount": users_waiting,
                "mfaEnabledUsersCount": always,
                "totalUsersCount": users,
                "securityDefaultsStatus": word(state.settings.security_defaults),
                "mfaConditionalAccessPolicyStatus": word(policies),
                "legacyPerUserMfaStatus": word(legacy),
            })),
        },
        Requirement {
            kind: "securityContactProvided",
            subtype: "securityRequirement",
            compliant: contact,
            score: if contact { 20 } else { 0 },
            max_score: 20,
            preview: false,
            measures: Map::new(),
        },
        Requirement {
            kind: "securityAlertsPromptlyResolved",
            subtype: "responseTimeSecurityRequirement",
            compliant: hours <= 24.0,
            score: if hours <= 24.0 { 20 } else { 0 },
            max_score: 20,
            preview: false,
            measures: measures(json!({ "averageResponseTimeInHours": hours })),
        },
        Requirement {
            kind: "mfaEnforcedForAdminsOfCustomers",
            subtype: "customersMfaEnforcedSecurityRequirement",
            compliant: customers.admin_mfa == customers.tenants,
            score: part(20, customers.admin_mfa, customers.tenants),
            max_score: 20,
            preview: false,
            measures: measures(json!({
                "compliantTenantCount": customers.admin_mfa,
                "totalTenantCount": customers.tenants,
            })),
        },
        Requirement {
            kind: "spendingBudgetSetForCustomerAzureSubscriptions",
            subtype: "customersSpendingBudgetSecurityRequirement",
            compliant: customers.with_budget == customers.azure,
            score: part(10, customers.with_budget, customers.azure),
            max_score: 10,
            preview: false,
            measures: measures(json!({
                "customersWithSpendBudgetCount": customers.with_budget,
                "totalCustomersCount": customers.azure,
            })),
        },
        // Announced, and in no enumeration yet.
        Requirement {
            kind: "mfaRegistrationCompletedForAllUsers",
            subtype: "securityRequirement",
            compliant: registered == users,
            score: part(10, registered, users),
            max_score: 10,
            preview: true,
            measures: Map::new(),
        },
    ]
}

/// All points together.
pub(super) fn current(requirements: &[Requirement]) -> f64 {
    f64::from(requirements.iter().map(|requirement| requirement.score).sum::<u32>())
}

/// The scores of the past, the oldest first.
#[derive(Default)]
pub(super) struct History(VecDeque<Entry>);

impl History {
    /// Remembers the score as it stands, when it is another than before.
    pub(super) fn note(&mut self, requirements: &[Requirement], now: Timestamp) {
        let score = current(requirements);
        let compliant = requirements.iter().filter(|requirement| requirement.compliant).count();
        let entry = |at, score| Entry { at, score, compliant, total: requirements.len() };
        if self.0.is_empty() {
            let before = if score >= 10.0 { score - 9.5 } else { score + 9.5 };
            let days = |days: i64| now - SignedDuration::from_hours(24 * days);
            let past = [(40, before + 1.0), (26, before), (19, before), (12, score), (5, score)];
            self.0.extend(past.map(|(ago, score)| entry(days(ago), score)));
        }
        if self.0.back().is_some_and(|last| last.score != score) {
            if self.0.len() == PAST {
                self.0.pop_front();
            }
            self.0.push_back(entry(now, score));
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.0.iter()
    }
}
