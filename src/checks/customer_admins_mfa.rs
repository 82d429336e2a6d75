//! Administrators of customers do MFA.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{Compliance, Unread};

pub(super) static CHECK: Check = Check {
    id: "customer-admins-mfa",
    title: "MFA is enforced for the administrators of every customer",
    tier: Tier::Programme,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/security-requirements",
    portal: "https://partner.microsoft.com/dashboard/commerce2/securityrequirements",
    remedy: "have each customer switch security defaults on, or demand MFA of its administrators; Partner Center lists the customers under Security requirements, customer MFA statistics",
    sources: &["security_requirements"],
    evaluate,
};

/// Customers' own tenants are not ours to read, so Microsoft's counts are all there is.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let Some(requirements) = posture.microsoft_s_verdicts()? else {
        return Ok(Verdict::not_applicable());
    };
    let theirs = requirements.of("mfaEnforcedForAdminsOfCustomers").ok_or(Unread::NotObservable)?;
    let finding = match theirs.tenants {
        Some((_, 0)) => return Ok(Verdict::not_applicable()),
        Some((compliant, total)) if compliant < total => {
            let missing = total - compliant;
            Some(Finding::tenant(format!(
                "{missing} of {total} customers do not demand MFA of all their administrators"
            )))
        }
        // Its counts and its verdict may contradict each other: then one no is enough.
        Some(_) | None if theirs.compliance == Compliance::Noncompliant => {
            Some(Finding::tenant("has customers, in Microsoft's eyes, whose administrators do not"))
        }
        Some(_) => None,
        None => return Err(Unread::NotObservable),
    };
    Ok(terms.verdict(finding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::checks::security_contact::tests::{judged, requirement};
    use crate::sources::Requirement;

    #[test]
    fn one_customer_without_it_is_enough_and_none_at_all_is_no_concern() {
        let judged_as = |tenants, compliance| {
            let it = requirement("mfaEnforcedForAdminsOfCustomers", compliance);
            judged(&CHECK, vec![Requirement { tenants, ..it }])
        };
        let judged = |tenants| judged_as(tenants, Compliance::Compliant);
        assert_eq!(judged(Some((20, 20))).state(), State::Compliant);
        assert_eq!(judged(Some((19, 20))).state(), State::Noncompliant, "whatever Microsoft says");
        assert_eq!(judged(Some((0, 0))).state(), State::NotApplicable);
        assert_eq!(judged(None).why_unknown(), Some(Unread::NotObservable));
        for tenants in [Some((20, 20)), None] {
            let contradicted = judged_as(tenants, Compliance::Noncompliant);
            assert_eq!(contradicted.state(), State::Noncompliant, "{tenants:?}");
        }
    }
}
