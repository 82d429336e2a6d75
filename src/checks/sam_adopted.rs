//! Every application that asks Partner Center in people's names uses the Secure Application Model.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "sam-adopted",
    title: "Every application that asks Partner Center in people's names uses the Secure Application Model",
    tier: Tier::Mandatory,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/developer/enable-secure-app-model",
    portal: "https://partner.microsoft.com/commerce/security/compliance",
    remedy: "have the application's owner adopt the Secure Application Model: one consent with MFA, then refresh tokens, never a password",
    sources: &["mfa_adoption", "partner_requests"],
    evaluate,
};

/// An application all of whose requests carry MFA has most likely adopted it; one whose requests do
/// not has certainly not.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let requests = posture.requests()?;
    let without = requests.into_iter().filter(|(_, it)| it.without_mfa > 0);
    let findings = without.map(|(id, it)| {
        let share = it.without_mfa * 100 / (it.without_mfa + it.with_mfa);
        let what = format!("asks without MFA in {share} % of its requests");
        Finding::object(id, posture.application_name(id), what)
    });
    Ok(terms.verdict(findings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::checks::mfa_api_requests::tests::judged;

    #[test]
    fn an_application_that_asks_without_mfa_has_not_adopted_it() {
        assert_eq!(judged(&CHECK, &[(4, 4)]).state(), State::Compliant);
        let half = judged(&CHECK, &[(4, 4), (2, 4)]);
        assert_eq!((half.state(), half.found()), (State::Noncompliant, 1));
        assert_eq!(half.findings()[0].what, "asks without MFA in 50 % of its requests");
    }
}
