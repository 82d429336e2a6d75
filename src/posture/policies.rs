//! The policies themselves: which ways to enforce MFA are on, and how each policy fares alone.

use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;
use crate::posture::coverage::{Assessment, Coverage, Gap, Ground, PolicyGap, Question, Via};
use crate::sources::policy::{Applications, Conditions, GrantControls, Policy};
use crate::sources::{
    ConditionalAccessPolicies, Fact, Facts, PerUserMfa, SecurityDefaults, Unread,
};

static OPTION_ENABLED: Metric = Metric {
    name: "partnercenter_mfa_option_enabled",
    help: "Whether a way to enforce MFA is in use at all (1) or not (0): security_defaults, \
           conditional_access (an enabled policy that demands MFA of somebody who may sign in), \
           per_user (legacy, of such an account). Security defaults must be off where Conditional \
           Access is used. Absent while it cannot be judged.",
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
    /// An enabled policy that demands MFA of somebody.
    pub conditional_access: Result<bool, Unread>,
    /// Somebody with legacy per-user MFA; `None` where Microsoft does not show it.
    pub per_user: Result<Option<bool>, Unread>,
}

impl Posture<'_> {
    /// Which ways to enforce MFA are in use.
    pub fn options(&self) -> Options {
        *self.options.get_or_init(|| Options {
            security_defaults: self.facts.security_defaults.rows().map(|it| it.is_enabled),
            conditional_access: self.conditional_access(),
            per_user: self.per_user(),
        })
    }

    fn conditional_access(&self) -> Result<bool, Unread> {
        let policies = self.policies.as_ref().map_err(|why| *why)?;
        let coverage = self.enforcement.iter().flat_map(|it| &it.coverage);
        let is_demanded = |it: &Coverage| {
            matches!(it, Coverage::Always(Via::ConditionalAccess) | Coverage::Conditional { .. })
        };
        // Seen without asking each policy, as in most tenants.
        if coverage.into_iter().any(is_demanded) {
            return Ok(true);
        }
        let enabled = policies.gaps.iter().filter(|(_, gap)| *gap != PolicyGap::ReportOnly);
        let reached = enabled.map(|(policy, _)| self.reaches_somebody(policy));
        any(reached.chain(policies.doubt.map(Err)))
    }

    /// Whether a policy applies to anybody, at whichever sign-in: judged as if it were the only way
    /// to MFA and demanded it always.
    fn reaches_somebody(&self, policy: &Policy) -> Result<bool, Unread> {
        let people = self.people.as_ref().map_err(|why| *why)?;
        let always = Policy {
            conditions: Conditions {
                users: policy.conditions.users.clone(),
                applications: Applications {
                    include_applications: vec!["All".into()],
                    ..Applications::default()
                },
                ..Conditions::default()
            },
            grant_controls: Some(GrantControls {
                operator: "OR".into(),
                built_in_controls: vec!["mfa".into()],
                ..GrantControls::default()
            }),
            ..policy.clone()
        };
        let (now, only) = (self.facts.now, vec![always]);
        let only = ConditionalAccessPolicies { policies: only, unreadable: 0 };
        let facts = Facts {
            conditional_access_policies: Fact::known(only, now),
            security_defaults: Fact::known(SecurityDefaults { is_enabled: false }, now),
            per_user_mfa: Fact::known(PerUserMfa::default(), now),
            ..self.facts.clone()
        };
        let ground = Ground::of(&facts, self.declared);
        let assessment = Assessment::of(&ground, people, Question::Mfa);
        any(assessment.coverage.iter().map(|coverage| match coverage {
            Coverage::Unknown(why) => Err(*why),
            coverage => Ok(coverage.is_always() == Some(true)),
        }))
    }

    fn per_user(&self) -> Result<Option<bool>, Unread> {
        let per_user = self.facts.per_user_mfa.rows()?;
        if !per_user.is_shown() {
            return Ok(None);
        }
        let people = self.people.as_ref().map_err(|why| *why)?;
        let states = people.everyone().iter().filter_map(|user| per_user.of(&user.id));
        let challenged = states.map(|state| state.challenges().ok_or(Unread::NotObservable));
        let unread = per_user.has_gaps().then_some(Err(Unread::SourceFailed));
        any(challenged.chain(unread)).map(Some)
    }
}

/// Whether one of these holds; not known while none does for certain and one may.
fn any(answers: impl IntoIterator<Item = Result<bool, Unread>>) -> Result<bool, Unread> {
    let mut doubt = None;
    for answer in answers {
        match answer {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(why) => doubt = doubt.into_iter().chain([why]).min(),
        }
    }
    doubt.map_or(Ok(false), Err)
}

impl Options {
    /// Legacy per-user MFA; where Microsoft does not show it, nobody is taken to have it.
    pub fn per_user_or_none(self) -> Result<bool, Unread> {
        self.per_user.map(Option::unwrap_or_default)
    }
}

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    let options = posture.options();
    for (option, is_on) in [
        ("security_defaults", options.security_defaults.ok()),
        ("conditional_access", options.conditional_access.ok()),
        ("per_user", options.per_user.ok().flatten()),
    ] {
        if let Some(is_on) = is_on {
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
