//! What is true of alerts, customers and the score, counted from themselves and from no answer.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::alerts::{Alert, Alerts, FINDINGS, SEVERITIES, Status, WINDOW};
use super::customers::{Customer, Mfa};
use super::score::{self, History, Requirement};
use super::truth::{self, Customers, Fraud, Score};

impl Fraud {
    pub(super) fn of(alerts: &Alerts, now: Timestamp) -> Self {
        let mut fraud = Self {
            answered: zeros(["lt1h", "1to12h", "12to24h", "gt24h"]),
            resolved: zeros(FINDINGS.into_iter().chain(["unknown"])),
            ..Self::default()
        };
        let (mut own, mut theirs) = (Mean::default(), Mean::default());
        for alert in alerts.iter() {
            if alert.is_test {
                fraud.tests += usize::from(alert.is_open());
                continue;
            }
            fraud.count_open(alert);
            if now.duration_since(alert.detected) > WINDOW {
                continue;
            }
            if let Some(answered) = alert.answered() {
                let took = answered.duration_since(alert.detected);
                *fraud.answered.entry(band(took)).or_default() += 1;
                own.add(took);
                theirs.add(took);
            } else {
                fraud.unanswered += 1;
                own.add(now.duration_since(alert.detected));
            }
            if alert.status() == Status::Resolved {
                let finding =
                    FINDINGS.into_iter().find(|word| alert.finding.as_deref() == Some(word));
                *fraud.resolved.entry(finding.unwrap_or("unknown")).or_default() += 1;
            }
        }
        fraud.average_seconds = own.seconds();
        // In hours and hundredths, as it is shown.
        fraud.microsoft_hours = (theirs.seconds().unwrap_or(0.0) / 36.0).round() / 100.0;
        fraud
    }

    fn count_open(&mut self, alert: &Alert) {
        let severity = SEVERITIES.into_iter().find(|word| alert.severity == *word);
        let severity = severity.unwrap_or("unknown");
        if !alert.is_open() {
            return;
        }
        let kinds = self.open.entry(alert.alert_type.clone()).or_default();
        let open = kinds.entry(severity).or_default();
        let oldest = |of: &mut BTreeMap<&'static str, Timestamp>| {
            let first = of.entry(severity).or_insert(alert.detected);
            *first = (*first).min(alert.detected);
        };
        oldest(&mut self.oldest_open);
        if alert.status() == Status::Active {
            open.active += 1;
            oldest(&mut self.oldest_unanswered);
        } else {
            open.investigating += 1;
        }
    }
}

fn band(took: SignedDuration) -> &'static str {
    let hours = SignedDuration::from_hours;
    match took {
        took if took < hours(1) => "lt1h",
        took if took <= hours(12) => "1to12h",
        took if took <= hours(24) => "12to24h",
        _ => "gt24h",
    }
}

#[derive(Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, took: SignedDuration) {
        self.sum += took.as_secs_f64();
        self.count += 1;
    }

    fn seconds(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

fn zeros(words: impl IntoIterator<Item = &'static str>) -> BTreeMap<&'static str, usize> {
    words.into_iter().map(|word| (word, 0)).collect()
}

impl Customers {
    pub(super) fn of(customers: &[Customer]) -> Self {
        let options = ["security_defaults", "conditional_access", "per_user", "none", "unknown"];
        let mut counted = Self {
            tenants: customers.len(),
            mfa_option: zeros(options),
            budget_use: zeros(["none", "lt80", "80to100", "gt100"]),
            ..Self::default()
        };
        for customer in customers {
            counted.admin_mfa += usize::from(customer.is_compliant());
            *counted.mfa_option.entry(customer.mfa.option()).or_default() += 1;
            if customer.mfa != Mfa::Unsaid {
                counted.users += customer.users as usize;
                counted.admins_mfa += customer.admins_mfa as usize;
                counted.others_mfa += customer.others_mfa as usize;
            }
            if customer.has_azure() {
                counted.azure += 1;
                counted.with_budget += usize::from(customer.spent().is_some());
                let used = match customer.spent() {
                    None => "none",
                    Some(percent) if percent < 80.0 => "lt80",
                    Some(percent) if percent <= 100.0 => "80to100",
                    Some(_) => "gt100",
                };
                *counted.budget_use.entry(used).or_default() += 1;
            }
        }
        counted
    }
}

impl Score {
    pub(super) fn of(requirements: &[Requirement], history: &History) -> Self {
        let current = score::current(requirements);
        let other = history.iter().rev().position(|entry| entry.score != current);
        let previous = other.and_then(|place| history.iter().rev().nth(place));
        let changed = other.and_then(|place| history.iter().rev().nth(place.checked_sub(1)?));
        let max =
            f64::from(requirements.iter().map(|requirement| requirement.max_score).sum::<u32>());
        let show = |requirement: &Requirement| {
            let numbers = requirement.measures.iter();
            let numbers = numbers.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)));
            let shown = truth::Requirement {
                compliant: requirement.compliant,
                score: requirement.score,
                max_score: requirement.max_score,
                preview: requirement.preview,
                measures: numbers.collect(),
            };
            (requirement.kind.to_owned(), shown)
        };
        Self {
            current,
            max,
            previous: previous.map(|entry| entry.score),
            previous_at: previous.map(|entry| entry.at),
            changed: changed.map(|entry| entry.at),
            requirements: requirements.iter().map(show).collect(),
        }
    }
}
