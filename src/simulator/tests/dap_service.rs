//! The service that tells when delegations were last used.

use super::*;

const CUSTOMERS: &str = "/dap/v1/delegatedAdminCustomers";

impl Running {
    async fn look(&self, path: &str) -> Reply {
        let path = path.strip_prefix(&format!("http://{}", self.address)).unwrap_or(path);
        let headers = format!("Authorization: Bearer {}\r\n", self.bearer);
        self.ask("GET", path, &headers, "").await
    }

    /// Follows its list to the end, by either name of the link.
    async fn looked_through(&self, path: &str) -> Vec<Value> {
        let (mut rows, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let page = self.look(&path).await.json();
            rows.extend(page["value"].as_array().unwrap().iter().cloned());
            let link = page.get("@odata.nextLink").or(page.get("nextLink"));
            next = link.map(|link| link.as_str().unwrap().to_owned());
        }
        rows
    }
}

async fn agent(settings: Settings) -> Running {
    let mut running = start(settings).await;
    running.become_person(true, DAP).await;
    running
}

#[tokio::test]
async fn only_people_who_did_mfa_may_ask_and_only_with_its_own_token() {
    let mut running = agent(quiet()).await;
    assert_eq!(running.look(CUSTOMERS).await.status, 200);
    running.become_person(false, DAP).await;
    let reply = running.look(CUSTOMERS).await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "Unauthorized"));
    running.become_person(true, PARTNER_CENTER).await;
    assert_eq!(running.look(CUSTOMERS).await.status, 401);
    running.renew(&[("scope", &format!("{DAP}/.default"))]).await;
    assert_eq!(running.look(CUSTOMERS).await.status, 403);
    assert_eq!(running.ask("GET", CUSTOMERS, "", "").await.status, 401);
    let other = agent(Settings { partner: false, ..quiet() }).await;
    assert_eq!(other.look(CUSTOMERS).await.status, 403);
}

#[tokio::test]
async fn it_lists_all_customers_or_those_who_have_delegated() {
    let running = agent(quiet()).await;
    let all = running.looked_through(CUSTOMERS).await;
    assert_eq!(all.len(), 40);
    let path = format!("{CUSTOMERS}?$filter=dapEnabled%20eq%20true&$top=5&$count=true");
    let rows = running.looked_through(&path).await;
    let truth = running.control.truth().dap;
    let ids: Vec<_> = rows.iter().map(|row| row["customerTenantId"].as_str().unwrap()).collect();
    assert_eq!(ids, truth.granted_ids);
    assert_eq!(running.look(&path).await.json()["@odata.count"], 22);
    let enabled = all.iter().filter(|row| row["dapEnabled"] == true).cloned();
    assert_eq!(enabled.collect::<Vec<_>>(), rows);
    let mut used = BTreeMap::new();
    for row in &rows {
        let last = &row["lastSignInDateTime"];
        if let Some(text) = last.as_str().filter(|text| !text.is_empty()) {
            let last: Timestamp = format!("{}Z", text.trim_end_matches('Z')).parse().unwrap();
            used.insert(row["id"].as_str().unwrap().to_owned(), last);
        }
    }
    assert_eq!(used, truth.last_use);
    let zoned = rows.iter().filter(|row| row["startDateTime"].as_str().unwrap().ends_with('Z'));
    assert!((1..rows.len()).contains(&zoned.count()));
    let never = rows.iter().map(|row| &row["lastSignInDateTime"]);
    assert!(never.clone().any(Value::is_null) && never.clone().any(|last| last == ""));
    assert!(all.iter().any(|row| row["endDateTime"].is_string()));
    let some = running.look(&format!("{CUSTOMERS}?$select=id,dapEnabled&$skip=39")).await.json();
    assert_eq!(some["value"][0].as_object().unwrap().len(), 2);
    for wrong in ["$top=301", "$filter=id%20eq%20'x'", "$select=name", "$expand=x", "$orderby=id"] {
        assert_eq!(running.look(&format!("{CUSTOMERS}?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn its_statistics_are_by_day_in_american_dates() {
    let running = agent(quiet()).await;
    let body = running.look("/dap/v1/delegatedAdminStatistics").await.json();
    let truth = running.control.truth().dap;
    assert_eq!(body["totalDapCustomerCount"], truth.granted_ids.len());
    let sum = |field: &str| {
        let days = body[field].as_array().unwrap();
        assert!(days.iter().all(|day| day["date"].as_str().unwrap().split('/').count() == 3));
        days.iter().map(|day| day["count"].as_u64().unwrap()).sum::<u64>() as usize
    };
    assert_eq!(sum("establishedDapCount"), truth.granted_ids.len());
    assert_eq!(sum("inactiveDapCount"), truth.last_use.len());
}

#[tokio::test]
async fn it_can_be_gone() {
    let running = agent(quiet()).await;
    for (fault, status) in [("dap-service-gone", 410), ("dap-service-gone=404", 404)] {
        running.faults(&[fault]);
        assert_eq!(running.look(CUSTOMERS).await.status, status);
    }
    running.faults(&["throttle=7"]);
    assert_eq!(running.look(CUSTOMERS).await.headers["retry-after"], "7");
    running.faults(&["malformed-rows=1"]);
    let body = running.look(CUSTOMERS).await.json();
    assert!(!body["value"][0]["dapEnabled"].is_boolean() && body["value"][1].is_object());
    running.faults(&["foreign-nextlink"]);
    let body = running.look(&format!("{CUSTOMERS}?$top=5")).await.json();
    assert!(body["@odata.nextLink"].as_str().unwrap().contains("example.invalid"));
}
