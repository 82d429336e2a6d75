//! Baseline policies, retired in 2020, were left behind.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "baseline-transition",
    title: "No baseline policy is left, since they protect nobody any more",
    tier: Tier::Transition,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/entra/fundamentals/security-defaults",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "delete the policy, and switch security defaults on or use Conditional Access",
    sources: &["conditional_access_policies"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let policies = posture.facts.policies()?;
    let left: Vec<_> = policies.into_iter().flat_map(|it| it.baseline()).collect();
    if left.is_empty() {
        return Ok(Verdict::not_applicable());
    }
    let finding = |policy| Finding::policy(policy, "is a baseline policy, which Microsoft retired");
    Ok(terms.verdict(left.into_iter().map(finding)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn found_where_one_is_left_and_of_no_concern_elsewhere() {
        let named = |name: &str| {
            let tenant = format!(
                "{{ policies: [{{ id: p, displayName: '{name}', state: disabled, conditions: {{}} }}] }}"
            );
            judged(&CHECK, &tenant).state()
        };
        assert_eq!(named("Baseline policy: Require MFA for admins"), State::Noncompliant);
        assert_eq!(named("Our baseline"), State::NotApplicable);
        assert_eq!(judged(&CHECK, "{ policies: refused }").state(), State::Unknown);
    }
}
