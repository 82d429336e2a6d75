//! Conditional Access policies that act on the risk Identity Protection sees, and whom they cover.

use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;
use crate::posture::bits::Bits;
use crate::posture::coverage::reached;
use crate::sources::Unread;
use crate::sources::policy::{Conditions, GrantControls, Policy, PolicyState, says_something};

/// What a policy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// Whether this sign-in is somebody else's.
    SignIn,
    /// Whether the account is in somebody else's hands.
    User,
}

impl Risk {
    const ALL: [Self; 2] = [Self::SignIn, Self::User];

    fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::User => "user",
        }
    }

    /// A policy that leaves out what is at high risk is none.
    fn is_asked_by(self, policy: &Policy) -> bool {
        let levels = match self {
            Self::SignIn => &policy.conditions.sign_in_risk_levels,
            Self::User => &policy.conditions.user_risk_levels,
        };
        levels.iter().any(|level| level.eq_ignore_ascii_case("high"))
    }
}

impl<'a> Posture<'a> {
    /// The policies that act on risk. There are none where the tenant can have no policies.
    pub fn risk_policies(&self) -> Result<Vec<&'a Policy>, Unread> {
        let policies = self.facts.policies()?.into_iter().flat_map(|it| &it.policies);
        let acts = policies.filter(|it| it.state == PolicyState::Enabled && demands(it));
        Ok(acts.filter(|it| Risk::ALL.iter().any(|risk| risk.is_asked_by(it))).collect())
    }

    /// Whom one of them covers whatever else is true of the sign-in, and why there may be more.
    pub fn covered_on_risk(&self) -> Result<(Bits, Option<Unread>), Unread> {
        let people = self.people.as_ref().map_err(|why| *why)?;
        let (mut covered, mut doubt) = (Bits::none(people.count()), None::<Unread>);
        for policy in self.risk_policies()?.into_iter().filter(|it| is_wide(&it.conditions)) {
            let (applies, why) = reached(&policy.conditions.users, people);
            covered.add(&applies);
            doubt = doubt.into_iter().chain(why).min();
        }
        let unreadable = self.facts.policies()?.is_some_and(|it| it.unreadable > 0);
        let unreadable = unreadable.then_some(Unread::SourceFailed);
        Ok((covered, doubt.into_iter().chain(unreadable).min()))
    }
}

/// Whether it stops or challenges whoever is at risk.
fn demands(policy: &Policy) -> bool {
    const CONTROLS: [&str; 4] = ["block", "mfa", "passwordChange", "riskRemediation"];
    let is_one = |control: &str| CONTROLS.iter().any(|known| known.eq_ignore_ascii_case(control));
    policy.grant_controls.as_ref().is_some_and(|grant: &GrantControls| {
        let any = grant.built_in_controls.iter().any(|it| is_one(it));
        // With `OR` a control of another kind lets somebody past.
        let all = grant.built_in_controls.iter().all(|it| is_one(it))
            && grant.custom_authentication_factors.is_empty()
            && grant.terms_of_use.is_empty();
        let strength = grant.authentication_strength.is_some();
        (any || strength) && (all || grant.operator.eq_ignore_ascii_case("and"))
    })
}

/// Whether it looks at nothing but risk. What it may look at besides, and we do not know, narrows it.
fn is_wide(conditions: &Conditions) -> bool {
    let applications = &conditions.applications;
    let is_all = |word: &str| word.eq_ignore_ascii_case("all");
    let clients = &conditions.client_app_types;
    // With both, it acts only where the account and the sign-in are at risk.
    let is_one =
        conditions.sign_in_risk_levels.is_empty() || conditions.user_risk_levels.is_empty();
    let strange =
        conditions.others.iter().chain(&applications.others).chain(&conditions.users.others);
    is_one
        && applications.include_applications.iter().any(|it| is_all(it))
        && applications.exclude_applications.is_empty()
        && applications.application_filter.is_none()
        && (clients.is_empty() || clients.iter().any(|it| is_all(it)))
        && conditions.platforms.is_none()
        && conditions.locations.is_none()
        && conditions.devices.is_none()
        && conditions.authentication_flows.is_none()
        && conditions.client_applications.is_none()
        && !says_something("insiderRiskLevels", &conditions.insider_risk_levels)
        && !strange.into_iter().any(|(name, value)| says_something(name, value))
}

static POLICIES: Metric = Metric {
    name: "partnercenter_conditional_access_risk_policies",
    help: "Enabled Conditional Access policies that stop or challenge whoever Identity Protection sees \
           at high risk, by risk: sign_in (this sign-in), user (the account). A policy that looks at \
           both counts under both, and acts only where both are there. 0: nothing acts on that risk. \
           Whom they cover is not said here. Absent while policies cannot be read, and without Entra ID \
           P1.",
    kind: Kind::Gauge,
    labels: &["tenant", "risk"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 1] = [&POLICIES];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    if !matches!(posture.facts.policies(), Ok(Some(_))) {
        return;
    }
    let Ok(policies) = posture.risk_policies() else { return };
    for risk in Risk::ALL {
        let count = policies.iter().filter(|it| risk.is_asked_by(it)).count();
        samples.count(&POLICIES, [("risk", risk.as_str())], count);
    }
}
