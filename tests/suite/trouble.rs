//! Plays each fault and asserts what the operator would see: the right source fails with the right
//! reason, what depends on it is unknown, nothing else moves, and it mends by itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use partnercenter_exporter::checks;
use partnercenter_exporter::client::Who;
use partnercenter_exporter::refresh::Settings;
use partnercenter_exporter::simulator;
use partnercenter_exporter::snapshot::Snapshot;
use partnercenter_exporter::sources;

use tokio::net::TcpListener;

use crate::harness::{Exporter, Microsoft, Served, answer, ask, run, settings};

const SOURCES: [&str; 24] = [
    "organization",
    "users",
    "user_registration_details",
    "security_defaults",
    "subscribed_skus",
    "conditional_access_policies",
    "authentication_strengths",
    "named_locations",
    "per_user_mfa",
    "authentication_methods_policy",
    "cross_tenant_access",
    "outlook_versions",
    "role_assignments",
    "role_eligibilities",
    "agent_groups",
    "groups",
    "gdap_relationships",
    "gdap_access_assignments",
    "gdap_requests",
    "gdap_customers",
    "pim_groups",
    "privileged_accounts",
    "role_management_policies",
    "risky_users",
];

/// Series and values of the posture that rest on what was read.
fn figures(page: &str) -> BTreeMap<String, String> {
    let kept = [
        "partnercenter_users",
        "partnercenter_admins",
        "partnercenter_admin_agents",
        "partnercenter_agent_",
        "partnercenter_authentication_",
        "partnercenter_conditional_",
        "partnercenter_customers_gdap",
        "partnercenter_federated_",
        "partnercenter_gdap_",
        "partnercenter_group_",
        "partnercenter_inbound_",
        "partnercenter_legacy_",
        "partnercenter_licenses",
        "partnercenter_mfa_",
        "partnercenter_named_",
        "partnercenter_outlook_",
        "partnercenter_pim_",
        "partnercenter_risky_",
        "partnercenter_role_",
        "partnercenter_sync_",
        "partnercenter_sign_in_",
        "partnercenter_tenant_",
        "partnercenter_requirement_state",
        "partnercenter_requirement_findings",
        "partnercenter_requirement_unknown",
        "partnercenter_source_rows{",
    ];
    page.lines()
        .filter(|line| kept.iter().any(|prefix| line.starts_with(prefix)))
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(series, value)| (series.to_owned(), value.to_owned()))
        .collect()
}

fn has(page: &str, line: &str) -> bool {
    page.lines().any(|served| served == line)
}

fn failure(source: &str, reason: &str) -> String {
    format!(
        "partnercenter_source_failure{{tenant=\"contoso\",source=\"{source}\",reason=\"{reason}\"}} 1"
    )
}

fn success(source: &str, success: u8) -> String {
    format!("partnercenter_source_success{{tenant=\"contoso\",source=\"{source}\"}} {success}")
}

fn unknown(requirement: &str, reason: &str) -> String {
    format!(
        "partnercenter_requirement_unknown{{tenant=\"contoso\",requirement=\"{requirement}\",reason=\"{reason}\"}} 1"
    )
}

/// Requirements that always rest on something the application reads by itself.
fn requirements() -> impl Iterator<Item = &'static str> {
    let declared = ["exporter-exceptions", "mfa-break-glass", "mfa-per-tenant"];
    let ours = checks::ALL.into_iter().filter(|check| !needs_person(check));
    ours.map(|check| check.id).filter(move |id| !declared.contains(id))
}

/// Whether a requirement rests on what Microsoft tells people only.
pub(crate) fn needs_person(check: &checks::Check) -> bool {
    let all = sources::all();
    let of_person =
        |id: &&str| all.iter().any(|it| it.id == *id && it.enabled && it.ask.who == Who::AppUser);
    check.sources.iter().any(of_person)
}

/// Verdicts on who is always challenged.
const ENFORCEMENT: [&str; 5] = [
    "mfa-admins-enforced",
    "mfa-all-users-enforced",
    "mfa-every-authentication",
    "mfa-guests",
    "mfa-no-exclusions",
];

/// Figures of who is not always challenged, absent while somebody depends on what cannot be read.
const GAPS: [&str; 7] = [
    "partnercenter_users_mfa_enforced",
    "partnercenter_users_mfa_conditional",
    "partnercenter_users_mfa_excluded",
    "coverage=\"always\"",
    "coverage=\"not_targeted\"",
    "gap=\"both\"",
    "gap=\"enforcement\"",
];

/// What happens to figures and verdicts while a source is refused.
#[derive(Default)]
struct Harm {
    /// Verdicts that are unknown for it.
    unknown: Vec<&'static str>,
    /// Verdicts that may find less, since findings already say no.
    weaker: Vec<&'static str>,
    /// Series that are gone: each contains one of these.
    gone: Vec<&'static str>,
    /// Series that move: each begins with one of these.
    moved: Vec<&'static str>,
}

/// Requirements about whom the sign-in log shows.
const LOG: [&str; 8] = [
    "app-passwords",
    "automation-inventory",
    "automation-user-credentials",
    "legacy-clients",
    "mfa-aobo",
    "mfa-cloud-signins",
    "mfa-third-party-claim",
    "powershell-user-credentials",
];

/// Requirements on GDAP relationships.
const GDAP: [&str; 7] = [
    "gdap-assignments",
    "gdap-auto-extend",
    "gdap-expiry",
    "gdap-least-privilege",
    "gdap-microsoft-led",
    "gdap-no-global-admin",
    "gdap-pending",
];

fn harm(source: &str) -> Harm {
    const ADMINS: [&str; 3] =
        ["partnercenter_admins{", "partnercenter_admins_mfa", "partnercenter_admins_without"];
    const UNKNOWN: [&str; 4] = [
        "partnercenter_users_mfa_coverage",
        "partnercenter_users_mfa_unknown",
        "partnercenter_users_without_mfa",
        "partnercenter_users_legacy_auth_unknown",
    ];
    let mut harm = Harm::default();
    if ["security_defaults", "conditional_access_policies", "per_user_mfa", "groups"]
        .contains(&source)
    {
        harm.unknown.extend(ENFORCEMENT);
    }
    if ["role_assignments", "role_eligibilities", "agent_groups", "groups"].contains(&source) {
        // Administrators that are known still count.
        harm.weaker.extend(["mfa-admins-enforced", "mfa-phishing-resistant"]);
        harm.weaker.push("connect-sync-account");
        harm.gone.extend(ADMINS);
        harm.gone.push("partnercenter_sync_accounts_other_roles");
        // A new hire may be an administrator, who has no grace.
        harm.weaker.extend(["mfa-all-users-registered", "accounts-without-mfa-ability"]);
        harm.gone.push("_mfa_grace");
    }
    if ["security_defaults", "conditional_access_policies", "groups", "users"].contains(&source) {
        harm.unknown.push("legacy-auth-blocked");
        harm.gone.extend(["_legacy_auth_excluded", "_legacy_auth_blocked"]);
    }
    let decides_coverage = [
        "security_defaults",
        "conditional_access_policies",
        "per_user_mfa",
        "role_assignments",
        "role_eligibilities",
        "groups",
    ];
    if decides_coverage.contains(&source) {
        harm.gone.extend(GAPS);
        harm.moved.extend(UNKNOWN);
        harm.moved.push("partnercenter_admins_mfa_unknown");
        harm.moved.push("partnercenter_admins_without_mfa");
        harm.gone.push("partnercenter_admins_mfa_enforced");
    }
    if ["users", "groups"].contains(&source) {
        harm.gone.extend(["_by_people", "_gdap_people", "_gdap_exposure"]);
    }
    match source {
        "organization" => {
            harm.unknown.push("exchange-modern-auth");
            harm.gone.extend(["partnercenter_tenant_info", "partnercenter_federated_domains"]);
            harm.gone.push("partnercenter_tenant_created");
        }
        "users" => {
            harm.unknown.extend(ENFORCEMENT);
            harm.unknown.extend([
                "accounts-without-mfa-ability",
                "mfa-all-users-registered",
                "mfa-phishing-resistant",
                "connect-sync-account",
            ]);
            // Whom the sign-in log shows is told by the accounts there are.
            harm.unknown.extend(LOG);
            harm.gone.push("partnercenter_service_account_candidates");
            // A way to enforce MFA is one only where somebody is held to it.
            harm.unknown.extend([
                "mfa-supported-method",
                "defaults-ca-exclusive",
                "security-defaults",
            ]);
            harm.gone.extend(["option=\"conditional_access\"", "option=\"per_user\""]);
            harm.gone.extend(["partnercenter_users{", "partnercenter_users_mfa_"]);
            harm.gone
                .extend(["partnercenter_users_registered", "partnercenter_users_without_mfa{"]);
            harm.gone.extend(ADMINS);
            harm.gone.extend(["partnercenter_users_legacy", "partnercenter_sync_accounts"]);
        }
        "user_registration_details" => {
            harm.unknown.extend([
                "accounts-without-mfa-ability",
                "mfa-all-users-registered",
                "mfa-phishing-resistant",
            ]);
            harm.gone.extend(["partnercenter_users_registered", "_mfa_registered", "_mfa_capable"]);
            harm.gone.extend(["_mfa_grace", "_mfa_weak", "_phishing_resistant"]);
            harm.gone.extend(["about=\"registration\"", "gap=\"registration\"", "gap=\"both\""]);
            harm.moved.extend(["partnercenter_users_without_mfa", "partnercenter_admins_without"]);
        }
        "security_defaults" => {
            harm.unknown.extend([
                "defaults-ca-exclusive",
                "defaults-registration-grace",
                "security-defaults",
            ]);
            harm.gone.push("option=\"security_defaults\"");
        }
        "subscribed_skus" => {
            // A log that is read is there, whatever is bought.
            harm.unknown.push("log-retention");
            harm.gone.push("partnercenter_sign_in_log_available");
        }
        "conditional_access_policies" => {
            harm.unknown.extend(["baseline-transition", "defaults-ca-exclusive"]);
            harm.unknown.extend(["mfa-third-party-exception", "security-defaults"]);
            harm.gone
                .extend(["partnercenter_conditional_access_", "option=\"conditional_access\""]);
            // Fewer groups are named.
            harm.moved.extend(["partnercenter_group_expansions", "partnercenter_source_rows"]);
        }
        "named_locations" => harm.gone.push("partnercenter_named_locations"),
        "per_user_mfa" => {
            harm.unknown.push("app-passwords");
            harm.gone.extend(["partnercenter_users_per_user_mfa", "option=\"per_user\""]);
        }
        "authentication_methods_policy" => {
            harm.unknown.push("totp-available");
            harm.gone.push("partnercenter_authentication_method_enabled");
        }
        "cross_tenant_access" => {
            // A guest without a method here may have one at home.
            harm.weaker.extend(["mfa-all-users-registered", "accounts-without-mfa-ability"]);
            harm.moved.extend(["partnercenter_users_mfa_unknown", "partnercenter_users_without"]);
            harm.gone.push("partnercenter_inbound_mfa_trust");
        }
        "outlook_versions" => {
            harm.unknown.extend(["office-client-versions", "office-2013-registry"]);
            harm.gone.push("partnercenter_outlook_");
        }
        "role_assignments" => {
            harm.unknown.extend(["mfa-every-authentication", "mfa-guests", "connect-sync-account"]);
            harm.weaker.extend(["mfa-all-users-enforced", "mfa-no-exclusions"]);
            harm.gone.extend(["_legacy_auth_excluded", "partnercenter_sync_accounts"]);
            // Connect sync accounts are taken for people, and not judged.
            harm.moved.extend(["partnercenter_users{", "partnercenter_users_mfa_unknown"]);
            harm.moved.extend(["partnercenter_gdap_people", "partnercenter_gdap_exposure"]);
            harm.moved.push("partnercenter_gdap_relationships_by_people");
            harm.moved.extend(["partnercenter_group_expansions", "partnercenter_source_rows"]);
        }
        "role_eligibilities" => {
            harm.weaker.extend(["mfa-all-users-enforced", "mfa-no-exclusions"]);
        }
        "agent_groups" => {
            harm.gone.push("partnercenter_agent_groups");
            // Whether they are the Admin agents is not known of those who may use a relationship.
            harm.weaker.push("gdap-assignments");
            harm.gone.push("_to_admin_agents");
        }
        "gdap_relationships" => {
            harm.unknown.extend(GDAP);
            harm.unknown.push("gdap-coverage");
            harm.gone.push("_dap_without_gdap");
            harm.gone.extend(["partnercenter_customers_gdap", "partnercenter_gdap_relationships"]);
            harm.gone.extend(["partnercenter_gdap_access", "partnercenter_gdap_requests"]);
            harm.gone.extend(["_going_dark", "_gdap_earliest", "_gdap_oldest", "_gdap_roles"]);
            harm.gone.extend(["_to_admin_agents", "_gdap_people", "_gdap_exposure"]);
            // Fewer groups are named.
            harm.moved.push("partnercenter_group_expansions");
        }
        "gdap_access_assignments" => {
            harm.unknown.push("gdap-assignments");
            harm.weaker.push("gdap-least-privilege");
            harm.gone.extend(["partnercenter_gdap_access", "_by_people", "_without_assignment"]);
            harm.gone.extend(["_relationships_unread", "_roles_assigned", "_to_admin_agents"]);
            harm.gone.extend(["_gdap_people", "_gdap_exposure"]);
            harm.moved.push("partnercenter_group_expansions");
        }
        "gdap_requests" => harm.gone.push("partnercenter_gdap_requests"),
        "gdap_customers" => harm.gone.push("partnercenter_gdap_customers{"),
        "groups" => harm.gone.push("partnercenter_group_expansions"),
        _ => {}
    }
    harm_to_privilege(source, &mut harm);
    harm
}

/// The same for whoever is behind a privilege.
fn harm_to_privilege(source: &str, harm: &mut Harm) {
    const OF_AGENTS: [&str; 4] =
        ["admin-agents-membership", "p2-admin-agents", "bp-dedicated-accounts", "risk-based-ca"];
    const OF_ROLES: [&str; 4] =
        ["bp-admin-count", "bp-separate-admins", "bp-leavers", "pim-in-use"];
    const AGENTS: [&str; 2] = ["partnercenter_agent_group_", "partnercenter_admin_agents"];
    const ADMINS: &str = "partnercenter_admins_";
    match source {
        "users" => {
            harm.unknown.extend(OF_AGENTS.into_iter().chain(OF_ROLES).chain(["bp-dual-custody"]));
            harm.gone.extend(AGENTS);
            harm.gone.extend(["partnercenter_role_assignments", "partnercenter_pim_roles", ADMINS]);
        }
        "agent_groups" => {
            harm.unknown.extend(OF_AGENTS);
            harm.weaker.extend(["pim-in-use", "bp-leavers"]);
            harm.gone.extend(AGENTS);
            harm.gone.push("partnercenter_pim_groups");
        }
        "groups" => {
            harm.unknown.extend(OF_AGENTS);
            harm.weaker.extend(["pim-in-use", "bp-leavers"]);
            harm.gone.extend(AGENTS);
            // A group holds one of the other roles, and none of the privileged ones.
            harm.gone.push("role=\"other\"");
        }
        "role_assignments" => {
            harm.unknown.extend(OF_ROLES);
            harm.unknown.push("bp-dual-custody");
            harm.gone.extend(["partnercenter_role_assignments", "partnercenter_pim_roles", ADMINS]);
        }
        "role_eligibilities" => {
            harm.unknown.push("bp-dual-custody");
            harm.weaker.extend(["bp-admin-count", "bp-separate-admins", "bp-leavers"]);
            harm.gone.extend(["assignment=\"eligible\"", "partnercenter_pim_roles", ADMINS]);
        }
        "privileged_accounts" => {
            harm.unknown.extend(["admin-agents-membership", "p2-admin-agents"]);
            harm.unknown.extend(["bp-dedicated-accounts", "bp-leavers", "bp-separate-admins"]);
            harm.gone.extend(["flag=\"stale\"", "flag=\"synchronized\"", "_with_mailbox"]);
            harm.gone.extend(["partnercenter_admin_agents_p2", "partnercenter_admins_synch"]);
        }
        "subscribed_skus" => harm.gone.push("partnercenter_licenses"),
        "conditional_access_policies" => harm.unknown.push("risk-based-ca"),
        "risky_users" => {
            harm.unknown.push("risky-users");
            harm.gone.push("partnercenter_risky_users");
        }
        "role_management_policies" => {
            harm.unknown.push("bp-dual-custody");
            harm.gone.push("partnercenter_pim_roles");
        }
        // Which groups GDAP names is not known.
        "pim_groups" | "gdap_relationships" | "gdap_access_assignments" => {
            harm.weaker.push("pim-in-use");
            harm.gone.push("partnercenter_pim_groups");
        }
        _ => {}
    }
}

fn path(source: &str) -> &'static str {
    match source {
        "organization" => "/organization",
        "users" => "/v1.0/users",
        "conditional_access_policies" => "/conditionalAccess/policies",
        "authentication_strengths" => "/authenticationStrengthPolicies",
        "named_locations" => "/namedLocations",
        "per_user_mfa" => "/beta/users",
        "authentication_methods_policy" => "/authenticationMethodsPolicy",
        "cross_tenant_access" => "/crossTenantAccessPolicy",
        "outlook_versions" => "/getEmailAppUsageVersionsUserCounts",
        "role_assignments" => "/roleAssignmentScheduleInstances",
        "role_eligibilities" => "/roleEligibilityScheduleInstances",
        // The same path, without and with an id.
        "agent_groups" => "/v1.0/groups",
        "groups" => "/members",
        "gdap_relationships" => "/delegatedAdminRelationships",
        "gdap_access_assignments" => "/accessAssignments",
        "gdap_requests" => "/requests",
        "gdap_customers" => "/delegatedAdminCustomers",
        "pim_groups" => "/eligibilityScheduleInstances",
        "privileged_accounts" => "/v1.0/users?$filter=id",
        "role_management_policies" => "/roleManagementPolicyAssignments",
        "risky_users" => "/riskyUsers",
        "user_registration_details" => "/userRegistrationDetails",
        "security_defaults" => "/identitySecurityDefaultsEnforcementPolicy",
        _ => "/subscribedSkus",
    }
}

/// Every kind of fault of one path, the word the source fails with, and the reason of what
/// depends on it if it was never read.
const FAULTS: [(&str, &str, &str); 11] = [
    ("throttle", "throttled", "source_failed"),
    ("throttle=2.128", "throttled", "source_failed"),
    ("throttle=date", "throttled", "source_failed"),
    ("throttle=none", "throttled", "source_failed"),
    ("forbidden=/v1.0", "permission", "permission"),
    ("truncate", "network", "source_failed"),
    ("reset", "network", "source_failed"),
    ("malformed", "malformed", "source_failed"),
    ("malformed-rows=100000", "malformed", "source_failed"),
    ("html", "malformed", "source_failed"),
    ("server-error=1", "server_error", "source_failed"),
];

/// Whether a fault of lists can be played on a source at all.
fn applies(fault: &str, source: &str) -> bool {
    !(fault.starts_with("malformed-rows")
        && ["organization", "security_defaults"].contains(&source))
}

#[test]
fn each_fault_of_each_source_from_the_start() {
    run(async {
        for source in &SOURCES[..5] {
            for (fault, word, reason) in FAULTS {
                if !applies(fault, source) {
                    continue;
                }
                let microsoft = Microsoft::small();
                microsoft.faults(&[&format!("{fault}@{}", path(source))]);
                let page = Exporter::of(&microsoft).await.page();
                let place = format!("{fault} on {source}\n{page}");
                assert!(has(&page, &failure(source, word)), "{place}");
                assert!(has(&page, &success(source, 0)), "{place}");
                // What befalls a list befalls what lies below it, too.
                let others = SOURCES.iter().filter(|other| !path(other).starts_with(path(source)));
                for other in others {
                    assert!(has(&page, &success(other, 1)), "{other}: {place}");
                }
                for requirement in harm(source).unknown {
                    assert!(has(&page, &unknown(requirement, reason)), "{requirement}: {place}");
                }
                assert!(has(&page, "partnercenter_up{tenant=\"contoso\"} 1"), "{place}");
            }
        }
    });
}

/// The page of a tenant that gives its new hires time to register.
async fn with_grace(microsoft: &Microsoft) -> String {
    let tenant = microsoft.tenant("contoso");
    let mut exporter =
        Exporter::start(settings(&format!("tenants:\n{tenant}    hire_grace: 14d\n")));
    exporter.until(Snapshot::is_ready).await;
    exporter.settle(microsoft).await;
    exporter.page()
}

#[test]
fn a_refused_source_makes_exactly_what_rests_on_it_unknown() {
    run(async {
        let healthy = figures(&with_grace(&Microsoft::small()).await);
        let hires = healthy.iter().filter(|(series, _)| series.contains("_users_mfa_grace{"));
        assert!(hires.into_iter().any(|(_, count)| count != "0"), "{healthy:?}");
        for source in SOURCES {
            let microsoft = Microsoft::small();
            microsoft.faults(&[&format!("forbidden=/@{}", path(source))]);
            let page = with_grace(&microsoft).await;
            let place = format!("{source}\n{page}");
            assert!(has(&page, &failure(source, "permission")), "{place}");
            // Agents are looked for where groups are read.
            let mut harms = vec![harm(source)];
            if source == "agent_groups" {
                harms.push(harm("groups"));
            }
            if source == "users" {
                harms.push(harm("privileged_accounts"));
            }
            let any = |of: fn(&Harm) -> &Vec<&'static str>, is: &dyn Fn(&str) -> bool| {
                harms.iter().flat_map(of).any(|it| is(it))
            };
            for requirement in harms.iter().flat_map(|harm| &harm.unknown) {
                assert!(has(&page, &unknown(requirement, "permission")), "{requirement}: {place}");
            }
            for requirement in harms.iter().flat_map(|harm| &harm.weaker) {
                let met = format!("requirement=\"{requirement}\",state=\"compliant\"}} 1");
                assert!(!page.contains(&met), "{requirement}: {place}");
            }
            let now = figures(&page);
            for (series, value) in &healthy {
                let requirement = series.split("requirement=\"").nth(1);
                if let Some(id) = requirement.and_then(|rest| rest.split('"').next()) {
                    let weaker = any(|harm| &harm.weaker, &|it| it == id);
                    if !weaker && !any(|harm| &harm.unknown, &|it| it == id) {
                        assert_eq!(now.get(series), Some(value), "{series}: {place}");
                    }
                } else if any(|harm| &harm.gone, &|it| series.contains(it)) {
                    assert_eq!(now.get(series), None, "{series}: {place}");
                } else if !any(|harm| &harm.moved, &|it| series.starts_with(it))
                    && !series.starts_with("partnercenter_source_rows")
                {
                    assert_eq!(now.get(series), Some(value), "{series}: {place}");
                }
            }
            for series in now.keys().filter(|series| !healthy.contains_key(*series)) {
                assert!(series.starts_with("partnercenter_requirement_"), "{series}: {place}");
            }
        }
    });
}

#[test]
fn one_group_that_cannot_be_read_leaves_out_only_the_people_it_may_hold() {
    run(async {
        let microsoft = Microsoft::small();
        let mut exporter = Exporter::of(&microsoft).await;
        exporter.settle(&microsoft).await;
        let healthy = figures(&exporter.page());
        let asked = microsoft.control.requests();
        let mut groups: Vec<_> = asked
            .iter()
            .filter_map(|seen| seen.path.split("/groups/").nth(1)?.split('/').next())
            .filter(|id| !id.contains('?'))
            .collect();
        groups.sort_unstable();
        groups.dedup();
        assert!(groups.len() > 10);
        let sum = |figures: &BTreeMap<String, String>, part: &str| -> u32 {
            let lines = figures.iter().filter(|(series, _)| {
                series.starts_with("partnercenter_users_mfa_coverage") && series.contains(part)
            });
            lines.map(|(_, value)| value.parse::<u32>().unwrap()).sum()
        };
        let everybody = sum(&healthy, "");
        let mut kept_some = 0;
        for group in groups {
            // Nothing depends on named locations: no policy names one.
            microsoft.faults(&[
                &format!("forbidden=/@/groups/{group}/members"),
                "forbidden=/@/conditionalAccess/namedLocations",
            ]);
            let mut exporter = Exporter::of(&microsoft).await;
            exporter.settle(&microsoft).await;
            let page = exporter.page();
            let now = figures(&page);
            let place = format!("{group}\n{page}");
            assert!(has(&page, &success("groups", 1)), "{place}");
            assert!(page.contains("_group_expansions{tenant=\"contoso\",outcome=\"failed\"} 1"));
            assert_eq!(sum(&now, ""), everybody, "{place}");
            // Nobody is said to be covered, or not, who was not said to be so before.
            let always = |figures| sum(figures, "coverage=\"always\"");
            let never =
                |figures| everybody - always(figures) - sum(figures, "coverage=\"unknown\"");
            assert!(always(&now) <= always(&healthy) && never(&now) <= never(&healthy), "{place}");
            kept_some += u32::from(sum(&now, "unknown") < everybody);
        }
        assert!(kept_some > 5, "most groups matter to some people only");
    });
}

#[test]
fn a_source_that_fails_later_says_so_at_once_and_its_figures_hold_until_max_age() {
    run(async {
        let microsoft = Microsoft::small();
        let yaml = format!(
            "tenants:\n{}    sources: {{ users: {{ interval: 5m, max_age: 20m }} }}\n",
            microsoft.tenant("contoso")
        );
        let mut exporter = Exporter::start(settings(&yaml));
        exporter.until(Snapshot::is_ready).await;
        exporter.settle(&microsoft).await;
        let healthy = figures(&exporter.page());
        microsoft.faults(&["server-error=1@/v1.0/users"]);
        let page = exporter.until_line(&failure("users", "server_error")).await;
        assert!(has(&page, &success("users", 0)), "{page}");
        assert_eq!(figures(&page), healthy, "a failure raises and clears nothing");
        let read = exporter.clock.uptime();
        assert!(read < Duration::from_secs(400), "the failure was told within an interval");
        let page = exporter.until_line(&unknown("mfa-all-users-registered", "stale")).await;
        let age = exporter.clock.uptime();
        assert!(
            age >= Duration::from_secs(20 * 60) && age < Duration::from_secs(21 * 60),
            "{age:?}"
        );
        assert!(!page.lines().any(|line| line.starts_with("partnercenter_users_mfa")), "{page}");
        assert!(has(&page, "partnercenter_sign_in_log_available{tenant=\"contoso\"} 1"), "{page}");
        // It mends without a restart, and everything is as it was.
        microsoft.faults(&[]);
        exporter.until_line(&success("users", 1)).await;
        exporter
            .until(|snapshot| {
                let page = std::str::from_utf8(&snapshot.page.text.plain).unwrap();
                !page.contains("partnercenter_source_failure{")
            })
            .await;
        assert_eq!(figures(&exporter.page()), healthy);
    });
}

#[test]
fn a_withdrawn_permission_is_the_better_reason_once_the_figures_are_too_old() {
    run(async {
        let microsoft = Microsoft::small();
        let mut exporter = Exporter::of(&microsoft).await;
        microsoft.faults(&["forbidden=/userRegistrationDetails"]);
        exporter.until_line(&failure("user_registration_details", "permission")).await;
        let page = exporter.until_line(&unknown("mfa-all-users-registered", "permission")).await;
        assert!(page.contains("partnercenter_users{"), "accounts are still counted");
    });
}

#[test]
fn an_unlicensed_tenant_is_told_apart_from_a_failure() {
    run(async {
        let microsoft = Microsoft::small();
        microsoft.faults(&["unlicensed"]);
        let page = Exporter::of(&microsoft).await.page();
        for line in [
            failure("user_registration_details", "license"),
            unknown("mfa-all-users-registered", "license"),
            unknown("accounts-without-mfa-ability", "license"),
            "partnercenter_sign_in_log_available{tenant=\"contoso\"} 0".to_owned(),
            "partnercenter_requirement_state{tenant=\"contoso\",requirement=\"signin-log-available\",state=\"noncompliant\"} 1".to_owned(),
            "partnercenter_requirement_state{tenant=\"contoso\",requirement=\"mfa-all-users-enforced\",state=\"noncompliant\"} 1".to_owned(),
            // There can be no policies, so nobody is covered by one, and that is known.
            "partnercenter_users_mfa_enforced{tenant=\"contoso\",account=\"member\",via=\"conditional_access\"} 0".to_owned(),
        ] {
            assert!(has(&page, &line), "{line}\n{page}");
        }
    });
}

#[test]
fn a_licensed_tenant_refused_for_want_of_a_licence_lacks_a_permission() {
    run(async {
        let microsoft = Microsoft::small();
        // The report is refused, while the licence is plainly there.
        microsoft.faults(&["unlicensed@/reports"]);
        let page = Exporter::of(&microsoft).await.page();
        assert!(has(&page, "partnercenter_sign_in_log_available{tenant=\"contoso\"} 1"), "{page}");
        assert!(has(&page, &unknown("mfa-all-users-registered", "permission")), "{page}");
    });
}

#[test]
fn a_token_that_dies_before_its_time_is_replaced() {
    run(async {
        let microsoft = Microsoft::small();
        microsoft.faults(&["expired-token"]);
        let yaml = format!("tenants:\n{}", microsoft.tenant("contoso"));
        let mut exporter = Exporter::start(settings(&yaml));
        for source in SOURCES {
            exporter.until_line(&success(source, 1)).await;
        }
        assert!(microsoft.control.tokens_issued() > 1);
    });
}

#[test]
fn without_a_token_everything_is_unknown_and_the_page_is_served() {
    for (fault, reason, why) in [
        ("expired-secret", "secret_expired", "credential"),
        ("wrong-secret", "secret_wrong", "credential"),
        ("app-disabled", "app_disabled", "credential"),
        ("conditional-access", "conditional_access", "credential"),
        ("consent", "consent_missing", "permission"),
    ] {
        run(async {
            let microsoft = Microsoft::small();
            microsoft.faults(&[fault]);
            let mut exporter = Exporter::of(&microsoft).await;
            let address = exporter.serve(40).await;
            let page = ask(address, "GET", "/metrics", "").await;
            assert_eq!(page.status, 200);
            let page = page.text();
            let token =
                format!("partnercenter_token_failure{{tenant=\"contoso\",reason=\"{reason}\"}} 1");
            assert!(has(page, &token), "{token}\n{page}");
            assert!(has(page, "partnercenter_up{tenant=\"contoso\"} 0"), "{page}");
            for requirement in requirements() {
                assert!(has(page, &unknown(requirement, why)), "{fault} {requirement}\n{page}");
            }
            let figures = figures(page);
            let others: Vec<_> =
                figures.keys().filter(|series| !series.contains("requirement")).collect();
            assert!(others.is_empty(), "{others:?}\n{page}");
            // One refusal is remembered for each API: five sources do not ask five times.
            let asked = microsoft.control.requests();
            let asked = asked.iter().filter(|seen| seen.path.contains("/oauth2/")).count();
            assert_eq!(asked, 2, "{fault}");
            assert_eq!(ask(address, "GET", "/-/ready", "").await.status, 200, "all were tried");
            microsoft.faults(&[]);
            let page = exporter.until_line("partnercenter_up{tenant=\"contoso\"} 1").await;
            assert!(!page.contains("partnercenter_token_failure{"), "{page}");
            exporter.until_line(&success("users", 1)).await;
        });
    }
}

#[test]
fn no_token_goes_to_another_host() {
    run(async {
        let microsoft = Microsoft::small();
        microsoft.faults(&["foreign-nextlink@/v1.0/users"]);
        let page = Exporter::of(&microsoft).await.page();
        assert!(has(&page, &failure("users", "foreign_link")), "{page}");
        assert!(has(&page, &unknown("mfa-all-users-registered", "source_failed")), "{page}");
    });
}

#[test]
fn a_report_is_fetched_where_it_lies_with_nothing_of_ours() {
    run(async {
        let microsoft = Microsoft::small();
        let page = Exporter::of(&microsoft).await.page();
        assert!(has(&page, &success("outlook_versions", 1)), "{page}");
        let asked = microsoft.control.requests();
        let asked: Vec<_> = asked.iter().filter(|it| it.path.starts_with("/download/")).collect();
        let [fetched] = asked[..] else { panic!("{asked:?}") };
        assert_eq!((fetched.status, fetched.authorization), (200, false), "{fetched:?}");
        let said = [&fetched.client_request_id, &fetched.throttle_priority];
        assert!(said.iter().all(|said| said.is_none()), "{fetched:?}");
        assert_eq!(fetched.accept_encoding.as_deref(), Some("gzip"));
        let rows = "partnercenter_source_rows{tenant=\"contoso\",source=\"outlook_versions\"} 1";
        assert!(has(&page, rows), "{page}");
    });
}

#[test]
fn a_report_that_cannot_be_had_is_missing_wherever_it_goes_wrong() {
    run(async {
        for (fault, word, reason) in [
            ("throttle@/reports/", "throttled", "source_failed"),
            ("throttle=2.128@/download/", "throttled", "source_failed"),
            ("server-error@/reports/", "server_error", "source_failed"),
            ("server-error@/download/", "server_error", "source_failed"),
            // Whoever keeps the report knows nothing of our permissions.
            ("forbidden=/v1.0@/reports/getEmail", "permission", "permission"),
            ("forbidden=/@/download/", "server_error", "source_failed"),
            ("truncate@/download/", "network", "source_failed"),
            ("reset@/download/", "network", "source_failed"),
            ("html@/reports/getEmail", "malformed", "source_failed"),
            ("html@/download/", "malformed", "source_failed"),
            ("malformed@/download/", "malformed", "source_failed"),
            ("malformed-rows=1@/reports/getEmail", "malformed", "source_failed"),
            ("foreign-redirect", "malformed", "source_failed"),
            ("second-redirect", "malformed", "source_failed"),
        ] {
            let microsoft = Microsoft::small();
            microsoft.faults(&[fault]);
            let page = Exporter::of(&microsoft).await.page();
            let place = format!("{fault}\n{page}");
            assert!(has(&page, &failure("outlook_versions", word)), "{place}");
            assert!(has(&page, &success("outlook_versions", 0)), "{place}");
            assert!(has(&page, &success("organization", 1)), "{place}");
            assert!(has(&page, &unknown("office-client-versions", reason)), "{place}");
            assert!(has(&page, &unknown("office-2013-registry", reason)), "{place}");
            assert!(!page.lines().any(|it| it.starts_with("partnercenter_outlook_")), "{place}");
            let asked = microsoft.control.requests();
            let again = asked.iter().any(|seen| seen.path.contains("/download/again/"));
            assert!(!again, "{fault}: one step and no further");
        }
    });
}

#[test]
fn where_microsoft_makes_no_report_none_is_asked_for() {
    run(async {
        let microsoft = Microsoft::small();
        let tenant = microsoft.tenant("contoso");
        let mut exporter =
            Exporter::start(settings(&format!("tenants:\n{tenant}    cloud: us_gov\n")));
        exporter.until(Snapshot::is_ready).await;
        let page = exporter.page();
        let tried = [success("outlook_versions", 0), success("outlook_versions", 1)];
        assert!(!tried.iter().any(|tried| has(&page, tried)), "{page}");
        assert!(has(&page, &success("organization", 1)), "{page}");
        let asked = microsoft.control.requests();
        assert!(!asked.iter().any(|seen| seen.path.contains("/getEmailAppUsage")), "{asked:?}");
        assert!(has(&page, &unknown("office-client-versions", "not_observable")), "{page}");
    });
}

#[test]
fn a_report_of_nobody_shows_nothing() {
    run(async {
        let settings = simulator::Settings { users: 9, ..simulator::Settings::default() };
        let page = Exporter::of(&Microsoft::start(settings)).await.page();
        assert!(has(&page, &success("outlook_versions", 1)), "{page}");
        assert!(has(&page, &unknown("office-client-versions", "not_observable")), "{page}");
        assert!(!page.lines().any(|it| it.starts_with("partnercenter_outlook_")), "{page}");
    });
}

#[test]
fn a_list_without_end_is_given_up_at_a_bound() {
    run(async {
        let microsoft = Microsoft::small();
        microsoft.faults(&["endless-paging@/v1.0/users"]);
        let mut settings: Settings =
            settings(&format!("tenants:\n{}", microsoft.tenant("contoso")));
        settings.tenants[0].client.limits.pages = 50;
        let mut exporter = Exporter::start(settings);
        exporter.until(Snapshot::is_ready).await;
        let page = exporter.page();
        assert!(has(&page, &failure("users", "limit")), "{page}");
        assert!(has(&page, &unknown("mfa-all-users-registered", "limit")), "{page}");
        let asked = microsoft.control.requests();
        let of_list = |path: &str| path.contains("/v1.0/users") && !path.contains("/users/");
        let asked = asked.iter().filter(|seen| of_list(&seen.path)).count();
        // The next attempt may have begun by now.
        assert!((50..100).contains(&asked), "{asked}");
    });
}

#[test]
fn a_slow_microsoft_delays_nothing_but_itself() {
    run(async {
        let microsoft = Microsoft::small();
        microsoft.faults(&["slow=300"]);
        let mut exporter =
            Exporter::start(settings(&format!("tenants:\n{}", microsoft.tenant("contoso"))));
        let address = exporter.serve(40).await;
        let page = ask(address, "GET", "/metrics", "").await;
        assert_eq!(page.status, 200);
        assert!(
            has(page.text(), &unknown("mfa-all-users-registered", "pending")),
            "{}",
            page.text()
        );
        assert_eq!(ask(address, "GET", "/-/ready", "").await.status, 503);
        exporter.until(Snapshot::is_ready).await;
        assert!(has(&exporter.page(), "partnercenter_up{tenant=\"contoso\"} 1"));
    });
}

#[test]
fn a_few_bad_rows_are_counted_and_the_rest_is_served() {
    run(async {
        let microsoft = Microsoft::small();
        microsoft.faults(&["malformed-rows=3@/v1.0/users"]);
        let page = Exporter::of(&microsoft).await.page();
        let rejected =
            "partnercenter_source_rows_rejected_total{source=\"users\",tenant=\"contoso\"} 3";
        assert!(has(&page, rejected) && has(&page, &success("users", 1)), "{page}");
        assert!(
            has(&page, "partnercenter_source_rows{tenant=\"contoso\",source=\"users\"} 117"),
            "{page}"
        );
    });
}

#[test]
fn fields_that_are_null_make_nobody_vanish() {
    run(async {
        let microsoft = Microsoft::small();
        microsoft.faults(&["null-everything"]);
        let page = Exporter::of(&microsoft).await.page();
        let truth = microsoft.control.truth();
        let members = format!(
            "partnercenter_users{{tenant=\"contoso\",account=\"member\"}} {}",
            truth.members + truth.guests + truth.disabled + truth.sync_accounts
        );
        assert!(has(&page, &members), "null is a member\n{page}");
        assert!(
            has(&page, &success("users", 1))
                && has(&page, &success("user_registration_details", 1))
        );
    });
}

#[test]
fn an_exporter_starts_and_answers_with_microsoft_unreachable() {
    run(async {
        // A port nobody listens on: bound, and let go.
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let microsoft = Microsoft::small();
        let yaml = format!("tenants:\n{}", microsoft.tenant("contoso"))
            .replace(&microsoft.address.to_string(), &gone.to_string());
        let mut exporter = Exporter::start(settings(&yaml));
        let address = exporter.serve(40).await;
        assert_eq!(ask(address, "GET", "/-/healthy", "").await.status, 200);
        exporter.until(Snapshot::is_ready).await;
        let page = ask(address, "GET", "/metrics", "").await;
        assert_eq!(page.status, 200);
        assert!(has(page.text(), &failure("users", "network")), "{}", page.text());
        assert!(has(
            page.text(),
            "partnercenter_token_failure{tenant=\"contoso\",reason=\"unreachable\"} 1"
        ));
        assert!(has(page.text(), &unknown("mfa-all-users-registered", "source_failed")));
    });
}

#[test]
fn an_ordinary_tenant_is_said_so_plainly() {
    run(async {
        let microsoft = Microsoft::start(simulator::Settings {
            partner: false,
            ..simulator::Settings::default()
        });
        let exporter = Exporter::of(&microsoft).await;
        let page = exporter.page();
        assert!(page.contains("partner_type=\"none\"} 1"), "{page}");
        let address = exporter.serve(40).await;
        let landing = ask(address, "GET", "/", "").await;
        assert!(landing.text().contains("not a partner tenant"), "{}", landing.text());
    });
}

#[test]
fn what_befalls_one_tenant_does_not_touch_another() {
    run(async {
        let (one, other) = (
            Microsoft::small(),
            Microsoft::start(simulator::Settings {
                users: 60,
                seed: 2,
                ..simulator::Settings::default()
            }),
        );
        let mut exporter = Exporter::start(settings(&format!(
            "tenants:\n{}{}",
            one.tenant("contoso"),
            other.tenant("fabrikam")
        )));
        exporter.until(Snapshot::is_ready).await;
        let of = |page: &str, tenant: &str| -> Vec<_> {
            let figures = figures(page);
            figures
                .into_iter()
                .filter(|(series, _)| series.contains(&format!("tenant=\"{tenant}\"")))
                // Hours of the sign-in log settle as they pass.
                .filter(|(series, _)| !series.contains("_settled_timestamp_seconds"))
                .collect()
        };
        exporter.settle(&other).await;
        let before = exporter.page();
        let truth = other.control.truth();
        let members = format!(
            "partnercenter_users{{tenant=\"fabrikam\",account=\"member\"}} {}",
            truth.members
        );
        assert!(has(&before, &members), "{before}");
        one.faults(&["expired-secret", "reset"]);
        // Tokens live for an hour; after that nothing is had for the one.
        let page = exporter.until_line(&unknown("mfa-all-users-registered", "credential")).await;
        assert!(has(&page, "partnercenter_up{tenant=\"contoso\"} 0"), "{page}");
        assert!(has(&page, "partnercenter_up{tenant=\"fabrikam\"} 1"), "{page}");
        assert_eq!(of(&page, "fabrikam"), of(&before, "fabrikam"));
    });
}

#[test]
fn sources_that_finish_together_print_one_page() {
    run(async {
        let before = Microsoft::small();
        Exporter::of(&before).await;
        let microsoft = Microsoft::small();
        let exporter =
            Exporter::start(settings(&format!("tenants:\n{}", microsoft.tenant("contoso"))));
        let mut view = exporter.view.clone();
        // The clock stands until all have answered; what they changed waits for it.
        while microsoft.control.requests().len() < before.control.requests().len() {
            tokio::task::yield_now().await;
        }
        let clock = exporter.clock.clone();
        let turning = async {
            loop {
                clock.turn(Duration::from_millis(25));
                tokio::task::yield_now().await;
            }
        };
        let ready = tokio::select! {
            ready = view.wait_for(Snapshot::is_ready) => ready.unwrap(),
            () = turning => unreachable!(),
        };
        let page = String::from_utf8(ready.page.text.plain.to_vec()).unwrap();
        let line = page
            .lines()
            .find(|line| line.starts_with("partnercenter_exporter_snapshots_total "))
            .unwrap();
        let printed: u32 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
        assert!(printed <= 3, "{printed} pages for fifteen sources");
    });
}

#[test]
fn headers_are_sent_on_every_page() {
    run(async {
        let microsoft = Microsoft::start(simulator::Settings {
            users: 2_500,
            ..simulator::Settings::default()
        });
        Exporter::of(&microsoft).await;
        let seen = microsoft.control.requests();
        let is_page = |path: &str| path.contains("/v1.0/users?") && !path.contains("$filter");
        let pages: Vec<_> = seen.iter().filter(|seen| is_page(&seen.path)).collect();
        assert_eq!(pages.len(), 3, "999 to a page");
        let mut ids = std::collections::BTreeSet::new();
        for page in pages {
            assert!(page.authorization);
            assert_eq!(page.throttle_priority.as_deref(), Some("Low"));
            assert_eq!(page.accept_encoding.as_deref(), Some("gzip"));
            let agent = page.user_agent.as_deref().unwrap();
            assert!(agent.starts_with("partnercenter_exporter/"));
            assert!(ids.insert(page.client_request_id.clone().unwrap()), "an id of its own");
        }
        assert!(
            seen.iter()
                .all(|seen| seen.method == "GET" || seen.path.ends_with("/oauth2/v2.0/token"))
        );
        assert_eq!(microsoft.control.tokens_issued(), 2, "one token for all sources of an API");
    });
}

#[test]
fn per_user_mfa_that_is_not_offered_is_tolerated_and_a_broken_way_there_is_not() {
    let answered = |status: u16| {
        let page =
            Served::collect_all(vec![("/beta/users".to_owned(), status, b"{}".to_vec())]).page;
        has(&page, &success("per_user_mfa", 1))
    };
    for status in [400, 404, 501] {
        assert!(answered(status), "{status}: the property is in no schema");
    }
    for status in [302, 403, 407, 410, 500] {
        assert!(!answered(status), "{status}");
    }
}

#[test]
fn a_group_that_fails_is_not_asked_for_again_and_again() {
    run(async {
        let policy = |group: &str| {
            let body = format!(
                r#"{{"value":[{{"id":"p","state":"enabled","conditions":{{"users":{{"includeGroups":["{group}"]}}}}}}]}}"#
            );
            ("/conditionalAccess/policies".to_owned(), 200, body.into_bytes())
        };
        let (one, other) =
            ("11111111-2222-4333-8444-000000000001", "11111111-2222-4333-8444-000000000002");
        let list = br#"{"value":[{"id":"11111111-2222-4333-8444-00000000000a"}]}"#.to_vec();
        let common = vec![
            (format!("/groups/{one}/members"), 200, br#"{"value":[]}"#.to_vec()),
            (format!("/groups/{one}"), 200, br#"{"displayName":"one"}"#.to_vec()),
            (format!("/groups/{other}"), 403, b"{}".to_vec()),
            ("/users".to_owned(), 200, list),
        ];
        let bodies = |group| Arc::new([common.clone(), vec![policy(group)]].concat());
        let served = Arc::new(Mutex::new(bodies(one)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (now_served, counted) = (Arc::clone(&served), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let bodies = Arc::clone(&now_served.lock().unwrap());
                tokio::spawn(answer(stream, bodies));
            }
        });
        let yaml = format!(
            "tenants:\n  - name: contoso\n    tenant_id: 11111111-2222-4333-8444-555555555555\n    \
             credential: {{ client_id: 21111111-2222-4333-8444-555555555555, client_secret_env: S }}\n    \
             pace: unlimited\n    endpoints: {{ login: 'http://{address}', graph: 'http://{address}' }}\n"
        );
        let mut exporter = Exporter::start(settings(&yaml));
        exporter.until(Snapshot::is_ready).await;
        assert!(has(&exporter.page(), &success("groups", 1)), "{}", exporter.page());
        // A policy names another group, which is refused.
        *served.lock().unwrap() = bodies(other);
        exporter.until_line(&failure("groups", "permission")).await;
        let before = asked.load(Ordering::Relaxed);
        let until = exporter.clock.uptime() + Duration::from_secs(600);
        let clock = exporter.clock.clone();
        exporter.until(|_| clock.uptime() >= until).await;
        let since = asked.load(Ordering::Relaxed) - before;
        assert!(since < 250, "{since} requests in ten minutes");
    });
}

#[test]
fn the_one_group_that_matters_fails_for_itself_where_others_can_be_read() {
    let (one, other) =
        ("11111111-2222-4333-8444-000000000001", "11111111-2222-4333-8444-000000000002");
    let policy = format!(
        r#"{{"value":[{{"id":"p","state":"enabled","conditions":{{"users":{{"includeGroups":["{one}"]}}}}}}]}}"#
    );
    let listed = |id: &str| format!(r#"{{"value":[{{"id":"{one}"}},{{"id":"{id}"}}]}}"#);
    let page = |id: &str, members: u16| {
        let refused = |path: &str| (format!("/groups/{path}"), 403, b"{}".to_vec());
        let empty = br#"{"value":[]}"#.to_vec();
        let canned = |path: &str, status, body| (path.to_owned(), status, body);
        Served::collect_all(vec![
            canned("/conditionalAccess/policies", 200, policy.clone().into_bytes()),
            refused(one),
            canned(&format!("/groups/{other}/members"), members, empty),
            canned("/v1.0/groups", 200, listed(id).into_bytes()),
        ])
        .page
    };
    let failed = "partnercenter_group_expansions{tenant=\"contoso\",outcome=\"failed\"} 1";
    let refused_alone = page(other, 200);
    assert!(has(&refused_alone, &success("groups", 1)), "{refused_alone}");
    assert!(has(&refused_alone, failed), "{refused_alone}");
    // Where no other is seen to be read, the permission may be missing.
    for page in [page(other, 403), page(one, 200)] {
        assert!(has(&page, &failure("groups", "permission")), "{page}");
    }
}

#[test]
fn a_group_with_hidden_membership_that_comes_back_empty_is_not_taken_for_empty() {
    let group = "11111111-2222-4333-8444-000000000001";
    let policy = format!(
        r#"{{"value":[{{"id":"p","state":"enabled","conditions":{{"users":{{"excludeGroups":["{group}"]}}}}}}]}}"#
    );
    let outcome = |visibility: &str| {
        let name = format!(r#"{{"displayName":"Hidden","visibility":{visibility}}}"#);
        let page = Served::collect(&[
            ("/conditionalAccess/policies", policy.clone().into_bytes()),
            ("/members", br#"{"value":[]}"#.to_vec()),
            (&format!("/groups/{group}"), name.into_bytes()),
        ])
        .page;
        ["read", "failed"].into_iter().find(|outcome| {
            has(
                &page,
                &format!(
                    "partnercenter_group_expansions{{tenant=\"contoso\",outcome=\"{outcome}\"}} 1"
                ),
            )
        })
    };
    assert_eq!(outcome("null"), Some("read"));
    assert_eq!(outcome("\"HiddenMembership\""), Some("failed"));
}

#[test]
fn a_tenant_whose_microsoft_hangs_keeps_no_other_waiting() {
    run(async {
        // One that accepts and never answers.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = silent.accept().await {
                held.push(stream);
            }
        });
        let (bad, good) = (Microsoft::small(), Microsoft::small());
        let mut hanging = bad.tenant("fabrikam");
        for api in ["graph", "partnercenter"] {
            let (answers, hangs) = (bad.address, address);
            hanging = hanging
                .replace(&format!("http://{answers}/{api}"), &format!("http://{hangs}/{api}"));
        }
        let yaml = format!("tenants:\n{hanging}{}", good.tenant("contoso"));
        let mut exporter = Exporter::start(settings(&yaml));
        let page = exporter.until_line(&success("groups", 1)).await;
        assert!(has(&page, "partnercenter_up{tenant=\"contoso\"} 1"), "{page}");
        assert!(has(&page, "partnercenter_up{tenant=\"fabrikam\"} 0"), "{page}");
    });
}

#[test]
fn a_refusal_whose_words_are_damaged_is_still_a_refusal() {
    let canned = vec![("/v1.0/users".to_owned(), 403, b"{\"error\":".to_vec())];
    let page = Served::collect_all(canned).page;
    assert!(has(&page, &failure("users", "permission")), "{page}");
}

#[test]
fn figures_grow_old_although_the_clock_is_set_back() {
    run(async {
        let microsoft = Microsoft::small();
        let yaml = format!(
            "tenants:\n{}    sources: {{ users: {{ interval: 5m, max_age: 20m }} }}\n",
            microsoft.tenant("contoso")
        );
        let mut exporter = Exporter::start(settings(&yaml));
        exporter.until(Snapshot::is_ready).await;
        exporter.clock.correct(jiff::SignedDuration::from_hours(-48));
        microsoft.faults(&["server-error=1@/v1.0/users"]);
        let from = exporter.clock.uptime();
        exporter.until_line(&unknown("mfa-all-users-registered", "stale")).await;
        let took = exporter.clock.uptime().saturating_sub(from);
        assert!(took < Duration::from_secs(21 * 60), "{took:?}");
    });
}
