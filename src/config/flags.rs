//! The command line, as it is typed and as `--help` explains it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{DEFAULT_PORT, parse_duration};

/// The security compliance of Microsoft partner tenants, for Prometheus.
///
/// Without a command, serves the tenants of the configuration file. Try `demo` first: it needs
/// neither an account nor a configuration.
#[derive(Debug, Parser)]
#[command(
    name = "partnercenter_exporter",
    disable_version_flag = true,
    args_conflicts_with_subcommands = true
)]
pub struct Flags {
    /// Print version, revision and build, and exit.
    #[arg(long)]
    pub version: bool,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub serve: Serve,
    /// How to log.
    #[command(flatten)]
    pub log: Log,
}

/// Flags of serving.
#[derive(Debug, Args)]
pub struct Serve {
    /// Configuration file.
    #[arg(long = "config.file", value_name = "PATH", default_value = "partnercenter_exporter.yml")]
    pub config_file: PathBuf,
    /// Check the configuration file and exit: 0 if it can be used, 3 if not.
    #[arg(long = "config.check")]
    pub config_check: bool,
    /// How to be reached.
    #[command(flatten)]
    pub web: Web,
}

/// Flags of the web side.
#[derive(Debug, Args, Clone)]
pub struct Web {
    /// Address to listen on, HOST:PORT or :PORT; repeatable.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", value_parser = listen_address)]
    pub listen_address: Vec<SocketAddr>,
    /// Path of the metrics.
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics", value_parser = path)]
    pub telemetry_path: String,
    /// Scrapes answered at once; more get 503. 0 for no limit.
    #[arg(long = "web.max-requests", value_name = "NUMBER", default_value_t = 40)]
    pub max_requests: usize,
}

/// Flags of logging, understood by every command.
#[derive(Debug, Args, Clone)]
pub struct Log {
    /// Least severe messages to log.
    #[arg(long = "log.level", global = true, value_enum, default_value_t = Level::Info)]
    pub level: Level,
    /// Format of the log.
    #[arg(long = "log.format", global = true, value_enum, default_value_t = Format::Logfmt)]
    pub format: Format,
}

/// Severity of log messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Everything.
    Debug,
    /// What an operator may want to know.
    Info,
    /// What wants attention.
    Warn,
    /// What does not work.
    Error,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// key=value, as Prometheus logs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch a simulated partner tenant: no account, no configuration, nothing leaves this machine.
    Demo(Demo),
    /// Serve the simulated Microsoft alone, to point an exporter at.
    Simulate(Simulate),
    /// Read once, print the verdicts, and exit: 0 all met, 1 something unmet, 2 something unknown, 3 could not run.
    Check(Check),
    /// Say policy by policy why an account is or is not covered by MFA: 0 covered, 1 not, 2 unknown, 3 could not run.
    Explain(Explain),
    /// Sign in once with MFA, for what Microsoft gives to people only: 0 stored, 1 nothing stored, 3 could not run.
    Consent(Consent),
    /// Write what the gauges of the sign-in log were, hour by hour, for Prometheus to import: 0 written, 3 could not run.
    ///
    /// Microsoft keeps the log for 30 days. A new Prometheus knows none of them: this reads them once and
    /// writes OpenMetrics with timestamps, one sample a series and hour, which `promtool tsdb
    /// create-blocks-from openmetrics FILE` makes blocks of. docs/backfill.md has the commands.
    ///
    /// A gauge counts over a window, 7d unless configured otherwise, and is written only for hours whose
    /// whole window could be read: of 30 days, for the last 23. What has happened in the last two hours may
    /// still change and is left out. At the end standard error says how many hours were written, and from
    /// when to when.
    ///
    /// Microsoft answers 5 requests of up to 1000 sign-ins in 10 seconds: a million takes about 40 minutes.
    /// A running exporter shares that pace and is not needed. Its state directory and the consented grant are
    /// left as they are.
    Backfill(Backfill),
    /// Print a page of the reference, the configuration's JSON Schema, completions or the man page.
    Reference(Reference),
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// How to be reached; loopback unless given.
    #[command(flatten)]
    pub web: Web,
    /// The simulated tenant.
    #[command(flatten)]
    pub world: World,
}

/// Flags of `simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// Address to listen on.
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = "127.0.0.1:4010", value_parser = listen_address)]
    pub listen_address: SocketAddr,
    /// The simulated tenant.
    #[command(flatten)]
    pub world: World,
}

/// The simulated tenant.
#[derive(Debug, Args, Clone)]
pub struct World {
    /// Accounts in the tenant.
    #[arg(long, value_name = "NUMBER", default_value_t = 240)]
    pub users: usize,
    /// Customers of the partner.
    #[arg(long, value_name = "NUMBER", default_value_t = 40)]
    pub customers: usize,
    /// Sign-ins in the log, over the thirty days it is kept.
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000)]
    pub sign_ins: usize,
    /// Another number, another tenant; the same number, the same tenant.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Let the simulated tenant be asked as fast as one likes, for benchmarks.
    #[arg(long)]
    pub unthrottled: bool,
    /// Let nobody join or leave and nothing be granted or taken away; time goes on.
    #[arg(long)]
    pub still: bool,
    /// What goes wrong; repeatable. `--fault help` lists what can.
    #[arg(long = "fault", value_name = "FAULT")]
    pub faults: Vec<String>,
}

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Configuration file.
    #[arg(long = "config.file", value_name = "PATH", default_value = "partnercenter_exporter.yml")]
    pub config_file: PathBuf,
    /// How to print the verdicts.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// Flags of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The account: its object id, or the name it signs in with.
    #[arg(value_name = "USER")]
    pub user: String,
    /// Configuration file.
    #[arg(long = "config.file", value_name = "PATH", default_value = "partnercenter_exporter.yml")]
    pub config_file: PathBuf,
    /// The tenant, by its name in the configuration; all of them unless given.
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// What would change without this policy, by its id.
    #[arg(long, value_name = "ID", conflicts_with = "without_exclusion")]
    pub without_policy: Option<String>,
    /// What would change if no policy left this out: an account, group, role, application or location
    /// by its id, a platform or a kind of guests by its word.
    #[arg(long, value_name = "ID")]
    pub without_exclusion: Option<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// Flags of `consent`.
#[derive(Debug, Args)]
pub struct Consent {
    /// Configuration file.
    #[arg(long = "config.file", value_name = "PATH", default_value = "partnercenter_exporter.yml")]
    pub config_file: PathBuf,
    /// The tenant, by its name in the configuration; the one with an app_user unless given.
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// Sign in on another machine by entering a code, where this one has no browser. Easily abused by
    /// whoever sends people codes, and therefore blocked in many tenants.
    #[arg(long)]
    pub device_code: bool,
    /// Port of the page on this machine to which the sign-in leads back; 0 for a free one. The
    /// application needs the redirect URI http://localhost, of the platform Web.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub redirect_port: u16,
}

/// Flags of `backfill`.
#[derive(Debug, Args)]
pub struct Backfill {
    /// Configuration file.
    #[arg(long = "config.file", value_name = "PATH", default_value = "partnercenter_exporter.yml")]
    pub config_file: PathBuf,
    /// The tenant, by its name in the configuration; all of them unless given.
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,
    /// How far back the log is read, at most 30d; the figures need their window and some four hours.
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = since)]
    pub since: Duration,
    /// Where to write, whole or not at all; standard output unless given.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How verdicts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Flags of `reference`.
#[derive(Debug, Args)]
pub struct Reference {
    /// The page.
    #[command(subcommand)]
    pub page: Page,
}

/// What `reference` prints.
#[derive(Debug, Subcommand)]
pub enum Page {
    /// Every metric.
    Metrics,
    /// Every requirement.
    Requirements,
    /// Every source, with permission and licence.
    Sources,
    /// Every key of the configuration file.
    Configuration,
    /// The configuration file's JSON Schema.
    Schema,
    /// Completions for a shell.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// The man page.
    Man,
}

/// `HOST:PORT`, `[::1]:PORT`, or `:PORT` for all interfaces, as Prometheus' own flags have it.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let text = match text.strip_prefix(':') {
        Some(port) => format!("[::]:{port}"),
        None => text.replacen("localhost", "127.0.0.1", 1),
    };
    text.parse().map_err(|_| {
        format!("write it like :{DEFAULT_PORT}, 127.0.0.1:{DEFAULT_PORT} or [::1]:{DEFAULT_PORT}")
    })
}

/// As long as Microsoft keeps the sign-in log, or less.
fn since(text: &str) -> Result<Duration, String> {
    const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
    let since = parse_duration(text)?;
    if since > KEPT {
        return Err("Microsoft keeps the sign-in log for 30d".to_owned());
    }
    Ok(since)
}

fn path(text: &str) -> Result<String, String> {
    match text {
        "/" | "/-/healthy" | "/-/ready" => Err("something else is there".to_owned()),
        _ if text.starts_with('/') && !text.contains(['?', '#', ' ']) => Ok(text.to_owned()),
        _ => Err("write it like /metrics".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Flags::command().debug_assert();
    }

    #[test]
    fn addresses_are_read_as_prometheus_reads_them() {
        assert_eq!(listen_address(":10058").unwrap(), "[::]:10058".parse().unwrap());
        assert_eq!(listen_address("localhost:1").unwrap(), "127.0.0.1:1".parse().unwrap());
        assert_eq!(listen_address("[::1]:1").unwrap(), "[::1]:1".parse().unwrap());
        for text in ["10058", "example.com:1", ":port", ""] {
            assert!(listen_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_log_is_read_as_far_back_as_it_is_kept() {
        assert_eq!(since("30d").unwrap(), since("4w2d").unwrap());
        assert!(since("30d1s").is_err() && since("0d").is_err() && since("week").is_err());
    }

    #[test]
    fn the_metrics_never_take_the_place_of_another_page() {
        assert!(path("/-/healthy").is_err() && path("metrics").is_err());
        assert_eq!(path("/probe/metrics").unwrap(), "/probe/metrics");
    }
}
