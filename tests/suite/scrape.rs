//! The page as a scraper sees it: golden text, both formats, and nothing emitted that is not defined.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use partnercenter_exporter::simulator::{ByAccount, Plan, Settings, Truth};
use partnercenter_exporter::snapshot::{self, Snapshot};

use crate::harness::{Exporter, Microsoft, ask, run, settings};

const OPEN_METRICS: &str = "Accept: application/openmetrics-text;version=1.0.0\r\n";

fn inflated(gzip: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(gzip).read_to_end(&mut out).unwrap();
    out
}

/// The posture's lines: the exporter's own counters differ from run to run.
fn posture(page: &str) -> String {
    let own = [
        "process_",
        "partnercenter_api_",
        "partnercenter_exporter_",
        "partnercenter_source_duration",
        "partnercenter_source_refreshes",
    ];
    let name =
        |line: &str| line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ").to_owned();
    let lines =
        page.lines().filter(|line| !own.iter().any(|prefix| name(line).starts_with(prefix)));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_golden_page() {
    run(async {
        let microsoft = Microsoft::small();
        let mut exporter = Exporter::of(&microsoft).await;
        exporter.settle(&microsoft).await;
        let page = posture(&exporter.page());
        // Read at moments that depend on how fast loopback is; the rest is one seeded world.
        let page: String = page
            .lines()
            .map(|line| match line.split_once("_timestamp_seconds{") {
                Some((name, rest)) if !line.starts_with('#') => {
                    let (labels, _) = rest.rsplit_once(' ').unwrap();
                    format!("{name}_timestamp_seconds{{{labels} TIME\n")
                }
                _ => format!("{line}\n"),
            })
            .collect();
        crate::agreement::golden(Path::new("tests/golden/metrics.txt"), &page);
    });
}

/// An exporter to which all is declared that its tenant puts up with: emergency accounts, new
/// hires, and whoever is excluded by name.
async fn declared(microsoft: &Microsoft) -> Exporter {
    let truth = microsoft.control.truth();
    let break_glass = truth.break_glass_ids.iter().map(|id| format!("{{ object_id: {id} }}"));
    let break_glass = break_glass.collect::<Vec<_>>().join(", ");
    let exceptions = match truth.excluded_ids.join(", ") {
        none if none.is_empty() => String::new(),
        subjects => format!(
            "exceptions:\n  - {{ requirement: mfa-all-users-enforced, subjects: [{subjects}], \
             owner: office, reason: told, expires: 2027-03-01 }}\n"
        ),
    };
    let mut exporter = Exporter::start(settings(&format!(
        "{exceptions}tenants:\n{}    break_glass: [{break_glass}]\n    hire_grace: 14d\n    \
         sources: {{ outlook_versions: {{ interval: 10m }} }}\n",
        microsoft.tenant("contoso"),
    )));
    exporter.until(Snapshot::is_ready).await;
    exporter
}

/// What the page has to say of a world, counted by the world itself.
fn told(truth: &Truth) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |metric: &str, labels: &[(&str, &str)], value: usize| {
        let labels = labels.iter().map(|(name, value)| format!(",{name}=\"{value}\""));
        let labels = labels.collect::<String>();
        lines.push(format!("partnercenter_{metric}{{tenant=\"contoso\"{labels}}} {value}"));
    };
    let both = |of: ByAccount| [("member", of.member), ("guest", of.guest)];
    let pair = |member, guest| both(ByAccount { member, guest });
    for (metric, pair) in [
        ("users", pair(truth.members, truth.guests)),
        ("users_mfa_registered", pair(truth.registered_members, truth.registered_guests)),
        ("users_mfa_capable", pair(truth.capable_members, truth.capable_guests)),
        ("users_mfa_phishing_resistant", both(truth.phishing_resistant)),
        ("users_mfa_weak", both(truth.weak)),
        ("users_legacy_auth_excluded", both(truth.legacy_excluded)),
    ] {
        for (account, value) in pair {
            tell(metric, &[("account", account)], value);
        }
    }
    for (account, value) in pair(truth.unjudged_members, truth.unjudged_guests) {
        let labels = [("account", account), ("about", "registration")];
        tell("users_mfa_unknown", &labels, value);
        tell("users_mfa_unknown", &[("account", account), ("about", "enforcement")], 0);
    }
    for (metric, label, all) in [
        ("users_without_mfa", "gap", &truth.without_mfa),
        ("users_mfa_coverage", "coverage", &truth.coverage),
        ("users_mfa_enforced", "via", &truth.enforced),
    ] {
        for (word, of) in all {
            for (account, value) in both(*of) {
                tell(metric, &[("account", account), (label, word)], value);
            }
        }
    }
    for (metric, label, all) in [
        ("users_mfa_conditional", "gap", &truth.conditional),
        ("users_mfa_excluded", "reason", &truth.excluded),
        ("users_registered", "auth_method", &truth.methods),
        ("users_per_user_mfa", "mfa_state", &truth.per_user_mfa),
        ("conditional_access_policies", "state", &truth.policies),
        ("conditional_access_mfa_policies", "gap", &truth.mfa_policies),
        ("named_locations", "trusted", &truth.named_locations),
        ("agent_groups", "group", &truth.agent_groups),
        ("admins_without_mfa", "gap", &truth.admins.without_mfa),
        ("outlook_users", "outlook_version", &truth.outlook),
    ] {
        for (word, value) in all {
            tell(metric, &[(label, word)], *value);
        }
    }
    tell("outlook_users", &[("outlook_version", "other")], 0);
    for (option, is_on) in &truth.options {
        tell("mfa_option_enabled", &[("option", option)], usize::from(*is_on));
    }
    for (outcome, value) in
        [("read", truth.groups_read), ("deleted", truth.groups_deleted), ("failed", 0)]
    {
        tell("group_expansions", &[("outcome", outcome)], value);
    }
    for (account, value) in both(truth.unregistered_lately) {
        tell("users_mfa_grace", &[("account", account)], value);
    }
    let exceptions = usize::from(!truth.excluded_ids.is_empty());
    for (status, value) in [("active", exceptions), ("expired", 0), ("unmatched", 0)] {
        tell("exceptions", &[("status", status)], value);
    }
    let unregistered = truth.unregistered_members + truth.unregistered_guests;
    let unenforced = ["enforcement", "both"].map(|gap| truth.without_mfa[gap].total());
    for (requirement, found, waived) in [
        ("mfa-all-users-registered", unregistered, truth.unregistered_lately.total()),
        ("mfa-all-users-enforced", unenforced.iter().sum(), truth.excluded["direct"]),
    ] {
        tell("requirement_findings", &[("requirement", requirement)], found);
        tell("requirement_findings_waived", &[("requirement", requirement)], waived);
    }
    for (metric, value) in [
        ("admins", truth.admins.total),
        ("admins_mfa_enforced", truth.admins.enforced),
        ("admins_mfa_phishing_resistant", truth.admins.phishing_resistant),
        ("sync_accounts", truth.sync_accounts),
        ("sync_accounts_other_roles", truth.sync_accounts_other_roles),
        ("conditional_access_policies_undecided", 0),
        ("conditional_access_custom_controls", truth.custom_controls),
        ("conditional_access_baseline_policies", truth.baseline_policies),
        ("inbound_mfa_trust_default", usize::from(truth.trusts_guest_mfa)),
        ("inbound_mfa_trust_partners", 0),
        ("break_glass_accounts", truth.break_glass_ids.len()),
        ("break_glass_accounts_mfa_registered", truth.break_glass_registered),
    ] {
        tell(metric, &[], value);
    }
    lines
}

#[test]
fn the_figures_are_those_of_the_world() {
    run(async {
        let microsoft = Microsoft::small();
        let mut exporter = declared(&microsoft).await;
        for _ in 0..2 {
            let truth = microsoft.control.truth();
            let mut gaps = truth.conditional.values().chain(truth.excluded.values());
            assert!(gaps.all(|count| *count > 0), "every kind of gap is there: {truth:?}");
            assert!(truth.unregistered_members > 0 && truth.unjudged_members > 0);
            assert!(truth.unregistered_lately.total() > 0 && truth.excluded["direct"] > 2);
            for line in told(&truth) {
                exporter.until_line(&line).await;
            }
            // The world moves: people are hired and register, and one leaves a policy.
            for _ in 0..5 {
                microsoft.control.step();
            }
            assert_ne!(microsoft.control.truth().members, truth.members);
            assert_ne!(microsoft.control.truth().excluded, truth.excluded);
        }
    });
}

#[test]
fn the_figures_are_those_of_other_worlds_too() {
    let worlds = [
        Settings { seed: 7, users: 400, ..Settings::default() },
        Settings { users: 60, ..Settings::default() },
        Settings { users: 120, plan: Plan::P1, ..Settings::default() },
        Settings { users: 120, security_defaults: true, ..Settings::default() },
        Settings { users: 120, trusts_guest_mfa: true, ..Settings::default() },
    ];
    for world in worlds {
        run(async {
            let microsoft = Microsoft::start(world);
            let mut exporter = declared(&microsoft).await;
            exporter.settle(&microsoft).await;
            let page = exporter.page();
            for line in told(&microsoft.control.truth()) {
                assert!(page.lines().any(|served| served == line), "{line}\n{page}");
            }
        });
    }
}

#[test]
fn defined_and_emitted_are_the_same() {
    run(async {
        let page = Exporter::of(&Microsoft::small()).await.page();
        let typed: BTreeSet<_> = page
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
            .collect();
        let defined: BTreeSet<_> = snapshot::metrics().iter().map(|metric| metric.name).collect();
        assert_eq!(typed, defined);
    });
}

/// The page without families that have no sample now: both formats allow them, the reader does not.
fn sampled(page: &str) -> String {
    let mut out = String::new();
    let mut head = String::new();
    for line in page.lines() {
        if line.starts_with("# EOF") || !line.starts_with('#') {
            out += &std::mem::take(&mut head);
            out += line;
            out.push('\n');
            continue;
        }
        // The first line of a family: HELP in one format, TYPE in the other.
        let name = line.split(' ').nth(2).unwrap();
        if head.lines().next().is_some_and(|first| first.split(' ').nth(2) != Some(name)) {
            head.clear();
        }
        head += line;
        head.push('\n');
    }
    out
}

#[test]
fn both_formats_satisfy_a_strict_reader() {
    run(async {
        let microsoft = Microsoft::small();
        let exporter = Exporter::of(&microsoft).await;
        let address = exporter.serve(40).await;
        let text = ask(address, "GET", "/metrics", "").await;
        openmetrics_parser::prometheus::parse_prometheus(&sampled(text.text())).unwrap();
        let open = ask(address, "GET", "/metrics", OPEN_METRICS).await;
        openmetrics_parser::openmetrics::parse_openmetrics(&sampled(open.text())).unwrap();
        assert!(open.text().ends_with("# EOF\n"));
    });
}

#[test]
fn types_encodings_and_heads_are_right() {
    run(async {
        let microsoft = Microsoft::small();
        let exporter = Exporter::of(&microsoft).await;
        let address = exporter.serve(40).await;
        let plain = ask(address, "GET", "/metrics", "").await;
        assert_eq!(plain.status, 200);
        assert_eq!(plain.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        assert_eq!(plain.header("vary"), Some("Accept, Accept-Encoding"));
        assert_eq!(plain.header("content-encoding"), None);
        let open = ask(address, "GET", "/metrics", OPEN_METRICS).await;
        assert_eq!(
            open.header("content-type"),
            Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
        );
        for accept in ["", OPEN_METRICS] {
            let gzip =
                ask(address, "GET", "/metrics", &format!("{accept}Accept-Encoding: gzip\r\n"))
                    .await;
            assert_eq!(gzip.header("content-encoding"), Some("gzip"));
            let page = String::from_utf8(inflated(&gzip.body)).unwrap();
            let same = if accept.is_empty() { plain.text() } else { open.text() };
            assert_eq!(posture(&page), posture(same));
            let head =
                ask(address, "HEAD", "/metrics", &format!("{accept}Accept-Encoding: gzip\r\n"))
                    .await;
            assert_eq!((head.status, head.body.len()), (200, 0));
            assert_eq!(head.header("content-length"), Some(&*gzip.body.len().to_string()));
        }
    });
}

#[test]
fn every_path_says_what_it_is() {
    run(async {
        let microsoft = Microsoft::small();
        let exporter = Exporter::of(&microsoft).await;
        let address = exporter.serve(40).await;
        for (method, path, status, text) in [
            ("GET", "/-/healthy", 200, "healthy"),
            ("GET", "/-/ready", 200, "ready"),
            ("GET", "/", 200, "<h1>partnercenter_exporter</h1>"),
            ("GET", "/nowhere", 404, "not found"),
            ("POST", "/metrics", 405, "only GET"),
            ("DELETE", "/", 405, "only GET"),
        ] {
            let answer = ask(address, method, path, "").await;
            assert_eq!(answer.status, status, "{method} {path}");
            assert!(answer.text().contains(text), "{method} {path}: {}", answer.text());
        }
        let landing = ask(address, "GET", "/", "").await;
        assert!(landing.text().contains("mfa-all-users-registered"), "{}", landing.text());
        assert!(!landing.text().contains('@'), "no person stands on an open page");
    });
}

#[test]
fn a_scrape_that_is_over_makes_room_for_the_next() {
    run(async {
        let microsoft = Microsoft::small();
        let exporter = Exporter::of(&microsoft).await;
        let address = exporter.serve(1).await;
        assert_eq!(ask(address, "GET", "/metrics", "").await.status, 200);
        assert_eq!(
            ask(address, "GET", "/metrics", "").await.status,
            200,
            "a finished scrape makes room"
        );
    });
}
