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

    /// Why there may be groups that reach into customers and are not among those: it is not known of
    /// each GDAP relationship who may use it.
    pub fn reaching_doubt(&self) -> Option<Unread> {
        match self.gdap_in_use() {
            Ok(Ok(gdap)) => gdap.assignments_doubt(),
            Ok(Err(_)) => None,
            // There is none to be read.
            Err(Unread::NotConfigured) if self.declared.is_sovereign => None,
            Err(why) => Some(why),
        }
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
    help: "Groups that reach into customers (those of Partner Center's agents, and those with an active \
           assignment to a GDAP relationship) by managed: yes (somebody may activate a place, by \
           Privileged Identity Management), no (every place is held for good), unknown (this group \
           cannot be read, or was not asked about yet). Without Entra ID P2 all are no. Groups of \
           relationships whose assignments were not read yet are missing: see \
           partnercenter_gdap_relationships_unread. Absent while no group can be read, or no \
           relationship.",
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
    // Where it is not known of any relationship which groups it names, those of the agents are not all.
    let named = posture.facts.gdap_access_assignments.rows();
    let are_named = named.is_ok() || posture.reaching_doubt().is_none();
    if let Some(groups) = posture.managed_groups().ok().filter(|_| are_named) {
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
        let page_of = |rest: &str| page(&format!("{two}, pim_groups: {rest}"));
        let counts = |page: &str, yes, no| {
            let all = [("yes", yes), ("no", no), ("unknown", 0)];
            all.iter().all(|(word, count)| {
                page.contains(&format!("pim_groups{{tenant=\"t\",managed=\"{word}\"}} {count}\n"))
            })
        };
        assert!(counts(&page_of("[h]"), 1, 1), "{}", page_of("[h]"));
        assert!(!page_of("refused").contains("pim_groups"), "unknown is not zero");
        let delegated = page_of("[h, d], gdap: { r: { held: { d: [], e: [], g: [] } } }");
        assert!(counts(&delegated, 2, 2), "each group once, whoever names it: {delegated}");
        let ended = page_of("[h], gdap: { r: { held: { d: [] }, holding: deleted } }");
        assert!(counts(&ended, 1, 1), "{ended}");
        // One relationship that cannot be read hides its own; where none can be, nothing is said.
        let one = page_of("[h], gdap: { r: { held: refused }, s: { held: { d: [] } } }");
        assert!(counts(&one, 1, 2), "{one}");
        let none = page_of("[h], gdap: refused, partner_type: resellerPartnerDelegatedAdmin");
        assert!(!none.contains("pim_groups"), "{none}");
        let nobody_s = page_of("[h], gdap: refused");
        assert!(counts(&nobody_s, 1, 1), "no partner, no relationship: {nobody_s}");
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
