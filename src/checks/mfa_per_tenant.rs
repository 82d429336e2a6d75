//! Every partner tenant of the company is watched, sandboxes included.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;
use crate::wire::ObjectId;

pub(super) static CHECK: Check = Check {
    id: "mfa-per-tenant",
    title: "Every partner tenant, the sandbox included, is watched",
    tier: Tier::Mandatory,
    evidence: Evidence::Proxy,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/security/partner-security-requirements",
    portal: "https://partner.microsoft.com/dashboard/account/v3/organization/legalinfo",
    remedy: "list the ids of all partner tenants under partner_tenants in the configuration, and add those that are not watched under tenants",
    sources: &[],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let Some(all) = &posture.declared.partner_tenants else { return Err(Unread::NotConfigured) };
    let unwatched = all.iter().filter(|id| !posture.declared.watched_tenants.contains(id));
    Ok(terms.verdict(unwatched.map(|id| {
        Finding::object(&ObjectId::Guid(*id), "", "is a partner tenant that nobody watches")
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::State;

    #[test]
    fn each_listed_tenant_has_to_be_watched_and_without_a_list_nobody_knows() {
        use crate::posture::Declarations;
        let judged = |listed: Option<Vec<[u8; 16]>>| {
            let declared = Declarations {
                partner_tenants: listed,
                watched_tenants: vec![[1; 16], [2; 16]],
                ..Declarations::default()
            };
            let facts = crate::sources::Facts::unread(jiff::Timestamp::UNIX_EPOCH);
            CHECK.judge(&Posture::of(&facts, &declared))
        };
        assert_eq!(judged(Some(vec![[1; 16]])).state(), State::Compliant);
        let verdict = judged(Some(vec![[1; 16], [3; 16]]));
        assert_eq!((verdict.state(), verdict.found()), (State::Noncompliant, 1));
        assert_eq!(judged(None).why_unknown(), Some(Unread::NotConfigured));
    }
}
