//! Serving: bind first, then collect, until asked to end.

use std::net::{Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use tokio::net::TcpListener;

use super::{Context, Failure, asked_to_end, print};
use crate::config::flags::{Serve, Web};
use crate::config::{self, DEFAULT_PORT};
use crate::refresh::{self, Collecting, View};
use crate::server;

pub(super) fn run(flags: Serve, context: Context) -> Result<ExitCode, Failure> {
    let settings = config::load(&flags.config_file)?;
    if flags.config_check {
        let tenants = settings.tenants.len();
        print(&format!("{} can be used: {tenants} tenant(s)", flags.config_file.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, DEFAULT_PORT));
    runtime()?.block_on(async {
        let listeners = bind(&flags.web, any).await?;
        for listener in &listeners {
            tracing::info!(address = %listener.local_addr()?, tls = false, "listening");
        }
        serve(listeners, flags.web, settings, context, async |_| {}).await
    })
}

/// A runtime for the serving thread alone: collecting has its own.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, std::io::Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Binds every address given, or `fallback`.
pub(super) async fn bind(web: &Web, fallback: SocketAddr) -> Result<Vec<TcpListener>, Failure> {
    let given = &web.listen_address;
    let addresses = if given.is_empty() { std::slice::from_ref(&fallback) } else { given };
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.push(server::bind(*address).await?);
    }
    Ok(listeners)
}

/// Collects and serves until asked to end or until collecting cannot begin; `beside` runs
/// meanwhile and may look on.
pub(super) async fn serve(
    listeners: Vec<TcpListener>,
    web: Web,
    settings: refresh::Settings,
    context: Context,
    beside: impl AsyncFnOnce(View),
) -> Result<ExitCode, Failure> {
    let Context { clock, telemetry } = context;
    let collecting = Collecting::start(settings, clock.clone(), telemetry.clone())?;
    let settings =
        server::Settings { telemetry_path: web.telemetry_path, max_requests: web.max_requests };
    {
        let stop = async {
            tokio::select! {
                asked = asked_to_end() => match asked {
                    Ok(()) => tracing::info!("asked to end"),
                    Err(error) => tracing::error!(%error, "cannot listen for signals"),
                },
                () = collecting.ended() => {}
            }
        };
        let view = collecting.view();
        let serving = server::serve(listeners, settings, view.clone(), telemetry, clock, stop);
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            () = &mut serving => {}
            () = beside(view) => serving.await,
        }
    }
    collecting.stop()?;
    Ok(ExitCode::SUCCESS)
}
