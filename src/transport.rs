//! How bytes travel: one pooled HTTP client with bounds on everything, and bodies inflated in one go.
//!
//! `oauth` and `client` speak through it; nobody else speaks outward. It follows no redirect and
//! retries nothing: who asked decides.

use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flate2::{FlushDecompress, Status};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::Semaphore;
use url::Url;

/// What the operator may say about the way out.
#[derive(Clone)]
pub struct Settings {
    /// Proxy for all requests but those to instance metadata; `None` leaves `HTTPS_PROXY`,
    /// `HTTP_PROXY` and `NO_PROXY` to decide.
    pub proxy: Option<Url>,
    /// PEM file with further certificate authorities to trust, beside the machine's own.
    pub ca_file: Option<PathBuf>,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long the peer may stay silent in the middle of an answer.
    pub read_timeout: Duration,
    /// How long a whole exchange may take.
    pub timeout: Duration,
    /// Largest body accepted as received, in bytes.
    pub body_bytes: usize,
    /// Largest body accepted after inflating, in bytes.
    pub inflated_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            proxy: None,
            ca_file: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            timeout: Duration::from_secs(120),
            body_bytes: 16 << 20,
            inflated_bytes: 64 << 20,
        }
    }
}

impl fmt::Debug for Settings {
    /// A proxy's address may hold a password, so only its host is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("proxy", &self.proxy.as_ref().and_then(Url::host_str))
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}

/// The way out, cheap to clone; all clones share one pool of connections.
#[derive(Clone)]
pub struct Transport {
    routed: reqwest::Client,
    direct: reqwest::Client,
    body_bytes: usize,
    inflated_bytes: usize,
}

/// One question. Its headers may hold a bearer token, and where a report lies path and query are as
/// good as one, so it prints as method and host only.
pub struct Request {
    /// `GET`, or `POST` where tokens are had; `PUT` only to keep a grant in Key Vault.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Sent as they are; `Accept-Encoding: gzip` is added.
    pub headers: HeaderMap,
    /// A form, or empty.
    pub body: Vec<u8>,
    /// Whether the configured proxy is passed by (instance metadata must never go through one).
    pub direct: bool,
}

impl Request {
    /// A `GET` without headers.
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Vec::new(),
            direct: false,
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url.host_str().unwrap_or("-"))
    }
}

/// A whole answer, inflated.
pub struct Response {
    /// Status of the answer; redirects come back as such.
    pub status: StatusCode,
    /// Headers as received.
    pub headers: HeaderMap,
    /// The body, inflated if it came compressed.
    pub body: Vec<u8>,
}

/// Why no whole answer was had. Nothing here holds an address with a query, a header or a body.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection: name not found, refused, TLS refused.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The peer did not finish in time.
    #[error("no whole answer in time")]
    Timeout,
    /// The connection broke before the answer was whole.
    #[error("connection broke off: {0}")]
    Broken(String),
    /// The body is larger than the bound.
    #[error("answer larger than {bound_bytes} bytes")]
    TooLarge {
        /// The bound that was hit.
        bound_bytes: usize,
    },
    /// The compressed body does not inflate.
    #[error("compressed answer is damaged or cut short")]
    Damaged,
}

/// Why the way out could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The file with further authorities cannot be used.
    #[error("cannot use {}: {reason}; give a PEM file with at least one CERTIFICATE block", path.display())]
    CaFile {
        /// The file as configured.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The proxy's address cannot be used.
    #[error("cannot use the configured proxy; give a URL like http://proxy.example.com:3128")]
    Proxy,
    /// TLS could not be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
}

impl Transport {
    /// Makes the pool. Reads the trust store, opens no connection.
    pub fn new(settings: &Settings) -> Result<Self, TransportError> {
        let tls = tls_config(settings)?;
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .connect_timeout(settings.connect_timeout)
                .read_timeout(settings.read_timeout)
                .timeout(settings.timeout)
                .pool_max_idle_per_host(8)
                .user_agent(concat!("partnercenter_exporter/", env!("CARGO_PKG_VERSION")))
        };
        let routed = match &settings.proxy {
            Some(proxy) => {
                let proxy =
                    reqwest::Proxy::all(proxy.as_str()).map_err(|_| TransportError::Proxy)?;
                builder().proxy(proxy.no_proxy(reqwest::NoProxy::from_env()))
            }
            None => builder(),
        };
        let build = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| TransportError::Tls(innermost(&error)))
        };
        Ok(Self {
            routed: build(routed)?,
            direct: build(builder().no_proxy())?,
            body_bytes: settings.body_bytes,
            inflated_bytes: settings.inflated_bytes,
        })
    }

    /// Asks once and waits for the whole answer. `room` bounds the answers that are being read at
    /// once; whoever has not begun to answer takes no place in it.
    pub async fn send(
        &self,
        request: Request,
        room: Option<&Semaphore>,
    ) -> Result<Response, SendError> {
        let direct = request.direct || is_loopback(&request.url);
        let client = if direct { &self.direct } else { &self.routed };
        let mut asked = reqwest::Request::new(request.method, request.url);
        *asked.headers_mut() = request.headers;
        asked.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        if !request.body.is_empty() {
            *asked.body_mut() = Some(request.body.into());
        }
        let mut answer = client.execute(asked).await.map_err(send_error)?;
        let _place = match room {
            Some(room) => room.acquire().await.ok(),
            None => None,
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = match self.body(&mut answer, &headers).await {
            // A refusal says enough by its status and headers, whatever became of its words.
            Err(SendError::Damaged | SendError::Broken(_)) if !status.is_success() => Vec::new(),
            body => body?,
        };
        Ok(Response { status, headers, body })
    }

    async fn body(
        &self,
        answer: &mut reqwest::Response,
        headers: &HeaderMap,
    ) -> Result<Vec<u8>, SendError> {
        // What the head promises is made room for, up to the bound; only what comes counts.
        let promised = answer.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = Vec::with_capacity(promised.unwrap_or_default().min(self.body_bytes));
        while let Some(chunk) = answer.chunk().await.map_err(send_error)? {
            if body.len() + chunk.len() > self.body_bytes {
                return Err(SendError::TooLarge { bound_bytes: self.body_bytes });
            }
            body.extend_from_slice(&chunk);
        }
        if is_gzip(headers) { inflate(&body, self.inflated_bytes) } else { Ok(body) }
    }
}

/// Whether a host is this machine, so that plain HTTP is allowed and no proxy is asked.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

fn tls_config(settings: &Settings) -> Result<rustls::ClientConfig, TransportError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = &settings.ca_file {
        let refuse = |reason: String| TransportError::CaFile { path: path.clone(), reason };
        let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|_| refuse("not PEM".to_owned()))?;
            roots.add(certificate).map_err(|_| refuse("not a certificate".to_owned()))?;
            added += 1;
        }
        if added == 0 {
            return Err(refuse("no certificate in it".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TransportError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A preconfigured backend is taken as it is. Keep-alive does as well as HTTP/2 here.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn is_gzip(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"gzip"))
}

/// Inflates a finished body, members joined end to end included, and checks its trailer.
fn inflate(body: &[u8], bound_bytes: usize) -> Result<Vec<u8>, SendError> {
    if let Some(inflated) = inflate_at_once(body, bound_bytes) {
        return Ok(inflated);
    }
    let mut inflated = Vec::with_capacity(body.len().saturating_mul(9).min(bound_bytes));
    flate2::bufread::MultiGzDecoder::new(body)
        .take(bound_bytes as u64 + 1)
        .read_to_end(&mut inflated)
        .map_err(|_| SendError::Damaged)?;
    if inflated.len() > bound_bytes {
        return Err(SendError::TooLarge { bound_bytes });
    }
    Ok(inflated)
}

/// The same for a body of one member that ends with its true size, as nearly all do: without a
/// window beside what is written. Anything else is `None`.
fn inflate_at_once(body: &[u8], bound_bytes: usize) -> Option<Vec<u8>> {
    let size = usize::try_from(u32::from_le_bytes(*body.last_chunk()?)).ok()?;
    // Deflate makes a thousandth of what it is given, at the very best.
    if size > bound_bytes || size / 1032 > body.len() {
        return None;
    }
    let mut inflated = Vec::with_capacity(size);
    let mut inflater = flate2::Decompress::new_gzip(15);
    let status = inflater.decompress_vec(body, &mut inflated, FlushDecompress::Finish).ok()?;
    let is_whole = status == Status::StreamEnd && inflater.total_in() == body.len() as u64;
    is_whole.then_some(inflated)
}

fn send_error(error: reqwest::Error) -> SendError {
    // The address may carry a $skiptoken; only the cause is kept.
    let error = error.without_url();
    if error.is_timeout() {
        SendError::Timeout
    } else if error.is_connect() {
        SendError::Connect(innermost(&error))
    } else {
        SendError::Broken(innermost(&error))
    }
}

/// The text of the cause at the bottom, which is the one that says something.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_body_that_inflates_past_the_bound_is_refused() {
        let bomb = gzip(&vec![b'a'; 100_000]);
        assert!(bomb.len() < 1_000);
        assert!(matches!(inflate(&bomb, 99_999), Err(SendError::TooLarge { bound_bytes: 99_999 })));
        assert_eq!(inflate(&bomb, 100_000).unwrap().len(), 100_000);
    }

    #[test]
    fn a_body_cut_short_is_damaged_and_not_half_read() {
        let whole = gzip(br#"{"value":[]}"#);
        for end in 1..whole.len() {
            assert!(
                matches!(inflate(&whole[..end], 1000), Err(SendError::Damaged)),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn joined_members_inflate_to_their_sum() {
        let joined = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(inflate(&joined, 100).unwrap(), b"one two");
    }

    #[test]
    fn loopback_is_told_by_address_and_by_name() {
        let is = |url: &str| is_loopback(&Url::parse(url).unwrap());
        assert!(
            is("http://127.0.0.1:4010/graph") && is("http://[::1]/") && is("http://LOCALHOST:1/")
        );
        assert!(!is("http://10.0.0.1/") && !is("https://localhost.example.com/"));
    }

    #[test]
    fn a_request_prints_neither_path_nor_query_nor_headers() {
        let mut request = Request::get(Url::parse("https://h/planted?$skiptoken=tok").unwrap());
        request.headers.insert("authorization", HeaderValue::from_static("Bearer planted"));
        assert_eq!(format!("{request:?}"), "GET h");
    }
}
