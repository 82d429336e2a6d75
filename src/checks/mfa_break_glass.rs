//! Emergency accounts can answer an MFA challenge, too.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "mfa-break-glass",
    title: "The accounts declared for emergencies exist, are enabled and have registered an MFA method",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_UsersAndTenants/UserManagementMenuBlade/~/AllUsers",
    remedy: "register a security key or a certificate for the account and try it; list the accounts for emergencies under break_glass in the configuration",
    sources: &["users", "user_registration_details"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let Some(declared) = &posture.declared.break_glass else { return Err(Unread::NotConfigured) };
    if declared.is_empty() {
        return Ok(Verdict::not_applicable());
    }
    let accounts = posture.facts.users.rows()?;
    let people = posture.people.as_ref().map_err(|why| *why)?;
    let registration = posture.registration.as_ref().map_err(|why| *why)?;
    let (mut findings, mut doubt) = (Vec::new(), None);
    for id in declared {
        let Some(number) = people.number(id) else {
            match accounts.of(id) {
                Some(user) => findings
                    .push(Finding::account(user, "is declared for emergencies and disabled")),
                // Its row may be one of those that could not be read.
                None if accounts.has_gaps() => doubt = Some(Unread::SourceFailed),
                None => findings.push(Finding::object(
                    id,
                    "",
                    "is declared for emergencies and does not exist",
                )),
            }
            continue;
        };
        let standing = registration.everyone()[number];
        match standing.registered {
            Ok(true) => {}
            Ok(false) => findings.push(Finding::account(
                standing.user,
                "is declared for emergencies and has no MFA method",
            )),
            Err(why) => doubt = doubt.into_iter().chain([why]).min(),
        }
    }
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn each_has_to_exist_be_enabled_and_hold_a_method() {
        let tenant = |declared: &str| {
            format!(
                "{{ users: {{ one: {{}}, two: {{}}, three: {{ disabled: true }} }},
                   registered: {{ two: [email] }}, break_glass: [{declared}] }}"
            )
        };
        let found = |declared: &str| {
            let verdict = judged(&CHECK, &tenant(declared));
            (verdict.state(), verdict.found())
        };
        assert_eq!(found("one"), (State::Compliant, 0));
        assert_eq!(found("one, two"), (State::Noncompliant, 1));
        assert_eq!(found("three, four"), (State::Noncompliant, 2));
    }

    #[test]
    fn without_a_declaration_nobody_knows() {
        let verdict = judged(&CHECK, "{ users: { one: {} } }");
        assert_eq!(verdict.why_unknown(), Some(Unread::NotConfigured));
    }
}
