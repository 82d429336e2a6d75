//! Who signs in: somebody of the tenant, and the roles a token names for it.

use super::Plan;
use super::duty::Duty;
use super::names::DOMAIN;
use super::person::{Person, Role};
use super::roles::{self, GLOBAL_ADMINISTRATOR, SECURITY_READER};
use super::state::State;
use super::tokens::Refusal;

/// What everybody holds who is a member and nothing more; a token names it, too.
const ORDINARY: &str = "b79fbf4d-3ef9-4689-8143-76b194e85509";

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) upn: String,
    pub(super) name: String,
    /// Template ids of the roles held.
    pub(super) roles: Vec<&'static str>,
}

impl Account {
    /// An ordinary Admin agent, as Microsoft advises for an application that acts for a person.
    pub(super) fn agent(state: &State) -> Self {
        Self::on_duty(state, Duty::AdminAgent).unwrap_or_else(|| Self {
            id: "51301a7e-0000-4000-8000-0000000a6e47".to_owned(),
            upn: format!("partner.agent@{DOMAIN}"),
            name: "Partner agent".to_owned(),
            roles: vec![ORDINARY],
        })
    }

    /// A Global Administrator, as Microsoft advises against.
    pub(super) fn global_administrator(state: &State) -> Self {
        Self::on_duty(state, Duty::GlobalAdministrator).unwrap_or_else(|| Self {
            id: "51301a7e-0000-4000-8000-0000000ad314".to_owned(),
            upn: format!("administrator@{DOMAIN}"),
            name: "Administrator".to_owned(),
            roles: vec![GLOBAL_ADMINISTRATOR.template, ORDINARY],
        })
    }

    /// Whoever goes by this name.
    pub(super) fn named(state: &State, upn: &str) -> Result<Self, Refusal> {
        let agent = Self::agent(state);
        if agent.upn.eq_ignore_ascii_case(upn.trim()) {
            return Ok(agent);
        }
        let mut people = state.world.people().iter();
        let Some(person) = people.find(|person| person.upn().eq_ignore_ascii_case(upn.trim()))
        else {
            let text = format!("The user account {upn} does not exist in the directory.");
            return Err(Refusal::new("invalid_grant", 50034, text));
        };
        if !person.enabled {
            return Err(Refusal::new("invalid_grant", 50057, "The user account is disabled."));
        }
        Ok(Self::of(person, state.settings.plan))
    }

    fn on_duty(state: &State, duty: Duty) -> Option<Self> {
        let able = |person: &&Person| person.enabled && person.duty == duty;
        let people = state.world.people();
        let person = people.iter().find(|person| able(person) && person.role == Role::Employee);
        let person = person.or_else(|| people.iter().find(able))?;
        Some(Self::of(person, state.settings.plan))
    }

    fn of(person: &Person, plan: Plan) -> Self {
        let held = roles::of(0, person.duty);
        let held = held.iter().filter(|held| held.active(plan)).map(|held| held.role.template);
        let through_group =
            (person.duty == Duty::SecurityReader).then_some(SECURITY_READER.template);
        Self {
            id: person.guid(),
            upn: person.upn(),
            name: person.display_name(),
            roles: held.chain(through_group).chain([ORDINARY]).collect(),
        }
    }
}
