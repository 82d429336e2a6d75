//! The partner's people and their directory, and how they move.

use jiff::Timestamp;

use super::directory::Directory;
use super::fate::Fate;
use super::person::{self, Person, Role};
use super::plants::{self, ROOM, WAVERER};
use super::truth::{Circumstances, Truth};

/// So many more may be hired than were there at first; a world left running stays small.
const HIRES: usize = 40;

pub(super) struct World {
    people: Vec<Person>,
    directory: Directory,
    /// Whether it was large enough for fates when it was made.
    roomy: bool,
    rng: fastrand::Rng,
    most: usize,
    moves: u64,
}

impl World {
    /// A world of exactly so many accounts, as it stands at `now`.
    pub(super) fn new(users: usize, seed: u64, now: Timestamp, partner: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let now = now.as_second();
        let mut people = Vec::with_capacity(users);
        people.extend((0..users as u32).map(|serial| person::settle(&mut rng, serial, users, now)));
        person::plant_oddities(&mut people, now);
        plants::plant(&mut people);
        let ids = fastrand::Rng::with_seed(seed ^ 0xd12);
        let mut directory = Directory::new(&people, ids, partner);
        if partner {
            directory.add_gdap(fastrand::Rng::with_seed(seed ^ 0x9d9));
        }
        let (roomy, most) = (users >= ROOM, users + HIRES);
        Self { people, directory, roomy, rng, most, moves: 0 }
    }

    pub(super) fn people(&self) -> &[Person] {
        &self.people
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// One move: a hire and a registration, both again, then an exception made or ended.
    pub(super) fn step(&mut self, now: Timestamp) -> String {
        self.moves += 1;
        match self.moves % 5 {
            1 | 3 => self.hire(now),
            2 | 4 => self.register(now),
            _ => self.except(),
        }
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

    /// Lets somebody in among the exceptions from MFA, or out again.
    fn except(&mut self) -> String {
        let waverer = self.people.get_mut(WAVERER).filter(|_| self.roomy);
        let Some(person) = waverer else {
            return "nobody was excepted: there are no exceptions".to_owned();
        };
        let (fate, what) = match person.fate {
            Fate::Covered => (Fate::ExcludedByGroup, "joined"),
            _ => (Fate::Covered, "left"),
        };
        person.fate = fate;
        format!("{} {what} the MFA exceptions ({})", person.display_name(), person.guid())
    }

    /// What is true now.
    pub(super) fn truth(&self, now: Timestamp, tenant: &Circumstances) -> Truth {
        Truth::of(&self.people, &self.directory, now, tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Plan;
    use super::super::person::HOUR;
    use super::*;

    fn noon() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn later(hours: i64) -> Timestamp {
        Timestamp::from_second(noon().as_second() + hours * HOUR).unwrap()
    }

    fn world(users: usize, seed: u64) -> World {
        World::new(users, seed, noon(), true)
    }

    const USUAL: Circumstances = Circumstances {
        plan: Plan::P2,
        partner: true,
        security_defaults: false,
        per_user_mfa_shown: true,
        trusts_guest_mfa: false,
    };

    #[test]
    fn the_same_seed_gives_the_same_world_and_another_seed_another() {
        let truth = |seed| world(240, seed).truth(noon(), &USUAL);
        assert_eq!(truth(7), truth(7));
        assert_ne!(truth(7), truth(8));
    }

    #[test]
    fn everybody_enabled_is_registered_unregistered_or_unjudged() {
        for users in [0, 1, 9, 39, 40, 240, 5000] {
            let truth = world(users, 3).truth(noon(), &USUAL);
            let people = truth.members + truth.guests + truth.disabled;
            assert_eq!(people + truth.sync_accounts, users);
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
        let truth = world(10_000, 1).truth(noon(), &USUAL);
        let share = |part: usize, whole: usize| part as f64 / whole as f64;
        assert!((0.07..0.13).contains(&share(truth.guests, 10_000)), "{truth:?}");
        assert!((0.06..0.10).contains(&share(truth.disabled, 10_000)), "{truth:?}");
        assert!((0.09..0.15).contains(&share(truth.unregistered_members, truth.members)));
        assert_eq!(truth.unjudged_members, 2);
    }

    #[test]
    fn a_hire_is_unjudged_then_unregistered_then_registers() {
        let mut world = world(0, 1);
        assert!(world.step(noon()).contains("hired"));
        assert_eq!(world.truth(noon(), &USUAL).unjudged_members, 1);
        assert!(world.step(later(20)).contains("nobody"));
        assert!(world.people()[0].has_row(later(25)) && !world.people()[0].has_row(later(21)));
        assert_eq!(world.truth(later(25), &USUAL).unregistered_members, 1);
        world.step(later(25));
        assert!(world.step(later(26)).contains("registered"));
        assert_eq!(world.truth(later(26), &USUAL).registered_members, 1);
    }

    #[test]
    fn silence_is_given_48_hours_to_the_second() {
        let mut world = world(0, 1);
        world.step(noon());
        world.people[0].reported = false;
        let just_before = Timestamp::from_second(later(48).as_second() - 1).unwrap();
        assert_eq!(world.truth(just_before, &USUAL).unjudged_members, 1);
        assert_eq!(world.truth(later(48), &USUAL).unregistered_members, 1);
    }
}
