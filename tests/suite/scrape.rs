//! The page as a scraper sees it: golden text, both formats, and nothing emitted that is not defined.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use partnercenter_exporter::snapshot;

use crate::harness::{Exporter, Microsoft, ask, run};

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
        let exporter = Exporter::of(&Microsoft::small()).await;
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

#[test]
fn the_figures_are_those_of_the_world() {
    run(async {
        let microsoft = Microsoft::small();
        let mut exporter = Exporter::of(&microsoft).await;
        for _ in 0..2 {
            let truth = microsoft.control.truth();
            let figures = [
                ("partnercenter_users{tenant=\"contoso\",account=\"member\"}", truth.members),
                ("partnercenter_users{tenant=\"contoso\",account=\"guest\"}", truth.guests),
                (
                    "partnercenter_users_mfa_registered{tenant=\"contoso\",account=\"member\"}",
                    truth.registered_members,
                ),
                (
                    "partnercenter_users_mfa_registered{tenant=\"contoso\",account=\"guest\"}",
                    truth.registered_guests,
                ),
                (
                    "partnercenter_users_mfa_capable{tenant=\"contoso\",account=\"member\"}",
                    truth.capable_members,
                ),
                (
                    "partnercenter_users_without_mfa{tenant=\"contoso\",account=\"member\",gap=\"registration\"}",
                    truth.unregistered_members,
                ),
                (
                    "partnercenter_users_without_mfa{tenant=\"contoso\",account=\"guest\",gap=\"registration\"}",
                    truth.unregistered_guests,
                ),
                (
                    "partnercenter_users_mfa_unknown{tenant=\"contoso\",account=\"member\",about=\"registration\"}",
                    truth.unjudged_members,
                ),
            ];
            assert!(
                truth.unregistered_members > 0 && truth.guests > 0 && truth.unjudged_members > 0
            );
            for (series, value) in figures {
                exporter.until_line(&format!("{series} {value}")).await;
            }
            // The world moves: someone is hired, someone registers.
            microsoft.control.step();
            microsoft.control.step();
            assert_ne!(microsoft.control.truth().members, truth.members);
        }
    });
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
fn an_exporter_without_room_turns_scrapes_away_and_counts_them() {
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
