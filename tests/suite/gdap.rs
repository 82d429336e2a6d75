//! GDAP as a whole: the page against what is true of the simulated relationships, in many worlds and
//! over months; and what an operator sees where something of it cannot be read.

use std::time::Duration;

use partnercenter_exporter::simulator::{Gdap, Settings, Truth};
use partnercenter_exporter::snapshot::Snapshot;

use crate::harness::{Exporter, Microsoft, beginning, run, settings};

/// What the page has to say of GDAP in a world, counted by the world itself.
fn told(truth: &Gdap) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |metric: &str, labels: &[(&str, &str)], value: f64| {
        let labels = labels.iter().map(|(name, value)| format!(",{name}=\"{value}\""));
        let labels = labels.collect::<String>();
        lines.push(format!("partnercenter_{metric}{{tenant=\"contoso\"{labels}}} {value}"));
    };
    for (metric, label, all) in [
        ("gdap_relationships", "status", &truth.relationships),
        ("gdap_relationships_ending", "ends_in", &truth.ending),
        ("gdap_customers_going_dark", "ends_in", &truth.going_dark),
        ("gdap_relationships_auto_extend", "auto_extend", &truth.auto_extend),
        ("gdap_relationships_with_role", "role", &truth.with_role),
        ("gdap_access_assignments", "status", &truth.assignments),
        ("gdap_relationships_by_people", "people", &truth.by_people),
    ] {
        for (word, count) in all {
            tell(metric, &[(label, word)], *count as f64);
        }
    }
    tell("gdap_relationships_by_people", &[("people", "unknown")], 0.0);
    for (action, all) in &truth.requests {
        for (status, count) in all {
            tell("gdap_requests", &[("action", action), ("status", status)], *count as f64);
        }
    }
    for (metric, count) in [
        ("gdap_roles_granted", truth.roles_granted),
        ("gdap_roles_assigned", truth.roles_assigned),
        ("gdap_assignments_to_admin_agents", truth.to_admin_agents),
        ("gdap_relationships_without_assignment", truth.without_assignment),
        ("gdap_relationships_unread", 0),
        ("gdap_relationships_microsoft_led", truth.microsoft_led),
        ("gdap_people", truth.people),
        ("gdap_exposure", truth.exposure as usize),
        ("customers_gdap", truth.customers),
        ("gdap_customers", truth.listed_customers),
    ] {
        tell(metric, &[], count as f64);
    }
    for (metric, moment) in [
        ("gdap_earliest_end_timestamp_seconds", truth.earliest_end),
        ("gdap_oldest_pending_timestamp_seconds", truth.oldest_pending),
    ] {
        if let Some(moment) = moment {
            tell(metric, &[], moment.as_millisecond() as f64 / 1000.0);
        }
    }
    lines
}

fn missing(page: &str, truth: &Truth) -> Vec<String> {
    let is_missing = |line: &String| !page.lines().any(|served| served == line);
    told(&truth.gdap).into_iter().filter(is_missing).collect()
}

/// Waits until the page says all that is true.
async fn until_true(exporter: &mut Exporter, microsoft: &Microsoft) {
    for line in told(&microsoft.control.truth().gdap) {
        exporter.until_line(&line).await;
    }
    assert_eq!(missing(&exporter.page(), &microsoft.control.truth()), Vec::<String>::new());
}

fn requirement(page: &str, id: &str, state: &str) -> bool {
    let line = format!(
        "partnercenter_requirement_state{{tenant=\"contoso\",requirement=\"{id}\",state=\"{state}\"}} 1"
    );
    page.lines().any(|served| served == line)
}

const REQUIREMENTS: [&str; 7] = [
    "gdap-assignments",
    "gdap-auto-extend",
    "gdap-expiry",
    "gdap-least-privilege",
    "gdap-microsoft-led",
    "gdap-no-global-admin",
    "gdap-pending",
];

#[test]
fn the_figures_are_those_of_the_world_and_every_kind_of_relationship_is_in_it() {
    run(async {
        let microsoft = Microsoft::small();
        let truth = microsoft.control.truth().gdap;
        for all in [&truth.relationships, &truth.ending, &truth.by_people, &truth.auto_extend] {
            let bare: Vec<_> = all.iter().filter(|(_, count)| **count == 0).collect();
            assert!(bare.iter().all(|(word, _)| **word == "gt50"), "{bare:?}");
        }
        assert!(truth.exposure > 0 && truth.roles_assigned < truth.roles_granted, "{truth:?}");
        let mut exporter = Exporter::of(&microsoft).await;
        until_true(&mut exporter, &microsoft).await;
        for id in REQUIREMENTS {
            assert!(requirement(&exporter.page(), id, "noncompliant"), "{id}");
        }
    });
}

#[test]
fn the_figures_are_those_of_other_worlds_too() {
    for world in [
        Settings { seed: 7, users: 400, customers: 700, ..Settings::default() },
        Settings { users: 60, customers: 3, ..Settings::default() },
        Settings { users: 120, customers: 0, ..Settings::default() },
    ] {
        run(async {
            let has_none = world.customers == 0;
            let microsoft = Microsoft::start(world);
            let mut exporter = Exporter::of(&microsoft).await;
            until_true(&mut exporter, &microsoft).await;
            for id in REQUIREMENTS.iter().filter(|_| has_none) {
                assert!(requirement(&exporter.page(), id, "not_applicable"), "{id}");
            }
        });
    }
}

#[test]
fn relationships_end_and_go_on_as_time_passes() {
    run(async {
        let microsoft = Microsoft::small();
        let first = microsoft.control.truth().gdap;
        let mut now = beginning();
        // A day, two weeks, and half a year.
        for hours in [25, 14 * 24, 180 * 24] {
            let span = Duration::from_secs(hours * 3600);
            microsoft.control.turn(span);
            now += span;
            let tenant = microsoft.tenant("contoso");
            let mut exporter = Exporter::start_at(now, settings(&format!("tenants:\n{tenant}")));
            until_true(&mut exporter, &microsoft).await;
        }
        let last = microsoft.control.truth().gdap;
        assert!(last.relationships["expired"] > first.relationships["expired"], "{last:?}");
        assert!(last.customers < first.customers && last.customers > 0, "{last:?}");
    });
}

/// An exporter of a world where this goes wrong, once it is ready.
async fn beset(faults: &[&str]) -> String {
    let microsoft = Microsoft::small();
    microsoft.faults(faults);
    Exporter::of(&microsoft).await.page()
}

#[test]
fn without_the_permission_nothing_is_said_and_it_is_said_why() {
    run(async {
        let granted = Settings::default().granted;
        let granted = granted.into_iter().filter(|it| !it.starts_with("Delegated")).collect();
        let microsoft = Microsoft::start(Settings { users: 120, granted, ..Settings::default() });
        let page = Exporter::of(&microsoft).await.page();
        let gdap = |line: &&str| {
            (line.starts_with("partnercenter_gdap_")
                || line.starts_with("partnercenter_customers_gdap"))
                && !line.starts_with('#')
        };
        assert_eq!(page.lines().find(gdap), None);
        for source in
            ["gdap_relationships", "gdap_access_assignments", "gdap_requests", "gdap_customers"]
        {
            let line = format!(
                "partnercenter_source_failure{{tenant=\"contoso\",source=\"{source}\",reason=\"permission\"}} 1"
            );
            assert!(page.lines().any(|served| served == line), "{line}\n{page}");
        }
        for id in REQUIREMENTS {
            assert!(requirement(&page, id, "unknown"), "{id}");
        }
    });
}

#[test]
fn an_ordinary_tenant_need_not_be_judged() {
    run(async {
        let microsoft =
            Microsoft::start(Settings { users: 120, partner: false, ..Settings::default() });
        let page = Exporter::of(&microsoft).await.page();
        for id in REQUIREMENTS {
            assert!(requirement(&page, id, "not_applicable"), "{id}\n{page}");
        }
    });
}

#[test]
fn where_assignments_cannot_be_read_what_rests_on_relationships_is_said_all_the_same() {
    run(async {
        for fault in ["forbidden=/@accessAssignments", "malformed-rows=9@accessAssignments"] {
            let page = beset(&[fault]).await;
            assert!(page.contains("partnercenter_gdap_relationships_ending{tenant"), "{page}");
            assert!(page.contains("partnercenter_gdap_roles_granted{tenant"), "{page}");
            for absent in ["exposure", "people", "roles_assigned", "assignments_to_admin_agents"] {
                let series = format!("partnercenter_gdap_{absent}{{tenant");
                assert!(
                    !page.contains(&series) || fault.starts_with("malformed"),
                    "{series}\n{page}"
                );
            }
            assert!(!page.contains("partnercenter_gdap_exposure{tenant"), "{page}");
            // Findings that are certain are told; what would clear a requirement is not.
            assert!(requirement(&page, "gdap-no-global-admin", "noncompliant"), "{page}");
            assert!(requirement(&page, "gdap-least-privilege", "noncompliant"), "{page}");
        }
        let page = beset(&["forbidden=/@accessAssignments"]).await;
        assert!(requirement(&page, "gdap-assignments", "unknown"), "{page}");
    });
}

#[test]
fn where_every_field_is_null_that_may_be_nobody_loses_power() {
    run(async {
        let microsoft = Microsoft::small();
        microsoft.faults(&["null-everything@tenantRelationships"]);
        let truth = microsoft.control.truth().gdap;
        let mut exporter = Exporter::of(&microsoft).await;
        let line = format!("partnercenter_gdap_exposure{{tenant=\"contoso\"}} {}", truth.exposure);
        let page = exporter.until_line(&line).await;
        let active = truth.relationships["active"];
        let line = format!(
            "partnercenter_gdap_relationships{{tenant=\"contoso\",status=\"active\"}} {active}"
        );
        assert!(page.lines().any(|it| it == line), "{line}\n{page}");
    });
}

#[test]
fn sovereign_clouds_are_not_asked() {
    run(async {
        let microsoft = Microsoft::small();
        let yaml = format!("tenants:\n{}    cloud: us_gov\n", microsoft.tenant("contoso"));
        let mut exporter = Exporter::start(settings(&yaml));
        exporter.until(Snapshot::is_ready).await;
        let asked = microsoft.control.requests();
        assert!(asked.iter().any(|seen| seen.path.contains("/users")));
        assert!(!asked.iter().any(|seen| seen.path.contains("tenantRelationships")));
        assert!(requirement(&exporter.page(), "gdap-expiry", "unknown"));
    });
}

#[test]
fn what_does_not_change_is_asked_about_once_a_day_and_one_more_to_see_that_it_answers() {
    run(async {
        let microsoft = Microsoft::small();
        let mut exporter = Exporter::of(&microsoft).await;
        until_true(&mut exporter, &microsoft).await;
        let asked = || {
            let requests = microsoft.control.requests();
            requests.iter().filter(|seen| seen.path.contains("/accessAssignments")).count()
        };
        let first = asked();
        assert!(first > 20, "{first}");
        let then = exporter.clock.uptime() + Duration::from_secs(3000);
        exporter.until(|snapshot| snapshot.printed >= then).await;
        let more = asked() - first;
        assert!((3..=5).contains(&more), "{more} in fifty minutes");
    });
}
