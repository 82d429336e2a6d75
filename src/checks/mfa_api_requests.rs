//! Every request to Partner Center's API in a person's name carries MFA.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "mfa-api-requests",
    title: "Every request to Partner Center's API in a person's name carries MFA",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-mandating-mfa",
    portal: "https://partner.microsoft.com/commerce/security/compliance",
    remedy: "find whose application it is, have its owner consent anew with MFA (Secure Application Model), or take the application's consent away",
    sources: &["mfa_adoption", "partner_requests"],
    evaluate,
};

/// Of the past seven days. Without any request there is none without MFA.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let requests = posture.requests()?;
    let without = requests.into_iter().filter(|(_, it)| it.without_mfa > 0);
    let findings = without.map(|(id, it)| {
        let what = format!("requests without MFA in seven days: {}", it.without_mfa);
        Finding::object(id, posture.application_name(id), what)
    });
    terms.verdict(findings).unless_doubtful(posture.requests_doubt())
}

#[cfg(test)]
pub(in crate::checks) mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::{State, Subject};
    use crate::posture::Declarations;
    use crate::sources::mfa_adoption::Application;
    use crate::sources::{Fact, Facts, MfaAdoption, PartnerRequests};
    use crate::wire::ObjectId;

    /// With applications of which so many of so many requests carried MFA.
    pub(in crate::checks) fn judged(check: &Check, requests: &[(u64, u64)]) -> Verdict {
        judged_of(check, requests, 0)
    }

    /// The same, and so many rows that could not be read.
    pub(in crate::checks) fn judged_of(
        check: &Check,
        requests: &[(u64, u64)],
        rejected: u64,
    ) -> Verdict {
        let application = |(number, (compliant, total)): (usize, &(u64, u64))| Application {
            id: ObjectId::parse(&format!("app{number}")).unwrap(),
            name: "Panel".into(),
            compliant: *compliant,
            total: *total,
        };
        let applications = requests.iter().enumerate().map(application).collect();
        let mfa_adoption =
            Fact::known(MfaAdoption { applications, rejected }, Timestamp::UNIX_EPOCH);
        let facts = Facts { mfa_adoption, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        check.judge(&Posture::of(&facts, &Declarations::default()))
    }

    /// By a list of requests that all carried MFA, the rest of which is not shown.
    pub(in crate::checks) fn judged_by_a_cut_list(check: &Check) -> Verdict {
        let requests = PartnerRequests { is_cut: true, ..PartnerRequests::default() };
        let partner_requests = Fact::known(requests, Timestamp::UNIX_EPOCH);
        let facts = Facts { partner_requests, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        check.judge(&Posture::of(&facts, &Declarations::default()))
    }

    #[test]
    fn requests_that_are_not_known_may_lack_it() {
        assert_eq!(judged_by_a_cut_list(&CHECK).why_unknown(), Some(Unread::Limit));
        let left_out = judged_of(&CHECK, &[(9, 9)], 1);
        assert_eq!(left_out.why_unknown(), Some(Unread::SourceFailed));
        assert_eq!(judged_of(&CHECK, &[(8, 9)], 1).state(), State::Noncompliant);
    }

    #[test]
    fn one_request_without_mfa_is_enough_and_none_at_all_is_none_without() {
        assert_eq!(judged(&CHECK, &[(9, 9), (0, 0)]).state(), State::Compliant);
        assert_eq!(judged(&CHECK, &[]).state(), State::Compliant);
        let one = judged(&CHECK, &[(9, 9), (8, 9)]);
        assert_eq!((one.state(), one.found()), (State::Noncompliant, 1));
        assert_eq!(one.findings()[0].what, "requests without MFA in seven days: 1");
        let Subject::Object { name, .. } = &one.findings()[0].subject else { panic!("{one:?}") };
        assert_eq!(&**name, "Panel");
    }
}
