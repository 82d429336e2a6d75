//! What several checks judge together and several sources feed: pure functions from rows to
//! people and gaps, each with its gauges.

pub mod mfa;

use crate::metrics::{Metric, Samples};
use crate::sources::{Facts, Unread};

/// The facts of one tenant and what follows from them for its people. Judged once, read by all
/// checks.
#[derive(Debug)]
pub struct Posture<'a> {
    /// What was read.
    pub facts: &'a Facts,
    /// Who can answer an MFA challenge.
    pub registration: Result<mfa::Registration<'a>, Unread>,
}

impl<'a> Posture<'a> {
    /// Judges the facts.
    pub fn of(facts: &'a Facts) -> Self {
        Self { facts, registration: mfa::registration(facts) }
    }

    /// Shows people and gaps as gauges.
    pub fn observe(&self, samples: &mut Samples) {
        mfa::observe(self, samples);
    }
}

/// Every gauge of this room, for the reference.
pub fn metrics() -> Vec<&'static Metric> {
    mfa::METRICS.to_vec()
}
