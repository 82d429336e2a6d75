//! What several checks judge together and several sources feed: pure functions from rows to
//! people and gaps, each with its gauges.

pub mod bits;
pub mod coverage;
pub mod customers;
pub mod dap;
mod declared;
pub mod fraud;
pub mod gdap;
mod legacy;
mod mfa;
mod outlook;
pub mod partner;
pub mod people;
mod policies;
pub mod privilege;
pub mod registration;
mod sign_ins;
mod special;

#[cfg(test)]
pub(crate) mod tenants;

pub use declared::{Attestation, Attested, Declarations, Exception, NEVER_TOLERATED, Status};
pub use mfa::Count;
pub use sign_ins::Seen;

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::clock::age;
use crate::metrics::{Metric, Samples};
use crate::posture::bits::Bits;
use crate::posture::coverage::{Assessment, Coverage, Ground, PolicyGaps, Question, policy_gaps};
use crate::posture::dap::Dap;
use crate::posture::fraud::Fraud;
use crate::posture::gdap::Gdap;
use crate::posture::people::People;
use crate::posture::policies::Options;
use crate::posture::privilege::Privilege;
use crate::posture::registration::Registration;
use crate::sources::policy::Policy;
use crate::sources::{Facts, Unread, User};

/// The facts of one tenant and what follows from them for its people. Judged once, read by all
/// checks.
#[derive(Debug)]
pub struct Posture<'a> {
    /// What was read.
    pub facts: &'a Facts,
    /// What the operator declared.
    pub declared: &'a Declarations,
    /// Who counts.
    pub people: Result<People<'a>, Unread>,
    /// Who can answer an MFA challenge.
    pub registration: Result<Registration<'a>, Unread>,
    /// Who is always challenged.
    pub enforcement: Result<Assessment<'a>, Unread>,
    /// For whom legacy authentication is blocked.
    pub legacy: Result<Assessment<'a>, Unread>,
    /// Who of the people is known to be an administrator, and why there may be more of them.
    pub administrators: Result<(Bits, Option<Unread>), Unread>,
    /// How each policy that demands MFA fares alone.
    pub policies: Result<PolicyGaps<'a>, Unread>,
    /// Which alerts about fraud are open, and how fast they are answered.
    pub fraud: Result<Fraud<'a>, Unread>,
    /// Which customers have DAP, and how long ago it was used.
    pub dap: Result<Dap<'a>, Unread>,
    /// What may be done at customers by GDAP, and by how many.
    pub gdap: Result<Gdap<'a>, Unread>,
    /// Who is behind a privilege.
    privilege: Privilege<'a>,
    /// Found when first asked for, by [`Posture::options`].
    options: OnceLock<Options>,
}

impl<'a> Posture<'a> {
    /// Judges the facts.
    pub fn of(facts: &'a Facts, declared: &'a Declarations) -> Self {
        let people = People::of(facts);
        let ground = Ground::of(facts, declared);
        let known = people.as_ref().map_err(|why| *why);
        let registration = match (known, facts.registrations()) {
            (Ok(people), _) => Registration::of(facts, people),
            (Err(why), report) => Err(report.err().map_or(why, |other| other.min(why))),
        };
        let enforcement = known.map(|people| Assessment::of(&ground, people, Question::Mfa));
        let legacy = known.map(|people| Assessment::of(&ground, people, Question::Legacy));
        let administrators = known.map(People::administrators);
        let policies = policy_gaps(facts, declared);
        let gdap = Gdap::of(facts, known);
        let privilege = Privilege::of(facts, known);
        Self {
            facts,
            declared,
            registration,
            enforcement,
            legacy,
            administrators,
            policies,
            privilege,
            people,
            fraud: Fraud::of(facts),
            dap: Dap::of(facts),
            gdap,
            options: OnceLock::new(),
        }
    }

    /// Shows people and gaps as gauges.
    pub fn observe(&self, samples: &mut Samples) {
        mfa::observe(self, samples);
        legacy::observe(self, samples);
        policies::observe(self, samples);
        special::observe(self, samples);
        sign_ins::observe(self, samples);
        fraud::observe(self, samples);
        dap::observe(self, samples);
        customers::observe(self, samples);
        partner::observe(self, samples);
        gdap::observe(self, samples);
        privilege::observe(self, samples);
    }

    /// Who of these people is not always challenged, each as a finding in words.
    pub fn unenforced(
        &self,
        is_meant: impl Fn(usize, &User) -> bool,
    ) -> Result<Vec<(&'a User, Cow<'static, str>)>, Unread> {
        let people = self.people.as_ref().map_err(|why| *why)?;
        let enforcement = self.enforcement.as_ref().map_err(|why| *why)?;
        let everyone = people.everyone().iter().zip(&enforcement.coverage).enumerate();
        let meant = everyone.filter(|(number, (user, _))| is_meant(*number, user));
        Ok(meant.filter_map(|(_, (user, it))| Some((*user, enforcement.said(*it)?))).collect())
    }

    /// Whether somebody's coverage is not known for want of a whole source. Then nobody can be said
    /// to lack it, and a figure of those who do is no measurement; a single group or policy that
    /// cannot be read leaves only the people out that depend on it.
    fn is_blind(&self, assessment: &Result<Assessment<'_>, Unread>) -> bool {
        let Ok(assessment) = assessment else { return true };
        let facts = self.facts;
        let policies = facts.policies().ok().flatten();
        let asks = |what: fn(&Policy) -> bool| policies.is_some_and(|it| it.acting().any(what));
        let roles = asks(names_a_role) || self.has_doubtful_people();
        let unread = [
            (facts.groups.rows().err(), roles || asks(names_a_group)),
            (facts.role_assignments.rows().err(), roles),
            (facts.role_eligibilities.rows().err(), roles),
            (facts.named_locations.rows().err(), asks(names_a_place)),
            (facts.authentication_strengths.rows().err(), asks(leaves_strength_open)),
        ];
        let unread =
            unread.into_iter().filter_map(|(why, is_asked_for)| why.filter(|_| is_asked_for));
        // The first reason is told: whoever depends on a source is unknown for its own or one before.
        let Some(last) = unread.chain(assessment.unread).max() else { return false };
        let depends =
            |coverage: &Coverage| matches!(coverage, Coverage::Unknown(why) if *why <= last);
        assessment.coverage.iter().any(depends)
    }

    fn has_doubtful_people(&self) -> bool {
        let is_doubtful =
            |people: &People<'_>| (0..people.count()).any(|number| people.doubt(number).is_some());
        self.people.as_ref().is_ok_and(is_doubtful)
    }

    /// Why it is not known of some of these people whether they are always challenged.
    pub fn enforcement_doubt(&self, is_meant: impl Fn(usize, &User) -> bool) -> Option<Unread> {
        let (Ok(people), Ok(enforcement)) = (&self.people, &self.enforcement) else { return None };
        let everyone = people.everyone().iter().zip(&enforcement.coverage).enumerate();
        let doubts = everyone.filter_map(|(number, (user, coverage))| match coverage {
            Coverage::Unknown(why) if is_meant(number, user) => Some(*why),
            _ => None,
        });
        doubts.min()
    }

    /// Everybody who could not be judged, about what (`registration` or `enforcement`), and why.
    pub fn unjudged(&self) -> impl Iterator<Item = (&'a User, &'static str, Unread)> {
        let registration = self.registration.iter().flat_map(|it| it.everyone());
        let registration =
            registration.filter_map(|it| Some((it.user, "registration", it.registered.err()?)));
        let people = self.people.iter().flat_map(|people| people.everyone().iter().copied());
        let coverage = self.enforcement.iter().flat_map(|it| &it.coverage);
        let enforcement = people.zip(coverage).filter_map(|(user, coverage)| match coverage {
            Coverage::Unknown(why) => Some((user, "enforcement", *why)),
            _ => None,
        });
        enforcement.chain(registration)
    }

    /// Whether somebody without a method is so new that this may still be so, as declared. Never so
    /// for administrators; not known of somebody new while it is not known who they are.
    pub fn is_in_grace(&self, user: &User) -> Result<bool, Unread> {
        let is_new = |created| age(self.facts.now, created) < self.declared.hire_grace;
        if !user.created.is_some_and(is_new) {
            return Ok(false);
        }
        let people = self.people.as_ref().map_err(|why| *why)?;
        let registration = self.registration.as_ref().map_err(|why| *why)?;
        let lacks = |number: &usize| registration.everyone()[*number].registered == Ok(false);
        let Some(number) = people.number(&user.id).filter(lacks) else { return Ok(false) };
        match self.administrators.as_ref().map_err(|why| *why)? {
            (administrators, _) if administrators.contains(number) => Ok(false),
            (_, Some(why)) => Err(*why),
            (_, None) => Ok(true),
        }
    }

    /// Whether this is an account declared for emergencies.
    pub fn is_break_glass(&self, user: &User) -> bool {
        self.declared.break_glass.as_ref().is_some_and(|ids| ids.contains(&user.id))
    }
}

fn names_a_role(policy: &Policy) -> bool {
    let users = &policy.conditions.users;
    !users.include_roles.is_empty() || !users.exclude_roles.is_empty()
}

fn names_a_group(policy: &Policy) -> bool {
    let users = &policy.conditions.users;
    !users.include_groups.is_empty() || !users.exclude_groups.is_empty()
}

/// Whether it names any place of the tenant's own.
fn names_a_place(policy: &Policy) -> bool {
    let is_word = |id: &str| ["All", "AllTrusted"].iter().any(|word| word.eq_ignore_ascii_case(id));
    policy.conditions.locations.as_ref().is_some_and(|it| {
        it.include_locations.iter().chain(&it.exclude_locations).any(|id| !is_word(id))
    })
}

/// Whether it asks for a strength and does not say itself what that amounts to.
fn leaves_strength_open(policy: &Policy) -> bool {
    let strength =
        policy.grant_controls.as_ref().and_then(|it| it.authentication_strength.as_ref());
    strength.is_some_and(|strength| strength.satisfies_mfa().is_none())
}

/// Every gauge of this room, for the reference.
pub fn metrics() -> Vec<&'static Metric> {
    let all = [
        &mfa::METRICS[..],
        &legacy::METRICS,
        &policies::METRICS,
        &special::METRICS,
        &sign_ins::METRICS,
        &partner::METRICS,
        &fraud::METRICS,
        &dap::METRICS,
        &customers::METRICS,
        &gdap::METRICS,
    ];
    all.into_iter().flatten().copied().chain(privilege::metrics()).collect()
}
