//! The figures of the log once more, from nothing but rows as they were served.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::simulator::{ByMfa, Figures, Outcomes};

const NAMES: [&str; 13] = [
    "Authenticated SMTP",
    "Autodiscover",
    "Exchange ActiveSync",
    "Exchange Online PowerShell",
    "Exchange Web Services",
    "IMAP4",
    "MAPI over HTTP",
    "Offline Address Book",
    "Outlook Anywhere (RPC over HTTP)",
    "Outlook Service",
    "POP3",
    "Reporting Web Services",
    "Other clients",
];

/// The canonical name of a legacy client in whatever spelling.
pub(super) fn legacy(row: &Value) -> Option<&'static str> {
    let client = row["clientAppUsed"].as_str()?.to_lowercase();
    let client = match client.as_str() {
        "smtp" => "authenticated smtp",
        "imap" => "imap4",
        "pop" => "pop3",
        client => client,
    };
    NAMES.into_iter().find(|name| name.to_lowercase() == client)
}

/// The figures once more, from the rows as they were served.
pub(super) fn recount(rows: &BTreeMap<String, Value>, sync: &[String]) -> Figures {
    let mut figures = Figures::default();
    for name in NAMES {
        figures.legacy.insert(name, Outcomes::default());
    }
    for resource in ["partner_center", "graph", "azure_management", "exchange", "other"] {
        figures.password_grants.insert(resource, Outcomes::default());
    }
    for fact in [
        "everybody",
        "succeeded",
        "legacy",
        "legacy_succeeded",
        "single_factor",
        "multi_factor",
        "password_grant",
        "password_grant_succeeded",
        "device_code",
        "on_behalf_with_mfa",
        "on_behalf_without_mfa",
        "portal_with_mfa",
        "portal_without_mfa",
        "federated_with_claim",
        "federated_without_claim",
        "powershell",
        "sync_by_others",
    ] {
        figures.people.insert(fact, BTreeSet::new());
    }
    rows.values().for_each(|row| recount_row(&mut figures, row, sync));
    figures
}

fn recount_row(figures: &mut Figures, row: &Value, sync: &[String]) {
    let person = row["userId"].as_str().unwrap().to_owned();
    let success = row["status"]["errorCode"] == 0;
    let outcome = |outcomes: &mut Outcomes| {
        *(if success { &mut outcomes.success } else { &mut outcomes.failure }) += 1;
    };
    let mfa = match row["authenticationRequirement"].as_str() {
        Some("singleFactorAuthentication") if success => Some(false),
        Some("multiFactorAuthentication") if success => Some(true),
        _ => None,
    };
    let factor = |by: &mut ByMfa| match mfa {
        Some(true) => by.with_mfa += 1,
        Some(false) => by.without_mfa += 1,
        None => {}
    };
    let text = |field: &str| row[field].as_str().unwrap_or_default();
    let step = |words: &str| row["authenticationDetails"].to_string().contains(words);
    let mut facts = vec!["everybody"];
    figures.rows += 1;
    outcome(&mut figures.outcomes);
    factor(&mut figures.factors);
    facts.extend(success.then_some("succeeded"));
    facts.extend(mfa.map(|mfa| if mfa { "multi_factor" } else { "single_factor" }));
    if let Some(name) = legacy(row) {
        outcome(figures.legacy.get_mut(name).unwrap());
        facts.push("legacy");
        facts.extend(success.then_some("legacy_succeeded"));
    }
    let portals = ["fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd", "4990cffe-04e8-4e8b-808a-1175604b879f"];
    let resource = match text("resourceId") {
        id if portals.contains(&id) => "partner_center",
        "00000003-0000-0000-c000-000000000000" => "graph",
        "797f4846-ba00-4fd7-ba43-dac1f8f63013" => "azure_management",
        "00000002-0000-0ff1-ce00-000000000000" => "exchange",
        _ => "other",
    };
    if text("authenticationProtocol") == "ropc" {
        outcome(figures.password_grants.get_mut(resource).unwrap());
        facts.push("password_grant");
        facts.extend(success.then_some("password_grant_succeeded"));
    }
    if text("authenticationProtocol") == "deviceCode" {
        outcome(&mut figures.device_code);
        facts.push("device_code");
    }
    if resource == "partner_center" {
        factor(&mut figures.portal);
        let fact = |mfa| if mfa { "portal_with_mfa" } else { "portal_without_mfa" };
        facts.extend(mfa.map(fact));
    }
    if text("crossTenantAccessType") == "serviceProvider" {
        assert_ne!(row["resourceTenantId"], row["homeTenantId"]);
        factor(&mut figures.on_behalf);
        let fact = |mfa| if mfa { "on_behalf_with_mfa" } else { "on_behalf_without_mfa" };
        facts.extend(mfa.map(fact));
    }
    if text("tokenIssuerType") == "ADFederationServices" {
        factor(&mut figures.federated);
        let claim = step("MFA requirement satisfied by claim provided by external provider");
        assert_eq!(mfa, Some(claim));
        facts.push(if claim { "federated_with_claim" } else { "federated_without_claim" });
    }
    let module = match text("appId") {
        "1950a258-227b-4e31-a9cf-717495945fc2" if text("userAgent").contains("AzureRM") => {
            "azurerm"
        }
        "1950a258-227b-4e31-a9cf-717495945fc2" => "az",
        "04b07795-8ddb-461a-bbee-02f9e1bf7b46" => "cli",
        "14d82eec-204b-4c2f-b7e8-296a70dab67e" => "graph",
        "1b730954-1685-4b74-9bfd-dac224a7b894" => "azuread",
        "fb78d390-0c51-40cd-8e17-fdbfab77341b" | "a0c73c16-a7e3-4564-9a95-2bdf47383716" => {
            "exchange"
        }
        _ => "",
    };
    if success && !module.is_empty() {
        factor(figures.powershell.entry(module).or_default());
        facts.push("powershell");
    }
    figures.app_passwords +=
        u64::from(success && step("MFA requirement skipped due to app password"));
    let policies = row["appliedConditionalAccessPolicies"].as_array().unwrap();
    let enforced = policies
        .iter()
        .any(|policy| policy["result"] == "success" && policy["enforcedGrantControls"][0] == "Mfa");
    figures.mfa_by_policy += u64::from(success && enforced);
    if sync.contains(&person) {
        let connect = text("appId") == "cb1056e2-e479-49de-ae31-7812af012ed8";
        figures.sync_single_factor += u64::from(mfa == Some(false));
        outcome(if connect { &mut figures.sync_by_connect } else { &mut figures.sync_by_others });
        facts.extend((!connect).then_some("sync_by_others"));
    }
    for fact in facts {
        figures.people.get_mut(fact).unwrap().insert(person.clone());
    }
}
