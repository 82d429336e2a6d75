//! Whoever enters a customer's tenant on the customer's behalf has done MFA.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict, seen};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::sign_ins::{Count, Deed, Kind, Mfa};

pub(super) static CHECK: Check = Check {
    id: "mfa-aobo",
    title: "Whoever administers customers' tenants on their behalf was challenged for MFA",
    tier: Tier::Mandatory,
    evidence: Evidence::Proxy,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-mandating-mfa",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/SignInEventsV3.ReactView",
    remedy: "demand MFA of the account for all applications in this tenant; Microsoft accepts no exception for administration on behalf of customers",
    sources: &["sign_ins", "users"],
    evaluate,
};

/// Whether a partner's own log shows such sign-ins at all is not documented: none with one factor is
/// good news only beside some with more.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let who = posture.seen_richly(Deed::AoboSingleFactor, |_| true)?;
    let (_, figures) = posture.rich_log()?;
    let with_mfa = |kind| figures.counts.get(Count::Aobo(Mfa::Yes, kind)) > 0;
    let is_blind = !Kind::ALL.into_iter().any(with_mfa);
    let doubt = is_blind.then_some(Unread::NotObservable);
    let doubt = who.doubt.into_iter().chain(doubt).min();
    let what = "entered a customer's tenant with one factor";
    terms.verdict(seen(&who.people, what)).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, logged};

    #[test]
    fn one_factor_is_found_and_none_is_good_only_beside_more() {
        let row = |rest: &str| format!("{{ who: anna, access: serviceProvider, {rest} }}");
        let of = |rows: &[String]| logged(&CHECK, &format!("[{}]", rows.join(",")), "");
        assert_eq!(of(&[row("factors: 2")]).state(), State::Compliant);
        let both = of(&[row("factors: 2"), row("factors: 1")]);
        assert_eq!((both.state(), both.found()), (State::Noncompliant, 1));
        assert_eq!(of(&[row("factors: 1")]).state(), State::Noncompliant);
        let inherited = of(&[row("factors: 1, program: true")]);
        assert_eq!(inherited.why_unknown(), Some(Unread::NotObservable));
        let elsewhere = of(&["{ who: anna, factors: 1 }".to_owned()]);
        assert_eq!(elsewhere.why_unknown(), Some(Unread::NotObservable));
    }
}
