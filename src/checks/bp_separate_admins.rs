//! Administrators do not read mail with the account they administer with.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::privilege::roles::privileged;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "bp-separate-admins",
    title: "Administrators' accounts have no mailbox and are not synchronised from on premises",
    tier: Tier::BestPractice,
    evidence: Evidence::Proxy,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/csp-security-best-practices",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/RolesManagementMenuBlade/~/AllRoles",
    remedy: "make a second account for the person, in the cloud and without a licence that brings a mailbox, give it the role, and take the role from the everyday account",
    sources: &["role_assignments", "role_eligibilities", "groups", "users", "privileged_accounts"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let holders = posture.holders()?;
    let mut doubts: Vec<_> = holders.doubt(|role| privileged(role).is_some()).into_iter().collect();
    let mut findings = Vec::new();
    for user in holders.privileged_people() {
        let account = match posture.privileged_account(user) {
            Ok(account) => account,
            Err(why) => {
                doubts.push(why);
                continue;
            }
        };
        if account.has_mailbox {
            findings.push(Finding::account(user, "has a privileged role and a mailbox"));
        }
        if account.is_synchronized {
            let what = "has a privileged role and is synchronised from a directory on premises";
            findings.push(Finding::account(user, what));
        }
    }
    terms.verdict(findings).unless_doubtful(doubts.into_iter().min())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    const ROLES: &str = "roles: { eligible: { 62e90394-69f5-4237-9190-012177145e10: [anna] }, active: { 5d6b6bb7-de71-4623-b4af-96380a352509: [bert] } }";

    fn verdict(having: &str) -> Verdict {
        let tenant =
            format!("{{ users: {{ anna: {{}}, bert: {{}} }}, {ROLES}, having: {having} }}");
        judged(&CHECK, &tenant)
    }

    #[test]
    fn a_mailbox_and_an_origin_on_premises_are_two_findings_about_whoever_has_a_privileged_role() {
        assert_eq!(verdict("{}").state(), State::Compliant);
        let both = verdict("{ anna: { mailbox: true, synchronized: true } }");
        assert_eq!((both.state(), both.found()), (State::Noncompliant, 2));
        let reader = verdict("{ bert: { mailbox: true, synchronized: true } }");
        assert_eq!(reader.state(), State::Compliant, "a reader only looks");
    }

    #[test]
    fn what_an_account_has_that_cannot_be_read_is_not_known() {
        assert_eq!(
            verdict("{ anna: { refused: true } }").why_unknown(),
            Some(Unread::SourceFailed)
        );
        assert_eq!(verdict("refused").why_unknown(), Some(Unread::Permission));
    }
}
