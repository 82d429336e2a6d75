//! Privileged access: what a filter has to say, what a plan opens, and what is said of whom.

use super::*;

const GROUPS: &str = "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances";
const POLICIES: &str = "/policies/roleManagementPolicyAssignments";
const OF_ROLES: &str = "$filter=scopeId%20eq%20'/'%20and%20scopeType%20eq%20'DirectoryRole'";
const RISKY: &str = "/identityProtection/riskyUsers";

#[tokio::test]
async fn only_what_is_asked_for_with_its_filter_is_shown() {
    let running = start(quiet()).await;
    for path in [GROUPS, POLICIES, &format!("{POLICIES}?$filter=scopeId%20eq%20'/'")] {
        let reply = running.get(path).await;
        assert_eq!((reply.status, reply.code()), (400, "MissingFilter".to_owned()), "{path}");
    }
    let groups = running.all("/groups?$filter=displayName%20eq%20'HelpdeskAgents'").await;
    let id = groups[0]["id"].as_str().unwrap();
    let eligible = running.all(&format!("{GROUPS}?$filter=groupId%20eq%20'{id}'")).await;
    assert_eq!(eligible.len(), 2);
    assert!(eligible.iter().all(|row| row["groupId"] == id && row["accessId"] == "member"));
    let others = running.all("/groups?$filter=displayName%20eq%20'AdminAgents'").await;
    let id = others[0]["id"].as_str().unwrap();
    assert!(running.all(&format!("{GROUPS}?$filter=groupId%20eq%20'{id}'")).await.is_empty());
}

#[tokio::test]
async fn rules_are_shown_where_they_are_expanded() {
    let running = start(quiet()).await;
    let bare = running.all(&format!("{POLICIES}?{OF_ROLES}")).await;
    assert!(bare.len() > 1 && bare.iter().all(|row| row.get("policy").is_none()));
    let full = running.all(&format!("{POLICIES}?{OF_ROLES}&$expand=policy($expand=rules)")).await;
    let rules = full[0]["policy"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["id"] == "Approval_EndUser_Assignment"));
}

#[tokio::test]
async fn without_p2_each_service_refuses_in_its_own_words() {
    for plan in [Plan::P1, Plan::None] {
        let running = start(Settings { plan, ..quiet() }).await;
        let group = format!("{GROUPS}?$filter=groupId%20eq%20'none'");
        for (path, status, code) in [
            (group.as_str(), 400, "AadPremiumLicenseRequired"),
            (&format!("{POLICIES}?{OF_ROLES}"), 400, "AadPremiumLicenseRequired"),
            (RISKY, 403, "Forbidden"),
        ] {
            let reply = running.get(path).await;
            assert_eq!((reply.status, reply.code().as_str()), (status, code), "{path}");
        }
    }
}

#[tokio::test]
async fn plans_and_last_sign_ins_are_those_of_the_truth() {
    let running = start(quiet()).await;
    let agents = running.all("/groups?$filter=displayName%20eq%20'AdminAgents'").await;
    let id = agents[0]["id"].as_str().unwrap();
    let path = format!(
        "/groups/{id}/transitiveMembers/microsoft.graph.user?$count=true&$select=id,assignedPlans"
    );
    let page = running.get_with(&path, "ConsistencyLevel: eventual\r\n").await.json();
    let has_p2 = |row: &&Value| {
        row["assignedPlans"].as_array().unwrap().iter().any(|plan| {
            plan["servicePlanId"] == "eec0eb4f-6444-4f95-aba0-50c24d67f998"
                && plan["capabilityStatus"] == "Enabled"
        })
    };
    let rows = page["value"].as_array().unwrap();
    let truth = running.control.truth().privilege;
    assert_eq!(rows.len(), truth.admin_agents);
    assert_eq!(rows.iter().filter(has_p2).count(), truth.admin_agents_p2);
    let risky = running.all(RISKY).await;
    let told = truth.risky.unwrap().values().flat_map(|of| of.values()).sum::<usize>();
    assert_eq!(risky.iter().filter(|row| row["isDeleted"] == false).count(), told);
}
