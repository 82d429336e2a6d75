//! From bytes to a question, and from an answer to bytes, spoiled where that was asked for.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue,
};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use url::form_urlencoded;

use super::control::{Control, Seen};
use super::faults::{Kind, Side};
use super::{dap_service, downloads, graph, partner_center, time, tokens, vault};

/// Largest request body: a form with an assertion is a few kilobytes.
const BODY_BYTES: usize = 64 << 10;

/// A question, whole.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Scheme and host the question was sent to: links in answers lead back there.
    pub(super) origin: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The path with its options.
    pub(super) fn url(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path, self.query)
    }

    /// What kind of grant a token was asked for by.
    fn grant_type(&self) -> Option<String> {
        let mut form = form_urlencoded::parse(&self.body);
        let given = form.find(|(name, _)| name == "grant_type").map(|(_, kind)| kind.into_owned());
        given.filter(|_| self.path.ends_with("/oauth2/v2.0/token"))
    }

    fn seen(&self, at: jiff::Timestamp, status: StatusCode) -> Seen {
        let header = |name| self.header(name).map(str::to_owned);
        Seen {
            at,
            method: self.method.to_string(),
            path: self.url(),
            status: status.as_u16(),
            client_request_id: header("client-request-id"),
            user_agent: header("user-agent"),
            accept_encoding: header("accept-encoding"),
            consistency_level: header("consistencylevel"),
            throttle_priority: header("x-ms-throttle-priority"),
            authorization: self.headers.contains_key("authorization"),
            grant_type: self.grant_type(),
        }
    }
}

/// An answer, before it is sent.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) delay: Duration,
    ending: Ending,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Whole,
    Cut,
    Reset,
}

impl Answer {
    pub(super) fn bytes(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status, headers, body, delay: Duration::ZERO, ending: Ending::Whole }
    }

    /// JSON.
    pub(super) fn of(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("what is answered has text keys only");
        Self::bytes(status, "application/json; charset=utf-8", body)
    }

    /// JSON that is already written.
    pub(super) fn written(status: StatusCode, body: Vec<u8>) -> Self {
        Self::bytes(status, "application/json; charset=utf-8", body)
    }

    pub(super) fn text(status: StatusCode, body: &str) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", body.as_bytes().to_vec())
    }

    pub(super) fn html(status: StatusCode, body: &str) -> Self {
        Self::bytes(status, "text/html; charset=utf-8", body.as_bytes().to_vec())
    }

    /// Adds a header; a value that cannot be one is left out.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    fn spoil(&mut self, faults: &[Kind]) {
        for fault in faults {
            match fault {
                Kind::Slow(milliseconds) => {
                    self.delay = self.delay.max(Duration::from_millis(*milliseconds));
                }
                Kind::Html => {
                    let page =
                        "<!DOCTYPE html><html><body><h1>Sign in to the proxy</h1></body></html>";
                    let mut answer =
                        Self::bytes(StatusCode::OK, "text/html; charset=utf-8", page.into());
                    (answer.delay, answer.ending) = (self.delay, self.ending);
                    *self = answer;
                }
                Kind::Malformed if self.status.is_success() => {
                    self.body.pop();
                    self.body.extend_from_slice(b",]");
                }
                Kind::Truncate => self.ending = Ending::Cut,
                Kind::Reset => self.ending = Ending::Reset,
                _ => {}
            }
        }
    }

    fn compress(&mut self) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        if encoder.write_all(&self.body).is_ok()
            && let Ok(body) = encoder.finish()
        {
            self.body = body;
            self.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
}

/// One question and its answer on a connection.
pub(super) async fn exchange(
    control: Control,
    address: SocketAddr,
    cutter: Cutter,
    request: Request<Incoming>,
) -> Result<Response<Sent>, Infallible> {
    let (parts, body) = request.into_parts();
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    // Whoever speaks TLS in front of us says so, and wants links that lead back to it.
    let is_behind_tls = parts.headers.get("x-forwarded-proto").is_some_and(|it| it == "https");
    let scheme = if is_behind_tls { "https" } else { "http" };
    let mut asked = Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        origin: format!("{scheme}://{}", host.map_or_else(|| address.to_string(), str::to_owned)),
        headers: parts.headers,
        body: Vec::new(),
    };
    let mut answer = match Limited::new(body, BODY_BYTES).collect().await {
        Ok(body) => {
            asked.body = body.to_bytes().to_vec();
            answer(&control, &asked)
        }
        Err(_) => Answer::text(StatusCode::PAYLOAD_TOO_LARGE, "too much\n"),
    };
    time::dawdle(answer.delay).await;
    let gzip = asked.headers.get(ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    if gzip.is_some_and(|accepted| accepted.contains("gzip")) && answer.body.len() > 200 {
        answer.compress();
    }
    Ok(answer.send(cutter))
}

fn answer(control: &Control, asked: &Asked) -> Answer {
    if asked.path.starts_with("/-/") {
        return control.answer(asked);
    }
    let side = side(&asked.path);
    let mut state = control.lock();
    let faults = state.faults(side, &asked.url());
    let mut answer = match side {
        Side::Own => Answer::text(
            StatusCode::OK,
            "This is a simulated Microsoft: no account, person or secret in it is real.\n\
             /{tenant}/oauth2/v2.0/token      tokens, for an application and for people\n\
             /{tenant}/oauth2/v2.0/authorize  where people sign in\n\
             /devicelogin                     the same with a code from elsewhere\n\
             /graph/v1.0/ /graph/beta/        Graph\n\
             /partnercenter/v1/               Partner Center\n\
             /dap/v1/                         the service that tells of DAP\n\
             /vault/secrets/                  Key Vault\n\
             /download/                       reports, once each and without a token\n\
             /-/alerts/raise /-/grant         an alert about fraud; a grant without a person\n\
             /-/sign-ins?from=&to=            what is true of the log of sign-ins\n\
             /-/audit?from=&to=               what is true of Partner Center's audit records\n\
             /-/customers/add                 one more customer, and so on\n\
             /-/truth /-/requests             what a reader should find, and what it asked\n",
        ),
        Side::Login => tokens::answer(&mut state, asked, &faults),
        Side::Graph => graph::answer(&mut state, asked, &faults),
        Side::Download => downloads::answer(&mut state, asked, &faults),
        Side::Vault => vault::answer(&mut state, asked, &faults),
        Side::PartnerCenter => partner_center::answer(&mut state, asked, &faults),
        Side::Dap => dap_service::answer(&mut state, asked, &faults),
    };
    answer.spoil(&faults);
    let now = state.now();
    answer = answer.with("date", &time::http_date(now));
    state.remember(asked.seen(now, answer.status));
    answer
}

fn side(path: &str) -> Side {
    match path.split('/').nth(1) {
        Some("graph") => Side::Graph,
        Some("partnercenter") => Side::PartnerCenter,
        Some("dap") => Side::Dap,
        Some("vault") => Side::Vault,
        Some("download") => Side::Download,
        Some("") | None => Side::Own,
        Some(_) => Side::Login,
    }
}

impl Answer {
    fn send(self, cutter: Cutter) -> Response<Sent> {
        let length = self.body.len();
        let mut bytes = Bytes::from(self.body);
        if self.ending != Ending::Whole {
            bytes.truncate(length / 2);
            if self.ending == Ending::Reset {
                cutter.0.store(true, Ordering::Relaxed);
            }
        }
        let mut response = Response::new(Sent {
            bytes: Some(bytes),
            whole: self.ending == Ending::Whole,
            rest: false,
        });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        response
    }
}

/// A body that can end before its time.
pub(super) struct Sent {
    bytes: Option<Bytes>,
    whole: bool,
    /// Whether what there is has had its turn to leave the machine.
    rest: bool,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if self.whole {
            return Poll::Ready(None);
        }
        if !self.rest {
            self.rest = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.whole && self.bytes.is_none()
    }
}

/// Decides that a connection ends with a reset instead of a farewell.
#[derive(Clone)]
pub(super) struct Cutter(Arc<AtomicBool>);

/// A connection that can be reset.
pub(super) struct Wire {
    stream: TcpStream,
    cutter: Cutter,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> (Self, Cutter) {
        let cutter = Cutter(Arc::new(AtomicBool::new(false)));
        (Self { stream, cutter: cutter.clone() }, cutter)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.cutter.0.load(Ordering::Relaxed) {
            // Closing a socket that does not linger sends a reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.cutter.0.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
