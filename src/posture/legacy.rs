//! For whom legacy authentication, which cannot be challenged, is blocked.

use crate::metrics::{Kind, Metric, Samples};
use crate::posture::{Count, Posture};
use crate::sources::Account;

static BLOCKED: Metric = Metric {
    name: "partnercenter_legacy_auth_blocked",
    help: "Whether legacy authentication is blocked for every enabled account (1), or somebody is \
           exempt (0). Absent while that cannot be said.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static EXCLUDED: Metric = Metric {
    name: "partnercenter_users_legacy_auth_excluded",
    help: "Enabled accounts for whom legacy authentication is not blocked. Absent while the \
           policies cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

static UNKNOWN: Metric = Metric {
    name: "partnercenter_users_legacy_auth_unknown",
    help: "Enabled accounts of whom it cannot be said whether legacy authentication is blocked.",
    kind: Kind::Gauge,
    labels: &["tenant", "account"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 3] = [&BLOCKED, &EXCLUDED, &UNKNOWN];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    let (Ok(people), Ok(assessment)) = (&posture.people, &posture.legacy) else { return };
    let of = |wanted: Option<bool>| {
        let all = people.everyone().iter().copied().zip(&assessment.coverage);
        Count::of(all.filter(|(_, it)| it.is_always() == wanted).map(|(user, _)| user))
    };
    let (exempt, unknown) = (of(Some(false)), of(None));
    let is_blind = posture.is_blind(&posture.legacy);
    for account in Account::ALL {
        let label = [("account", account.as_str())];
        samples.count(&UNKNOWN, label, unknown.get(account));
        if !is_blind {
            samples.count(&EXCLUDED, label, exempt.get(account));
        }
    }
    if exempt != Count::default() {
        samples.flag(&BLOCKED, [], false);
    } else if unknown == Count::default() {
        samples.flag(&BLOCKED, [], true);
    }
}
