//! The account that consented has no more rights than it needs.

use super::check::{About, Check, Evidence, Finding, Terms, Tier, Verdict};
use crate::posture::Posture;
use crate::sources::Unread;

pub(super) static CHECK: Check = Check {
    id: "sam-least-privilege",
    title: "The account that consented for our own application holds no privileged role",
    tier: Tier::Advised,
    evidence: Evidence::Measured,
    about: About::Others,
    docs: "https://learn.microsoft.com/partner-center/developer/enable-secure-app-model",
    portal: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/RolesManagementMenuBlade/~/AllRoles",
    remedy: "make an account of its own for the exporter, Admin agent in Partner Center and without directory roles beyond Security Reader, and run `partnercenter_exporter consent` with it",
    sources: &["app_user_token", "role_assignments"],
    evaluate,
};

fn evaluate(posture: &Posture<'_>, terms: &Terms<'_>) -> Result<Verdict, Unread> {
    let roles = posture.consenter_s_roles()?;
    let finding = |role| Finding::tenant(format!("the account that consented is {role}"));
    Ok(terms.verdict(roles.into_iter().map(finding)))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::checks::State;
    use crate::checks::sam_refresh_token::tests::claims;
    use crate::posture::Declarations;
    use crate::sources::{AppUserToken, Fact, Facts, RoleAssignment, RoleAssignments};
    use crate::wire::ObjectId;

    const GLOBAL: &str = "62e90394-69f5-4237-9190-012177145e10";
    const SECURITY_READER: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";

    fn state(wids: Option<&[&str]>, listed: Option<&str>) -> State {
        let roles = wids.map(|ids| ids.iter().filter_map(|id| ObjectId::parse(id)).collect());
        let token = AppUserToken { claims: Some(claims(true, roles)), ..AppUserToken::default() };
        let assignment = |role: &str| RoleAssignment {
            principal: ObjectId::parse("anna").unwrap(),
            is_group: None,
            role: ObjectId::parse(role).unwrap(),
            tenant_wide: true,
            activated: false,
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
        CHECK.judge(&Posture::of(&facts, &Declarations::default())).state()
    }

    #[test]
    fn a_privileged_role_is_found_in_the_token_or_in_the_directory() {
        assert_eq!(state(Some(&[GLOBAL]), None), State::Noncompliant);
        assert_eq!(state(Some(&[SECURITY_READER]), None), State::Compliant, "it only looks");
        assert_eq!(state(None, Some(GLOBAL)), State::Noncompliant);
        assert_eq!(state(None, Some("")), State::Compliant);
        assert_eq!(state(None, None), State::Unknown, "neither tells");
    }
}
