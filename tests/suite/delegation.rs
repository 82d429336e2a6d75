//! DAP as a whole: who has it, how long ago it was used, and what is remembered of that, against the
//! world it comes from.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use partnercenter_exporter::clock::Clock;
use partnercenter_exporter::refresh::Collecting;
use partnercenter_exporter::simulator::{Settings, Truth};
use partnercenter_exporter::snapshot::Snapshot;
use partnercenter_exporter::telemetry::Telemetry;

use crate::harness::{Exporter, Microsoft, Person, beginning, run, settings};

/// The lines of every figure about customers and DAP that does not depend on the evidence.
fn told(truth: &Truth) -> Vec<String> {
    let dap = &truth.dap;
    let word = |word: &'static str| if word == "unknown" { "other" } else { word };
    let relationships = dap.relationships.iter().map(|(relationship, count)| {
        let relationship = word(relationship);
        format!("customers{{tenant=\"contoso\",relationship=\"{relationship}\"}} {count}")
    });
    let states = dap.state.iter().map(|(state, count)| {
        format!("customers_dap{{tenant=\"contoso\",state=\"{state}\"}} {count}")
    });
    // DAP makes Admin agents Global Administrators, and Helpdesk agents what their name says.
    let agents = |group: &str| truth.privilege.members[group].total();
    let each = 100 * agents("AdminAgents") + 20 * agents("HelpdeskAgents");
    let with_gdap = &truth.gdap.customer_ids;
    let alone = dap.granted_ids.iter().filter(|id| !with_gdap.contains(*id)).count();
    let exposure = dap.granted_ids.len() * each;
    let sums = [
        format!("dap_exposure{{tenant=\"contoso\"}} {exposure}"),
        format!("customers_dap_without_gdap{{tenant=\"contoso\"}} {alone}"),
    ];
    relationships.chain(states).chain(sums).map(|line| format!("partnercenter_{line}")).collect()
}

fn bands(truth: &Truth) -> Vec<String> {
    let mut bands: Vec<_> = truth
        .dap
        .inactivity
        .iter()
        .map(|(band, count)| line("dap_customers", "inactivity", band, *count))
        .collect();
    bands.push(line("dap_customers", "inactivity", "unknown", 0));
    bands
}

fn line(name: &str, label: &str, value: &str, count: usize) -> String {
    format!("partnercenter_{name}{{tenant=\"contoso\",{label}=\"{value}\"}} {count}")
}

fn evidence(word: &str) -> String {
    line("dap_evidence", "evidence", word, 1)
}

#[track_caller]
fn holds(page: &str, lines: impl IntoIterator<Item = String>) {
    for line in lines {
        let name = line.split('{').next().unwrap_or_default();
        let of_it: Vec<_> = page.lines().filter(|served| served.starts_with(name)).collect();
        assert!(of_it.contains(&&*line), "{line}\n{}", of_it.join("\n"));
    }
}

/// What a tenant's configuration says so that the service is read, for a person.
fn served(microsoft: &Microsoft, person: &Person) -> String {
    format!(
        "tenants:\n{}{}    sources:\n      dap_service: {{ enabled: true, interval: 10m }}\n      \
         customers: {{ interval: 10m }}\n      audit_records: {{ interval: 10m }}\n",
        microsoft.tenant("contoso"),
        person.app_user()
    )
}

/// Whether every customer was asked about, and the evidence read.
fn is_whole(snapshot: &Snapshot) -> bool {
    let page = std::str::from_utf8(&snapshot.page.text.plain).unwrap();
    let has = |start: &str| page.lines().any(|line| line.starts_with(start));
    has("partnercenter_dap_customers{")
        && has("partnercenter_audit_window_seconds{tenant=\"contoso\"} 7776000")
}

#[test]
fn every_band_and_count_is_that_of_the_world_and_follows_it() {
    for (customers, seed) in [(40, 1), (1_200, 3)] {
        let world = Settings { users: 60, customers, seed, ..Settings::default() };
        let microsoft = Microsoft::start(world);
        run(async {
            let person = Person::consenting(&microsoft, true);
            let mut exporter = Exporter::start(settings(&served(&microsoft, &person)));
            exporter.until(is_whole).await;
            exporter.until_line(&evidence("service")).await;
            let turned = exporter.clock.uptime();
            microsoft.control.turn(turned);
            let truth = microsoft.control.truth();
            assert!(truth.dap.inactivity.values().all(|count| *count > 0), "{:?}", truth.dap);
            for line in told(&truth).into_iter().chain(bands(&truth)) {
                exporter.until_line(&line).await;
            }
            microsoft.control.turn(exporter.clock.uptime().saturating_sub(turned));
            // Customers come and go, DAP is granted and removed.
            microsoft.control.add_customer();
            microsoft.control.grant_dap(2);
            microsoft.control.remove_dap(3);
            microsoft.control.remove_customer();
            microsoft.control.remove_customer();
            let after = microsoft.control.truth();
            assert_ne!(after.dap.state, truth.dap.state);
            for line in told(&after).into_iter().chain(bands(&after)) {
                exporter.until_line(&line).await;
            }
            let page = exporter.page();
            holds(&page, told(&after));
            let unmet = "requirement=\"dap-new-grants\",state=\"noncompliant\"} 1";
            assert!(page.contains(unmet), "{page}");
        });
    }
}

/// What the log alone can tell of this world after so many days of it were seen.
fn by_log(truth: &Truth, now: Timestamp, seen_days: i64) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BANDS.into_iter().map(|band| (band, 0)).collect();
    let days = |at: &Timestamp| now.duration_since(*at).as_hours() / 24;
    for id in &truth.dap.enabled_ids {
        let used = truth.dap.last_use.get(id).map(days).filter(|days| *days < seen_days);
        let granted = truth.dap.started.get(id).map(days);
        let band = match (used, granted) {
            (Some(..30), _) => "lt30",
            (Some(_), _) => "30to60",
            (None, Some(granted)) if granted < seen_days => "new",
            (None, _) => "unknown",
        };
        *counts.entry(band).or_default() += 1;
    }
    counts
        .into_iter()
        .map(|(band, count)| line("dap_customers", "inactivity", band, count))
        .collect()
}

const BANDS: [&str; 7] = ["lt30", "30to60", "60to90", "gt90", "never", "new", "unknown"];

/// Runs an exporter on this state until the log's evidence is in, and hands over its page.
async fn watched(microsoft: &Microsoft, state: &Path, now: Timestamp) -> String {
    let yaml = format!(
        "state_directory: '{}'\ntenants:\n{}    sources: {{ sign_ins: {{ window: 30d }} }}\n",
        state.display(),
        microsoft.tenant("contoso")
    );
    let mut exporter = Exporter::start_at(now, settings(&yaml));
    exporter
        .until(|snapshot| {
            let page = std::str::from_utf8(&snapshot.page.text.plain).unwrap();
            is_whole(snapshot) && page.contains("partnercenter_aobo_sign_ins{")
        })
        .await;
    let page = exporter.page();
    exporter.stop().await;
    page
}

#[test]
fn the_last_use_is_remembered_for_longer_than_the_log_is_kept() {
    let world = Settings { users: 60, customers: 60, sign_ins: 300, ..Settings::default() };
    let microsoft = Microsoft::start(world);
    let room = tempfile::tempdir().unwrap();
    let state = room.path().join("state");
    run(async {
        let now = beginning();
        let page = watched(&microsoft, &state, now).await;
        let truth = microsoft.control.truth();
        let first = by_log(&truth, now, 30);
        assert!(
            first.iter().any(|line| line.contains("lt30") && !line.ends_with(" 0")),
            "{first:?}"
        );
        holds(&page, first.iter().cloned().chain([evidence("log")]));
        // Twenty days later the log has forgotten what this state remembers.
        let later = now + SignedDuration::from_hours(20 * 24);
        microsoft.control.turn(Duration::from_secs(20 * 24 * 3600));
        let page = watched(&microsoft, &state, later).await;
        let second = by_log(&microsoft.control.truth(), later, 50);
        assert_ne!(first, second);
        holds(&page, second.clone());
        // A kill leaves what was written last; what was read since is read again.
        let copy = room.path().join("copy");
        copy_all(&state, &copy);
        assert!(watched(&microsoft, &copy, later).await.contains(&second[0]));
        // A damaged memory is set aside: what it knew is unknown again, and nothing reads 0 for it.
        let kept = std::fs::read(state.join("delegations-contoso.json")).unwrap();
        for damaged in [&kept[..kept.len() / 2], b"", b"{\"format\":1,\"data\":{}}", b"\0\0"] {
            let state = room.path().join(format!("damaged-{}", damaged.len()));
            copy_all(&copy, &state);
            std::fs::write(state.join("delegations-contoso.json"), damaged).unwrap();
            let page = watched(&microsoft, &state, later).await;
            assert_eq!(
                std::fs::read(state.join("delegations-contoso.json.damaged")).unwrap(),
                damaged
            );
            let dap = page.lines().filter(|line| line.starts_with("partnercenter_dap_customers{"));
            let sum: usize =
                dap.map(|line| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap()).sum();
            assert_eq!(sum, microsoft.control.truth().dap.enabled_ids.len(), "nobody is lost");
            let lost = line("dap_customers", "inactivity", "30to60", 0);
            assert!(page.lines().any(|line| line == lost), "{page}");
            assert!(!page.contains("inactivity=\"unknown\"} 0\n"), "{page}");
        }
        // A memory of a newer version is left alone, and said.
        std::fs::write(state.join("delegations-contoso.json"), b"{\"format\":9,\"data\":{}}")
            .unwrap();
        let yaml = format!(
            "state_directory: '{}'\ntenants:\n{}",
            state.display(),
            microsoft.tenant("contoso")
        );
        let collecting = Collecting::start(settings(&yaml), Clock::driven(later), Telemetry::new());
        let refused = collecting.unwrap().stop().await;
        let refused = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("run the newer version"), "{refused}");
    });
}

fn copy_all(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.file_name() != "lock" {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

#[test]
fn a_report_says_what_neither_service_nor_log_can() {
    let microsoft = Microsoft::small();
    let room = tempfile::tempdir().unwrap();
    let report = room.path().join("report.csv");
    run(async {
        let truth = microsoft.control.truth();
        let rows = truth.dap.granted_ids.iter().map(|id| format!("{id},400,91\n"));
        let text =
            format!("CustomerTenantId,Days enabled,Days inactive\n{}", rows.collect::<String>());
        std::fs::write(&report, text).unwrap();
        let yaml = format!(
            "tenants:\n{}    sources: {{ dap_report: {{ file: '{}' }} }}\n",
            microsoft.tenant("contoso"),
            report.display()
        );
        let mut exporter = Exporter::start(settings(&yaml));
        exporter.until(is_whole).await;
        let page = exporter.until_line(&evidence("report")).await;
        let enabled = truth.dap.state["enabled"];
        holds(&page, [line("dap_customers", "inactivity", "gt90", enabled)]);
        // One that cannot be read is said, by its name and without its content.
        std::fs::write(&report, "color\nsecret-red\n").unwrap();
        let page = exporter
            .until_line("partnercenter_source_failure{tenant=\"contoso\",source=\"dap_report\",reason=\"malformed\"} 1")
            .await;
        assert!(!page.contains("secret-red"));
    });
}

#[test]
fn whom_it_does_not_concern_is_not_applicable_and_an_application_that_is_not_registered_is_not_that()
 {
    let state = |requirement: &str, state: &str| {
        format!(
            "partnercenter_requirement_state{{tenant=\"contoso\",requirement=\"{requirement}\",state=\"{state}\"}} 1"
        )
    };
    let ids = ["dap-inactive", "dap-remaining", "dap-new-grants"];
    for world in [
        Settings { indirect_reseller: true, users: 60, ..Settings::default() },
        Settings { partner: false, users: 60, ..Settings::default() },
        Settings { customers: 0, users: 60, ..Settings::default() },
    ] {
        let microsoft = Microsoft::start(world);
        let page = run(async { Exporter::of(&microsoft).await.page() });
        let concerned =
            &ids[..if microsoft.control.truth().dap.state["disabled"] == 0 { 2 } else { 3 }];
        holds(&page, concerned.iter().map(|id| state(id, "not_applicable")));
        // That there are no customers is a measurement; what could not be read is none.
        let is_read = page.contains("partnercenter_customers{");
        assert_eq!(page.contains("partnercenter_dap_customers{"), is_read, "{page}");
    }
    let microsoft =
        Microsoft::start(Settings { registered: false, users: 60, ..Settings::default() });
    let page = run(async { Exporter::of(&microsoft).await.page() });
    holds(&page, ids.iter().map(|id| state(id, "unknown")));
    assert!(!page.contains("partnercenter_customers{"), "{page}");
}
