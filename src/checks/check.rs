//! The shape of a check, its verdict, and the findings that say why.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::posture::{Attestation, Attested, Exception, Posture, Status};
use crate::sources::policy::Policy;
use crate::sources::relationship::Relationship;
use crate::sources::{Unread, User};
use crate::wire::ObjectId;

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
    /// Whom or what its findings are about.
    pub about: About,
    /// Where Microsoft says so.
    pub docs: &'static str,
    /// Where in Microsoft's portals it is put right.
    pub portal: &'static str,
    /// What to do about a finding.
    pub remedy: &'static str,
    /// The sources the verdict rests on, by id.
    pub sources: &'static [&'static str],
    /// The judgement. `Err` makes it unknown, never unmet and never met.
    pub evaluate: fn(&Posture<'_>, &Terms<'_>) -> Result<Verdict, Unread>,
}

impl Check {
    /// The verdict on a tenant.
    pub fn judge(&self, posture: &Posture<'_>) -> Verdict {
        let now = posture.facts.now;
        let holds = |it: &&Exception| it.requirement == self.id && it.holds(now);
        let exceptions = posture.declared.exceptions.iter().filter(holds).collect();
        // Measured beats said: only what could not be measured is taken from what somebody says.
        (self.evaluate)(posture, &Terms { exceptions })
            .unwrap_or_else(|why| self.attested(posture).unwrap_or(Verdict::unknown(why)))
    }

    fn attested(&self, posture: &Posture<'_>) -> Option<Verdict> {
        let holds = |it: &&Attestation| it.requirement == self.id && it.holds(posture.facts.now);
        let attestation = posture.declared.attestations.iter().find(holds)?;
        Some(match attestation.says {
            Attested::Compliant => Verdict::attested(),
            Attested::NotApplicable => Verdict::not_applicable(),
        })
    }
}

/// The terms a verdict is given on: what is put up with.
#[derive(Debug)]
pub struct Terms<'a> {
    /// Exceptions to this requirement that hold.
    exceptions: Vec<&'a Exception>,
}

impl Terms<'_> {
    /// Met exactly when there is no finding.
    pub fn verdict(&self, findings: impl IntoIterator<Item = Finding>) -> Verdict {
        let mut verdict = Verdict { answer: Answer::Judged, ..Verdict::default() };
        for mut finding in findings {
            finding.waived |= self.waive(&finding.subject);
            verdict.excepted.extend(finding.subject.id().filter(|id| self.names(id)).cloned());
            verdict.found += 1;
            verdict.waived += usize::from(finding.waived);
            if verdict.findings.len() < FINDINGS_KEPT {
                verdict.findings.push(finding);
            } else if !finding.waived
                && let Some(place) = verdict.findings.iter().position(|kept| kept.waived)
            {
                // What nobody put up with is told first.
                verdict.findings[place] = finding;
            }
        }
        verdict
    }

    fn names(&self, id: &ObjectId) -> bool {
        self.exceptions.iter().any(|exception| exception.subjects.contains(id))
    }

    fn waive(&self, subject: &Subject) -> bool {
        self.exceptions.iter().any(|exception| match subject.id() {
            _ if exception.subjects.is_empty() => true,
            Some(id) => exception.subjects.contains(id),
            None => false,
        })
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
    /// The programme for Cloud Solution Providers demands or recommends it.
    Programme,
    /// A best practice bound by reference.
    BestPractice,
    /// Of a time that has passed; kept for auditors.
    Transition,
    /// The health of the exporter itself, without which the rest is blind.
    Exporter,
}

impl Tier {
    /// All of them, for the reference.
    pub const ALL: [Self; 7] = [
        Self::Mandatory,
        Self::Recommended,
        Self::Programme,
        Self::Advised,
        Self::BestPractice,
        Self::Transition,
        Self::Exporter,
    ];

    /// The value of the label `tier`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mandatory => "M",
            Self::Recommended => "S",
            Self::Advised => "A",
            Self::Programme => "P",
            Self::BestPractice => "B",
            Self::Transition => "T",
            Self::Exporter => "X",
        }
    }

    /// What the letter stands for.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Mandatory => "mandatory",
            Self::Recommended => "strongly recommended",
            Self::Advised => "advised, or preparing what is mandatory",
            Self::Programme => "recommended by the programme for Cloud Solution Providers",
            Self::BestPractice => "best practice",
            Self::Transition => "of a time that has passed",
            Self::Exporter => "about the exporter itself",
        }
    }
}

/// Whom or what the findings of a check are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Accounts: whoever is excepted has to be named.
    Accounts,
    /// The tenant, policies, customers and the like.
    Others,
}

/// What a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The data is the requirement.
    Measured,
    /// The data is close to the requirement, or needs interpretation.
    Proxy,
}

impl Evidence {
    /// The value of the label `evidence`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Proxy => "proxy",
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    answer: Answer,
    findings: Vec<Finding>,
    found: usize,
    waived: usize,
    /// Whom and what exceptions name of that which was found.
    excepted: BTreeSet<ObjectId>,
    doubt: Option<Unread>,
    /// Why it does not apply, where a fact says so.
    fact: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Judged,
    Attested,
    NotApplicable,
    Unknown(Unread),
}

impl Default for Answer {
    fn default() -> Self {
        Self::Unknown(Unread::Pending)
    }
}

/// How many findings of one verdict are kept; all are counted.
const FINDINGS_KEPT: usize = 1_000;

impl Verdict {
    /// Not to be judged.
    pub fn unknown(why: Unread) -> Self {
        Self { answer: Answer::Unknown(why), ..Self::default() }
    }

    /// Said to be met by somebody who answers for it.
    pub fn attested() -> Self {
        Self { answer: Answer::Attested, ..Self::default() }
    }

    /// Of no concern to this tenant, by what is known of it.
    pub fn not_applicable() -> Self {
        Self { answer: Answer::NotApplicable, ..Self::default() }
    }

    /// The same, with the fact that says so, as a sentence without its full stop.
    pub fn of_no_concern(fact: &'static str) -> Self {
        Self { fact: Some(fact), ..Self::not_applicable() }
    }

    /// The fact for which it does not apply, where one says so.
    pub fn fact(&self) -> Option<&'static str> {
        self.fact
    }

    /// Unknown for `doubt`, unless a finding already says no.
    pub fn unless_doubtful(self, doubt: Option<Unread>) -> Result<Self, Unread> {
        match doubt {
            Some(why) if self.found == self.waived => Err(why),
            doubt => Ok(Self { doubt, ..self }),
        }
    }

    /// Why there may be more findings than were found.
    pub fn doubt(&self) -> Option<Unread> {
        self.doubt
    }

    /// How an exception to this requirement stands, and what it names that nothing was found about.
    pub fn standing<'e>(
        &self,
        exception: &'e Exception,
        now: Timestamp,
    ) -> Result<(Status, Vec<&'e ObjectId>), Unread> {
        if !exception.holds(now) {
            return Ok((Status::Expired, Vec::new()));
        }
        if let Answer::Unknown(why) = self.answer {
            return Err(why);
        }
        let is_missing = |id: &&ObjectId| !self.excepted.contains(*id);
        let missing: Vec<_> = exception.subjects.iter().filter(is_missing).collect();
        let is_matched =
            if exception.subjects.is_empty() { self.found > 0 } else { missing.is_empty() };
        match self.doubt {
            _ if is_matched => Ok((Status::Active, missing)),
            // It may be among what was not found.
            Some(why) => Err(why),
            None => Ok((Status::Unmatched, missing)),
        }
    }

    /// The state it amounts to.
    pub fn state(&self) -> State {
        match self.answer {
            Answer::Unknown(_) => State::Unknown,
            Answer::Attested => State::Attested,
            Answer::NotApplicable => State::NotApplicable,
            Answer::Judged if self.found == 0 => State::Compliant,
            Answer::Judged if self.found == self.waived => State::Waived,
            Answer::Judged => State::Noncompliant,
        }
    }

    /// Why it is unknown, while it is.
    pub fn why_unknown(&self) -> Option<Unread> {
        match self.answer {
            Answer::Unknown(why) => Some(why),
            Answer::Judged | Answer::Attested | Answer::NotApplicable => None,
        }
    }

    /// How many things stand in the way, those put up with included.
    pub fn found(&self) -> usize {
        self.found
    }

    /// How many of them are put up with.
    pub fn waived(&self) -> usize {
        self.waived
    }

    /// The first of them, those nobody put up with before the others where not all are kept.
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
    pub what: Cow<'static, str>,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Whether it is put up with.
    pub waived: bool,
}

/// Who or what a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The tenant as a whole.
    Tenant,
    /// An account.
    Account {
        /// Its object id.
        id: ObjectId,
        /// The name it signs in with.
        name: Box<str>,
    },
    /// A policy or the like.
    Object {
        /// Its id.
        id: ObjectId,
        /// What the administrators call it.
        name: Box<str>,
    },
}

impl Subject {
    /// The id of whom or what it is, if it has one.
    pub fn id(&self) -> Option<&ObjectId> {
        match self {
            Self::Tenant => None,
            Self::Account { id, .. } | Self::Object { id, .. } => Some(id),
        }
    }
}

/// A finding for each of these people, with what is wrong.
pub(super) fn unenforced<'a>(
    people: impl IntoIterator<Item = (&'a User, Cow<'static, str>)>,
) -> impl Iterator<Item = Finding> {
    people.into_iter().map(|(user, what)| Finding::account(user, what))
}

/// A finding for each account that the sign-in log shows doing this, with when it last did.
pub(super) fn seen<'a>(
    people: &'a [(&'a User, Option<Timestamp>)],
    what: &'static str,
) -> impl Iterator<Item = Finding> + 'a {
    people.iter().map(move |(user, last)| Finding { since: *last, ..Finding::account(user, what) })
}

/// A finding for each of these people without a usable method, put up with in the grace for new
/// hires. Nothing is found about somebody who may be in it, and `doubt` says why.
pub(super) fn unregistered<'a>(
    posture: &Posture<'_>,
    people: impl IntoIterator<Item = &'a User>,
    what: &'static str,
    doubt: &mut Option<Unread>,
) -> impl Iterator<Item = Finding> {
    people.into_iter().filter_map(move |user| match posture.is_in_grace(user) {
        Ok(is_in_grace) => Some(Finding::account(user, what).waived_if(is_in_grace)),
        Err(why) => {
            *doubt = doubt.take().into_iter().chain([why]).min();
            None
        }
    })
}

impl Finding {
    /// About the tenant as a whole.
    pub fn tenant(what: impl Into<Cow<'static, str>>) -> Self {
        Self { subject: Subject::Tenant, what: what.into(), since: None, waived: false }
    }

    /// About an account, since it was made.
    pub fn account(user: &User, what: impl Into<Cow<'static, str>>) -> Self {
        let name = user.user_principal_name.clone();
        let subject = Subject::Account { id: user.id.clone(), name };
        Self { subject, what: what.into(), since: user.created, waived: false }
    }

    /// About a policy.
    pub fn policy(policy: &Policy, what: impl Into<Cow<'static, str>>) -> Self {
        Self::object(&policy.id, &policy.display_name, what)
    }

    /// About a relationship, by its customer where it has one: exceptions name customers.
    pub fn relationship(relationship: &Relationship, what: &str) -> Self {
        let Relationship { id, name, customer, customer_name, activated, created, .. } =
            relationship;
        let (name, what) = match &**customer_name {
            "" => (&**name, format!("the GDAP relationship {what}")),
            customer => (customer, format!("the GDAP relationship \u{201c}{name}\u{201d} {what}")),
        };
        let since = activated.or(*created);
        Self { since, ..Self::object(customer.as_ref().unwrap_or(id), name, what) }
    }

    /// About anything with an id.
    pub fn object(id: &ObjectId, name: &str, what: impl Into<Cow<'static, str>>) -> Self {
        let subject = Subject::Object { id: id.clone(), name: name.into() };
        Self { subject, what: what.into(), since: None, waived: false }
    }

    /// Put up with, if that is so.
    pub fn waived_if(mut self, waived: bool) -> Self {
        self.waived = waived;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posture::Declarations;
    use crate::sources::Facts;

    fn plain() -> Terms<'static> {
        Terms { exceptions: Vec::new() }
    }

    #[test]
    fn findings_are_all_counted_and_some_kept_those_that_matter_first() {
        let finding = |number: usize| Finding::tenant("x").waived_if(number < 1_499);
        let verdict = plain().verdict((0..1_500).map(finding));
        assert_eq!((verdict.found(), verdict.waived()), (1_500, 1_499));
        assert_eq!(verdict.findings().len(), FINDINGS_KEPT);
        assert!(verdict.findings().iter().any(|finding| !finding.waived));
        assert_eq!(verdict.state(), State::Noncompliant);
    }

    #[test]
    fn a_doubt_never_clears_a_finding_and_never_passes_for_met() {
        let found = plain().verdict([Finding::tenant("x")]);
        let waived = plain().verdict([Finding::tenant("x").waived_if(true)]);
        let clear = plain().verdict([]);
        let doubted = found.unless_doubtful(Some(Unread::Pending)).unwrap();
        assert_eq!(doubted.state(), State::Noncompliant);
        assert_eq!(doubted.doubt(), Some(Unread::Pending), "and it is told");
        for verdict in [waived, clear.clone()] {
            assert_eq!(verdict.unless_doubtful(Some(Unread::Pending)), Err(Unread::Pending));
        }
        assert_eq!(clear.clone().unless_doubtful(None), Ok(clear));
    }

    #[test]
    fn an_exception_waives_what_it_names_until_it_ends_and_then_no_more() {
        fn evaluate(_: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
            let id = |text| ObjectId::parse(text).unwrap();
            let about = |text| Finding::object(&id(text), text, "x");
            Ok(terms.verdict([about("a"), about("b")]))
        }
        static CHECK: Check = Check {
            id: "mfa-guests",
            title: "",
            tier: Tier::Mandatory,
            evidence: Evidence::Measured,
            about: About::Others,
            docs: "",
            portal: "",
            remedy: "",
            sources: &[],
            evaluate,
        };
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let judged = |requirement, subjects: &[&str], seconds| {
            let exception = Exception {
                requirement,
                subjects: subjects.iter().map(|it| ObjectId::parse(it).unwrap()).collect(),
                owner: "security office".to_owned(),
                reason: "being replaced".to_owned(),
                expires: now + jiff::SignedDuration::from_secs(seconds),
            };
            let declared = Declarations { exceptions: vec![exception], ..Declarations::default() };
            CHECK.judge(&Posture::of(&Facts::unread(now), &declared)).state()
        };
        assert_eq!(judged("mfa-guests", &["a", "B"], 1), State::Waived);
        assert_eq!(judged("mfa-guests", &[], 1), State::Waived, "for whatever is found");
        assert_eq!(judged("mfa-guests", &["a"], 1), State::Noncompliant);
        assert_eq!(judged("mfa-guests", &["a", "b"], 0), State::Noncompliant, "it has ended");
        assert_eq!(judged("mfa-no-exclusions", &["a", "b"], 1), State::Noncompliant);
    }

    #[test]
    fn what_is_said_counts_while_it_holds_and_never_against_a_measurement() {
        fn unread(_: &Posture<'_>, _: &Terms<'_>) -> Result<Verdict, Unread> {
            Err(Unread::NotObservable)
        }
        fn unmet(_: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
            Ok(terms.verdict([Finding::tenant("x")]))
        }
        static CHECK: Check = Check {
            id: "mpa-accepted",
            title: "",
            tier: Tier::Mandatory,
            evidence: Evidence::Proxy,
            about: About::Others,
            docs: "",
            portal: "",
            remedy: "",
            sources: &[],
            evaluate: unread,
        };
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let judged = |check: &Check, says, seconds| {
            let attestation = Attestation {
                requirement: "mpa-accepted",
                says,
                by: "security office".to_owned(),
                attested: now,
                expires: now + jiff::SignedDuration::from_secs(seconds),
            };
            let declared =
                Declarations { attestations: vec![attestation], ..Declarations::default() };
            check.judge(&Posture::of(&Facts::unread(now), &declared)).state()
        };
        assert_eq!(judged(&CHECK, Attested::Compliant, 1), State::Attested);
        assert_eq!(judged(&CHECK, Attested::NotApplicable, 1), State::NotApplicable);
        assert_eq!(judged(&CHECK, Attested::Compliant, 0), State::Unknown, "it has expired");
        let measured = Check { evaluate: unmet, ..CHECK };
        assert_eq!(judged(&measured, Attested::Compliant, 1), State::Noncompliant);
        let other = Check { id: "transact-ability", ..CHECK };
        assert_eq!(judged(&other, Attested::Compliant, 1), State::Unknown);
    }
}
