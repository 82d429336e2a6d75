//! Microsoft finds nothing wanting in the partner's security.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{Compliance, Requirement, SecurityRequirements, Unread};

pub(super) static CHECK: Check = Check {
    id: "partner-security-score",
    title: "Microsoft counts every security requirement of the partner as met",
    tier: Tier::Programme,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/security-requirements",
    portal: "https://partner.microsoft.com/dashboard/commerce2/securityrequirements",
    remedy: "open the Security requirements page in Partner Center and follow what it says of each requirement that is not met; no score is demanded, but each requirement counts",
    sources: &["security_requirements"],
    evaluate,
};

/// Microsoft's score is Microsoft's to give: this is its word and nothing else. What it only shows
/// beforehand does not count.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let Some(SecurityRequirements { requirements: all, rejected }) =
        posture.microsoft_s_verdicts()?
    else {
        return Ok(Verdict::not_applicable());
    };
    if all.is_empty() {
        return Err(Unread::NotObservable);
    }
    let demanded = || all.iter().filter(|it| !it.is_preview);
    let unmet = demanded().filter(|it| it.compliance == Compliance::Noncompliant);
    let finding = |it: &Requirement| {
        Finding::tenant(format!("Microsoft counts {} as not met", it.requirement_type))
    };
    let is_unknown = demanded().any(|it| it.compliance == Compliance::Unknown);
    let doubt = match rejected {
        1.. => Some(Unread::SourceFailed),
        0 => is_unknown.then_some(Unread::NotObservable),
    };
    terms.verdict(unmet.map(finding)).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::checks::security_contact::tests::{judged, judged_of, requirement};

    #[test]
    fn each_requirement_microsoft_counts_as_unmet_is_found() {
        let of = |compliance| requirement("securityContactProvided", compliance);
        let preview = Requirement { is_preview: true, ..of(Compliance::Noncompliant) };
        let met = judged(&CHECK, vec![of(Compliance::Compliant), preview]);
        assert_eq!(met.state(), State::Compliant, "a preview is not demanded");
        let unmet = judged(&CHECK, vec![of(Compliance::Noncompliant), of(Compliance::Unknown)]);
        assert_eq!((unmet.state(), unmet.found()), (State::Noncompliant, 1));
        let unsaid = judged(&CHECK, vec![of(Compliance::Compliant), of(Compliance::Unknown)]);
        assert_eq!(unsaid.state(), State::Unknown);
        assert_eq!(judged(&CHECK, vec![]).state(), State::Unknown);
        let left_out = judged_of(&CHECK, vec![of(Compliance::Compliant)], 1);
        assert_eq!(left_out.why_unknown(), Some(Unread::SourceFailed));
    }
}
