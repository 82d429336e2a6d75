//! Every application that asks Partner Center in people's names uses the Secure Application Model.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict, seen};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::sign_ins::Deed;

pub(super) static CHECK: Check = Check {
    id: "sam-adopted",
    title: "Every application that asks Partner Center in people's names uses the Secure Application Model",
    tier: Tier::Mandatory,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/developer/enable-secure-app-model",
    portal: "https://partner.microsoft.com/commerce/security/compliance",
    remedy: "have the application's owner adopt the Secure Application Model: one consent with MFA, then refresh tokens, never a password",
    sources: &["mfa_adoption", "partner_requests", "sign_ins", "users"],
    evaluate,
};

/// An application all of whose requests carry MFA has most likely adopted it; one whose requests do
/// not has certainly not, nor has one that sends somebody's password.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let sent = posture.seen(Deed::PasswordGrantToPartnerCenter, |_| true);
    let sent = sent.map(|who| who.people).unwrap_or_default();
    let requests = posture.requests();
    let doubt = requests.as_ref().err().copied().or_else(|| posture.requests_doubt());
    let without = requests.into_iter().flatten().filter(|(_, it)| it.without_mfa > 0);
    let findings = without.map(|(id, it)| {
        let all = it.without_mfa.saturating_add(it.with_mfa);
        let what = format!("asked without MFA in {} of {all} requests", it.without_mfa);
        Finding::object(id, posture.application_name(id), what)
    });
    let what = "has its password sent to Partner Center by a program";
    terms.verdict(findings.chain(seen(&sent, what))).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::checks::mfa_api_requests::tests::{judged, judged_by_a_cut_list, judged_of};

    #[test]
    fn an_application_that_asks_without_mfa_has_not_adopted_it() {
        assert_eq!(judged(&CHECK, &[(4, 4)]).state(), State::Compliant);
        let half = judged(&CHECK, &[(4, 4), (2, 4)]);
        assert_eq!((half.state(), half.found()), (State::Noncompliant, 1));
        assert_eq!(half.findings()[0].what, "asked without MFA in 2 of 4 requests");
        let one = judged(&CHECK, &[(999, 1_000)]);
        assert_eq!(one.findings()[0].what, "asked without MFA in 1 of 1000 requests");
    }

    #[test]
    fn applications_that_are_not_known_may_not_have_adopted_it() {
        assert_eq!(judged_by_a_cut_list(&CHECK).why_unknown(), Some(Unread::Limit));
        let left_out = judged_of(&CHECK, &[(4, 4)], 1);
        assert_eq!(left_out.why_unknown(), Some(Unread::SourceFailed));
    }

    #[test]
    fn a_password_that_a_program_sends_to_partner_center_is_enough() {
        const PARTNER_CENTER: &str = "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd";
        let of = |protocol: &str| {
            let row = format!("[{{ who: robot, protocol: {protocol}, to: {PARTNER_CENTER} }}]");
            crate::checks::logged(&CHECK, &row, "")
        };
        assert_eq!((of("ropc").state(), of("ropc").found()), (State::Noncompliant, 1));
        assert_eq!(of("oAuth2").why_unknown(), Some(Unread::Pending));
    }
}
