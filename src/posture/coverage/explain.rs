//! Policy by policy, why one account is or is not covered: for a person to read.

use serde::Serialize;

use super::reach::{Kinds, is_unknown};
use super::rule::{Choice, Clause, Effect, Literal, Vocabulary};
use super::union::{Aim, Found, search};
use super::{Assessment, Coverage, Ground, Place, Question, Via};
use crate::posture::Declarations;
use crate::posture::bits::Bits;
use crate::posture::people::{Hold, People, Reach};
use crate::sources::policy::{Conditions, Guests, Policy, PolicyState, UserConditions};
use crate::sources::{Account, ConditionalAccessPolicies, Fact, Facts, Unread, User, role_name};
use crate::wire::ObjectId;

/// Why an account is or is not covered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Object id.
    pub id: String,
    /// The name signed in with.
    pub name: String,
    /// One of the words of the label `coverage`, or `nobody` for an account that does not count.
    pub coverage: &'static str,
    /// The way it is covered, the gap, by what it is left out, or why it is unknown.
    pub detail: Option<&'static str>,
    /// All of it in one sentence.
    pub sentence: String,
    /// A sign-in that is not challenged, in words, where one was found.
    pub unchallenged: Vec<String>,
    /// Security defaults: on, off, or unknown.
    pub security_defaults: &'static str,
    /// Legacy per-user MFA: its state, `none`, `not shown` or `unknown`.
    pub per_user_mfa: &'static str,
    /// Every policy that could be read, in Microsoft's order.
    pub policies: Vec<Step>,
    /// How many could not.
    pub unreadable_policies: u64,
}

/// How an account stands to one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Id of the policy.
    pub policy: String,
    /// What the administrators call it.
    pub name: String,
    /// Whether it acts.
    pub state: &'static str,
    /// `challenges`, `blocks`, `excluded`, `not_included`, `uncertain` or `no_mfa`.
    pub outcome: &'static str,
    /// How the account is in or out.
    pub how: Vec<String>,
    /// What could not be read or understood, where it is uncertain.
    pub missing: Vec<String>,
    /// Which sign-ins it leaves alone.
    pub leaves_out: Vec<String>,
}

/// What if one thing were otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Without this policy.
    WithoutPolicy(ObjectId),
    /// Without this among what is left out, in whatever policy: an account, a group, a role, a kind
    /// of guests, an application, a platform or a location.
    WithoutExclusion(ObjectId),
}

impl Change {
    /// The facts as they then would be; `None` if it is nowhere to be taken out of.
    pub fn of(&self, facts: &Facts) -> Option<Facts> {
        let known = facts.conditional_access_policies.rows().ok()?;
        let mut policies = known.policies.clone();
        let mut taken = false;
        match self {
            Self::WithoutPolicy(id) => {
                policies.retain(|policy| policy.id != *id);
                taken = policies.len() < known.policies.len();
            }
            Self::WithoutExclusion(id) => {
                policies.iter_mut().for_each(|policy| taken |= take_back(policy, id));
            }
        }
        let policies = ConditionalAccessPolicies { policies, unreadable: known.unreadable };
        taken.then(|| Facts {
            conditional_access_policies: Fact::known(policies, facts.now),
            ..facts.clone()
        })
    }
}

/// Takes something out of all that a policy leaves out, and tells whether it was there.
fn take_back(policy: &mut Policy, id: &ObjectId) -> bool {
    fn take<T>(list: &mut Vec<T>, is_it: impl Fn(&T) -> bool) -> bool {
        let before = list.len();
        list.retain(|item| !is_it(item));
        list.len() < before
    }
    let is = |word: &str| ObjectId::parse(word).as_ref() == Some(id);
    let Conditions { users, applications, platforms, locations, .. } = &mut policy.conditions;
    let mut taken = take(&mut users.exclude_groups, |it| it == id);
    taken |= take(&mut users.exclude_roles, |it| it == id);
    taken |= take(&mut users.exclude_users, |it| is(it));
    taken |= take(&mut applications.exclude_applications, |it| is(it));
    if let Some(platforms) = platforms {
        taken |= take(&mut platforms.exclude_platforms, |it| is(it));
    }
    if let Some(locations) = locations {
        taken |= take(&mut locations.exclude_locations, |it| is(it));
    }
    if let Some(guests) = &mut users.exclude_guests_or_external_users {
        let kinds = guests.guest_or_external_user_types.split(',').map(|kind| kind.trim().into());
        let mut kinds: Vec<Box<str>> = kinds.collect();
        if take(&mut kinds, |it| is(it)) {
            guests.guest_or_external_user_types = kinds.join(",").into();
            taken = true;
        }
    }
    taken
}

/// Explains one account.
pub fn explain(facts: &Facts, declared: &Declarations, user: &User) -> Result<Explanation, Unread> {
    let people = People::of(facts)?;
    let ground = Ground::of(facts, declared);
    let assessment = Assessment::of(&ground, &people, Question::Mfa);
    let number = people.number(&user.id);
    let known = facts.policies().ok().flatten();
    let policies = known.map_or(&[][..], |known| &known.policies[..]);
    let steps =
        policies.iter().map(|policy| step(policy, user, number, &ground, &assessment, &people));
    let mut explanation = Explanation {
        id: user.id.to_string(),
        name: user.user_principal_name.to_string(),
        coverage: "nobody",
        detail: None,
        sentence: String::new(),
        unchallenged: Vec::new(),
        security_defaults: match ground.defaults {
            Ok(true) => "on",
            Ok(false) => "off",
            Err(_) => "unknown",
        },
        per_user_mfa: match ground.per_user.map(|it| (it.of(&user.id), it.is_shown())) {
            Ok((Some(state), _)) => state.as_str(),
            Ok((None, true)) => "none",
            Ok((None, false)) => "not shown",
            Err(_) => "unknown",
        },
        policies: steps.collect(),
        unreadable_policies: known.map_or(0, |known| known.unreadable),
    };
    let Some(number) = number else {
        explanation.sentence = if user.account_enabled {
            "This is a Connect sync account, known by its role; it is no person and does not count."
        } else {
            "The account is disabled: nobody can sign in with it, and it does not count."
        }
        .to_owned();
        return Ok(explanation);
    };
    let coverage = assessment.coverage[number];
    explanation.coverage = coverage.as_str();
    explanation.detail = match coverage {
        Coverage::Always(via) => Some(via.as_str()),
        Coverage::Conditional { gap, .. } => Some(gap.as_str()),
        Coverage::Excluded { by, .. } => Some(by.as_str()),
        Coverage::NotTargeted => None,
        Coverage::Unknown(why) => Some(why.as_str()),
    };
    if coverage.is_always() == Some(false) {
        let places = assessment.places(number);
        let applying = assessment.at(&places, &[Place::Applies]);
        if let Found::Hole(hole) =
            search(&applying, &assessment.words, false, &assessment.naming, Aim::Name)
        {
            explanation.unchallenged = hole.text;
        }
    }
    explanation.sentence = sentence(coverage, &assessment, &explanation);
    Ok(explanation)
}

fn sentence(coverage: Coverage, assessment: &Assessment<'_>, explanation: &Explanation) -> String {
    let unchallenged = || match &explanation.unchallenged[..] {
        [] => "some sign-ins, of more kinds than could be tried".to_owned(),
        texts => format!("a sign-in {}", texts.join(", ")),
    };
    match coverage {
        Coverage::Always(Via::Defaults) => {
            "Covered: security defaults are on, which covers everybody.".to_owned()
        }
        Coverage::Always(Via::ConditionalAccess) => {
            let complete = explanation
                .policies
                .iter()
                .find(|step| step.outcome == "challenges" && step.leaves_out.is_empty());
            match complete {
                Some(step) => format!("Covered: {} challenges every sign-in.", step.name),
                None => "Covered: the policies that apply leave no sign-in unchallenged together, \
                         though none of them does alone."
                    .to_owned(),
            }
        }
        Coverage::Always(Via::PerUser) => {
            "Covered by legacy per-user MFA only, which Microsoft is retiring.".to_owned()
        }
        Coverage::Conditional { .. } => {
            format!("Not always challenged: {} passes without MFA.", unchallenged())
        }
        Coverage::Excluded { by, policy } => {
            let what = by.in_words();
            format!("Not covered: left out of {} {what}.", assessment.policy(policy))
        }
        Coverage::NotTargeted => {
            "Not covered: no policy that demands MFA applies to this account.".to_owned()
        }
        Coverage::Unknown(_) if explanation.unreadable_policies > 0 => format!(
            "Not known: any of the policies that could not be read ({}) may cover this account.",
            explanation.unreadable_policies
        ),
        Coverage::Unknown(why) => match hangs_on(assessment, explanation) {
            Some((step, missing)) => format!("Not known: it depends on {}: {missing}.", step.name),
            None => format!(
                "Not known: it depends on something that could not be read ({}: {}).",
                why.as_str(),
                why.meaning()
            ),
        },
    }
}

/// The first policy that is uncertain, and why, where policies are what the answer hangs on.
fn hangs_on<'a>(
    assessment: &Assessment<'_>,
    explanation: &'a Explanation,
) -> Option<(&'a Step, &'a str)> {
    let steps = explanation.policies.iter().filter(|_| assessment.unread.is_none());
    steps.filter_map(|step| Some((step, step.missing.first()?.as_str()))).next()
}

/// A policy that acts, or may, and of which nobody can say what it does.
#[derive(Debug)]
pub struct Unjudged<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Why nobody can.
    pub why: Unread,
    /// What would have to be known, in words.
    pub missing: String,
}

impl<'a> Unjudged<'a> {
    pub(super) fn new(policy: &'a Policy, why: Unread, ground: &Ground<'_>) -> Self {
        Self { policy, why, missing: missing(policy, ground) }
    }
}

/// What would have to be known of a policy to say what it does.
fn missing(policy: &Policy, ground: &Ground<'_>) -> String {
    let mut parts = Vec::new();
    if policy.state == PolicyState::Unknown {
        parts.push("its state is a word unknown to this version".to_owned());
    }
    let strength =
        policy.grant_controls.as_ref().and_then(|it| it.authentication_strength.as_ref());
    if let Some(strength) = strength.filter(|it| it.satisfies_mfa().is_none()) {
        let what = match &*strength.display_name {
            "" => format!("the authentication strength {}", strength.id),
            name => format!("the authentication strength {name} ({})", strength.id),
        };
        match ground.strengths.map(|known| known.of(&strength.id)) {
            Ok(None) => parts.push(format!("{what} is not among those there are")),
            Ok(Some(listed)) if listed.satisfies_mfa().is_none() => {
                parts.push(format!("{what} does not say whether it satisfies MFA"));
            }
            Ok(Some(_)) => {}
            Err(why) => parts.push(format!(
                "{what} is known by its id only, and the list of them could not be read ({})",
                why.as_str()
            )),
        }
    }
    parts.join(", and ")
}

fn step(
    policy: &Policy,
    user: &User,
    number: Option<usize>,
    ground: &Ground<'_>,
    assessment: &Assessment<'_>,
    people: &People<'_>,
) -> Step {
    let name = if policy.display_name.is_empty() { "(no name)" } else { &policy.display_name };
    let mut step = Step {
        policy: policy.id.to_string(),
        name: name.to_owned(),
        state: policy.state.as_str(),
        outcome: "no_mfa",
        how: Vec::new(),
        missing: Vec::new(),
        leaves_out: Vec::new(),
    };
    let acts = !matches!(policy.state, PolicyState::Disabled | PolicyState::ReportOnly);
    let place = assessment.rules.iter().position(|rule| rule.policy.id == policy.id);
    let (true, Some(place)) = (acts, place) else {
        step.how.push(match policy.state {
            PolicyState::Disabled => "it is switched off".to_owned(),
            PolicyState::ReportOnly => "it only reports and enforces nothing".to_owned(),
            _ => "it neither demands MFA nor blocks sign-ins that could be challenged".to_owned(),
        });
        return step;
    };
    let rule = &assessment.rules[place];
    let users = &policy.conditions.users;
    let (mut ways_in, ways_out) =
        (ways(users, user, people, Side::Include), ways(users, user, people, Side::Exclude));
    step.outcome = match number.map(|number| assessment.places(number)[place]) {
        None => "not_included",
        Some(it) if it == Place::Applies as u8 && rule.effect == Effect::Block => "blocks",
        Some(it) if it == Place::Applies as u8 => "challenges",
        Some(it) if it == Place::Perhaps as u8 => "uncertain",
        Some(it) if it == Place::Excluded as u8 => "excluded",
        Some(_) => "not_included",
    };
    match step.outcome {
        "not_included" if number.is_none() => {
            step.how.push("the account does not count".to_owned());
            return step;
        }
        "not_included" if ways_in.is_empty() => {
            step.how.push("neither the account nor a group or role of it is included".to_owned());
        }
        "uncertain" => {
            step.how.append(&mut ways_in);
            step.missing.extend(rule.undecided.map(|_| missing(policy, ground)));
            step.missing.extend(doubts(users, user, people, Side::Include));
            step.missing.extend(doubts(users, user, people, Side::Exclude));
        }
        _ => step.how.append(&mut ways_in),
    }
    step.how.extend(ways_out);
    step.leaves_out = rule.clauses.iter().map(|it| narrowed(it, &assessment.words)).collect();
    step
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Include,
    Exclude,
}

impl Side {
    fn verb(self) -> &'static str {
        match self {
            Self::Include => "included",
            Self::Exclude => "left out",
        }
    }

    /// Who may activate a role may leave a policy whenever they choose to.
    fn holds(self) -> &'static [Hold] {
        match self {
            Self::Include => &[Hold::Active],
            Self::Exclude => &[Hold::Active, Hold::Eligible],
        }
    }

    fn lists(self, users: &UserConditions) -> Lists<'_> {
        match self {
            Self::Include => Lists {
                names: &users.include_users,
                groups: &users.include_groups,
                roles: &users.include_roles,
                guests: users.include_guests_or_external_users.as_ref(),
            },
            Self::Exclude => Lists {
                names: &users.exclude_users,
                groups: &users.exclude_groups,
                roles: &users.exclude_roles,
                guests: users.exclude_guests_or_external_users.as_ref(),
            },
        }
    }
}

/// Whom one side of a policy names.
struct Lists<'a> {
    names: &'a [Box<str>],
    groups: &'a [ObjectId],
    roles: &'a [ObjectId],
    guests: Option<&'a Guests>,
}

/// Why it is not known whether one side of a policy holds this account.
fn doubts(users: &UserConditions, user: &User, people: &People<'_>, side: Side) -> Vec<String> {
    let Lists { names, groups, roles, guests } = side.lists(users);
    let verb = side.verb();
    let mut doubts = Vec::new();
    for word in names.iter().filter(|word| is_unknown(word, people)) {
        doubts.push(format!("the word {word} {verb} is unknown to this version"));
    }
    let mut ignored = Bits::none(people.count());
    for group in groups {
        if let Some(why) = people.add_members(group, &mut ignored) {
            let (name, why) = (people.name(group), why.as_str());
            doubts.push(format!("the group {name} {verb} could not be read ({why})"));
        }
    }
    for role in roles {
        let unread = |hold: &Hold| {
            people.add_holders(role, *hold, Reach::TenantWide, &mut Bits::none(people.count()))
        };
        if let Some(why) = side.holds().iter().find_map(unread) {
            let (name, why) = (named(role), why.as_str());
            doubts.push(format!("who holds the role {name} {verb} could not be read ({why})"));
        }
    }
    if let Some(kinds) = guests.map(Kinds::of).filter(|kinds| kinds.hold(user).is_none()) {
        let strange = kinds.unknown();
        doubts
            .extend(strange.map(|kind| {
                format!("the kind of guests {kind} {verb} is unknown to this version")
            }));
        if kinds.of_user(user).is_some() {
            doubts.push(format!(
                "guests of some tenants only are {verb}, and nothing shows which tenant one is from"
            ));
        }
    }
    doubts
}

/// By which of a policy's lists an account is included, or left out.
fn ways(users: &UserConditions, user: &User, people: &People<'_>, side: Side) -> Vec<String> {
    let Lists { names, groups, roles, guests } = side.lists(users);
    let verb = side.verb();
    let mut ways = Vec::new();
    for word in names {
        if word.eq_ignore_ascii_case("All") {
            ways.push(format!("{verb} with everybody"));
        } else if word.eq_ignore_ascii_case("GuestsOrExternalUsers") {
            if user.account == Account::Guest || user.is_external() {
                ways.push(format!("{verb} as a guest or external account"));
            }
        } else if ObjectId::parse(word).as_ref() == Some(&user.id) {
            ways.push(format!("{verb} by name"));
        }
    }
    for group in groups {
        if let Some(path) = people.path(group, &user.id) {
            ways.push(format!("{verb} through the group {}", chain(&path, group)));
        }
    }
    let holds = side.holds();
    for (role, hold) in roles.iter().flat_map(|role| holds.iter().map(move |hold| (role, *hold))) {
        ways.extend(held(role, hold, user, people).map(|how| format!("{verb} {how}")));
    }
    let kinds = guests.map(Kinds::of);
    if let Some(kind) =
        kinds.filter(|kinds| kinds.hold(user) == Some(true)).and_then(|it| it.of_user(user))
    {
        ways.push(format!("{verb} as a guest of the kind {kind}"));
    }
    ways
}

fn named(role: &ObjectId) -> String {
    role_name(role).map_or_else(|| role.to_string(), |name| format!("{name} ({role})"))
}

fn held(role: &ObjectId, hold: Hold, user: &User, people: &People<'_>) -> Option<String> {
    let name = named(role);
    let as_what = match hold {
        Hold::Active => format!("as holder of the role {name}"),
        Hold::Eligible => format!("as somebody who may activate the role {name}"),
    };
    people.assignments(role, hold).into_iter().find_map(|assignment| {
        if assignment.principal == user.id {
            return Some(as_what.clone());
        }
        let path = people.path(&assignment.principal, &user.id)?;
        Some(format!("{as_what} through the group {}", chain(&path, &assignment.principal)))
    })
}

/// `Outer (id) → inner`: the id is what an exclusion is taken back by.
fn chain(path: &[String], group: &ObjectId) -> String {
    let names = path.iter().enumerate().map(|(place, name)| match (name.as_str(), place) {
        ("", 0) => group.to_string(),
        ("", _) => "a nested group".to_owned(),
        (name, 0) => format!("{name} ({group})"),
        (name, _) => name.to_owned(),
    });
    names.collect::<Vec<_>>().join(" → ")
}

/// What a condition lets a policy act on, in words.
fn narrowed(clause: &Clause, words: &Vocabulary<'_>) -> String {
    let mut only = Vec::new();
    for literal in &clause.any {
        match literal {
            Literal::Among(choice, mask) => {
                let values = choice.values().iter().enumerate();
                let values = values.filter(|(place, _)| mask >> place & 1 == 1);
                let values: Vec<_> = values.map(|(_, value)| *value).collect();
                let what = match choice {
                    Choice::Client | Choice::LegacyClient => "clients",
                    Choice::Platform => "platforms",
                    Choice::Flow => "flows",
                    Choice::SignInRisk => "sign-in risk",
                    Choice::UserRisk => "user risk",
                };
                only.push(match &values[..] {
                    [] => format!("only {what} unknown to this question"),
                    values => format!("only {what} {}", values.join(", ")),
                });
            }
            Literal::To(ids) => only.push(format!("only to applications {}", ids.join(", "))),
            Literal::NotTo(ids) => only.push(format!("not to applications {}", ids.join(", "))),
            Literal::Flag(flag, true) => only.push(format!("only {}", words.text(*flag))),
            Literal::Flag(flag, false) => only.push(format!("not {}", words.text(*flag))),
        }
    }
    match &only[..] {
        [] => "no sign-in to any application".to_owned(),
        only => only.join(" or "),
    }
}
