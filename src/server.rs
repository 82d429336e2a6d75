//! Who asks us: HTTP for scrapers, orchestrators and people.
//!
//! A scrape is a look at the latest snapshot and a write of bytes that are ready. Nothing here
//! asks Microsoft anything, waits for the collecting thread, or compresses.

mod landing;
mod negotiation;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::refresh::View;
use crate::telemetry::Telemetry;
use negotiation::Format;

/// How long a client may take to send its request's head, idle connections included.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a whole connection may last; a scraper simply makes a new one.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(3600);

/// How long open connections may take to finish when the program stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections at once, over all addresses.
const CONNECTIONS: usize = 512;

/// How long to wait when the system gives no more connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What serving is made from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Path of the page for scrapers.
    pub telemetry_path: String,
    /// Scrapes answered at once; more are turned away with 503. 0 is no limit.
    pub max_requests: usize,
}

/// The serving side, cheap to clone.
#[derive(Clone)]
struct Site(Arc<Shared>);

struct Shared {
    settings: Settings,
    view: View,
    telemetry: Telemetry,
    scrapes: Arc<AtomicUsize>,
}

/// Serves on `listeners` until `stop` completes, then lets open requests finish.
pub async fn serve(
    listeners: Vec<TcpListener>,
    settings: Settings,
    view: View,
    telemetry: Telemetry,
    clock: Clock,
    stop: impl Future<Output = ()>,
) {
    let scrapes = Arc::default();
    let site = Site(Arc::new(Shared { settings, view, telemetry, scrapes }));
    let open = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listeners, &open) => accepted,
            () = &mut stop => break,
        };
        let (stream, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection");
                clock.sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let site = site.clone();
        let service = service_fn(move |request| {
            let site = site.clone();
            async move { Ok::<_, Infallible>(site.answer(&request)) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_headers(64)
            .serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // Whoever breaks off or dawdles loses the connection and nothing else.
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, watched).await;
            drop(permit);
        });
    }
    drop(listeners);
    // A client that never finishes must not keep the program alive.
    let _ = tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown()).await;
}

type Accepted = (TcpStream, tokio::sync::OwnedSemaphorePermit);

/// The next connection on any of the addresses, once there is room for it.
async fn accept(listeners: &[TcpListener], open: &Arc<Semaphore>) -> std::io::Result<Accepted> {
    let permit = Arc::clone(open).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = std::future::poll_fn(|context| {
        listeners
            .iter()
            .map(|listener| listener.poll_accept(context))
            .find(std::task::Poll::is_ready)
            .unwrap_or(std::task::Poll::Pending)
    })
    .await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

/// Binds an address, with the error an operator needs.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| BindError { address, error })
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}; choose another with --web.listen-address")]
pub struct BindError {
    address: SocketAddr,
    error: std::io::Error,
}

impl Site {
    fn answer(&self, request: &Request<Incoming>) -> Response<Page> {
        let path = request.uri().path();
        let Shared { settings, .. } = &*self.0;
        let readable = [Method::GET, Method::HEAD].contains(request.method());
        match path {
            _ if path == settings.telemetry_path && readable => self.metrics(request),
            "/" if readable => self.landing(),
            "/-/healthy" if readable => self.healthy(),
            "/-/ready" if readable => self.ready(),
            "/" | "/-/healthy" | "/-/ready" => method_not_allowed(),
            _ if path == settings.telemetry_path => method_not_allowed(),
            _ => text(StatusCode::NOT_FOUND, "not found; what is here is listed at /\n"),
        }
    }

    fn metrics(&self, request: &Request<Incoming>) -> Response<Page> {
        let Shared { settings, view, telemetry, scrapes } = &*self.0;
        let Some(scrape) = Scrape::begin(scrapes, settings.max_requests) else {
            telemetry.scrape_rejected();
            return text(StatusCode::SERVICE_UNAVAILABLE, "too many scrapes at once\n");
        };
        let Some(snapshot) = view.current() else {
            return text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "collecting has stopped turning; what was known is too old to be told\n",
            );
        };
        let format = negotiation::format(request.headers());
        let page = match format {
            Format::Text => &snapshot.page.text,
            Format::OpenMetrics => &snapshot.page.open_metrics,
        };
        let gzip = negotiation::accepts_gzip(request.headers());
        let body = if gzip { page.gzip.clone() } else { page.plain.clone() };
        let mut response = Response::new(Page::of_scrape(body, scrape));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    /// Never for what Microsoft does; a collecting thread that has stopped is ours, and only a
    /// restart mends it.
    fn healthy(&self) -> Response<Page> {
        match self.0.view.current() {
            Some(_) => text(StatusCode::OK, "healthy\n"),
            None => text(StatusCode::SERVICE_UNAVAILABLE, "unhealthy: collecting has stopped\n"),
        }
    }

    fn ready(&self) -> Response<Page> {
        match self.0.view.current() {
            Some(snapshot) if snapshot.is_ready() => text(StatusCode::OK, "ready\n"),
            Some(_) => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: not every source has been tried once\n",
            ),
            None => text(StatusCode::SERVICE_UNAVAILABLE, "not ready: collecting has stopped\n"),
        }
    }

    fn landing(&self) -> Response<Page> {
        let snapshot = self.0.view.current();
        let page = landing::page(snapshot.as_deref(), &self.0.settings.telemetry_path);
        let mut response = Response::new(Page::new(page.into()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            http::header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
        );
        response
    }
}

/// One scrape being answered, until the last of it is on its way.
struct Scrape(Arc<AtomicUsize>);

impl Scrape {
    fn begin(scrapes: &Arc<AtomicUsize>, max_requests: usize) -> Option<Self> {
        let before = scrapes.fetch_add(1, Ordering::AcqRel);
        let scrape = Self(Arc::clone(scrapes));
        (max_requests == 0 || before < max_requests).then_some(scrape)
    }
}

impl Drop for Scrape {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A body that is ready, handed over piece by piece, so that a scraper that does not read holds
/// its place among the scrapes.
struct Page {
    rest: Bytes,
    scrape: Option<Scrape>,
}

/// Size of a piece in bytes.
const PIECE: usize = 64 << 10;

impl Page {
    fn new(body: Bytes) -> Self {
        Self { rest: body, scrape: None }
    }

    fn of_scrape(body: Bytes, scrape: Scrape) -> Self {
        Self { rest: body, scrape: Some(scrape) }
    }
}

impl Body for Page {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            self.scrape = None;
            return Poll::Ready(None);
        }
        let piece = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

fn text(status: StatusCode, body: &'static str) -> Response<Page> {
    let mut response = Response::new(Page::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

fn method_not_allowed() -> Response<Page> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrapes_are_turned_away_while_as_many_are_answered_as_may_be() {
        let scrapes = Arc::new(AtomicUsize::new(0));
        let first = Scrape::begin(&scrapes, 2);
        let second = Scrape::begin(&scrapes, 2);
        assert!(first.is_some() && second.is_some());
        assert!(Scrape::begin(&scrapes, 2).is_none());
        drop(first);
        assert!(Scrape::begin(&scrapes, 2).is_some(), "whoever was turned away takes no room");
        assert!(Scrape::begin(&scrapes, 0).is_some(), "0 is no limit");
        drop(second);
        assert_eq!(scrapes.load(Ordering::Acquire), 0);
    }

    #[test]
    fn a_scrape_holds_its_place_until_the_last_of_it_is_taken() {
        let scrapes = Arc::new(AtomicUsize::new(0));
        let body = Bytes::from(vec![b'x'; PIECE + 1]);
        let mut page = Page::of_scrape(body, Scrape::begin(&scrapes, 1).unwrap());
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert_eq!(page.size_hint().exact(), Some(PIECE as u64 + 1));
        for (left, ended) in [(1, false), (0, true)] {
            assert!(Scrape::begin(&scrapes, 1).is_none(), "the place is taken");
            assert!(Pin::new(&mut page).poll_frame(&mut context).is_ready());
            assert_eq!((page.rest.len(), page.is_end_stream()), (left, ended));
        }
        drop(page);
        assert!(Scrape::begin(&scrapes, 1).is_some());
    }
}
