//! Sign-ins and accounts at risk are stopped or challenged by Conditional Access.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::{AgentGroups, Unread, User};

pub(super) static CHECK: Check = Check {
    id: "risk-based-ca",
    title: "A Conditional Access policy acts on the risk of sign-ins or accounts, of the agents at least",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/entra/id-protection/concept-identity-protection-policies",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "make a policy for all users and all applications that, at high sign-in risk, demands MFA, and another that, at high user risk, demands a secure password change; leave out nothing but emergency accounts. It needs Entra ID P2",
    sources: &["conditional_access_policies", "subscribed_skus", "users", "groups", "agent_groups"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let people = posture.people.as_ref().map_err(|why| *why)?;
    // What Microsoft does not evaluate without the licence covers nobody, whatever policies say.
    let licenses = posture.facts.subscribed_skus.rows();
    if licenses.is_ok_and(|skus| !skus.has_p2()) {
        let what = "has no Entra ID P2, without which no policy knows of any risk";
        return Ok(terms.verdict([Finding::tenant(what)]));
    }
    let is_incomplete = posture.facts.policies()?.is_some_and(|it| it.unreadable > 0);
    if posture.risk_policies()?.is_empty() {
        let doubt = is_incomplete.then_some(Unread::SourceFailed);
        let what = "has no enabled policy that acts on high sign-in risk or high user risk";
        // The one that cannot be read may be it.
        return doubt.map_or_else(|| Ok(terms.verdict([Finding::tenant(what)])), Err);
    }
    let (covered, doubt) = posture.covered_on_risk()?;
    let (meant, unknown) = meant(posture)?;
    let left_out = meant
        .into_iter()
        .filter(|user| people.number(&user.id).is_some_and(|number| !covered.contains(number)));
    if let Some(why) = doubt
        && left_out.clone().next().is_some()
    {
        return Err(why);
    }
    let what = "is covered by no policy that acts on the risk of sign-ins or accounts";
    let findings =
        left_out.map(|user| Finding::account(user, what).waived_if(posture.is_break_glass(user)));
    let unknown = unknown.into_iter().chain(licenses.err()).min();
    terms.verdict(findings).unless_doubtful(unknown)
}

/// The agents, or everybody where there are none.
fn meant<'a>(posture: &Posture<'a>) -> Result<(Vec<&'a User>, Option<Unread>), Unread> {
    let people = posture.people.as_ref().map_err(|why| *why)?;
    posture.facts.agent_groups.rows()?;
    let Ok(agents) = posture.agents(&AgentGroups::NAMES) else {
        return Ok((people.everyone().to_vec(), None));
    };
    let doubt = agents.iter().filter_map(|it| it.doubt).min();
    let mut users: Vec<_> = agents.iter().flat_map(|it| it.enabled()).collect();
    users.sort_by(|one, other| one.id.cmp(&other.id));
    users.dedup_by(|one, other| one.id == other.id);
    Ok((users, doubt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{State, judged};

    fn verdict(conditions: &str, control: &str, rest: &str) -> Verdict {
        let policy = format!(
            "{{ id: p, displayName: Risk, state: enabled, conditions: {{ applications: {{ includeApplications: [All] }}, {conditions} }}, grantControls: {{ operator: OR, builtInControls: [{control}] }} }}"
        );
        judged(
            &CHECK,
            &format!(
                "{{ users: {{ anna: {{}}, bert: {{}} }}, groups: {{ g: [anna] }}, agents: [g], policies: [{policy}], {rest} }}"
            ),
        )
    }

    const RISK: &str = "signInRiskLevels: [medium, high]";
    const ALL: &str = "users: { includeUsers: [All] }";

    #[test]
    fn a_policy_for_everybody_or_for_the_agents_alone_is_enough() {
        let of = |users: &str| verdict(&format!("{RISK}, {users}"), "mfa", "").state();
        assert_eq!(of(ALL), State::Compliant);
        assert_eq!(of("users: { includeGroups: [g] }"), State::Compliant);
        assert_eq!(of("users: { includeUsers: [bert] }"), State::Noncompliant);
        assert_eq!(of("users: { includeUsers: [All], excludeUsers: [bert] }"), State::Compliant);
        assert_eq!(of("users: { includeUsers: [All], excludeGroups: [g] }"), State::Noncompliant);
    }

    #[test]
    fn it_has_to_act_on_high_risk_whatever_else_is_true_of_the_sign_in() {
        let of = |conditions: &str, control| {
            verdict(&format!("{conditions}, {ALL}"), control, "").state()
        };
        for control in ["mfa", "block", "passwordChange", "riskRemediation"] {
            assert_eq!(of("userRiskLevels: [high]", control), State::Compliant, "{control}");
        }
        assert_eq!(of("userRiskLevels: [high]", "mfa, compliantDevice"), State::Noncompliant);
        assert_eq!(of("signInRiskLevels: [low]", "mfa"), State::Noncompliant);
        assert_eq!(of("clientAppTypes: []", "mfa"), State::Noncompliant, "it looks at no risk");
        let places = format!("{RISK}, locations: {{ includeLocations: [hq] }}");
        assert_eq!(of(&places, "mfa"), State::Noncompliant);
        let both = "signInRiskLevels: [high], userRiskLevels: [high]";
        assert_eq!(of(both, "mfa"), State::Noncompliant, "only where both are there");
        assert_eq!(of(&format!("{RISK}, novelty: x"), "mfa"), State::Noncompliant);
    }

    #[test]
    fn without_the_licence_no_policy_knows_of_risk() {
        let conditions = format!("{RISK}, {ALL}");
        for plans in ["plans: []", "plans: [p1]"] {
            assert_eq!(verdict(&conditions, "mfa", plans).state(), State::Noncompliant, "{plans}");
        }
    }

    #[test]
    fn a_policy_that_cannot_be_read_may_be_the_one_and_emergency_accounts_are_put_up_with() {
        let nobody = format!("{RISK}, users: {{ includeUsers: [bert] }}");
        let unreadable = verdict(&nobody, "mfa", "unreadable_policies: 1");
        assert_eq!(unreadable.why_unknown(), Some(Unread::SourceFailed));
        let declared = verdict(&nobody, "mfa", "break_glass: [anna]");
        assert_eq!(declared.state(), State::Waived);
        let ordinary = "{ users: { anna: {} }, policies: [] }";
        assert_eq!(judged(&CHECK, ordinary).state(), State::Noncompliant);
    }
}
