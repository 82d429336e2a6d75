//! Decodes every documented body in the folder that `PARTNERCENTER_SAMPLES` names, where there is one.
//!
//! The bodies are Microsoft's and not part of this project. Without the folder the readers are
//! tested with our own fixtures of the same shapes, in their own files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Served, TOKEN};

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(json_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Which source a documented body belongs to: the path it is served at, and whether the source
/// can be read from it.
const BODIES: [(&str, &str, &str, bool); 12] = [
    ("organization-get.json", "/organization", "organization", true),
    (
        "user-registration-details-list-v1.json",
        "/userRegistrationDetails",
        "user_registration_details",
        true,
    ),
    (
        "security-defaults-v1.json",
        "/identitySecurityDefaultsEnforcementPolicy",
        "security_defaults",
        true,
    ),
    ("subscribed-skus-list.json", "/subscribedSkus", "subscribed_skus", true),
    (
        "ca-policies-list-v1.json",
        "/conditionalAccess/policies",
        "conditional_access_policies",
        true,
    ),
    (
        "authentication-strength-policies-list-v1.json",
        "/authenticationStrengthPolicies",
        "authentication_strengths",
        true,
    ),
    ("named-locations-list.json", "/namedLocations", "named_locations", true),
    (
        "authentication-methods-policy-v1.json",
        "/authenticationMethodsPolicy",
        "authentication_methods_policy",
        true,
    ),
    (
        "role-assignment-schedule-instances.json",
        "/roleAssignmentScheduleInstances",
        "role_assignments",
        true,
    ),
    (
        "role-eligibility-schedule-instances.json",
        "/roleEligibilityScheduleInstances",
        "role_eligibilities",
        true,
    ),
    ("groups-list.json", "/groups", "agent_groups", true),
    // The documented page selects names only: without ids nobody can be counted.
    ("users-signinactivity-beta.json", "/users", "users", false),
];

#[test]
fn documented_bodies_are_read() {
    let Some(folder) = std::env::var_os("PARTNERCENTER_SAMPLES") else {
        println!("PARTNERCENTER_SAMPLES is not set: only our own fixtures are read");
        return;
    };
    let folder = PathBuf::from(folder);
    let files = json_files(&folder);
    assert!(files.len() > 50, "{} holds {} bodies", folder.display(), files.len());
    for file in &files {
        let body = fs::read(file).unwrap();
        serde_json::from_slice::<Value>(&body)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    for (name, path, source, readable) in BODIES {
        let body = fs::read(folder.join("graph").join(name)).unwrap();
        let served = Served::collect(&[(path, body)]);
        let success =
            format!("partnercenter_source_success{{tenant=\"contoso\",source=\"{source}\"}} ");
        let line = served.page.lines().find(|line| line.starts_with(&success));
        assert_eq!(
            line,
            Some(&*format!("{success}{}", u8::from(readable))),
            "{name}\n{}",
            served.page
        );
    }
}

#[test]
fn an_empty_tenant_is_not_a_compliant_one() {
    let empty = br#"{"value":[]}"#.to_vec();
    let served = Served::collect(&[("/users", empty.clone()), ("/userRegistrationDetails", empty)]);
    let failure = "source=\"users\",reason=\"malformed\"} 1";
    assert!(served.page.contains(failure), "{}", served.page);
    let unknown = "requirement=\"mfa-all-users-registered\",reason=\"source_failed\"} 1";
    assert!(served.page.contains(unknown), "{}", served.page);
}

/// Documented refusals: where they are served, with which status, and what the operator sees.
const REFUSALS: [(&str, &str, u16, &str); 4] = [
    (
        "error-403-non-premium-tenant.json",
        "/userRegistrationDetails",
        403,
        "source=\"user_registration_details\",reason=\"license\"} 1",
    ),
    (
        "error-400-pim-license.json",
        "/userRegistrationDetails",
        400,
        "source=\"user_registration_details\",reason=\"license\"} 1",
    ),
    ("error-429-too-many-requests.json", "/users", 429, "source=\"users\",reason=\"throttled\"} 1"),
    (
        "token-error-invalid-scope.json",
        TOKEN,
        400,
        "partnercenter_token_failure{tenant=\"contoso\",reason=\"scope_wrong\"} 1",
    ),
];

#[test]
fn documented_refusals_and_tokens_are_understood() {
    let Some(folder) = std::env::var_os("PARTNERCENTER_SAMPLES") else { return };
    let body = |name: &str| fs::read(PathBuf::from(&folder).join("graph").join(name)).unwrap();
    for (name, path, status, seen) in REFUSALS {
        let served = Served::collect_all(vec![(path.to_owned(), status, body(name))]);
        assert!(served.page.contains(seen), "{name}\n{}", served.page);
    }
    // Two of the documented tokens end in an ellipsis of full stops, which a header can carry.
    for name in ["token-client-credentials-ok.json", "token-imds-ok.json", "token-refresh-ok.json"]
    {
        let served = Served::collect(&[
            (TOKEN, body(name)),
            ("/organization", body("organization-get.json")),
        ]);
        assert!(
            served.page.contains("partnercenter_up{tenant=\"contoso\"} 1"),
            "{name}\n{}",
            served.page
        );
    }
}

#[test]
fn our_own_bodies_of_the_same_shapes_add_up() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let body = |name: &str| fs::read(folder.join(name)).unwrap();
    // One page: the fixture's nextLink leads to Microsoft, where no token is to go.
    let mut users: Value = serde_json::from_slice(&body("users.json")).unwrap();
    users.as_object_mut().unwrap().remove("@odata.nextLink");
    let served = Served::collect(&[
        ("/organization", body("organization.json")),
        ("/users", serde_json::to_vec(&users).unwrap()),
        ("/userRegistrationDetails", body("user_registration_details.json")),
        ("/identitySecurityDefaultsEnforcementPolicy", body("security_defaults.json")),
        ("/subscribedSkus", body("subscribed_skus.json")),
        ("/crossTenantAccessPolicy/default", b"{}".to_vec()),
        ("/crossTenantAccessPolicy/partners", br#"{"value":[]}"#.to_vec()),
    ]);
    for line in [
        r#"partnercenter_users{tenant="contoso",account="guest"} 1"#,
        r#"partnercenter_users{tenant="contoso",account="member"} 2"#,
        r#"partnercenter_users_mfa_registered{tenant="contoso",account="member"} 2"#,
        r#"partnercenter_users_mfa_capable{tenant="contoso",account="member"} 1"#,
        r#"partnercenter_users_without_mfa{tenant="contoso",account="guest",gap="registration"} 1"#,
        r#"partnercenter_users_without_mfa{tenant="contoso",account="member",gap="registration"} 0"#,
        r#"partnercenter_sign_in_log_available{tenant="contoso"} 1"#,
        r#"partnercenter_requirement_state{tenant="contoso",requirement="security-defaults",state="compliant"} 1"#,
        r#"partnercenter_requirement_findings{tenant="contoso",requirement="mfa-all-users-registered"} 1"#,
        r#"partnercenter_up{tenant="contoso"} 1"#,
    ] {
        assert!(
            served.page.lines().any(|served| served == line),
            "{line}\nis not in\n{}",
            served.page
        );
    }
}
