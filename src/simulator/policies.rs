//! The tenant's Conditional Access policies, by which everybody's fate comes about.

use serde_json::{Value, json};

use super::directory::Ids;
use super::fate::Fate;
use super::policy::{Policy, State, grant, strong, users};
use super::roles;
use super::strength::{PHISHING_RESISTANT, SINGLE_FACTOR};

const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";
const AZURE: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";
/// A condition that Microsoft may invent.
pub(super) const NOVELTY: &str = "tokenBinding";

/// The policies of a tenant too small for fates.
pub(super) fn few() -> Vec<Policy> {
    let everybody = || users([("includeUsers", json!(["All"]))]);
    vec![Policy::mfa("Everybody: MFA", everybody()), legacy(everybody())]
}

/// The policies of all others.
pub(super) fn many(ids: &Ids) -> Vec<Policy> {
    let mut policies = whole(ids);
    policies.extend(narrow(ids));
    policies.extend(pairs(ids));
    policies.extend(idle(ids));
    policies
}

fn legacy(users: Value) -> Policy {
    let clients = json!(["exchangeActiveSync", "other"]);
    Policy::new("Everybody: no legacy clients", users, grant(&["block"]))
        .with("clientAppTypes", clients)
}

/// For every sign-in of whom they are for.
fn whole(ids: &Ids) -> Vec<Policy> {
    let staff = users([
        ("includeGroups", json!([ids.staff])),
        ("excludeUsers", json!(ids.excluded)),
        ("excludeGroups", json!([ids.exceptions, ids.deleted])),
        (
            "excludeRoles",
            json!([roles::SUPPORT_ADMINISTRATOR.template, roles::SYNCHRONIZATION.template]),
        ),
        (
            "excludeGuestsOrExternalUsers",
            json!({
                "guestOrExternalUserTypes": "b2bCollaborationGuest",
                "externalTenants": { "membershipKind": "all" },
            }),
        ),
    ]);
    let administrators = users([
        (
            "includeRoles",
            json!([roles::GLOBAL_ADMINISTRATOR.template, roles::USER_ADMINISTRATOR.template]),
        ),
        ("excludeUsers", json!(ids.break_glass)),
        ("excludeRoles", json!([roles::SYNCHRONIZATION.template])),
    ]);
    let keys = Policy::mfa("Key holders: phishing-resistant", ids.of(Fate::CoveredByStrength));
    vec![
        Policy::mfa("Staff: MFA", staff),
        Policy::mfa("Guests: MFA", users([("includeGroups", json!([ids.guests]))])),
        Policy::mfa("Administrators: MFA", administrators),
        Policy { grant: strong(&PHISHING_RESISTANT), ..keys },
        legacy(users([
            ("includeUsers", json!(["All"])),
            ("excludeGroups", json!([ids.legacy_exempt])),
        ])),
    ]
}

/// For some sign-ins only, each narrowed in a way of its own.
fn narrow(ids: &Ids) -> Vec<Policy> {
    let mut custom = grant(&["mfa"]);
    custom["customAuthenticationFactors"] = json!(["ExampleFactor"]);
    vec![
        Policy::mfa("Back office: MFA but for mail", ids.of(Fate::ByApplication)).narrowed(
            "application",
            "applications",
            applications(&["All"], &[EXCHANGE]),
        ),
        Policy::mfa("Kiosks: MFA in browsers", ids.of(Fate::ByClient)).narrowed(
            "client",
            "clientAppTypes",
            json!(["browser"]),
        ),
        Policy::mfa("Drivers: MFA but for iOS", ids.of(Fate::ByPlatform)).narrowed(
            "platform",
            "platforms",
            json!({ "includePlatforms": ["all"], "excludePlatforms": ["iOS"] }),
        ),
        Policy::mfa("Headquarters: MFA outside", ids.of(Fate::ByLocation)).narrowed(
            "location",
            "locations",
            json!({ "includeLocations": ["All"], "excludeLocations": ["AllTrusted"] }),
        ),
        Policy::mfa("Field: MFA or a managed device", ids.of(Fate::ByDevice))
            .or_else(grant(&["mfa", "compliantDevice"])),
        Policy::mfa("Contractors: MFA or our old token", ids.of(Fate::ByCustomControl))
            .or_else(custom),
        Policy::mfa("Workshop: MFA on strange devices", ids.of(Fate::ByFilter)).narrowed(
            "device_filter",
            "devices",
            json!({ "deviceFilter": {
                "mode": "exclude",
                "rule": "device.extensionAttribute1 -eq \"workshop\"",
            }}),
        ),
        Policy::mfa("Veterans: MFA on risk", ids.of(Fate::ByRisk)).narrowed(
            "risk_only",
            "signInRiskLevels",
            json!(["high", "medium"]),
        ),
        Policy::mfa("Meeting rooms: MFA by code", ids.of(Fate::ByFlow)).narrowed(
            "authentication_flow",
            "authenticationFlows",
            json!({ "transferMethods": "deviceCodeFlow" }),
        ),
        Policy::mfa("Laboratory: MFA on preview", ids.of(Fate::ByNovelty)).narrowed(
            "other",
            NOVELTY,
            json!({ "includeSessions": ["unbound"] }),
        ),
    ]
}

/// Two and two, which cover everything together.
fn pairs(ids: &Ids) -> Vec<Policy> {
    let two_applications = || ids.of(Fate::CoveredByTwoApplications);
    let two_clients = || ids.of(Fate::CoveredByTwoClients);
    vec![
        Policy::mfa("Finance: MFA for mail", two_applications()).narrowed(
            "application",
            "applications",
            applications(&[EXCHANGE], &[]),
        ),
        Policy::mfa("Finance: MFA for all but mail", two_applications()).narrowed(
            "application",
            "applications",
            applications(&["All"], &[EXCHANGE]),
        ),
        Policy::mfa("Legal: MFA in browsers", two_clients()).narrowed(
            "client",
            "clientAppTypes",
            json!(["browser"]),
        ),
        Policy::mfa("Legal: MFA in apps", two_clients()).narrowed(
            "client",
            "clientAppTypes",
            json!(["mobileAppsAndDesktopClients"]),
        ),
    ]
}

/// What looks as if it demanded MFA of somebody, and does not.
fn idle(ids: &Ids) -> Vec<Policy> {
    let everybody = || users([("includeUsers", json!(["All"]))]);
    let mut token = grant(&[]);
    token["customAuthenticationFactors"] = json!(["ExampleFactor"]);
    let frequency = json!({
        "disableResilienceDefaults": null,
        "applicationEnforcedRestrictions": null,
        "cloudAppSecurity": null,
        "persistentBrowser": null,
        "signInFrequency": {
            "value": 8,
            "type": "hours",
            "authenticationType": "primaryAndSecondaryAuthentication",
            "frequencyInterval": "timeBased",
            "isEnabled": true,
        },
    });
    let daily = Policy::new("Everybody: sign in again each day", everybody(), Value::Null);
    let administrators = users([
        ("includeRoles", json!([roles::GLOBAL_ADMINISTRATOR.template])),
        ("excludeUsers", json!(ids.break_glass)),
    ]);
    vec![
        Policy::mfa("Pilot: MFA next quarter", ids.of(Fate::ReportOnly))
            .in_state(State::ReportOnly),
        Policy::new("Everybody: our old token", everybody(), token),
        Policy { session: frequency, ..daily },
        Policy::new("Everybody: imported baseline", everybody(), strong(&SINGLE_FACTOR)),
        Policy::mfa("Everybody: MFA (before groups)", everybody()).in_state(State::Disabled),
        empty(),
        Policy {
            undated: true,
            ..Policy::mfa("Baseline policy: Require MFA for admins", administrators)
                .in_state(State::Disabled)
        },
        Policy::mfa("Azure: MFA for nobody yet", users([("includeUsers", json!(["None"]))]))
            .narrowed("application", "applications", applications(&[AZURE], &[])),
    ]
}

/// Older than most of the fields, which are missing or null, and for nobody.
fn empty() -> Policy {
    let conditions = json!({
        "signInRiskLevels": [],
        "clientAppTypes": ["all"],
        "platforms": null,
        "locations": null,
        "applications": {
            "includeApplications": ["None"],
            "excludeApplications": [],
            "includeUserActions": [],
        },
        "users": {
            "includeUsers": ["None"],
            "excludeUsers": [],
            "includeGroups": [],
            "excludeGroups": [],
            "includeRoles": [],
            "excludeRoles": [],
        },
    });
    let grant = json!({
        "operator": "OR",
        "builtInControls": ["mfa"],
        "customAuthenticationFactors": [],
        "termsOfUse": [],
    });
    let policy = Policy::mfa("New policy", Value::Null).in_state(State::Disabled);
    Policy { conditions, grant, undated: true, ..policy }
}

fn applications(include: &[&str], exclude: &[&str]) -> Value {
    json!({
        "includeApplications": include,
        "excludeApplications": exclude,
        "includeUserActions": [],
        "includeAuthenticationContextClassReferences": [],
        "applicationFilter": null,
    })
}
