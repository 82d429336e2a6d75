//! No GDAP relationship ends soon without going on.

use jiff::Timestamp;

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::gdap::{Band, left};
use crate::sources::Unread;
use crate::sources::relationship::Relationship;

pub(super) static CHECK: Check = Check {
    id: "gdap-expiry",
    title: "No active GDAP relationship ends within 30 days without extending itself",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/gdap-faq",
    portal: "https://partner.microsoft.com/dashboard/v2/customers/list",
    remedy: "ask the customer to approve another relationship before this one ends, or let this one extend itself, which takes Global Administrator out of it first; where access is to end, except the customer until then",
    sources: &["gdap_relationships"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let gdap = match posture.gdap_in_use()? {
        Ok(gdap) => gdap,
        Err(fact) => return Ok(Verdict::of_no_concern(fact)),
    };
    let ends_soon = |it: &Relationship| {
        let end = it.ends.filter(|_| !it.extends_itself())?;
        left(posture.facts.now, end).filter(|band| *band <= Band::Month).map(|_| end)
    };
    let soon = gdap.active.iter().filter_map(|it| {
        let relationship = it.relationship;
        Some((relationship, ends_soon(relationship)?))
    });
    let findings = soon.map(|(relationship, end)| {
        let customer = relationship.customer.as_ref().and_then(|it| gdap.customer(it).ok()?);
        let dark = customer.and_then(|it| it.goes_dark());
        Finding::relationship(relationship, &words(end, dark, posture.facts.now))
    });
    // One that does not say when it ends may end tomorrow.
    let is_endless = gdap.active.iter().map(|it| it.relationship);
    let mut is_endless = is_endless.filter(|it| it.ends.is_none() && !it.extends_itself());
    let unsaid = is_endless.next().map(|_| Unread::NotObservable);
    terms.verdict(findings).unless_doubtful(gdap.doubt().or(unsaid))
}

/// When it ends, and what becomes of the customer.
fn words(end: Timestamp, dark: Option<Timestamp>, now: Timestamp) -> String {
    let ends = if end <= now { "ended" } else { "ends" };
    let then = match dark {
        Some(last) if last <= end => "; it is the last one with this customer",
        _ => "",
    };
    format!("{ends} on {}{then}", end.strftime("%Y-%m-%d at %H:%M UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    fn judge(gdap: &str) -> Verdict {
        judged(&CHECK, &format!("{{ gdap: {{ {gdap} }} }}"))
    }

    #[test]
    fn thirty_days_are_soon_and_a_second_more_is_not() {
        assert_eq!(judge("a: { ends: 720 }").state(), State::Noncompliant);
        assert_eq!(judge("a: { ends: 721 }").state(), State::Compliant);
        assert_eq!(judge("a: { ends: -1 }").state(), State::Noncompliant);
        assert_eq!(judge("a: { ends: 10, extends: true }").state(), State::Compliant);
        assert_eq!(judge("a: { ends: ~ }").why_unknown(), Some(Unread::NotObservable));
        assert_eq!(judge("a: { ends: 10, status: terminated }").state(), State::NotApplicable);
    }

    #[test]
    fn it_is_said_when_it_ends_and_whether_the_customer_goes_dark() {
        let verdict = judge("a: { ends: 24, customer: c }, b: { ends: 48, customer: c }");
        let what: Vec<_> = verdict.findings().iter().map(|it| &*it.what).collect();
        assert_eq!(
            what,
            [
                "the GDAP relationship \u{201c}a\u{201d} ends on 2026-11-25 at 12:00 UTC",
                "the GDAP relationship \u{201c}b\u{201d} ends on 2026-11-26 at 12:00 UTC; \
                 it is the last one with this customer",
            ]
        );
    }
}
