//! To whom a policy applies: for certain, perhaps, and who is left out.

use crate::posture::bits::Bits;
use crate::posture::people::{Hold, People, Reach};
use crate::sources::policy::{Guests, UserConditions};
use crate::sources::{Account, DIRECTORY_SYNCHRONIZATION, Unread, User};
use crate::wire::ObjectId;

/// By which of the lists somebody is left out, in the order they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusion {
    /// By name.
    Direct,
    /// As a member of a group.
    Group,
    /// As the holder of a role.
    Role,
    /// As a guest.
    Guest,
}

impl Exclusion {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Direct, Self::Group, Self::Role, Self::Guest];

    /// As part of a sentence.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Direct => "by name",
            Self::Group => "as a member of a group",
            Self::Role => "as the holder of a role",
            Self::Guest => "as a guest",
        }
    }

    /// The value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Group => "group",
            Self::Role => "role",
            Self::Guest => "guest",
        }
    }
}

/// To whom a policy applies.
#[derive(Debug)]
pub(super) struct Reached {
    /// To these for certain.
    pub(super) applies: Bits,
    /// To these perhaps, for want of something that could not be read.
    pub(super) perhaps: Bits,
    /// These are included and left out for certain.
    pub(super) excluded: [Bits; Exclusion::ALL.len()],
    /// What could not be read.
    pub(super) doubt: Option<Unread>,
}

impl Reached {
    /// For a policy of which it is not known whether it acts.
    pub(super) fn withhold(&mut self) {
        self.perhaps.add(&self.applies);
        let nobody = || Bits::none(self.applies.bound());
        self.excluded = std::array::from_fn(|_| nobody());
        self.applies = nobody();
    }

    /// The same in less room: most policies leave out nobody in most ways, and nobody is uncertain.
    pub(super) fn compact(self) -> Self {
        Self {
            applies: self.applies,
            perhaps: self.perhaps.compact(),
            excluded: self.excluded.map(Bits::compact),
            doubt: self.doubt,
        }
    }

    /// Why this one is left out.
    pub(super) fn exclusion(&self, number: usize) -> Option<Exclusion> {
        let out = Exclusion::ALL.into_iter().zip(&self.excluded);
        out.into_iter().find(|(_, out)| out.contains(number)).map(|(exclusion, _)| exclusion)
    }
}

/// Somebody in a list for certain, and who may be for want of something unread.
struct Listed {
    surely: Bits,
    /// Why anybody may be in it.
    anybody: Option<Unread>,
    /// Whose home tenant decides.
    perhaps: Bits,
}

pub(super) fn reach(users: &UserConditions, people: &People<'_>) -> Reached {
    let nobody = || Bits::none(people.count());
    let mut included = nobody();
    let mut perhaps = nobody();
    let mut doubt = None;
    let mut note = |listed: &Listed| {
        doubt = doubt.into_iter().chain(listed.anybody).min();
        if !listed.perhaps.is_empty() {
            doubt = doubt.into_iter().chain([Unread::NotObservable]).min();
        }
    };
    for listed in [
        named(&users.include_users, people),
        grouped(&users.include_groups, people),
        holding(&users.include_roles, people, &[Hold::Active]),
        visiting(&users.include_users, users.include_guests_or_external_users.as_ref(), people),
    ] {
        note(&listed);
        included.add(&listed.surely);
        perhaps.add(&listed.perhaps);
        if listed.anybody.is_some() {
            perhaps = Bits::all(people.count());
        }
    }
    let excluding = [
        named(&users.exclude_users, people),
        grouped(&users.exclude_groups, people),
        // Who may activate a role may leave the policy whenever they choose to.
        holding(&users.exclude_roles, people, &[Hold::Active, Hold::Eligible]),
        visiting(&users.exclude_users, users.exclude_guests_or_external_users.as_ref(), people),
    ];
    let (mut applies, mut out, mut out_perhaps) = (included.clone(), nobody(), nobody());
    for listed in &excluding {
        note(listed);
        out.add(&listed.surely);
        out_perhaps.add(&listed.perhaps);
        if listed.anybody.is_some() {
            out_perhaps = Bits::all(people.count());
        }
    }
    perhaps.add(&included);
    perhaps.remove(&out);
    applies.remove(&out);
    applies.remove(&out_perhaps);
    perhaps.remove(&applies);
    let excluded = excluding.map(|mut listed| {
        listed.surely.keep(&included);
        listed.surely
    });
    Reached { applies, perhaps, excluded, doubt }
}

fn named(list: &[Box<str>], people: &People<'_>) -> Listed {
    let mut surely = Bits::none(people.count());
    let mut anybody = None;
    for word in list {
        match word.to_ascii_lowercase().as_str() {
            "all" => surely = Bits::all(people.count()),
            "none" => {}
            // Told with the guests.
            EVERY_GUEST => {}
            _ => {
                match ObjectId::parse(word).and_then(|id| people.number(&id)) {
                    Some(number) => surely.insert(number),
                    None if is_unknown(word, people) => anybody = Some(Unread::NotObservable),
                    // An account that is gone, disabled, or no person.
                    None => {}
                }
            }
        }
    }
    Listed { surely, anybody, perhaps: Bits::none(people.count()) }
}

/// Whether this is no account and a word unknown to us, for whichever kind of account.
pub(super) fn is_unknown(word: &str, people: &People<'_>) -> bool {
    let is_known = ["all", "none", EVERY_GUEST].iter().any(|it| word.eq_ignore_ascii_case(it));
    match ObjectId::parse(word) {
        Some(id @ ObjectId::Other(_)) => !is_known && !people.is_account(&id),
        _ => false,
    }
}

fn grouped(list: &[ObjectId], people: &People<'_>) -> Listed {
    let mut surely = Bits::none(people.count());
    let anybody = list.iter().filter_map(|group| people.add_members(group, &mut surely)).min();
    Listed { surely, anybody, perhaps: Bits::none(people.count()) }
}

fn holding(list: &[ObjectId], people: &People<'_>, holds: &[Hold]) -> Listed {
    let mut surely = Bits::none(people.count());
    let mut anybody = None;
    for role in list {
        if is_synchronization(role) {
            // Its holders are no people.
            continue;
        }
        for hold in holds {
            let why = people.add_holders(role, *hold, Reach::TenantWide, &mut surely);
            anybody = anybody.into_iter().chain(why).min();
        }
    }
    Listed { surely, anybody, perhaps: Bits::none(people.count()) }
}

fn is_synchronization(role: &ObjectId) -> bool {
    ObjectId::parse(DIRECTORY_SYNCHRONIZATION).is_some_and(|id| id == *role)
}

/// Kinds of guests that have an account here; the others sign in without one.
fn kind(user: &User) -> Option<&'static str> {
    match (user.account, user.is_external()) {
        (Account::Guest, true) => Some("b2bcollaborationguest"),
        (Account::Guest, false) => Some("internalguest"),
        (Account::Member, true) => Some("b2bcollaborationmember"),
        (Account::Member, false) => None,
    }
}

/// The older word, which stands among the users.
const EVERY_GUEST: &str = "guestsorexternalusers";

/// Kinds of guests there are, in lower case.
const KINDS: [&str; 7] = [
    "none",
    "internalguest",
    "b2bcollaborationguest",
    "b2bcollaborationmember",
    "b2bdirectconnectuser",
    "otherexternaluser",
    "serviceprovider",
];

/// The kinds of guests a policy names.
pub(super) struct Kinds<'a> {
    words: Vec<&'a str>,
    /// Nobody can see from here which tenant a guest is from; internal guests are from none.
    are_from_all: bool,
    /// Whether a condition unknown to us may leave some of them out.
    are_strange: bool,
}

impl<'a> Kinds<'a> {
    pub(super) fn of(guests: &'a Guests) -> Self {
        let words = guests.guest_or_external_user_types.split(',').map(str::trim);
        let words = words.filter(|word| !word.is_empty()).collect();
        Self { words, are_from_all: guests.are_all(), are_strange: guests.is_strange() }
    }

    /// Whether this account is among them: yes, no, or not known.
    pub(super) fn hold(&self, user: &User) -> Option<bool> {
        match (kind(user), self.of_user(user)) {
            (None, _) => Some(false),
            (_, Some(_)) if self.are_from_all => Some(true),
            (_, Some(_)) if !self.are_strange && !user.is_external() => Some(true),
            (_, Some(_)) => None,
            // A kind unknown to us may be any.
            (_, None) => self.unknown().next().is_none().then_some(false),
        }
    }

    /// The kind this account is of, if it is named, as it is spelt there.
    pub(super) fn of_user(&self, user: &User) -> Option<&'a str> {
        let kind = kind(user)?;
        self.words.iter().copied().find(|word| word.eq_ignore_ascii_case(kind))
    }

    /// Those unknown to us.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &'a str> {
        let is_known = |word: &str| KINDS.iter().any(|kind| word.eq_ignore_ascii_case(kind));
        self.words.iter().copied().filter(move |word| !is_known(word))
    }
}

fn visiting(users: &[Box<str>], guests: Option<&Guests>, people: &People<'_>) -> Listed {
    let nobody = || Bits::none(people.count());
    let those = |is: &dyn Fn(&User) -> bool| {
        let mut those = nobody();
        add_if(&mut those, people, is);
        those
    };
    if users.iter().any(|word| word.eq_ignore_ascii_case(EVERY_GUEST)) {
        return Listed {
            surely: those(&|user| kind(user).is_some()),
            anybody: None,
            perhaps: nobody(),
        };
    }
    let Some(guests) = guests else {
        return Listed { surely: nobody(), anybody: None, perhaps: nobody() };
    };
    let kinds = Kinds::of(guests);
    Listed {
        surely: those(&|user| kinds.hold(user) == Some(true)),
        anybody: None,
        perhaps: those(&|user| kinds.hold(user).is_none()),
    }
}

fn add_if(to: &mut Bits, people: &People<'_>, is: impl Fn(&User) -> bool) {
    let those = people.everyone().iter().enumerate().filter(|(_, user)| is(user));
    those.for_each(|(number, _)| to.insert(number));
}
