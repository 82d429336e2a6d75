//! Every program that reads invoices and usage is known.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "automation-invoicing",
    title: "Every application that reads invoices or usage through Partner Center is known",
    tier: Tier::Advised,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-faq",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
    remedy: "find out whose application it is, see that it uses the Secure Application Model, and list it under `partner_applications` in the configuration; or take its consent away",
    sources: &["partner_requests"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let (unlisted, doubt) = posture.unlisted_that(|it| it.does_invoicing)?;
    let findings = unlisted.into_iter().map(|id| {
        Finding::object(
            id,
            posture.application_name(id),
            "reads invoices or usage, and is on no list",
        )
    });
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::checks::automation_control_panel::tests::judged;

    #[test]
    fn an_application_that_nobody_listed_is_found() {
        let state = |does, known| judged(&CHECK, does, known, false).state();
        assert_eq!(state((false, true), Some(&["panel"])), State::Compliant);
        assert_eq!(state((false, true), Some(&[])), State::Noncompliant);
        assert_eq!(state((true, false), Some(&[])), State::Compliant, "it reads no invoices");
        let unlisted = judged(&CHECK, (false, true), None, false);
        assert_eq!(unlisted.why_unknown(), Some(Unread::NotConfigured));
    }
}
