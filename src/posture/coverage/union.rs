//! Whether rules together leave any sign-in out.
//!
//! A sign-in is a choice of application, client, platform, flow, risks, and of what else may hold
//! (places, devices, suites). The search splits on one property at a time, the first that decides
//! anything about the first rule that is still open, until a rule certainly acts on everything that
//! is left, or none can: then a sign-in is found that nobody challenges. Exact, and bounded: with
//! too much to try the answer is that too much is mentioned, and not that nothing is left out.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::rule::{ALL_TRUSTED, Choice, Effect, Gap, Literal, Rule, Trust, Vocabulary};

/// Steps after which a search is given up.
const STEPS: u32 = 20_000;

/// What a search came to.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// No sign-in is left out: these rules alone, by their numbers, act on all there are.
    Nothing(Vec<u16>),
    /// This one is.
    Hole(Hole<'a>),
    /// More is mentioned than can be tried.
    TooMuch,
}

/// A sign-in that no rule acts on.
#[derive(Debug)]
pub(super) struct Hole<'a> {
    /// What lets it through, in words.
    pub(super) text: Vec<String>,
    /// The first reason why a rule that demands something does not act on it, and that rule.
    pub(super) gap: Option<(Gap, &'a Rule<'a>)>,
    /// The sign-in itself.
    pub(super) point: Point<'a>,
}

/// A sign-in as far as it is decided.
#[derive(Debug, Clone)]
pub(super) struct Point<'a> {
    choices: [Option<u8>; Choice::COUNT],
    /// `Some(None)` is an application that nobody mentions.
    application: Option<Option<&'a str>>,
    flags: Vec<Option<bool>>,
}

enum Standing {
    Acts,
    Open(usize, usize),
    /// Does not act, because of this clause.
    Rests(usize),
}

struct Search<'a> {
    words: &'a Vocabulary<'a>,
    /// Whether places that may be trusted are taken for trusted.
    trusting: bool,
    aim: Aim,
    /// Steps left for this search, and for all of them.
    steps: u32,
    of_all: &'a Cell<u32>,
    hole: Option<Point<'a>>,
    /// Rules that acted where the search came to an end.
    acted: BTreeSet<u16>,
}

/// What a search is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// Whether there is a hole, soonest.
    Answer,
    /// The hole to tell of: one that a named application leaves, if there is one.
    Name,
}

/// Looks for a sign-in that none of the rules acts on. They come in an order of their own, so that
/// Microsoft's order makes no difference.
pub(super) fn search<'a>(
    rules: &[&'a Rule<'a>],
    words: &'a Vocabulary<'a>,
    trusting: bool,
    of_all: &'a Cell<u32>,
    aim: Aim,
) -> Found<'a> {
    let acted = BTreeSet::new();
    let mut search = Search { words, trusting, aim, steps: STEPS, of_all, hole: None, acted };
    let mut point = Point {
        choices: [None; Choice::COUNT],
        application: None,
        flags: vec![None; words.count()],
    };
    match search.is_covered(rules, &mut point) {
        Some(true) => Found::Nothing(search.acted.into_iter().collect()),
        Some(false) => {
            let point = search.hole.unwrap_or(point);
            Found::Hole(describe(rules, point, words))
        }
        None => Found::TooMuch,
    }
}

/// What searches have come to, so that people who stand nearly alike are not searched for again.
///
/// Rules that together act on every sign-in do so whatever rules there are beside them, and a sign-in
/// that no rule acts on is left out by fewer rules, too.
#[derive(Debug, Default)]
pub(super) struct Memo<'a> {
    proofs: Vec<Vec<u16>>,
    holes: Vec<Point<'a>>,
}

impl<'a> Memo<'a> {
    /// Answers kept of each kind; a tenant has a handful.
    const KEPT: usize = 128;

    /// Whether these rules, in the order of their numbers, leave nothing out; `None` if that is not
    /// known yet.
    pub(super) fn knows(&mut self, rules: &[&Rule<'_>]) -> Option<bool> {
        let is_among = |number: &u16| rules.binary_search_by_key(number, |it| it.number).is_ok();
        if let Some(place) = self.proofs.iter().position(|proof| proof.iter().all(is_among)) {
            self.proofs[..=place].rotate_right(1);
            return Some(true);
        }
        let is_hole = |point: &Point<'_>| {
            rules.iter().all(|rule| matches!(standing(rule, point), Standing::Rests(_)))
        };
        let place = self.holes.iter().position(is_hole)?;
        self.holes[..=place].rotate_right(1);
        Some(false)
    }

    /// Keeps what a search found, and says whether that is nothing.
    pub(super) fn learn(&mut self, found: Found<'a>) -> Option<bool> {
        match found {
            Found::Nothing(proof) => {
                self.proofs.truncate(Self::KEPT - 1);
                self.proofs.insert(0, proof);
                Some(true)
            }
            Found::Hole(hole) => {
                self.holes.truncate(Self::KEPT - 1);
                self.holes.insert(0, hole.point);
                Some(false)
            }
            Found::TooMuch => None,
        }
    }
}

impl<'a> Search<'a> {
    /// Whether every sign-in that agrees with the point is acted on; `None` if that is too much.
    fn is_covered(&mut self, rules: &[&'a Rule<'a>], point: &mut Point<'a>) -> Option<bool> {
        self.steps = self.steps.checked_sub(1)?;
        self.of_all.set(self.of_all.get().checked_sub(1)?);
        let mut open = None;
        let mut left = Vec::with_capacity(rules.len());
        for rule in rules {
            match standing(rule, point) {
                Standing::Acts => {
                    self.acted.insert(rule.number);
                    return Some(true);
                }
                Standing::Open(clause, literal) => {
                    open = open.or(Some(&rule.clauses[clause].any[literal]));
                    left.push(*rule);
                }
                Standing::Rests(_) => {}
            }
        }
        let Some(literal) = open else {
            self.hole = Some(point.clone());
            return Some(false);
        };
        match literal {
            Literal::Among(choice, _) => {
                let place = *choice as usize;
                for value in 0..choice.values().len() as u8 {
                    point.choices[place] = Some(value);
                    let covered = self.is_covered(&left, point);
                    point.choices[place] = None;
                    if covered != Some(true) {
                        return covered;
                    }
                }
                Some(true)
            }
            Literal::To(_) | Literal::NotTo(_) => {
                for application in self.applications(&left) {
                    point.application = Some(application);
                    let covered = self.is_covered(&left, point);
                    point.application = None;
                    if covered != Some(true) {
                        return covered;
                    }
                }
                Some(true)
            }
            Literal::Flag(flag, acts) => {
                // The value on which the rule rests comes first: holes are found sooner.
                for value in [!acts, *acts] {
                    let Some(decided) = self.decide(*flag, value, point) else { continue };
                    let covered = self.is_covered(&left, point);
                    for flag in decided {
                        point.flags[flag] = None;
                    }
                    if covered != Some(true) {
                        return covered;
                    }
                }
                Some(true)
            }
        }
    }

    /// Applications that make a difference, and one for all others.
    fn applications(&self, rules: &[&'a Rule<'a>]) -> Vec<Option<&'a str>> {
        let literals = rules.iter().flat_map(|rule| &rule.clauses).flat_map(|clause| &clause.any);
        let mut ids: Vec<_> = literals
            .filter_map(|literal| match literal {
                Literal::To(ids) | Literal::NotTo(ids) => Some(ids),
                _ => None,
            })
            .flatten()
            .map(|id| Some(&**id))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| !self.words.tolerated.iter().any(|it| Some(&**it) == *id));
        match self.aim {
            // Policies for one application each: the one that none of them names decides soonest.
            Aim::Answer => ids.insert(0, None),
            Aim::Name => ids.push(None),
        }
        ids
    }

    /// Sets a flag and what follows from it; tells which were set, or `None` if that cannot be.
    fn decide(&self, flag: usize, value: bool, point: &mut Point<'a>) -> Option<Vec<usize>> {
        let is_trusted = |flag| match self.words.trust(flag) {
            Trust::Yes => true,
            Trust::No => false,
            Trust::Unknown(_) => self.trusting,
        };
        let mut decided = vec![flag];
        // Whoever is in a trusted place is in one of all trusted ones, whichever is decided first.
        if value && is_trusted(flag) {
            match point.flags[ALL_TRUSTED] {
                Some(false) => return None,
                Some(true) => {}
                None => {
                    point.flags[ALL_TRUSTED] = Some(true);
                    decided.push(ALL_TRUSTED);
                }
            }
        }
        point.flags[flag] = Some(value);
        Some(decided)
    }
}

fn standing(rule: &Rule<'_>, point: &Point<'_>) -> Standing {
    let mut open = None;
    for (place, clause) in rule.clauses.iter().enumerate() {
        let mut undecided = None;
        let mut holds = false;
        for (number, literal) in clause.any.iter().enumerate() {
            match truth(literal, point) {
                Some(true) => holds = true,
                None => undecided = undecided.or(Some(number)),
                Some(false) => {}
            }
        }
        match (holds, undecided) {
            (true, _) => {}
            (false, Some(number)) => open = open.or(Some((place, number))),
            (false, None) => return Standing::Rests(place),
        }
    }
    open.map_or(Standing::Acts, |(clause, literal)| Standing::Open(clause, literal))
}

fn truth(literal: &Literal, point: &Point<'_>) -> Option<bool> {
    let is_among = |ids: &[Box<str>]| {
        point.application.map(|id| id.is_some_and(|id| ids.iter().any(|it| **it == *id)))
    };
    match literal {
        Literal::Among(choice, mask) => {
            // Not even the values left to choose from may be in it.
            if *mask == 0 {
                return Some(false);
            }
            point.choices[*choice as usize].map(|value| mask >> value & 1 == 1)
        }
        Literal::To(ids) => is_among(ids),
        Literal::NotTo(ids) => is_among(ids).map(|is| !is),
        Literal::Flag(flag, wanted) => point.flags[*flag].map(|held| held == *wanted),
    }
}

/// The sign-in in words: of each rule, what keeps it from acting.
fn describe<'a>(rules: &[&'a Rule<'a>], point: Point<'a>, words: &Vocabulary<'_>) -> Hole<'a> {
    let mut text: Vec<String> = Vec::new();
    let mut gaps: Vec<(Gap, &Rule<'_>)> = Vec::new();
    for &rule in rules {
        let Standing::Rests(place) = standing(rule, &point) else { continue };
        let clause = &rule.clauses[place];
        gaps.push((clause.gap, rule));
        for literal in &clause.any {
            let said = said(literal, &point, words);
            if !text.contains(&said) {
                text.push(said);
            }
        }
    }
    // A block that rests is no promise that was broken, unless blocks are all there is.
    let demands = gaps.iter().filter(|(_, rule)| rule.effect == Effect::Demand);
    let first =
        demands.min_by_key(|(gap, _)| *gap).or_else(|| gaps.iter().min_by_key(|(gap, _)| *gap));
    let gap = first.copied();
    Hole { text, gap, point }
}

fn said(literal: &Literal, point: &Point<'_>, words: &Vocabulary<'_>) -> String {
    match literal {
        Literal::Among(choice, _) => {
            let value =
                point.choices[*choice as usize].map(|value| choice.values()[value as usize]);
            let value = value.unwrap_or("any");
            match choice {
                Choice::Client | Choice::LegacyClient => format!("with the client type {value}"),
                Choice::Platform => format!("from {value}"),
                Choice::Flow => format!("with {value}"),
                Choice::SignInRisk => format!("at sign-in risk {value}"),
                Choice::UserRisk => format!("at user risk {value}"),
            }
        }
        Literal::To(_) | Literal::NotTo(_) => match point.application.flatten() {
            Some(id) => format!("to application {id}"),
            None => "to an application not named".to_owned(),
        },
        Literal::Flag(flag, wanted) if *wanted => format!("not {}", words.text(*flag)),
        Literal::Flag(flag, _) => words.text(*flag).to_owned(),
    }
}
