//! What one policy does to a sign-in it applies to, and which sign-ins those are.

use std::collections::HashMap;

use super::{Ground, Question};
use crate::posture::NEVER_TOLERATED;
use crate::sources::policy::{
    Applications, Conditions, Filter, GrantControls, Mode, Policy, PolicyState, says_something,
};
use crate::sources::{AuthenticationStrengths, NamedLocations, Unread};
use crate::wire;

/// Why a sign-in may go unchallenged although a policy demands MFA, in the order they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// Some applications are left out.
    Application,
    /// Some kinds of clients are.
    Client,
    /// Some operating systems are.
    Platform,
    /// Some places are.
    Location,
    /// Something else may be done instead of MFA.
    DeviceAlternative,
    /// Some devices are left out.
    DeviceFilter,
    /// Only some ways of authenticating are meant.
    AuthenticationFlow,
    /// Only risky sign-ins or users are.
    RiskOnly,
    /// A condition unknown to us.
    Other,
}

impl Gap {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Application,
        Self::Client,
        Self::Platform,
        Self::Location,
        Self::DeviceAlternative,
        Self::DeviceFilter,
        Self::AuthenticationFlow,
        Self::RiskOnly,
        Self::Other,
    ];

    /// As part of a sentence.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Application => "some applications are left out",
            Self::Client => "some kinds of clients are left out",
            Self::Platform => "some operating systems are left out",
            Self::Location => "some locations are left out",
            Self::DeviceAlternative => "something else may be done instead",
            Self::DeviceFilter => "some devices are left out",
            Self::AuthenticationFlow => "only some ways of authenticating are meant",
            Self::RiskOnly => "only risky sign-ins or users are meant",
            Self::Other => "a condition unknown to this version narrows it",
        }
    }

    /// The value of the label `gap`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Client => "client",
            Self::Platform => "platform",
            Self::Location => "location",
            Self::DeviceAlternative => "device_alternative",
            Self::DeviceFilter => "device_filter",
            Self::AuthenticationFlow => "authentication_flow",
            Self::RiskOnly => "risk_only",
            Self::Other => "other",
        }
    }
}

/// The clients that are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clients {
    /// Those that can be challenged.
    Modern,
    /// Those that cannot.
    Legacy,
}

/// A property a sign-in has exactly one value of; the values are bits of a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Choice {
    Client,
    LegacyClient,
    Platform,
    Flow,
    SignInRisk,
    UserRisk,
}

impl Choice {
    pub(super) const COUNT: usize = 6;

    /// The values a sign-in can have, in words.
    pub(super) fn values(self) -> &'static [&'static str] {
        match self {
            Self::Client => &["browser", "mobileAppsAndDesktopClients"],
            Self::LegacyClient => &["exchangeActiveSync", "other"],
            Self::Platform => &[
                "android",
                "iOS",
                "windows",
                "windowsPhone",
                "macOS",
                "linux",
                // What no word stands for, and only `all` contains.
                "an unrecognised platform",
            ],
            Self::Flow => {
                &["no transfer of authentication", "deviceCodeFlow", "authenticationTransfer"]
            }
            // Without Entra ID P2 the level is hidden, and no policy for levels acts.
            Self::SignInRisk | Self::UserRisk => &["none", "low", "medium", "high", "hidden"],
        }
    }

    fn everything(self) -> u8 {
        (1 << self.values().len()) - 1
    }

    fn mask<'a>(self, words: impl Iterator<Item = &'a str>) -> u8 {
        let values = self.values();
        words.fold(0, |mask, word| {
            let place = values.iter().position(|value| value.eq_ignore_ascii_case(word.trim()));
            mask | place.map_or(0, |place| 1 << place)
        })
    }
}

/// One thing that may be true of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    /// Its value is among these.
    Among(Choice, u8),
    /// It is to one of these applications.
    To(Box<[Box<str>]>),
    /// It is to none of these.
    NotTo(Box<[Box<str>]>),
    /// This holds, or does not.
    Flag(usize, bool),
}

/// One of several things has to be true of a sign-in, or the policy does not act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clause {
    pub(super) gap: Gap,
    pub(super) any: Vec<Literal>,
}

/// What a policy does to a sign-in it acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nobody passes without MFA.
    Demand,
    /// Nobody passes.
    Block,
}

/// A policy that demands MFA or blocks, as far as that is known.
#[derive(Debug)]
pub(super) struct Rule<'a> {
    pub(super) policy: &'a Policy,
    /// Its place among the rules, once they are in order.
    pub(super) number: u16,
    pub(super) effect: Effect,
    /// All of these have to hold, in the order of their gaps.
    pub(super) clauses: Vec<Clause>,
    /// Why it is not known whether it acts at all.
    pub(super) undecided: Option<Unread>,
}

impl Rule<'_> {
    /// The first way around it.
    pub(super) fn gap(&self) -> Option<Gap> {
        self.clauses.first().map(|clause| clause.gap)
    }

    /// Whether it acts on every sign-in of those it applies to.
    pub(super) fn is_complete(&self) -> bool {
        self.clauses.is_empty()
    }
}

/// What properties of sign-ins are called, and which of them follow from others.
#[derive(Debug)]
pub(super) struct Vocabulary<'a> {
    flags: Vec<Flag>,
    numbers: HashMap<String, usize>,
    /// Named locations, or why they are not known.
    locations: Result<&'a NamedLocations, Unread>,
    /// Applications whose sign-ins need not be challenged, in lower case.
    pub(super) tolerated: Vec<Box<str>>,
}

#[derive(Debug)]
struct Flag {
    /// In words.
    text: String,
    /// Whether it is a place that is known to be trusted, or not known not to be.
    trusted: Trust,
}

/// Whether a place is among all the trusted ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    No,
    Yes,
    /// Locations could not be read.
    Unknown(Unread),
}

/// The place that contains all trusted ones.
pub(super) const ALL_TRUSTED: usize = 0;

impl<'a> Vocabulary<'a> {
    /// Tolerance is about challenges; legacy authentication is open wherever it is not blocked.
    pub(super) fn new(ground: &Ground<'a>, question: Question) -> Self {
        let tolerated = ground.tolerated.iter().filter(|_| question == Question::Mfa);
        let tolerated = tolerated.map(|id| id.to_lowercase());
        let locations = ground.locations;
        let tolerated = tolerated.filter(|id| !NEVER_TOLERATED.contains(&id.as_str()));
        let tolerated = tolerated.map(Into::into).collect();
        let mut words = Self { flags: Vec::new(), numbers: HashMap::new(), locations, tolerated };
        words.flag("location alltrusted", "from a trusted location".to_owned(), Trust::No);
        words
    }

    fn flag(&mut self, key: &str, text: String, trusted: Trust) -> usize {
        if let Some(&number) = self.numbers.get(key) {
            return number;
        }
        let number = self.flags.len();
        self.flags.push(Flag { text, trusted });
        self.numbers.insert(key.to_owned(), number);
        number
    }

    pub(super) fn count(&self) -> usize {
        self.flags.len()
    }

    pub(super) fn text(&self, flag: usize) -> &str {
        &self.flags[flag].text
    }

    pub(super) fn trust(&self, flag: usize) -> Trust {
        self.flags[flag].trusted
    }

    /// Why it is not known of some place whether it is trusted.
    pub(super) fn unread_locations(&self) -> Option<Unread> {
        self.flags.iter().find_map(|flag| match flag.trusted {
            Trust::Unknown(why) => Some(why),
            Trust::Yes | Trust::No => None,
        })
    }

    fn location(&mut self, id: &str) -> usize {
        let id = id.to_lowercase();
        if id == "alltrusted" {
            return ALL_TRUSTED;
        }
        // The multifactor authentication trusted IPs of old; Microsoft counts them as trusted.
        if id == "00000000-0000-0000-0000-000000000000" {
            let text = "from the MFA trusted IPs".to_owned();
            return self.flag(&format!("location {id}"), text, Trust::Yes);
        }
        let (text, trust) = match self.locations.map(|known| known.of(&id)) {
            Ok(Some(place)) => {
                let trust = if place.is_trusted() { Trust::Yes } else { Trust::No };
                (format!("from the location {}", place.display_name), trust)
            }
            Ok(None) => {
                let has_gaps = self.locations.is_ok_and(NamedLocations::has_gaps);
                let trust = if has_gaps { Trust::Unknown(Unread::SourceFailed) } else { Trust::No };
                (format!("from the location {id}"), trust)
            }
            Err(why) => (format!("from the location {id}"), Trust::Unknown(why)),
        };
        self.flag(&format!("location {id}"), text, trust)
    }

    fn filter(&mut self, of: &str, filter: &Filter) -> usize {
        let rule = &filter.rule;
        self.flag(&format!("{of} {rule}"), format!("with {of} {rule}"), Trust::No)
    }

    fn other(&mut self, policy: &Policy, name: &str) -> usize {
        let text = format!("under the condition {name}, unknown to this version");
        self.flag(&format!("other {} {name}", policy.id), text, Trust::No)
    }
}

/// What the policy does, if it does anything to sign-ins at all. Whether it is switched on is for
/// the caller to see to.
pub(super) fn compile<'a>(
    policy: &'a Policy,
    strengths: Result<&AuthenticationStrengths, Unread>,
    asked: Clients,
    words: &mut Vocabulary<'_>,
) -> Option<Rule<'a>> {
    let conditions = &policy.conditions;
    let workloads = conditions.client_applications.as_ref();
    if workloads.is_some_and(|it| !it.include_service_principals.is_empty()) {
        return None;
    }
    let grant = demanded(policy.grant_controls.as_ref()?, strengths)?;
    let mut clauses = Vec::new();
    let mut narrow = |gap, any| clauses.push(Clause { gap, any });
    applications(policy, &conditions.applications, words, &mut narrow);
    clients(conditions, asked, &mut narrow);
    platforms(conditions, words, &mut narrow);
    locations(conditions, words, &mut narrow);
    for alternative in &grant.alternatives {
        let key = format!("alternative {alternative}");
        let flag = words.flag(&key, format!("with {alternative} instead"), Trust::No);
        narrow(Gap::DeviceAlternative, vec![Literal::Flag(flag, false)]);
    }
    if let Some(filter) =
        conditions.devices.as_ref().and_then(|devices| devices.device_filter.as_ref())
        && !filter.rule.is_empty()
    {
        let flag = words.filter("a device that matches", filter);
        let literal = match filter.mode() {
            Mode::Include => Literal::Flag(flag, true),
            Mode::Exclude => Literal::Flag(flag, false),
            Mode::Unknown => Literal::Flag(words.other(policy, "mode of a device filter"), true),
        };
        narrow(Gap::DeviceFilter, vec![literal]);
    }
    flows_and_risk(conditions, words, &mut narrow);
    others(policy, words, &mut narrow);
    if clauses.iter().any(|clause| clause.any.is_empty()) {
        // About no sign-in: user actions, authentication contexts, or the other kind of clients.
        return None;
    }
    let undecided = match policy.state {
        PolicyState::Unknown => Some(grant.undecided.unwrap_or(Unread::NotObservable)),
        _ => grant.undecided,
    };
    Some(Rule { policy, number: 0, effect: grant.effect, clauses, undecided })
}

struct Grant {
    effect: Effect,
    /// What else may be done instead of MFA.
    alternatives: Vec<String>,
    undecided: Option<Unread>,
}

fn demanded(
    grant: &GrantControls,
    strengths: Result<&AuthenticationStrengths, Unread>,
) -> Option<Grant> {
    let is = |word: &str| grant.built_in_controls.iter().any(|it| it.eq_ignore_ascii_case(word));
    if is("block") {
        return Some(Grant { effect: Effect::Block, alternatives: Vec::new(), undecided: None });
    }
    let mut mfa = is("mfa");
    let mut undecided = None;
    let mut others: Vec<String> = Vec::new();
    let besides = grant.built_in_controls.iter().filter(|it| !it.eq_ignore_ascii_case("mfa"));
    others.extend(besides.map(ToString::to_string));
    if !grant.custom_authentication_factors.is_empty() {
        others.push("a custom control".to_owned());
    }
    if !grant.terms_of_use.is_empty() {
        others.push("terms of use".to_owned());
    }
    let unknown = grant.others.iter().filter(|(name, value)| says_something(name, value));
    others.extend(unknown.map(|(name, _)| name.clone()));
    if let Some(strength) = &grant.authentication_strength {
        let listed = || match strengths {
            Ok(strengths) => {
                let listed = strengths.of(&strength.id).and_then(|it| it.satisfies_mfa());
                listed.ok_or(Unread::NotObservable)
            }
            Err(why) => Err(why),
        };
        match strength.satisfies_mfa().map_or_else(listed, Ok) {
            Ok(true) => mfa = true,
            Ok(false) => others.push(format!("authentication strength {}", strength.display_name)),
            Err(why) => undecided = Some(why),
        }
    }
    let (both, effect) = (grant.operator.eq_ignore_ascii_case("AND"), Effect::Demand);
    match (mfa, undecided) {
        // Whatever the strength is: MFA is demanded besides.
        (true, _) if both => Some(Grant { effect, alternatives: Vec::new(), undecided: None }),
        (false, None) => None,
        _ if both => Some(Grant { effect, alternatives: Vec::new(), undecided }),
        _ => Some(Grant { effect, alternatives: others, undecided }),
    }
}

fn is_word(list: &[Box<str>], word: &str) -> bool {
    list.iter().any(|it| it.eq_ignore_ascii_case(word))
}

fn applications(
    policy: &Policy,
    applications: &Applications,
    words: &mut Vocabulary<'_>,
    narrow: &mut impl FnMut(Gap, Vec<Literal>),
) {
    let Applications { include_applications: include, exclude_applications: exclude, .. } =
        applications;
    let filter = applications.application_filter.as_ref().filter(|filter| !filter.rule.is_empty());
    let (includes, excludes) = match filter.map(|filter| (filter, filter.mode())) {
        Some((filter, Mode::Exclude)) => (None, Some(filter)),
        Some((filter, Mode::Include)) => (Some(filter), None),
        Some((_, Mode::Unknown)) => {
            let flag = words.other(policy, "mode of an application filter");
            narrow(Gap::Application, vec![Literal::Flag(flag, true)]);
            (None, None)
        }
        None => (None, None),
    };
    let suite = |id: &str, words: &mut Vocabulary<'_>| {
        words.flag(&format!("application {}", id.to_lowercase()), format!("to {id}"), Trust::No)
    };
    let by_id = |list: &[Box<str>]| -> Vec<Box<str>> {
        let ids = list.iter().filter(|id| wire::guid(id).is_some());
        ids.map(|id| id.to_lowercase().into()).collect()
    };
    let is_everything = is_word(include, "All");
    if !is_everything || includes.is_some() {
        let mut any = Vec::new();
        let ids = by_id(include);
        if !ids.is_empty() {
            any.push(Literal::To(ids.into()));
        }
        for id in include.iter().filter(|id| wire::guid(id).is_none()) {
            if !id.eq_ignore_ascii_case("None") && !id.eq_ignore_ascii_case("All") {
                any.push(Literal::Flag(suite(id, words), true));
            }
        }
        if let Some(filter) = includes {
            let flag = words.filter("an application that matches", filter);
            any.push(Literal::Flag(flag, true));
        }
        narrow(Gap::Application, any);
    }
    let is_tolerated = |id: &str, words: &Vocabulary<'_>| {
        words.tolerated.iter().any(|tolerated| tolerated.eq_ignore_ascii_case(id))
    };
    let ids: Vec<_> = by_id(exclude).into_iter().filter(|id| !is_tolerated(id, words)).collect();
    if !ids.is_empty() {
        narrow(Gap::Application, vec![Literal::NotTo(ids.into())]);
    }
    for id in exclude.iter().filter(|id| wire::guid(id).is_none()) {
        if !id.eq_ignore_ascii_case("None") && !is_tolerated(id, words) {
            narrow(Gap::Application, vec![Literal::Flag(suite(id, words), false)]);
        }
    }
    if let Some(filter) = excludes {
        let flag = words.filter("an application that matches", filter);
        narrow(Gap::Application, vec![Literal::Flag(flag, false)]);
    }
    let actions = &applications.include_user_actions;
    let contexts = &applications.include_authentication_context_class_references;
    if is_everything && !(actions.is_empty() && contexts.is_empty()) {
        // Microsoft lets only one of them be chosen; both together are not understood.
        let flag = words.other(policy, "user actions beside applications");
        narrow(Gap::Application, vec![Literal::Flag(flag, true)]);
    }
}

fn clients(conditions: &Conditions, asked: Clients, narrow: &mut impl FnMut(Gap, Vec<Literal>)) {
    let types = &conditions.client_app_types;
    if types.is_empty() || is_word(types, "all") {
        return;
    }
    let choice = match asked {
        Clients::Modern => Choice::Client,
        Clients::Legacy => Choice::LegacyClient,
    };
    let mask = |choice: Choice| choice.mask(types.iter().map(AsRef::as_ref));
    if mask(choice) == 0 && (mask(Choice::Client) | mask(Choice::LegacyClient)) != 0 {
        narrow(Gap::Client, Vec::new());
    } else {
        among(Gap::Client, choice, mask(choice), narrow);
    }
}

/// Narrows to these values, unless they are all there are.
fn among(gap: Gap, choice: Choice, mask: u8, narrow: &mut impl FnMut(Gap, Vec<Literal>)) {
    if mask != choice.everything() {
        narrow(gap, vec![Literal::Among(choice, mask)]);
    }
}

fn platforms(
    conditions: &Conditions,
    words: &mut Vocabulary<'_>,
    narrow: &mut impl FnMut(Gap, Vec<Literal>),
) {
    let Some(platforms) = &conditions.platforms else { return };
    let (include, exclude) = (&platforms.include_platforms, &platforms.exclude_platforms);
    let mask = |list: &[Box<str>]| Choice::Platform.mask(list.iter().map(AsRef::as_ref));
    if !include.is_empty() && !is_word(include, "all") {
        among(Gap::Platform, Choice::Platform, mask(include), narrow);
    }
    let out = mask(exclude);
    among(Gap::Platform, Choice::Platform, !out & Choice::Platform.everything(), narrow);
    let strange = exclude.iter().filter(|word| mask(std::slice::from_ref(*word)) == 0);
    for word in strange {
        let flag = words.flag(&format!("platform {word}"), format!("from {word}"), Trust::No);
        narrow(Gap::Platform, vec![Literal::Flag(flag, false)]);
    }
}

fn locations(
    conditions: &Conditions,
    words: &mut Vocabulary<'_>,
    narrow: &mut impl FnMut(Gap, Vec<Literal>),
) {
    let Some(locations) = &conditions.locations else { return };
    let include = &locations.include_locations;
    if !include.is_empty() && !is_word(include, "All") {
        let any = include.iter().map(|id| Literal::Flag(words.location(id), true));
        narrow(Gap::Location, any.collect());
    }
    for id in &locations.exclude_locations {
        narrow(Gap::Location, vec![Literal::Flag(words.location(id), false)]);
    }
}

fn flows_and_risk(
    conditions: &Conditions,
    words: &mut Vocabulary<'_>,
    narrow: &mut impl FnMut(Gap, Vec<Literal>),
) {
    if let Some(flows) = &conditions.authentication_flows {
        let methods = flows.transfer_methods.trim();
        if !methods.is_empty() && !methods.eq_ignore_ascii_case("none") {
            let mask = Choice::Flow.mask(methods.split(','));
            among(Gap::AuthenticationFlow, Choice::Flow, mask, narrow);
        }
    }
    let levels = [
        (Choice::SignInRisk, &conditions.sign_in_risk_levels),
        (Choice::UserRisk, &conditions.user_risk_levels),
    ];
    for (choice, levels) in levels.into_iter().filter(|(_, levels)| !levels.is_empty()) {
        let mask = choice.mask(levels.iter().map(AsRef::as_ref));
        among(Gap::RiskOnly, choice, mask, narrow);
    }
    if says_something("", &conditions.insider_risk_levels) {
        let key = format!("insider risk {}", conditions.insider_risk_levels);
        let flag = words.flag(&key, "at insider risk".to_owned(), Trust::No);
        narrow(Gap::RiskOnly, vec![Literal::Flag(flag, true)]);
    }
}

fn others(policy: &Policy, words: &mut Vocabulary<'_>, narrow: &mut impl FnMut(Gap, Vec<Literal>)) {
    let conditions = &policy.conditions;
    let mut all =
        vec![&conditions.others, &conditions.users.others, &conditions.applications.others];
    all.extend(conditions.platforms.as_ref().map(|it| &it.others));
    all.extend(conditions.locations.as_ref().map(|it| &it.others));
    all.extend(conditions.devices.as_ref().map(|it| &it.others));
    let devices = conditions.devices.as_ref().and_then(|it| it.device_filter.as_ref());
    all.extend(devices.map(|it| &it.others));
    all.extend(conditions.applications.application_filter.as_ref().map(|it| &it.others));
    all.extend(conditions.client_applications.as_ref().map(|it| &it.others));
    all.extend(conditions.authentication_flows.as_ref().map(|it| &it.others));
    for (name, value) in all.into_iter().flatten() {
        if says_something(name, value) {
            let flag = words.other(policy, name);
            narrow(Gap::Other, vec![Literal::Flag(flag, true)]);
        }
    }
}
