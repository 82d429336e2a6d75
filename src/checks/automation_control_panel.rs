//! Every program that provisions for customers is known.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "automation-control-panel",
    title: "Every application that changes something of customers' through Partner Center is known",
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
    let (unlisted, doubt) = posture.unlisted_that(|it| it.does_provisioning)?;
    let findings = unlisted.into_iter().map(|id| {
        Finding::object(
            id,
            posture.application_name(id),
            "changes something of customers', and is on no list",
        )
    });
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
pub(in crate::checks) mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::partner_requests::Application;
    use crate::sources::{Fact, Facts, PartnerRequests};
    use crate::wire::ObjectId;

    /// With an application that does this, and a list of those that are known.
    pub(in crate::checks) fn judged(
        check: &Check,
        (does_provisioning, does_invoicing): (bool, bool),
        known: Option<&[&str]>,
        is_cut: bool,
    ) -> Verdict {
        let application = Application {
            id: ObjectId::parse("panel").unwrap(),
            requests: 3,
            without_mfa: 0,
            does_invoicing,
            does_provisioning,
        };
        let requests = PartnerRequests {
            applications: vec![application],
            is_cut,
            ..PartnerRequests::default()
        };
        let partner_requests = Fact::known(requests, Timestamp::UNIX_EPOCH);
        let facts = Facts { partner_requests, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        let partner_applications =
            known.map(|ids| ids.iter().filter_map(|id| ObjectId::parse(id)).collect());
        let declared = Declarations { partner_applications, ..Declarations::default() };
        check.judge(&Posture::of(&facts, &declared))
    }

    #[test]
    fn an_application_that_nobody_listed_is_found() {
        let state = |does, known| judged(&CHECK, does, known, false).state();
        assert_eq!(state((true, false), Some(&["panel"])), State::Compliant);
        assert_eq!(state((true, false), Some(&["other"])), State::Noncompliant);
        assert_eq!(state((false, true), Some(&[])), State::Compliant, "it provisions nothing");
        let unlisted = judged(&CHECK, (true, false), None, false);
        assert_eq!(unlisted.why_unknown(), Some(Unread::NotConfigured));
        let cut = judged(&CHECK, (false, false), Some(&[]), true);
        assert_eq!(cut.why_unknown(), Some(Unread::Limit));
    }
}
