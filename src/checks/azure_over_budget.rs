//! No customer has used up its spending budget.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{Unread, UsageRecords};

pub(super) static CHECK: Check = Check {
    id: "azure-over-budget",
    title: "No customer has used up its Azure spending budget",
    tier: Tier::Advised,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/set-an-azure-spending-budget-for-your-customers",
    portal: "https://partner.microsoft.com/dashboard/v2/customers/list",
    remedy: "ask the customer whether the use is their own; if not, treat it as fraud: stop the resource or suspend the subscription. If it is, raise the budget",
    sources: &["usage_records"],
    evaluate,
};

/// Figures are Microsoft's estimates, a day old.
const LIMIT_PERCENT: f64 = 100.0;

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let Some(UsageRecords { customers, rejected }) = posture.azure_customers()? else {
        return Ok(Verdict::not_applicable());
    };
    let budgeted = || customers.iter().filter(|customer| customer.has_budget);
    let findings = budgeted().filter_map(|customer| {
        let used = customer.percent_used.filter(|used| *used > LIMIT_PERCENT)?;
        let what = format!("has used {used:.0} % of its spending budget");
        Some(Finding::object(&customer.id, &customer.name, what))
    });
    let is_unsaid = budgeted().any(|customer| customer.percent_used.is_none());
    let doubt = match rejected {
        1.. => Some(Unread::SourceFailed),
        0 => is_unsaid.then_some(Unread::NotObservable),
    };
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;
    use crate::checks::azure_budget::tests::{customer, judged, judged_of};

    #[test]
    fn the_budget_itself_may_be_used_and_no_more() {
        let state = |used| judged(&CHECK, vec![customer(true, used)]).state();
        assert_eq!(state(Some(100.0)), State::Compliant);
        assert_eq!(state(Some(100.5)), State::Noncompliant);
        assert_eq!(state(None), State::Unknown);
        assert_eq!(judged(&CHECK, vec![customer(false, None)]).state(), State::Compliant);
        assert_eq!(judged(&CHECK, vec![]).state(), State::NotApplicable);
        let left_out = judged_of(&CHECK, vec![customer(true, Some(5.0))], 1);
        assert_eq!(left_out.why_unknown(), Some(Unread::SourceFailed));
    }
}
