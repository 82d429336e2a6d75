//! The past of the sign-in log, written for Prometheus to import: what it says, and that nothing is
//! written rather than half of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use jiff::{SignedDuration, Timestamp};
use partnercenter_exporter::simulator::CLIENT_SECRET;
use tempfile::TempDir;

use crate::command_line::{configured, file, program};
use crate::harness::Microsoft;
use crate::sign_ins::told;

const HOUR: i64 = 3_600;
const WEEK: i64 = 7 * 24 * HOUR;

/// A folder with the configuration of `contoso`, where the output goes too.
struct Room(TempDir);

impl Room {
    fn of(microsoft: &Microsoft) -> Self {
        Self::with(&format!("tenants:\n{}", microsoft.tenant("contoso")))
    }

    fn with(yaml: &str) -> Self {
        Self(configured(yaml))
    }

    fn output(&self) -> PathBuf {
        self.0.path().join("past.om")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.env("SECRET", CLIENT_SECRET);
        command.args(["backfill", &file(self.0.path())]).args(arguments);
        command
    }

    /// Writes to the output.
    fn backfill(&self, arguments: &[&str]) -> (Output, String) {
        let to = format!("--output={}", self.output().display());
        let output = self.command(arguments).arg(to).output().unwrap();
        let said = String::from_utf8(output.stderr.clone()).unwrap();
        (output, said)
    }

    /// What lies in the folder.
    fn files(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let files = fs::read_dir(self.0.path()).unwrap().map(name);
        let mut files: Vec<_> = files.map(|name| name.into_string().unwrap()).collect();
        files.sort();
        files
    }
}

/// What was written, by the end of its hour; each family in one piece, each series in order.
fn hours(text: &str) -> BTreeMap<i64, Vec<String>> {
    openmetrics_parser::openmetrics::parse_openmetrics(text).unwrap();
    let mut hours = BTreeMap::<i64, Vec<String>>::new();
    let mut series = Vec::<(&str, i64)>::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (sample, end) = line.rsplit_once(' ').unwrap();
        let end: i64 = end.parse().unwrap();
        let (name, _) = sample.rsplit_once(' ').unwrap();
        match series.iter().position(|(known, _)| *known == name) {
            Some(place) => {
                assert!(place + 1 == series.len(), "{name} in two pieces");
                assert!(series[place].1 < end, "{line} goes back");
                series[place].1 = end;
            }
            None => series.push((name, end)),
        }
        hours.entry(end).or_default().push(sample.to_owned());
    }
    let family = |name: &str| name.split('{').next().unwrap().to_owned();
    let mut families: Vec<_> = series.iter().map(|(name, _)| family(name)).collect();
    families.dedup();
    let distinct: std::collections::BTreeSet<_> = families.iter().collect();
    assert_eq!(distinct.len(), families.len(), "a family in two pieces");
    hours
}

fn now() -> i64 {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    now.as_secs().try_into().unwrap()
}

#[test]
fn each_hour_is_told_as_the_log_has_it_and_only_those_whose_whole_window_was_read() {
    let microsoft = Microsoft::logging_until_today(300);
    let room = Room::of(&microsoft);
    let begun = now();
    let (output, said) = room.backfill(&["--since=9d", "--tenant=contoso"]);
    let ended = now();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(output.stdout.is_empty());
    let text = fs::read_to_string(room.output()).unwrap();
    let hours = hours(&text);
    let (first, last) = (*hours.keys().next().unwrap(), *hours.keys().last().unwrap());
    let since = |now: i64| now - 9 * 24 * HOUR;
    assert!(first - WEEK >= since(begun) && first - WEEK <= since(ended) + 2 * HOUR, "{first}");
    assert!(last <= ended - 2 * HOUR && last > begun - 3 * HOUR, "{last}");
    let ends: Vec<_> = (first..=last).step_by(HOUR as usize).collect();
    assert_eq!(hours.keys().copied().collect::<Vec<_>>(), ends, "every hour, at its end");
    for end in [first, first + HOUR, (first + last) / 2 / HOUR * HOUR, last] {
        let moment = Timestamp::from_second(end).unwrap();
        let log = microsoft.control.sign_ins(moment - SignedDuration::from_secs(WEEK), moment);
        for line in told(&log) {
            assert!(hours[&end].contains(&line), "{line} at {moment}: {:#?}", hours[&end]);
        }
        assert!(log.people("everybody").iter().all(|id| !text.contains(id.as_str())));
    }
    let moment = |second| Timestamp::from_second(second).unwrap();
    let what = format!(
        "contoso: {} hours, from {} to {}; the log was read from {}",
        hours.len(),
        moment(first),
        moment(last),
        moment(first - WEEK)
    );
    assert!(said.contains(&what), "{what}\n{said}");
    assert_eq!(said.lines().count(), 1, "no terminal, no progress\n{said}");
    assert_eq!(room.files(), ["config.yml", "past.om"]);
}

#[test]
fn what_only_beta_tells_is_absent_where_it_is_refused_and_tenants_share_families() {
    let (microsoft, other) =
        (Microsoft::logging_until_today(100), Microsoft::logging_until_today(60));
    microsoft.faults(&["no-beta@/auditLogs/signIns"]);
    let tenants = format!("{}{}", microsoft.tenant("contoso"), other.tenant("fabrikam"));
    let room = Room::with(&format!("tenants:\n{tenants}"));
    let output = room.command(&["--since=8d"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    hours(&text);
    let has = |metric: &str, tenant: &str| {
        text.contains(&format!("\npartnercenter_{metric}{{tenant=\"{tenant}\""))
    };
    for metric in ["legacy_auth_sign_ins", "legacy_auth_users", "sign_in_window_seconds"] {
        assert!(has(metric, "contoso") && has(metric, "fabrikam"), "{metric}");
    }
    for metric in ["aobo_sign_ins", "single_factor_sign_ins", "users_without_mfa_sign_in"] {
        assert!(!has(metric, "contoso") && has(metric, "fabrikam"), "{metric}");
    }
    assert!(said.contains("without what only Microsoft's beta tells"), "{said}");
    assert!(said.contains("fabrikam: "), "{said}");
}

#[test]
fn a_reading_that_fails_leaves_everything_as_it_was_and_says_why() {
    let microsoft = Microsoft::logging_until_today(60);
    let room = Room::of(&microsoft);
    fs::write(room.output(), "what was there").unwrap();
    microsoft.faults(&["forbidden=/auditLogs/signIns"]);
    let (output, said) = room.backfill(&["--since=8d"]);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("contoso: the sign-in log cannot be read, and nothing was written"));
    assert!(said.contains("AuditLog.Read.All") || said.contains("permission"), "{said}");
    let unread = |arguments: &[&str], why: &str| {
        let before = microsoft.control.requests().len();
        let output = room.command(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(why), "{why}\n{said}");
        assert!(output.stdout.is_empty());
        assert_eq!(microsoft.control.requests().len(), before, "nobody is asked for nothing");
    };
    unread(&["--since=7d"], "make --since longer");
    unread(&["--tenant=nobody"], "no tenant of the configuration is called nobody");
    unread(&["--output=/nowhere/past.om"], "/nowhere/past.om cannot be written");
    assert_eq!(fs::read_to_string(room.output()).unwrap(), "what was there");
    assert_eq!(room.files(), ["config.yml", "past.om"]);
}

#[test]
fn a_full_disk_is_told() {
    let microsoft = Microsoft::logging_until_today(60);
    let room = Room::of(&microsoft);
    let full = fs::File::options().write(true).open(Path::new("/dev/full")).unwrap();
    let output = room.command(&["--since=8d"]).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("standard output cannot be written to"), "{said}");
    assert!(!said.contains("hours, from"), "{said}");
}

#[test]
fn where_the_log_has_nothing_nothing_is_claimed() {
    let microsoft = Microsoft::logging_until_today(0);
    let room = Room::of(&microsoft);
    let (output, said) = room.backfill(&["--since=8d"]);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("nothing was written. contoso: no hour, since the log shows no sign-in"));
    assert_eq!(room.files(), ["config.yml"]);
}

#[test]
fn whoever_interrupts_it_finds_nothing_half_written() {
    let microsoft = Microsoft::logging_until_today(300);
    let tenant = microsoft.tenant("contoso").replace("pace: unlimited", "pace: microsoft");
    let room = Room::with(&format!("tenants:\n{tenant}"));
    let to = format!("--output={}", room.output().display());
    let child = room.command(&[&to]).stderr(Stdio::piped()).spawn().unwrap();
    let is_asked = || {
        let requests = microsoft.control.requests();
        requests.iter().any(|seen| seen.path.contains("/auditLogs/signIns"))
    };
    while !is_asked() {
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("asked to end before all was read: nothing was written"), "{said}");
    assert_eq!(room.files(), ["config.yml"]);
}
