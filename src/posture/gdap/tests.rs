//! Tenants written by hand, and what their relationships come to.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::metrics::Samples;
use crate::posture::tenants::{id, tenant};

/// What the page says of a tenant.
fn page(yaml: &str) -> String {
    let tenant = tenant(yaml);
    let (facts, declared) = (tenant.facts(), tenant.declared());
    let mut samples = Samples::of_tenant("t");
    observe(&Posture::of(&facts, &declared), &mut samples);
    samples.to_string()
}

fn has(page: &str, line: &str) -> bool {
    let (name, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = name.split_once('{').map_or((name, String::new()), |(name, labels)| {
        (name, format!(",{}", labels.trim_end_matches('}')))
    });
    let line = format!("partnercenter_{name}{{tenant=\"t\"{labels}}} {value}");
    page.lines().any(|it| it == line)
}

const PEOPLE: &str = "users: { anna: {}, bert: {}, carl: {}, gone: { disabled: true } },
    groups: { desk: [anna, inner], inner: [bert, gone], leads: [anna, carl], locked: refused }";

#[test]
fn each_role_weighs_by_the_distinct_enabled_people_to_whom_it_is_open() {
    let page = page(&format!(
        "{{ {PEOPLE}, gdap: {{
            a: {{ customer: c, roles: [global, reader, exchange], held: {{
                desk: [global, reader, user], leads: [reader] }} }},
            b: {{ customer: c, roles: [helpdesk], held: {{ leads: [helpdesk] }}, holding: deleting }},
            d: {{ status: expired, roles: [global], held: {{ desk: [global] }} }} }} }}"
    ));
    // Global Administrator for two, reading for three: user is not granted, exchange not given.
    assert!(has(&page, "gdap_exposure 203"), "{page}");
    assert!(has(&page, "gdap_people 3"), "{page}");
    assert!(has(&page, "gdap_roles_granted 4") && has(&page, "gdap_roles_assigned 2"), "{page}");
    assert!(has(&page, "gdap_relationships_by_people{people=\"1to5\"} 1"), "{page}");
    assert!(has(&page, "gdap_relationships_by_people{people=\"0\"} 1"), "{page}");
    assert!(has(&page, "gdap_relationships_without_assignment 1"), "{page}");
    assert!(has(&page, "gdap_relationships_with_role{role=\"global_administrator\"} 1"), "{page}");
    assert!(has(&page, "gdap_relationships_with_role{role=\"partner_tier2_support\"} 0"), "{page}");
    assert!(has(&page, "customers_gdap 1"), "{page}");
}

#[test]
fn what_cannot_be_read_leaves_unknown_what_rests_on_it_and_nothing_else() {
    let of = |gdap: &str| page(&format!("{{ {PEOPLE}, agents: [agents], gdap: {gdap} }}"));
    let locked = of("{ a: { held: { locked: [helpdesk] } }, b: { held: { desk: [helpdesk] } } }");
    assert!(has(&locked, "gdap_relationships_by_people{people=\"unknown\"} 1"), "{locked}");
    assert!(has(&locked, "gdap_relationships_by_people{people=\"1to5\"} 1"), "{locked}");
    assert!(has(&locked, "gdap_relationships_unread 0"), "{locked}");
    assert!(has(&locked, "gdap_roles_assigned 2"), "{locked}");
    assert!(!locked.contains("_exposure") && !locked.contains("gdap_people"), "{locked}");
    let refused = of("{ a: { held: refused }, b: { held: { agents: [helpdesk] } } }");
    assert!(has(&refused, "gdap_relationships_unread 1"), "{refused}");
    assert!(has(&refused, "gdap_assignments_to_admin_agents 1"), "{refused}");
    assert!(has(&refused, "gdap_roles_granted 2"), "{refused}");
    assert!(!refused.contains("_exposure") && !refused.contains("_assigned"), "{refused}");
    assert_eq!(of("refused"), "", "no relationship is known");
}

#[test]
fn with_none_everything_is_zero_and_no_moment_is_told() {
    let page = page(&format!("{{ {PEOPLE} }}"));
    assert!(page.lines().all(|line| line.ends_with(" 0")), "{page}");
    assert!(has(&page, "gdap_exposure 0") && has(&page, "gdap_people 0"), "{page}");
    assert!(!page.contains("_timestamp_"), "{page}");
    assert_eq!(METRICS.len() - 2, METRICS.iter().filter(|it| page.contains(it.name)).count());
}

#[test]
fn a_customer_goes_dark_with_its_last_relationship_unless_one_extends_itself() {
    let page = page(
        "{ gdap: {
            a1: { customer: a, ends: 10 }, a2: { customer: A, ends: 240 },
            b1: { customer: b, ends: 10 }, b2: { customer: b, ends: 100, extends: true },
            c1: { customer: c, ends: 25 }, c2: { customer: c, status: approvalPending },
            d1: { customer: d, ends: 1441 }, d2: { customer: ~, ends: 24 } } }",
    );
    for (band, ending, dark) in
        [("lt1d", 3, 0), ("1to7d", 1, 1), ("7to14d", 1, 1), ("14to30d", 0, 0), ("30to60d", 0, 0)]
    {
        let line = format!("gdap_relationships_ending{{ends_in=\"{band}\"}} {ending}");
        assert!(has(&page, &line), "{line}\n{page}");
        let line = format!("gdap_customers_going_dark{{ends_in=\"{band}\"}} {dark}");
        assert!(has(&page, &line), "{line}\n{page}");
    }
    assert!(has(&page, "customers_gdap 4"), "{page}");
    assert!(has(&page, "gdap_relationships_auto_extend{auto_extend=\"yes\"} 1"), "{page}");
    let first = crate::posture::tenants::now().as_second() + 10 * 3600;
    assert!(has(&page, &format!("gdap_earliest_end_timestamp_seconds {first}")), "{page}");
}

#[test]
fn of_a_customer_it_is_said_what_is_known_and_nothing_more() {
    let of = |yaml: &str, customer: &str| {
        let tenant = tenant(yaml);
        let (facts, declared) = (tenant.facts(), tenant.declared());
        let posture = Posture::of(&facts, &declared);
        posture.gdap.as_ref().unwrap().customer(&id(customer))
    };
    let one = "gdap: { a: { customer: a, ends: 10 } }";
    let known = of(&format!("{{ {one} }}"), "A").unwrap().unwrap();
    assert_eq!(known.exposure, Ok(0));
    assert!(known.goes_dark().is_some());
    assert_eq!(of(&format!("{{ {one} }}"), "b"), Ok(None));
    let doubtful = of(&format!("{{ {one}, unreadable_gdap: 1 }}"), "b");
    assert_eq!(doubtful, Err(Unread::SourceFailed), "the one that is missing may be with b");
    let unsaid = of("{ gdap: { a: { customer: ~ } } }", "b");
    assert_eq!(unsaid, Err(Unread::SourceFailed));
}

/// Relationships, groups and people drawn at random; all of it readable.
fn drawn() -> impl Strategy<Value = Value> {
    let roles = || {
        let words = vec!["global", "privileged", "user", "helpdesk", "exchange", "reader"];
        proptest::sample::subsequence(words, 0..=4)
    };
    let members = proptest::sample::subsequence(vec!["anna", "bert", "carl", "g1"], 0..=4);
    let groups = proptest::collection::vec(members, 3);
    let held = proptest::collection::btree_map(0..3_usize, roles(), 0..3);
    let one = (roles(), held).prop_map(|(roles, held)| {
        let held: serde_json::Map<_, _> =
            held.into_iter().map(|(group, roles)| (format!("g{group}"), json!(roles))).collect();
        json!({ "roles": roles, "held": held })
    });
    (groups, proptest::collection::vec(one, 1..4)).prop_map(|(groups, all)| {
        let list = |all: Vec<Value>, mark: &str| {
            let named = all.into_iter().enumerate();
            named
                .map(|(number, it)| (format!("{mark}{number}"), it))
                .collect::<serde_json::Map<_, _>>()
        };
        let groups = groups.into_iter().map(|members| json!(members)).collect();
        json!({
            "users": { "anna": {}, "bert": {}, "carl": {} },
            "groups": list(groups, "g"),
            "gdap": list(all, "r"),
        })
    })
}

/// Every tenant with one thing less: a role, a person, an assignment or a relationship.
fn lessened(tenant: &Value) -> Vec<Value> {
    fn walk(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
        match value {
            Value::Object(members) => {
                for (name, inner) in members {
                    path.push(name.clone());
                    // A relationship, an assignment or an account; not a field.
                    if path.len() == 2 && path[0] != "groups" || path.len() == 4 {
                        found.push(path.clone());
                    }
                    walk(inner, path, found);
                    path.pop();
                }
            }
            Value::Array(items) => {
                for number in 0..items.len() {
                    path.push(number.to_string());
                    found.push(path.clone());
                    path.pop();
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(tenant, &mut Vec::new(), &mut found);
    let without = |path: Vec<String>| {
        let (mut less, (last, way)) = (tenant.clone(), path.split_last().unwrap());
        let place = way.iter().fold(&mut less, |value, name| &mut value[name.as_str()]);
        match place {
            Value::Array(items) => drop(items.remove(last.parse().unwrap())),
            place => drop(place.as_object_mut().unwrap().remove(last)),
        }
        less
    };
    found.into_iter().map(without).collect()
}

fn exposure(tenant: &Value) -> u64 {
    let tenant: crate::posture::tenants::Tenant = serde_json::from_value(tenant.clone()).unwrap();
    let (facts, declared) = (tenant.facts(), tenant.declared());
    let posture = Posture::of(&facts, &declared);
    let gdap = posture.gdap.as_ref().unwrap();
    let sum = gdap.customers().map(|(_, customer)| customer.exposure.unwrap()).sum::<u64>();
    assert_eq!(gdap.exposure(), Ok(sum), "the customers' parts are the whole");
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_taken_away_exposure_never_rises(tenant in drawn()) {
        let whole = exposure(&tenant);
        for less in lessened(&tenant) {
            prop_assert!(exposure(&less) <= whole, "{tenant}\n{less}");
        }
    }
}
