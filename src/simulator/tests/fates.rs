//! Whether the served policies, groups and roles do to everybody what fate has decided.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::simulator::fate::{Coverage, Fate};
use crate::simulator::person::guid;
use crate::simulator::policies::NOVELTY;
use crate::simulator::truth::Circumstances;

/// What was served, as far as it decides to whom a policy applies.
struct Served {
    policies: Vec<Value>,
    groups: BTreeMap<String, BTreeSet<String>>,
    /// Principal, role, whether for the whole tenant.
    active: Vec<(String, String, bool)>,
    eligible: Vec<(String, String, bool)>,
}

impl Served {
    async fn by(running: &Running, plan: Plan) -> Self {
        let policies = running.all("/identity/conditionalAccess/policies").await;
        let mut groups = BTreeMap::new();
        for group in running.all("/groups?$select=id").await {
            let id = group["id"].as_str().unwrap().to_owned();
            let members = running.all(&format!("/groups/{id}/transitiveMembers?$top=999")).await;
            let members = members.iter().map(|row| row["id"].as_str().unwrap().to_owned());
            groups.insert(id, members.collect());
        }
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let roles = |rows: Vec<Value>| -> Vec<_> {
            let rows = rows.iter().map(|row| {
                let whole = row["directoryScopeId"] == "/";
                (text(&row["principalId"]), text(&row["roleDefinitionId"]), whole)
            });
            rows.collect()
        };
        let (mut active, mut eligible) = (Vec::new(), Vec::new());
        if plan == Plan::P2 {
            active = roles(running.all(ACTIVE).await);
            eligible = roles(running.all(ELIGIBLE).await);
        } else {
            for role in running.all("/directoryRoles").await {
                let template = role["roleTemplateId"].as_str().unwrap();
                let filter = format!("$filter=roleDefinitionId%20eq%20'{template}'");
                let path = format!("/roleManagement/directory/roleAssignments?{filter}");
                active.extend(roles(running.all(&path).await));
            }
        }
        Self { policies, groups, active, eligible }
    }

    fn listed(list: &Value, text: &str) -> bool {
        list.as_array().unwrap().iter().any(|entry| entry == text)
    }

    fn in_groups(&self, list: &Value, id: &str) -> bool {
        let groups = list.as_array().unwrap().iter().map(|group| group.as_str().unwrap());
        groups.filter_map(|group| self.groups.get(group)).any(|members| members.contains(id))
    }

    fn holds(&self, held: &[(String, String, bool)], list: &Value, id: &str) -> bool {
        let mine = |principal: &String| {
            principal == id || self.groups.get(principal).is_some_and(|group| group.contains(id))
        };
        held.iter()
            .any(|(principal, role, whole)| *whole && mine(principal) && Self::listed(list, role))
    }

    /// Whether a policy includes somebody, and whether it excludes them.
    fn names(&self, users: &Value, id: &str, guest: bool) -> (bool, bool) {
        let included = Self::listed(&users["includeUsers"], id)
            || Self::listed(&users["includeUsers"], "All")
            || self.in_groups(&users["includeGroups"], id)
            || self.holds(&self.active, &users["includeRoles"], id);
        let excluded = Self::listed(&users["excludeUsers"], id)
            || self.in_groups(&users["excludeGroups"], id)
            || self.holds(&self.active, &users["excludeRoles"], id)
            || self.holds(&self.eligible, &users["excludeRoles"], id)
            || (guest && !users["excludeGuestsOrExternalUsers"].is_null());
        (included, excluded)
    }
}

/// Whether a policy demands MFA of anybody, and if so, whether of every sign-in.
fn demand(policy: &Value) -> Option<bool> {
    let grant = &policy["grantControls"];
    let strong = grant["authenticationStrength"]["requirementsSatisfied"] == "mfa";
    let controls = grant["builtInControls"].as_array();
    let mfa = controls.is_some_and(|controls| controls.iter().any(|control| control == "mfa"));
    if policy["state"] != "enabled" || !(strong || mfa) {
        return None;
    }
    let custom = grant["customAuthenticationFactors"].as_array().map_or(0, Vec::len);
    let alone = controls.map_or(0, Vec::len) + custom + usize::from(strong) == 1;
    let conditions = &policy["conditions"];
    let applications = &conditions["applications"];
    let wide = conditions["clientAppTypes"] == json!(["all"])
        && applications["includeApplications"] == json!(["All"])
        && applications["excludeApplications"] == json!([])
        && conditions["signInRiskLevels"] == json!([])
        && ["platforms", "locations", "devices", "authenticationFlows", NOVELTY]
            .iter()
            .all(|what| conditions[what].is_null());
    Some(alone && wide)
}

#[tokio::test]
async fn what_is_served_brings_about_what_fate_has_decided() {
    for (users, seed, plan) in
        [(60, 1, Plan::P2), (100, 4, Plan::P2), (240, 1, Plan::P1), (1000, 7, Plan::P2)]
    {
        let running = start(Settings { users, seed, plan, ..quiet() }).await;
        for _ in 0..7 {
            running.control.step();
        }
        let served = Served::by(&running, plan).await;
        let people = running.control.lock().world.people().to_vec();
        let tenant = Circumstances {
            plan,
            partner: true,
            security_defaults: false,
            per_user_mfa_shown: true,
            trusts_guest_mfa: false,
        };
        for person in people.iter().filter(|person| person.role != person::Role::Sync) {
            let (id, guest) = (guid(person.id), person.is_guest());
            let (mut whole, mut partial, mut left_out) = (0, 0, 0);
            for policy in &served.policies {
                let Some(wide) = demand(policy) else { continue };
                let users = &policy["conditions"]["users"];
                match served.names(users, &id, guest) {
                    (true, true) => left_out += usize::from(wide),
                    (true, false) if wide => whole += 1,
                    (true, false) => partial += 1,
                    (false, _) => {}
                }
            }
            let found = (whole.min(1), partial, left_out.min(1));
            let expected = match person.fate.coverage(&tenant) {
                _ if matches!(
                    person.fate,
                    Fate::CoveredByTwoApplications | Fate::CoveredByTwoClients
                ) =>
                {
                    (0, 2, 0)
                }
                Coverage::Always("per_user") => (0, 0, 0),
                Coverage::Always(_) => (1, 0, 0),
                Coverage::Conditional(_) => (0, 1, 0),
                Coverage::Excluded(_) => (0, 0, 1),
                Coverage::NotTargeted => (0, 0, 0),
            };
            assert_eq!(found, expected, "{:?} {:?} of {users}", person.fate, person.duty);
        }
    }
}
