//! The simulated Microsoft alone, for an exporter elsewhere on this machine.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::ExitCode;

use super::{Failure, asked_to_end, print, serve};
use crate::config::flags::{Simulate, World};
use crate::simulator::{self, CLIENT_SECRET, FAULTS, Fault, Simulator};

pub(super) fn run(flags: Simulate) -> Result<ExitCode, Failure> {
    let Some(settings) = settings(&flags.world)? else {
        print(&faults_help());
        return Ok(ExitCode::SUCCESS);
    };
    let settings = simulator::Settings { listen: flags.listen_address, ..settings };
    serve::runtime()?.block_on(async {
        let simulator = Simulator::bind(settings).await.map_err(|error| {
            format!(
                "cannot listen on {}: {error}; choose another with --web.listen-address",
                flags.listen_address
            )
        })?;
        let secret = secret_file()?;
        print(&format!("simulated Microsoft on http://{}/", simulator.address()));
        print("point an exporter at it with this configuration:\n");
        print(&simulator::configuration(simulator.address(), &secret));
        let done = asked_to_end();
        simulator.serve(async { drop(done.await) }).await;
        Ok(ExitCode::SUCCESS)
    })
}

/// The world asked for; `None` if only a list of faults was.
pub(super) fn settings(world: &World) -> Result<Option<simulator::Settings>, Failure> {
    if world.faults.iter().any(|fault| fault == "help") {
        return Ok(None);
    }
    let faults = world.faults.iter().map(|fault| fault.parse::<Fault>());
    Ok(Some(simulator::Settings {
        users: world.users,
        customers: world.customers,
        sign_ins: world.sign_ins,
        seed: world.seed,
        faults: faults.collect::<Result<_, _>>()?,
        moving: true,
        enforce_throttles: !world.unthrottled,
        ..simulator::Settings::default()
    }))
}

/// What `--fault help` prints.
pub(super) fn faults_help() -> String {
    let line = |(usage, meaning): (&str, &str)| format!("\n  {usage:<22} {meaning}");
    let lines: String = FAULTS.into_iter().map(line).collect();
    format!("faults; with @PATH behind them, only on paths that contain it:\n{lines}")
}

/// The simulated secret in a file, since a configuration takes secrets from nowhere else.
fn secret_file() -> Result<std::path::PathBuf, Failure> {
    let path = std::env::temp_dir().join("partnercenter_exporter-simulated-secret");
    // It opens nothing real; 0600 all the same, so that nobody learns otherwise from us.
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    file.write_all(CLIENT_SECRET.as_bytes())?;
    Ok(path)
}
