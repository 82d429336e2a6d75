//! An identity provider of another vendor says of its people that they have done MFA.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict, seen};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::sign_ins::{Count, Deed, Mfa};

pub(super) static CHECK: Check = Check {
    id: "mfa-third-party-claim",
    title: "Whoever comes from another identity provider brings the claim that MFA was done",
    tier: Tier::Mandatory,
    evidence: Evidence::Proxy,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-mandating-mfa",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/SignInEventsV3.ReactView",
    remedy: "have the identity provider issue the claim `multipleauthn` after MFA, or have Microsoft Entra demand MFA itself; if it cannot, ask its vendor",
    sources: &["sign_ins", "users", "organization"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let domains = posture.facts.organization.rows();
    let is_federated = domains.map(|it| it.federated_domains().next().is_some());
    if is_federated == Ok(false) && posture.facts.sign_ins.rows().is_err() {
        return Ok(Verdict::not_applicable());
    }
    let who = posture.seen_richly(Deed::FederatedSingleFactor, |_| true)?;
    let (_, figures) = posture.rich_log()?;
    let count = |mfa| figures.counts.get(Count::Federated(mfa));
    // Microsoft does not always say whose token it was.
    if count(Mfa::Yes) == 0 && count(Mfa::No) == 0 {
        return if is_federated? {
            Err(Unread::NotObservable)
        } else {
            Ok(Verdict::not_applicable())
        };
    }
    let what = "came from another identity provider without the claim of MFA";
    terms.verdict(seen(&who.people, what)).unless_doubtful(who.doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, logged};

    #[test]
    fn whoever_comes_without_the_claim_is_named() {
        let of = |rows: &str, rest: &str| logged(&CHECK, rows, rest);
        let without = of("[{ who: anna, token: saml11, factors: 1 }]", "");
        assert_eq!((without.state(), without.found()), (State::Noncompliant, 1));
        let with = "[{ who: anna, token: saml20, factors: 2 }]";
        assert_eq!(of(with, "").state(), State::Compliant);
        let nobody = "[{ who: anna, factors: 1 }]";
        assert_eq!(of(nobody, "").state(), State::NotApplicable);
        assert_eq!(of("refused", "").state(), State::NotApplicable);
        let silent = of(nobody, "federated: [elsewhere.example]");
        assert_eq!(silent.why_unknown(), Some(Unread::NotObservable));
        let unread = of("refused", "federated: [elsewhere.example]");
        assert_eq!(unread.why_unknown(), Some(Unread::Permission));
    }
}
