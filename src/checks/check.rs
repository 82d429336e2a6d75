//! The shape of a check, its verdict, and the findings that say why.

use jiff::Timestamp;

use crate::posture::Posture;
use crate::sources::{Unread, User};

/// One requirement.
#[derive(Debug)]
pub struct Check {
    /// Its id: the value of the label `requirement` and the anchor in the reference.
    pub id: &'static str,
    /// What is required, as a sentence without its full stop.
    pub title: &'static str,
    /// How binding it is.
    pub tier: Tier,
    /// What the verdict rests on.
    pub evidence: Evidence,
    /// Where Microsoft says so.
    pub docs: &'static str,
    /// Where in Microsoft's portals it is put right.
    pub portal: &'static str,
    /// What to do about a finding.
    pub remedy: &'static str,
    /// The sources the verdict rests on, by id.
    pub sources: &'static [&'static str],
    /// The judgement. `Err` makes it unknown, never unmet and never met.
    pub evaluate: fn(&Posture<'_>) -> Result<Verdict, Unread>,
}

impl Check {
    /// The verdict on a tenant.
    pub fn judge(&self, posture: &Posture<'_>) -> Verdict {
        (self.evaluate)(posture).unwrap_or_else(Verdict::unknown)
    }
}

/// How binding a requirement is, in the letters of the label `tier`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Microsoft demands it.
    Mandatory,
    /// Microsoft recommends it strongly.
    Recommended,
    /// Microsoft advises it, or it prepares something demanded.
    Advised,
    /// A best practice bound by reference.
    BestPractice,
}

impl Tier {
    /// All of them, for the reference.
    pub const ALL: [Self; 4] =
        [Self::Mandatory, Self::Recommended, Self::Advised, Self::BestPractice];

    /// The value of the label `tier`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mandatory => "M",
            Self::Recommended => "S",
            Self::Advised => "A",
            Self::BestPractice => "B",
        }
    }

    /// What the letter stands for.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Mandatory => "mandatory",
            Self::Recommended => "strongly recommended",
            Self::Advised => "advised, or preparing what is mandatory",
            Self::BestPractice => "best practice",
        }
    }
}

/// What a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The data is the requirement.
    Measured,
}

impl Evidence {
    /// The value of the label `evidence`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
        }
    }
}

/// The six states a requirement can be in; all are always exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Met, by measurement.
    Compliant,
    /// Not met, by measurement.
    Noncompliant,
    /// Said to be met, where it cannot be measured.
    Attested,
    /// Not met, and every finding is excepted in the configuration.
    Waived,
    /// Does not apply to this tenant.
    NotApplicable,
    /// Could not be judged.
    Unknown,
}

impl State {
    /// All of them, in the order they are exported.
    pub const ALL: [Self; 6] = [
        Self::Compliant,
        Self::Noncompliant,
        Self::Attested,
        Self::Waived,
        Self::NotApplicable,
        Self::Unknown,
    ];

    /// The value of the label `state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Noncompliant => "noncompliant",
            Self::Attested => "attested",
            Self::Waived => "waived",
            Self::NotApplicable => "not_applicable",
            Self::Unknown => "unknown",
        }
    }
}

/// What a check found. No verdict without its findings: it is compliant exactly when nothing
/// stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    unknown: Option<Unread>,
    findings: Vec<Finding>,
    found: usize,
}

/// How many findings of one verdict are kept; all are counted.
const FINDINGS_KEPT: usize = 1_000;

impl Verdict {
    /// Met exactly when there is no finding.
    pub fn of(findings: impl IntoIterator<Item = Finding>) -> Self {
        let mut verdict = Self { unknown: None, findings: Vec::new(), found: 0 };
        for finding in findings {
            verdict.found += 1;
            if verdict.findings.len() < FINDINGS_KEPT {
                verdict.findings.push(finding);
            }
        }
        verdict
    }

    /// Not to be judged.
    pub fn unknown(why: Unread) -> Self {
        Self { unknown: Some(why), findings: Vec::new(), found: 0 }
    }

    /// Unknown for `doubt`, unless a finding already says no.
    pub fn unless_doubtful(self, doubt: Option<Unread>) -> Result<Self, Unread> {
        match doubt {
            Some(why) if self.found == 0 => Err(why),
            _ => Ok(self),
        }
    }

    /// The state it amounts to.
    pub fn state(&self) -> State {
        match (self.unknown, self.found) {
            (Some(_), _) => State::Unknown,
            (None, 0) => State::Compliant,
            (None, _) => State::Noncompliant,
        }
    }

    /// Why it is unknown, while it is.
    pub fn why_unknown(&self) -> Option<Unread> {
        self.unknown
    }

    /// How many things stand in the way.
    pub fn found(&self) -> usize {
        self.found
    }

    /// The first of them.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// One thing that stands in the way. It may name a person, so it never becomes a label and is
/// shown to authenticated eyes only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Who or what.
    pub subject: Subject,
    /// What is wrong, as a sentence without its full stop.
    pub what: &'static str,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
}

/// Who or what a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The tenant as a whole.
    Tenant,
    /// An account.
    Account {
        /// Its object id.
        id: String,
        /// The name it signs in with.
        name: String,
    },
}

impl Finding {
    /// About the tenant as a whole.
    pub fn tenant(what: &'static str) -> Self {
        Self { subject: Subject::Tenant, what, since: None }
    }

    /// About an account, since it was made.
    pub fn account(user: &User, what: &'static str) -> Self {
        let name = user.user_principal_name.to_string();
        let subject = Subject::Account { id: user.id.to_string(), name };
        Self { subject, what, since: user.created }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_all_counted_and_some_kept() {
        let verdict = Verdict::of((0..1_500).map(|_| Finding::tenant("x")));
        assert_eq!((verdict.found(), verdict.findings().len()), (1_500, FINDINGS_KEPT));
        assert_eq!(verdict.state(), State::Noncompliant);
    }

    #[test]
    fn a_doubt_never_clears_a_finding_and_never_passes_for_met() {
        let found = Verdict::of([Finding::tenant("x")]);
        let clear = Verdict::of([]);
        assert_eq!(found.clone().unless_doubtful(Some(Unread::Pending)), Ok(found));
        assert_eq!(clear.clone().unless_doubtful(Some(Unread::Pending)), Err(Unread::Pending));
        assert_eq!(clear.clone().unless_doubtful(None), Ok(clear));
    }
}
