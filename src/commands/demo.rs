//! A simulated partner tenant and the exporter that watches it, in one process, on loopback.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::serve::{bind, runtime};
use super::{Context, Failure, check, print, simulate};
use crate::client::{self, Api, Limits, Pacing};
use crate::config::DEFAULT_PORT;
use crate::config::flags::Demo;
use crate::durable;
use crate::oauth::{self, Cloud, Credential, Home, Secret};
use crate::posture::{Declarations, Exception};
use crate::refresh::{AppUser, Settings, TenantSettings};
use crate::simulator::{self, Identity, Simulator};
use crate::sources::{self, PrivilegedAccounts, Schedule, Source as _};
use crate::transport;
use crate::wire::{self, ObjectId};

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
        let (simulated, simulating) = simulate(world)?;
        let simulator = simulated.address;
        let declared = declared(&simulated.break_glass, context.clock.now());
        let room = tempfile::tempdir()?;
        let grant = room.path().join("grant");
        durable::replace(&grant, |file| file.write_all(simulated.grant.as_bytes()))?;
        let telemetry_path = flags.web.telemetry_path.clone();
        let told = async move |mut view| {
            let snapshot = check::wait(&mut view, std::io::stderr().is_terminal()).await;
            if let Some(snapshot) = snapshot {
                print(&introduction(address, &telemetry_path, simulator));
                snapshot.tenants.iter().for_each(|report| print(&check::table(report)));
                print("Ctrl-C ends it.");
            }
        };
        let settings = settings(simulator, declared, grant);
        let code = super::serve::serve(listeners, flags.web, settings, context, told).await?;
        drop(simulating);
        Ok(code)
    })
}

/// What has to be known of a simulator to watch it.
struct Simulated {
    address: SocketAddr,
    /// Object ids of its accounts for emergencies.
    break_glass: Vec<String>,
    /// The refresh token of somebody who has consented with MFA.
    grant: String,
}

/// Starts the simulator on a thread of its own; it ends when the handle is dropped.
fn simulate(
    world: simulator::Settings,
) -> Result<(Simulated, tokio::sync::oneshot::Sender<()>), Failure> {
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
                let _ = tell.send(Ok(Simulated {
                    address: simulator.address(),
                    break_glass: simulator.control().truth().break_glass_ids,
                    grant: simulator.control().grant(true, false),
                }));
                runtime.block_on(simulator.serve(async { drop(stopped.await) }));
            }
            Err(error) => drop(tell.send(Err(error))),
        }
    })?;
    Ok((told.recv()??, stop))
}

/// What a careful operator would declare of the simulated tenant.
fn declared(break_glass: &[String], now: Timestamp) -> Declarations {
    let break_glass: Vec<_> = break_glass.iter().filter_map(|id| ObjectId::parse(id)).collect();
    let tenant: Vec<_> = wire::guid(&Identity::default().tenant_id).into_iter().collect();
    Declarations {
        exceptions: vec![Exception {
            requirement: "mfa-all-users-enforced",
            subjects: break_glass.clone(),
            owner: "security office".to_owned(),
            reason: "for emergencies; sealed, and tried every quarter".to_owned(),
            expires: now + SignedDuration::from_hours(90 * 24),
        }],
        break_glass: Some(break_glass),
        hire_grace: Duration::from_secs(7 * 86_400),
        partner_tenants: Some(tenant.clone()),
        watched_tenants: tenant,
        partner_applications: Some(Vec::new()),
        csp_anniversary_month: Some(next_month(now)),
        customer_series_limit: Some(20),
        ..Declarations::default()
    }
}

/// In which Microsoft would check the authorization of the simulated partner.
fn next_month(now: Timestamp) -> i8 {
    now.to_zoned(jiff::tz::TimeZone::UTC).month() % 12 + 1
}

/// The simulated tenant, watched closely.
fn settings(simulator: SocketAddr, declared: Declarations, grant: PathBuf) -> Settings {
    let identity = Identity::default();
    let base = |path: &str| {
        let text = format!("http://{simulator}{path}");
        url::Url::parse(&text).expect("an address is a URL's host")
    };
    let schedule = |about: &sources::About| Schedule {
        // Nobody exports a report here; everything else there is answers.
        enabled: about.ask.api != Api::File,
        // The sign-in log needs most of the pace these share with it, above all at the start.
        interval: if about.id == PrivilegedAccounts::ID { INTERVAL * 6 } else { INTERVAL },
        max_age: about.max_age(INTERVAL),
        ..Schedule::of(about)
    };
    let schedules: BTreeMap<_, _> =
        sources::all().iter().map(|about| (about.id, schedule(about))).collect();
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
            graph_audience: oauth::audience(&Cloud::Global.graph()),
            partner_center: base("/partnercenter"),
            partner_center_audience: oauth::audience(&Cloud::Global.partner_center()),
            dap: base("/dap"),
            pacing: Pacing::Microsoft,
            limits: Limits::default(),
        },
        app_user: Some(AppUser {
            credential: Credential::Secret {
                client_id: identity.app_user_client_id,
                secret: Secret::Value(identity.app_user_client_secret.into()),
            },
            home: Home::File(grant),
        }),
        schedules,
        declared: Arc::new(declared),
    };
    let transport = transport::Settings::default();
    Settings { tenants: vec![tenant], transport, state_directory: None, keeps_grants: true }
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
