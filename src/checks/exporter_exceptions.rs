//! Exceptions in the configuration are current and about somebody.

use super::check::{Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::Status;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "exporter-exceptions",
    title: "Every exception in the configuration is current and matches something in the tenant",
    tier: Tier::Exporter,
    evidence: Evidence::Measured,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-faq",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_UsersAndTenants/UserManagementMenuBlade/~/AllUsers",
    remedy: "remove the exception from the configuration, correct its subjects, or have its owner renew it",
    sources: &["users"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    if posture.declared.exceptions.is_empty() {
        return Ok(Verdict::not_applicable());
    }
    let mut findings = Vec::new();
    let mut doubt = None;
    for exception in &posture.declared.exceptions {
        let requirement = exception.requirement;
        match posture.status(exception) {
            Ok(Status::Active) => {}
            Ok(Status::Expired) => findings.push(Finding::tenant(format!(
                "the exception to {requirement} of {} has expired",
                exception.owner
            ))),
            Ok(Status::Unmatched) => findings.push(Finding::tenant(format!(
                "the exception to {requirement} of {} names something that is not there, one of {:?}",
                exception.owner, exception.subjects
            ))),
            Err(why) => doubt = doubt.into_iter().chain([why]).min(),
        }
    }
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;

    #[test]
    fn one_that_has_expired_or_names_nobody_is_found() {
        use crate::posture::{Declarations, Exception};
        let tenant = crate::posture::tenants::tenant(
            "{ users: { anna: {}, robot: {}, out: { disabled: true } }, sync: [robot] }",
        );
        let facts = tenant.facts();
        let judged = |subject: &str, seconds: i64| {
            let exception = Exception {
                requirement: "mfa-no-exclusions",
                subjects: vec![crate::posture::tenants::id(subject)],
                owner: "security office".to_owned(),
                reason: "being replaced".to_owned(),
                expires: facts.now + jiff::SignedDuration::from_secs(seconds),
            };
            let declared = Declarations { exceptions: vec![exception], ..Declarations::default() };
            CHECK.judge(&Posture::of(&facts, &declared)).state()
        };
        assert_eq!(judged("anna", 1), State::Compliant);
        assert_eq!(judged("anna", 0), State::Noncompliant);
        assert_eq!(judged("nobody", 1), State::Noncompliant);
        assert_eq!(judged("robot", 1), State::Compliant, "a Connect sync account is there");
        assert_eq!(judged("out", 1), State::Noncompliant, "a disabled account needs none");
    }
}
