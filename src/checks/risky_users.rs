//! Accounts at risk are worked through.

use super::check::{About, Check, Evidence, Finding, Subject, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{RiskState, Unread};

pub(super) static CHECK: Check = Check {
    id: "risky-users",
    title: "No account is left at risk or compromised without anybody acting on it",
    tier: Tier::BestPractice,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/entra/id-protection/howto-identity-protection-remediate-unblock",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/IdentityProtectionMenuBlade/~/RiskyUsers",
    remedy: "look at the account's risky sign-ins; if they are somebody else's, reset its password and revoke its sessions, else dismiss the risk or confirm the sign-in safe",
    sources: &["risky_users", "users"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let risky = posture.facts.risky_users.rows()?;
    let users = posture.facts.users.rows().ok();
    let findings = risky.at_risk.iter().map(|it| {
        let name = users.and_then(|users| users.of(&it.id));
        let name = name.map_or("", |user| &user.user_principal_name).into();
        let what = match it.state {
            RiskState::ConfirmedCompromised => "is confirmed to be compromised".to_owned(),
            _ => format!("is at risk, at level {}, and nobody acted on it", it.level.as_str()),
        };
        let subject = Subject::Account { id: it.id.clone(), name };
        Finding { subject, since: it.updated, ..Finding::tenant(what) }
    });
    let doubt = (risky.uncertain > 0).then_some(Unread::SourceFailed);
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    fn verdict(rest: &str) -> Verdict {
        judged(&CHECK, &format!("{{ users: {{ anna: {{}} }}, {rest} }}"))
    }

    #[test]
    fn who_is_at_risk_is_named_with_the_time() {
        assert_eq!(verdict("at_risk: {}").state(), State::Compliant);
        let at_risk = verdict("at_risk: { anna: atRisk, gone: confirmedCompromised }");
        assert_eq!((at_risk.state(), at_risk.found()), (State::Noncompliant, 2));
        let [anna, gone] = at_risk.findings() else { panic!("two") };
        assert_eq!(anna.what, "is at risk, at level high, and nobody acted on it");
        assert!(anna.since.is_some());
        assert!(matches!(&anna.subject, Subject::Account { name, .. } if name.contains("anna")));
        assert_eq!(gone.what, "is confirmed to be compromised");
    }

    #[test]
    fn rows_that_cannot_be_read_leave_a_doubt_and_clear_nobody() {
        let why = verdict("at_risk: {}, unreadable_risks: 1").why_unknown();
        assert_eq!(why, Some(Unread::SourceFailed));
        let found = verdict("at_risk: { anna: atRisk }, unreadable_risks: 1");
        assert_eq!(found.state(), State::Noncompliant);
        assert_eq!(verdict("at_risk: refused").why_unknown(), Some(Unread::Permission));
    }
}
