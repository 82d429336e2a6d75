//! What says that MFA is demanded: Conditional Access, security defaults, the legacy state.

use std::collections::BTreeSet;

use super::*;

const EFFECTIVE: &str = "/roleManagement/directory/roleAssignments";

#[tokio::test]
async fn conditional_access_is_asked_about_once_a_second_and_nobody_says_so() {
    let running = start(Settings { enforce_throttles: true, ..quiet() }).await;
    assert_eq!(running.get(POLICIES).await.status, 200);
    let reply = running.get(LOCATIONS).await;
    assert_eq!((reply.status, reply.code().as_str()), (429, "TooManyRequests"));
    assert!(!reply.headers.contains_key("retry-after"));
    running.control.turn(Duration::from_millis(1000));
    let reply = running.get(LOCATIONS).await;
    assert_eq!(reply.status, 200);
    assert!(!reply.headers.contains_key("x-ms-resource-unit"));
}

#[tokio::test]
async fn policies_come_in_pages_and_without_other_options() {
    let running = start(quiet()).await;
    let all = running.all(POLICIES).await;
    for top in [1, 7, 999] {
        assert_eq!(running.all(&format!("{POLICIES}?$top={top}")).await, all);
    }
    for option in ["$filter=state%20eq%20'enabled'", "$skip=1", "$orderby=id", "$count=true"] {
        assert_eq!(running.get(&format!("{POLICIES}?{option}")).await.status, 400, "{option}");
    }
    let states: BTreeSet<_> = all.iter().map(|policy| policy["state"].as_str().unwrap()).collect();
    let expected = ["disabled", "enabled", "enabledForReportingButNotEnforced"];
    assert_eq!(states.into_iter().collect::<Vec<_>>(), expected);
    let truth = running.control.truth();
    assert_eq!(truth.policies.values().sum::<usize>(), all.len());
}

#[tokio::test]
async fn without_a_plan_there_is_no_conditional_access_and_without_p2_no_eligibility() {
    let running = start(Settings { plan: Plan::None, ..quiet() }).await;
    for path in [POLICIES, LOCATIONS] {
        let reply = running.get(path).await;
        let code = "Authentication_RequestFromNonPremiumTenantOrB2CTenant";
        assert_eq!((reply.status, reply.code().as_str()), (403, code));
    }
    let running = start(Settings { plan: Plan::P1, ..quiet() }).await;
    for path in [ACTIVE, ELIGIBLE] {
        let reply = running.get(path).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "AadPremiumLicenseRequired"));
    }
    assert_eq!(running.get("/directoryRoles").await.status, 200);
    assert_eq!(running.get(EFFECTIVE).await.status, 400);
    let one = format!("{EFFECTIVE}?$filter=roleDefinitionId%20eq%20'{GLOBAL_ADMINISTRATOR}'");
    assert_eq!(running.all(&one).await.len(), 4);
}

#[tokio::test]
async fn security_defaults_leave_no_policy_enabled() {
    let running = start(Settings { security_defaults: true, ..quiet() }).await;
    let policies = running.all(POLICIES).await;
    assert!(!policies.is_empty() && policies.iter().all(|policy| policy["state"] != "enabled"));
    let truth = running.control.truth();
    assert_eq!(truth.coverage["always"], truth.enforced["defaults"]);
    assert_eq!((truth.policies["enabled"], truth.legacy_excluded.total()), (0, 0));
}

#[tokio::test]
async fn the_legacy_state_is_shown_where_microsoft_shows_it() {
    let running = start(quiet()).await;
    let path = "/users?$select=id,perUserMfaState&$top=999";
    let rows = running.all(path).await;
    let state = |word: &str| rows.iter().filter(|row| row["perUserMfaState"] == word).count();
    assert_eq!((state("enforced"), state("enabled"), state("disabled")), (2, 1, 237));
    let one = rows.iter().find(|row| row["perUserMfaState"] == "enforced").unwrap();
    let requirements =
        format!("/users/{}/authentication/requirements", one["id"].as_str().unwrap());
    let reply = running.get(&format!("/graph/beta{requirements}")).await;
    assert_eq!(reply.json()["perUserMfaState"], "enforced");
    assert_eq!(running.get(&requirements).await.status, 400);
    assert!(running.get("/users").await.json()["value"][0].get("perUserMfaState").is_none());

    let hidden = start(Settings { per_user_mfa_shown: false, ..quiet() }).await;
    let rows = hidden.all(path).await;
    assert!(rows.iter().all(|row| row.as_object().unwrap().len() == 1));
    assert_eq!(hidden.control.truth().enforced["per_user"].total(), 0);
    let refused = start(without(&["Policy.Read.All"])).await;
    assert_eq!(refused.get(path).await.status, 403);
    assert_eq!(refused.get(USERS).await.status, 200);
}

#[tokio::test]
async fn mfa_of_other_tenants_is_trusted_where_that_is_set() {
    for trusted in [false, true] {
        let running = start(Settings { trusts_guest_mfa: trusted, ..quiet() }).await;
        let body = running.get("/policies/crossTenantAccessPolicy/default").await.json();
        assert_eq!(body["inboundTrust"]["isMfaAccepted"], trusted);
        let partners = running.all("/policies/crossTenantAccessPolicy/partners").await;
        assert!(partners.iter().all(|row| row["inboundTrust"]["isMfaAccepted"] != true));
        assert_eq!(running.control.truth().unregistered_guests == 0, trusted);
    }
}
