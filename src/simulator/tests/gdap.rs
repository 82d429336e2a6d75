//! GDAP: what may be asked is answered in pages, as it is documented, and the rest is refused.

use std::collections::BTreeSet;

use super::*;

fn texts<'a>(rows: &'a [Value], field: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[field].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn relationships_are_listed_once_each_whatever_the_page_size() {
    let running = start(quiet()).await;
    let all = running.all(&format!("{RELATIONSHIPS}?$top=300")).await;
    let ids: BTreeSet<_> = texts(&all, "id").into_iter().collect();
    let truth = running.control.truth().gdap;
    assert_eq!(all.len(), truth.relationships.values().sum::<usize>());
    assert_eq!(ids.len(), all.len());
    assert!(ids.iter().all(|id| id.len() == 73), "two ids with a hyphen between");
    for top in [1, 7, all.len(), 299] {
        let rows = running.all(&format!("{RELATIONSHIPS}?$top={top}")).await;
        assert_eq!(rows, all, "$top={top}");
    }
    assert_eq!(running.get(&format!("{RELATIONSHIPS}?$top=301")).await.status, 400);
    let counted = running.get(&format!("{RELATIONSHIPS}?$count=true&$top=1")).await.json();
    assert_eq!(counted["@odata.count"], all.len());
    let durations: BTreeSet<_> = texts(&all, "duration").into_iter().collect();
    assert_eq!(durations, ["P2Y", "P730D"].into());
    let extends: BTreeSet<_> = texts(&all, "autoExtendDuration").into_iter().collect();
    assert_eq!(extends, ["", "P0D", "P180D", "PT0S"].into(), "null among them");
}

#[tokio::test]
async fn they_are_filtered_put_in_order_and_selected_from_and_not_in_other_ways() {
    let running = start(quiet()).await;
    let active = running.all(&format!("{RELATIONSHIPS}?$filter=status%20eq%20'active'")).await;
    assert_eq!(active.len(), running.control.truth().gdap.relationships["active"]);
    let ordered = running.all(&format!("{RELATIONSHIPS}?$orderby=displayName%20desc")).await;
    let names = texts(&ordered, "displayName");
    assert!(names.is_sorted_by(|one, other| one >= other), "{names:?}");
    let selected = running.get(&format!("{RELATIONSHIPS}?$select=id,status&$top=1")).await.json();
    let row = selected["value"][0].as_object().unwrap();
    assert_eq!(row.keys().filter(|name| !name.starts_with('@')).count(), 2);
    for refused in ["$filter=roles%20eq%20'a'", "$orderby=hue", "$select=hue", "$expand=customer"] {
        assert_eq!(
            running.get(&format!("{RELATIONSHIPS}?{refused}")).await.status,
            400,
            "{refused}"
        );
    }
    assert_eq!(running.get("/tenantRelationships/delegatedAdminServices").await.status, 400);
}

#[tokio::test]
async fn an_open_invitation_has_no_customer_and_what_is_not_active_yet_no_end() {
    let running = start(quiet()).await;
    let all = running.all(RELATIONSHIPS).await;
    assert!(all.iter().any(|row| row["customer"].is_null()));
    for row in &all {
        let id = row["id"].as_str().unwrap();
        let is_new = ["created", "approvalPending", "approved", "activating"]
            .contains(&row["status"].as_str().unwrap());
        assert_eq!(row["endDateTime"].is_null(), is_new, "{row}");
        assert_eq!(row["activatedDateTime"].is_null(), is_new, "{row}");
        let assignments = running.all(&format!("{RELATIONSHIPS}/{id}/accessAssignments")).await;
        assert!(assignments.is_empty() || !is_new, "{row}");
        let granted = row["accessDetails"]["unifiedRoles"].as_array().unwrap();
        for assignment in &assignments {
            let roles = assignment["accessDetails"]["unifiedRoles"].as_array().unwrap();
            assert!(roles.iter().all(|role| granted.contains(role)), "{assignment}");
            let group = assignment["accessContainer"]["accessContainerId"].as_str().unwrap();
            assert_eq!(running.get(&format!("/groups/{group}")).await.status, 200);
        }
        let one = running.get(&format!("{RELATIONSHIPS}/{id}")).await.json();
        assert_eq!(one["displayName"], row["displayName"]);
    }
}

#[tokio::test]
async fn customers_are_those_with_any_relationship_and_strangers_are_told_nothing() {
    let running = start(quiet()).await;
    let customers = running.all("/tenantRelationships/delegatedAdminCustomers?$top=7").await;
    let ids: BTreeSet<_> = texts(&customers, "tenantId").into_iter().collect();
    let truth = running.control.truth().gdap;
    assert_eq!((customers.len(), ids.len()), (truth.listed_customers, truth.listed_customers));
    assert!(truth.customers < truth.listed_customers);
    let stranger = start(Settings { partner: false, ..quiet() }).await;
    assert_eq!(stranger.get(RELATIONSHIPS).await.status, 403);
}

#[tokio::test]
async fn the_largest_partner_is_drawn_and_listed_in_no_time() {
    let running = start(Settings { customers: 20_000, ..quiet() }).await;
    let truth = running.control.truth().gdap;
    let all: usize = truth.relationships.values().sum();
    assert!(all > 25_000, "{all}");
    let page = running.get(&format!("{RELATIONSHIPS}?$top=300&$count=true")).await.json();
    assert_eq!(page["@odata.count"], all);
}
