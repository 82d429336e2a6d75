//! Relationships that the Microsoft-led transition made are replaced by the partner's own.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "gdap-microsoft-led",
    title: "No active GDAP relationship is one that the Microsoft-led transition made",
    tier: Tier::Transition,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/gdap-faq",
    portal: "https://partner.microsoft.com/dashboard/v2/customers/list",
    remedy: "ask the customer for a relationship with the roles and groups of your own design, and end this one, which Microsoft made for every customer alike",
    sources: &["gdap_relationships"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let gdap = match posture.gdap_in_use()? {
        Ok(gdap) => gdap,
        Err(fact) => return Ok(Verdict::of_no_concern(fact)),
    };
    let all = gdap.active.iter().map(|it| it.relationship);
    let findings = all
        .filter(|it| it.is_microsoft_led())
        .map(|it| Finding::relationship(it, "was made by the Microsoft-led transition from DAP"));
    terms.verdict(findings).unless_doubtful(gdap.doubt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn they_are_known_by_their_names_while_they_are_active() {
        let state = |gdap: &str| judged(&CHECK, &format!("{{ gdap: {{ a: {gdap} }} }}")).state();
        assert_eq!(state("{ name: MLT_0a1b_contoso }"), State::Noncompliant);
        assert_eq!(state("{ name: Own_MLT_ }"), State::Compliant);
        assert_eq!(state("{ name: MLT_0a1b_contoso, status: expired }"), State::NotApplicable);
    }
}
