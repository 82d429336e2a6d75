//! Where the browser comes back to after the sign-in: one page on this machine, for one answer.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use url::Url;

/// How long a browser may take to ask, and to be told.
const HASTE: Duration = Duration::from_secs(30);

/// Connections at once; a browser opens a few.
const CONNECTIONS: usize = 16;

/// The page, not yet asked for.
pub(super) struct Loopback {
    listeners: Vec<TcpListener>,
    address: Url,
    connections: JoinSet<()>,
}

/// The answer that came, and the page that waits to be told what came of it.
pub(super) struct Answered {
    /// What the browser asked for, with what Microsoft added.
    pub(super) address: Url,
    tell: oneshot::Sender<String>,
}

impl Answered {
    /// Tells the person at the browser.
    pub(super) fn tell(self, text: &str) {
        // Who has closed the page meanwhile reads it at the terminal.
        let _ = self.tell.send(text.to_owned());
    }
}

impl Loopback {
    /// Opens the port, or a free one for 0, for both kinds of addresses that browsers take
    /// `localhost` for.
    pub(super) async fn bind(port: u16) -> io::Result<Self> {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
            io::Error::other(format!(
                "cannot listen on localhost:{port} for the way back from the sign-in: {error}; give \
                 another --redirect-port, or none for any that is free"
            ))
        })?;
        let port = first.local_addr()?.port();
        let second = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await;
        let address = Url::parse(&format!("http://localhost:{port}/")).map_err(io::Error::other)?;
        // Many machines have only one of them.
        let listeners = std::iter::once(first).chain(second.ok()).collect();
        Ok(Self { listeners, address, connections: JoinSet::new() })
    }

    /// What Microsoft is to send the browser back to.
    pub(super) fn address(&self) -> &Url {
        &self.address
    }

    /// Waits for the browser to come back.
    pub(super) async fn answer(&mut self) -> io::Result<Answered> {
        let (send, mut receive) = mpsc::channel(1);
        loop {
            let stream = tokio::select! {
                Some(answered) = receive.recv() => return Ok(answered),
                Some(_) = self.connections.join_next() => continue,
                accepted = accept(&self.listeners), if self.connections.len() < CONNECTIONS => accepted?,
            };
            let (base, send) = (self.address.clone(), send.clone());
            self.connections.spawn(async move {
                let service = service_fn(|request| page(request, &base, &send));
                let mut connection = http1::Builder::new();
                connection.timer(TokioTimer::new()).header_read_timeout(HASTE).keep_alive(false);
                // What fails here is a browser that left.
                let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }

    /// Lets the page be told to its end.
    pub(super) async fn finish(mut self) {
        self.listeners.clear();
        let told = async { while self.connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_secs(3), told).await;
    }
}

async fn accept(listeners: &[TcpListener]) -> io::Result<TcpStream> {
    match listeners {
        [one] => Ok(one.accept().await?.0),
        [one, other, ..] => tokio::select! {
            accepted = one.accept() => Ok(accepted?.0),
            accepted = other.accept() => Ok(accepted?.0),
        },
        [] => std::future::pending().await,
    }
}

/// What a browser asks for: the answer, or something beside it.
async fn page(
    request: Request<Incoming>,
    base: &Url,
    send: &mpsc::Sender<Answered>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let uri = request.uri();
    let query = uri.query().unwrap_or_default();
    let is_answer = uri.path() == "/" && (query.contains("code=") || query.contains("error="));
    if !is_answer {
        return Ok(answer(
            StatusCode::NOT_FOUND,
            "Nothing is here but the way back from a sign-in.",
        ));
    }
    let mut address = base.clone();
    address.set_query(Some(query));
    let (tell, told) = oneshot::channel();
    let text = match send.try_send(Answered { address, tell }) {
        Ok(()) => told.await.unwrap_or_else(|_| "See the terminal.".to_owned()),
        Err(_) => "This sign-in has been answered already.".to_owned(),
    };
    Ok(answer(StatusCode::OK, &text))
}

fn answer(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let page = format!(
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>partnercenter_exporter</title>\
         <p id=outcome>{escaped}</p></html>"
    );
    let mut response = Response::new(Full::new(Bytes::from(page)));
    *response.status_mut() = status;
    let fixed = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        // The address holds a code that is spent by now; no other page need see it all the same.
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, hyper::header::HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_is_named_with_what_to_do() {
        let first = Loopback::bind(0).await.unwrap();
        let port = first.address().port().unwrap();
        let error = Loopback::bind(port).await.err().unwrap().to_string();
        assert!(error.contains(&format!("localhost:{port}")), "{error}");
        assert!(error.contains("--redirect-port"), "{error}");
    }
}
