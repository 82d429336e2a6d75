//! Acting for a person: what is had with a grant, what becomes of it, and what its loss harms.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use partnercenter_exporter::checks;
use partnercenter_exporter::clock::Clock;
use partnercenter_exporter::posture::Declarations;
use partnercenter_exporter::refresh::Collecting;
use partnercenter_exporter::simulator::{self, Truth};
use partnercenter_exporter::snapshot::Snapshot;
use partnercenter_exporter::telemetry::Telemetry;

use crate::harness::{Exporter, Microsoft, Person, beginning, run, settings};
use crate::trouble::needs_person;

fn lines<'a>(page: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    page.lines().filter(move |line| line.starts_with(&format!("{name}{{")))
}

fn has(page: &str, line: &str) -> bool {
    page.lines().any(|served| served == line)
}

/// What the page has to say of fraud, the score and Partner Center, counted by the world itself.
fn told(truth: &Truth) -> Vec<String> {
    let mut lines = Vec::new();
    let mut tell = |metric: &str, labels: &[(&str, &str)], value: f64| {
        let labels = labels.iter().map(|(name, value)| format!(",{name}=\"{value}\""));
        let labels = labels.collect::<String>();
        lines.push(format!("partnercenter_{metric}{{tenant=\"contoso\"{labels}}} {value}"));
    };
    for (kind, severities) in &truth.fraud.open {
        for (severity, open) in severities {
            for (status, count) in [("active", open.active), ("investigating", open.investigating)]
            {
                let labels = [("alert_type", &**kind), ("severity", *severity), ("status", status)];
                tell("security_alerts_open", &labels, count as f64);
            }
        }
    }
    for (metric, oldest) in [
        ("security_alert_oldest_open_timestamp_seconds", &truth.fraud.oldest_open),
        ("security_alert_oldest_unanswered_timestamp_seconds", &truth.fraud.oldest_unanswered),
    ] {
        for (severity, moment) in oldest {
            tell(metric, &[("severity", severity)], moment.as_millisecond() as f64 / 1000.0);
        }
    }
    tell("security_alerts_test", &[], truth.fraud.tests as f64);
    for (within, count) in &truth.fraud.answered {
        tell("security_alerts_answered", &[("within", within)], *count as f64);
    }
    for (resolution, count) in &truth.fraud.resolved {
        tell("security_alerts_resolved", &[("resolution", resolution)], *count as f64);
    }
    tell("security_alert_response_seconds", &[], truth.fraud.microsoft_hours * 3600.0);
    let customers = &truth.customers;
    for (metric, value) in [
        ("customer_tenants", customers.tenants),
        ("customer_tenants_admin_mfa", customers.admin_mfa),
        ("customer_users", customers.users),
        ("azure_customers", customers.azure),
        ("azure_customers_with_budget", customers.with_budget),
        ("portal_users_without_mfa", truth.partner_center.portal_people.len()),
        ("indirect_resellers", truth.partner_center.resellers),
        ("indirect_resellers_agreement_signed", truth.partner_center.resellers_signed),
    ] {
        tell(metric, &[], value as f64);
    }
    for (account, value) in [("admin", customers.admins_mfa), ("other", customers.others_mfa)] {
        tell("customer_users_mfa", &[("account", account)], value as f64);
    }
    for (option, count) in &customers.mfa_option {
        tell("customer_tenants_mfa_option", &[("option", option)], *count as f64);
    }
    for (used, count) in &customers.budget_use {
        tell("azure_customers_budget_use", &[("used", used)], *count as f64);
    }
    tell("partner_security_score", &[], truth.score.current);
    tell("partner_security_score_max", &[], truth.score.max);
    for (kind, requirement) in &truth.score.requirements {
        let kind = ("requirement_type", &**kind);
        tell("partner_requirement_score", &[kind], f64::from(requirement.score));
        tell("partner_requirement_score_max", &[kind], f64::from(requirement.max_score));
        let met = ("state", if requirement.compliant { "compliant" } else { "noncompliant" });
        tell("microsoft_requirement_state", &[kind, met], 1.0);
    }
    for (application, (compliant, total)) in &truth.partner_center.adoption {
        if *total > 0 {
            let application = ("application_id", &**application);
            tell("partner_requests", &[application, ("mfa", "yes")], *compliant as f64);
            tell("partner_requests", &[application, ("mfa", "no")], (total - compliant) as f64);
        }
    }
    lines
}

#[test]
fn every_figure_is_what_is_true_in_the_simulated_world() {
    for (customers, partner_step) in [(40, 0), (0, 0), (300, 25)] {
        let microsoft = Microsoft::start(simulator::Settings {
            users: 120,
            customers,
            ..simulator::Settings::default()
        });
        for _ in 0..partner_step {
            microsoft.control.step();
        }
        run(async {
            let person = Person::consenting(&microsoft, true);
            let page = Exporter::for_person(&microsoft, &person).await.page();
            let truth = microsoft.control.truth();
            let told = told(&truth);
            assert!(told.len() > 30, "{told:?}");
            for line in told {
                assert!(has(&page, &line), "{customers} customers: {line}\n{page}");
            }
            let open = lines(&page, "partnercenter_security_alerts_open");
            let open = open.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap());
            assert_eq!(open.sum::<usize>(), truth.fraud.open_total(), "and no other is open");
            let estimated = "partnercenter_security_alert_response_estimated_seconds";
            let estimated = lines(&page, estimated).next().map(|line| line.rsplit(' ').next());
            let estimated: Option<f64> = estimated.map(|it| it.unwrap().parse().unwrap());
            // The exporter's clock went on a little while it read.
            let close = match (estimated, truth.fraud.average_seconds) {
                (Some(ours), Some(theirs)) => (ours - theirs).abs() < 300.0,
                (ours, theirs) => ours == theirs,
            };
            assert!(close, "{estimated:?} {:?}", truth.fraud.average_seconds);
        });
    }
}

const MFA_CLAIM: &str = "partnercenter_token_mfa_claim{tenant=\"contoso\"} 1";
const REFRESHED: &str = "partnercenter_token_refresh_success{tenant=\"contoso\"} 1";

#[test]
fn without_a_person_all_of_it_is_not_configured_and_nothing_else_suffers() {
    let microsoft = Microsoft::small();
    let (alone, both) = run(async {
        let alone = Exporter::of(&microsoft).await.page();
        let person = Person::consenting(&microsoft, true);
        (alone, Exporter::for_person(&microsoft, &person).await.page())
    });
    let mut needing = 0;
    for check in checks::ALL.into_iter().filter(|check| needs_person(check)) {
        let line = format!(
            "partnercenter_requirement_unknown{{tenant=\"contoso\",requirement=\"{}\",reason=\"not_configured\"}} 1",
            check.id
        );
        assert!(has(&alone, &line), "{line}\n{alone}");
        needing += 1;
    }
    assert!(needing >= 20, "{needing}");
    let standing = lines(&alone, "partnercenter_source_success");
    assert_eq!(standing.filter(|line| line.contains("security_alerts")).count(), 0);
    // What both can read is the same, to the last figure.
    let verdict = |page: &str| -> Vec<String> {
        let others = |line: &&str| {
            let of_person = checks::ALL.into_iter().filter(|check| needs_person(check));
            !of_person.into_iter().any(|check| line.contains(&format!("\"{}\"", check.id)))
        };
        let of_people = ["requirement_state", "users", "users_without_mfa", "admins_without_mfa"];
        let names = of_people.map(|name| format!("partnercenter_{name}"));
        let found = names.iter().flat_map(|name| lines(page, name)).filter(others);
        found.map(str::to_owned).collect()
    };
    assert!(verdict(&alone).len() > 100);
    assert_eq!(verdict(&alone), verdict(&both));
}

#[test]
fn a_grant_is_kept_as_it_turns_and_says_how_old_it_is() {
    let microsoft = Microsoft::small();
    run(async {
        let person = Person::consenting(&microsoft, true);
        let first = fs::read_to_string(&person.grant).unwrap();
        let mut exporter = Exporter::for_person(&microsoft, &person).await;
        let page = exporter.page();
        assert!(has(&page, MFA_CLAIM) && has(&page, REFRESHED), "{page}");
        let second = fs::read_to_string(&person.grant).unwrap();
        assert_ne!(first, second, "each use brings another");
        let rotations = microsoft.control.rotations();
        // Tokens of an hour ago are refused, and others are had at once.
        microsoft.control.turn(Duration::from_secs(3600));
        exporter.until(|_| microsoft.control.rotations() > rotations).await;
        let page = exporter.page();
        let expiry = lines(&page, "partnercenter_refresh_token_expiry_timestamp_seconds").next();
        let expiry: f64 = expiry.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        let days = (expiry - beginning().as_second() as f64) / 86_400.0;
        assert!((90.0..90.2).contains(&days), "{days}");
    });
}

#[test]
fn a_revoked_grant_is_said_once_asked_about_no_more_and_mended_by_a_new_consent() {
    let microsoft = Microsoft::small();
    run(async {
        let person = Person::consenting(&microsoft, true);
        microsoft.control.revoke_grants();
        let mut exporter = Exporter::for_person(&microsoft, &person).await;
        let page = exporter.page();
        let refused =
            "partnercenter_token_refresh_failure{tenant=\"contoso\",reason=\"grant_revoked\"} 1";
        assert!(has(&page, refused), "{page}");
        assert!(has(&page, "partnercenter_up{tenant=\"contoso\"} 1"), "the rest is read: {page}");
        let unmet = "partnercenter_requirement_state{tenant=\"contoso\",requirement=\"sam-refresh-token\",state=\"noncompliant\"} 1";
        assert!(has(&page, unmet), "{page}");
        let blind = "partnercenter_requirement_unknown{tenant=\"contoso\",requirement=\"fraud-alerts-open\",reason=\"credential\"} 1";
        assert!(has(&page, blind), "{page}");
        let asked = || {
            let seen = microsoft.control.requests();
            seen.iter().filter(|seen| seen.path.contains("/oauth2/") && seen.status == 400).count()
        };
        assert_eq!(asked(), 1, "many sources, one question");
        let until = exporter.clock.uptime() + Duration::from_secs(1_800);
        let clock = exporter.clock.clone();
        exporter.until(|_| clock.uptime() >= until).await;
        assert_eq!(asked(), 1, "and no other in half an hour");
        person.again(&microsoft);
        let page = exporter.until_line(MFA_CLAIM).await;
        assert!(!page.contains("partnercenter_token_refresh_failure{"), "{page}");
    });
}

#[test]
fn a_grant_without_mfa_is_told_and_refused() {
    let microsoft = Microsoft::small();
    run(async {
        let person = Person::consenting(&microsoft, false);
        let exporter = Exporter::for_person(&microsoft, &person).await;
        let page = exporter.page();
        for line in [
            "partnercenter_token_mfa_claim{tenant=\"contoso\"} 0",
            "partnercenter_requirement_state{tenant=\"contoso\",requirement=\"mfa-claim-self-test\",state=\"noncompliant\"} 1",
            "partnercenter_source_failure{tenant=\"contoso\",source=\"security_alerts\",reason=\"mfa\"} 1",
            "partnercenter_partner_api_refusals{tenant=\"contoso\",reason=\"mfa\"} 1",
            "partnercenter_requirement_state{tenant=\"contoso\",requirement=\"enforcement-active\",state=\"noncompliant\"} 1",
        ] {
            assert!(has(&page, line), "{line}\n{page}");
        }
    });
}

#[test]
fn a_second_exporter_on_the_same_grant_is_refused_with_a_sentence() {
    let microsoft = Microsoft::small();
    run(async {
        let person = Person::consenting(&microsoft, true);
        let _first = Exporter::for_person(&microsoft, &person).await;
        let yaml = format!("tenants:\n{}{}", microsoft.tenant("contoso"), person.app_user());
        let clock = Clock::driven(beginning());
        let second = Collecting::start(settings(&yaml), clock, Telemetry::new()).unwrap();
        second.ended().await;
        let error = second.stop().await.unwrap_err().to_string();
        assert!(error.contains("in use by another process"), "{error}");
        assert!(error.contains("a grant of its own"), "{error}");
    });
}

#[test]
fn whoever_only_looks_leaves_the_grant_as_it_was() {
    let microsoft = Microsoft::small();
    run(async {
        let person = Person::consenting(&microsoft, true);
        let before = fs::read_to_string(&person.grant).unwrap();
        let yaml = format!("tenants:\n{}{}", microsoft.tenant("contoso"), person.app_user());
        let mut settings = settings(&yaml);
        settings.keeps_grants = false;
        let mut exporter = Exporter::start(settings);
        exporter.until_line(MFA_CLAIM).await;
        assert_eq!(fs::read_to_string(&person.grant).unwrap(), before);
        let _serving = Exporter::for_person(&microsoft, &person).await;
    });
}

/// What is unknown, by reason, of what rests on a person.
fn unknown(page: &str, reason: &str) -> Vec<&'static str> {
    let needing = checks::ALL.into_iter().filter(|check| needs_person(check));
    let is_unknown = |id: &&str| {
        let line = format!(
            "partnercenter_requirement_unknown{{tenant=\"contoso\",requirement=\"{id}\",reason=\"{reason}\"}} 1"
        );
        has(page, &line)
    };
    needing.map(|check| check.id).filter(is_unknown).collect()
}

#[test]
fn a_list_of_alerts_of_which_no_row_can_be_read_is_not_an_empty_one() {
    let microsoft = Microsoft::small();
    microsoft
        .faults(&["malformed-rows=100000@/securityAlerts", "malformed-rows=100000@/fraudEvents"]);
    run(async {
        let person = Person::consenting(&microsoft, true);
        let yaml = format!("tenants:\n{}{}", microsoft.tenant("contoso"), person.app_user());
        let mut exporter = Exporter::start(settings(&yaml));
        exporter.until(Snapshot::is_ready).await;
        let page = exporter.page();
        for source in ["security_alerts", "fraud_events"] {
            let line = format!(
                "partnercenter_source_failure{{tenant=\"contoso\",source=\"{source}\",reason=\"malformed\"}} 1"
            );
            assert!(has(&page, &line), "{page}");
        }
        assert_eq!(lines(&page, "partnercenter_security_alerts_open").count(), 0, "{page}");
        let unknown = unknown(&page, "source_failed");
        assert!(unknown.contains(&"fraud-alerts-open"), "{unknown:?}");
    });
}

#[test]
fn a_source_that_is_refused_takes_what_rests_on_it_and_nothing_else() {
    let fraud = ["fraud-alerts-open", "fraud-response-time", "fraud-feed-reachable"];
    let table: [(&[&str], &[&str], &[&str]); 11] = [
        (&["/securityAlerts"], &[], &["evidence=\"security_alerts\"} 1"]),
        (&["/fraudEvents"], &[], &[]),
        (&["/securityAlerts", "/fraudEvents"], &fraud, &["security_alerts_open{"]),
        (&["/securityScore/history"], &[], &["score_previous{"]),
        (&["/customerInsights"], &[], &["customer_users{", "customer_tenants_mfa_option{"]),
        (
            &["/securityScore/requirements"],
            &["partner-security-score", "security-contact", "customer-admins-mfa"],
            &["microsoft_requirement_state{", "alert_response_seconds{", "disagreement{"],
        ),
        (&["/nonMfaCompliant"], &["mfa-portal-requests"], &["portal_users_without_mfa{"]),
        (&["/partnerRequests"], &["automation-control-panel", "automation-invoicing"], &[]),
        (
            &["/partnerRequests", "/applicationmfa"],
            &[
                "mfa-api-requests",
                "sam-adopted",
                "automation-control-panel",
                "automation-invoicing",
            ],
            &["partner_requests{", "partner_applications{"],
        ),
        (&["/usagerecords"], &["azure-budget", "azure-over-budget"], &["azure_customers{"]),
        (&["/relationships"], &["mpa-resellers-signed"], &["indirect_resellers{"]),
    ];
    let microsoft = Microsoft::small();
    run(async {
        let person = Person::consenting(&microsoft, true);
        // Without this list nobody knows which applications are known, whatever can be read.
        let listed = "    partner_applications: [88888888-9999-0000-1111-222222222222]\n";
        let yaml =
            format!("tenants:\n{}{}{listed}", microsoft.tenant("contoso"), person.app_user());
        let page = || async {
            let mut exporter = Exporter::start(settings(&yaml));
            exporter.until(Snapshot::is_ready).await;
            exporter.page()
        };
        let whole = page().await;
        for (refused, harmed, gone) in table {
            let faults: Vec<_> = refused.iter().map(|path| format!("forbidden={path}")).collect();
            microsoft.faults(&faults.iter().map(String::as_str).collect::<Vec<_>>());
            let page = page().await;
            let mut expected: Vec<_> = harmed.to_vec();
            expected.sort_unstable();
            // Some customers refuse whoever asks about them.
            let always = unknown(&whole, "permission");
            let mut found = unknown(&page, "permission");
            found.retain(|requirement| !always.contains(requirement));
            found.sort_unstable();
            assert_eq!(found, expected, "{refused:?}\n{page}");
            for part in gone {
                let is_it = |line: &str| !line.starts_with('#') && line.contains(part);
                assert!(whole.lines().any(is_it), "{part} is there otherwise");
                assert!(!page.lines().any(is_it), "{refused:?}: {part}\n{page}");
            }
            // Verdicts that do not rest on it stand as they stood.
            let verdicts = |page: &str| -> Vec<String> {
                let of_it =
                    |line: &&str| harmed.iter().any(|id| line.contains(&format!("\"{id}\"")));
                let all = lines(page, "partnercenter_requirement_state");
                all.filter(|line| !of_it(line)).map(str::to_owned).collect()
            };
            assert_eq!(verdicts(&page), verdicts(&whole), "{refused:?}");
        }
    });
}

#[test]
fn in_a_sovereign_cloud_what_does_not_exist_is_not_asked_for() {
    let microsoft = Microsoft::small();
    run(async {
        let person = Person::consenting(&microsoft, true);
        let tenant = microsoft.tenant("contoso");
        let mut settings = settings(&format!("tenants:\n{tenant}{}", person.app_user()));
        let is_sovereign = Declarations { is_sovereign: true, ..Declarations::default() };
        settings.tenants[0].declared = Arc::new(is_sovereign);
        let mut exporter = Exporter::start(settings);
        exporter.until(Snapshot::is_ready).await;
        let page = exporter.page();
        let sources: Vec<_> = lines(&page, "partnercenter_source_success").collect();
        assert!(sources.iter().any(|line| line.contains("fraud_events")), "{sources:?}");
        assert!(
            !sources
                .iter()
                .any(|line| line.contains("security_alerts") || line.contains("security_score")),
            "{sources:?}"
        );
        for (requirement, state) in [
            ("partner-security-score", "not_applicable"),
            ("customer-admins-mfa", "not_applicable"),
            ("security-contact", "unknown"),
        ] {
            let line = format!(
                "partnercenter_requirement_state{{tenant=\"contoso\",requirement=\"{requirement}\",state=\"{state}\"}} 1"
            );
            assert!(has(&page, &line), "{line}\n{page}");
        }
        let evidence = "partnercenter_security_alerts_evidence{tenant=\"contoso\",evidence=\"fraud_events\"} 1";
        assert!(has(&page, evidence), "{page}");
    });
}
