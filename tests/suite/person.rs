//! Acting for a person: what is had with a grant, what becomes of it, and what its loss harms.

use std::fs;
use std::time::Duration;

use partnercenter_exporter::checks;
use partnercenter_exporter::clock::Clock;
use partnercenter_exporter::refresh::Collecting;
use partnercenter_exporter::telemetry::Telemetry;

use crate::harness::{Exporter, Microsoft, Person, beginning, run, settings};
use crate::trouble::needs_person;

fn lines<'a>(page: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    page.lines().filter(move |line| line.starts_with(&format!("{name}{{")))
}

fn has(page: &str, line: &str) -> bool {
    page.lines().any(|served| served == line)
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
