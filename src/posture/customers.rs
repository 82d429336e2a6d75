//! What DAP and GDAP come to together, and for each customer by itself where that is asked for.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Posture;
use super::bits::Bits;
use super::dap::Delegation;
use super::gdap::weight;
use crate::metrics::{Kind, Metric, Samples};
use crate::sources::{AgentGroups, GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, Unread};
use crate::wire::ObjectId;

/// The agents that DAP gives power to, and the role that each has at every customer with DAP.
/// Source: Delegated administration privileges FAQ.
const DAP_ROLES: [(&str, &str); 2] = [
    (AgentGroups::NAMES[0], GLOBAL_ADMINISTRATOR),
    (AgentGroups::NAMES[1], HELPDESK_ADMINISTRATOR),
];

/// Most customers that are shown one by one.
pub const MOST_SHOWN: u32 = 5_000;

impl<'a> Posture<'a> {
    /// How much power DAP gives at one customer: the weight of each role that it comes with times the
    /// enabled people who are given it.
    pub fn dap_exposure_each(&self) -> Result<u64, Unread> {
        let people = self.people.as_ref().map_err(|why| *why)?;
        let agents = self.facts.agent_groups.rows()?;
        let mut exposure = 0;
        for (name, role) in DAP_ROLES {
            // Without a group of that name it was renamed, and has members all the same.
            agents.of(name).next().ok_or(Unread::NotObservable)?;
            let mut members = Bits::none(people.count());
            let doubt = agents.of(name).filter_map(|group| people.add_members(group, &mut members));
            if let Some(why) = doubt.min() {
                return Err(why);
            }
            let role = ObjectId::parse(role).expect("the constants are GUIDs");
            exposure += weight(&role) * members.iter().count() as u64;
        }
        Ok(exposure)
    }

    /// The same at all customers with DAP together.
    fn dap_exposure(&self) -> Result<u64, Unread> {
        let dap = self.dap.as_ref().map_err(|why| *why)?;
        match dap.doubt {
            Some(why) => Err(why),
            None if dap.customers.is_empty() => Ok(0),
            None => Ok(self.dap_exposure_each()? * dap.customers.len() as u64),
        }
    }

    /// Customers with DAP and without an active GDAP relationship, and why there may be more.
    pub fn dap_without_gdap(&self) -> Result<(Vec<&Delegation<'a>>, Option<Unread>), Unread> {
        let dap = self.dap.as_ref().map_err(|why| *why)?;
        let mut doubt = dap.doubt;
        if dap.customers.is_empty() {
            return Ok((Vec::new(), doubt));
        }
        let gdap = self.gdap.as_ref().map_err(|why| *why)?;
        let mut without = Vec::new();
        for delegation in &dap.customers {
            match gdap.customer(&delegation.customer) {
                Ok(Some(_)) => {}
                Ok(None) => without.push(delegation),
                Err(why) => doubt = doubt.into_iter().chain([why]).min(),
            }
        }
        Ok((without, doubt))
    }

    /// Each customer that anybody can reach into, the worst first, as far as it is known who.
    fn reached(&self) -> Vec<(&ObjectId, Reached)> {
        let mut all: BTreeMap<&ObjectId, Reached> = BTreeMap::new();
        // What cannot be read of one leaves the sum of both unknown.
        let unread = self.dap.as_ref().err().or(self.gdap.as_ref().err()).copied();
        let each = unread.map_or_else(|| self.dap_exposure_each(), Err);
        for delegation in self.dap.iter().flat_map(|dap| &dap.customers) {
            let of = Reached { exposure: each, last_use: delegation.last, ends: None };
            all.insert(&delegation.customer, of);
        }
        for (customer, gdap) in self.gdap.iter().flat_map(|gdap| gdap.customers()) {
            let ends = gdap.goes_dark();
            let exposure = unread.map_or(gdap.exposure, Err);
            let of = Reached { exposure, last_use: None, ends };
            all.entry(customer)
                .and_modify(|it| {
                    it.exposure = [it.exposure, gdap.exposure].into_iter().sum();
                    it.ends = ends;
                })
                .or_insert(of);
        }
        // Names that a report has and no customer bears are no ids.
        let has_id = |(id, _): &(&ObjectId, Reached)| matches!(id, ObjectId::Guid(_));
        let mut all: Vec<_> = all.into_iter().filter(has_id).collect();
        // What is not known may be the worst.
        all.sort_by_key(|(_, it)| std::cmp::Reverse(it.exposure.unwrap_or(u64::MAX)));
        all
    }
}

/// What is shown of one customer.
#[derive(Debug, Clone, Copy)]
struct Reached {
    exposure: Result<u64, Unread>,
    /// Of DAP.
    last_use: Option<Timestamp>,
    /// When its last GDAP relationship ends.
    ends: Option<Timestamp>,
}

static EXPOSURE: Metric = Metric {
    name: "partnercenter_dap_exposure",
    help: "How much power how many people have by DAP: for each customer with DAP the weight of Global \
           Administrator times the enabled Admin agents, and that of Helpdesk Administrator times the enabled \
           Helpdesk agents, summed (docs/delegation.md). It must go down to 0. Absent while any part is unknown.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static WITHOUT_GDAP: Metric = Metric {
    name: "partnercenter_customers_dap_without_gdap",
    help: "Customers with DAP and without an active GDAP relationship: all access to them ends with DAP. \
           Absent while it is not known who has either.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static LAST_USE: Metric = Metric {
    name: "partnercenter_customer_dap_last_use_timestamp_seconds",
    help: "When one of our people last went into the tenant of a customer with DAP, for the customers that are \
           shown one by one (customer_series_limit). Absent for a customer of whom that is not known.",
    kind: Kind::Gauge,
    labels: &["tenant", "customer_id"],
};

static END: Metric = Metric {
    name: "partnercenter_customer_gdap_end_timestamp_seconds",
    help: "When the last GDAP relationship of a customer ends, for the customers that are shown one by one \
           (customer_series_limit). Absent for a customer without one, and while one extends itself.",
    kind: Kind::Gauge,
    labels: &["tenant", "customer_id"],
};

static CUSTOMER_EXPOSURE: Metric = Metric {
    name: "partnercenter_customer_exposure",
    help: "The exposure of one customer by DAP and GDAP together, for the customers that are shown one by one \
           (customer_series_limit), the most exposed. Absent for a customer of whom any part is unknown.",
    kind: Kind::Gauge,
    labels: &["tenant", "customer_id"],
};

static LIMIT: Metric = Metric {
    name: "partnercenter_customer_series_limit",
    help: "How many customers are shown one by one at most (customer_series_limit). Absent where none is.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

static LEFT_OUT: Metric = Metric {
    name: "partnercenter_customer_series_left_out",
    help: "Customers that somebody can reach into and that are not shown one by one, for there are more than \
           partnercenter_customer_series_limit; they are the least exposed. Absent where none is shown, and while it is not known who has DAP and GDAP.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 7] =
    [&EXPOSURE, &WITHOUT_GDAP, &LAST_USE, &END, &CUSTOMER_EXPOSURE, &LIMIT, &LEFT_OUT];

pub(super) fn observe(posture: &Posture<'_>, samples: &mut Samples) {
    if let Ok(exposure) = posture.dap_exposure() {
        samples.push(&EXPOSURE, [], exposure as f64);
    }
    if let Ok((without, None)) = posture.dap_without_gdap() {
        samples.count(&WITHOUT_GDAP, [], without.len());
    }
    let Some(limit) = posture.declared.customer_series_limit else { return };
    let reached = posture.reached();
    let shown = &reached[..reached.len().min(limit as usize)];
    for (customer, it) in shown {
        let id = customer.to_string();
        let label = [("customer_id", id.as_str())];
        if let Some(last) = it.last_use {
            samples.push(&LAST_USE, label, last.as_second() as f64);
        }
        if let Some(end) = it.ends {
            samples.push(&END, label, end.as_second() as f64);
        }
        if let Ok(exposure) = it.exposure {
            samples.push(&CUSTOMER_EXPOSURE, label, exposure as f64);
        }
    }
    samples.push(&LIMIT, [], f64::from(limit));
    if posture.dap.is_ok() && posture.gdap.is_ok() {
        samples.count(&LEFT_OUT, [], reached.len() - shown.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posture::Declarations;
    use crate::posture::dap::tests::{NO, NOW, YES, at, facts, id, organization};
    use crate::posture::tenants;
    use crate::sources::{AgentGroups, Fact, Facts};

    /// Two Admin agents, one of whom is disabled, a Helpdesk agent, and DAP of three customers.
    fn tenant() -> Facts {
        let people = tenants::tenant(
            "{ users: { anna: {}, ben: { disabled: true }, carl: {}, dora: {} },
               groups: { admins: [anna, ben], desk: [carl] }, agents: [admins, desk], gdap: {} }",
        );
        let people = people.facts();
        let named = [("AdminAgents", "admins"), ("HelpdeskAgents", "desk")];
        let named = named.map(|(name, id)| (name.into(), tenants::id(id)));
        let agent_groups = Fact::known(AgentGroups::new(named), at(NOW));
        let dap = facts(&[YES, YES, NO, YES], 200, &[(0, 3), (1, 4), (3, 100)]);
        let Facts { users, groups, role_assignments, role_eligibilities, .. } = people;
        let (gdap_relationships, gdap_access_assignments) =
            (people.gdap_relationships, people.gdap_access_assignments);
        Facts {
            users,
            groups,
            agent_groups,
            role_assignments,
            role_eligibilities,
            gdap_relationships,
            gdap_access_assignments,
            organization: organization("resellerPartnerDelegatedAdmin"),
            ..dap
        }
    }

    fn shown(facts: &Facts, customer_series_limit: Option<u32>) -> String {
        let declared = Declarations { customer_series_limit, ..Declarations::default() };
        let mut samples = Samples::of_tenant("t");
        observe(&Posture::of(facts, &declared), &mut samples);
        samples.to_string()
    }

    #[test]
    fn dap_weighs_what_its_agents_may_do_at_each_customer() {
        // Global Administrator weighs 100, Helpdesk Administrator 20; a disabled agent does nothing.
        let text = shown(&tenant(), None);
        assert!(text.contains("partnercenter_dap_exposure{tenant=\"t\"} 360\n"), "{text}");
        assert!(text.contains("_dap_without_gdap{tenant=\"t\"} 3\n"), "{text}");
        assert!(!text.contains("customer_"), "nobody asked for customers one by one: {text}");
    }

    #[test]
    fn a_part_that_is_not_known_leaves_no_sum() {
        let mut facts = tenant();
        facts.groups = Fact::Unread(Unread::Permission);
        assert!(!shown(&facts, None).contains("_dap_exposure"));
        let mut facts = tenant();
        facts.gdap_relationships = Fact::Unread(Unread::Permission);
        let text = shown(&facts, None);
        assert!(!text.contains("without_gdap") && text.contains("_dap_exposure"), "{text}");
        // Without any DAP there is nothing to weigh, whoever the agents are.
        let none = Facts { customer_dap: self::facts(&[NO], 0, &[]).customer_dap, ..facts };
        let text = shown(&none, None);
        assert!(text.contains("_dap_exposure{tenant=\"t\"} 0\n"), "{text}");
        assert!(text.contains("without_gdap{tenant=\"t\"} 0\n"), "{text}");
    }

    #[test]
    fn customers_are_shown_up_to_the_limit_and_what_is_left_out_is_told() {
        let text = shown(&tenant(), Some(2));
        assert_eq!(text.matches("partnercenter_customer_exposure{").count(), 2, "{text}");
        assert!(text.contains("_series_limit{tenant=\"t\"} 2\n"), "{text}");
        assert!(text.contains("_series_left_out{tenant=\"t\"} 1\n"), "{text}");
        let last = (NOW - 3 * 24 * 3600).to_string();
        let line = format!(
            "partnercenter_customer_dap_last_use_timestamp_seconds{{tenant=\"t\",customer_id=\"{}\"}} {last}\n",
            id(0)
        );
        assert!(text.contains(&line), "{line}\n{text}");
        let all = shown(&tenant(), Some(9));
        assert!(all.contains("_series_left_out{tenant=\"t\"} 0\n"), "{all}");
        let mut half = tenant();
        half.gdap_relationships = Fact::Unread(Unread::Stale);
        let text = shown(&half, Some(9));
        assert!(!text.contains("left_out") && !text.contains("customer_exposure"), "{text}");
        assert!(text.contains("customer_dap_last_use"), "{text}");
    }
}
