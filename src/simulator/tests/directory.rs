//! Policies, groups and roles: what may be asked is answered, and the rest is refused.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

const POLICIES: &str = "/identity/conditionalAccess/policies";
const LOCATIONS: &str = "/identity/conditionalAccess/namedLocations";
const ACTIVE: &str = "/roleManagement/directory/roleAssignmentScheduleInstances";
const ELIGIBLE: &str = "/roleManagement/directory/roleEligibilityScheduleInstances";
const EVENTUAL: &str = "ConsistencyLevel: eventual\r\n";
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

async fn group(running: &Running, name: &str) -> String {
    let name = name.replace(' ', "%20");
    let groups = running.all(&format!("/groups?$filter=displayName%20eq%20'{name}'")).await;
    assert_eq!(groups.len(), 1, "{name}");
    groups[0]["id"].as_str().unwrap().to_owned()
}

fn without(permissions: &[&str]) -> Settings {
    let mut settings = quiet();
    settings.granted.retain(|granted| !permissions.contains(&granted.as_str()));
    settings
}

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
    let all = "/roleManagement/directory/roleAssignments";
    assert_eq!(running.get(all).await.status, 400);
    let one = format!("{all}?$filter=roleDefinitionId%20eq%20'{GLOBAL_ADMINISTRATOR}'");
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
async fn the_deleted_group_is_gone_and_its_policy_names_it_still() {
    let running = start(quiet()).await;
    let policies = running.all(POLICIES).await;
    let excluded = policies.iter().flat_map(|policy| {
        policy["conditions"]["users"]["excludeGroups"].as_array().unwrap().clone()
    });
    let mut gone = 0;
    for id in excluded {
        let id = id.as_str().unwrap();
        let statuses = [
            running.get(&format!("/groups/{id}?$select=id")).await,
            running.get(&format!("/groups/{id}/members")).await,
            running.get(&format!("/groups/{id}/transitiveMembers")).await,
        ];
        let absent = statuses[0].status == 404;
        for reply in statuses {
            assert_eq!(reply.status, if absent { 404 } else { 200 });
            assert!(!absent || reply.code() == "Request_ResourceNotFound");
        }
        gone += usize::from(absent);
    }
    assert_eq!(gone, 1);
}

#[tokio::test]
async fn groups_are_found_by_name_in_any_case() {
    let running = start(quiet()).await;
    for (filter, found) in [
        ("displayName eq 'adminagents'", 1),
        ("displayName eq 'AdminAgents' or displayName eq 'SALESAGENTS'", 2),
        ("displayName in ('AdminAgents','HelpdeskAgents','SalesAgents')", 3),
        ("displayName eq 'Nobody'", 0),
    ] {
        let filter = filter.replace(' ', "%20");
        let rows = running.all(&format!("/groups?$select=id&$filter={filter}")).await;
        assert_eq!(rows.len(), found, "{filter}");
    }
    assert_eq!(running.get("/groups?$filter=startsWith(displayName,'A')").await.status, 400);
    let ordinary = start(Settings { partner: false, ..quiet() }).await;
    let rows = ordinary.all("/groups?$filter=displayName%20eq%20'AdminAgents'").await;
    assert_eq!(rows.len(), 0);
}

#[tokio::test]
async fn members_are_shown_once_each_whatever_the_page_size() {
    let running = start(quiet()).await;
    let staff = group(&running, "All staff").await;
    let direct = running.all(&format!("/groups/{staff}/members")).await;
    // The departments and the two emergency accounts.
    assert_eq!(direct.len(), 5);
    let path = format!("/groups/{staff}/transitiveMembers?$select=id,accountEnabled");
    let all = running.all(&format!("{path}&$top=999")).await;
    assert_eq!(ids(&all).len(), all.len());
    for top in [1, 10, 99, 100] {
        let rows = running.all(&format!("{path}&$top={top}")).await;
        assert_eq!(rows, all, "$top={top}");
    }
    let first = running.get(&path).await.json();
    assert_eq!(first["value"].as_array().unwrap().len(), 100);
    assert_eq!(running.get(&format!("{path}&$top=1000")).await.status, 400);
    assert_eq!(running.get(&format!("/groups/{staff}/members?$select=hue")).await.status, 400);
}

#[tokio::test]
async fn members_are_groups_and_service_principals_too() {
    let running = start(quiet()).await;
    let agents = group(&running, "AdminAgents").await;
    let kinds = async |what: &str| {
        let rows = running.all(&format!("/groups/{agents}/{what}?$select=id,displayName")).await;
        let mut kinds = BTreeMap::<String, usize>::new();
        for row in rows {
            assert!(row["@odata.type"] != "#microsoft.graph.user" || row["displayName"] != "");
            *kinds.entry(row["@odata.type"].as_str().unwrap()[17..].to_owned()).or_default() += 1;
        }
        kinds
    };
    let counts = |users| {
        [("group", 1), ("servicePrincipal", 1), ("user", users)]
            .map(|(kind, count)| (kind.to_owned(), count))
            .into()
    };
    assert_eq!(kinds("members").await, counts(3));
    assert_eq!(kinds("transitiveMembers").await, counts(5));
    let reply = running.get(&format!("/groups/{agents}/transitiveMembers")).await;
    assert_eq!(reply.headers["x-ms-resource-unit"], "5");
}

#[tokio::test]
async fn a_cast_needs_its_header_and_a_count() {
    let running = start(quiet()).await;
    let agents = group(&running, "AdminAgents").await;
    let path = format!("/groups/{agents}/transitiveMembers/microsoft.graph.user");
    let counted = format!("{path}?$count=true&$select=id");
    assert_eq!(running.get(&counted).await.status, 400);
    assert_eq!(running.get_with(&path, EVENTUAL).await.status, 400);
    let page = running.get_with(&counted, EVENTUAL).await.json();
    assert_eq!(
        (page["@odata.count"].clone(), ids(page["value"].as_array().unwrap()).len()),
        (json!(5), 5)
    );
    let strange = format!("/groups/{agents}/members/microsoft.graph.shoe?$count=true");
    assert_eq!(running.get_with(&strange, EVENTUAL).await.status, 400);
}

#[tokio::test]
async fn who_may_not_read_people_learns_no_more_than_their_ids() {
    let running = start(without(&["User.Read.All"])).await;
    let staff = group(&running, "All staff").await;
    let rows = running.all(&format!("/groups/{staff}/members?$select=id,displayName")).await;
    for row in rows.iter().filter(|row| row["@odata.type"] == "#microsoft.graph.user") {
        assert_eq!(row.as_object().unwrap().len(), 2, "{row}");
    }
    let groups = rows.iter().filter(|row| row["@odata.type"] == "#microsoft.graph.group");
    assert_eq!(groups.filter(|row| row["displayName"].is_string()).count(), 3);
}

#[tokio::test]
async fn roles_are_found_by_their_own_id_and_by_their_templates() {
    let running = start(quiet()).await;
    let roles = running.all("/directoryRoles").await;
    let role = roles.iter().find(|role| role["roleTemplateId"] == GLOBAL_ADMINISTRATOR).unwrap();
    let id = role["id"].as_str().unwrap();
    assert_ne!(id, GLOBAL_ADMINISTRATOR);
    let by_id = running.all(&format!("/directoryRoles/{id}/members")).await;
    let template = format!("/directoryRoles/roleTemplateId={GLOBAL_ADMINISTRATOR}/members");
    assert_eq!(running.all(&template).await, by_id);
    assert_eq!(by_id.len(), 5);
    let path = format!("/directoryRoles/{GLOBAL_ADMINISTRATOR}/members");
    assert_eq!(running.get(&path).await.status, 404);
}

#[tokio::test]
async fn schedules_tell_standing_from_activated_and_whole_from_unit() {
    let running = start(quiet()).await;
    let active = running.all(&format!("{ACTIVE}?$expand=principal")).await;
    let count = |wanted: &dyn Fn(&Value) -> bool| active.iter().filter(|row| wanted(row)).count();
    assert_eq!(count(&|row| row["roleDefinitionId"] == GLOBAL_ADMINISTRATOR), 5);
    assert_eq!(
        count(&|row| row["assignmentType"] == "Activated" && row["endDateTime"] != json!(null)),
        1
    );
    assert_eq!(count(&|row| row["directoryScopeId"] != "/"), 1);
    assert_eq!(count(&|row| row["principal"]["@odata.type"] == "#microsoft.graph.group"), 1);
    let service = "#microsoft.graph.servicePrincipal";
    assert_eq!(count(&|row| row["principal"]["@odata.type"] == service), 1);
    assert_eq!(ids(&active).len(), active.len());
    let eligible = running.all(ELIGIBLE).await;
    assert_eq!(eligible.len(), 4);
    assert!(eligible.iter().all(|row| row["id"].as_str().unwrap().ends_with("-e")));
    let filtered = format!("{ACTIVE}?$filter=assignmentType%20eq%20'Activated'&$select=id");
    assert_eq!(running.all(&filtered).await.len(), 1);
    assert_eq!(running.get(&format!("{ACTIVE}?$expand=roleDefinition")).await.status, 400);
    assert_eq!(running.get(&format!("{ACTIVE}?$top=5")).await.status, 400);
}

#[tokio::test]
async fn the_report_knows_administrators_by_the_roles_they_hold() {
    let running = start(quiet()).await;
    let rows = running.all(&format!("{REPORT}?$top=999&$filter=isAdmin%20eq%20true")).await;
    let mut holders = BTreeSet::new();
    for row in running.all(&format!("{ACTIVE}?$expand=principal")).await {
        let id = row["principalId"].as_str().unwrap();
        match row["principal"]["@odata.type"].as_str().unwrap() {
            "#microsoft.graph.user" => drop(holders.insert(id.to_owned())),
            "#microsoft.graph.group" => {
                holders.extend(ids(&running.all(&format!("/groups/{id}/members")).await));
            }
            _ => {}
        }
    }
    let disabled = running.all("/users?$select=id&$filter=accountEnabled%20eq%20false").await;
    let enabled: BTreeSet<_> = holders.difference(&ids(&disabled)).cloned().collect();
    assert_eq!(ids(&rows), enabled);
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

#[tokio::test]
async fn somebody_joins_and_leaves_the_exceptions() {
    let running = start(quiet()).await;
    let exceptions = group(&running, "MFA exceptions").await;
    let path = format!("/groups/{exceptions}/transitiveMembers?$select=id");
    let (before, rows) = (running.control.truth(), running.all(&path).await.len());
    let step = || (0..4).for_each(|_| drop(running.control.step()));
    step();
    assert!(running.control.step().contains("joined"));
    let after = running.control.truth();
    assert_eq!(after.excluded["group"], before.excluded["group"] + 1);
    assert_eq!(running.all(&path).await.len(), rows + 1);
    step();
    assert!(running.control.step().contains("left"));
    assert_eq!(running.control.truth().excluded, before.excluded);
}

#[tokio::test]
async fn faults_meet_the_new_lists_as_they_meet_the_old() {
    let running = start(quiet()).await;
    let staff = group(&running, "All staff").await;
    let members = format!("/groups/{staff}/transitiveMembers");
    let paths = [
        POLICIES,
        LOCATIONS,
        ACTIVE,
        ELIGIBLE,
        "/directoryRoles",
        "/groups",
        "/policies/authenticationStrengthPolicies",
        "/policies/crossTenantAccessPolicy/partners",
        &members,
    ];
    for path in paths {
        running.faults(&["malformed-rows=2"]);
        let rows = running.get(path).await.json()["value"].clone();
        assert!(rows[0]["id"].as_str().is_none() && rows[1]["id"].as_str().is_none(), "{path}");
        running.faults(&[&format!("forbidden={path}")]);
        assert_eq!(running.get(path).await.status, 403, "{path}");
        running.faults(&["endless-paging"]);
        let mut link = path.to_owned();
        for _ in 0..5 {
            let page = running.get(&link).await.json();
            link = page["@odata.nextLink"].as_str().unwrap().to_owned();
        }
        assert_eq!(running.get(&link).await.json()["value"], json!([]), "{path}");
        running.faults(&["null-everything"]);
        let rows = running.get(path).await.json()["value"].clone();
        let shown = rows[0].as_object().unwrap();
        assert!(shown.values().any(Value::is_null), "{path}");
        running.faults(&[]);
        assert_eq!(running.get(path).await.status, 200, "{path}");
    }
}
