//! The partner may transact.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::client::PartnerRefusal;
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "transact-ability",
    title: "Partner Center does not refuse the company as a partner",
    tier: Tier::Mandatory,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/security-requirements",
    portal: "https://partner.microsoft.com/dashboard/account/v3/overview",
    remedy: "see in Partner Center under Account settings which agreement or programme is not in order, and mend that at once: without it nothing can be transacted",
    sources: &["mfa_self_test"],
    evaluate,
};

/// Whether the company may transact is shown by no API. That Partner Center answers it as a partner
/// is close to it.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let what = match posture.facts.mfa_self_test.rows()?.refusal {
        Some(PartnerRefusal::Agreement) => Some("the Microsoft Partner Agreement is not accepted"),
        Some(PartnerRefusal::Programme) => Some("the programme is not active"),
        // These are about whom we act for, and say nothing of the company.
        Some(PartnerRefusal::Mfa | PartnerRefusal::Role) => return Err(Unread::NotObservable),
        None => None,
    };
    Ok(terms.verdict(what.map(Finding::tenant)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::checks::mpa_accepted::tests::judged;

    #[test]
    fn a_refusal_of_the_company_is_found_and_one_of_the_account_says_nothing() {
        let state = |refusal| judged(&CHECK, refusal).state();
        assert_eq!(state(None), State::Compliant);
        assert_eq!(state(Some(PartnerRefusal::Agreement)), State::Noncompliant);
        assert_eq!(state(Some(PartnerRefusal::Programme)), State::Noncompliant);
        assert_eq!(state(Some(PartnerRefusal::Role)), State::Unknown);
    }
}
