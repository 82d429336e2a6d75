//! Protocols that cannot do MFA are blocked.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::coverage::Coverage;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "legacy-auth-blocked",
    title: "Legacy authentication is blocked for every enabled account",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/entra/identity/conditional-access/policy-block-legacy-authentication",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "enable a policy that blocks the client types `Exchange ActiveSync clients` and `Other clients` for all users and all applications, and move what still needs them",
    sources: &[
        "users",
        "security_defaults",
        "conditional_access_policies",
        "groups",
        "role_assignments",
        "role_eligibilities",
        "authentication_strengths",
        "named_locations",
    ],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let people = posture.people.as_ref().map_err(|why| *why)?;
    let legacy = posture.legacy.as_ref().map_err(|why| *why)?;
    let all = || people.everyone().iter().zip(&legacy.coverage);
    let exempt = all()
        .filter(|(_, coverage)| coverage.is_always() == Some(false))
        .map(|(user, _)| Finding::account(user, "may sign in with legacy protocols"));
    let doubts = legacy.coverage.iter().filter_map(|coverage| match coverage {
        Coverage::Unknown(why) => Some(*why),
        _ => None,
    });
    terms.verdict(exempt).unless_doubtful(doubts.min())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn a_block_for_all_legacy_clients_and_everybody_is_needed() {
        let blocking = |users: &str, clients: &str, control: &str| {
            let tenant = format!(
                "{{ users: {{ anna: {{}}, bert: {{}} }}, policies: [{{ id: p, displayName: Block,
                   state: enabled, conditions: {{ users: {{ includeUsers: [All]{users} }},
                   applications: {{ includeApplications: [All] }}, clientAppTypes: [{clients}] }},
                   grantControls: {{ operator: OR, builtInControls: [{control}] }} }}] }}"
            );
            let verdict = judged(&CHECK, &tenant);
            (verdict.state(), verdict.found())
        };
        let both = "exchangeActiveSync, other";
        assert_eq!(blocking("", both, "block"), (State::Compliant, 0));
        assert_eq!(blocking("", "all", "block"), (State::Compliant, 0));
        assert_eq!(blocking("", "other", "block"), (State::Noncompliant, 2));
        assert_eq!(blocking("", both, "mfa"), (State::Noncompliant, 2), "a challenge is no block");
        assert_eq!(blocking(", excludeUsers: [bert]", both, "block"), (State::Noncompliant, 1));
        assert_eq!(blocking(", excludeGroups: [g]", both, "block").0, State::Unknown);
    }

    #[test]
    fn what_is_tolerated_for_mfa_is_not_blocked_for_that() {
        let tolerated = "{ users: { anna: {} }, tolerated_applications: [00000002-0000-0ff1-ce00-000000000000],
            policies: [{ id: p, displayName: Block, state: enabled, conditions: { users: { includeUsers: [All] },
            applications: { includeApplications: [All], excludeApplications: [00000002-0000-0ff1-ce00-000000000000] },
            clientAppTypes: [exchangeActiveSync, other] }, grantControls: { operator: OR, builtInControls: [block] } }] }";
        assert_eq!(judged(&CHECK, tolerated).state(), State::Noncompliant);
    }

    #[test]
    fn security_defaults_block_it_too() {
        let on = "{ users: { anna: {} }, security_defaults: true }";
        assert_eq!(judged(&CHECK, on).state(), State::Compliant);
        let refused = "{ users: { anna: {} }, policies: refused }";
        assert_eq!(judged(&CHECK, refused).why_unknown(), Some(Unread::Permission));
    }
}
