//! Partner Center's safeguards let our own token through.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::client::PartnerRefusal;
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "enforcement-active",
    title: "Partner Center's MFA safeguards accept the token of our own application",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-mandating-mfa",
    portal: "https://partner.microsoft.com/commerce/security/compliance",
    remedy: "run `partnercenter_exporter consent` and sign in with MFA: the present grant was given without it, or a third party's MFA sends no claim",
    sources: &["mfa_self_test"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let refused = match posture.facts.mfa_self_test.rows()?.refusal {
        Some(PartnerRefusal::Mfa) => {
            Some(Finding::tenant("Partner Center refuses our token for want of MFA"))
        }
        // Refused for another reason, it was not looked at for MFA.
        Some(_) => return Err(Unread::NotObservable),
        None => None,
    };
    Ok(terms.verdict(refused))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::checks::mpa_accepted::tests::judged;

    #[test]
    fn a_refusal_for_want_of_mfa_is_found() {
        let state = |refusal| judged(&CHECK, refusal).state();
        assert_eq!(state(None), State::Compliant);
        assert_eq!(state(Some(PartnerRefusal::Mfa)), State::Noncompliant);
        assert_eq!(state(Some(PartnerRefusal::Programme)), State::Unknown);
    }
}
