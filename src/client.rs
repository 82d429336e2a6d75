//! How we ask Microsoft: authorised, paged, paced, retried, and bounded in every direction.
//!
//! A source says what it wants with an [`Ask`]; rows come back one page at a time, so memory does
//! not grow with the number of pages. Nothing is written to Microsoft and no redirect is followed,
//! but for reports that lie elsewhere, and then with nothing of ours.

mod download;
mod error;
mod pace;
mod page;
mod pages;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use url::Url;

pub use error::{FetchError, PartnerRefusal, Trail};
pub use pace::{Bucket, Pacing};
pub use pages::{Allowance, Pages, Unreadable};

use crate::clock::Clock;
use crate::oauth::{Bearer, Tokens};
use crate::telemetry::ApiMeter;
use crate::transport::{Request, Response, Transport};
use crate::wire;
use download::Download;
use pace::Pace;
use page::Next;

/// The API a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Microsoft Graph; paths begin with the version, `/v1.0/…` or `/beta/…`.
    Graph,
    /// Partner Center; paths begin with `/v1/…`.
    PartnerCenter,
    /// The service behind Partner Center's page of administrative relationships, a host and an audience of
    /// its own; paths begin with `/v1/…`.
    Dap,
    /// Nobody's: a file that the operator points at.
    File,
    /// Where tokens are had. The room `oauth` speaks to it, no path of it is asked for here.
    Login,
}

impl Api {
    /// The value of the label `api`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::PartnerCenter => "partner_center",
            Self::Dap => "dap",
            Self::File => "file",
            Self::Login => "login",
        }
    }
}

/// In whose name Microsoft is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The application by itself ("app-only").
    Application,
    /// The application for the person who consented with MFA ("app+user", the Secure Application
    /// Model).
    AppUser,
}

/// Headers of one question, beside those that all questions have.
pub type Headers = &'static [(&'static str, &'static str)];

/// What a source wants from Microsoft.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The API.
    pub api: Api,
    /// Path with version and query, as documented.
    pub path: Cow<'static, str>,
    /// The limit of Microsoft's that the path falls under.
    pub bucket: Bucket,
    /// In whose name.
    pub who: Who,
    /// Headers this path wants.
    pub headers: Headers,
}

impl Ask {
    /// A path of Microsoft Graph that is known beforehand.
    pub const fn graph(path: &'static str, bucket: Bucket) -> Self {
        let path = Cow::Borrowed(path);
        Self { api: Api::Graph, path, bucket, who: Who::Application, headers: &[] }
    }

    /// A path of Microsoft Graph about one object.
    pub fn about(path: String, bucket: Bucket) -> Self {
        Self { path: Cow::Owned(path), ..Self::graph("", bucket) }
    }

    /// A usage report of Microsoft 365, to be had by [`Client::report`].
    pub const fn report(path: &'static str) -> Self {
        // The report itself is CSV, what is said instead of it JSON.
        let (api, bucket, path) = (Api::Graph, Bucket::Usage, Cow::Borrowed(path));
        Self { api, path, bucket, who: Who::Application, headers: &[("accept", "*/*")] }
    }

    /// A path of the authority, which the room `oauth` asks: for whoever documents it.
    pub const fn login(path: &'static str) -> Self {
        let (api, bucket) = (Api::Login, Bucket::PartnerCenter);
        Self { api, path: Cow::Borrowed(path), bucket, who: Who::AppUser, headers: &[] }
    }

    /// A path of Graph's partner security API, which answers to people with MFA only.
    pub const fn partner_security(path: &'static str) -> Self {
        let (api, bucket) = (Api::Graph, Bucket::PartnerSecurity);
        Self { api, path: Cow::Borrowed(path), bucket, who: Who::AppUser, headers: &[] }
    }

    /// A path of Partner Center that answers to people only.
    pub const fn partner_center(path: &'static str, headers: Headers) -> Self {
        let (api, bucket) = (Api::PartnerCenter, Bucket::PartnerCenter);
        Self { api, path: Cow::Borrowed(path), bucket, who: Who::AppUser, headers }
    }

    /// A path of Partner Center that answers to the application alone, too.
    pub const fn registered(path: &'static str) -> Self {
        let (api, bucket) = (Api::PartnerCenter, Bucket::PartnerCenter);
        Self { api, path: Cow::Borrowed(path), bucket, who: Who::Application, headers: &[] }
    }

    /// A path of the service behind the page of administrative relationships.
    pub const fn dap(path: &'static str) -> Self {
        let (api, bucket) = (Api::Dap, Bucket::Dap);
        Self { api, path: Cow::Borrowed(path), bucket, who: Who::AppUser, headers: &[] }
    }

    /// A file, by the key of the configuration that names it.
    pub const fn file(key: &'static str) -> Self {
        let (api, bucket) = (Api::File, Bucket::PartnerCenter);
        Self { api, path: Cow::Borrowed(key), bucket, who: Who::Application, headers: &[] }
    }

    /// The same question about one object.
    pub fn of(&self, path: String) -> Self {
        Self { path: Cow::Owned(path), ..self.clone() }
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
    /// Base of Partner Center, to which the version is appended.
    pub partner_center: Url,
    /// The audience Partner Center's tokens are asked for.
    pub partner_center_audience: String,
    /// Base of the service behind the page of administrative relationships.
    pub dap: Url,
    /// Whether Microsoft's documented limits are kept to.
    pub pacing: Pacing,
    /// Bounds of each fetch.
    pub limits: Limits,
}

/// The audience of the service behind the page of administrative relationships.
/// Source: List the delegated admin customers of a partner.
const DAP_AUDIENCE: &str = "https://api.partnercustomeradministration.microsoft.com";

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
        self.is_all_bad() || self.has_many_bad()
    }

    /// More than ten bad rows and more than one percent, which is no accident.
    pub fn has_many_bad(self) -> bool {
        self.rejected > 10 && self.rejected * 100 > self.accepted + self.rejected
    }

    /// Adds what another list had.
    pub fn add(&mut self, more: Self) {
        self.accepted += more.accepted;
        self.rejected += more.rejected;
    }

    /// Rows there are, and none that could be read: nothing is known of such a list, least of all
    /// that it is empty.
    pub fn is_all_bad(self) -> bool {
        self.accepted == 0 && self.rejected > 0
    }
}

/// One tenant's client, cheap to clone. All clones share tokens, pace and connections.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    settings: Settings,
    transport: Transport,
    identities: Identities,
    clock: Clock,
    meters: Meters,
    pace: Pace,
    /// Pages in flight in the whole process: each may hold a body and what it inflated to.
    in_flight: Arc<Semaphore>,
}

/// In whose names a tenant can be asked.
#[derive(Debug, Clone)]
pub struct Identities {
    /// The application by itself.
    pub application: Tokens,
    /// The application for a person, where that is configured.
    pub app_user: Option<Tokens>,
}

/// Who counts what is asked of each API.
#[derive(Debug, Clone)]
pub struct Meters {
    /// Microsoft Graph.
    pub graph: ApiMeter,
    /// Partner Center.
    pub partner_center: ApiMeter,
    /// The service behind the page of administrative relationships.
    pub dap: ApiMeter,
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
        identities: Identities,
        clock: Clock,
        meters: Meters,
        in_flight: Arc<Semaphore>,
    ) -> Self {
        let pace = Pace::new(settings.pacing, clock.clone());
        Self(Arc::new(Shared { settings, transport, identities, clock, meters, pace, in_flight }))
    }

    /// The tokens of the person who consented, where that is configured.
    pub fn app_user(&self) -> Option<&Tokens> {
        self.0.identities.app_user.as_ref()
    }

    /// The audience Partner Center's tokens are asked for.
    pub fn partner_center_audience(&self) -> &str {
        &self.0.settings.partner_center_audience
    }

    /// One entity, bare or wrapped.
    pub async fn entity<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, FetchError> {
        let response = self.page(ask, &self.place(ask)?, self.deadline()).await?;
        wire::entity(&response.body).map_err(|error| malformed(&response, &error))
    }

    /// The bytes of a report, which Graph does not send by itself: it says where the report lies.
    pub async fn report(&self, ask: &Ask) -> Result<Vec<u8>, FetchError> {
        let place = self.place(ask)?;
        let response = self.answer(ask, &place, self.deadline(), Answers::Elsewhere).await?;
        Ok(response.body)
    }

    /// The headers of an answer, for what stands there and nowhere else.
    pub async fn headers(&self, ask: &Ask) -> Result<HeaderMap, FetchError> {
        Ok(self.page(ask, &self.place(ask)?, self.deadline()).await?.headers)
    }

    /// How many rows the first page of a list has, for finding out whether it can be read.
    pub async fn page_of<Row: DeserializeOwned>(&self, ask: &Ask) -> Result<usize, FetchError> {
        Ok(self.rows::<Row>(ask).await?.0.len())
    }

    /// The rows of one page, and how many could not be read: for lists whose pages are asked for by
    /// number.
    pub async fn rows<Row: DeserializeOwned>(
        &self,
        ask: &Ask,
    ) -> Result<(Vec<Row>, u64), FetchError> {
        let response = self.page(ask, &self.place(ask)?, self.deadline()).await?;
        let page = page::read::<Row>(&response.body, ask.api)
            .map_err(|error| malformed(&response, &error))?;
        Ok((page.rows, page.rejected))
    }

    /// All rows of a list, handed over page by page. With too many bad rows it is no list.
    pub async fn list<Row: DeserializeOwned>(
        &self,
        ask: &Ask,
        mut each: impl FnMut(Row),
    ) -> Result<Tally, FetchError> {
        self.list_of_new(ask, |row| {
            each(row);
            true
        })
        .await
    }

    /// The same for lists that may begin again without end: `each` says whether a row is new, and a
    /// page with rows of which none is ends it.
    pub async fn list_of_new<Row: DeserializeOwned>(
        &self,
        ask: &Ask,
        each: impl FnMut(Row) -> bool,
    ) -> Result<Tally, FetchError> {
        let (tally, last) = self.walk(ask, each).await?;
        if tally.is_spoilt() { Err(bad_rows(tally, &last)) } else { Ok(tally) }
    }

    /// All rows of a list that can be read, however many cannot, unless none can: for lists of which
    /// each row is worth having. Whoever asks must say that some are missing.
    pub async fn salvage<Row: DeserializeOwned>(
        &self,
        ask: &Ask,
        mut each: impl FnMut(Row),
    ) -> Result<Tally, FetchError> {
        let is_new = |row| {
            each(row);
            true
        };
        let (tally, last) = self.walk(ask, is_new).await?;
        if tally.is_all_bad() { Err(bad_rows(tally, &last)) } else { Ok(tally) }
    }

    /// Every page of a list, to the last, which is handed back.
    async fn walk<Row: DeserializeOwned>(
        &self,
        ask: &Ask,
        mut each: impl FnMut(Row) -> bool,
    ) -> Result<(Tally, Response), FetchError> {
        let limits = &self.0.settings.limits;
        let deadline = self.deadline();
        let mut tally = Tally::default();
        let mut place = self.place(ask)?;
        let mut asked = HashSet::with_hasher(foldhash::fast::RandomState::default());
        for _ in 0..limits.pages {
            let response = self.page(ask, &place, deadline).await?;
            let page = page::read::<Row>(&response.body, ask.api)
                .map_err(|error| malformed(&response, &error))?;
            tally.accepted += page.rows.len() as u64;
            tally.rejected += page.rejected;
            if tally.accepted + tally.rejected > limits.rows {
                return Err(FetchError::Limit { bound: "rows" });
            }
            let (rows, mut are_new) = (page.rows.len(), 0);
            page.rows.into_iter().for_each(|row| are_new += usize::from(each(row)));
            if rows > 0 && are_new == 0 {
                return Err(FetchError::Limit { bound: "pages: they repeat" });
            }
            let Some(next) = page.next else { return Ok((tally, response)) };
            let next = self.next(ask, &place, next, &response)?;
            asked.insert(place);
            if asked.contains(&next) {
                return Err(FetchError::Limit { bound: "pages: a nextLink leads back" });
            }
            place = next;
        }
        Err(FetchError::Limit { bound: "pages" })
    }

    fn deadline(&self) -> Duration {
        self.0.clock.uptime().saturating_add(self.0.settings.limits.time)
    }

    /// Where a list or an entity begins.
    fn place(&self, ask: &Ask) -> Result<Place, FetchError> {
        let base = match ask.api {
            Api::Graph => &self.0.settings.graph,
            Api::PartnerCenter => &self.0.settings.partner_center,
            Api::Dap => &self.0.settings.dap,
            Api::Login | Api::File => return Err(FetchError::Internal),
        };
        let url = below(base, &ask.path).map_err(|_| FetchError::Internal)?;
        Ok(Place { url, continuation: None })
    }

    /// Where a list goes on: taken as it is, but only at the host that was asked, since the next
    /// request carries a bearer token.
    fn next(
        &self,
        ask: &Ask,
        asked: &Place,
        next: Next,
        response: &Response,
    ) -> Result<Place, FetchError> {
        let url = match next.link.strip_prefix('/') {
            // Partner Center's links are relative to its base, with the version or without.
            Some(path) if ask.api == Api::PartnerCenter && !path.starts_with('/') => {
                let path = path.strip_prefix("v1/").unwrap_or(path);
                below(&self.0.settings.partner_center, &format!("/v1/{path}"))
            }
            _ => asked.url.join(&next.link),
        };
        let url = url.map_err(|_| FetchError::Malformed {
            what: "a nextLink that is no URL".to_owned(),
            trail: Trail::of(response),
        })?;
        if url.origin() == asked.url.origin() {
            Ok(Place { url, continuation: next.continuation })
        } else {
            Err(FetchError::ForeignLink { host: url.host_str().unwrap_or("none").to_owned() })
        }
    }

    /// Whose tokens a question is asked with, and for which audience.
    fn identity(&self, ask: &Ask) -> Result<(&Tokens, &str), FetchError> {
        let Shared { settings, identities, .. } = &*self.0;
        let tokens = match ask.who {
            Who::Application => &identities.application,
            Who::AppUser => identities.app_user.as_ref().ok_or(FetchError::Internal)?,
        };
        let audience = match ask.api {
            Api::Graph => &settings.graph_audience,
            Api::PartnerCenter | Api::Login | Api::File => &settings.partner_center_audience,
            Api::Dap => DAP_AUDIENCE,
        };
        Ok((tokens, audience))
    }

    fn meter(&self, ask: &Ask) -> &ApiMeter {
        match ask.api {
            Api::Graph => &self.0.meters.graph,
            Api::PartnerCenter | Api::Login | Api::File => &self.0.meters.partner_center,
            Api::Dap => &self.0.meters.dap,
        }
    }

    /// One page.
    async fn page(
        &self,
        ask: &Ask,
        place: &Place,
        deadline: Duration,
    ) -> Result<Response, FetchError> {
        self.answer(ask, place, deadline, Answers::Here).await
    }

    /// One answer, tried until it is had, refused for good, or out of bounds.
    async fn answer(
        &self,
        ask: &Ask,
        place: &Place,
        deadline: Duration,
        answers: Answers,
    ) -> Result<Response, FetchError> {
        let Shared { clock, pace, settings, .. } = &*self.0;
        let limits = &settings.limits;
        let (tokens, audience) = self.identity(ask)?;
        // The same at each try, by which Partner Center knows a question that is asked again.
        let request_id = random_guid();
        let mut renewed = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let held = pace.held(ask.bucket);
            if held > limits.pause {
                let trail = Trail::words("held_up");
                return Err(FetchError::Throttled { retry_after: Some(held), trail });
            }
            // The token first: a request that waited for one after its slot would come too close to the
            // next.
            if let Err(error) = tokens.bearer(audience).await {
                return Err(FetchError::of_token(&error));
            }
            let slot = pace.slot(ask.bucket);
            if slot > deadline {
                return Err(FetchError::Limit { bound: "time" });
            }
            clock.sleep_until(slot).await;
            let (bearer, outcome) = self.attempt(ask, place, &request_id, answers).await;
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
                tokens.forget(audience, bearer);
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
            self.meter(ask).waits(pause);
            clock.sleep(pause).await;
        }
    }

    /// One request, and the one it leads to. The bearer used is handed back, so that a refused one
    /// can be forgotten.
    async fn attempt(
        &self,
        ask: &Ask,
        place: &Place,
        request_id: &str,
        answers: Answers,
    ) -> (Option<Bearer>, Result<Response, FetchError>) {
        let bearer = match self.identity(ask) {
            Ok((tokens, audience)) => tokens.bearer(audience).await,
            Err(error) => return (None, Err(error)),
        };
        let bearer = match bearer {
            Ok(bearer) => bearer,
            Err(error) => return (None, Err(FetchError::of_token(&error))),
        };
        let correlation = random_guid();
        let headers = headers(ask, place, &bearer, &correlation, request_id);
        let request = Request { headers, ..Request::get(place.url.clone()) };
        let outcome = match answers {
            Answers::Here => self.exchange(ask, request, &correlation, error::refusal).await,
            Answers::Elsewhere => self.follow(ask, request, &correlation).await,
        };
        (Some(bearer), outcome)
    }

    /// A request whose answer may lie elsewhere. It is followed there once, and no further.
    async fn follow(
        &self,
        ask: &Ask,
        request: Request,
        correlation: &str,
    ) -> Result<Response, FetchError> {
        let asked = request.url.clone();
        let answer = self.exchange(ask, request, correlation, download::refusal_to_say).await?;
        match Download::of(&answer, &asked)? {
            None => Ok(answer),
            Some(it) => {
                self.exchange(ask, it.request(), correlation, download::refusal_to_give).await
            }
        }
    }

    /// One request and its answer, counted, and read as `refusal` reads it.
    async fn exchange(
        &self,
        ask: &Ask,
        request: Request,
        correlation: &str,
        refusal: fn(&Response, Timestamp) -> Option<FetchError>,
    ) -> Result<Response, FetchError> {
        let Shared { clock, transport, in_flight, .. } = &*self.0;
        let asked = clock.uptime();
        let outcome = match transport.send(request, Some(in_flight)).await {
            Ok(response) => match refusal(&response, clock.now()) {
                Some(error) => Err(error),
                None => Ok(response),
            },
            Err(error) => Err(FetchError::of_transport(&error, correlation.to_owned())),
        };
        let took = clock.uptime().saturating_sub(asked);
        self.meter(ask).asked(took, outcome.as_ref().err().map(FetchError::reason));
        outcome
    }
}

/// Where what is asked for comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// Whoever was asked.
    Here,
    /// A place that whoever was asked names.
    Elsewhere,
}

/// Where one page stands: its address, and what Partner Center wants to be told beside.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    url: Url,
    continuation: Option<String>,
}

/// A path with its query below a base, which may have a path of its own.
fn below(base: &Url, path: &str) -> Result<Url, url::ParseError> {
    Url::parse(&format!("{}{path}", base.as_str().trim_end_matches('/')))
}

/// Sent anew on every page, since a nextLink carries none of them.
fn headers(
    ask: &Ask,
    place: &Place,
    bearer: &Bearer,
    correlation: &str,
    request_id: &str,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, bearer.header());
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let mut insert = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    match ask.api {
        Api::PartnerCenter => {
            insert("ms-correlationid", correlation);
            insert("ms-requestid", request_id);
            insert("ms-contract-version", "v1");
            insert("ms-partnercenter-application", "partnercenter_exporter");
            insert("x-locale", "en-US");
        }
        Api::Graph | Api::Dap | Api::Login | Api::File => {
            insert("client-request-id", correlation);
            // Of the tenant's callers we are the one that can wait.
            insert("x-ms-throttle-priority", "Low");
        }
    }
    for (name, value) in ask.headers {
        insert(name, value);
    }
    if let Some(token) = &place.continuation {
        insert("ms-continuationtoken", token);
    }
    headers
}

/// A list that is none for its bad rows.
fn bad_rows(Tally { accepted, rejected }: Tally, last: &Response) -> FetchError {
    let what = format!("{rejected} of {} rows", accepted + rejected);
    FetchError::Malformed { what, trail: Trail::of(last) }
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

/// The rows of a page that has to be without fault, read as [`Client::list`] reads them. Of the two
/// APIs Partner Center is the one that uses every form a list may have.
#[cfg(test)]
pub(crate) fn rows_of<Row: DeserializeOwned>(body: &[u8]) -> Vec<Row> {
    let page = page::read(body, Api::PartnerCenter).unwrap();
    assert_eq!(page.rejected, 0);
    page.rows
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
