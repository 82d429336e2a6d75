//! Graph when nothing goes wrong: what may be asked is answered, and the rest is refused.

use std::collections::BTreeSet;
use std::io::Read;

use super::*;

/// Every path and what opens it.
const PATHS: [(&str, &str); 33] = [
    ("/organization", "Organization.Read.All"),
    ("/users", "User.Read.All"),
    ("/users/$count", "User.Read.All"),
    ("/users/nobody", "User.Read.All"),
    (REPORT, "AuditLog.Read.All"),
    ("/reports/authenticationMethods/userRegistrationDetails/nobody", "AuditLog.Read.All"),
    (OUTLOOK, "Reports.Read.All"),
    (POLICY, "Policy.Read.All"),
    ("/subscribedSkus", "LicenseAssignment.Read.All"),
    ("/identity/conditionalAccess/policies", "Policy.Read.All"),
    ("/identity/conditionalAccess/namedLocations", "Policy.Read.All"),
    ("/policies/authenticationStrengthPolicies", "Policy.Read.All"),
    ("/policies/authenticationMethodsPolicy", "Policy.Read.All"),
    ("/policies/crossTenantAccessPolicy/default", "Policy.Read.All"),
    ("/policies/crossTenantAccessPolicy/partners", "Policy.Read.All"),
    ("/graph/beta/users/nobody/authentication/requirements", "Policy.Read.All"),
    ("/directoryRoles", "RoleManagement.Read.Directory"),
    ("/directoryRoles/nobody/members", "RoleManagement.Read.Directory"),
    ("/roleManagement/directory/roleAssignmentScheduleInstances", "RoleManagement.Read.Directory"),
    ("/roleManagement/directory/roleEligibilityScheduleInstances", "RoleManagement.Read.Directory"),
    (
        "/roleManagement/directory/roleAssignments?$filter=roleDefinitionId%20eq%20'none'",
        "RoleManagement.Read.Directory",
    ),
    (
        "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances?$filter=groupId%20eq%20'none'",
        "PrivilegedEligibilitySchedule.Read.AzureADGroup",
    ),
    (
        "/policies/roleManagementPolicyAssignments?$filter=scopeId%20eq%20'/'%20and%20scopeType%20eq%20'DirectoryRole'",
        "RoleManagement.Read.Directory",
    ),
    ("/identityProtection/riskyUsers", "IdentityRiskyUser.Read.All"),
    ("/groups", "GroupMember.Read.All"),
    ("/groups/nobody", "GroupMember.Read.All"),
    ("/groups/nobody/members", "GroupMember.Read.All"),
    ("/groups/nobody/transitiveMembers", "GroupMember.Read.All"),
    (RELATIONSHIPS, "DelegatedAdminRelationship.Read.All"),
    (
        "/tenantRelationships/delegatedAdminRelationships/nobody",
        "DelegatedAdminRelationship.Read.All",
    ),
    (
        "/tenantRelationships/delegatedAdminRelationships/nobody/accessAssignments",
        "DelegatedAdminRelationship.Read.All",
    ),
    (
        "/tenantRelationships/delegatedAdminRelationships/nobody/requests",
        "DelegatedAdminRelationship.Read.All",
    ),
    ("/tenantRelationships/delegatedAdminCustomers", "DelegatedAdminRelationship.Read.All"),
];

#[tokio::test]
async fn each_path_opens_to_its_permission_and_to_no_other() {
    for (path, permission) in PATHS {
        let granted = vec![permission.to_owned()];
        let running = start(Settings { granted, ..quiet() }).await;
        assert_ne!(running.get(path).await.status, 403, "{path} with {permission}");
        let others = graph::NEEDED_PERMISSIONS.iter().filter(|other| **other != permission);
        // Whoever may read the organization may read its subscriptions.
        let others = others.filter(|other| path != "/subscribedSkus" || !other.starts_with("Org"));
        let granted = others.map(|&other| other.to_owned()).collect();
        let running = start(Settings { granted, ..quiet() }).await;
        let reply = running.get(path).await;
        assert_eq!(reply.status, 403, "{path} without {permission}");
        assert!(!reply.code().is_empty());
    }
}

#[tokio::test]
async fn the_permissions_needed_open_everything() {
    let running = start(quiet()).await;
    for (path, _) in PATHS.iter().filter(|(path, _)| !path.contains("nobody")) {
        let reply = running.get_with(path, "ConsistencyLevel: eventual\r\n").await;
        // Of a report it is said where it lies.
        let status = if *path == OUTLOOK { 302 } else { 200 };
        assert_eq!(reply.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_list_shows_everybody_exactly_once_whatever_the_page_size() {
    let running = start(Settings { users: 57, ..quiet() }).await;
    for top in [1, 2, 7, 19, 56, 57, 58, 999] {
        let rows = running.all(&format!("{USERS}&$top={top}")).await;
        let ids: BTreeSet<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!((rows.len(), ids.len()), (57, 57), "$top={top}");
        let registrations = running.all(&format!("{REPORT}?$top={top}")).await;
        let truth = running.control.truth();
        // Unjudged, and the one that the report never heard of.
        let without = truth.unjudged_members + truth.unjudged_guests + 1;
        assert_eq!(registrations.len(), truth.members + truth.guests - without, "$top={top}");
    }
}

#[tokio::test]
async fn a_page_that_is_just_full_is_followed_by_an_empty_one() {
    let running = start(Settings { users: 20, ..quiet() }).await;
    let first = running.get("/users?$top=20").await.json();
    let next = first["@odata.nextLink"].as_str().unwrap();
    assert!(next.starts_with(&format!("http://{}/graph/v1.0/users?$top=20&", running.address)));
    let last = running.get(next).await.json();
    assert_eq!(last["value"], serde_json::json!([]));
    assert!(last.get("@odata.nextLink").is_none());
}

#[tokio::test]
async fn a_place_in_a_list_is_good_for_its_own_query_only() {
    let running = start(quiet()).await;
    let first = running.get(&format!("{USERS}&$top=9")).await.json();
    let next = first["@odata.nextLink"].as_str().unwrap();
    assert_eq!(running.get(&next.replace("$top=9", "$top=8")).await.status, 400);
    let token = next.split_once("$skiptoken=").unwrap().1;
    assert_eq!(running.get(&format!("/users?$skiptoken={token}")).await.status, 400);
}

#[tokio::test]
async fn only_what_is_selected_is_shown_and_by_default_not_whether_it_is_enabled() {
    let running = start(quiet()).await;
    let page = running.get("/users?$select=id,%20accountEnabled&$top=1").await.json();
    let row = page["value"][0].as_object().unwrap();
    assert_eq!(row.keys().collect::<Vec<_>>(), ["accountEnabled", "id"]);
    let page = running.get("/users").await.json();
    assert_eq!(page["value"].as_array().unwrap().len(), 100);
    assert!(page["value"][0].get("accountEnabled").is_none());
    assert!(page["value"][0].get("userPrincipalName").is_some());
    let page = running.get("/organization?$select=partnerTenantType").await.json();
    let only = serde_json::json!([{ "partnerTenantType": "resellerPartnerDelegatedAdmin" }]);
    assert_eq!(page["value"], only);
    for path in ["/users?$select=shoeSize", "/organization?$select=shoeSize"] {
        assert_eq!(running.get(path).await.status, 400);
    }
}

#[tokio::test]
async fn limits_and_options_are_those_of_the_collection() {
    let running = start(quiet()).await;
    for (path, status) in [
        ("/users?$top=999", 200),
        ("/users?$top=1000", 400),
        ("/users?$top=0", 400),
        ("/users?$top=many", 400),
        ("/users?$select=id,signInActivity&$top=500", 200),
        ("/users?$select=id,signInActivity&$top=501", 400),
        ("/users?$filter=accountEnabled%20eq%20false", 200),
        ("/users?$filter=userType%20eq%20'Guest'", 400),
        ("/users?$skip=10", 400),
        ("/users?$skiptoken=bm9uc2Vuc2U", 400),
        ("/users?$count=true", 400),
        ("/users/$count", 400),
        ("/subscribedSkus?$select=skuId", 200),
        ("/subscribedSkus?$filter=skuId%20eq%20'1'", 400),
        ("/reports/authenticationMethods/userRegistrationDetails?$top=999", 200),
        ("/security/partner/securityScore", 400),
        ("/users/nobody", 404),
        ("/graph/v2.0/users", 400),
        ("/graph/beta/users", 200),
        ("/graph/v1.0users", 400),
    ] {
        assert_eq!(running.get(path).await.status, status, "{path}");
    }
    let eventual = "ConsistencyLevel: eventual\r\n";
    let page = running.get_with("/users?$count=true&$top=9", eventual).await.json();
    assert_eq!(page["@odata.count"], 240);
    let next = page["@odata.nextLink"].as_str().unwrap();
    assert!(running.get_with(next, eventual).await.json().get("@odata.count").is_none());
    assert_eq!(running.get_with("/users/$count", eventual).await.body, b"240");
    let disabled = running.all("/users?$select=id&$filter=accountEnabled%20eq%20false").await;
    assert_eq!(disabled.len(), running.control.truth().disabled);
}

#[tokio::test]
async fn one_account_is_found_by_id_and_by_name() {
    let running = start(quiet()).await;
    let first = &running.get("/users?$top=1").await.json()["value"][0];
    for key in ["id", "userPrincipalName"] {
        let path = format!("/users/{}?$select=displayName", first[key].as_str().unwrap());
        assert_eq!(running.get(&path).await.json()["displayName"], first["displayName"]);
    }
}

#[tokio::test]
async fn counting_the_served_pages_gives_the_truth() {
    let mut running = start(Settings { users: 1500, seed: 9, ..quiet() }).await;
    for _ in 0..6 {
        running.control.step();
    }
    let mut now = noon().as_second();
    for hours in [0, 21, 30, 47] {
        running.control.turn(Duration::from_secs(hours * 3600));
        now += hours as i64 * 3600;
        running.renew(&[]).await;
        let rows = running.all(&format!("{REPORT}?$top=999")).await;
        let rows: BTreeMap<_, _> =
            rows.iter().map(|row| (row["id"].as_str().unwrap(), row)).collect();
        let told = running.control.truth();
        // What is not counted here is taken as told.
        let mut truth = Truth {
            members: 0,
            guests: 0,
            registered_members: 0,
            registered_guests: 0,
            capable_members: 0,
            capable_guests: 0,
            unregistered_members: 0,
            unregistered_guests: 0,
            unjudged_members: 0,
            unjudged_guests: 0,
            disabled: 0,
            unregistered_ids: Vec::new(),
            ..told.clone()
        };
        for user in running.all(&format!("{USERS}&$top=999")).await {
            if user["userPrincipalName"].as_str().unwrap().starts_with("Sync_") {
                continue;
            }
            count(&mut truth, &user, rows.get(user["id"].as_str().unwrap()).copied(), now);
        }
        assert_eq!(truth, told, "at {now}");
    }
}

/// Counts one account as a reader would, from what was served about it.
fn count(truth: &mut Truth, user: &Value, row: Option<&Value>, now: i64) {
    if user["accountEnabled"] == false {
        truth.disabled += 1;
        assert!(row.is_none(), "the report leaves out who is disabled");
        return;
    }
    let guest = user["userType"] == "Guest";
    let young = user["createdDateTime"]
        .as_str()
        .is_some_and(|created| now - created.parse::<Timestamp>().unwrap().as_second() < 48 * 3600);
    let pick =
        |pair: [usize; 2]| if guest { [pair[0], pair[1] + 1] } else { [pair[0] + 1, pair[1]] };
    [truth.members, truth.guests] = pick([truth.members, truth.guests]);
    let strong = ["windowsHelloForBusiness", "passKeyDeviceBound", "fido2"];
    let holds = |row: &Value| {
        let methods = row["methodsRegistered"].as_array().unwrap();
        methods.iter().any(|method| strong.contains(&method.as_str().unwrap()))
    };
    if row.is_some_and(|row| row["isMfaCapable"] == true) {
        [truth.capable_members, truth.capable_guests] =
            pick([truth.capable_members, truth.capable_guests]);
    }
    match row {
        Some(row)
            if row["isMfaRegistered"] == true || row["isMfaCapable"] == true || holds(row) =>
        {
            [truth.registered_members, truth.registered_guests] =
                pick([truth.registered_members, truth.registered_guests]);
        }
        None if young => {
            [truth.unjudged_members, truth.unjudged_guests] =
                pick([truth.unjudged_members, truth.unjudged_guests]);
        }
        _ => {
            [truth.unregistered_members, truth.unregistered_guests] =
                pick([truth.unregistered_members, truth.unregistered_guests]);
            truth.unregistered_ids.push(user["id"].as_str().unwrap().to_owned());
        }
    }
}

#[tokio::test]
async fn the_oddities_of_the_documents_are_there() {
    let running = start(quiet()).await;
    let users = running.all(&format!("{USERS}&$top=999")).await;
    let rows = running.all(&format!("{REPORT}?$top=999")).await;
    assert!(users.iter().any(|user| user["userType"].is_null()));
    assert!(users.iter().any(|user| user["createdDateTime"].is_null()));
    assert!(users.iter().all(|user| !user["accountEnabled"].is_null()));
    let hello = serde_json::json!(["windowsHelloForBusiness"]);
    let is = |row: &Value, registered: bool, capable: bool| {
        row["isMfaRegistered"] == registered && row["isMfaCapable"] == capable
    };
    assert!(rows.iter().any(|row| is(row, false, false) && row["methodsRegistered"] == hello));
    assert!(rows.iter().any(|row| is(row, true, false)));
    assert!(rows.iter().any(|row| row["userPreferredMethodForSecondaryAuthentication"] == ""));
    assert!(rows.iter().any(|row| row["userType"] == "guest"));
    for row in &rows {
        let updated = row["lastUpdatedDateTime"].as_str().unwrap();
        assert_eq!(updated.split_once('.').unwrap().1.len(), 8, "{updated}");
    }
}

#[tokio::test]
async fn what_is_paid_for_shows_in_the_plans_that_work() {
    for (plan, premium) in [(Plan::P2, true), (Plan::P1, true), (Plan::None, false)] {
        let running = start(Settings { plan, ..quiet() }).await;
        let skus = running.all("/subscribedSkus?$select=capabilityStatus,servicePlans").await;
        let works = |sku: &&Value| sku["capabilityStatus"] == "Enabled";
        let plans =
            skus.iter().filter(works).flat_map(|sku| sku["servicePlans"].as_array().unwrap());
        let mut plans = plans.filter(|plan| plan["provisioningStatus"] == "Success");
        assert_eq!(plans.any(|plan| plan["servicePlanName"] == "AAD_PREMIUM"), premium);
        let report = running.get(REPORT).await;
        assert_eq!(report.status, if premium { 200 } else { 403 });
        assert_eq!(running.control.truth().premium, premium);
    }
}

#[tokio::test]
async fn settings_show_in_what_is_answered() {
    let settings = Settings { partner: false, security_defaults: true, ..quiet() };
    let running = start(settings).await;
    let tenant = &running.all("/organization").await[0];
    assert!(tenant["partnerTenantType"].is_null());
    assert_eq!(tenant["id"], TENANT_ID);
    assert_eq!(running.get(POLICY).await.json()["isEnabled"], true);
    assert!(running.control.truth().security_defaults);
}

#[tokio::test]
async fn without_a_token_of_ours_nothing_is_answered() {
    let mut running = start(quiet()).await;
    let refused = |reply: Reply| {
        assert_eq!((reply.status, reply.code().as_str()), (401, "InvalidAuthenticationToken"));
        assert!(reply.headers.contains_key("www-authenticate"));
    };
    refused(running.ask("GET", "/graph/v1.0/users", "", "").await);
    running.control.turn(Duration::from_secs(3600));
    refused(running.get("/users").await);
    running.bearer.push('x');
    refused(running.get("/users").await);
    let scope = ("scope", "https://api.partnercenter.microsoft.com/.default");
    running.renew(&[scope]).await;
    refused(running.get("/users").await);
}

#[tokio::test]
async fn only_reading_is_possible() {
    let running = start(quiet()).await;
    let headers = format!("Authorization: Bearer {}\r\n", running.bearer);
    for method in ["POST", "PATCH", "DELETE", "HEAD"] {
        assert_eq!(running.ask(method, "/graph/v1.0/users", &headers, "").await.status, 405);
    }
    assert_eq!(running.ask("POST", "/graph/v1.0/$batch", &headers, "{}").await.status, 405);
}

#[tokio::test]
async fn the_sixth_report_in_ten_seconds_has_to_wait_and_the_directory_has_not() {
    let running = start(Settings { enforce_throttles: true, ..quiet() }).await;
    for _ in 0..5 {
        assert_eq!(running.get(REPORT).await.status, 200);
    }
    let reply = running.get(REPORT).await;
    assert_eq!((reply.status, reply.code().as_str()), (429, "TooManyRequests"));
    assert_eq!(reply.headers["retry-after"], "10");
    assert_eq!(running.get("/users?$select=id,signInActivity").await.status, 429);
    let users = running.get("/users?$select=id").await;
    assert_eq!((users.status, users.headers["x-ms-resource-unit"].as_str()), (200, "1"));
    running.control.turn(Duration::from_secs(10));
    assert_eq!(running.get(REPORT).await.status, 200);
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_accept_it() {
    let running = start(quiet()).await;
    let plain = running.get(USERS).await;
    let packed = running.get_with(USERS, "Accept-Encoding: gzip\r\n").await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert!(packed.whole && packed.body.len() * 2 < plain.body.len());
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut body).unwrap();
    assert_eq!(body, plain.body);
}
