//! Who signs in: circles of people, one for every kind of tale.

use crate::simulator::duty::Duty;
use crate::simulator::person::{Person, Role};

/// A circle of people who sign in one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Staff,
    /// Staff whom nobody asks for MFA.
    Lax,
    Legacy,
    /// Of Partner Center.
    Visitors,
    /// Partner agents.
    Agents,
    /// Those of them who work for customers without MFA.
    Careless,
    Federated,
    /// Federated, by a provider that says nothing of MFA.
    Claimless,
    /// Service accounts.
    Scripts,
    Guests,
    Disabled,
    Sync,
}

const ALL: [Who; 12] = [
    Who::Staff,
    Who::Lax,
    Who::Legacy,
    Who::Visitors,
    Who::Agents,
    Who::Careless,
    Who::Federated,
    Who::Claimless,
    Who::Scripts,
    Who::Guests,
    Who::Disabled,
    Who::Sync,
];

/// The circles, as places among the people that were there at first. Who is hired later is in
/// none, so that what is past stays as it was.
pub(super) struct Circles([Vec<u32>; ALL.len()]);

impl Circles {
    pub(super) fn draw(people: &[Person], seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x51c7e);
        let mut of = |wanted: &dyn Fn(&Person) -> bool| {
            let places = people.iter().enumerate().filter(|(_, person)| wanted(person));
            let mut places: Vec<u32> = places.map(|(place, _)| place as u32).collect();
            rng.shuffle(&mut places);
            places
        };
        let staff = of(&|person| person.enabled && person.role == Role::Employee);
        let duties = [Duty::AdminAgent, Duty::NestedAdminAgent, Duty::HelpdeskAgent];
        let agents = of(&|person| person.enabled && duties.contains(&person.duty));
        let scripts = of(&|person| person.enabled && person.role == Role::Service);
        let guests = of(&|person| person.enabled && person.role == Role::Guest);
        let disabled = of(&|person| !person.enabled);
        let sync = of(&|person| person.role == Role::Sync);
        // Of the staff some each, wherever they begin.
        let some = |skip: usize, most: usize| {
            let part = staff.iter().cycle().skip(skip).take(most.min(staff.len()));
            part.copied().collect::<Vec<u32>>()
        };
        let of = |who| match who {
            Who::Staff => staff.clone(),
            Who::Lax => some(0, staff.len().div_ceil(4)),
            Who::Legacy => some(3, 12),
            Who::Visitors => some(20, 5),
            Who::Agents if agents.is_empty() => some(30, 6),
            Who::Agents => agents.clone(),
            Who::Careless if agents.is_empty() => some(30, 3),
            Who::Careless => agents.iter().take(3).copied().collect(),
            Who::Federated => some(40, 9),
            Who::Claimless => some(40, 4),
            Who::Scripts if scripts.is_empty() => some(50, 2),
            Who::Scripts => scripts.clone(),
            Who::Guests => guests.clone(),
            Who::Disabled => disabled.clone(),
            Who::Sync => sync.clone(),
        };
        Self(ALL.map(of))
    }

    pub(super) fn of(&self, who: Who) -> &[u32] {
        &self.0[who as usize]
    }
}
