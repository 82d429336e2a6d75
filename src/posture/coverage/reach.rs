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
                let Some(id) = ObjectId::parse(word) else { continue };
                match (people.number(&id), &id) {
                    (Some(number), _) => surely.insert(number),
                    // An account that is gone, disabled, or no person.
                    (None, ObjectId::Guid(_)) => {}
                    (None, ObjectId::Other(_)) if people.is_account(&id) => {}
                    // A word unknown to us, for whichever kind of account.
                    (None, ObjectId::Other(_)) => anybody = Some(Unread::NotObservable),
                }
            }
        }
    }
    Listed { surely, anybody, perhaps: Bits::none(people.count()) }
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

fn visiting(users: &[Box<str>], guests: Option<&Guests>, people: &People<'_>) -> Listed {
    let nobody = || Bits::none(people.count());
    let those = |is: &dyn Fn(&str, &User) -> bool| {
        let mut those = nobody();
        add_if(&mut those, people, |user| kind(user).is_some_and(|kind| is(kind, user)));
        those
    };
    if users.iter().any(|word| word.eq_ignore_ascii_case(EVERY_GUEST)) {
        return Listed { surely: those(&|_, _| true), anybody: None, perhaps: nobody() };
    }
    let Some(guests) = guests else {
        return Listed { surely: nobody(), anybody: None, perhaps: nobody() };
    };
    let words = guests.guest_or_external_user_types.to_ascii_lowercase();
    let words: Vec<_> = words.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    let is_meant = |kind: &str| words.contains(&kind);
    // Nobody can see from here which tenant a guest is from; internal guests are from none.
    let is_sure = |user: &User| guests.are_all() || (!guests.is_strange() && !user.is_external());
    // A kind unknown to us may be any.
    let may_be_any = words.iter().any(|word| !KINDS.contains(word));
    Listed {
        surely: those(&|kind, user| is_meant(kind) && is_sure(user)),
        anybody: None,
        perhaps: those(&|kind, user| may_be_any || (is_meant(kind) && !is_sure(user))),
    }
}

fn add_if(to: &mut Bits, people: &People<'_>, is: impl Fn(&User) -> bool) {
    let those = people.everyone().iter().enumerate().filter(|(_, user)| is(user));
    those.for_each(|(number, _)| to.insert(number));
}
