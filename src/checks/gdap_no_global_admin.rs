//! No GDAP relationship grants Global Administrator.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::posture::gdap::Use;
use crate::sources::{GLOBAL_ADMINISTRATOR, Unread};
use crate::wire::ObjectId;

pub(super) static CHECK: Check = Check {
    id: "gdap-no-global-admin",
    title: "No GDAP relationship grants Global Administrator",
    tier: Tier::Recommended,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/customers/gdap-introduction",
    portal: "https://partner.microsoft.com/dashboard/v2/customers/list",
    remedy: "remove Global Administrator from the relationship in Partner Center, or ask the customer for another with the least roles the task needs and end this one",
    sources: &["gdap_relationships", "gdap_access_assignments"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let gdap = match posture.gdap_in_use()? {
        Ok(gdap) => gdap,
        Err(fact) => return Ok(Verdict::of_no_concern(fact)),
    };
    let global = ObjectId::parse(GLOBAL_ADMINISTRATOR).expect("the constant is a GUID");
    let has_it = gdap.active.iter().filter(|it| it.relationship.roles.contains(&global));
    let findings = has_it.map(|it| {
        let what = format!("grants Global Administrator, {}", held(it, &global));
        Finding::relationship(it.relationship, &what)
    });
    terms.verdict(findings).unless_doubtful(gdap.doubt())
}

/// Whether any group has the role by it.
fn held(it: &Use<'_>, role: &ObjectId) -> String {
    match it.granting().map(|all| all.filter(|it| it.roles.contains(role)).count()) {
        Ok(0) => "which no group is given".to_owned(),
        Ok(1) => "which one group is given".to_owned(),
        Ok(groups) => format!("which {groups} groups are given"),
        Err(_) => "and who is given it is not known".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    #[test]
    fn an_active_relationship_with_global_administrator_is_found_whoever_holds_it() {
        let state = |gdap: &str| judged(&CHECK, &format!("{{ gdap: {gdap} }}")).state();
        assert_eq!(state("{ a: { roles: [global, reader] } }"), State::Noncompliant);
        assert_eq!(state("{ a: { roles: [privileged], held: refused } }"), State::Compliant);
        assert_eq!(state("{ a: { roles: [global], status: expired } }"), State::NotApplicable);
        assert_eq!(state("{}"), State::NotApplicable);
        assert_eq!(state("refused"), State::NotApplicable, "the tenant is no partner's");
        let refused = "{ partner_type: resellerPartnerDelegatedAdmin, gdap: refused }";
        assert_eq!(judged(&CHECK, refused).state(), State::Unknown);
        let verdict = judged(
            &CHECK,
            "{ gdap: { a: { roles: [global], customer: c, held: { g: [global] } } } }",
        );
        let finding = &verdict.findings()[0];
        assert_eq!(
            finding.what,
            "the GDAP relationship \u{201c}a\u{201d} grants Global Administrator, which one group is given"
        );
        assert_eq!(finding.subject.id(), ObjectId::parse("C").as_ref());
        let doubtful = "{ gdap: { a: {} }, unreadable_gdap: 1 }";
        assert_eq!(judged(&CHECK, doubtful).state(), State::Unknown);
    }
}
