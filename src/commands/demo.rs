//! A simulated partner tenant and the exporter that watches it, in one process, on loopback.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use super::serve::{bind, runtime};
use super::{Context, Failure, check, print, simulate};
use crate::client::{self, Limits, Pacing};
use crate::config::DEFAULT_PORT;
use crate::config::flags::Demo;
use crate::oauth::{self, Cloud, Credential, Secret};
use crate::refresh::{Settings, TenantSettings};
use crate::simulator::{self, Identity, Simulator};
use crate::sources::{self, Schedule};
use crate::transport;

/// The tenant's short name.
const TENANT: &str = "simulated";

/// How often the demo reads every source, so that one can watch its world move. Reports may be
/// asked for 5 times in 10 seconds.
const INTERVAL: Duration = Duration::from_secs(10);

pub(super) fn run(flags: Demo, context: Context) -> Result<ExitCode, Failure> {
    let Some(world) = simulate::settings(&flags.world)? else {
        print(&simulate::faults_help());
        return Ok(ExitCode::SUCCESS);
    };
    runtime()?.block_on(async {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT));
        let listeners = bind(&flags.web, &[loopback]).await?;
        let address = listeners[0].local_addr()?;
        let (simulator, simulating) = simulate(world)?;
        let telemetry_path = flags.web.telemetry_path.clone();
        let told = async move |mut view| {
            let snapshot = check::wait(&mut view, std::io::stderr().is_terminal()).await;
            if let Some(snapshot) = snapshot {
                print(&introduction(address, &telemetry_path, simulator));
                snapshot.tenants.iter().for_each(|report| print(&check::table(report)));
                print("Ctrl-C ends it.");
            }
        };
        let served = super::serve::serve(listeners, flags.web, settings(simulator), context, told);
        let code = served.await?;
        drop(simulating);
        Ok(code)
    })
}

/// Starts the simulator on a thread of its own; it ends when the handle is dropped.
fn simulate(
    world: simulator::Settings,
) -> Result<(SocketAddr, tokio::sync::oneshot::Sender<()>), Failure> {
    let (tell, told) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    std::thread::Builder::new().name("simulate".to_owned()).spawn(move || {
        let bound = runtime().and_then(|runtime| {
            let simulator = runtime.block_on(Simulator::bind(world))?;
            Ok((runtime, simulator))
        });
        match bound {
            Ok((runtime, simulator)) => {
                // Nobody listens any more only when the program is ending.
                let _ = tell.send(Ok(simulator.address()));
                runtime.block_on(simulator.serve(async { drop(stopped.await) }));
            }
            Err(error) => drop(tell.send(Err(error))),
        }
    })?;
    Ok((told.recv()??, stop))
}

/// The simulated tenant, watched closely.
fn settings(simulator: SocketAddr) -> Settings {
    let identity = Identity::default();
    let base = |path: &str| {
        let text = format!("http://{simulator}{path}");
        url::Url::parse(&text).expect("an address is a URL's host")
    };
    let schedule = Schedule { enabled: true, interval: INTERVAL, max_age: INTERVAL * 3 };
    let schedules: BTreeMap<_, _> =
        sources::all().iter().map(|about| (about.id, schedule)).collect();
    let audience = Cloud::Global.graph();
    let tenant = TenantSettings {
        name: TENANT.to_owned(),
        oauth: oauth::Settings {
            tenant_id: identity.tenant_id,
            login: base(""),
            credential: Credential::Secret {
                client_id: identity.client_id,
                secret: Secret::Value(identity.client_secret.into()),
            },
        },
        client: client::Settings {
            graph: base("/graph"),
            graph_audience: audience.as_str().trim_end_matches('/').to_owned(),
            pacing: Pacing::Microsoft,
            limits: Limits::default(),
        },
        schedules,
        declared: Default::default(),
    };
    let transport = transport::Settings::default();
    Settings { tenants: vec![tenant], transport, state_directory: None }
}

fn introduction(address: SocketAddr, telemetry_path: &str, simulator: SocketAddr) -> String {
    format!(
        "\nA simulated partner tenant is being watched. Nothing here is real, nothing leaves this machine.\n\n\
         \x20 metrics    http://{address}{telemetry_path}\n\
         \x20 overview   http://{address}/\n\
         \x20 simulator  http://{simulator}/\n\n\
         To have Prometheus scrape it, add to prometheus.yml:\n\n\
         scrape_configs:\n\
         \x20 - job_name: partnercenter\n\
         \x20   scrape_interval: 1m\n\
         \x20   metrics_path: {telemetry_path}\n\
         \x20   static_configs:\n\
         \x20     - targets: ['{address}']\n\n\
         What was found:\n"
    )
}
