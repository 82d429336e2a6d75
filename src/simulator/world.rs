//! The partner's people, what they registered, and what is true about them.

use jiff::Timestamp;
use serde::Serialize;

use super::person::{self, HOUR, Person, Role};

/// An account without a row in the report is given this long before its silence says something.
const BENEFIT_OF_THE_DOUBT: i64 = 48 * HOUR;
/// So many more may be hired than were there at first; a world left running stays small.
const HIRES: usize = 20_000;

pub(super) struct World {
    people: Vec<Person>,
    rng: fastrand::Rng,
    most: usize,
    moves: u64,
}

impl World {
    /// A world of exactly so many accounts, as it stands at `now`.
    pub(super) fn new(users: usize, seed: u64, now: Timestamp) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let now = now.as_second();
        let mut people = Vec::with_capacity(users);
        people.extend((0..users as u32).map(|serial| person::settle(&mut rng, serial, users, now)));
        person::plant_oddities(&mut people, now);
        Self { people, rng, most: users + HIRES, moves: 0 }
    }

    pub(super) fn people(&self) -> &[Person] {
        &self.people
    }

    /// One move: a hire, then a registration, then a hire again.
    pub(super) fn step(&mut self, now: Timestamp) -> String {
        self.moves += 1;
        if self.moves % 2 == 1 { self.hire(now) } else { self.register(now) }
    }

    fn hire(&mut self, now: Timestamp) -> String {
        if self.people.len() >= self.most {
            return "nobody was hired: the company is full".to_owned();
        }
        let serial = self.people.len() as u32;
        let hired = Person::new(&mut self.rng, serial, Role::Employee, now.as_second());
        let said = format!("{} was hired ({})", hired.display_name(), hired.guid());
        self.people.push(hired);
        said
    }

    fn register(&mut self, now: Timestamp) -> String {
        let start = self.rng.usize(..self.people.len().max(1));
        let (before, after) = self.people.split_at_mut(start);
        let waiting = after.iter_mut().chain(before).find(|person| {
            person.has_row(now) && !person.has_mfa() && person.role == Role::Employee
        });
        let Some(person) = waiting else {
            return "nobody registered: nobody is left to".to_owned();
        };
        person.register();
        format!("{} registered Microsoft Authenticator ({})", person.display_name(), person.guid())
    }

    /// What is true now, counted from the people themselves and not from any answer.
    pub(super) fn truth(&self, now: Timestamp, security_defaults: bool, premium: bool) -> Truth {
        let mut truth = Truth { security_defaults, premium, ..Truth::default() };
        for person in &self.people {
            if !person.enabled {
                truth.disabled += 1;
                continue;
            }
            let count = |[members, guests]: [&mut usize; 2]| {
                *(if person.is_guest() { guests } else { members }) += 1;
            };
            count([&mut truth.members, &mut truth.guests]);
            let row = person.has_row(now);
            if row && person.mfa_capable {
                count([&mut truth.capable_members, &mut truth.capable_guests]);
            }
            if row && person.has_mfa() {
                count([&mut truth.registered_members, &mut truth.registered_guests]);
            } else if row || person.age(now).is_none_or(|age| age >= BENEFIT_OF_THE_DOUBT) {
                count([&mut truth.unregistered_members, &mut truth.unregistered_guests]);
                truth.unregistered_ids.push(person.guid());
            } else {
                count([&mut truth.unjudged_members, &mut truth.unjudged_guests]);
            }
        }
        truth
    }
}

/// What a reader should find, counted from the people themselves. Faults do not change it, but for
/// `unlicensed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// Enabled accounts of the tenant's own; an account without a type is one.
    pub members: usize,
    /// Enabled accounts invited from elsewhere.
    pub guests: usize,
    /// Members whose row shows MFA: the flag, the ability, or a method that is two factors in one.
    pub registered_members: usize,
    /// Guests whose row shows MFA.
    pub registered_guests: usize,
    /// Members whose row says that they can do MFA.
    pub capable_members: usize,
    /// Guests whose row says that they can do MFA.
    pub capable_guests: usize,
    /// Members without MFA: by their row, or without a row and 48 hours old or more.
    pub unregistered_members: usize,
    /// Guests without MFA, likewise.
    pub unregistered_guests: usize,
    /// Members without a row, younger than 48 hours.
    pub unjudged_members: usize,
    /// Guests without a row, younger than 48 hours.
    pub unjudged_guests: usize,
    /// Accounts nobody can sign in to. They are in none of the figures above.
    pub disabled: usize,
    /// Whether security defaults are on.
    pub security_defaults: bool,
    /// Whether the tenant has Entra ID P1 or P2.
    pub premium: bool,
    /// Object ids of the unregistered, members and guests.
    pub unregistered_ids: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn later(hours: i64) -> Timestamp {
        Timestamp::from_second(noon().as_second() + hours * HOUR).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_world_and_another_seed_another() {
        let truth = |seed| World::new(240, seed, noon()).truth(noon(), false, true);
        assert_eq!(truth(7), truth(7));
        assert_ne!(truth(7), truth(8));
    }

    #[test]
    fn everybody_enabled_is_registered_unregistered_or_unjudged() {
        for users in [0, 1, 9, 39, 40, 240, 5000] {
            let truth = World::new(users, 3, noon()).truth(noon(), false, true);
            assert_eq!(truth.members + truth.guests + truth.disabled, users);
            let members =
                truth.registered_members + truth.unregistered_members + truth.unjudged_members;
            let guests =
                truth.registered_guests + truth.unregistered_guests + truth.unjudged_guests;
            assert_eq!((members, guests), (truth.members, truth.guests));
            let unregistered = truth.unregistered_members + truth.unregistered_guests;
            assert_eq!(truth.unregistered_ids.len(), unregistered);
        }
    }

    #[test]
    fn a_partner_looks_like_one() {
        let truth = World::new(10_000, 1, noon()).truth(noon(), false, true);
        let share = |part: usize, whole: usize| part as f64 / whole as f64;
        assert!((0.07..0.13).contains(&share(truth.guests, 10_000)), "{truth:?}");
        assert!((0.06..0.10).contains(&share(truth.disabled, 10_000)), "{truth:?}");
        assert!((0.09..0.15).contains(&share(truth.unregistered_members, truth.members)));
        assert_eq!(truth.unjudged_members, 2);
    }

    #[test]
    fn a_hire_is_unjudged_then_unregistered_then_registers() {
        let mut world = World::new(0, 1, noon());
        assert!(world.step(noon()).contains("hired"));
        assert_eq!(world.truth(noon(), false, true).unjudged_members, 1);
        assert!(world.step(later(20)).contains("nobody"));
        assert!(world.people()[0].has_row(later(25)) && !world.people()[0].has_row(later(21)));
        assert_eq!(world.truth(later(25), false, true).unregistered_members, 1);
        world.step(later(25));
        assert!(world.step(later(26)).contains("registered"));
        assert_eq!(world.truth(later(26), false, true).registered_members, 1);
    }

    #[test]
    fn silence_is_given_48_hours_to_the_second() {
        let mut world = World::new(0, 1, noon());
        world.step(noon());
        world.people[0].reported = false;
        let just_before = Timestamp::from_second(later(48).as_second() - 1).unwrap();
        assert_eq!(world.truth(just_before, false, true).unjudged_members, 1);
        assert_eq!(world.truth(later(48), false, true).unregistered_members, 1);
    }
}
