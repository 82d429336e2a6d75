//! The policies themselves: which ways to enforce MFA are on, and how each policy fares alone.

use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;
use crate::posture::coverage::{Gap, PolicyGap, PolicyGaps};
use crate::sources::Unread;

static OPTION_ENABLED: Metric = Metric {
    name: "partnercenter_mfa_option_enabled",
    help: "Whether a way to enforce MFA is in use at all (1) or not (0): security_defaults, \
           conditional_access (an enabled policy that demands MFA of somebody), per_user (legacy). \
           Security defaults must be off where Conditional Access is used. Absent while it cannot \
           be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "option"],
};

static MFA_POLICIES: Metric = Metric {
    name: "partnercenter_conditional_access_mfa_policies",
    help: "Conditional Access policies that demand MFA, enabled or report-only, by the first way \
           around them: none, report_only (enforces nothing), or a kind of sign-in they leave out. \
           It says nothing about whom they apply to.",
    kind: Kind::Gauge,
    labels: &["tenant", "gap"],
};

static UNDECIDED: Metric = Metric {
    name: "partnercenter_conditional_access_policies_undecided",
    help: "Policies that act, or may, and could not be judged: unreadable, in a state unknown to \
           this version, or asking for an authentication strength that is not to be found. 0 is as \
           it should be.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 3] = [&OPTION_ENABLED, &MFA_POLICIES, &UNDECIDED];

/// Which ways to enforce MFA are in use, each as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Security defaults.
    pub security_defaults: Result<bool, Unread>,
    /// An enabled policy that demands MFA.
    pub conditional_access: Result<bool, Unread>,
    /// Somebody with legacy per-user MFA; where Microsoft does not show it, that is not known.
    pub per_user: Result<bool, Unread>,
}

impl Posture<'_> {
    /// Which ways to enforce MFA are in use.
    pub fn options(&self) -> Options {
        let per_user = self.facts.per_user_mfa.rows();
        let enabled = |policies: &PolicyGaps<'_>| {
            let is_enabled = policies.gaps.iter().any(|(_, gap)| *gap != PolicyGap::ReportOnly);
            match policies.doubt {
                Some(why) if !is_enabled => Err(why),
                _ => Ok(is_enabled),
            }
        };
        Options {
            security_defaults: self.facts.security_defaults.rows().map(|it| it.is_enabled),
            conditional_access: self.policies.as_ref().map_err(|why| *why).and_then(enabled),
            per_user: per_user.and_then(|it| match it.is_shown() {
                true if it.has_gaps() && !it.is_in_use() => Err(Unread::SourceFailed),
                true => Ok(it.is_in_use()),
                false => Err(Unread::NotObservable),
            }),
        }
    }
}

impl Options {
    /// Legacy per-user MFA; where Microsoft does not show it, nobody is taken to have it.
    pub fn per_user_or_none(self) -> Result<bool, Unread> {
        match self.per_user {
            Err(Unread::NotObservable) => Ok(false),
            known => known,
        }
    }
}

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    let options = posture.options();
    for (option, is_on) in [
        ("security_defaults", options.security_defaults),
        ("conditional_access", options.conditional_access),
        ("per_user", options.per_user),
    ] {
        if let Ok(is_on) = is_on {
            samples.flag(&OPTION_ENABLED, [("option", option)], is_on);
        }
    }
    let Ok(policies) = &posture.policies else { return };
    let of = |wanted| policies.gaps.iter().filter(|(_, gap)| *gap == wanted).count();
    samples.count(&MFA_POLICIES, [("gap", "none")], of(PolicyGap::None));
    samples.count(&MFA_POLICIES, [("gap", "report_only")], of(PolicyGap::ReportOnly));
    for gap in Gap::ALL {
        samples.count(&MFA_POLICIES, [("gap", gap.as_str())], of(PolicyGap::Some(gap)));
    }
    samples.count(&UNDECIDED, [], policies.undecided);
}
