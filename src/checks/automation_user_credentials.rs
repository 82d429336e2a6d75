//! No program signs in with a person's user name and password.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict, seen};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::sign_ins::Deed;

pub(super) static CHECK: Check = Check {
    id: "automation-user-credentials",
    title: "No program signs in with somebody's user name and password",
    tier: Tier::Recommended,
    evidence: Evidence::Proxy,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/developer/enable-secure-app-model",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/SignInEventsV3.ReactView",
    remedy: "find the program by the account's sign-ins with the protocol ROPC, and give it an identity of its own: the Secure Application Model, a managed identity or a certificate",
    sources: &["sign_ins", "users"],
    evaluate,
};

/// Only what succeeded: whoever guesses passwords is no automation of ours.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let who = posture.seen_richly(Deed::PasswordGrant, |_| true)?;
    let what = "has its password sent by a program, which no MFA can challenge";
    terms.verdict(seen(&who.people, what)).unless_doubtful(who.doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, logged};

    #[test]
    fn a_password_that_a_program_sent_is_found_if_it_was_right() {
        let state = |row: &str| logged(&CHECK, &format!("[{{ who: robot, {row} }}]"), "").state();
        assert_eq!(state("protocol: ropc, factors: 1"), State::Noncompliant);
        assert_eq!(state("protocol: directUserGrant"), State::Noncompliant);
        assert_eq!(state("protocol: ropc, error: 50126"), State::Compliant, "a guess");
        assert_eq!(state("protocol: deviceCode"), State::Compliant);
        let plain = logged(&CHECK, "[{ who: robot }]", "plain_log: true");
        assert_eq!(plain.why_unknown(), Some(Unread::NotObservable));
    }
}
