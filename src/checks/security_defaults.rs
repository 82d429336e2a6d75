//! Security defaults are one accepted way to MFA for everyone.

use super::check::{Check, Evidence, Finding, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "security-defaults",
    title: "Security defaults are on, unless Conditional Access takes their place",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    docs: "https://learn.microsoft.com/entra/fundamentals/security-defaults",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/TenantOverview.ReactView",
    remedy: "switch security defaults on under Identity, Overview, Properties, or buy Entra ID P1 \
             and enforce MFA with Conditional Access",
    sources: &["security_defaults", "subscribed_skus"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>) -> Result<Verdict, Unread> {
    if posture.facts.security_defaults.rows()?.is_enabled {
        return Ok(Verdict::of([]));
    }
    if posture.facts.subscribed_skus.rows()?.has_premium() {
        // Conditional Access may enforce MFA and then demands that defaults are off. Its policies
        // are not read yet, so neither yes nor no would be true.
        return Err(Unread::NotConfigured);
    }
    Ok(Verdict::of([Finding::tenant(
        "security defaults are off, and without Entra ID P1 Conditional Access cannot replace them",
    )]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::sources::{Fact, Facts, Plan, SecurityDefaults, SubscribedSkus};

    fn judged(is_enabled: bool, skus: Fact<SubscribedSkus>) -> Verdict {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let facts = Facts {
            security_defaults: Fact::known(SecurityDefaults { is_enabled }, now),
            subscribed_skus: skus,
            ..Facts::unread(now)
        };
        CHECK.judge(&Posture::of(&facts))
    }

    fn licensed(plans: &[Plan]) -> Fact<SubscribedSkus> {
        Fact::known(SubscribedSkus::with(plans), jiff::Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn on_is_met_whatever_else_is_known() {
        assert_eq!(judged(true, Fact::default()).state(), State::Compliant);
        assert_eq!(judged(true, licensed(&[Plan::P2])).state(), State::Compliant);
    }

    #[test]
    fn off_is_unmet_where_nothing_can_replace_them() {
        assert_eq!(judged(false, licensed(&[])).state(), State::Noncompliant);
    }

    #[test]
    fn off_is_unknown_where_conditional_access_may_replace_them() {
        let verdict = judged(false, licensed(&[Plan::P1]));
        assert_eq!(verdict.why_unknown(), Some(Unread::NotConfigured));
        let verdict = judged(false, Fact::Unread(Unread::Permission));
        assert_eq!(verdict.why_unknown(), Some(Unread::Permission));
    }
}
