//! Who did what last, as object ids and hours: distinct people over any window that ends now.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::applications::{Application, Module};
use super::hour::{Kind, Mfa, Setting};
use super::row::{Client, Outcome, PersonId, Protocol, Resource, SignIn};
use crate::wire::{self, ObjectId};

/// Something a person was seen to do, always with success. *In person* leaves out what a program did
/// in somebody's name, which may rest on MFA done earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Signed in at all.
    SignIn,
    /// Signed in with more than one factor asked for.
    Mfa,
    /// Signed in with one factor asked for, but for Connect.
    SingleFactor,
    /// Signed in by a legacy client.
    Legacy,
    /// Had a program send user name and password.
    PasswordGrant,
    /// The same, to Partner Center.
    PasswordGrantToPartnerCenter,
    /// Reached Partner Center.
    Portal,
    /// Reached Partner Center in person with one factor.
    PortalSingleFactor,
    /// Went into a customer's tenant in person with one factor.
    AoboSingleFactor,
    /// Signed in in person.
    Interactive,
    /// Was signed in by a program.
    NonInteractive,
    /// Signed in with Microsoft Entra Connect.
    ConnectApplication,
    /// Signed in with any other application.
    OtherApplication,
    /// Signed in to a shell in person, or by a password a program sent, with one factor.
    ShellSingleFactor,
    /// Signed in to a shell that Microsoft has retired.
    RetiredShell,
    /// Came in person with one factor from another identity provider.
    FederatedSingleFactor,
}

impl Deed {
    /// How many there are.
    pub(super) const ALL: usize = 16;
}

/// A set of deeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deeds(u16);

impl Deeds {
    /// What one sign-in shows.
    pub(super) fn of(row: &SignIn, setting: Setting) -> Self {
        let Setting { kind, application, is_aobo } = setting;
        let mut deeds = Self::default();
        if row.outcome != Some(Outcome::Success) {
            return deeds;
        }
        let is_connect = application == Application::Connect;
        let is_shell = matches!(application, Application::Shell(_));
        let is_portal = row.resource == Resource::PartnerCenter;
        let is_federated = row.token.0 || row.issuer.0;
        let in_person = kind == Kind::Interactive;
        let has_sent_password = row.protocol == Protocol::PasswordGrant;
        let mfa = Mfa::of(row.requirement);
        let is_single = mfa == Some(Mfa::No) && !is_connect;
        deeds.add(Deed::SignIn, true);
        deeds.add(Deed::Mfa, mfa == Some(Mfa::Yes));
        deeds.add(Deed::SingleFactor, is_single);
        deeds.add(Deed::Legacy, row.client.0.is_some_and(Client::is_known));
        deeds.add(Deed::PasswordGrant, has_sent_password);
        deeds.add(Deed::PasswordGrantToPartnerCenter, has_sent_password && is_portal);
        deeds.add(Deed::Portal, is_portal);
        deeds.add(Deed::PortalSingleFactor, in_person && is_single && is_portal);
        deeds.add(Deed::AoboSingleFactor, in_person && is_single && is_aobo);
        deeds.add(Deed::Interactive, in_person);
        deeds.add(Deed::NonInteractive, !in_person);
        deeds.add(Deed::ConnectApplication, is_connect);
        deeds.add(Deed::OtherApplication, !is_connect);
        let is_typed = in_person || has_sent_password;
        deeds.add(Deed::ShellSingleFactor, is_typed && is_single && is_shell);
        deeds.add(Deed::RetiredShell, application == Application::Shell(Module::AzureAd));
        deeds.add(Deed::FederatedSingleFactor, in_person && is_single && is_federated);
        deeds
    }

    /// Whether it was done.
    pub fn has(self, deed: Deed) -> bool {
        self.0 >> deed as u16 & 1 == 1
    }

    fn add(&mut self, deed: Deed, holds: bool) {
        self.0 |= u16::from(holds) << deed as u16;
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The hour of each deed's last time. Kept as hours before the newest of them, since there is one for
/// each of 100,000 people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Last {
    /// Hours since 1970.
    newest: u32,
    /// By deed: 1 in the newest hour, 2 in the one before, 0 never.
    ago: [u16; Deed::ALL],
}

impl Last {
    /// The hour in which it was last seen, counted since 1970; 0 is never.
    pub fn hour(&self, deed: Deed) -> u32 {
        self.hours()[deed as usize]
    }

    fn hours(&self) -> [u32; Deed::ALL] {
        self.ago.map(|ago| if ago == 0 { 0 } else { self.newest + 1 - u32::from(ago) })
    }

    /// What was done in an hour or later.
    pub(super) fn since(&self, hour: u32) -> Deeds {
        let done = |(deed, last): (usize, u32)| u16::from(last > 0 && last >= hour) << deed;
        Deeds(self.hours().into_iter().enumerate().map(done).fold(0, |all, one| all | one))
    }

    /// Something was done in an hour. What is seven years older than the newest was never.
    fn note_one(&mut self, deed: usize, hour: u32) {
        if hour > self.newest {
            let later = u16::try_from(hour - self.newest).unwrap_or(u16::MAX);
            for ago in self.ago.iter_mut().filter(|ago| **ago > 0) {
                *ago = ago.checked_add(later).unwrap_or(0);
            }
            self.newest = hour;
        }
        let ago = u16::try_from(self.newest - hour).ok().and_then(|ago| ago.checked_add(1));
        if let Some(ago) = ago {
            let known = &mut self.ago[deed];
            *known = if *known == 0 { ago } else { ago.min(*known) };
        }
    }

    fn note(&mut self, deeds: Deeds, hour: u32) {
        let done = (0..Deed::ALL).filter(|deed| deeds.0 >> deed & 1 == 1);
        done.for_each(|deed| self.note_one(deed, hour));
    }

    fn merge(&mut self, other: &Self) {
        let done = other.hours().into_iter().enumerate().filter(|(_, hour)| *hour > 0);
        done.for_each(|(deed, hour)| self.note_one(deed, hour));
    }

    /// Forgets deeds before an hour; whether any is left.
    fn forget_before(&mut self, hour: u32) -> bool {
        let hours = self.hours();
        for (ago, last) in self.ago.iter_mut().zip(hours) {
            *ago = if last < hour { 0 } else { *ago };
        }
        self.ago.iter().any(|ago| *ago > 0)
    }
}

/// As hours since 1970.
impl Serialize for Last {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.hours().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Last {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut last = Self::default();
        let hours = <[u32; Deed::ALL]>::deserialize(deserializer)?;
        let done = hours.into_iter().enumerate().filter(|(_, hour)| *hour > 0);
        done.for_each(|(deed, hour)| last.note_one(deed, hour));
        Ok(last)
    }
}

type Map<T> = HashMap<PersonId, T, foldhash::fast::RandomState>;

/// People and their deeds' last hours.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct People {
    of: Map<Last>,
    /// The last hour in which somebody did not find a place any more; 0 if all did.
    crowded: u32,
}

impl People {
    /// The most people that are kept.
    pub(super) const KEPT: usize = 100_000;

    pub(super) fn note(&mut self, person: PersonId, deeds: Deeds, hour: u32) {
        if let Some(last) = self.place(person, hour) {
            last.note(deeds, hour);
        }
    }

    /// Takes in who was there in an hour.
    pub(super) fn add(&mut self, present: &Present, hour: u32) {
        if present.is_crowded {
            self.crowded = self.crowded.max(hour);
        }
        present.of.iter().for_each(|(person, deeds)| self.note(*person, *deeds, hour));
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.crowded = self.crowded.max(other.crowded);
        other.of.iter().for_each(|(person, last)| {
            if let Some(known) = self.place(*person, last.hour(Deed::SignIn)) {
                known.merge(last);
            }
        });
    }

    fn place(&mut self, person: PersonId, hour: u32) -> Option<&mut Last> {
        if self.of.len() >= Self::KEPT && !self.of.contains_key(&person) {
            self.crowded = self.crowded.max(hour);
            return None;
        }
        Some(self.of.entry(person).or_default())
    }

    /// Forgets deeds before an hour, and people of whom nothing is left.
    pub(super) fn forget_before(&mut self, hour: u32) {
        self.of.retain(|_, last| last.forget_before(hour));
    }

    /// The last hour in which somebody found no place, if that happened.
    pub(super) fn crowded(&self) -> u32 {
        self.crowded
    }

    /// Everybody here and in what is still open, once, with their deeds' last hours.
    pub(super) fn each<'a>(
        &'a self,
        open: &'a [(u32, &'a Present)],
        mut visit: impl FnMut(&PersonId, &Last),
    ) {
        let with_open = |person: &PersonId, mut last: Last| {
            for (hour, present) in open {
                if let Some(deeds) = present.of.get(person) {
                    last.note(*deeds, *hour);
                }
            }
            last
        };
        self.of.iter().for_each(|(person, last)| visit(person, &with_open(person, *last)));
        for (place, (_, present)) in open.iter().enumerate() {
            let is_new = |person: &&PersonId| {
                !self.of.contains_key(*person)
                    && open[..place].iter().all(|(_, earlier)| !earlier.of.contains_key(*person))
            };
            let new = present.of.keys().filter(is_new);
            new.for_each(|person| visit(person, &with_open(person, Last::default())));
        }
    }

    /// What one person did, as far as it is closed.
    pub(super) fn last(&self, person: &PersonId) -> Option<&Last> {
        self.of.get(person)
    }
}

/// Who was there in one hour that is still open, and what they did.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Present {
    of: Map<Deeds>,
    pub(super) is_crowded: bool,
}

impl Present {
    pub(super) fn note(&mut self, person: PersonId, deeds: Deeds) {
        if self.of.len() >= People::KEPT && !self.of.contains_key(&person) {
            self.is_crowded = true;
            return;
        }
        self.of.entry(person).or_default().0 |= deeds.0;
    }

    pub(super) fn deeds(&self, person: &PersonId) -> Option<Deeds> {
        self.of.get(person).copied()
    }
}

impl Last {
    /// The same with what was seen in an hour that is still open.
    pub(super) fn with(mut self, deeds: Deeds, hour: u32) -> Self {
        self.note(deeds, hour);
        self
    }
}

impl Serialize for People {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Each<'a>(&'a Map<Last>);
        impl Serialize for Each<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.iter().map(|(id, last)| (Name(id), last)))
            }
        }
        struct Name<'a>(&'a PersonId);
        impl Serialize for Name<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&ObjectId::Guid(*self.0))
            }
        }
        (self.crowded, Each(&self.of)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for People {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (crowded, people) =
            <(u32, Vec<(std::borrow::Cow<'de, str>, Last)>)>::deserialize(deserializer)?;
        let read = |(id, last): (std::borrow::Cow<'_, str>, Last)| Some((wire::guid(&id)?, last));
        let of: Option<Map<Last>> = people.into_iter().map(read).collect();
        let of = of.ok_or_else(|| serde::de::Error::custom("an id that is no GUID"))?;
        Ok(Self { of, crowded })
    }
}
