//! What is true of delegated administration, counted from the customers and from no answer.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::simulator::customers::{Card, Customer};
use crate::simulator::person::guid;

/// Delegated administration as it once was. Faults do not change it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dap {
    /// Customers by Microsoft's word for the relationship; all words that a documentation has are
    /// there, and `unknown` for any other.
    pub relationships: BTreeMap<&'static str, usize>,
    /// What customers say when they are read one by one: `enabled`, `disabled`, or `unknown` where
    /// nothing is said or the answer is a refusal.
    pub state: BTreeMap<&'static str, usize>,
    /// Of those unknown, the refusals.
    pub refused: usize,
    /// Ids of those who say `enabled`.
    pub enabled_ids: Vec<String>,
    /// Ids of all who have it, whether they say so or not.
    pub granted_ids: Vec<String>,
    /// All who have it, by days since the last use: `lt30`, `30to60`, `60to90`, `gt90`, and where
    /// there was none `never`, or `new` within 90 days of the grant. A boundary day belongs to the
    /// lower band.
    pub inactivity: BTreeMap<&'static str, usize>,
    /// When each who has it was last used, of those that were.
    pub last_use: BTreeMap<String, Timestamp>,
    /// When each who has it granted it.
    pub started: BTreeMap<String, Timestamp>,
    /// The latest success in each customer's tenant that the log of sign-ins can show now, whoever
    /// is a customer still, and by whatever kind of delegation.
    pub last_use_in_log: BTreeMap<String, Timestamp>,
}

impl Dap {
    /// `used` says when somebody was last there.
    pub(in crate::simulator) fn of(
        customers: &[Customer],
        used: impl Fn(&Customer) -> Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let zeros = |words: &[&'static str]| words.iter().map(|word| (*word, 0)).collect();
        let mut dap = Self {
            relationships: zeros(&[
                "none",
                "reseller",
                "advisor",
                "syndication",
                "microsoft_support",
                "unknown",
            ]),
            state: zeros(&["enabled", "disabled", "unknown"]),
            inactivity: zeros(&["lt30", "30to60", "60to90", "gt90", "never", "new"]),
            ..Self::default()
        };
        for customer in customers {
            let known = dap.relationships.contains_key(customer.relationship());
            let word = if known { customer.relationship() } else { "unknown" };
            *dap.relationships.entry(word).or_default() += 1;
            let state = match customer.card() {
                Card::Plain | Card::Pascal if customer.dap.is_enabled() => "enabled",
                Card::Plain | Card::Pascal => "disabled",
                Card::Silent => "unknown",
                Card::ConditionalAccess | Card::NoCommerce => {
                    dap.refused += 1;
                    "unknown"
                }
            };
            *dap.state.entry(state).or_default() += 1;
            let id = guid(customer.id);
            if state == "enabled" {
                dap.enabled_ids.push(id.clone());
            }
            if !customer.dap.is_enabled() {
                continue;
            }
            let used = used(customer);
            *dap.inactivity.entry(customer.dap.band(used, now)).or_default() += 1;
            dap.last_use.extend(used.map(|used| (id.clone(), used)));
            dap.started.extend(customer.dap.started.map(|started| (id.clone(), started)));
            dap.granted_ids.push(id);
        }
        dap
    }
}
