//! Everybody who works in Partner Center's portal was challenged for MFA.

use super::check::{About, Check, Evidence, Finding, Subject, Terms, Tier, Verdict, seen};
use crate::posture::Posture;
use crate::sources::sign_ins::Deed;
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
    sources: &["portal_requests", "sign_ins", "users"],
    evaluate,
};

/// Of the past seven days, as Partner Center reports it once a day; where it does not, by the sign-in
/// log.
fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let people = match posture.facts.portal_requests.rows() {
        Ok(report) => &report.people,
        Err(why) => return by_log(posture, terms, why),
    };
    let finding = |person: &Person| Finding {
        subject: Subject::Account { id: person.id.clone(), name: person.name.clone() },
        what: "worked in the portal without MFA".into(),
        since: person.last,
        waived: false,
    };
    Ok(terms.verdict(people.iter().map(finding)))
}

/// A log in which nobody reaches the portal says nothing; then the report's own failure is told.
fn by_log(posture: &Posture<'_>, terms: &Terms<'_>, why: Unread) -> Result<Verdict, Unread> {
    let read = posture.seen_richly(Deed::PortalSingleFactor, |_| true);
    let Ok(who) = read else { return Err(why) };
    let anybody = posture.seen(Deed::Portal, |_| true)?;
    let doubt = anybody.people.is_empty().then_some(why).or(who.doubt);
    let what = "signed in to Partner Center in person with one factor";
    terms.verdict(seen(&who.people, what)).unless_doubtful(doubt)
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

    #[test]
    fn without_the_report_the_log_is_asked() {
        const PORTAL: &str = "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd";
        let of = |rows: &str| crate::checks::logged(&CHECK, rows, "");
        let at = |factors: u8| of(&format!("[{{ who: anna, to: {PORTAL}, factors: {factors} }}]"));
        assert_eq!(at(2).state(), State::Compliant);
        assert_eq!((at(1).state(), at(1).found()), (State::Noncompliant, 1));
        let elsewhere = of("[{ who: anna, factors: 1 }]");
        assert_eq!(elsewhere.why_unknown(), Some(Unread::Pending), "the report's own reason");
        assert_eq!(of("refused").why_unknown(), Some(Unread::Pending));
    }
}
