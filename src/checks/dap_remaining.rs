//! No DAP is left: GDAP has taken its place.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "dap-remaining",
    title: "No customer grants DAP any more",
    tier: Tier::Recommended,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/gdap-introduction",
    portal: "https://partner.microsoft.com/commerce/securitycenter/administrativeRelationships",
    remedy: "make a GDAP relationship with the roles that are needed (one for Azure, too, where the customer has subscriptions), assign it to security groups, and then remove DAP on Partner Center's page of administrative relationships",
    sources: &["customers", "customer_dap", "dap_service", "dap_report"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let dap = match posture.dap_of_concern()? {
        Ok(dap) => dap,
        Err(fact) => return Ok(Verdict::of_no_concern(fact)),
    };
    let findings = dap.customers.iter().map(|it| Finding {
        since: it.granted,
        ..Finding::object(
            &it.customer,
            it.name,
            "grants DAP: every Admin agent is its Global Administrator",
        )
    });
    terms.verdict(findings).unless_doubtful(dap.doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::posture::dap::tests::{NO, YES, facts};

    #[test]
    fn each_customer_with_dap_is_found_and_one_of_whom_it_is_not_said_leaves_doubt() {
        let judged = |flags: &[Option<bool>]| {
            CHECK.judge(&Posture::of(&facts(flags, 0, &[]), &Declarations::default()))
        };
        assert_eq!(judged(&[NO, NO]).state(), State::Compliant);
        let two = judged(&[YES, NO, YES, None]);
        assert_eq!((two.state(), two.found()), (State::Noncompliant, 2));
        assert_eq!(two.doubt(), Some(Unread::NotObservable));
        assert_eq!(judged(&[NO, None]).why_unknown(), Some(Unread::NotObservable));
        assert_eq!(judged(&[]).state(), State::NotApplicable);
    }
}
