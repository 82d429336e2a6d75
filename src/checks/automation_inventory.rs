//! Everything that signs in with user credentials has been assessed.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::sign_ins::Deed;

pub(super) static CHECK: Check = Check {
    id: "automation-inventory",
    title: "Everything that signs in with user credentials is assessed, service accounts included",
    tier: Tier::Advised,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-faq",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/SignInEventsV3.ReactView",
    remedy: "go through the accounts that only programs sign in with (partnercenter_service_account_candidates counts them), and say under `attestations` in the configuration when that is done",
    sources: &["sign_ins", "users"],
    evaluate,
};

/// Accounts to look at are counted; whether somebody looked no log shows.
fn evaluate(posture: &Posture<'_>, _: &Terms<'_>) -> Result<Verdict, Unread> {
    posture.seen_richly(Deed::SignIn, |_| false)?;
    Err(Unread::NotObservable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::logged;

    #[test]
    fn no_log_shows_that_somebody_looked() {
        let why = |rows: &str| logged(&CHECK, rows, "").why_unknown();
        assert_eq!(why("[{ who: robot, protocol: ropc }]"), Some(Unread::NotObservable));
        assert_eq!(why("refused"), Some(Unread::Permission));
    }
}
