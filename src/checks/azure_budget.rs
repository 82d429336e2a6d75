//! Every customer with Azure has a spending budget.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{Unread, UsageRecords};

pub(super) static CHECK: Check = Check {
    id: "azure-budget",
    title: "Every customer with Azure has a spending budget",
    tier: Tier::Programme,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/set-an-azure-spending-budget-for-your-customers",
    portal: "https://partner.microsoft.com/dashboard/v2/customers/list",
    remedy: "set a monthly budget for the customer in Partner Center, under the customer's Azure spending; Microsoft then warns at 80 percent, which is often the first sign of fraud",
    sources: &["usage_records"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let Some(UsageRecords { customers, rejected }) = posture.azure_customers()? else {
        return Ok(Verdict::not_applicable());
    };
    let without = customers.iter().filter(|customer| !customer.has_budget);
    let findings = without.map(|it| Finding::object(&it.id, &it.name, "has no spending budget"));
    terms.verdict(findings).unless_doubtful((*rejected > 0).then_some(Unread::SourceFailed))
}

#[cfg(test)]
pub(in crate::checks) mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::posture::Declarations;
    use crate::sources::{Customer, Fact, Facts};
    use crate::wire::ObjectId;

    pub(in crate::checks) fn customer(has_budget: bool, used: Option<f64>) -> Customer {
        let id = ObjectId::parse("c").unwrap();
        Customer { id, name: "Fabrikam".into(), has_budget, percent_used: used }
    }

    pub(in crate::checks) fn judged(check: &Check, customers: Vec<Customer>) -> Verdict {
        judged_of(check, customers, 0)
    }

    /// The same, and so many customers that could not be read.
    pub(in crate::checks) fn judged_of(
        check: &Check,
        customers: Vec<Customer>,
        rejected: u64,
    ) -> Verdict {
        let records = UsageRecords { customers, rejected };
        let usage_records = Fact::known(records, Timestamp::UNIX_EPOCH);
        let facts = Facts { usage_records, ..Facts::unread(Timestamp::UNIX_EPOCH) };
        check.judge(&Posture::of(&facts, &Declarations::default()))
    }

    #[test]
    fn a_customer_without_a_budget_is_found_and_no_customers_are_no_concern() {
        assert_eq!(judged(&CHECK, vec![]).state(), State::NotApplicable);
        assert_eq!(judged(&CHECK, vec![customer(true, None)]).state(), State::Compliant);
        let both = judged(&CHECK, vec![customer(true, None), customer(false, None)]);
        assert_eq!((both.state(), both.found()), (State::Noncompliant, 1));
    }

    #[test]
    fn a_customer_that_cannot_be_read_may_have_none() {
        for customers in [vec![], vec![customer(true, None)]] {
            let left_out = judged_of(&CHECK, customers, 1);
            assert_eq!(left_out.why_unknown(), Some(Unread::SourceFailed));
        }
        assert_eq!(judged_of(&CHECK, vec![customer(false, None)], 1).state(), State::Noncompliant);
    }
}
