//! The customers in Partner Center: their list, each alone, and who may ask.

use std::collections::BTreeSet;

use serde_json::json;

use super::partner_center::{refused, visitor};
use super::*;

const LIST: &str = "customers?size=500";

/// An application by itself, at Partner Center's door.
pub(super) async fn application(settings: Settings) -> Running {
    let mut running = start(settings).await;
    running.renew(&[("scope", "https://api.partnercenter.microsoft.com/.default")]).await;
    running
}

impl Running {
    /// The pages of one of Partner Center's lists, followed by link and header to the end.
    pub(super) async fn turned(&self, path: &str) -> Vec<Value> {
        let (mut path, mut headers) = (path.to_owned(), String::new());
        let mut pages = Vec::new();
        loop {
            let reply = self.visit(&path, &headers).await;
            assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
            let body = reply.json();
            assert_eq!(body["totalCount"], json!(body["items"].as_array().unwrap().len()));
            let next = body["links"]["next"].clone();
            pages.push(body);
            let Some(uri) = next["uri"].as_str() else { return pages };
            let header = &next["headers"][0];
            assert_eq!(header["key"], "MS-ContinuationToken");
            headers = format!("MS-ContinuationToken: {}\r\n", header["value"].as_str().unwrap());
            path = uri.to_owned();
        }
    }
}

pub(super) fn items(pages: &[Value]) -> Vec<&Value> {
    pages.iter().flat_map(|page| page["items"].as_array().unwrap()).collect()
}

fn ids(pages: &[Value]) -> Vec<&str> {
    items(pages).into_iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_application_may_ask_by_itself_for_some_things_once_it_is_registered() {
    let running = application(quiet()).await;
    let id = ids(&running.turned(LIST).await)[0].to_owned();
    let (one, budget) = (format!("customers/{id}"), format!("customers/{id}/usagebudget"));
    let open = [LIST, &one, &budget];
    for route in open {
        assert_eq!(running.visit(route, "").await.status, 200, "{route}");
    }
    for route in ["customers/usagerecords", "fraudEvents", "profiles/legalbusiness", "nothing"] {
        assert_eq!(refused(&running.visit(route, "").await), (403, 900_329), "{route}");
    }
    running.faults(&["unregistered"]);
    for route in open {
        assert_eq!(refused(&running.visit(route, "").await), (403, 900_308), "{route}");
    }
    let stranger = application(Settings { registered: false, ..quiet() }).await;
    assert_eq!(refused(&stranger.visit(LIST, "").await), (403, 900_308));
    let reseller = application(Settings { indirect_reseller: true, ..quiet() }).await;
    assert_eq!(refused(&reseller.visit(LIST, "").await), (403, 900_149));
    // A person may, too, registered or not; without MFA, not.
    let mut person = visitor(Settings { registered: false, ..quiet() }).await;
    assert_eq!(person.visit(LIST, "").await.status, 200);
    person.become_person(false, PARTNER_CENTER).await;
    assert_eq!(refused(&person.visit(LIST, "").await), (401, 900_421));
}

#[tokio::test]
async fn customers_come_in_pages_of_the_size_asked_for() {
    let running = application(quiet()).await;
    for wrong in ["customers", "customers?size=501", "customers?size=many"] {
        assert_eq!(refused(&running.visit(wrong, "").await), (400, 2_000), "{wrong}");
    }
    let whole = running.turned(LIST).await;
    assert_eq!((whole.len(), ids(&whole).len()), (1, 40));
    assert_eq!(ids(&running.turned("customers?size=0").await), ids(&whole));
    let pages = running.turned("customers?size=15").await;
    // One in the middle is empty.
    let sizes: Vec<_> = pages.iter().map(|page| page["totalCount"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [15, 0, 15, 10]);
    assert_eq!(ids(&pages), ids(&whole));
    let links: Vec<_> = pages[..3].iter().map(|page| &page["links"]["next"]["uri"]).collect();
    let expected = "/customers?size=15&seekOperation=Next";
    assert_eq!(links, [expected, &format!("/v1{expected}"), expected]);
    assert!(items(&whole).iter().all(|row| row.get("allowDelegatedAccess").is_none()
        && row["id"] == row["companyProfile"]["tenantId"]
        && row.get("billingProfile").is_none()));
    let truth = running.control.truth();
    let mut relationships = BTreeMap::new();
    for row in items(&whole) {
        let word = row["relationshipToPartner"].as_str().unwrap();
        let word = if word == "distributor" { "unknown" } else { word };
        *relationships.entry(word).or_insert(0) += 1;
    }
    relationships.extend(["none", "syndication"].map(|word| (word, 0)));
    assert_eq!(relationships, truth.dap.relationships);
    // Without the header it is the first page again.
    let again = running.visit(expected, "").await.json();
    assert_eq!(again, pages[0]);
}

#[tokio::test]
async fn rows_are_repeated_where_that_was_asked_for() {
    let running = application(quiet()).await;
    running.faults(&["repeating-pages"]);
    for (size, rows) in [(15, 44), (1, 40 + 1 + 2 * 38)] {
        let pages = running.turned(&format!("customers?size={size}")).await;
        let all = ids(&pages);
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!((all.len(), distinct.len()), (rows, 40), "{size}");
    }
    running.faults(&["endless-paging"]);
    let body = running.visit(LIST, "").await.json();
    assert!(body["links"]["next"]["uri"].is_string());
}

#[tokio::test]
async fn customers_are_found_by_what_their_names_begin_with() {
    let running = application(quiet()).await;
    let found = async |field: &str, value: &str| {
        let filter = json!({ "Field": field, "Value": value, "Operator": "starts_with" });
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", &filter.to_string())
            .finish();
        let pages = running.turned(&format!("customers?size=1&{query}")).await;
        items(&pages)
            .iter()
            .map(|row| row["companyProfile"]["companyName"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let names = found("CompanyName", "fabrikam").await;
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|name| name.starts_with("Fabrikam ")));
    assert_eq!(found("Domain", "customer39.").await.len(), 1);
    for filter in
        ["x", "%7B%22Field%22:%22Id%22,%22Value%22:%22x%22,%22Operator%22:%22equals%22%7D"]
    {
        let reply = running.visit(&format!("customers?size=1&filter={filter}"), "").await;
        assert_eq!(refused(&reply), (400, 2_000));
    }
}

#[tokio::test]
async fn a_customer_alone_says_whether_administration_is_delegated() {
    let running = application(quiet()).await;
    let whole = running.turned(LIST).await;
    let (mut enabled, mut counted) = (Vec::new(), BTreeMap::new());
    let mut refusals = Vec::new();
    let mut pascal = 0;
    for id in ids(&whole) {
        let reply = running.visit(&format!("customers/{id}"), "").await;
        if reply.status != 200 {
            refusals.push(refused(&reply));
            *counted.entry("unknown").or_insert(0) += 1;
            let budget = running.visit(&format!("customers/{id}/usagebudget"), "").await;
            assert_eq!(refused(&budget), refusals[refusals.len() - 1]);
            continue;
        }
        let body = reply.json();
        let field = |name: &str, pascal: &str| body.get(name).or(body.get(pascal)).cloned();
        pascal += usize::from(body.get("Id").is_some());
        assert_eq!(field("id", "Id").unwrap(), id);
        assert!(field("billingProfile", "BillingProfile").unwrap().is_object());
        let delegated = field("allowDelegatedAccess", "AllowDelegatedAccess");
        let word = match &delegated {
            None => "unknown",
            Some(Value::Bool(true)) => "enabled",
            Some(_) => "disabled",
        };
        *counted.entry(word).or_insert(0) += 1;
        if word != "unknown" {
            let custom = field("customDomains", "CustomDomains").is_some();
            assert_eq!(custom, word == "enabled", "{id}");
        }
        if word == "enabled" {
            enabled.push(id.to_owned());
        }
    }
    let truth = running.control.truth().dap;
    assert_eq!(counted, truth.state);
    assert_eq!((refusals, truth.refused), (vec![(403, 900_309), (403, 20_002)], 2));
    assert_eq!((enabled, pascal), (truth.enabled_ids, 3));
    for stranger in ["51301a7e-0000-4000-8000-00000000c59a", "nobody"] {
        let reply = running.visit(&format!("customers/{stranger}"), "").await;
        assert_eq!(refused(&reply), (404, 60_003));
    }
    let upper = ids(&whole)[0].to_uppercase();
    assert_eq!(running.visit(&format!("customers/{upper}"), "").await.status, 200);
    let unheard = running.visit(&format!("customers/{upper}/subscriptions"), "").await;
    // Nothing that is not simulated is open to an application.
    assert_eq!(refused(&unheard), (403, 900_329));
}

#[tokio::test]
async fn every_band_of_inactivity_has_somebody_in_it() {
    for (customers, has) in [(40, 22), (20_000, 11_000)] {
        let truth = start(Settings { customers, ..quiet() }).await.control.truth().dap;
        assert_eq!(truth.granted_ids.len(), has);
        assert_eq!(truth.inactivity.values().sum::<usize>(), has);
        assert!(truth.inactivity.values().all(|&count| count > 0), "{:?}", truth.inactivity);
    }
}

#[tokio::test]
async fn a_boundary_day_belongs_to_the_lower_band() {
    let running = start(quiet()).await;
    let before = running.control.truth().dap.inactivity;
    running.control.turn(Duration::from_secs(1));
    let after = running.control.truth().dap.inactivity;
    let moved = |band: &str| after[band] as i64 - before[band] as i64;
    // One each on 30, 60 and 90 days; who was never there was let in 90 days ago or earlier.
    assert_eq!(["lt30", "30to60", "60to90", "gt90"].map(moved), [-1, 0, 0, 1]);
    assert_eq!((before["never"], after["never"]), (2, 2));
}
