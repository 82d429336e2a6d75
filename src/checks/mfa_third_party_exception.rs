//! MFA of another vendor counts only with an exception from Microsoft.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "mfa-third-party-exception",
    title: "No MFA of another vendor is in use, unless Microsoft has granted an exception",
    tier: Tier::Mandatory,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess/ConditionalAccessBlade/~/Policies",
    remedy: "use MFA of Microsoft Entra; custom controls never satisfy the requirement. With a technical exception granted by Microsoft, write an exception with its ticket into the configuration",
    sources: &["organization", "conditional_access_policies", "authentication_methods_policy"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let policies = posture.facts.policies();
    let methods = posture.facts.authentication_methods_policy.rows();
    let organization = posture.facts.organization.rows();
    let mut findings = Vec::new();
    for policy in policies.ok().flatten().into_iter().flat_map(|it| it.with_custom_controls()) {
        findings.push(Finding::policy(policy, "demands a custom control of another vendor"));
    }
    if methods.is_ok_and(|it| it.external() > 0) {
        findings.push(Finding::tenant("an external authentication method is enabled"));
    }
    let unreadable = policies.is_ok_and(|it| it.is_some_and(|it| it.unreadable > 0));
    let unreadable = unreadable.then_some(Unread::SourceFailed);
    let doubts = [policies.err(), methods.err(), organization.err(), unreadable];
    let doubt = doubts.into_iter().flatten().min();
    // What a federated identity provider does about MFA cannot be seen with our permissions.
    let is_federated = organization.is_ok_and(|it| it.federated_domains().next().is_some());
    let doubt = doubt.or(is_federated.then_some(Unread::NotObservable));
    if findings.is_empty() && doubt.is_none() {
        return Ok(Verdict::not_applicable());
    }
    terms.verdict(findings).unless_doubtful(doubt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;

    #[test]
    fn a_custom_control_an_external_method_and_a_federated_domain_are_told_apart() {
        use crate::posture::Declarations;
        use crate::sources::Fact;
        let judged = |policies: &str, method: &str, domain: &str| {
            let tenant = crate::posture::tenants::tenant(&format!("{{ policies: {policies} }}"));
            let methods = format!(
                r##"{{"authenticationMethodConfigurations":[{{"@odata.type":"#microsoft.graph.{method}",
                "id":"x","state":"enabled"}}]}}"##
            );
            let domains = format!(r#"{{"verifiedDomains":[{{"name":"a","type":"{domain}"}}]}}"#);
            let entity = |body: &str| crate::wire::entity(body.as_bytes()).unwrap();
            let facts = crate::sources::Facts {
                authentication_methods_policy: Fact::known(entity(&methods), tenant.facts().now),
                organization: Fact::known(
                    crate::wire::entity(domains.as_bytes()).unwrap(),
                    tenant.facts().now,
                ),
                ..tenant.facts()
            };
            CHECK.judge(&Posture::of(&facts, &Declarations::default())).state()
        };
        let custom = "[{ id: p, state: enabled, conditions: {}, grantControls:
            { operator: OR, builtInControls: [], customAuthenticationFactors: [vendor] } }]";
        let own = "fido2AuthenticationMethodConfiguration";
        assert_eq!(judged("[]", own, "Managed"), State::NotApplicable);
        assert_eq!(judged(custom, own, "Managed"), State::Noncompliant);
        let external = "externalAuthenticationMethodConfiguration";
        assert_eq!(judged("[]", external, "Managed"), State::Noncompliant);
        assert_eq!(judged("[]", own, "Federated"), State::Unknown);
        assert_eq!(judged("refused", own, "Managed"), State::Unknown);
    }
}
