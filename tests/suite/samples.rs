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
const BODIES: [(&str, &str, &str, bool); 15] = [
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
    (
        "delegated-admin-relationships-list-v1.json",
        "/delegatedAdminRelationships",
        "gdap_relationships",
        true,
    ),
    ("delegated-admin-customers-list.json", "/delegatedAdminCustomers", "gdap_customers", true),
    ("risky-users-list-beta.json", "/riskyUsers", "risky_users", true),
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

/// The same for what is told to people only: folder and file, the path it is served at, the source,
/// and how many rows of it are understood.
const TOLD_TO_PEOPLE: [(&str, &str, &str, u32); 12] = [
    ("graph/partner-security-alerts-list-beta.json", "/securityAlerts", "security_alerts", 2),
    (
        "graph/partner-security-requirements-list-beta.json",
        "/securityScore/requirements",
        "security_requirements",
        1,
    ),
    ("graph/partner-security-score-get-beta.json", "/securityScore", "security_score", 1),
    ("partner-center/fraud/fraudEvents-legacy.json", "/fraudEvents", "fraud_events", 1),
    ("partner-center/fraud/fraudEvents-newmodel.json", "/fraudEvents", "fraud_events", 1),
    (
        "partner-center/fraud/fraudEvents-newmodel-two-active.json",
        "/fraudEvents",
        "fraud_events",
        2,
    ),
    (
        "partner-center/mfa/applicationmfaadoptionstatus.json",
        "/applicationmfaadoptionstatus",
        "mfa_adoption",
        2,
    ),
    (
        "partner-center/mfa/nonMfaCompliantPartnerPrincipals.json",
        "/nonMfaCompliantPartnerPrincipals",
        "portal_requests",
        1,
    ),
    (
        "partner-center/mfa/nonMfaCompliantPartnerPrincipals-empty.json",
        "/nonMfaCompliantPartnerPrincipals",
        "portal_requests",
        0,
    ),
    ("partner-center/mfa/partnerRequests.json", "/partnerRequests", "partner_requests", 2),
    (
        "partner-center/usage/customers-usagerecords.json",
        "/customers/usagerecords",
        "usage_records",
        4,
    ),
    (
        "partner-center/relationships/indirect-resellers.json",
        "/relationships",
        "indirect_resellers",
        2,
    ),
];

/// Bodies of the same folders that are read with another, elsewhere, or by nobody.
const READ_ELSEWHERE: [(&str, &str); 5] = [
    ("partner-center/agreements/csp-agreementstatus-signed.json", "beside the resellers, below"),
    ("partner-center/paging/collection-with-links-next.json", "in `partner_center`"),
    ("partner-center/usage/customer-subscriptions-usagerecords-145p.json", "of one customer"),
    ("partner-center/usage/partner-usagesummary.json", "to be retired, and without Azure plans"),
    ("partner-center/usage/usagebudget-get.json", "of one customer"),
];

/// Refusals of Partner Center, and what the operator sees of each.
const REFUSALS_TO_PEOPLE: [(&str, u16, &str); 6] = [
    ("partner-center/errors/400-60012.json", 400, "refused"),
    ("partner-center/errors/401-900421-mfa.json", 401, "mfa"),
    ("partner-center/errors/403-900309-conditional-access.json", 403, "permission"),
    ("partner-center/errors/403-900329-app-only-not-supported.json", 403, "permission"),
    ("partner-center/errors/404-3000.json", 404, "not_found"),
    ("partner-center/errors/429-throttled.json", 429, "throttled"),
];

#[test]
fn what_is_documented_to_be_told_to_people_is_read() {
    let Some(folder) = std::env::var_os("PARTNERCENTER_SAMPLES").map(PathBuf::from) else { return };
    let body = |name: &str| fs::read(folder.join(name)).unwrap();
    let signed = "partner-center/agreements/csp-agreementstatus-signed.json";
    for (name, path, source, rows) in TOLD_TO_PEOPLE {
        let served = Served::collect_for_person(vec![
            (path.to_owned(), 200, body(name)),
            ("/agreementstatus".to_owned(), 200, body(signed)),
        ]);
        let labels = format!("{{tenant=\"contoso\",source=\"{source}\"}}");
        for line in [
            format!("partnercenter_source_success{labels} 1"),
            format!("partnercenter_source_rows{labels} {rows}"),
            format!(
                "partnercenter_source_rows_rejected_total\
                 {{source=\"{source}\",tenant=\"contoso\"}} 0"
            ),
        ] {
            assert!(
                served.page.lines().any(|shown| shown == line),
                "{name}: {line}\nis not in\n{}",
                served.page
            );
        }
        if source == "indirect_resellers" {
            let line = "partnercenter_indirect_resellers_agreement_signed{tenant=\"contoso\"} 2";
            assert!(served.page.lines().any(|shown| shown == line), "{}", served.page);
        }
    }
    for (name, status, reason) in REFUSALS_TO_PEOPLE {
        let path = "/nonMfaCompliantPartnerPrincipals".to_owned();
        let served = Served::collect_for_person(vec![(path, status, body(name))]);
        let seen = format!("source=\"portal_requests\",reason=\"{reason}\"}} 1");
        assert!(served.page.contains(&seen), "{name}: {seen}\nis not in\n{}", served.page);
    }
}

#[test]
fn every_documented_body_that_is_told_to_people_has_its_reader() {
    let Some(folder) = std::env::var_os("PARTNERCENTER_SAMPLES").map(PathBuf::from) else { return };
    let known: Vec<_> = (TOLD_TO_PEOPLE.iter().map(|(name, ..)| *name))
        .chain(READ_ELSEWHERE.iter().map(|(name, _)| *name))
        .chain(REFUSALS_TO_PEOPLE.iter().map(|(name, ..)| *name))
        .collect();
    let folders = ["fraud", "mfa", "usage", "relationships", "agreements", "errors", "paging"];
    let files = folders.iter().flat_map(|it| json_files(&folder.join("partner-center").join(it)));
    let graph = json_files(&folder.join("graph"));
    let graph = graph
        .into_iter()
        .filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("partner-security"));
    let mut count = 0;
    for file in files.chain(graph) {
        let name = file.strip_prefix(&folder).unwrap().to_str().unwrap();
        assert!(known.contains(&name), "{name} is read by nobody");
        count += 1;
    }
    assert_eq!(count, known.len(), "each is there");
}

#[test]
fn what_is_documented_of_customers_and_dap_adds_up() {
    let Some(folder) = std::env::var_os("PARTNERCENTER_SAMPLES").map(PathBuf::from) else { return };
    let body = |name: &str| fs::read(folder.join("partner-center").join(name)).unwrap();
    let shows = |page: &str, lines: &[&str]| {
        for line in lines {
            let line = line.replace("{", "{tenant=\"contoso\",").replace(",}", "}");
            let line = format!("partnercenter_{line}");
            assert!(page.lines().any(|it| it == line), "{line} is not in\n{page}");
        }
    };
    for (list, customers) in [("list-size40", 2), ("list-filter-companyname", 3), ("paged-2of2", 1)]
    {
        let list = body(&format!("customers/{list}.json"));
        // Whoever is asked about answers as the documented customer does.
        let id = serde_json::from_slice::<serde_json::Value>(&list).unwrap();
        let ids = id["items"].as_array().unwrap().iter();
        let ids: Vec<_> = ids.map(|it| it["id"].as_str().unwrap().to_lowercase()).collect();
        for (one, state) in [("by-id-dap", "enabled"), ("by-id-no-delegated-access", "disabled")] {
            let one = body(&format!("customers/{one}.json"));
            let mut bodies = vec![("/customers".to_owned(), 200, list.clone())];
            bodies.extend(ids.iter().map(|id| (id.clone(), 200, one.clone())));
            let page = Served::collect_all(bodies).page;
            shows(
                &page,
                &[
                    &format!("customers{{relationship=\"reseller\"}} {customers}"),
                    &format!("customers_dap{{state=\"{state}\"}} {customers}"),
                ],
            );
        }
    }
    for (records, known) in
        [("auditrecords-by-customer", 0), ("auditrecords-security-operations", 5)]
    {
        let served = Served::collect(&[("/auditrecords", body(&format!("audit/{records}.json")))]);
        shows(
            &served.page,
            &[
                &format!("source_rows{{source=\"audit_records\"}} {known}"),
                "audit_window_seconds{} 7776000",
            ],
        );
    }
    for (rows, with_dap) in
        [("delegatedAdminCustomers", 1), ("delegatedAdminCustomers-paged-2of2", 1)]
    {
        let path = "/delegatedAdminCustomers".to_owned();
        let rows = body(&format!("dap/{rows}.json"));
        let page = Served::collect_for_person(vec![(path, 200, rows)]).page;
        shows(
            &page,
            &["source_success{source=\"dap_service\"} 1", "dap_evidence{evidence=\"service\"} 1"],
        );
        let bands = page.lines().filter(|line| line.starts_with("partnercenter_dap_customers{"));
        let sum: u32 =
            bands.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u32>().unwrap()).sum();
        assert_eq!(sum, with_dap, "{page}");
    }
}

#[test]
fn what_is_documented_of_gdap_adds_up() {
    let Some(folder) = std::env::var_os("PARTNERCENTER_SAMPLES").map(PathBuf::from) else { return };
    let body = |name: &str| fs::read(folder.join("graph").join(name)).unwrap();
    let relationships = body("delegated-admin-relationships-list-v1.json");
    // The documented relationship has ended since.
    let relationships =
        String::from_utf8(relationships).unwrap().replace("2024-02-10", "2028-02-10");
    let served = Served::collect(&[
        ("/delegatedAdminRelationships", relationships.into_bytes()),
        ("/accessAssignments", body("delegated-admin-access-assignments-list-v1.json")),
    ]);
    for line in [
        r#"partnercenter_gdap_relationships{tenant="contoso",status="active"} 1"#,
        r#"partnercenter_gdap_relationships{tenant="contoso",status="approvalPending"} 1"#,
        r#"partnercenter_gdap_relationships{tenant="contoso",status="other"} 0"#,
        r#"partnercenter_gdap_relationships_auto_extend{tenant="contoso",auto_extend="yes"} 1"#,
        r#"partnercenter_gdap_access_assignments{tenant="contoso",status="active"} 2"#,
        r#"partnercenter_source_rows{tenant="contoso",source="gdap_access_assignments"} 1"#,
    ] {
        assert!(served.page.lines().any(|it| it == line), "{line} is not in\n{}", served.page);
    }
}

#[test]
fn our_own_bodies_of_gdap_add_up() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let body = |name: &str| fs::read(folder.join(name)).unwrap();
    let served = Served::collect(&[
        ("/delegatedAdminRelationships", body("gdap_relationships.json")),
        ("/delegatedAdminCustomers", body("gdap_customers.json")),
        ("/accessAssignments", body("gdap_access_assignments.json")),
        ("/requests", body("gdap_requests.json")),
    ]);
    for line in [
        r#"partnercenter_gdap_relationships{tenant="contoso",status="active"} 2"#,
        r#"partnercenter_gdap_relationships_ending{tenant="contoso",ends_in="1to7d"} 1"#,
        r#"partnercenter_gdap_customers_going_dark{tenant="contoso",ends_in="1to7d"} 0"#,
        r#"partnercenter_customers_gdap{tenant="contoso"} 1"#,
        r#"partnercenter_gdap_customers{tenant="contoso"} 2"#,
        r#"partnercenter_gdap_requests{tenant="contoso",action="other",status="other"} 2"#,
        r#"partnercenter_source_rows{tenant="contoso",source="gdap_access_assignments"} 2"#,
    ] {
        assert!(served.page.lines().any(|it| it == line), "{line} is not in\n{}", served.page);
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
        ("/identityProtection/riskyUsers", body("risky_users.json")),
        ("/roleManagementPolicyAssignments", body("role_management_policies.json")),
        // Sent at once, as it is where it lies.
        ("/getEmailAppUsageVersionsUserCounts(period='D30')", body("outlook_versions.csv")),
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
        r#"partnercenter_outlook_users{tenant="contoso",outlook_version="2016"} 1204"#,
        r#"partnercenter_licenses{tenant="contoso",plan="p2",license_state="consumed"} 14"#,
        r#"partnercenter_risky_users{tenant="contoso",risk_level="low",risk_state="confirmedCompromised"} 1"#,
        r#"partnercenter_source_rows{tenant="contoso",source="risky_users"} 5"#,
        r#"partnercenter_source_rows{tenant="contoso",source="role_management_policies"} 4"#,
        r#"partnercenter_up{tenant="contoso"} 1"#,
    ] {
        assert!(
            served.page.lines().any(|served| served == line),
            "{line}\nis not in\n{}",
            served.page
        );
    }
}

#[test]
fn our_own_bodies_that_are_told_to_people_add_up() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let body = |name: &str| fs::read(folder.join(name)).unwrap();
    let bodies = [
        ("/securityAlerts", body("security_alerts.json")),
        ("/securityScore", body("security_score.json")),
        ("/securityScore/requirements", body("security_requirements.json")),
        ("/securityScore/customerInsights", body("customer_insights.json")),
        ("/securityScore/history", body("security_score_history.json")),
        ("/fraudEvents", body("fraud_events.json")),
        ("/profiles/legalbusiness", b"{}".to_vec()),
        ("/nonMfaCompliantPartnerPrincipals", body("portal_requests.json")),
        ("/partnerRequests", body("partner_requests.json")),
        ("/applicationmfaadoptionstatus", body("mfa_adoption.json")),
        ("/customers/usagerecords", body("usage_records.json")),
        ("/relationships", body("indirect_resellers.json")),
        ("/agreementstatus", br#"{"isAgreementSigned":"true"}"#.to_vec()),
    ];
    let canned = bodies.map(|(path, body)| (path.to_owned(), 200, body));
    let served = Served::collect_for_person(canned.into());
    for (source, rows) in [
        ("security_alerts", 3),
        ("security_score", 1),
        ("security_requirements", 6),
        ("customer_insights", 5),
        ("security_score_history", 4),
        ("fraud_events", 4),
        ("mfa_self_test", 1),
        ("portal_requests", 3),
        ("partner_requests", 5),
        ("mfa_adoption", 3),
        ("usage_records", 5),
        ("indirect_resellers", 3),
    ] {
        let line =
            format!("partnercenter_source_rows{{tenant=\"contoso\",source=\"{source}\"}} {rows}");
        assert!(served.page.lines().any(|it| it == line), "{line} is not in\n{}", served.page);
    }
    for line in [
        r#"partnercenter_partner_security_score{tenant="contoso"} 62.5"#,
        r#"partnercenter_partner_security_score_previous{tenant="contoso"} 45"#,
        r#"partnercenter_partner_api_refusals{tenant="contoso",reason="mfa"} 0"#,
        r#"partnercenter_portal_users_without_mfa{tenant="contoso"} 2"#,
        r#"partnercenter_azure_customers_with_budget{tenant="contoso"} 3"#,
        r#"partnercenter_indirect_resellers_agreement_signed{tenant="contoso"} 3"#,
    ] {
        assert!(served.page.lines().any(|it| it == line), "{line} is not in\n{}", served.page);
    }
    let unsaid = "partnercenter_partner_validate_mfa_compliant{";
    assert!(!served.page.contains(unsaid), "a header that is missing says nothing");
}
