//! A security contact is provided.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{Compliance, Unread};

pub(super) static CHECK: Check = Check {
    id: "security-contact",
    title: "A security contact is provided in Partner Center",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/account-settings/security-contact",
    portal: "https://partner.microsoft.com/dashboard/account/v3/organization/legalinfo",
    remedy: "name a security contact with a telephone that is answered day and night, under Account settings, Legal info; a distribution list is better than a person",
    sources: &["security_requirements"],
    evaluate,
};

/// No API of Microsoft's shows the contact itself, so its own verdict is all there is.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    // The contact is wanted in every cloud, and shown in one.
    let requirements = posture.microsoft_s_verdicts()?.ok_or(Unread::NotObservable)?;
    let verdict = requirements.of("securityContactProvided").map(|it| it.compliance);
    let missing = match verdict {
        Some(Compliance::Compliant) => None,
        Some(Compliance::Noncompliant) => {
            Some(Finding::tenant("has no security contact, in Microsoft's eyes"))
        }
        Some(Compliance::Unknown) | None => return Err(Unread::NotObservable),
    };
    Ok(terms.verdict(missing))
}

#[cfg(test)]
pub(in crate::checks) mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::{Fact, Facts, Requirement, SecurityRequirements};

    pub(in crate::checks) fn requirement(
        requirement_type: &str,
        compliance: Compliance,
    ) -> Requirement {
        let requirement_type = requirement_type.into();
        Requirement { requirement_type, compliance, ..Requirement::default() }
    }

    pub(in crate::checks) fn judged(check: &Check, requirements: Vec<Requirement>) -> Verdict {
        judged_of(check, requirements, 0)
    }

    /// The same, and so many that could not be read.
    pub(in crate::checks) fn judged_of(
        check: &Check,
        requirements: Vec<Requirement>,
        rejected: u64,
    ) -> Verdict {
        let requirements = SecurityRequirements { requirements, rejected };
        let security_requirements = Fact::known(requirements, Timestamp::UNIX_EPOCH);
        let facts = Facts { security_requirements, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        check.judge(&Posture::of(&facts, &Declarations::default()))
    }

    #[test]
    fn where_microsoft_gives_no_verdicts_its_programme_is_no_concern_and_the_contact_unseen() {
        use crate::checks::{customer_admins_mfa, partner_security_score};
        let security_requirements = Fact::Unread(Unread::NotConfigured);
        let facts = Facts { security_requirements, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        let judged = |check: &Check, is_sovereign| {
            let declared = Declarations { is_sovereign, ..Declarations::default() };
            check.judge(&Posture::of(&facts, &declared))
        };
        for check in [&partner_security_score::CHECK, &customer_admins_mfa::CHECK] {
            assert_eq!(judged(check, true).state(), State::NotApplicable, "{}", check.id);
            assert_eq!(judged(check, false).why_unknown(), Some(Unread::NotConfigured));
        }
        assert_eq!(judged(&CHECK, true).why_unknown(), Some(Unread::NotObservable));
    }

    #[test]
    fn microsoft_s_verdict_is_taken_and_its_silence_is_none() {
        let state = |compliance| {
            judged(&CHECK, vec![requirement("securityContactProvided", compliance)]).state()
        };
        assert_eq!(state(Compliance::Compliant), State::Compliant);
        assert_eq!(state(Compliance::Noncompliant), State::Noncompliant);
        assert_eq!(state(Compliance::Unknown), State::Unknown);
        assert_eq!(judged(&CHECK, vec![]).why_unknown(), Some(Unread::NotObservable));
    }
}
