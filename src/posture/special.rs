//! Accounts that are not like others: those for emergencies, and those that synchronise.

use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;

static BREAK_GLASS: Metric = Metric {
    name: "partnercenter_break_glass_accounts",
    help: "Accounts declared for emergencies that exist and are enabled. Absent where none are \
           declared.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static BREAK_GLASS_REGISTERED: Metric = Metric {
    name: "partnercenter_break_glass_accounts_mfa_registered",
    help: "Of the accounts for emergencies, those with a registered MFA method.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static SYNC: Metric = Metric {
    name: "partnercenter_sync_accounts",
    help: "Enabled Connect sync accounts, known by the role Directory Synchronization Accounts. \
           They are no people and stand in no other figure.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static SYNC_OTHER_ROLES: Metric = Metric {
    name: "partnercenter_sync_accounts_other_roles",
    help: "Of the Connect sync accounts, those with any further directory role or a place among \
           Partner Center's agents: they are used for something else. 0 is as it should be.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 4] =
    [&BREAK_GLASS, &BREAK_GLASS_REGISTERED, &SYNC, &SYNC_OTHER_ROLES];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    let Ok(people) = &posture.people else { return };
    if let Some(declared) = &posture.declared.break_glass {
        let numbers: Vec<_> = declared.iter().filter_map(|id| people.number(id)).collect();
        samples.count(&BREAK_GLASS, [], numbers.len());
        if let Ok(registration) = &posture.registration {
            let registered =
                |number: &&usize| registration.everyone()[**number].registered == Ok(true);
            let count = numbers.iter().filter(registered).count();
            samples.count(&BREAK_GLASS_REGISTERED, [], count);
        }
    }
    if posture.facts.role_assignments.rows().is_ok() {
        samples.count(&SYNC, [], people.synchronizers().len());
        if let (busy, None) = people.busy_synchronizers() {
            samples.count(&SYNC_OTHER_ROLES, [], busy.len());
        }
    }
}
