//! Exceptions in the configuration are current and about somebody.

use std::collections::BTreeMap;

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::{Posture, Status};
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "exporter-exceptions",
    title: "Every exception in the configuration is current and matches a finding",
    tier: Tier::Exporter,
    evidence: Evidence::Measured,
    about: About::Others,
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
    let mut verdicts = BTreeMap::new();
    for exception in &posture.declared.exceptions {
        let (requirement, owner) = (exception.requirement, &exception.owner);
        let verdict =
            verdicts.entry(requirement).or_insert_with(|| super::judge(requirement, posture));
        match super::standing(exception, verdict, posture) {
            Ok((Status::Active, _)) => {}
            Ok((Status::Expired, _)) => findings.push(Finding::tenant(format!(
                "the exception to {requirement} of {owner} has expired"
            ))),
            Ok((Status::Unmatched, missing)) if missing.is_empty() => {
                findings.push(Finding::tenant(format!(
                    "the exception to {requirement} of {owner} excepts nothing"
                )))
            }
            Ok((Status::Unmatched, missing)) => {
                let missing: Vec<_> = missing.into_iter().map(ToString::to_string).collect();
                findings.push(Finding::tenant(format!(
                    "the exception to {requirement} of {owner} names what nothing was found about: {}",
                    missing.join(", ")
                )));
            }
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
    fn one_that_has_expired_or_matches_no_finding_is_found() {
        use crate::posture::{Declarations, Exception};
        let tenant = crate::posture::tenants::tenant(
            "{ users: { anna: {}, bert: {}, carl: {} }, registered: { anna: [email], bert: [email] } }",
        );
        let facts = tenant.facts();
        let judged = |subjects: &[&str], seconds: i64| {
            let exception = Exception {
                requirement: "mfa-all-users-registered",
                subjects: subjects.iter().map(|it| crate::posture::tenants::id(it)).collect(),
                owner: "security office".to_owned(),
                reason: "being replaced".to_owned(),
                expires: facts.now + jiff::SignedDuration::from_secs(seconds),
            };
            let declared = Declarations { exceptions: vec![exception], ..Declarations::default() };
            CHECK.judge(&Posture::of(&facts, &declared))
        };
        assert_eq!(judged(&["anna", "bert"], 1).state(), State::Compliant);
        assert_eq!(judged(&["anna"], 0).state(), State::Noncompliant);
        let verdict = judged(&["anna", "carl", "nobody"], 1);
        assert_eq!(verdict.state(), State::Noncompliant, "one has a method, one is not there");
        assert!(verdict.findings()[0].what.ends_with("nothing was found about: carl, nobody"));
    }

    #[test]
    fn one_whose_requirement_is_unknown_may_match() {
        use crate::posture::{Declarations, Exception};
        let tenant = crate::posture::tenants::tenant("{ users: { anna: {} }, policies: refused }");
        let facts = tenant.facts();
        let exception = Exception {
            requirement: "mfa-all-users-enforced",
            subjects: vec![crate::posture::tenants::id("anna")],
            owner: "security office".to_owned(),
            reason: "being replaced".to_owned(),
            expires: facts.now + jiff::SignedDuration::from_secs(1),
        };
        let declared = Declarations { exceptions: vec![exception], ..Declarations::default() };
        let verdict = CHECK.judge(&Posture::of(&facts, &declared));
        assert_eq!(verdict.why_unknown(), Some(Unread::Permission));
    }
}
