//! The holders of directory roles: people, groups resolved, by how they hold them.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;
use crate::posture::people::People;
use crate::sources::{Facts, RoleAssignment, Unread, User};
use crate::wire::ObjectId;

use super::roles::{label, labels, privileged};
use super::{those, within};

/// How a role is held. The order is that of strength: who holds one in two ways holds it in the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// Always, and for good.
    Permanent,
    /// Always, until a day.
    TimeBound,
    /// For some hours, having asked for it.
    Activated,
    /// Not now, but at will.
    Eligible,
}

impl Term {
    const ALL: [Self; 4] = [Self::Permanent, Self::TimeBound, Self::Activated, Self::Eligible];

    /// The value of the label `assignment`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::TimeBound => "time_bound",
            Self::Activated => "activated",
            Self::Eligible => "eligible",
        }
    }

    fn of(assignment: &RoleAssignment) -> Self {
        match (assignment.activated, assignment.ends) {
            (true, _) => Self::Activated,
            (false, Some(_)) => Self::TimeBound,
            (false, None) => Self::Permanent,
        }
    }
}

/// A role of somebody's.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// Whose account, enabled or not.
    pub user: &'a User,
    /// Which role.
    pub role: &'a ObjectId,
    /// How it is held.
    pub term: Term,
}

/// Every role of everybody's, once.
#[derive(Debug)]
pub struct Holders<'a> {
    all: Vec<Holder<'a>>,
    /// Roles that others may hold too, whether only at will, and why that is not known.
    doubts: Vec<(&'a ObjectId, bool, Unread)>,
    /// Why it is not known who may activate a role.
    eligible: Option<Unread>,
}

impl<'a> Holders<'a> {
    pub(super) fn of(facts: &'a Facts, people: &People<'a>) -> Result<Self, Unread> {
        let users = facts.users.rows()?;
        let (active, eligible) =
            (facts.role_assignments.rows()?.all(), facts.role_eligibilities.rows());
        let at_will = eligible.ok().map(|it| it.all()).unwrap_or_default();
        let active = active.iter().map(|it| (it, Term::of(it)));
        let terms = active.chain(at_will.iter().map(|it| (it, Term::Eligible)));
        let synchronizers: BTreeSet<_> = people.synchronizers().iter().map(|it| &it.id).collect();
        let (mut strongest, mut doubts) = (BTreeMap::new(), Vec::new());
        for (assignment, term) in terms {
            let mut note = |id: &'a ObjectId| {
                if synchronizers.contains(id) {
                    return;
                }
                let Some(user) = users.of(id) else { return };
                let held = strongest.entry((id, &assignment.role)).or_insert((user, term));
                held.1 = held.1.min(term);
            };
            let principal = &assignment.principal;
            if users.of(principal).is_some() {
                note(principal);
            } else if assignment.is_group != Some(false) {
                let (found, doubt) = within(facts.groups.rows(), principal);
                found.into_iter().for_each(note);
                doubts.extend(doubt.map(|why| (&assignment.role, term == Term::Eligible, why)));
            } else if users.has_gaps() {
                // It may be an account whose row could not be read.
                let at_will = term == Term::Eligible;
                doubts.push((&assignment.role, at_will, Unread::SourceFailed));
            }
        }
        let held = strongest.into_iter();
        let all = held.map(|((_, role), (user, term))| Holder { user, role, term }).collect();
        Ok(Self { all, doubts, eligible: eligible.err() })
    }

    /// Every role of everybody's, the disabled included.
    pub fn all(&self) -> &[Holder<'a>] {
        &self.all
    }

    /// The roles of whoever may sign in.
    pub fn enabled(&self) -> impl Iterator<Item = Holder<'a>> {
        self.all.iter().copied().filter(|holder| holder.user.account_enabled)
    }

    /// Why others may hold these roles.
    pub fn doubt(&self, is_meant: impl Fn(&ObjectId) -> bool) -> Option<Unread> {
        let doubts = self.doubts.iter().filter(|(role, ..)| is_meant(role)).map(|(.., why)| *why);
        doubts.chain(self.eligible).min()
    }

    /// Why others may hold these roles now, whoever may activate them.
    pub fn active_doubt(&self, is_meant: impl Fn(&ObjectId) -> bool) -> Option<Unread> {
        let active = self.doubts.iter().filter(|(role, at_will, _)| !at_will && is_meant(role));
        active.map(|(.., why)| *why).min()
    }

    /// People who may sign in and hold, or may activate, a role with far-reaching rights; each once.
    pub fn privileged_people(&self) -> Vec<&'a User> {
        let privileged = self.enabled().filter(|holder| privileged(holder.role).is_some());
        let by_id: BTreeMap<_, _> = privileged.map(|it| (&it.user.id, it.user)).collect();
        by_id.into_values().collect()
    }
}

static ASSIGNMENTS: Metric = Metric {
    name: "partnercenter_role_assignments",
    help: "People with a directory role, groups resolved, by role (those that Microsoft labels \
           privileged, in its words, and other for all the rest) and by assignment, the first that \
           applies: permanent (always and for good; emergency accounts aside it should be 0), time_bound \
           (always, until a day), activated (for some hours), eligible (may activate it). Enabled \
           accounts only, in the whole tenant or a part of it; applications and Connect sync accounts \
           are not counted. Without Entra ID P2 nothing is time_bound, activated or eligible. Absent \
           while roles, or a group that holds one, cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "role", "assignment"],
};

static WITH_MAILBOX: Metric = Metric {
    name: "partnercenter_admins_with_mailbox",
    help: "Enabled accounts with a privileged directory role, now or at will, that have a mailbox in \
           Exchange Online. 0 is best: administrators read mail with another account. Absent until \
           every administrator was read once.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static SYNCHRONIZED: Metric = Metric {
    name: "partnercenter_admins_synchronized",
    help: "Enabled accounts with a privileged directory role, now or at will, that are synchronised \
           from a directory on premises, so that whoever takes that takes the tenant. 0 is as it \
           should be. Absent until every administrator was read once.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 3] = [&ASSIGNMENTS, &WITH_MAILBOX, &SYNCHRONIZED];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    let Ok(holders) = posture.holders() else { return };
    let mut held = BTreeMap::new();
    for holder in holders.enabled() {
        let term = held.entry((label(holder.role), &holder.user.id)).or_insert(holder.term);
        *term = holder.term.min(*term);
    }
    let mut counts: BTreeMap<(String, Term), usize> = BTreeMap::new();
    for ((role, _), term) in held {
        *counts.entry((role, term)).or_default() += 1;
    }
    for role in labels() {
        let is_it = |id: &ObjectId| label(id) == role;
        let now_unknown = holders.active_doubt(is_it).is_some();
        let at_will_unknown = now_unknown || holders.doubt(is_it).is_some();
        for term in Term::ALL {
            let is_unknown = if term == Term::Eligible { at_will_unknown } else { now_unknown };
            if !is_unknown {
                let count = counts.get(&(role.clone(), term)).copied().unwrap_or_default();
                let labels = [("role", role.as_str()), ("assignment", term.as_str())];
                samples.count(&ASSIGNMENTS, labels, count);
            }
        }
    }
    if holders.doubt(|role| privileged(role).is_some()).is_some() {
        return;
    }
    let admins = holders.privileged_people();
    let has_mailbox = |user: &&User| Ok(posture.privileged_account(user)?.has_mailbox);
    if let (found, None) = those(admins.iter().copied(), has_mailbox) {
        samples.count(&WITH_MAILBOX, [], found.len());
    }
    let is_synchronized = |user: &&User| Ok(posture.privileged_account(user)?.is_synchronized);
    if let (found, None) = those(admins, is_synchronized) {
        samples.count(&SYNCHRONIZED, [], found.len());
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::Samples;
    use crate::posture::{Posture, tenants};

    const GLOBAL: &str = "62e90394-69f5-4237-9190-012177145e10";
    const USERS: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";
    const READER: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";

    fn page(yaml: &str) -> String {
        let tenant = tenants::tenant(yaml);
        let (facts, declared) = (tenant.facts(), tenant.declared());
        let mut samples = Samples::of_tenant("t");
        super::observe(&Posture::of(&facts, &declared), &mut samples);
        samples.to_string()
    }

    fn count(page: &str, role: &str, assignment: &str) -> Option<usize> {
        let name = format!(
            "partnercenter_role_assignments{{tenant=\"t\",role=\"{role}\",assignment=\"{assignment}\"}} "
        );
        page.lines().find_map(|line| line.strip_prefix(&name)).map(|value| value.parse().unwrap())
    }

    #[test]
    fn who_holds_a_role_in_two_ways_counts_once_and_by_the_stronger() {
        let roles = format!(
            "roles: {{ active: {{ {GLOBAL}: [anna] }}, time_bound: {{ {GLOBAL}: [bert] }}, activated: {{ {GLOBAL}: [carl] }}, eligible: {{ {GLOBAL}: [anna, bert, carl, dora, out], {READER}: [anna] }} }}"
        );
        let users = "{ anna: {}, bert: {}, carl: {}, dora: {}, out: { disabled: true } }";
        let page = page(&format!("{{ users: {users}, {roles} }}"));
        for assignment in ["permanent", "time_bound", "activated", "eligible"] {
            assert_eq!(count(&page, "global_administrator", assignment), Some(1), "{assignment}");
        }
        assert_eq!(count(&page, "other", "eligible"), Some(1));
        assert_eq!(count(&page, "user_administrator", "permanent"), Some(0), "zero is told");
    }

    #[test]
    fn a_group_that_cannot_be_read_hides_the_role_it_holds_and_no_other() {
        let roles = |kind: &str| {
            format!("{{ active: {{ {GLOBAL}: [anna] }}, {kind}: {{ {USERS}: [g] }} }}")
        };
        let of = |kind: &str| {
            let roles = roles(kind);
            page(&format!(
                "{{ users: {{ anna: {{}} }}, groups: {{ g: refused }}, roles: {roles} }}"
            ))
        };
        let held = of("time_bound");
        assert_eq!(count(&held, "global_administrator", "permanent"), Some(1));
        assert_eq!(count(&held, "user_administrator", "permanent"), None);
        assert_eq!(count(&held, "user_administrator", "eligible"), None);
        assert!(!held.contains("admins_with_mailbox"), "{held}");
        let at_will = of("eligible");
        assert_eq!(count(&at_will, "user_administrator", "permanent"), Some(0));
        assert_eq!(count(&at_will, "user_administrator", "eligible"), None);
    }

    #[test]
    fn whoever_is_in_a_group_of_the_role_has_it_and_connect_sync_accounts_do_not_count() {
        let page = page(&format!(
            "{{ users: {{ anna: {{}}, sync: {{}} }}, sync: [sync], groups: {{ g: [anna, sync] }}, roles: {{ active: {{ {GLOBAL}: [g] }} }}, having: {{ anna: {{ mailbox: true, synchronized: true }} }} }}"
        ));
        assert_eq!(count(&page, "global_administrator", "permanent"), Some(1));
        assert_eq!(count(&page, "other", "permanent"), Some(0), "{page}");
        assert!(page.contains("admins_with_mailbox{tenant=\"t\"} 1\n"), "{page}");
        assert!(page.contains("admins_synchronized{tenant=\"t\"} 1\n"), "{page}");
    }

    #[test]
    fn without_eligibilities_what_is_held_now_is_told_and_nothing_else() {
        let roles = format!("{{ active: {{ {GLOBAL}: [anna] }}, eligible: refused }}");
        let page = page(&format!("{{ users: {{ anna: {{}} }}, roles: {roles} }}"));
        assert_eq!(count(&page, "global_administrator", "permanent"), Some(1));
        assert_eq!(count(&page, "global_administrator", "eligible"), None);
        assert_eq!(self::page("{ users: { anna: {} }, roles: refused }"), "");
    }
}
