//! The program as it is called: help, errors, exit codes, signals.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::harness::{Microsoft, ask, run};

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_partnercenter_exporter"));
    // What the machine has set must not decide what a test sees.
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"] {
        command.env_remove(name);
    }
    command
}

fn called(arguments: &[&str]) -> (Output, String, String) {
    let output = program().args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

/// A configuration in a directory of its own, with the simulated secret beside it.
pub(crate) fn configured(yaml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.yml"), yaml).unwrap();
    folder
}

pub(crate) fn file(folder: &Path) -> String {
    format!("--config.file={}", folder.join("config.yml").display())
}

#[test]
fn help_names_every_command_and_the_conventional_flags() {
    let (output, out, _) = called(&["--help"]);
    assert!(output.status.success());
    for word in [
        "demo",
        "simulate",
        "check",
        "backfill",
        "reference",
        "--config.file",
        "--web.listen-address",
        "--web.telemetry-path",
        "--web.max-requests",
        "--log.level",
        "--log.format",
        "--config.check",
        "--version",
    ] {
        assert!(out.contains(word), "{word}\n{out}");
    }
    let (output, out, _) = called(&["--version"]);
    assert!(
        output.status.success() && out.starts_with("partnercenter_exporter, version "),
        "{out}"
    );
}

#[test]
fn mistakes_on_the_command_line_are_named_and_exit_with_3() {
    for (arguments, word) in [
        (&["--web.listen-adress=:1"][..], "--web.listen-adress"),
        (&["--web.listen-address=nowhere"], "write it like"),
        (&["serve"], "serve"),
        (&["--config.file=/nowhere/x.yml"], "/nowhere/x.yml: cannot be read"),
        (&["demo", "--fault", "trottle"], "unknown fault `trottle`"),
        (&["backfill", "--since=31d"], "Microsoft keeps the sign-in log for 30d"),
        (&["simulate", "--web.listen-address=192.0.2.1:1"], "cannot listen on 192.0.2.1:1"),
    ] {
        let (output, out, err) = called(arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}\n{err}");
        assert!(err.contains(word), "{word}\n{err}");
        assert_eq!(out, "", "{arguments:?}");
    }
}

#[test]
fn a_configuration_is_checked_without_asking_anybody() {
    let folder = configured(
        "tenants:\n  - name: a\n    tenant_id: 11111111-2222-4333-8444-555555555555\n    \
         credential: { managed_identity: {} }\n",
    );
    let (output, out, _) = called(&[&file(folder.path()), "--config.check"]);
    assert!(output.status.success() && out.contains("can be used: 1 tenant"), "{out}");
    // What the configuration names has to be there.
    for (rest, said) in [
        (
            "credential: { client_id: 21111111-2222-4333-8444-555555555555, client_secret_file: gone }\n",
            "tenant a: unreadable_file",
        ),
        ("credential: { managed_identity: {} }\noutbound: { ca_file: gone.pem }\n", "gone.pem"),
    ] {
        let folder = configured(&format!(
            "tenants:\n  - name: a\n    tenant_id: 11111111-2222-4333-8444-555555555555\n    {rest}"
        ));
        let (output, out, err) = called(&[&file(folder.path()), "--config.check"]);
        assert_eq!(output.status.code(), Some(3), "{out}");
        assert!(err.contains(said), "{err}");
    }
    let folder = configured("tenants:\n  - nme: a\n");
    let (output, _, err) = called(&[&file(folder.path()), "--config.check"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(err.contains("config.yml:2: unknown field `nme`, expected one of"), "{err}");
}

#[test]
fn every_page_of_the_reference_is_printed() {
    for (arguments, word) in [
        (&["reference", "metrics"][..], "## partnercenter_users_without_mfa"),
        (&["reference", "requirements"], "## mfa-all-users-registered"),
        (&["reference", "sources"], "`AuditLog.Read.All`"),
        (&["reference", "configuration"], "`tenants[].credential.client_secret_file`"),
        (&["reference", "schema"], "\"$schema\""),
        (&["reference", "completions", "bash"], "partnercenter_exporter"),
        (&["reference", "man"], ".TH partnercenter_exporter"),
    ] {
        let (output, out, _) = called(arguments);
        assert!(output.status.success() && out.contains(word), "{arguments:?}\n{out}");
    }
}

#[test]
fn check_tells_by_its_exit_code_how_things_stand() {
    let microsoft = Microsoft::of_today();
    let folder = configured(&format!("tenants:\n{}", microsoft.tenant("contoso")));
    let secret = partnercenter_exporter::simulator::CLIENT_SECRET;
    let check = |output: &str| {
        let mut command = program();
        command.env("SECRET", secret).args(["check", &file(folder.path()), "--output", output]);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, out) = check("table");
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("mfa-all-users-registered") && out.contains("noncompliant"), "{out}");
    let (_, out) = check("json");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let requirements = json["tenants"][0]["requirements"].as_array().unwrap();
    let is_it = |it: &&serde_json::Value| it["requirement"] == "mfa-all-users-registered";
    let requirement = requirements.iter().find(is_it).unwrap();
    let truth = microsoft.control.truth();
    assert_eq!(requirement["found"], truth.unregistered_members + truth.unregistered_guests);
    let found =
        requirement["findings"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap());
    let mut found: Vec<_> = found.map(str::to_owned).collect();
    let mut unregistered = truth.unregistered_ids;
    found.sort();
    unregistered.sort();
    assert_eq!(found, unregistered, "the people who stand in the way are named");
    // Who cannot be judged is named, and not lost behind those who are found.
    microsoft.faults(&["forbidden=/@/beta/users"]);
    let (_, out) = check("json");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let not_judged = json["tenants"][0]["not_judged"].as_array().unwrap();
    assert!(
        not_judged.iter().any(|it| it["about"] == "enforcement" && it["reason"] == "permission")
    );
    let (_, out) = check("table");
    assert!(out.contains("source per_user_mfa cannot be read: permission; it needs"), "{out}");
    assert!(out.contains("not judged about enforcement"), "{out}");
    // Nothing unmet, and everything unknown.
    microsoft.faults(&["expired-secret"]);
    let (code, out) = check("table");
    assert_eq!(code, Some(2), "{out}");
    assert!(out.contains("unknown: credential"), "{out}");
}

#[test]
fn the_log_names_every_group_that_cannot_be_read() {
    let microsoft = Microsoft::of_today();
    check_of(&microsoft);
    let asked = microsoft.control.requests();
    let id = |path: &str| Some(path.split("/groups/").nth(1)?.split_once("/members")?.0.to_owned());
    let groups: BTreeSet<_> = asked.iter().filter_map(|seen| id(&seen.path)).collect();
    let refused: Vec<_> = groups.iter().take(2).collect();
    let faults: Vec<_> = refused.iter().map(|id| format!("forbidden=/@/groups/{id}")).collect();
    microsoft.faults(&faults.iter().map(String::as_str).collect::<Vec<_>>());
    let log = check_of(&microsoft);
    for id in refused {
        assert!(log.contains(id.as_str()), "{id}: {log}");
    }
    assert_eq!(log.matches("groups cannot be read").count(), 1, "{log}");
}

/// What `check` writes into its log.
fn check_of(microsoft: &Microsoft) -> String {
    let folder = configured(&format!("tenants:\n{}", microsoft.tenant("contoso")));
    let secret = partnercenter_exporter::simulator::CLIENT_SECRET;
    let output = program().env("SECRET", secret).args(["check", &file(folder.path())]).output();
    String::from_utf8(output.unwrap().stderr).unwrap()
}

/// What `explain` prints, and its exit code.
fn explained(microsoft: &Microsoft, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = configured(&format!("tenants:\n{}", microsoft.tenant("contoso")));
    let secret = partnercenter_exporter::simulator::CLIENT_SECRET;
    let mut command = program();
    command.env("SECRET", secret).args(["explain", &file(folder.path())]).args(arguments);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn explain_says_policy_by_policy_why_somebody_is_not_covered_and_what_would_change_it() {
    let microsoft = Microsoft::of_today();
    let account = microsoft.control.truth().break_glass_ids[0].clone();
    let (code, out, _) = explained(&microsoft, &[&account]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("Not covered: left out of"), "{out}");
    assert!(out.contains("left out by name") && out.contains("coverage: excluded"), "{out}");
    assert!(out.contains("other policies do not apply"), "{out}");
    assert!(out.lines().all(|line| line.len() < 130), "it fits a terminal\n{out}");
    // The same for programs.
    let (_, out, _) = explained(&microsoft, &[&account, "--output=json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let now = &json[0]["now"];
    assert_eq!((&now["coverage"], &now["detail"]), (&"excluded".into(), &"direct".into()), "{out}");
    let name = now["name"].as_str().unwrap().to_uppercase();
    let policies = now["policies"].as_array().unwrap();
    let leaving = policies.iter().find(|it| it["outcome"] == "excluded").unwrap();
    // By name, in any case; and what taking the exclusion back would do.
    let (code, out, _) =
        explained(&microsoft, &[&name, "--without-exclusion", &account, "--output=json"]);
    assert_eq!(code, Some(1), "the exit code is about now");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json[0]["changed"]["then"]["coverage"], "always", "{out}");
    assert_eq!((&json[0]["changed"]["won"], &json[0]["changed"]["lost"]), (&1.into(), &0.into()));
    // Without the policy that covers most people, they are covered no more.
    let policy = leaving["policy"].as_str().unwrap();
    let (_, out, _) = explained(&microsoft, &[&account, "--without-policy", policy]);
    assert!(out.contains("would no longer be"), "{out}");
}

#[test]
fn explain_has_an_answer_to_whoever_is_not_there_and_to_what_cannot_be_read() {
    let microsoft = Microsoft::of_today();
    let (code, _, err) = explained(&microsoft, &["nobody@contoso.example"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("no account is called nobody@contoso.example"), "{err}");
    let (_, _, err) = explained(&microsoft, &["breakglass"]);
    assert!(err.contains("did you mean breakglass-0@"), "{err}");
    let account = microsoft.control.truth().break_glass_ids[0].clone();
    let (code, _, err) = explained(&microsoft, &[&account, "--without-policy", "none-such"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("nothing to take out"), "{err}");
    microsoft.faults(&["forbidden=/@/conditionalAccess/policies"]);
    let (code, out, _) = explained(&microsoft, &[&account]);
    assert_eq!(code, Some(2), "{out}");
    assert!(out.contains("could not be read (permission"), "{out}");
}

#[test]
fn it_serves_and_ends_politely_when_asked() {
    let microsoft = Microsoft::of_today();
    let folder =
        configured(&format!("state_directory: state\ntenants:\n{}", microsoft.tenant("contoso")));
    let secret = partnercenter_exporter::simulator::CLIENT_SECRET;
    let mut child = program()
        .env("SECRET", secret)
        .args([&file(folder.path()), "--web.listen-address=127.0.0.1:0", "--log.format=json"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["msg"], "listening");
    let address = told["address"].as_str().unwrap().parse().unwrap();
    run(async {
        assert_eq!(ask(address, "GET", "/-/healthy", "").await.status, 200);
        while ask(address, "GET", "/-/ready", "").await.status != 200 {
            tokio::task::yield_now().await;
        }
        let page = ask(address, "GET", "/metrics", "").await;
        assert!(page.text().contains("partnercenter_up{tenant=\"contoso\"} 1"), "{}", page.text());
    });
    // The same state directory is not for two.
    let second = program()
        .env("SECRET", secret)
        .args([&file(folder.path()), "--web.listen-address=127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(3));
    let err = String::from_utf8(second.stderr).unwrap();
    assert!(err.contains("is in use by another process"), "{err}");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(child.wait().unwrap().success(), "SIGTERM is no failure");
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(!rest.contains("panic"), "{rest}");
    let state = std::fs::read_to_string(folder.path().join("state/sources.json")).unwrap();
    assert!(state.contains("contoso") && state.contains("users"), "{state}");
}

#[test]
fn the_demo_prints_where_to_look_and_ends_when_asked() {
    let mut child = program()
        .args(["demo", "--web.listen-address=127.0.0.1:0", "--users=60"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut out = String::new();
    while !out.contains("Ctrl-C ends it.") {
        let line = lines.next().expect("more to come").unwrap();
        out += &(line + "\n");
    }
    for word in [
        "metrics    http://127.0.0.1:",
        "simulator  http://127.0.0.1:",
        "scrape_configs:",
        "job_name: partnercenter",
        "mfa-all-users-registered",
    ] {
        assert!(out.contains(word), "{word}\n{out}");
    }
    let address = out.split("metrics    http://").nth(1).unwrap().split('/').next().unwrap();
    run(async {
        let page = ask(address.parse().unwrap(), "GET", "/metrics", "").await;
        assert!(
            page.text().contains("partnercenter_up{tenant=\"simulated\"} 1"),
            "{}",
            page.text()
        );
    });
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}
