//! The simulated Microsoft alone, for an exporter elsewhere on this machine.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{Failure, asked_to_end, print, serve};
use crate::config::flags::{Simulate, World};
use crate::durable;
use crate::simulator::{self, APP_USER_CLIENT_SECRET, CLIENT_SECRET, FAULTS, Fault, Simulator};

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
        let address = simulator.address();
        let secret = planted("secret", CLIENT_SECRET)?;
        let for_people = planted("app-user-secret", APP_USER_CLIENT_SECRET)?;
        let grant = simulator.control().grant(true, false);
        let grant = planted(&format!("grant-{}", address.port()), &grant)?;
        print(&format!("simulated Microsoft on http://{address}/"));
        print("point an exporter at it with this configuration:\n");
        print(&simulator::configuration_with_app_user(address, &secret, &for_people, &grant));
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
        sign_ins: world.sign_ins.div_ceil(simulator::LOG_DAYS),
        seed: world.seed,
        faults: faults.collect::<Result<_, _>>()?,
        moving: !world.still,
        enforce_throttles: !world.unthrottled,
        ..simulator::Settings::default()
    }))
}

/// What `--fault help` prints.
pub(super) fn faults_help() -> String {
    let line = |(usage, meaning): (&str, &str)| format!("\n  {usage:<22} {meaning}");
    let lines: String = FAULTS.into_iter().map(line).collect();
    format!(
        "faults; with @PATH behind them, only on paths that contain it, options included where it has a question mark:\n{lines}"
    )
}

/// Something simulated that is secret elsewhere, in a file, since a configuration takes secrets from
/// nowhere else.
fn planted(what: &str, secret: &str) -> Result<PathBuf, Failure> {
    let path = std::env::temp_dir().join(format!("partnercenter_exporter-simulated-{what}"));
    // It opens nothing real; 0600 all the same, so that nobody learns otherwise from us.
    durable::replace(&path, |file| file.write_all(secret.as_bytes()))?;
    Ok(path)
}
