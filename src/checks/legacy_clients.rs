//! Nobody signs in by a client that cannot do modern authentication.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict, seen};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::sign_ins::Deed;

pub(super) static CHECK: Check = Check {
    id: "legacy-clients",
    title: "Nobody signs in by a client that cannot do modern authentication",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/entra/identity/conditional-access/policy-block-legacy-authentication",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/SignInEventsV3.ReactView",
    remedy: "find the mail program, printer or scanner by the account's sign-ins, replace it or its protocol, and then block legacy authentication",
    sources: &["sign_ins", "users"],
    evaluate,
};

/// Attempts that failed are counted by partnercenter_legacy_auth_sign_ins and stand in nobody's way.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let who = posture.seen(Deed::Legacy, |_| true)?;
    let what = "signed in by a client that cannot be challenged for MFA";
    terms.verdict(seen(&who.people, what)).unless_doubtful(who.doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, logged};

    #[test]
    fn success_by_a_legacy_client_is_found_in_either_log() {
        let state = |row: &str| logged(&CHECK, &format!("[{{ who: robot, {row} }}]"), "").state();
        assert_eq!(state("client: imap4"), State::Noncompliant);
        assert_eq!(state("client: Authenticated SMTP, program: true"), State::Noncompliant);
        assert_eq!(state("client: IMAP4, error: 53003"), State::Compliant);
        assert_eq!(state("client: Browser"), State::Compliant);
        assert_eq!(state("client: Carrier Pigeon"), State::Compliant, "nobody knows what that is");
    }

    #[test]
    fn half_a_log_can_show_it_and_cannot_rule_it_out() {
        let of = |client: &str| {
            logged(&CHECK, &format!("[{{ who: robot, client: {client} }}]"), "plain_log: true")
        };
        assert_eq!(of("POP3").state(), State::Noncompliant);
        assert_eq!(of("Browser").why_unknown(), Some(Unread::NotObservable));
    }
}
