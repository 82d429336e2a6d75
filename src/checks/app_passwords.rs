//! No app password is in use.

use super::check::{About, Check, Evidence, Terms, Tier, Verdict, seen};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::sign_ins::Deed;

pub(super) static CHECK: Check = Check {
    id: "app-passwords",
    title: "No app password is in use",
    tier: Tier::Advised,
    evidence: Evidence::Proxy,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/entra/identity/authentication/howto-mfa-app-passwords",
    portal: "https://account.activedirectory.windowsazure.com/UserManagement/MultifactorVerification.aspx",
    remedy: "replace the client by one with modern authentication, delete the account's app passwords, and forbid them in the settings of per-user MFA",
    sources: &["sign_ins", "users", "per_user_mfa"],
    evaluate,
};

/// App passwords exist for accounts with per-user MFA alone, and cannot be listed. Who has it and gets
/// in by a legacy client uses one; who does not may still have one.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let states = posture.facts.per_user_mfa.rows()?;
    if !states.is_shown() {
        return Err(Unread::NotObservable);
    }
    let users = posture.facts.users.rows()?;
    if !states.has_gaps() && !users.enabled().any(|user| states.of(&user.id).is_some()) {
        return Ok(Verdict::not_applicable());
    }
    let mut who = posture.seen(Deed::Legacy, |_| true)?;
    who.people.retain(|(user, _)| states.of(&user.id).is_some());
    let what = "has per-user MFA and signed in by a legacy client, as only an app password can";
    terms.verdict(seen(&who.people, what)).unless_doubtful(Some(Unread::NotObservable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, logged};

    #[test]
    fn per_user_mfa_and_a_legacy_client_make_an_app_password() {
        let of =
            |rows: &str, per_user: &str| logged(&CHECK, rows, &format!("per_user: {per_user}"));
        let legacy = "[{ who: robot, client: IMAP4 }]";
        assert_eq!(of(legacy, "{ robot: enforced }").state(), State::Noncompliant);
        let other = of(legacy, "{ anna: enforced }");
        assert_eq!(other.why_unknown(), Some(Unread::NotObservable), "anna may have one");
        assert_eq!(of(legacy, "{}").state(), State::NotApplicable);
        assert_eq!(of(legacy, "absent").why_unknown(), Some(Unread::NotObservable));
        assert_eq!(of(legacy, "refused").why_unknown(), Some(Unread::Permission));
    }
}
