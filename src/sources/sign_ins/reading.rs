//! One reading: windows asked for until all is read, or enough for once.

use std::time::Duration;

use jiff::Timestamp;

use super::applications::Home;
use super::hour::Kind;
use super::log::{Log, Tally};
use super::row::{self, Page};
use super::window::{MOST_PAGES, Span, Window};
use crate::client::{self, Ask, Bucket, Client, FetchError};

/// No window is begun after this many pages, so that a reading has no more than 180.
const PAGES: u32 = 140;

/// The first reading of a process is short, so that readiness does not wait for a month of rows; a
/// quiet tenant's whole week fits in.
const FIRST_PAGES: u32 = 10;

/// No window is begun after this long, so that a reading takes no more than ten minutes.
const TIME: Duration = Duration::from_secs(8 * 60);

/// Rows of a page, as many as Graph gives.
const PAGE: u32 = 1_000;

/// How long after a refusal beta is tried again.
const BETA_AGAIN: i64 = 3_600;

/// The last day of the thirty, in seconds ago: from, and until.
/// Source: Microsoft Entra, data retention: 30 days with P1 or P2, 7 without.
const LAST_DAY: (i64, i64) = (29 * 24 * 3_600, 30 * 24 * 3_600);

/// How often in one reading a window may break off: often enough to come down to a minute.
const BREAKS: u32 = 12;

/// Which version of the log is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Version {
    /// The one that tells how people signed in, and has the non-interactive log.
    #[default]
    Beta,
    /// The one that is left where beta is refused. From this second on beta is tried again.
    Plain {
        /// Seconds since 1970.
        until: i64,
    },
}

/// Why a window was not read whole.
enum Stopped {
    /// It has more pages than one should have; the earliest row that came.
    TooLong(i64),
    /// Its continuation is no longer known.
    BrokeOff,
    /// Beta is not offered.
    NoBeta,
    /// Anything else.
    Failed(FetchError),
}

/// A window that was read whole.
pub(super) struct Whole {
    pub(super) tally: Tally,
    pub(super) pages: u32,
    pub(super) received: client::Tally,
    /// Whether it was read without what only beta tells.
    pub(super) is_plain: bool,
}

/// Asks for windows, whoever wants them in whatever order.
pub(super) struct Asking<'a> {
    pub(super) client: &'a Client,
    pub(super) version: &'a mut Version,
    pub(super) home: &'a Home,
    /// Seconds since 1970.
    pub(super) now: i64,
    /// How often windows broke off.
    pub(super) breaks: u32,
}

impl Asking<'_> {
    /// Reads one window, telling of each page; `None` if it has to be asked for otherwise: shorter,
    /// as `span` has it, or without beta.
    pub(super) async fn read(
        &mut self,
        window: Window,
        span: &mut Span,
        each_page: impl FnMut() + Send,
    ) -> Result<Option<Whole>, FetchError> {
        let mut tally = Tally::new(window, self.home.clone());
        let version = *self.version;
        match gather(self.client, version, window, &mut tally, each_page).await {
            Ok((pages, received)) => {
                let is_plain = version != Version::Beta;
                return Ok(Some(Whole { tally, pages, received, is_plain }));
            }
            Err(Stopped::NoBeta) => *self.version = Version::Plain { until: self.now + BETA_AGAIN },
            Err(Stopped::TooLong(oldest)) => span.give_up(window, oldest),
            Err(Stopped::BrokeOff) if self.breaks < BREAKS && window.can_shorten() => {
                self.breaks += 1;
                span.halve(window);
            }
            Err(Stopped::Failed(failure)) => return Err(failure),
            Err(Stopped::BrokeOff) => {
                return Err(FetchError::Limit { bound: "windows that break off" });
            }
        }
        Ok(None)
    }
}

/// Reads on. What was read before a failure is kept; without anything it is the failure.
pub(super) async fn read(
    client: &Client,
    log: &mut Log,
    version: &mut Version,
    home: &Home,
    is_first: bool,
    now: i64,
) -> Result<client::Tally, FetchError> {
    let mut allowance = client.allowance(if is_first { FIRST_PAGES } else { PAGES }, TIME);
    let mut received = client::Tally::default();
    let mut committed = 0_u32;
    if matches!(*version, Version::Plain { until } if now >= until) {
        *version = Version::Beta;
    }
    let mut asking = Asking { client, version, home, now, breaks: 0 };
    while let Some(window) = log.next() {
        if committed > 0 && allowance.is_spent() {
            break;
        }
        match asking.read(window, &mut log.span, || allowance.spend(1)).await {
            Ok(Some(whole)) => {
                if !whole.is_plain && !log.is_rich() {
                    log.forget_plain();
                    if log.next() != Some(window) {
                        continue;
                    }
                }
                log.commit(whole.tally, whole.pages, whole.is_plain);
                received.add(whole.received);
                committed += 1;
            }
            Ok(None) => {}
            Err(failure) if committed == 0 => return Err(failure),
            Err(failure) => {
                // What lasts is said by the next reading, which then has nothing else to say.
                tracing::debug!(reason = failure.reason(), "the sign-in log is read up to here");
                break;
            }
        }
    }
    Ok(received)
}

/// Looks once a day for a row of the last day that Microsoft keeps: it alone shows that the log goes
/// back so far.
pub(super) async fn probe(client: &Client, version: Version, now: i64) -> Option<i64> {
    let window = Window { from: now - LAST_DAY.1, until: now - LAST_DAY.0, is_settled: true };
    let ask = ask(version, Kind::Interactive, window, 1);
    let read = |body: &[u8]| {
        let page = row::page(body)?;
        Ok((page.rows.first().map(|row| row.at.0), None))
    };
    // What is not seen today may be seen tomorrow; readings say whether the log answers at all.
    client.pages(ask).ok()?.next(read).await.ok()??
}

/// Both kinds of one window, folded.
async fn gather(
    client: &Client,
    version: Version,
    window: Window,
    tally: &mut Tally,
    mut each_page: impl FnMut() + Send,
) -> Result<(u32, client::Tally), Stopped> {
    let (mut pages, mut received) = (0, client::Tally::default());
    for kind in Kind::ALL {
        if version != Version::Beta && kind == Kind::NonInteractive {
            break;
        }
        let mut list = client.pages(ask(version, kind, window, PAGE)).map_err(Stopped::Failed)?;
        let mut is_begun = false;
        loop {
            let fold = |body: &[u8]| {
                let Page { rows, rejected, next } = row::page(body)?;
                Ok(((rows, rejected), next))
            };
            let (rows, rejected) = match list.next(fold).await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(failure) if is_begun && (failure.is_not_offered() || failure.is_gone()) => {
                    return Err(Stopped::BrokeOff);
                }
                Err(failure) if version == Version::Beta && failure.is_not_offered() => {
                    return Err(Stopped::NoBeta);
                }
                Err(failure) => return Err(Stopped::Failed(failure)),
            };
            is_begun = true;
            pages += 1;
            each_page();
            received.add(client::Tally { accepted: rows.len() as u64, rejected });
            rows.iter().for_each(|row| tally.add(kind, row));
            if pages > MOST_PAGES && window.can_shorten() {
                return Err(Stopped::TooLong(tally.oldest));
            }
        }
    }
    // A few are left out, even where they are all that a quiet hour has: it would never be read.
    if received.has_many_bad() {
        return Err(Stopped::Failed(FetchError::unreadable("rows of the sign-in log")));
    }
    Ok((pages, received))
}

/// The question for one kind of one window.
fn ask(version: Version, kind: Kind, window: Window, rows: u32) -> Ask {
    let version = if version == Version::Beta { "beta" } else { "v1.0" };
    let kind = match kind {
        Kind::Interactive => "",
        Kind::NonInteractive => " and signInEventTypes/any(t: t eq 'nonInteractiveUser')",
    };
    let (from, until) = (moment(window.from), moment(window.until));
    let path = format!(
        "/{version}/auditLogs/signIns?$filter=createdDateTime ge {from} and createdDateTime lt {until}{kind}&$top={rows}"
    );
    Ask::about(path, Bucket::Reports)
}

/// `2026-11-24T12:00:00Z`.
fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_asked_for_as_graph_has_it() {
        let window = Window { from: 1_795_521_600, until: 1_795_525_200, is_settled: true };
        let path = |version, kind| ask(version, kind, window, PAGE).path.into_owned();
        assert_eq!(
            path(Version::Beta, Kind::Interactive),
            "/beta/auditLogs/signIns?$filter=createdDateTime ge 2026-11-24T12:00:00Z and createdDateTime lt 2026-11-24T13:00:00Z&$top=1000"
        );
        assert_eq!(
            path(Version::Beta, Kind::NonInteractive),
            "/beta/auditLogs/signIns?$filter=createdDateTime ge 2026-11-24T12:00:00Z and createdDateTime lt 2026-11-24T13:00:00Z and signInEventTypes/any(t: t eq 'nonInteractiveUser')&$top=1000"
        );
        assert!(path(Version::Plain { until: 0 }, Kind::Interactive).starts_with("/v1.0/"));
    }
}
