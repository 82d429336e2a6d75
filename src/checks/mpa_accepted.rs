//! The company has accepted the Microsoft Partner Agreement.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::client::PartnerRefusal;
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "mpa-accepted",
    title: "The company has accepted the current Microsoft Partner Agreement",
    tier: Tier::Mandatory,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/enroll/microsoft-partner-agreement",
    portal: "https://partner.microsoft.com/dashboard/account/v3/agreements",
    remedy: "have a Global Administrator accept the agreement in Partner Center; if it is accepted, say so under `attestations` in the configuration, since no API shows it",
    sources: &["mfa_self_test"],
    evaluate,
};

/// No API shows the agreement. Partner Center's refusal proves that it is missing; an answer proves
/// nothing, since most questions are answered without it.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    match posture.facts.mfa_self_test.rows()?.refusal {
        Some(PartnerRefusal::Agreement) => {
            let what = "Partner Center refuses us, since the agreement is not accepted";
            Ok(terms.verdict([Finding::tenant(what)]))
        }
        _ => Err(Unread::NotObservable),
    }
}

#[cfg(test)]
pub(in crate::checks) mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::{Fact, Facts, MfaSelfTest};

    pub(in crate::checks) fn judged(check: &Check, refusal: Option<PartnerRefusal>) -> Verdict {
        let test = MfaSelfTest { refusal, is_compliant: None };
        let mfa_self_test = Fact::known(test, Timestamp::UNIX_EPOCH);
        let facts = Facts { mfa_self_test, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        check.judge(&Posture::of(&facts, &Declarations::default()))
    }

    #[test]
    fn a_refusal_proves_it_and_an_answer_proves_nothing() {
        let refused = judged(&CHECK, Some(PartnerRefusal::Agreement));
        assert_eq!(refused.state(), State::Noncompliant);
        for other in [None, Some(PartnerRefusal::Mfa), Some(PartnerRefusal::Programme)] {
            assert_eq!(judged(&CHECK, other).why_unknown(), Some(Unread::NotObservable));
        }
    }
}
