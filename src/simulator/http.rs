//! HTTP/1.1 in and out, and the faults that are played on the wire.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::world::guid;
use super::{Control, Fault, Seen, State, graph, lock, time, tokens};

/// Connections at once.
const CONNECTIONS: usize = 256;

/// The largest body accepted.
const BODY_BYTES: usize = 1 << 20;

/// A request, read.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Bytes,
    pub(super) request_id: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn query(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// An answer, before it is sent.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    body: Vec<u8>,
    content_type: &'static str,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let content_type = "application/json;odata.metadata=minimal;charset=utf-8";
        Self { status, headers: Vec::new(), body: body.to_string().into_bytes(), content_type }
    }

    fn text(status: u16, body: &str) -> Self {
        let content_type = "text/plain; charset=utf-8";
        Self { status, headers: Vec::new(), body: body.as_bytes().to_vec(), content_type }
    }
}

/// Where an answer breaks off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Nowhere,
    HalfWay,
    AfterHead,
}

type Sent = Response<Frames>;

pub(super) async fn serve(listener: TcpListener, state: &Arc<State>) {
    let open = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = Arc::clone(&open).acquire_owned().await;
        let Ok((stream, _)) = listener.accept().await else {
            time::pause(Duration::from_millis(100)).await;
            continue;
        };
        // Small answers in two packets would wait for each other's acknowledgement.
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(state);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let state = Arc::clone(&state);
                async move { Ok::<_, Infallible>(exchange(&state, request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            // A connection that breaks is the other party's business.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            drop(permit);
        });
    }
}

async fn exchange(state: &Arc<State>, request: Request<Incoming>) -> Sent {
    let asked = match read(state, request).await {
        Ok(asked) => asked,
        Err(reply) => return send(reply, false, Cut::Nowhere),
    };
    if let Some(fault) = state.fault("slow", &asked.path).filter(|_| is_microsoft(&asked)) {
        time::pause(Duration::from_secs_f64(fault.number() / 1000.0)).await;
    }
    let mut reply = answer(state, &asked);
    let mut cut = Cut::Nowhere;
    if is_microsoft(&asked) {
        cut = spoil(state, &asked, &mut reply);
        reply.headers.push(("request-id".to_owned(), asked.request_id.clone()));
        if let Some(id) = asked.header("client-request-id") {
            reply.headers.push(("client-request-id".to_owned(), id.to_owned()));
        }
        let kept = [
            "client-request-id",
            "user-agent",
            "accept-encoding",
            "consistencylevel",
            "x-ms-throttle-priority",
        ];
        let headers = asked.headers.iter().filter(|(name, _)| kept.contains(&name.as_str()));
        let query =
            if asked.query.is_empty() { String::new() } else { format!("?{}", asked.query) };
        state.note(Seen {
            method: asked.method.clone(),
            path: format!("{}{query}", asked.path),
            status: if cut == Cut::Nowhere { reply.status } else { 0 },
            authorized: asked.headers.contains_key("authorization"),
            headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
        });
    }
    let gzip = asked.header("accept-encoding").is_some_and(|value| value.contains("gzip"));
    send(reply, gzip, cut)
}

async fn read(state: &State, request: Request<Incoming>) -> Result<Asked, Reply> {
    let (head, body) = request.into_parts();
    let headers: BTreeMap<_, _> = head
        .headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    let body = Limited::new(body, BODY_BYTES).collect().await;
    let body = body.map_err(|_| Reply::text(413, "too large\n"))?.to_bytes();
    Ok(Asked {
        method: head.method.to_string(),
        host: headers.get("host").cloned().unwrap_or_default(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
        request_id: guid(&mut lock(&state.chance)),
    })
}

/// Whether it goes to what is simulated, and not to the simulator itself.
fn is_microsoft(asked: &Asked) -> bool {
    asked.path != "/" && !asked.path.starts_with("/-/")
}

fn answer(state: &Arc<State>, asked: &Asked) -> Reply {
    let control = Control(Arc::clone(state));
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/") => Reply::text(
            200,
            "A simulated Microsoft for partnercenter_exporter. Nothing here is real.\n\
             GET /-/truth, GET /-/requests, POST /-/faults, POST /-/step, POST /-/turn\n",
        ),
        ("GET", "/-/truth") => Reply::json(200, &json!(control.truth())),
        ("GET", "/-/requests") => Reply::json(200, &json!(control.requests())),
        ("POST", "/-/step") => Reply::text(200, &format!("{}\n", control.step())),
        ("POST", "/-/turn") => match String::from_utf8_lossy(&asked.body).trim().parse::<u32>() {
            Ok(seconds) => {
                control.turn(Duration::from_secs(seconds.into()));
                Reply::text(200, "turned\n")
            }
            Err(_) => Reply::text(400, "write a number of seconds\n"),
        },
        ("POST", "/-/faults") => {
            let text = String::from_utf8_lossy(&asked.body);
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            match lines.map(str::parse::<Fault>).collect::<Result<Vec<_>, _>>() {
                Ok(faults) => {
                    let told = format!("{} fault(s)\n", faults.len());
                    control.set_faults(faults);
                    Reply::text(200, &told)
                }
                Err(error) => Reply::text(400, &error),
            }
        }
        ("POST", path) if path.ends_with("/oauth2/v2.0/token") => {
            let tenant = path.trim_start_matches('/').split('/').next().unwrap_or_default();
            tokens::grant(state, asked, tenant)
        }
        ("GET", "/metadata/identity/oauth2/token") => tokens::imds(state, asked),
        ("GET", "/msi/token") => tokens::app_service(state, asked),
        (_, path) if path.starts_with("/graph/") => graph::answer(state, asked),
        _ => {
            Reply::json(404, &json!({"error": {"code": "NotFound", "message": "Nothing is here"}}))
        }
    }
}

/// Plays the faults that do not care what was asked.
fn spoil(state: &State, asked: &Asked, reply: &mut Reply) -> Cut {
    let path = &asked.path;
    let is_graph = path.starts_with("/graph/");
    if let Some(fault) = state.fault("server-error", path) {
        let mut chance = lock(&state.chance);
        if chance.f64() < fault.number() {
            let status = [500, 502, 503][chance.usize(0..3)];
            *reply = Reply::json(
                status,
                &json!({"error": {"code": "serviceNotAvailable", "message": "Simulated"}}),
            );
            if status == 503 {
                reply.headers.push(("Retry-After".to_owned(), "1".to_owned()));
            }
        }
    }
    if !is_graph || reply.status != 200 {
        return Cut::Nowhere;
    }
    if state.fault("html", path).is_some() {
        reply.body =
            b"<!DOCTYPE html><html><body>Please sign in to the proxy</body></html>".to_vec();
        reply.content_type = "text/html";
    }
    if state.fault("malformed", path).is_some() {
        let half = reply.body.len() / 2;
        reply.body.truncate(half);
        reply.body.extend_from_slice(b"{\"value\":[{]");
    }
    let rows = state.fault("malformed-rows", path).map_or(0, |fault| fault.number() as usize);
    let nulls = state.fault("null-everything", path).is_some();
    if (rows > 0 || nulls)
        && let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body)
    {
        for (position, row) in body["value"].as_array_mut().into_iter().flatten().enumerate() {
            for (name, field) in row.as_object_mut().into_iter().flatten() {
                if position < rows {
                    *field = json!({"unexpected": true});
                } else if nulls && !["id", "accountEnabled"].contains(&name.as_str()) {
                    *field = Value::Null;
                }
            }
        }
        reply.body = body.to_string().into_bytes();
    }
    if state.fault("truncate", path).is_some() {
        Cut::HalfWay
    } else if state.fault("reset", path).is_some() {
        Cut::AfterHead
    } else {
        Cut::Nowhere
    }
}

fn send(reply: Reply, gzip: bool, cut: Cut) -> Sent {
    let mut body = reply.body;
    let compressed = gzip && body.len() > 256;
    if compressed {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
        // Writing into memory does not fail.
        let _ = encoder.write_all(&body);
        body = encoder.finish().unwrap_or_default();
    }
    let length = body.len();
    let mut frames: Vec<Result<Frame<Bytes>, std::io::Error>> = Vec::new();
    match cut {
        Cut::Nowhere => frames.push(Ok(Frame::data(body.into()))),
        Cut::HalfWay => {
            body.truncate(length / 2);
            frames.push(Ok(Frame::data(body.into())));
            frames.push(Err(std::io::Error::other("cut")));
        }
        Cut::AfterHead => frames.push(Err(std::io::Error::other("cut"))),
    }
    let mut response = Response::new(Frames(frames.into_iter()));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    headers.insert(CONTENT_LENGTH, length.into());
    if compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for (name, value) in &reply.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    response
}

/// Frames that are all there already; an error among them cuts the connection.
struct Frames(std::vec::IntoIter<Result<Frame<Bytes>, std::io::Error>>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(self.0.next())
    }
}
