//! No request for a GDAP relationship is forgotten.

use jiff::{SignedDuration, Timestamp};

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::sources::relationship::{Relationship, Status};

pub(super) static CHECK: Check = Check {
    id: "gdap-pending",
    title: "No GDAP relationship has waited for its approval for more than 60 days",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/gdap-faq",
    portal: "https://partner.microsoft.com/dashboard/v2/customers/list",
    remedy: "ask the customer to approve the request, or delete it; Microsoft drops it after 90 days. The limit of 60 days is the exporter's own",
    sources: &["gdap_relationships"],
    evaluate,
};

/// Ours: Microsoft drops a request after 90 days, and a month is left to act.
const LIMIT: SignedDuration = SignedDuration::from_hours(60 * 24);

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let gdap = match posture.gdap_relationships()? {
        Ok(gdap) => gdap,
        Err(fact) => return Ok(Verdict::of_no_concern(fact)),
    };
    let findings = gdap.pending().filter_map(|it| forgotten(it, posture.facts.now));
    terms.verdict(findings).unless_doubtful(gdap.doubt())
}

fn forgotten(it: &Relationship, now: Timestamp) -> Option<Finding> {
    let created = it.created.filter(|created| now.duration_since(*created) > LIMIT)?;
    let days = now.duration_since(created).as_hours() / 24;
    let what = match it.status {
        Status::Created => format!("was made {days} days ago and never sent to the customer"),
        _ => format!("has waited for the customer's approval for {days} days"),
    };
    Some(Finding::relationship(it, &what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn sixty_days_are_waited_and_no_longer() {
        let state = |gdap: &str| judged(&CHECK, &format!("{{ gdap: {{ a: {gdap} }} }}")).state();
        let pending = |age: u32, status: &str| {
            state(&format!("{{ status: {status}, customer: ~, ends: ~, age: {age} }}"))
        };
        assert_eq!(pending(60, "approvalPending"), State::Compliant);
        assert_eq!(pending(61, "approvalPending"), State::Noncompliant);
        assert_eq!(pending(61, "created"), State::Noncompliant);
        assert_eq!(pending(61, "approved"), State::Compliant, "the customer has answered");
        assert_eq!(judged(&CHECK, "{}").state(), State::NotApplicable);
        assert_eq!(
            judged(&CHECK, "{ partner_type: resellerPartnerDelegatedAdmin, gdap: refused }")
                .state(),
            State::Unknown
        );
    }
}
