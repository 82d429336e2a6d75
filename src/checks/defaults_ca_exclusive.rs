//! Security defaults and Conditional Access are used one at a time.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::coverage::SOURCES;
use crate::sources::Unread;
use crate::sources::policy::PolicyState;

pub(super) static CHECK: Check = Check {
    id: "defaults-ca-exclusive",
    title: "Exactly one of security defaults and Conditional Access is in use",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/entra/fundamentals/security-defaults",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "switch security defaults off where Conditional Access policies are enabled; where neither is in use, choose one",
    sources: &SOURCES,
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let options = posture.options();
    let policies = posture.facts.policies()?;
    let mut enabled = policies.into_iter().flat_map(|it| &it.policies);
    let has_enabled = enabled.any(|policy| policy.state == PolicyState::Enabled);
    let finding = match (options.security_defaults?, options.conditional_access?) {
        (true, _) if has_enabled => "security defaults are on while policies are enabled",
        // One that could not be read may be enabled.
        (true, _) if policies.is_some_and(|it| it.unreadable > 0) => {
            return Err(Unread::SourceFailed);
        }
        (true, _) | (false, true) => return Ok(terms.verdict([])),
        (false, false) if options.per_user_or_none()? => return Ok(terms.verdict([])),
        (false, false) => "neither security defaults nor a policy that demands MFA is in use",
    };
    Ok(terms.verdict([Finding::tenant(finding)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn one_of_them_and_not_both() {
        let state = |tenant: &str| judged(&CHECK, tenant).state();
        assert_eq!(state("{ security_defaults: true }"), State::Compliant);
        assert_eq!(
            state(
                "{ users: { anna: {} }, policies: [{ id: p, displayName: MFA, state: enabled, conditions: { users: { includeUsers: [All] }, applications: { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }] }"
            ),
            State::Compliant
        );
        assert_eq!(
            state(
                "{ security_defaults: true, policies: [{ id: p, displayName: MFA, state: enabled, conditions: { users: { includeUsers: [All] }, applications: { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }] }"
            ),
            State::Noncompliant
        );
        assert_eq!(state("{}"), State::Noncompliant);
        assert_eq!(
            state("{ users: { anna: {} }, per_user: { anna: enforced } }"),
            State::Compliant
        );
        assert_eq!(state("{ policies: refused }"), State::Unknown);
        assert_eq!(state("{ security_defaults: refused }"), State::Unknown);
    }
}
