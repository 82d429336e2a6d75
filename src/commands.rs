//! What the program does when it is called.
//!
//! Each command is a function from its flags to an exit code. Only here does anything go to
//! standard output.

mod backfill;
mod check;
mod consent;
mod demo;
mod explain;
mod reference;
mod serve;
mod simulate;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::clock::Clock;
use crate::config::flags::{self, Command, Flags, Log};
use crate::logging;
use crate::refresh::TenantSettings;
use crate::telemetry::Telemetry;

/// Could not run: bad flags, bad configuration, an address in use.
const COULD_NOT_RUN: u8 = 3;

/// What every command is handed.
struct Context {
    clock: Clock,
    telemetry: Telemetry,
}

/// Why a command could not run: one clear text.
type Failure = Box<dyn std::error::Error>;

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Whoever closed the pipe has read enough.
            let _ = error.print();
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(COULD_NOT_RUN) };
        }
    };
    if flags.version {
        print(&version());
        return ExitCode::SUCCESS;
    }
    let context = Context { clock: Clock::system(), telemetry: Telemetry::new() };
    // Who looks at a table does not want to look through messages.
    let quiet = matches!(
        flags.command,
        Some(
            Command::Demo(_)
                | Command::Check(_)
                | Command::Explain(_)
                | Command::Consent(_)
                | Command::Backfill(_)
        )
    );
    start_logging(&flags.log, quiet, &context);
    let done = match flags.command {
        None => serve::run(flags.serve, context),
        Some(Command::Demo(demo)) => demo::run(demo, context),
        Some(Command::Simulate(simulate)) => simulate::run(simulate),
        Some(Command::Check(check)) => check::run(&check, context),
        Some(Command::Explain(explain)) => explain::run(&explain, context),
        Some(Command::Consent(consent)) => consent::run(&consent, context),
        Some(Command::Backfill(backfill)) => backfill::run(&backfill, context),
        Some(Command::Reference(reference)) => Ok(reference::run(&reference)),
    };
    done.unwrap_or_else(|error| {
        complain(&error.to_string());
        ExitCode::from(COULD_NOT_RUN)
    })
}

fn start_logging(log: &Log, quiet: bool, context: &Context) {
    let level = match log.level {
        flags::Level::Debug => tracing::Level::DEBUG,
        flags::Level::Info if quiet => tracing::Level::WARN,
        flags::Level::Info => tracing::Level::INFO,
        flags::Level::Warn => tracing::Level::WARN,
        flags::Level::Error => tracing::Level::ERROR,
    };
    let format = match log.format {
        flags::Format::Logfmt => logging::Format::Logfmt,
        flags::Format::Json => logging::Format::Json,
    };
    logging::start(level, format, context.clock.clone(), context.telemetry.clone());
}

/// Leaves out all tenants but the one that is wanted.
fn keep_only(tenants: &mut Vec<TenantSettings>, name: Option<&str>) -> Result<(), Failure> {
    let Some(name) = name else { return Ok(()) };
    tenants.retain(|tenant| tenant.name == name);
    if tenants.is_empty() {
        return Err(format!("no tenant of the configuration is called {name}").into());
    }
    Ok(())
}

/// As Prometheus' own programs print it.
fn version() -> String {
    format!(
        "partnercenter_exporter, version {} (revision: {})\n  rustc:            {}\n  platform:         {}/{}",
        env!("CARGO_PKG_VERSION"),
        env!("PARTNERCENTER_EXPORTER_REVISION"),
        env!("PARTNERCENTER_EXPORTER_RUSTVERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}

/// Writes to standard output. A closed pipe ends nothing: whoever closed it has read enough.
fn print(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Writes to standard error what a person has to read before anything else.
fn complain(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "partnercenter_exporter: {text}");
}

/// Completes when the process is asked to end.
async fn asked_to_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
