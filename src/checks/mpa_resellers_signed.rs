//! Every indirect reseller has signed the Microsoft Partner Agreement.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{IndirectResellers, Unread};

pub(super) static CHECK: Check = Check {
    id: "mpa-resellers-signed",
    title: "Every indirect reseller has signed the Microsoft Partner Agreement",
    tier: Tier::Mandatory,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/developer/verify-indirect-reseller-mpa-status",
    portal: "https://partner.microsoft.com/dashboard/v2/resellers/list",
    remedy: "have the reseller accept the Microsoft Partner Agreement in its own Partner Center; until then nothing can be transacted with it",
    sources: &["indirect_resellers"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let IndirectResellers { resellers, rejected } = posture.facts.indirect_resellers.rows()?;
    if resellers.is_empty() && *rejected == 0 {
        return Ok(Verdict::not_applicable());
    }
    let unsigned = resellers.iter().filter(|it| it.is_agreement_signed == Some(false));
    let findings =
        unsigned.map(|it| Finding::object(&it.id, &it.name, "has not signed the agreement"));
    let is_unread = *rejected > 0 || resellers.iter().any(|it| it.is_agreement_signed.is_none());
    terms.verdict(findings).unless_doubtful(is_unread.then_some(Unread::SourceFailed))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::{Fact, Facts, Reseller};
    use crate::wire::ObjectId;

    #[test]
    fn whoever_has_not_signed_is_found_and_whoever_cannot_be_read_leaves_doubt() {
        let judged = |signed: &[Option<bool>], rejected| {
            let reseller = |is_agreement_signed: &Option<bool>| Reseller {
                id: ObjectId::parse("r").unwrap(),
                name: "Northwind".into(),
                is_agreement_signed: *is_agreement_signed,
            };
            let resellers = signed.iter().map(reseller).collect();
            let resellers = IndirectResellers { resellers, rejected };
            let indirect_resellers = Fact::known(resellers, Timestamp::UNIX_EPOCH);
            let facts = Facts { indirect_resellers, ..Facts::unread(Timestamp::UNIX_EPOCH) };
            CHECK.judge(&Posture::of(&facts, &Declarations::default())).state()
        };
        let state = |signed: &[Option<bool>]| judged(signed, 0);
        assert_eq!(state(&[]), State::NotApplicable);
        assert_eq!(state(&[Some(true)]), State::Compliant);
        assert_eq!(state(&[Some(true), Some(false), None]), State::Noncompliant);
        assert_eq!(state(&[Some(true), None]), State::Unknown);
        assert_eq!(judged(&[Some(true)], 1), State::Unknown, "nor is one that was left out known");
    }
}
