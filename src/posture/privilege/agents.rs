//! The agents of Partner Center: who is in their groups, whichever way, and who should not be.

use std::collections::BTreeSet;

use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;
use crate::posture::people::People;
use crate::sources::{Account, AgentGroups, Facts, Unread, User};

use super::{those, within};

/// The agents of one kind.
#[derive(Debug)]
pub struct Agents<'a> {
    /// The name of their group.
    pub group: &'static str,
    /// Their accounts, enabled or not, in the order of their ids. Connect sync accounts are none.
    pub accounts: Vec<&'a User>,
    /// What is in the group and is no account.
    pub applications: usize,
    /// Why there may be more of them.
    pub doubt: Option<Unread>,
}

/// Groups whose members act for customers; those of the third, the sales agents, only sell.
pub const ACTING: [&str; 2] = ["AdminAgents", "HelpdeskAgents"];

impl<'a> Agents<'a> {
    /// Those who may sign in.
    pub fn enabled(&self) -> impl Iterator<Item = &'a User> {
        self.accounts.iter().copied().filter(|user| user.account_enabled)
    }
}

pub(super) fn of<'a>(facts: &'a Facts, people: &People<'a>) -> Result<Vec<Agents<'a>>, Unread> {
    let (users, named) = (facts.users.rows()?, facts.agent_groups.rows()?);
    let mut all = Vec::new();
    for group in AgentGroups::NAMES {
        let ids: Vec<_> = named.of(group).collect();
        if ids.is_empty() {
            continue;
        }
        let mut agents = Agents { group, accounts: Vec::new(), applications: 0, doubt: None };
        let mut members = BTreeSet::new();
        for id in ids {
            let (found, doubt) = within(facts.groups.rows(), id);
            members.extend(found);
            agents.doubt = agents.doubt.into_iter().chain(doubt).min();
        }
        for id in members {
            match users.of(id) {
                Some(user) if people.synchronizers().iter().any(|it| it.id == user.id) => {}
                Some(user) => agents.accounts.push(user),
                None => agents.applications += 1,
            }
        }
        if users.has_gaps() && agents.applications > 0 {
            // One of them may be an account whose row could not be read.
            agents.doubt = agents.doubt.into_iter().chain([Unread::SourceFailed]).min();
        }
        all.push(agents);
    }
    Ok(all)
}

static MEMBERS: Metric = Metric {
    name: "partnercenter_agent_group_members",
    help: "Enabled accounts in each group of Partner Center's agents, through groups in it too, by \
           account (member, guest). Each of them reaches into customers: few is right. Somebody in \
           two groups counts in both. Absent where there is no group of that name, and while it or a \
           group in it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "group", "account"],
};

static FLAGGED: Metric = Metric {
    name: "partnercenter_agent_group_members_flagged",
    help: "Accounts in each group of Partner Center's agents that want a look, by flag: disabled (its \
           owner left, the place was kept), guest (from elsewhere), stale (enabled and not used for 90 \
           days, or never since it was made 90 days ago), synchronized (falls with a directory on \
           premises). One account may have several. 0 is as it should be. stale is absent without \
           Entra ID P1, and it and synchronized until every agent was read once.",
    kind: Kind::Gauge,
    labels: &["tenant", "group", "flag"],
};

static APPLICATIONS: Metric = Metric {
    name: "partnercenter_agent_group_applications",
    help: "Members of each group of Partner Center's agents that are neither accounts nor groups: \
           applications, which reach into every customer by themselves. Each should be known to you. \
           Absent where there is no group of that name, and while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "group"],
};

static WITH_MAILBOX: Metric = Metric {
    name: "partnercenter_agent_group_members_with_mailbox",
    help: "Enabled accounts in each group of Partner Center's agents that have a mailbox in Exchange \
           Online: what arrives there is opened with a customer's keys at hand. 0 is best. Absent \
           until every agent was read once.",
    kind: Kind::Gauge,
    labels: &["tenant", "group"],
};

static ADMIN_AGENTS: Metric = Metric {
    name: "partnercenter_admin_agents",
    help: "Enabled accounts in the group AdminAgents, through groups in it too. Absent where there is \
           no such group, and while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static ADMIN_AGENTS_P2: Metric = Metric {
    name: "partnercenter_admin_agents_p2",
    help: "Of the Admin agents, those with a licence of Entra ID P2; all of them should have one. \
           Absent until each of them was read once, and while that fails.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 6] =
    [&MEMBERS, &FLAGGED, &APPLICATIONS, &WITH_MAILBOX, &ADMIN_AGENTS, &ADMIN_AGENTS_P2];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    let known = posture.agents(&AgentGroups::NAMES).unwrap_or_default();
    for agents in known.into_iter().filter(|it| it.doubt.is_none()) {
        let group = ("group", agents.group);
        for account in Account::ALL {
            let count = agents.enabled().filter(|user| user.account == account).count();
            samples.count(&MEMBERS, [group, ("account", account.as_str())], count);
        }
        flags(posture, agents, samples);
        samples.count(&APPLICATIONS, [group], agents.applications);
        let has_mailbox = |user: &&User| Ok(posture.privileged_account(user)?.has_mailbox);
        if let (found, None) = those(agents.enabled(), has_mailbox) {
            samples.count(&WITH_MAILBOX, [group], found.len());
        }
        if agents.group == "AdminAgents" {
            samples.count(&ADMIN_AGENTS, [], agents.enabled().count());
            let has_p2 = |user: &&User| Ok(posture.privileged_account(user)?.has_p2);
            if let (found, None) = those(agents.enabled(), has_p2) {
                samples.count(&ADMIN_AGENTS_P2, [], found.len());
            }
        }
    }
}

fn flags(posture: &Posture<'_>, agents: &Agents<'_>, samples: &mut Samples) {
    let disabled = agents.accounts.len() - agents.enabled().count();
    let guests = agents.enabled().filter(|user| user.account == Account::Guest).count();
    let counted = |is_so: &dyn Fn(&User) -> Result<bool, Unread>| {
        let (found, doubt) = those(agents.enabled(), |user| is_so(user));
        doubt.is_none().then_some(found.len())
    };
    let stale = counted(&|user| posture.is_stale(user));
    let synchronized = counted(&|user| Ok(posture.privileged_account(user)?.is_synchronized));
    for (flag, count) in [
        ("disabled", Some(disabled)),
        ("guest", Some(guests)),
        ("stale", stale),
        ("synchronized", synchronized),
    ] {
        if let Some(count) = count {
            samples.count(&FLAGGED, [("group", agents.group), ("flag", flag)], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::Samples;
    use crate::posture::{Posture, tenants};

    fn page(yaml: &str) -> String {
        let tenant = tenants::tenant(yaml);
        let (facts, declared) = (tenant.facts(), tenant.declared());
        let mut samples = Samples::of_tenant("t");
        super::observe(&Posture::of(&facts, &declared), &mut samples);
        samples
            .to_string()
            .replace("partnercenter_", "")
            .replace("tenant=\"t\",group=\"AdminAgents\",", "")
    }

    const GROUPS: &str =
        "groups: { g: [anna, gus, robot, inner], inner: [anna, out, g] }, agents: [g]";
    const USERS: &str =
        "users: { anna: {}, gus: { guest: true }, out: { disabled: true }, ines: {} }";

    #[test]
    fn agents_are_counted_once_each_by_what_is_to_be_looked_at() {
        let having = "having: { gus: { last: 91, mailbox: true, p2: false }, out: { last: 400, mailbox: true, synchronized: true }, anna: { synchronized: true } }";
        let page = page(&format!("{{ {USERS}, {GROUPS}, {having} }}"));
        for line in [
            "agent_group_members{account=\"guest\"} 1",
            "agent_group_members{account=\"member\"} 1",
            "agent_group_members_flagged{flag=\"disabled\"} 1",
            "agent_group_members_flagged{flag=\"guest\"} 1",
            "agent_group_members_flagged{flag=\"stale\"} 1",
            "agent_group_members_flagged{flag=\"synchronized\"} 1",
            "agent_group_applications{tenant=\"t\",group=\"AdminAgents\"} 1",
            "agent_group_members_with_mailbox{tenant=\"t\",group=\"AdminAgents\"} 1",
            "admin_agents{tenant=\"t\"} 2",
            "admin_agents_p2{tenant=\"t\"} 1",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line}\n{page}");
        }
        assert!(!page.contains("SalesAgents"), "there is no such group: {page}");
    }

    #[test]
    fn what_single_accounts_have_hides_only_what_rests_on_it() {
        let of = |having: &str| page(&format!("{{ {USERS}, {GROUPS}, having: {having} }}"));
        let no_log = of("{ anna: { last: refused } }");
        assert!(!no_log.contains("stale") && no_log.contains("admin_agents_p2{tenant=\"t\"} 2"));
        let unread = of("refused");
        assert!(unread.contains("flag=\"disabled\"} 1") && unread.contains("flag=\"guest\"} 1"));
        for hidden in ["stale", "synchronized", "with_mailbox", "agents_p2"] {
            assert!(!unread.contains(hidden), "{hidden}: {unread}");
        }
        let of_the_disabled = of("{ out: { refused: true } }");
        assert!(of_the_disabled.contains("stale"), "nobody asks what it has");
    }

    #[test]
    fn a_group_in_the_group_that_cannot_be_read_hides_them_all() {
        let page = page(
            "{ users: { anna: {} }, groups: { g: [anna, inner], inner: refused }, agents: [g] }",
        );
        assert_eq!(page, "");
    }
}
