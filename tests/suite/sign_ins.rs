//! The sign-in log read from the simulated Microsoft: its figures, and what befalls them.

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use partnercenter_exporter::simulator::{Outcomes, Settings, SignIns};
use partnercenter_exporter::snapshot::Snapshot;

use crate::harness::{Exporter, Microsoft, PATIENCE, beginning, run, settings};

/// A tenant with so many sign-ins a day.
fn logging(sign_ins: usize) -> Microsoft {
    Microsoft::start(Settings { users: 120, sign_ins, ..Settings::default() })
}

/// What is true of the week before a reading that begins in an hour, counted from the beginning.
fn week(microsoft: &Microsoft, hour: i64) -> SignIns {
    let from = beginning() + SignedDuration::from_hours(hour - 7 * 24);
    microsoft.control.sign_ins(from, beginning() + SignedDuration::from_hours(hour + 1))
}

/// The hour of the last reading, counted from the beginning.
fn hour_read(page: &str) -> Option<i64> {
    let name = "partnercenter_source_last_success_timestamp_seconds{tenant=\"contoso\",source=\"sign_ins\"} ";
    let at = page.lines().find_map(|line| line.strip_prefix(name))?.parse::<f64>().unwrap();
    Some((at as i64 - beginning().as_second()).div_euclid(3_600))
}

/// Waits until the page tells what is true of the week, whatever the hour. Returns both.
async fn until_true(exporter: &mut Exporter, microsoft: &Microsoft) -> (String, SignIns) {
    let known = RefCell::new((i64::MIN, Vec::new()));
    let is_true = |snapshot: &Snapshot| {
        let page = std::str::from_utf8(&snapshot.page.text.plain).unwrap();
        let Some(hour) = hour_read(page) else { return false };
        let (of, lines) = &mut *known.borrow_mut();
        if *of != hour {
            (*of, *lines) = (hour, told(&week(microsoft, hour)));
        }
        let served: HashSet<_> = page.lines().collect();
        lines.iter().all(|line| served.contains(line.as_str()))
    };
    match tokio::time::timeout(PATIENCE / 2, exporter.until(is_true)).await {
        Ok(snapshot) => {
            let page = String::from_utf8(snapshot.page.text.plain.to_vec()).unwrap();
            let hour = hour_read(&page).unwrap();
            (page, week(microsoft, hour))
        }
        Err(_) => {
            let page = exporter.page();
            let missing: Vec<_> =
                known.take().1.into_iter().filter(|it| !page.contains(it)).collect();
            panic!("{missing:#?}\nnever came into\n{page}")
        }
    }
}

/// What the page has to say of a log.
pub(crate) fn told(log: &SignIns) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |metric: &str, labels: &[(&str, &str)], value: u64| {
        let labels = labels.iter().map(|(name, value)| format!(",{name}=\"{value}\""));
        let labels = labels.collect::<String>();
        lines.push(format!("partnercenter_{metric}{{tenant=\"contoso\"{labels}}} {value}"));
    };
    let (one, other) = (&log.interactive, &log.non_interactive);
    for client in one.legacy.keys() {
        let Outcomes { success, failure } = log.legacy_of(client);
        for (outcome, value) in [("success", success), ("failure", failure)] {
            tell("legacy_auth_sign_ins", &[("client_app", client), ("outcome", outcome)], value);
        }
    }
    for resource in ["partner_center", "graph", "azure_management", "exchange", "other"] {
        let of = |resource| {
            let both = [&one.password_grants, &other.password_grants];
            both.into_iter().filter_map(|it| it.get(resource)).map(|it| it.success).sum::<u64>()
        };
        tell("password_grant_sign_ins", &[("resource", resource)], of(resource));
    }
    let mfa = |with, without| [("yes", with), ("no", without)];
    for (kind, of) in [("interactive", one.on_behalf), ("non_interactive", other.on_behalf)] {
        for (mfa, value) in mfa(of.with_mfa, of.without_mfa) {
            tell("aobo_sign_ins", &[("mfa", mfa), ("kind", kind)], value);
        }
    }
    let (here, there) = (one.federated, other.federated);
    let pair = mfa(here.with_mfa + there.with_mfa, here.without_mfa + there.without_mfa);
    for (mfa, value) in pair {
        tell("federated_sign_ins", &[("mfa", mfa)], value);
    }
    for (module, words) in [
        ("az", &["az", "azurerm"][..]),
        ("azure_cli", &["cli"]),
        ("azuread", &["azuread"]),
        ("exchange", &["exchange"]),
        ("graph", &["graph"]),
    ] {
        let all = || {
            let both = [&one.powershell, &other.powershell];
            both.into_iter().flat_map(|it| words.iter().filter_map(|word| it.get(word)))
        };
        let (with, without) =
            (all().map(|it| it.with_mfa).sum(), all().map(|it| it.without_mfa).sum());
        for (mfa, value) in mfa(with, without) {
            tell("powershell_sign_ins", &[("module", module), ("mfa", mfa)], value);
        }
    }
    tell("legacy_auth_users", &[], log.people("legacy_succeeded").len() as u64);
    tell("password_grant_users", &[], log.people("password_grant_succeeded").len() as u64);
    tell("sign_in_window_seconds", &[], 7 * 24 * 3600);
    lines
}

/// Waits until what is closed of the log is written.
async fn until_kept(exporter: &Exporter, state: &Path) {
    while !state.join("sign_ins-contoso.json").exists() {
        exporter.clock.turn(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Another process on the same state, at `now`.
async fn again(state: &Path, yaml: &str, now: Timestamp) -> Exporter {
    // The thread that has the directory takes a moment to end.
    while std::fs::File::open(state.join("lock")).unwrap().try_lock().is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Exporter::start_at(now, settings(yaml))
}

fn sum(page: &str, metric: &str) -> u64 {
    let of = |line: &str| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap();
    page.lines().filter(|line| line.starts_with(&format!("partnercenter_{metric}{{"))).map(of).sum()
}

fn asked(microsoft: &Microsoft) -> usize {
    let requests = microsoft.control.requests();
    requests.iter().filter(|seen| seen.path.contains("/auditLogs/signIns")).count()
}

#[test]
fn the_figures_are_those_of_the_log() {
    run(async {
        let microsoft = logging(1_500);
        let mut exporter = Exporter::of(&microsoft).await;
        let (page, log) = until_true(&mut exporter, &microsoft).await;
        let single = log.interactive.factors.without_mfa + log.non_interactive.factors.without_mfa;
        let sync =
            log.interactive.sync_by_connect.success + log.non_interactive.sync_by_connect.success;
        assert!(single > 0 && log.people("legacy_succeeded").len() > 1);
        assert_eq!(sum(&page, "single_factor_sign_ins"), single - sync);
        let device = log.interactive.device_code.success + log.non_interactive.device_code.success;
        assert_eq!(sum(&page, "device_code_sign_ins"), device);
        let people = log.people("everybody");
        assert!(people.iter().all(|id| !page.contains(id.as_str())), "nobody is named");
    });
}

#[test]
fn a_restart_reads_what_is_missing_and_nothing_else() {
    run(async {
        let microsoft = logging(1_000);
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("state");
        let yaml = format!(
            "state_directory: {}\ntenants:\n{}",
            path.display(),
            microsoft.tenant("contoso")
        );
        let mut exporter = Exporter::start(settings(&yaml));
        until_true(&mut exporter, &microsoft).await;
        until_kept(&exporter, &path).await;
        let kept = std::fs::read_to_string(path.join("sign_ins-contoso.json")).unwrap();
        assert!(kept.contains("\"until\""));
        let before = asked(&microsoft);
        drop(exporter);
        let mut exporter = again(&path, &yaml, beginning()).await;
        until_true(&mut exporter, &microsoft).await;
        assert!(asked(&microsoft) - before <= 4, "{} requests", asked(&microsoft) - before);
    });
}

#[test]
fn whatever_befalls_the_log_its_figures_are_right_afterwards() {
    for fault in [
        "truncate@/auditLogs/signIns",
        "malformed@/auditLogs/signIns",
        "expiring-skiptoken=2@/auditLogs/signIns",
        "throttle@/auditLogs/signIns",
    ] {
        run(async {
            let microsoft = logging(1_500);
            microsoft.faults(&[fault]);
            let mut exporter = Exporter::of(&microsoft).await;
            if !fault.starts_with("expiring") {
                assert!(!exporter.page().contains("partnercenter_legacy_auth_users{"), "{fault}");
                microsoft.faults(&[]);
            }
            until_true(&mut exporter, &microsoft).await;
        });
    }
}

#[test]
fn a_day_without_the_exporter_is_caught_up_within_microsoft_s_limits() {
    run(async {
        let microsoft = logging(2_000);
        let state = tempfile::tempdir().unwrap();
        let tenant = microsoft.tenant("contoso").replace("pace: unlimited", "pace: microsoft");
        let path = state.path().join("state");
        let yaml = format!("state_directory: {}\ntenants:\n{tenant}", path.display());
        let mut exporter = Exporter::start(settings(&yaml));
        until_true(&mut exporter, &microsoft).await;
        until_kept(&exporter, &path).await;
        drop(exporter);
        let day = SignedDuration::from_hours(24);
        microsoft.control.turn(day.unsigned_abs());
        let before = asked(&microsoft);
        let mut exporter = again(&path, &yaml, beginning() + day).await;
        let (page, log) = until_true(&mut exporter, &microsoft).await;
        assert!(log.newest.unwrap() > beginning() + SignedDuration::from_hours(20), "{page}");
        let asked = asked(&microsoft) - before;
        let took = exporter.clock.uptime().as_secs();
        // A day of two thousand rows and the open hours, read again as they settle.
        assert!(asked <= 16, "{asked} requests");
        // Five in ten seconds, shared with the registration report.
        let most = 5 + took / 2;
        assert!(asked as u64 <= most, "{asked} requests in {took} s");
    });
}

#[test]
fn where_beta_is_refused_what_it_tells_is_absent() {
    run(async {
        for status in [400, 404, 501] {
            let microsoft = logging(1_000);
            microsoft.faults(&[&format!("no-beta={status}@/auditLogs/signIns")]);
            let mut exporter = Exporter::of(&microsoft).await;
            let log = week(&microsoft, 0).interactive;
            let imap = log.legacy["IMAP4"].success;
            let page = exporter
                .until_line(&format!(
                    "partnercenter_legacy_auth_sign_ins{{tenant=\"contoso\",client_app=\"IMAP4\",outcome=\"success\"}} {imap}"
                ))
                .await;
            for absent in ["single_factor_sign_ins", "aobo_sign_ins", "users_without_mfa_sign_in"] {
                assert!(!page.contains(&format!("partnercenter_{absent}{{")), "{absent}");
            }
        }
    });
}
