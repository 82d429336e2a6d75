//! How we ask Microsoft: authorised, paged, paced, retried, and bounded in every direction.
//!
//! A source says what it wants with an [`Ask`]; rows come back one page at a time, so memory does
//! not grow with the number of pages. Nothing is written to Microsoft and no redirect is followed.

mod error;
mod pace;
mod page;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use url::Url;

pub use error::{FetchError, Trail};
pub use pace::{Bucket, Pacing};

use crate::clock::Clock;
use crate::oauth::{Bearer, Tokens};
use crate::telemetry::ApiMeter;
use crate::transport::{Request, Response, Transport};
use crate::wire;
use pace::Pace;

/// The API a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Microsoft Graph; paths begin with the version, `/v1.0/…` or `/beta/…`.
    Graph,
}

impl Api {
    /// The value of the label `api`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Graph => "graph",
        }
    }
}

/// What a source wants from Microsoft.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The API.
    pub api: Api,
    /// Path with version and query, as documented.
    pub path: Cow<'static, str>,
    /// The limit of Microsoft's that the path falls under.
    pub bucket: Bucket,
}

impl Ask {
    /// A path of Microsoft Graph that is known beforehand.
    pub const fn graph(path: &'static str, bucket: Bucket) -> Self {
        Self { api: Api::Graph, path: Cow::Borrowed(path), bucket }
    }

    /// A path of Microsoft Graph about one object.
    pub fn about(path: String, bucket: Bucket) -> Self {
        Self { api: Api::Graph, path: Cow::Owned(path), bucket }
    }
}

/// The bounds of one fetch.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Pages of one list.
    pub pages: u32,
    /// Rows of one list.
    pub rows: u64,
    /// Time from the first request to the last page, waits included.
    pub time: Duration,
    /// Tries for one page.
    pub tries: u32,
    /// Longest pause that is waited for within a fetch; a longer one ends it.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pages: 20_000,
            rows: 5_000_000,
            time: Duration::from_secs(3600),
            tries: 5,
            pause: Duration::from_secs(300),
        }
    }
}

/// What one tenant's client is made from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base of Microsoft Graph, to which the version is appended.
    pub graph: Url,
    /// The audience Graph tokens are asked for; differs between clouds, not between endpoints.
    pub graph_audience: String,
    /// Whether Microsoft's documented limits are kept to.
    pub pacing: Pacing,
    /// Bounds of each fetch.
    pub limits: Limits,
}

/// How many rows a list had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows read.
    pub accepted: u64,
    /// Rows that could not be read and were left out.
    pub rejected: u64,
}

impl Tally {
    /// More bad rows than a log or a directory may have: more than ten and more than one percent,
    /// or all of them.
    fn is_spoilt(self) -> bool {
        let total = self.accepted + self.rejected;
        self.rejected > 0
            && (self.accepted == 0 || (self.rejected > 10 && self.rejected * 100 > total))
    }
}

/// One tenant's client, cheap to clone. All clones share tokens, pace and connections.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    settings: Settings,
    transport: Transport,
    tokens: Tokens,
    clock: Clock,
    meter: ApiMeter,
    pace: Pace,
    /// Pages in flight in the whole process: each may hold a body and what it inflated to.
    in_flight: Arc<Semaphore>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client").field(&self.0.settings).finish()
    }
}

impl Client {
    /// A client for one tenant. `in_flight` is shared by all tenants.
    pub fn new(
        settings: Settings,
        transport: Transport,
        tokens: Tokens,
        clock: Clock,
        meter: ApiMeter,
        in_flight: Arc<Semaphore>,
    ) -> Self {
        let pace = Pace::new(settings.pacing, clock.clone());
        Self(Arc::new(Shared { settings, transport, tokens, clock, meter, pace, in_flight }))
    }

    /// One entity, bare or wrapped.
    pub async fn entity<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, FetchError> {
        let url = self.url(ask)?;
        let deadline = self.deadline();
        let response = self.page(ask, &url, deadline).await?;
        wire::entity(&response.body).map_err(|error| malformed(&response, &error))
    }

    /// How many rows the first page of a list has, for finding out whether it can be read.
    pub async fn page_of<Row: DeserializeOwned>(&self, ask: &Ask) -> Result<usize, FetchError> {
        let url = self.url(ask)?;
        let response = self.page(ask, &url, self.deadline()).await?;
        let page =
            page::read::<Row>(&response.body).map_err(|error| malformed(&response, &error))?;
        Ok(page.rows.len())
    }

    /// All rows of a list, handed over page by page.
    pub async fn list<Row: DeserializeOwned>(
        &self,
        ask: &Ask,
        mut each: impl FnMut(Row),
    ) -> Result<Tally, FetchError> {
        let limits = &self.0.settings.limits;
        let deadline = self.deadline();
        let mut tally = Tally::default();
        let mut url = self.url(ask)?;
        let mut asked = HashSet::with_hasher(foldhash::fast::RandomState::default());
        for _ in 0..limits.pages {
            let response = self.page(ask, &url, deadline).await?;
            let page =
                page::read::<Row>(&response.body).map_err(|error| malformed(&response, &error))?;
            tally.accepted += page.rows.len() as u64;
            tally.rejected += page.rejected;
            if tally.accepted + tally.rejected > limits.rows {
                return Err(FetchError::Limit { bound: "rows" });
            }
            page.rows.into_iter().for_each(&mut each);
            let Some(next) = page.next else {
                return if tally.is_spoilt() {
                    Err(FetchError::Malformed {
                        what: format!(
                            "{} of {} rows",
                            tally.rejected,
                            tally.accepted + tally.rejected
                        ),
                        trail: Trail::of(&response),
                    })
                } else {
                    Ok(tally)
                };
            };
            asked.insert(url.to_string());
            url = self.next(&url, &next, &response)?;
            if asked.contains(url.as_str()) {
                return Err(FetchError::Limit { bound: "pages: a nextLink leads back" });
            }
        }
        Err(FetchError::Limit { bound: "pages" })
    }

    fn deadline(&self) -> Duration {
        self.0.clock.uptime().saturating_add(self.0.settings.limits.time)
    }

    fn url(&self, ask: &Ask) -> Result<Url, FetchError> {
        let base = match ask.api {
            Api::Graph => &self.0.settings.graph,
        };
        let whole = format!("{}{}", base.as_str().trim_end_matches('/'), ask.path);
        Url::parse(&whole).map_err(|_| FetchError::Internal)
    }

    /// A nextLink, taken as it is, but only to the host that was asked: the next request carries
    /// a bearer token.
    fn next(&self, asked: &Url, link: &str, response: &Response) -> Result<Url, FetchError> {
        let next = asked.join(link).map_err(|_| FetchError::Malformed {
            what: "a nextLink that is no URL".to_owned(),
            trail: Trail::of(response),
        })?;
        if next.origin() == asked.origin() {
            Ok(next)
        } else {
            Err(FetchError::ForeignLink { host: next.host_str().unwrap_or("none").to_owned() })
        }
    }

    /// One page, tried until it is had, refused for good, or out of bounds.
    async fn page(&self, ask: &Ask, url: &Url, deadline: Duration) -> Result<Response, FetchError> {
        let Shared { clock, meter, pace, settings, .. } = &*self.0;
        let limits = &settings.limits;
        let mut renewed = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let held = pace.held(ask.bucket);
            if held > limits.pause {
                let trail = Trail::words("held_up");
                return Err(FetchError::Throttled { retry_after: Some(held), trail });
            }
            let slot = pace.slot(ask.bucket);
            if slot > deadline {
                return Err(FetchError::Limit { bound: "time" });
            }
            clock.sleep_until(slot).await;
            let (bearer, outcome) = self.attempt(url).await;
            let failure = match outcome {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            if let (FetchError::Unauthorized { .. }, Some(bearer), false) =
                (&failure, &bearer, renewed)
            {
                // A token may die before its time: one fresh one is worth a try.
                renewed = true;
                tries -= 1;
                self.0.tokens.forget(&settings.graph_audience, bearer);
                continue;
            }
            // Without a token nothing was asked here, and whoever asks for tokens has tried again.
            if bearer.is_none() || !failure.is_passing() || tries >= limits.tries {
                return Err(failure);
            }
            let pause = failure.retry_after().unwrap_or_else(|| back_off(tries));
            if let FetchError::Throttled { .. } = failure {
                pace.hold(ask.bucket, pause);
            }
            if pause > limits.pause || clock.uptime().saturating_add(pause) > deadline {
                return Err(failure);
            }
            tracing::debug!(
                path = %ask.path,
                reason = failure.reason(),
                wait_seconds = pause.as_secs_f64(),
                "asking again"
            );
            meter.waits(pause);
            clock.sleep(pause).await;
        }
    }

    /// One request. The bearer used is handed back, so that a refused one can be forgotten.
    async fn attempt(&self, url: &Url) -> (Option<Bearer>, Result<Response, FetchError>) {
        let Shared { clock, meter, settings, transport, tokens, in_flight, .. } = &*self.0;
        let bearer = match tokens.bearer(&settings.graph_audience).await {
            Ok(bearer) => bearer,
            Err(error) => return (None, Err(FetchError::of_token(&error))),
        };
        let correlation = random_guid();
        let request =
            Request { headers: headers(&bearer, &correlation), ..Request::get(url.clone()) };
        let asked = clock.uptime();
        let outcome = match transport.send(request, Some(in_flight)).await {
            Ok(response) => match error::refusal(&response, clock.now()) {
                Some(error) => Err(error),
                None => Ok(response),
            },
            Err(error) => Err(FetchError::of_transport(&error, correlation)),
        };
        let took = clock.uptime().saturating_sub(asked);
        meter.asked(took, outcome.as_ref().err().map(FetchError::reason));
        (Some(bearer), outcome)
    }
}

/// Sent anew on every page, since a nextLink carries none of them.
fn headers(bearer: &Bearer, correlation: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, bearer.header());
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Ok(correlation) = HeaderValue::from_str(correlation) {
        headers.insert(HeaderName::from_static("client-request-id"), correlation);
    }
    // Of the tenant's callers we are the one that can wait.
    headers
        .insert(HeaderName::from_static("x-ms-throttle-priority"), HeaderValue::from_static("Low"));
    headers
}

fn malformed(response: &Response, error: &serde_json::Error) -> FetchError {
    let what = if response.body.trim_ascii_start().starts_with(b"<") {
        "an HTML page instead of JSON".to_owned()
    } else {
        // The category and place only: the message may quote what a row says.
        format!("{:?} error in line {} column {}", error.classify(), error.line(), error.column())
    };
    FetchError::Malformed { what, trail: Trail::of(response) }
}

/// One second, doubled with each try, up to a minute, and up to half as much again by chance.
fn back_off(tries: u32) -> Duration {
    let seconds = 2_f64.powi(i32::try_from(tries.min(7)).unwrap_or(7) - 1).min(60.0);
    Duration::from_secs_f64(seconds * (1.0 + fastrand::f64() / 2.0))
}

/// A version 4 GUID to find our request by in Microsoft's logs. Not a secret.
fn random_guid() -> String {
    let bits = fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    wire::ObjectId::Guid(bits.to_be_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_spoilt_by_many_bad_rows_or_by_nothing_but_bad_rows() {
        let spoilt = |accepted, rejected| Tally { accepted, rejected }.is_spoilt();
        assert!(!spoilt(0, 0));
        assert!(!spoilt(5, 10), "ten bad rows are tolerated");
        assert!(!spoilt(1_089, 11), "one percent is tolerated");
        assert!(spoilt(1_088, 11));
        assert!(spoilt(0, 1), "nothing could be read");
    }

    #[test]
    fn the_guid_has_its_version_and_variant() {
        for _ in 0..64 {
            let guid = random_guid();
            assert_eq!(guid.as_bytes()[14], b'4', "{guid}");
            assert!(b"89ab".contains(&guid.as_bytes()[19]), "{guid}");
        }
    }

    #[test]
    fn back_off_doubles_and_stays_bounded() {
        for (tries, from) in [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (40, 60.0)] {
            let seconds = back_off(tries).as_secs_f64();
            assert!((from..=from * 1.5).contains(&seconds), "{tries}: {seconds}");
        }
    }
}
