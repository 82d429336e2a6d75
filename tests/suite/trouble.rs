//! Plays each fault and asserts what the operator would see: the right source fails with the right
//! reason, what depends on it is unknown, nothing else moves, and it mends by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use partnercenter_exporter::refresh::Settings;
use partnercenter_exporter::simulator;
use partnercenter_exporter::snapshot::Snapshot;

use crate::harness::{Exporter, Microsoft, ask, run, settings};

const SOURCES: [&str; 5] =
    ["organization", "users", "user_registration_details", "security_defaults", "subscribed_skus"];

const REQUIREMENTS: [&str; 4] = [
    "mfa-all-users-registered",
    "accounts-without-mfa-ability",
    "security-defaults",
    "signin-log-available",
];

/// Series and values of the posture that rest on what was read.
fn figures(page: &str) -> BTreeMap<String, String> {
    let kept = [
        "partnercenter_users",
        "partnercenter_mfa_",
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

/// What rests on a source.
fn dependants(source: &str) -> &'static [&'static str] {
    match source {
        "users" | "user_registration_details" => {
            &["mfa-all-users-registered", "accounts-without-mfa-ability"]
        }
        "security_defaults" => &["security-defaults"],
        "subscribed_skus" => &["security-defaults", "signin-log-available"],
        _ => &[],
    }
}

fn path(source: &str) -> &'static str {
    match source {
        "organization" => "/organization",
        "users" => "/users",
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
        let healthy = figures(&Exporter::of(&Microsoft::small()).await.page());
        for source in SOURCES {
            for (fault, word, reason) in FAULTS {
                if !applies(fault, source) {
                    continue;
                }
                let microsoft = Microsoft::small();
                microsoft.faults(&[&format!("{fault}@{}", path(source))]);
                let exporter = Exporter::of(&microsoft).await;
                let page = exporter.page();
                let place = format!("{fault} on {source}\n{page}");
                assert!(has(&page, &failure(source, word)), "{place}");
                assert!(has(&page, &success(source, 0)), "{place}");
                for other in SOURCES.iter().filter(|other| **other != source) {
                    assert!(has(&page, &success(other, 1)), "{other}: {place}");
                }
                for requirement in dependants(source) {
                    assert!(has(&page, &unknown(requirement, reason)), "{requirement}: {place}");
                }
                // What is still there says what it said without the fault.
                let dependants = dependants(source);
                for (series, value) in figures(&page) {
                    if !dependants
                        .iter()
                        .any(|it| series.contains(&format!("requirement=\"{it}\"")))
                    {
                        assert_eq!(healthy.get(&series), Some(&value), "{series}: {place}");
                    }
                }
                assert!(has(&page, "partnercenter_up{tenant=\"contoso\"} 1"), "{place}");
            }
        }
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
        let healthy = figures(&exporter.page());
        microsoft.faults(&["server-error=1@/users"]);
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
        assert!(!page.lines().any(|line| line.starts_with("partnercenter_users")), "{page}");
        assert!(has(&page, "partnercenter_sign_in_log_available{tenant=\"contoso\"} 1"), "{page}");
        // It mends without a restart, and everything is as it was.
        microsoft.faults(&[]);
        let page = exporter.until_line(&success("users", 1)).await;
        assert_eq!(figures(&page), healthy);
        assert!(!page.contains("partnercenter_source_failure{"), "{page}");
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
            "partnercenter_requirement_state{tenant=\"contoso\",requirement=\"security-defaults\",state=\"noncompliant\"} 1".to_owned(),
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
            for requirement in REQUIREMENTS {
                assert!(has(page, &unknown(requirement, why)), "{fault} {requirement}\n{page}");
            }
            assert!(figures(page).keys().all(|series| series.contains("requirement")), "{page}");
            // One refusal is remembered: five sources do not ask five times.
            let asked = microsoft.control.requests();
            let asked = asked.iter().filter(|seen| seen.path.contains("/oauth2/")).count();
            assert_eq!(asked, 1, "{fault}");
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
        microsoft.faults(&["foreign-nextlink@/users"]);
        let page = Exporter::of(&microsoft).await.page();
        assert!(has(&page, &failure("users", "foreign_link")), "{page}");
        assert!(has(&page, &unknown("mfa-all-users-registered", "source_failed")), "{page}");
    });
}

#[test]
fn a_list_without_end_is_given_up_at_a_bound() {
    run(async {
        let microsoft = Microsoft::small();
        microsoft.faults(&["endless-paging@/users"]);
        let mut settings: Settings =
            settings(&format!("tenants:\n{}", microsoft.tenant("contoso")));
        settings.tenants[0].client.limits.pages = 50;
        let mut exporter = Exporter::start(settings);
        exporter.until(Snapshot::is_ready).await;
        let page = exporter.page();
        assert!(has(&page, &failure("users", "limit")), "{page}");
        assert!(has(&page, &unknown("mfa-all-users-registered", "limit")), "{page}");
        let asked = microsoft.control.requests();
        assert_eq!(asked.iter().filter(|seen| seen.path.contains("/users")).count(), 50);
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
        microsoft.faults(&["malformed-rows=3@/users"]);
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
            truth.members + truth.guests + truth.disabled
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
                .collect()
        };
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
        let microsoft = Microsoft::small();
        let exporter =
            Exporter::start(settings(&format!("tenants:\n{}", microsoft.tenant("contoso"))));
        let mut view = exporter.view.clone();
        // The clock stands until all five have answered; what they changed waits for it.
        while microsoft.control.requests().len() < 6 {
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
        assert!(printed <= 3, "{printed} pages for five sources");
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
        let pages: Vec<_> = seen.iter().filter(|seen| seen.path.contains("/users?")).collect();
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
        assert_eq!(microsoft.control.tokens_issued(), 1, "one token for all sources");
    });
}
