//! Who is behind a privilege in the partner's own tenant: the agents of Partner Center, and the
//! holders of directory roles, by how they hold them; what their accounts have, and who left.

pub mod agents;
pub mod holders;
pub mod pim;
pub mod risk;
pub mod roles;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::client::Api;
use crate::clock::age;
use crate::metrics::{Metric, Samples};
use crate::posture::Posture;
use crate::posture::people::People;
use crate::sources::{Facts, Groups, Members, PrivilegedAccount, Unread, User};
use crate::wire::ObjectId;
use agents::Agents;
use holders::Holders;

/// Who is behind a privilege, as far as that is known.
#[derive(Debug)]
pub struct Privilege<'a> {
    /// The agents by group; groups that do not exist are not among them.
    agents: Result<Vec<Agents<'a>>, Unread>,
    /// The holders of roles.
    holders: Result<Holders<'a>, Unread>,
}

/// An account that was not used for longer than this is not used any more.
const UNUSED: Duration = Duration::from_secs(90 * 24 * 3600);

impl<'a> Privilege<'a> {
    /// By these facts.
    pub(super) fn of(facts: &'a Facts, people: Result<&People<'a>, Unread>) -> Self {
        Self {
            agents: people.and_then(|people| agents::of(facts, people)),
            holders: people.and_then(|people| Holders::of(facts, people)),
        }
    }
}

impl<'a> Posture<'a> {
    /// The agents in groups of these names, those not used any more included. Where none of the
    /// groups is found, nobody can say who the agents are.
    pub fn agents(&self, names: &[&str]) -> Result<Vec<&Agents<'a>>, Unread> {
        let agents = self.privilege.agents.as_ref().map_err(|why| *why)?;
        let named: Vec<_> = agents.iter().filter(|it| names.contains(&it.group)).collect();
        if named.is_empty() { Err(Unread::NotObservable) } else { Ok(named) }
    }

    /// Why nobody acts as a partner's agent here, where a fact says so.
    pub fn has_no_agents(&self) -> Option<&'static str> {
        let is_empty = self.privilege.agents.as_ref().is_ok_and(Vec::is_empty);
        self.exempt(Api::Graph).filter(|_| is_empty)
    }

    /// The holders of directory roles.
    pub fn holders(&self) -> Result<&Holders<'a>, Unread> {
        self.privilege.holders.as_ref().map_err(|why| *why)
    }

    /// What the account of an agent or of the holder of a role has.
    pub fn privileged_account(&self, user: &User) -> Result<&'a PrivilegedAccount, Unread> {
        self.facts.privileged_accounts.rows()?.of(&user.id)
    }

    /// Whether an enabled account has not been used for 90 days: not signed in to, or not once
    /// since it was made.
    pub fn is_stale(&self, user: &User) -> Result<bool, Unread> {
        if !user.account_enabled {
            return Ok(false);
        }
        let last = self.privileged_account(user)?.last_sign_in?;
        let since = last.or(user.created);
        Ok(since.is_none_or(|since| age(self.facts.now, since) > UNUSED))
    }
}

/// Those of whom it is so, and why there may be more.
pub fn those<T>(
    all: impl IntoIterator<Item = T>,
    is_so: impl Fn(&T) -> Result<bool, Unread>,
) -> (Vec<T>, Option<Unread>) {
    let (mut found, mut doubt) = (Vec::new(), None);
    for one in all {
        match is_so(&one) {
            Ok(true) => found.push(one),
            Ok(false) => {}
            Err(why) => doubt = doubt.into_iter().chain([why]).min(),
        }
    }
    (found, doubt)
}

/// Whatever is in a group to any depth and is no group, and why there may be more of it.
fn within<'a>(
    groups: Result<&'a Groups, Unread>,
    group: &'a ObjectId,
) -> (BTreeSet<&'a ObjectId>, Option<Unread>) {
    let groups = match groups {
        Ok(groups) => groups,
        Err(why) => return (BTreeSet::new(), Some(why)),
    };
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let (mut waiting, mut doubt) = (vec![group], None::<Unread>);
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        let Some(group) = groups.of(id) else {
            doubt = doubt.into_iter().chain([Unread::Pending]).min();
            continue;
        };
        match &group.members {
            Members::Known { people, groups } => {
                found.extend(people.iter());
                waiting.extend(groups.iter());
            }
            Members::Deleted => {}
            Members::Unread(why) => {
                doubt = doubt.into_iter().chain([*why]).min();
            }
        }
    }
    (found, doubt)
}

/// Every gauge of this room.
pub(super) fn metrics() -> Vec<&'static Metric> {
    [&agents::METRICS[..], &holders::METRICS, &pim::METRICS, &risk::METRICS].concat()
}

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    agents::observe(posture, samples);
    holders::observe(posture, samples);
    pim::observe(posture, samples);
    risk::observe(posture, samples);
}
