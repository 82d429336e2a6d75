//! The policies people rely on leave no way around the challenge.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::coverage::{self, Coverage, Gap, Via};
use crate::sources::Unread;
use std::collections::BTreeMap;

pub(super) static CHECK: Check = Check {
    id: "mfa-every-authentication",
    title: "No policy that people rely on for MFA leaves some of their sign-ins unchallenged",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "take the condition out of the policy (excluded applications, trusted locations, platforms, client types, `or compliant device`, risk), or cover what it leaves out with another policy",
    sources: &coverage::SOURCES,
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let enforcement = posture.enforcement.as_ref().map_err(|why| *why)?;
    let mut relied_upon = BTreeMap::<(u16, Gap), usize>::new();
    for coverage in &enforcement.coverage {
        if let Coverage::Conditional { gap, policy } = coverage {
            *relied_upon.entry((*policy, *gap)).or_default() += 1;
        }
    }
    let relies = |it: &Coverage| {
        matches!(it, Coverage::Always(Via::ConditionalAccess) | Coverage::Conditional { .. })
    };
    let doubt = posture.enforcement_doubt(|_, _| true);
    if doubt.is_none() && !enforcement.coverage.iter().any(relies) {
        // Nobody relies on a policy.
        return Ok(Verdict::not_applicable());
    }
    let findings = relied_upon.into_iter().map(|((policy, gap), people)| {
        let what = format!("leaves {people} accounts unchallenged at times: {}", gap.in_words());
        Finding::policy(enforcement.rule(policy), what)
    });
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn a_way_around_counts_once_for_the_policy_and_not_at_all_where_another_closes_it() {
        let policy = |id: &str, locations: &str| {
            format!(
                "{{ id: {id}, displayName: {id}, state: enabled, conditions: {{ users: {{ includeUsers: [All] }},
                   applications: {{ includeApplications: [All] }}, locations: {locations} }},
                   grantControls: {{ operator: OR, builtInControls: [mfa] }} }}"
            )
        };
        let outside = policy("outside", "{ includeLocations: [All], excludeLocations: [hq] }");
        let inside = policy("inside", "{ includeLocations: [hq] }");
        let users = "users: { anna: {}, bert: {} }";
        let verdict = judged(&CHECK, &format!("{{ {users}, policies: [{outside}] }}"));
        assert_eq!((verdict.state(), verdict.found()), (State::Noncompliant, 1));
        assert!(verdict.findings()[0].what.starts_with("leaves 2 accounts"));
        let both = judged(&CHECK, &format!("{{ {users}, policies: [{outside}, {inside}] }}"));
        assert_eq!(both.state(), State::Compliant);
        // The policy with the gap is named, and not whichever comes first.
        let other = policy("a-branch", "{ includeLocations: [branch] }");
        let exchange = policy("mail", "null").replace(
            "includeApplications: [All]",
            "includeApplications: [00000002-0000-0ff1-ce00-000000000000]",
        );
        let found = judged(&CHECK, &format!("{{ {users}, policies: [{other}, {exchange}] }}"));
        assert!(found.findings()[0].what.contains("some applications"), "{found:?}");
        assert_eq!(found.findings()[0].subject.id().unwrap().to_string(), "mail");
        let none = judged(&CHECK, &format!("{{ {users}, security_defaults: true }}"));
        assert_eq!(none.state(), State::NotApplicable, "nobody relies on a policy");
    }
}
