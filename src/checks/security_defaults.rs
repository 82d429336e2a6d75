//! Security defaults are one accepted way to MFA for everyone.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::coverage::SOURCES;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "security-defaults",
    title: "Security defaults are on, unless Conditional Access takes their place",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/entra/fundamentals/security-defaults",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/TenantOverview.ReactView",
    remedy: "switch security defaults on under Identity, Overview, Properties, or buy Entra ID P1 \
             and enforce MFA with Conditional Access",
    sources: &SOURCES,
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let options = posture.options();
    if options.security_defaults? {
        return Ok(terms.verdict([]));
    }
    if options.conditional_access? || options.per_user_or_none()? {
        // Another way is in use, and Conditional Access demands that defaults are off.
        return Ok(Verdict::not_applicable());
    }
    Ok(terms.verdict([Finding::tenant("security defaults are off, and nothing takes their place")]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    const MFA: &str = "users: { anna: {} }, policies: [{ id: p, state: enabled, conditions: { users: { includeUsers: [All] },
        applications: { includeApplications: [All] } }, grantControls: { operator: OR, builtInControls: [mfa] } }]";

    #[test]
    fn on_is_met_whatever_else_is_known() {
        let state = |tenant: &str| judged(&CHECK, tenant).state();
        assert_eq!(state("{ security_defaults: true, policies: refused }"), State::Compliant);
        assert_eq!(state("{ security_defaults: refused }"), State::Unknown);
    }

    #[test]
    fn off_is_unmet_unless_something_takes_their_place() {
        let state = |tenant: &str| judged(&CHECK, tenant).state();
        assert_eq!(state("{}"), State::Noncompliant);
        assert_eq!(state(&format!("{{ {MFA} }}")), State::NotApplicable);
        let report = MFA.replace("state: enabled", "state: enabledForReportingButNotEnforced");
        assert_eq!(state(&format!("{{ {report} }}")), State::Noncompliant);
        assert_eq!(
            state("{ users: { anna: {} }, per_user: { anna: enforced } }"),
            State::NotApplicable
        );
    }

    #[test]
    fn off_is_unknown_where_policies_cannot_be_read() {
        let verdict = judged(&CHECK, "{ policies: refused }");
        assert_eq!(verdict.why_unknown(), Some(Unread::Permission));
    }
}
