//! Serving: bind first, then collect, until asked to end.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use tokio::net::TcpListener;

use super::{Context, Failure, asked_to_end, print};
use crate::config::flags::{Serve, Web};
use crate::config::{self, DEFAULT_PORT};
use crate::refresh::{self, Collecting, View};
use crate::server;
use crate::transport::Transport;

pub(super) fn run(flags: Serve, context: Context) -> Result<ExitCode, Failure> {
    let settings = config::load(&flags.config_file)?;
    if flags.config_check {
        Transport::new(&settings.transport)?;
        for tenant in &settings.tenants {
            let acting = tenant.app_user.iter().map(|app_user| &app_user.credential);
            for credential in std::iter::once(&tenant.oauth.credential).chain(acting) {
                credential.check().map_err(|error| {
                    format!("tenant {}: {error}; {}", tenant.name, error.remedy())
                })?;
            }
        }
        let tenants = settings.tenants.len();
        print(&format!("{} can be used: {tenants} tenant(s)", flags.config_file.display()));
        return Ok(ExitCode::SUCCESS);
    }
    runtime()?.block_on(async {
        let listeners = bind(&flags.web, &every_address()).await?;
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

/// The default port on every address of the machine: on most machines an IPv6 socket takes both
/// kinds, and some have no IPv6.
fn every_address() -> [SocketAddr; 2] {
    [
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, DEFAULT_PORT)),
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT)),
    ]
}

/// Binds every address given; if none is, the first of `fallbacks` that can be bound.
pub(super) async fn bind(web: &Web, fallbacks: &[SocketAddr]) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::new();
    for address in &web.listen_address {
        listeners.push(server::bind(*address).await?);
    }
    let mut refused = None;
    for address in fallbacks.iter().take_while(|_| web.listen_address.is_empty()) {
        match server::bind(*address).await {
            Ok(listener) => return Ok(vec![listener]),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match refused {
        Some(error) => Err(error.into()),
        None => Ok(listeners),
    }
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
    collecting.stop().await?;
    Ok(ExitCode::SUCCESS)
}
