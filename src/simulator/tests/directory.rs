//! Groups and roles: what may be asked is answered, and the rest is refused.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;

const EVENTUAL: &str = "ConsistencyLevel: eventual\r\n";

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
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
