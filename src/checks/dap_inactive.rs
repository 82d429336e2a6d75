//! DAP that has not been used for 90 days is removed.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::dap::{Band, Delegation};
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "dap-inactive",
    title: "No customer grants DAP that has not been used for 90 days",
    tier: Tier::Recommended,
    // What the log cannot show somebody may look up on Partner Center's page.
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/dap-monitor-self-serve-removal",
    portal: "https://partner.microsoft.com/commerce/securitycenter/administrativeRelationships",
    remedy: "remove DAP of the customer on Partner Center's page of administrative relationships; where somebody still works for it, make a GDAP relationship first, for Azure too. Where nothing shows how long ago it was used, look on that page, export its report and name it under sources.dap_report.file",
    sources: &[
        "customers",
        "customer_dap",
        "audit_records",
        "dap_service",
        "dap_report",
        "sign_ins",
    ],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let dap = match posture.dap_of_concern()? {
        Ok(dap) => dap,
        Err(fact) => return Ok(Verdict::of_no_concern(fact)),
    };
    dap.evidence?;
    let inactive = dap.customers.iter().filter(|it| it.band.is_inactive());
    let is_unknown = dap.customers.iter().any(|it| it.band == Band::Unknown);
    let doubt = dap.doubt.into_iter().chain(is_unknown.then_some(dap.why_unknown)).min();
    terms.verdict(inactive.map(finding)).unless_doubtful(doubt)
}

fn finding(it: &Delegation<'_>) -> Finding {
    let what = match it.band {
        Band::Never => "grants DAP that was never seen used",
        _ => "grants DAP that has not been used for more than 90 days",
    };
    Finding { since: it.last.or(it.granted), ..Finding::object(&it.customer, it.name, what) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::posture::dap::tests::{NO, YES, facts, organization};
    use crate::sources::{Fact, Facts};

    fn judged(facts: &Facts) -> Verdict {
        CHECK.judge(&Posture::of(facts, &Declarations::default()))
    }

    #[test]
    fn more_than_ninety_days_is_inactive_and_what_is_not_known_leaves_doubt() {
        let state = |uses: &[(u8, i64)]| judged(&facts(&[YES, YES, NO], 200, uses)).state();
        assert_eq!(state(&[(0, 90), (1, 1)]), State::Compliant);
        let one = judged(&facts(&[YES, YES, NO], 200, &[(0, 91), (1, 1)]));
        assert_eq!((one.state(), one.found()), (State::Noncompliant, 1));
        assert!(one.findings()[0].since.is_some());
        // The other was granted nobody knows when.
        let unknown = judged(&facts(&[YES, YES, NO], 200, &[(0, 90)]));
        assert_eq!(unknown.why_unknown(), Some(Unread::Pending));
        let silent = judged(&facts(&[YES], 200, &[]));
        assert_eq!(silent.why_unknown(), Some(Unread::NotObservable));
    }

    #[test]
    fn a_log_that_cannot_be_read_leaves_it_unknown_and_no_dap_at_all_is_fine() {
        let mut facts = facts(&[YES], 200, &[(0, 1)]);
        facts.sign_ins = Fact::Unread(Unread::Stale);
        assert_eq!(judged(&facts).why_unknown(), Some(Unread::Stale));
        let none = crate::posture::dap::tests::facts(&[NO], 0, &[]);
        assert_eq!(judged(&none).state(), State::Compliant);
    }

    #[test]
    fn whom_it_does_not_concern_is_told_why() {
        let fact = |kind: &str, why| {
            let organization = organization(kind);
            let customer_dap = Fact::Unread(why);
            let now = facts(&[], 0, &[]).now;
            let facts = Facts { organization, customer_dap, ..Facts::unread(now) };
            judged(&facts).fact()
        };
        let refused = Unread::Permission;
        assert!(fact("", refused).is_some_and(|it| it.contains("not a partner's")));
        assert!(fact("breadthPartner", refused).is_some_and(|it| it.contains("advisor")));
        let reseller = fact("valueAddedResellerPartnerDelegatedAdmin", refused);
        assert!(reseller.is_some_and(|it| it.contains("indirect reseller")));
        assert_eq!(fact("resellerPartnerDelegatedAdmin", refused), None);
        assert_eq!(fact("breadthPartner", Unread::Pending), None, "it may yet be read");
        assert_eq!(judged(&facts(&[], 0, &[])).fact(), Some("the partner has no customers"));
    }
}
