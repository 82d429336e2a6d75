//! Customers that are managed have GDAP and not DAP alone.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "gdap-coverage",
    title: "Every customer with DAP has an active GDAP relationship, too",
    tier: Tier::Recommended,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/gdap-introduction",
    portal: "https://partner.microsoft.com/dashboard/v2/customers/list",
    remedy: "ask the customer for a GDAP relationship with the roles that are needed, before DAP is removed; where nobody works for the customer any more, remove DAP and be done",
    sources: &["customers", "customer_dap", "dap_service", "dap_report", "gdap_relationships"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    if let Err(fact) = posture.dap_of_concern()? {
        return Ok(Verdict::of_no_concern(fact));
    }
    let (without, doubt) = posture.dap_without_gdap()?;
    let findings = without.into_iter().map(|it| Finding {
        since: it.granted,
        ..Finding::object(&it.customer, it.name, "grants DAP and has no active GDAP relationship")
    });
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::posture::dap::tests::{NO, YES, facts, id};
    use crate::posture::tenants;
    use crate::sources::{Fact, Facts};

    fn judged(flags: &[Option<bool>], gdap: &str) -> Verdict {
        let written = format!("{{ partner_type: resellerPartnerDelegatedAdmin, gdap: {gdap} }}");
        let written = tenants::tenant(&written).facts();
        let now = written.now;
        let Facts { customers, customer_dap, .. } = facts(flags, 0, &[]);
        judged_of(Facts { customers, customer_dap, now, ..written })
    }

    fn judged_of(facts: Facts) -> Verdict {
        CHECK.judge(&Posture::of(&facts, &Declarations::default()))
    }

    #[test]
    fn dap_alone_is_found_and_dap_beside_gdap_is_not() {
        assert_eq!(judged(&[NO, NO], "{}").state(), State::Compliant);
        let both = format!("{{ r: {{ customer: \"{}\", roles: [reader] }} }}", id(0));
        assert_eq!(
            judged(&[YES, NO], &both).state(),
            State::Compliant,
            "{:?}",
            judged(&[YES], &both)
        );
        let one = judged(&[YES, YES], &both);
        assert_eq!((one.state(), one.found()), (State::Noncompliant, 1));
    }

    #[test]
    fn where_gdap_cannot_be_read_nobody_knows_who_would_be_left() {
        assert_eq!(judged(&[YES], "refused").why_unknown(), Some(Unread::Permission));
        assert_eq!(judged(&[NO], "refused").state(), State::Compliant, "there is no DAP");
        let mut unread = facts(&[YES], 0, &[]);
        unread.customer_dap = Fact::Unread(Unread::Pending);
        assert_eq!(judged_of(unread).why_unknown(), Some(Unread::Pending));
    }
}
