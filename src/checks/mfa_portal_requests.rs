//! Everybody who works in Partner Center's portal was challenged for MFA.

use super::check::{About, Check, Evidence, Finding, Subject, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{Person, Unread};

pub(super) static CHECK: Check = Check {
    id: "mfa-portal-requests",
    title: "Everybody who works in Partner Center's portal was challenged for MFA",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements-mandating-mfa",
    portal: "https://partner.microsoft.com/commerce/security/compliance",
    remedy: "run `partnercenter_exporter explain` with the account for the policy that lets it in without MFA, and close the gap",
    sources: &["portal_requests"],
    evaluate,
};

/// Of the past seven days, as Partner Center reports it once a day.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let people = &posture.facts.portal_requests.rows()?.people;
    let finding = |person: &Person| Finding {
        subject: Subject::Account { id: person.id.clone(), name: person.name.clone() },
        what: "worked in the portal without MFA".into(),
        since: person.last,
        waived: false,
    };
    Ok(terms.verdict(people.iter().map(finding)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::{Fact, Facts, PortalRequests};
    use crate::wire::ObjectId;

    #[test]
    fn whoever_worked_without_mfa_is_named() {
        let judged = |people| {
            let portal_requests = Fact::known(PortalRequests { people }, Timestamp::UNIX_EPOCH);
            let facts = Facts { portal_requests, ..Facts::unread(Timestamp::UNIX_EPOCH) };
            CHECK.judge(&Posture::of(&facts, &Declarations::default()))
        };
        assert_eq!(judged(vec![]).state(), State::Compliant);
        let person = Person {
            id: ObjectId::parse("anna").unwrap(),
            name: "anna".into(),
            last: Some(Timestamp::UNIX_EPOCH),
        };
        let verdict = judged(vec![person]);
        assert_eq!((verdict.state(), verdict.found()), (State::Noncompliant, 1));
        assert_eq!(verdict.findings()[0].since, Some(Timestamp::UNIX_EPOCH));
    }
}
