//! GDAP relationships that are to go on can.
//!
//! Whether one should is the partner's choice and no finding: what is found is the one thing that takes
//! the choice away.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{GLOBAL_ADMINISTRATOR, Unread};
use crate::wire::ObjectId;

pub(super) static CHECK: Check = Check {
    id: "gdap-auto-extend",
    title: "No GDAP relationship is kept from extending itself by Global Administrator",
    tier: Tier::Advised,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/gdap-faq",
    portal: "https://partner.microsoft.com/dashboard/v2/customers/list",
    remedy: "remove Global Administrator from the relationship; then decide for each customer whether it is to extend itself by six months at its end",
    sources: &["gdap_relationships"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let gdap = match posture.gdap_in_use()? {
        Ok(gdap) => gdap,
        Err(fact) => return Ok(Verdict::of_no_concern(fact)),
    };
    let global = ObjectId::parse(GLOBAL_ADMINISTRATOR).expect("the constant is a GUID");
    let all = gdap.active.iter().map(|it| it.relationship);
    let kept = all.filter(|it| !it.extends_itself() && it.roles.contains(&global));
    let findings = kept.map(|it| {
        let end = it.ends.map(|end| format!(" on {}", end.strftime("%Y-%m-%d")));
        let end = end.unwrap_or_default();
        let what =
            format!("cannot extend itself when it ends{end}: it grants Global Administrator");
        Finding::relationship(it, &what)
    });
    terms.verdict(findings).unless_doubtful(gdap.doubt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn only_global_administrator_takes_the_choice_away() {
        let state = |gdap: &str| judged(&CHECK, &format!("{{ gdap: {{ a: {gdap} }} }}")).state();
        assert_eq!(state("{ roles: [global] }"), State::Noncompliant);
        assert_eq!(state("{ roles: [privileged] }"), State::Compliant, "off, and that is a choice");
        assert_eq!(state("{ roles: [privileged], extends: true }"), State::Compliant);
        assert_eq!(state("{ roles: [global], status: approvalPending }"), State::NotApplicable);
    }
}
