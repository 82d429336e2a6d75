//! Policies of which nobody can say what they do, for the log: each is told of once.

use std::collections::BTreeSet;

use crate::posture::Declarations;
use crate::posture::coverage::{Unjudged, policy_gaps};
use crate::sources::{ConditionalAccessPolicies, Facts, Source, Unread};
use crate::wire::ObjectId;

/// Policies told of at once; any more are counted.
const NAMED: usize = 20;

/// Those told of that are still undecided.
#[derive(Debug, Default)]
pub(super) struct Undecided(BTreeSet<ObjectId>);

impl Undecided {
    /// Warns of each policy that was not undecided before.
    pub(super) fn tell(&mut self, tenant: &str, facts: &Facts, declared: &Declarations) {
        let source = ConditionalAccessPolicies::ID;
        let Ok(policies) = policy_gaps(facts, declared) else { return };
        let newly = self.newly(&policies.unjudged);
        for Unjudged { policy, why, missing } in newly.iter().take(NAMED) {
            let (policy, name, reason) = (&policy.id, &*policy.display_name, why.as_str());
            tracing::warn!(
                tenant, source, %policy, name, reason, missing, "a policy cannot be judged"
            );
        }
        if newly.len() > NAMED {
            let policies = newly.len() - NAMED;
            tracing::warn!(tenant, source, policies, "further policies cannot be judged");
        }
    }

    fn newly<'a, 'b>(&mut self, unjudged: &'b [Unjudged<'a>]) -> Vec<&'b Unjudged<'a>> {
        // Strengths that were not asked for yet may say it in a moment.
        let lasting = unjudged.iter().filter(|it| it.why != Unread::Pending);
        let before = std::mem::take(&mut self.0);
        self.0 = lasting.clone().map(|it| it.policy.id.clone()).collect();
        lasting.filter(|it| !before.contains(&it.policy.id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posture::tenants::tenant;

    fn told(undecided: &mut Undecided, strengths: &str) -> Vec<String> {
        let tenant = tenant(&format!(
            r"
            users: {{ anna: {{}} }}
            strengths: {strengths}
            policies:
              - {{ id: lost, displayName: Lost, state: enabled, conditions: {{ users: {{ includeUsers: [All] }},
                  applications: {{ includeApplications: [All] }} }},
                  grantControls: {{ operator: OR, authenticationStrength: {{ id: s1 }} }} }}
              - {{ id: strange, displayName: Strange, state: paused, conditions: {{ users: {{ includeUsers: [All] }},
                  applications: {{ includeApplications: [All] }} }},
                  grantControls: {{ operator: OR, builtInControls: [mfa] }} }}
            "
        ));
        let (facts, declared) = (tenant.facts(), tenant.declared());
        let policies = policy_gaps(&facts, &declared).unwrap();
        let newly = undecided.newly(&policies.unjudged);
        newly.iter().map(|it| format!("{}: {}", it.policy.display_name, it.missing)).collect()
    }

    #[test]
    fn a_policy_is_told_of_when_it_becomes_undecided_and_not_again_until_it_was_decided() {
        let mut undecided = Undecided::default();
        let lost = "Lost: the authentication strength s1 is not among those there are";
        let strange = "Strange: its state is a word unknown to this version";
        assert_eq!(told(&mut undecided, "[]"), [lost, strange]);
        assert!(told(&mut undecided, "[]").is_empty());
        assert!(told(&mut undecided, "[{ id: s1, requirementsSatisfied: mfa }]").is_empty());
        assert_eq!(told(&mut undecided, "[]"), [lost]);
        assert!(told(&mut undecided, "refused").is_empty());
    }
}
