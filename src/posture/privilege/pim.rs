//! What is held just in time: places in groups that reach into customers, and roles whose activation
//! needs a second person.

use std::collections::{BTreeMap, BTreeSet};

use crate::metrics::{Kind, Metric, Samples};
use crate::posture::Posture;
use crate::sources::{Unread, reaching};
use crate::wire::ObjectId;

use super::holders::Term;
use super::roles::privileged;

impl<'a> Posture<'a> {
    /// The groups that reach into customers, and whether somebody activates a place in them.
    pub fn managed_groups(&self) -> Result<BTreeMap<&'a ObjectId, Result<bool, Unread>>, Unread> {
        self.facts.agent_groups.rows()?;
        let managed = self.facts.pim_groups.rows()?;
        let of = |id: &'a ObjectId| (id, managed.of(id).map(|eligible| eligible > 0));
        Ok(reaching(self.facts).into_iter().map(of).collect())
    }

    /// The privileged roles that somebody may activate, and whether a second person has to approve.
    pub fn activated_roles(&self) -> Result<BTreeMap<&'a ObjectId, Option<bool>>, Unread> {
        let policies = self.facts.role_management_policies.rows()?;
        self.facts.role_eligibilities.rows()?;
        let holders = self.holders()?;
        let at_will = holders.all().iter().filter(|it| it.term >= Term::Activated);
        let roles: BTreeSet<_> = at_will.map(|it| it.role).collect();
        let privileged = roles.into_iter().filter(|role| privileged(role).is_some());
        Ok(privileged.map(|role| (role, policies.needs_approval(role))).collect())
    }
}

static GROUPS: Metric = Metric {
    name: "partnercenter_pim_groups",
    help: "Groups that reach into customers (those of Partner Center's agents, and those that delegated \
           relationships name) by managed: yes (somebody may activate a place, by Privileged Identity \
           Management), no (every place is held for good), unknown (this group cannot be read). Without \
           Entra ID P2 all are no. Absent while none can be read.",
    kind: Kind::Gauge,
    labels: &["tenant", "managed"],
};

static ROLES: Metric = Metric {
    name: "partnercenter_pim_roles",
    help: "Privileged directory roles that somebody may activate or has activated. 0: nobody holds any \
           of them just in time. Absent without Entra ID P2 and while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static APPROVED: Metric = Metric {
    name: "partnercenter_pim_roles_requiring_approval",
    help: "Of the privileged directory roles that somebody may activate, those whose activation a \
           second person has to approve. Absent without Entra ID P2 and while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 3] = [&GROUPS, &ROLES, &APPROVED];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    if let Ok(groups) = posture.managed_groups() {
        for (word, said) in [("yes", Some(true)), ("no", Some(false)), ("unknown", None)] {
            let count = groups.values().filter(|it| it.ok() == said).count();
            samples.count(&GROUPS, [("managed", word)], count);
        }
    }
    let doubt = posture.holders().map(|it| it.doubt(|role| privileged(role).is_some()));
    if let (Ok(roles), Ok(None)) = (posture.activated_roles(), doubt) {
        samples.count(&ROLES, [], roles.len());
        if roles.values().all(Option::is_some) {
            let approved = roles.values().filter(|it| **it == Some(true)).count();
            samples.count(&APPROVED, [], approved);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::Samples;
    use crate::posture::{Posture, tenants};

    fn page(rest: &str) -> String {
        let tenant = tenants::tenant(&format!("{{ users: {{ anna: {{}} }}, {rest} }}"));
        let (facts, declared) = (tenant.facts(), tenant.declared());
        let mut samples = Samples::of_tenant("t");
        super::observe(&Posture::of(&facts, &declared), &mut samples);
        samples.to_string()
    }

    #[test]
    fn groups_are_told_by_whether_somebody_activates_a_place() {
        let two = "groups: { g: [anna], h: [] }, agents: [g, h]";
        let page_of = |managed: &str| page(&format!("{two}, pim_groups: {managed}"));
        let page = page_of("[h]");
        for line in ["managed=\"yes\"} 1", "managed=\"no\"} 1", "managed=\"unknown\"} 0"] {
            assert!(page.contains(line), "{page}");
        }
        assert!(!page_of("refused").contains("pim_groups"), "unknown is not zero");
    }

    #[test]
    fn a_role_whose_policy_says_nothing_hides_how_many_need_approval() {
        const GLOBAL: &str = "62e90394-69f5-4237-9190-012177145e10";
        let roles = format!("roles: {{ eligible: {{ {GLOBAL}: [anna] }} }}");
        let of = |approval: &str| page(&format!("{roles}, approval: {approval}"));
        let known = of(&format!("{{ {GLOBAL}: true }}"));
        assert!(known.contains("pim_roles{tenant=\"t\"} 1"), "{known}");
        assert!(known.contains("pim_roles_requiring_approval{tenant=\"t\"} 1"), "{known}");
        let silent = of("{}");
        assert!(silent.contains("pim_roles{") && !silent.contains("approval{"), "{silent}");
        assert!(!of("refused").contains("pim_roles"));
    }
}
