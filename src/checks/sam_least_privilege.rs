//! The account that consented has no more rights than it needs.

use super::check::{About, Check, Evidence, Finding, Subject, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "sam-least-privilege",
    title: "The account that consented for our own application holds no privileged role",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Accounts,
    docs: "https://learn.microsoft.com/partner-center/developer/enable-secure-app-model",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/RolesManagementMenuBlade/~/AllRoles",
    remedy: "make an account of its own for the exporter, Admin agent in Partner Center and without directory roles beyond Security Reader, and run `partnercenter_exporter consent` with it",
    sources: &["app_user_token", "role_assignments"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let roles = posture.consenter_s_roles()?;
    let subject = posture.consenter().map_or(Subject::Tenant, |(id, name)| Subject::Account {
        id: id.clone(),
        name: name.into(),
    });
    let finding = |role| Finding {
        subject: subject.clone(),
        ..Finding::tenant(format!("consented for the exporter, and is {role}"))
    };
    Ok(terms.verdict(roles.into_iter().map(finding)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::checks::sam_refresh_token::tests::claims;
    use crate::oauth::Claims;
    use crate::posture::Declarations;
    use crate::sources::{AppUserToken, Fact, Facts, RoleAssignment, RoleAssignments};
    use crate::wire::ObjectId;

    const GLOBAL: &str = "62e90394-69f5-4237-9190-012177145e10";
    const PARTNER_TIER_2_SUPPORT: &str = "e00e864a-17c5-4a4b-9c06-f5b95a8d5bd8";
    const SECURITY_READER: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";

    fn judged(wids: Option<&[&str]>, listed: Option<&str>) -> Verdict {
        let roles = wids.map(|ids| ids.iter().filter_map(|id| ObjectId::parse(id)).collect());
        judged_of(claims(true, roles), listed)
    }

    fn judged_of(claims: Claims, listed: Option<&str>) -> Verdict {
        let token = AppUserToken { claims: Some(claims), ..AppUserToken::default() };
        let assignment = |role: &str| RoleAssignment {
            principal: ObjectId::parse("anna").unwrap(),
            is_group: None,
            role: ObjectId::parse(role).unwrap(),
            tenant_wide: true,
            activated: false,
            ends: None,
        };
        let role_assignments = match listed {
            Some(role) => {
                let roles = [role].into_iter().filter(|it| !it.is_empty()).map(assignment);
                Fact::known(RoleAssignments::new(roles.collect()), Timestamp::UNIX_EPOCH)
            }
            None => Fact::Unread(Unread::Permission),
        };
        let facts = Facts {
            app_user_token: Fact::known(token, Timestamp::UNIX_EPOCH),
            role_assignments,
            ..Facts::unread(Timestamp::UNIX_EPOCH)
        };
        CHECK.judge(&Posture::of(&facts, &Declarations::default()))
    }

    #[test]
    fn a_role_held_through_a_group_is_held_and_a_group_that_is_not_known_leaves_doubt() {
        let tenant = crate::posture::tenants::tenant(
            "users: {anna: {}, bo: {}}\n\
             groups: {admins: [anna]}\n\
             roles: {active: {62e90394-69f5-4237-9190-012177145e10: [admins]}}",
        );
        let token = AppUserToken { claims: Some(claims(true, None)), ..AppUserToken::default() };
        let mut facts = tenant.facts();
        facts.app_user_token = Fact::known(token, facts.now);
        let judged = |facts: &Facts| CHECK.judge(&Posture::of(facts, &Declarations::default()));
        assert_eq!(judged(&facts).state(), State::Noncompliant);
        facts.groups = Fact::Unread(Unread::Permission);
        assert_eq!(judged(&facts).why_unknown(), Some(Unread::Permission));
    }

    #[test]
    fn the_account_is_named_so_that_an_exception_can_name_it() {
        let verdict = judged(Some(&[GLOBAL]), None);
        assert_eq!(verdict.findings()[0].subject.id(), ObjectId::parse("anna").as_ref());
    }

    #[test]
    fn a_privileged_role_is_found_in_the_token_or_in_the_directory() {
        let state = |wids, listed| judged(wids, listed).state();
        assert_eq!(state(Some(&[GLOBAL]), None), State::Noncompliant);
        assert_eq!(state(Some(&[SECURITY_READER]), None), State::Compliant, "it only looks");
        assert_eq!(state(Some(&[PARTNER_TIER_2_SUPPORT]), None), State::Noncompliant);
        assert_eq!(state(None, Some(GLOBAL)), State::Noncompliant);
        assert_eq!(state(None, Some("")), State::Compliant);
        assert_eq!(state(None, None), State::Unknown, "neither tells");
    }

    #[test]
    fn of_an_account_that_is_not_named_the_directory_shows_nothing() {
        let nobody = |roles| Claims { account: None, ..claims(true, roles) };
        assert_eq!(judged_of(nobody(None), Some(GLOBAL)).state(), State::Unknown);
        assert_eq!(judged_of(nobody(Some(Vec::new())), Some(GLOBAL)).state(), State::Compliant);
    }
}
