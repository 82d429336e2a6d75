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
        let what = format!("made {} requests without MFA in seven days", it.without_mfa);
        Finding::object(id, posture.application_name(id), what)
    });
    // Of a list that is cut, the older requests are missing.
    let adoption = posture.facts.mfa_adoption.rows();
    let listed = posture.facts.partner_requests.rows();
    let is_cut = adoption.is_err() && listed.is_ok_and(|listed| listed.is_cut);
    terms.verdict(findings).unless_doubtful(is_cut.then_some(Unread::Limit))
}

#[cfg(test)]
pub(in crate::checks) mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::mfa_adoption::Application;
    use crate::sources::{Fact, Facts, MfaAdoption};
    use crate::wire::ObjectId;

    /// With applications of which so many of so many requests carried MFA.
    pub(in crate::checks) fn judged(check: &Check, requests: &[(u64, u64)]) -> Verdict {
        let application = |(number, (compliant, total)): (usize, &(u64, u64))| Application {
            id: ObjectId::parse(&format!("app{number}")).unwrap(),
            name: "Panel".into(),
            compliant: *compliant,
            total: *total,
        };
        let applications = requests.iter().enumerate().map(application).collect();
        let mfa_adoption = Fact::known(MfaAdoption { applications }, Timestamp::UNIX_EPOCH);
        let facts = Facts { mfa_adoption, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        check.judge(&Posture::of(&facts, &Declarations::default()))
    }

    #[test]
    fn one_request_without_mfa_is_enough_and_none_at_all_is_none_without() {
        assert_eq!(judged(&CHECK, &[(9, 9), (0, 0)]).state(), State::Compliant);
        assert_eq!(judged(&CHECK, &[]).state(), State::Compliant);
        let one = judged(&CHECK, &[(9, 9), (8, 9)]);
        assert_eq!((one.state(), one.found()), (State::Noncompliant, 1));
        assert_eq!(one.findings()[0].what, "made 1 requests without MFA in seven days");
    }
}
