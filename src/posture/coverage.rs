//! Who is covered by MFA, and why not. `docs/coverage.md` is the specification.
//!
//! Pure: policies and people in, one [`Coverage`] for each of them out. Everything that could not be
//! read is answered twice, as if it applied and as if it did not; where the two answers differ the
//! person is unknown.

mod explain;
mod reach;
mod rule;
mod union;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;

pub use explain::{Change, Explanation, Step, Unjudged, explain};
pub use reach::Exclusion;
pub use rule::Gap;

use crate::posture::Declarations;
use crate::posture::bits::Bits;
use crate::posture::people::People;
use crate::sources::policy::{Policy, PolicyState, UserConditions};
use crate::sources::{AuthenticationStrengths, Facts, NamedLocations, PerUserMfa, Unread, User};
use reach::{Reached, reach};
use rule::{Clients, Effect, Rule, Vocabulary, compile};
use union::{Aim, Found, Hole, Memo, search};

/// The sources an answer about MFA rests on, by id.
pub const SOURCES: [&str; 9] = [
    "users",
    "security_defaults",
    "conditional_access_policies",
    "per_user_mfa",
    "groups",
    "role_assignments",
    "role_eligibilities",
    "authentication_strengths",
    "named_locations",
];

/// To whom a policy with these conditions applies for certain, and why it may apply to others.
pub fn reached(users: &UserConditions, people: &People<'_>) -> (Bits, Option<Unread>) {
    let Reached { applies, doubt, .. } = reach(users, people);
    (applies, doubt)
}

/// Steps after which no further search is made in one judgement: a few seconds of one processor.
/// Whoever would need another one is unknown. Real tenants need a few thousand.
const STEPS: u32 = 2_000_000;

/// How somebody is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Every sign-in is challenged or blocked.
    Always(Via),
    /// Some are, and one is not.
    Conditional {
        /// What lets it through.
        gap: Gap,
        /// The policy that leaves it alone for that reason, as a number among the rules.
        policy: u16,
    },
    /// Left out of a policy that would challenge.
    Excluded {
        /// By what.
        by: Exclusion,
        /// The policy, as a number among the rules.
        policy: u16,
    },
    /// No policy that demands MFA applies.
    NotTargeted,
    /// It depends on something that could not be read.
    Unknown(Unread),
}

/// The words of the label `coverage`, in their order.
pub const COVERAGES: [&str; 5] = ["always", "conditional", "excluded", "not_targeted", "unknown"];

impl Coverage {
    /// The value of the label `coverage`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always(_) => "always",
            Self::Conditional { .. } => "conditional",
            Self::Excluded { .. } => "excluded",
            Self::NotTargeted => "not_targeted",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Whether every sign-in is challenged: yes, no, or not known.
    pub fn is_always(self) -> Option<bool> {
        match self {
            Self::Always(_) => Some(true),
            Self::Unknown(_) => None,
            _ => Some(false),
        }
    }
}

/// The way somebody is covered; the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via {
    /// Security defaults.
    Defaults,
    /// Conditional Access.
    ConditionalAccess,
    /// Legacy per-user MFA.
    PerUser,
}

impl Via {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Defaults, Self::ConditionalAccess, Self::PerUser];

    /// The value of the label `via`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Defaults => "defaults",
            Self::ConditionalAccess => "conditional_access",
            Self::PerUser => "per_user",
        }
    }
}

/// What is asked of the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether every sign-in is challenged.
    Mfa,
    /// Whether legacy authentication, which cannot be challenged, is blocked.
    Legacy,
}

/// Everything the answer rests on beside the people.
#[derive(Debug, Clone)]
pub struct Ground<'a> {
    /// Policies that act, or may.
    policies: Result<Vec<&'a Policy>, Unread>,
    /// Whether some policy could not be read.
    unreadable: bool,
    strengths: Result<&'a AuthenticationStrengths, Unread>,
    locations: Result<&'a NamedLocations, Unread>,
    defaults: Result<bool, Unread>,
    per_user: Result<&'a PerUserMfa, Unread>,
    tolerated: &'a [Box<str>],
}

impl<'a> Ground<'a> {
    /// As it was read.
    pub fn of(facts: &'a Facts, declared: &'a Declarations) -> Self {
        let policies = facts.policies();
        Self {
            policies: policies.map(|it| it.into_iter().flat_map(|it| it.acting()).collect()),
            unreadable: matches!(policies, Ok(Some(policies)) if policies.unreadable > 0),
            strengths: facts.authentication_strengths.rows(),
            locations: facts.named_locations.rows(),
            defaults: facts.security_defaults.rows().map(|it| it.is_enabled),
            per_user: facts.per_user_mfa.rows(),
            tolerated: &declared.tolerated_applications,
        }
    }

    /// Why one of the ways to be covered is not known at all.
    fn unread(&self, question: Question) -> Option<Unread> {
        let rows = self.unreadable.then_some(Unread::SourceFailed);
        let per_user = match self.per_user {
            Err(why) => Some(why),
            Ok(per_user) => per_user.has_gaps().then_some(Unread::SourceFailed),
        };
        let per_user = per_user.filter(|_| question == Question::Mfa);
        [self.defaults.err(), self.policies.as_ref().err().copied(), per_user, rows]
            .into_iter()
            .flatten()
            .min()
    }
}

/// The answer for everybody, and what it was made from.
#[derive(Debug)]
pub struct Assessment<'a> {
    /// In the order of people's numbers.
    pub coverage: Vec<Coverage>,
    /// Why a whole way to be covered is not known: then "not covered" is not known of anybody.
    pub unread: Option<Unread>,
    rules: Vec<Rule<'a>>,
    reached: Vec<Reached>,
    words: Vocabulary<'a>,
    /// Steps left for all searches together, and for those that only look for what to tell.
    steps: Cell<u32>,
    naming: Cell<u32>,
}

impl<'a> Assessment<'a> {
    /// Judges everybody.
    pub fn of(ground: &Ground<'a>, people: &People<'_>, question: Question) -> Self {
        let mut words = Vocabulary::new(ground, question);
        let clients = match question {
            Question::Mfa => Clients::Modern,
            Question::Legacy => Clients::Legacy,
        };
        let policies = ground.policies.iter().flatten();
        let mut rules: Vec<_> = policies
            .filter_map(|policy| compile(policy, ground.strengths, clients, &mut words))
            .filter(|rule| question == Question::Mfa || rule.effect == Effect::Block)
            .collect();
        // In an order of their own: Microsoft's makes no difference.
        rules.sort_by(|one, other| one.policy.id.cmp(&other.policy.id));
        // Microsoft allows a few hundred policies, and a list is bounded long before these numbers.
        for (number, rule) in (0..=u16::MAX).zip(&mut rules) {
            rule.number = number;
        }
        let reached = rules.iter().map(|rule| {
            let mut reached = reach(&rule.policy.conditions.users, people);
            if rule.undecided.is_some() {
                reached.withhold();
            }
            reached.compact()
        });
        let reached = reached.collect();
        let unread = ground.unread(question);
        let (steps, naming) = (Cell::new(STEPS), Cell::new(STEPS));
        let coverage = Vec::new();
        let mut assessment = Self { coverage, unread, rules, reached, words, steps, naming };
        assessment.coverage = assessment.judge(ground, people, question);
        assessment
    }

    fn judge(&self, ground: &Ground<'_>, people: &People<'_>, question: Question) -> Vec<Coverage> {
        let mut covered = Bits::none(people.count());
        for (rule, reached) in self.rules.iter().zip(&self.reached) {
            if rule.is_complete() && rule.effect == wanted(question) {
                covered.add(&reached.applies);
            }
        }
        let mut known: HashMap<Vec<u8>, Outcome, foldhash::fast::RandomState> = HashMap::default();
        let mut memos = Memos::default();
        let mut judge = |(number, user): (usize, &&User)| {
            if let Some(why) = people.doubt(number) {
                return Coverage::Unknown(why);
            }
            if ground.defaults == Ok(true) {
                return Coverage::Always(Via::Defaults);
            }
            let outcome = if covered.contains(number) {
                Outcome::Always
            } else {
                let places = self.places(number);
                match known.get(&places) {
                    Some(outcome) => *outcome,
                    None => {
                        let outcome = self.outcome(&places, question, &mut memos);
                        known.insert(places, outcome);
                        outcome
                    }
                }
            };
            let per_user = ground.per_user.ok().filter(|_| question == Question::Mfa);
            match (outcome, per_user.and_then(|it| it.of(&user.id))) {
                (Outcome::Always, _) => Coverage::Always(Via::ConditionalAccess),
                (_, Some(state)) => match state.challenges() {
                    Some(_) => Coverage::Always(Via::PerUser),
                    None => Coverage::Unknown(Unread::NotObservable),
                },
                (outcome, None) => self.without_per_user(outcome, number),
            }
        };
        people.everyone().iter().enumerate().map(&mut judge).collect()
    }

    /// What becomes of somebody who depends on policies alone.
    fn without_per_user(&self, outcome: Outcome, number: usize) -> Coverage {
        match (outcome, self.unread) {
            (Outcome::Always, _) => Coverage::Always(Via::ConditionalAccess),
            (Outcome::Unknown(why), unread) => {
                Coverage::Unknown(unread.map_or(why, |unread| unread.min(why)))
            }
            // Another way, which could not be read, may cover them.
            (_, Some(why)) => Coverage::Unknown(why),
            (Outcome::Excluded(policy), None) => {
                let by = self.reached[policy as usize].exclusion(number);
                Coverage::Excluded { by: by.unwrap_or(Exclusion::Direct), policy }
            }
            (Outcome::Conditional(gap, policy), None) => Coverage::Conditional { gap, policy },
            (Outcome::NotTargeted, None) => Coverage::NotTargeted,
        }
    }

    /// Where this person stands to each rule: people who stand alike are judged once.
    fn places(&self, number: usize) -> Vec<u8> {
        let place = |reached: &Reached| {
            if reached.applies.contains(number) {
                Place::Applies
            } else if reached.perhaps.contains(number) {
                Place::Perhaps
            } else if reached.exclusion(number).is_some() {
                Place::Excluded
            } else {
                Place::Out
            }
        };
        self.reached.iter().map(|reached| place(reached) as u8).collect()
    }

    fn at(&self, places: &[u8], wanted: &[Place]) -> Vec<&Rule<'a>> {
        let is_wanted = |place: u8| wanted.iter().any(|wanted| *wanted as u8 == place);
        let rules = self.rules.iter().zip(places);
        rules.filter(|(_, place)| is_wanted(**place)).map(|(rule, _)| rule).collect()
    }

    /// Whether these rules leave no sign-in out; `None` if that is too much to try.
    fn is_covered<'s>(
        &'s self,
        rules: &[&'s Rule<'a>],
        trusting: bool,
        question: Question,
        memos: &mut Memos<'s>,
    ) -> Option<bool> {
        if !rules.iter().any(|rule| rule.effect == wanted(question)) {
            return Some(false);
        }
        let memo = if trusting { &mut memos.trusting } else { &mut memos.certain };
        memo.knows(rules)
            .or_else(|| memo.learn(search(rules, &self.words, trusting, &self.steps, Aim::Answer)))
    }

    fn outcome<'s>(&'s self, places: &[u8], question: Question, memos: &mut Memos<'s>) -> Outcome {
        let applying = self.at(places, &[Place::Applies]);
        let is_covered = self.is_covered(&applying, false, question, memos);
        if is_covered == Some(true) {
            return Outcome::Always;
        }
        let possible = self.at(places, &[Place::Applies, Place::Perhaps]);
        // What is too much to try may be covered.
        if let Some(why) = self.doubt(places)
            && self.is_covered(&possible, true, question, memos) != Some(false)
        {
            return Outcome::Unknown(why);
        }
        if is_covered.is_none() {
            return Outcome::Unknown(Unread::Limit);
        }
        let excluded =
            places.iter().enumerate().filter(|(_, place)| **place == Place::Excluded as u8);
        let excluded: Vec<_> = excluded
            .map(|(number, _)| number)
            .filter(|number| self.rules[*number].effect == wanted(question))
            .collect();
        for &number in &excluded {
            let is_meant =
                |&(place, of): &(usize, &u8)| place == number || *of == Place::Applies as u8;
            let with = places.iter().enumerate().filter(is_meant);
            let with: Vec<_> = with.map(|(place, _)| &self.rules[place]).collect();
            if self.is_covered(&with, false, question, memos) == Some(true) {
                return Outcome::Excluded(number as u16);
            }
        }
        if applying.iter().any(|rule| rule.effect == wanted(question)) {
            return match search(&applying, &self.words, false, &self.naming, Aim::Name) {
                Found::Hole(Hole { gap: Some((gap, rule)), .. }) => {
                    Outcome::Conditional(gap, rule.number)
                }
                // There is a hole, and too much to try for the one to tell of: the first gap of those
                // that apply.
                _ => {
                    let gaps = applying.iter().filter(|rule| rule.effect == wanted(question));
                    let gaps = gaps.filter_map(|rule| Some((rule.gap()?, rule.number)));
                    let (gap, policy) = gaps.min().unwrap_or((Gap::Other, 0));
                    Outcome::Conditional(gap, policy)
                }
            };
        }
        match excluded.first() {
            Some(number) => Outcome::Excluded(*number as u16),
            None => Outcome::NotTargeted,
        }
    }

    /// What could not be read of the rules that may apply; of places, if any may be trusted.
    fn doubt(&self, places: &[u8]) -> Option<Unread> {
        let standing = self.rules.iter().zip(&self.reached).zip(places);
        let perhaps = standing.filter(|(_, place)| **place == Place::Perhaps as u8);
        let whys = perhaps
            .map(|((rule, reached), _)| rule.undecided.into_iter().chain(reached.doubt).min());
        let whys = whys.map(|why| why.unwrap_or(Unread::NotObservable));
        whys.chain(self.words.unread_locations()).min()
    }

    /// By what somebody who is not always challenged is left out of a policy that demands MFA, and
    /// of which, as a number among the rules.
    pub fn left_out(&self, number: usize) -> Option<(Exclusion, u16)> {
        let coverage = self.coverage[number];
        if let Coverage::Excluded { by, policy } = coverage {
            return Some((by, policy));
        }
        if coverage.is_always() != Some(false) {
            return None;
        }
        let mut demanding = self.rules.iter().zip(&self.reached).enumerate();
        demanding.find_map(|(place, (rule, reached))| {
            let by = reached.exclusion(number).filter(|_| rule.effect == Effect::Demand)?;
            Some((by, place as u16))
        })
    }

    /// What is wrong with somebody's coverage, in words; `None` if nothing is known to be.
    pub fn said(&self, coverage: Coverage) -> Option<Cow<'static, str>> {
        Some(match coverage {
            Coverage::Always(_) | Coverage::Unknown(_) => return None,
            Coverage::NotTargeted => "is not challenged: no policy that demands MFA applies".into(),
            Coverage::Excluded { by, policy } => {
                format!("is left out of {} {}", self.policy(policy), by.in_words()).into()
            }
            Coverage::Conditional { gap, policy } => {
                let policy = self.policy(policy);
                format!("is not always challenged by {policy}: {}", gap.in_words()).into()
            }
        })
    }

    /// The policy of this number among the rules.
    pub fn rule(&self, number: u16) -> &'a Policy {
        self.rules[number as usize].policy
    }

    /// The name of a policy by its number among the rules.
    pub fn policy(&self, number: u16) -> &str {
        let policy = self.rules[number as usize].policy;
        if policy.display_name.is_empty() { "without a name" } else { &policy.display_name }
    }
}

/// The effect without which nobody is covered.
fn wanted(question: Question) -> Effect {
    match question {
        Question::Mfa => Effect::Demand,
        Question::Legacy => Effect::Block,
    }
}

/// How one person stands to one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Out,
    Applies,
    Perhaps,
    Excluded,
}

/// What was found out about sets of rules: if places that may be trusted are not, and if they are.
#[derive(Debug, Default)]
struct Memos<'a> {
    certain: Memo<'a>,
    trusting: Memo<'a>,
}

/// What the policies come to for people who stand alike to all of them.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Always,
    Unknown(Unread),
    Excluded(u16),
    Conditional(Gap, u16),
    NotTargeted,
}

/// How a policy that demands MFA fares on its own: whether it only reports, and its first gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyGap {
    /// It challenges every sign-in of those it applies to.
    None,
    /// It enforces nothing.
    ReportOnly,
    /// It leaves something out.
    Some(Gap),
}

/// How the policies that demand MFA fare alone.
#[derive(Debug, Default)]
pub struct PolicyGaps<'a> {
    /// Each that is enabled or report-only and its first gap, in Microsoft's order.
    pub gaps: Vec<(&'a Policy, PolicyGap)>,
    /// Policies that act, or may, and could not be judged, unreadable ones included.
    pub undecided: usize,
    /// Those of them that could be read.
    pub unjudged: Vec<Unjudged<'a>>,
    /// Why they could not.
    pub doubt: Option<Unread>,
}

/// Judges each policy by itself.
pub fn policy_gaps<'a>(
    facts: &'a Facts,
    declared: &'a Declarations,
) -> Result<PolicyGaps<'a>, Unread> {
    let ground = Ground::of(facts, declared);
    let mut words = Vocabulary::new(&ground, Question::Mfa);
    let Some(policies) = facts.policies()? else { return Ok(PolicyGaps::default()) };
    let mut found = PolicyGaps {
        gaps: Vec::new(),
        undecided: policies.unreadable as usize,
        unjudged: Vec::new(),
        doubt: (policies.unreadable > 0).then_some(Unread::SourceFailed),
    };
    for policy in &policies.policies {
        if policy.state == PolicyState::Disabled {
            continue;
        }
        let Some(rule) = compile(policy, ground.strengths, Clients::Modern, &mut words) else {
            continue;
        };
        let reports = policy.state == PolicyState::ReportOnly;
        match rule.undecided {
            Some(why) if !reports => {
                found.undecided += 1;
                found.unjudged.push(Unjudged::new(policy, why, &ground));
                found.doubt = found.doubt.into_iter().chain([why]).min();
            }
            None if rule.effect == Effect::Demand => found.gaps.push((
                policy,
                match rule.gap() {
                    _ if reports => PolicyGap::ReportOnly,
                    None => PolicyGap::None,
                    Some(gap) => PolicyGap::Some(gap),
                },
            )),
            _ => {}
        }
    }
    Ok(found)
}
