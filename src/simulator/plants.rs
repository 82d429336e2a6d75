//! The people whose sign-ins have a tale to tell, in every world that has room for them.

use super::duty::Duty;
use super::fate::Fate;
use super::person::{Person, Role};

/// Worlds smaller than this have one policy for everybody, and nobody of note.
pub(super) const ROOM: usize = 100;
/// Comes and goes as a member of the group of exceptions.
pub(super) const WAVERER: usize = 9;

/// So many people of a kind, all enabled.
struct Plant {
    count: usize,
    role: Role,
    fate: Fate,
    duty: Duty,
    /// Whether they are left out of the policy that blocks legacy authentication.
    legacy: bool,
}

const fn some(count: usize, fate: Fate) -> Plant {
    Plant { count, role: Role::Employee, fate, duty: Duty::None, legacy: false }
}

const fn guests(count: usize, fate: Fate) -> Plant {
    Plant { role: Role::Guest, ..some(count, fate) }
}

const fn on_duty(count: usize, fate: Fate, duty: Duty) -> Plant {
    Plant { duty, ..some(count, fate) }
}

/// Where [`PLANTED`] begins; before it stand emergency, service and sync accounts, and oddities.
const FIRST: usize = 17;

/// One after the other. Beside them: two emergency accounts excluded directly, two service
/// accounts excluded by group and exempt from the legacy policy, two sync accounts.
const PLANTED: [Plant; 37] = [
    // Conditional, each gap another number: 2, 3, 1, 5, 3 + 1, 6, 7.
    some(2, Fate::ByApplication),
    some(3, Fate::ByClient),
    some(1, Fate::ByPlatform),
    some(3, Fate::ByLocation),
    on_duty(1, Fate::ByLocation, Duty::AdminAgent),
    guests(1, Fate::ByLocation),
    some(3, Fate::ByDevice),
    some(1, Fate::ByCustomControl),
    some(6, Fate::ByFilter),
    some(7, Fate::ByRisk),
    // Excluded: direct 2 + 1, group 2 + 2, role 1 + 1, guest 5.
    some(1, Fate::ExcludedDirect),
    some(2, Fate::ExcludedByGroup),
    on_duty(1, Fate::ExcludedByRole, Duty::SupportAdministrator),
    on_duty(1, Fate::ExcludedByEligibility, Duty::EligibleSupportAdministrator),
    guests(5, Fate::ExcludedGuest),
    // Not targeted: 8, two of them administrators and one a guest.
    some(3, Fate::Untargeted),
    guests(1, Fate::Untargeted),
    on_duty(1, Fate::Untargeted, Duty::UnitAdministrator),
    on_duty(1, Fate::Untargeted, Duty::EligibleGlobalAdministrator),
    some(2, Fate::ReportOnly),
    // Covered in other ways than everybody else.
    some(3, Fate::CoveredByStrength),
    some(2, Fate::CoveredByTwoApplications),
    some(1, Fate::CoveredByTwoClients),
    on_duty(2, Fate::CoveredByRole, Duty::GlobalAdministrator),
    some(2, Fate::PerUserEnforced),
    some(1, Fate::PerUserEnabled),
    // Covered, and of some importance.
    on_duty(1, Fate::Covered, Duty::ActivatedGlobalAdministrator),
    on_duty(2, Fate::Covered, Duty::EligibleGlobalAdministrator),
    on_duty(2, Fate::Covered, Duty::SecurityReader),
    on_duty(2, Fate::Covered, Duty::AdminAgent),
    on_duty(2, Fate::Covered, Duty::NestedAdminAgent),
    on_duty(2, Fate::Covered, Duty::HelpdeskAgent),
    on_duty(4, Fate::Covered, Duty::SalesAgent),
    // Exempt from the policy against legacy authentication, with the two service accounts 5.
    Plant { legacy: true, ..some(2, Fate::Covered) },
    Plant { legacy: true, ..guests(1, Fate::Covered) },
    // Conditional as well: 2, 3.
    some(2, Fate::ByFlow),
    some(3, Fate::ByNovelty),
];

/// Gives people their fates, where there is room.
pub(super) fn plant(people: &mut [Person]) {
    if people.len() < ROOM {
        return;
    }
    let be = |person: &mut Person, role, fate, duty| {
        (person.role, person.enabled, person.fate, person.duty) = (role, true, fate, duty);
    };
    for person in &mut people[..2] {
        person.fate = Fate::ExcludedDirect;
    }
    for person in &mut people[2..4] {
        be(person, Role::Service, Fate::ExcludedByGroup, Duty::None);
        person.legacy_exempt = true;
    }
    for (place, duty) in [(6, Duty::Synchronization), (7, Duty::SynchronizationAndMore)] {
        be(&mut people[place], Role::Sync, Fate::Covered, duty);
        people[place].forget();
    }
    be(&mut people[WAVERER], Role::Employee, Fate::Covered, Duty::None);
    let mut place = FIRST;
    for plant in PLANTED {
        for person in &mut people[place..place + plant.count] {
            be(person, plant.role, plant.fate, plant.duty);
            person.legacy_exempt = plant.legacy;
        }
        // Of those who meet no policy at all, the first of each kind has no method either.
        if plant.fate == Fate::Untargeted && plant.role == Role::Employee {
            people[place].forget();
        }
        place += plant.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_world_with_room_has_room() {
        let places: usize = PLANTED.iter().map(|plant| plant.count).sum();
        // The last three are hired lately.
        assert!(FIRST + places <= ROOM - 3, "{places}");
    }
}
