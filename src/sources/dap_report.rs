//! The report on administrative relationships that an operator exports from Partner Center's page, or
//! writes in its manner. Microsoft documents no columns, so that they are known by their names.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use csv::{ReaderBuilder, StringRecord, Trim};
use jiff::{SignedDuration, Timestamp};

use super::source::{About, Rows, Source};
use super::{Facts, Schedule};
use crate::client::{Ask, Client, FetchError, Tally};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire;

/// The customers it lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DapReport {
    /// When it was written, and what it says held.
    pub at: Timestamp,
    /// Its rows that have DAP.
    pub rows: Vec<Entry>,
    /// Rows that could not be read.
    pub rejected: u64,
}

/// What it says of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The customer's tenant id, its domain or its name, whichever the report has.
    pub customer: Box<str>,
    /// How long it has had DAP.
    pub granted: Age,
    /// How long ago it was used.
    pub unused: Use,
}

/// A number of days, as the report has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// So many.
    Days(i64),
    /// So many or more: the page counts no further.
    AtLeast(i64),
    /// The report does not say.
    Unsaid,
}

/// When a delegation was last used, as the report has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// So long ago.
    Ago(Age),
    /// Never.
    Never,
}

/// The largest file read, in bytes.
const BOUND: u64 = 64 << 20;

/// Where each thing stands.
struct Columns {
    customer: usize,
    granted: Option<usize>,
    start: Option<usize>,
    inactive: Option<usize>,
    last: Option<usize>,
    enabled: Option<usize>,
}

impl Columns {
    fn of(header: &StringRecord) -> Result<Self, &'static str> {
        let plain = |name: &str| {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            letters.collect::<String>().to_ascii_lowercase()
        };
        let names: Vec<_> = header.iter().map(plain).collect();
        let find = |known: &[&str]| {
            known.iter().find_map(|known| names.iter().position(|name| name == known))
        };
        // An id is the best of names.
        let customer = find(&[
            "customertenantid",
            "tenantid",
            "microsoftid",
            "customerid",
            "primarydomain",
            "domain",
            "customer",
            "customername",
            "organizationdisplayname",
            "companyname",
            "name",
        ]);
        let columns = Self {
            customer: customer.ok_or("no column names the customer (such as CustomerTenantId)")?,
            granted: find(&["daysenabled", "dayssinceenabled", "daysestablished"]),
            start: find(&["startdatetime", "startdate", "established", "establishedon"]),
            inactive: find(&["daysinactive", "dayssincelastsignin", "inactivedays"]),
            last: find(&["lastsignindatetime", "lastsignin", "lastsignindate", "lastactive"]),
            enabled: find(&["dapenabled", "dap", "dapstatus"]),
        };
        match (columns.inactive, columns.last) {
            (None, None) => Err(
                "no column says when it was last used (such as LastSignInDateTime or Days inactive)",
            ),
            _ => Ok(columns),
        }
    }

    fn entry(&self, row: &StringRecord, at: Timestamp) -> Option<Entry> {
        let field = |place: Option<usize>| place.map(|place| row.get(place).unwrap_or_default());
        let customer = field(Some(self.customer)).filter(|name| !name.is_empty())?;
        let granted = match (field(self.granted), field(self.start)) {
            (Some(days), _) if !days.is_empty() => days_of(days)?,
            (_, Some(date)) if !date.is_empty() => since(date, at)?,
            _ => Age::Unsaid,
        };
        let unused = match (field(self.inactive), field(self.last)) {
            (Some(days), _) if !days.is_empty() => Use::Ago(days_of(days)?),
            (_, Some(date)) if !date.is_empty() && !is_never(date) => Use::Ago(since(date, at)?),
            _ => Use::Never,
        };
        Some(Entry { customer: customer.into(), granted, unused })
    }

    /// Whether the row says that there is no DAP any more.
    fn is_ended(&self, row: &StringRecord) -> bool {
        let said = self.enabled.and_then(|place| row.get(place)).unwrap_or_default();
        ["false", "no", "0", "disabled", "removed"].iter().any(|no| said.eq_ignore_ascii_case(no))
    }
}

fn is_never(text: &str) -> bool {
    ["never", "-", "n/a"].iter().any(|never| text.eq_ignore_ascii_case(never))
}

/// `12`, or `60+`.
fn days_of(text: &str) -> Option<Age> {
    let (number, is_open) = match text.strip_suffix('+') {
        Some(number) => (number.trim(), true),
        None => (text, false),
    };
    let days = number.parse::<i64>().ok().filter(|days| (0..100_000).contains(days))?;
    Some(if is_open { Age::AtLeast(days) } else { Age::Days(days) })
}

fn since(date: &str, at: Timestamp) -> Option<Age> {
    let date = wire::moment(date).ok().flatten()?;
    let days = (at.as_second() - date.as_second()).div_euclid(24 * 3600);
    Some(Age::Days(days.max(0)))
}

/// Reads the report. `Err` says what is wrong with it, without its content.
fn read(body: &[u8], at: Timestamp) -> Result<DapReport, &'static str> {
    let mut reader =
        ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(wire::without_mark(body));
    let header = reader.headers().map_err(|_| "it is no CSV")?.clone();
    let columns = Columns::of(&header)?;
    let mut report = DapReport { at, rows: Vec::new(), rejected: 0 };
    for row in reader.records() {
        let Ok(row) = row else {
            report.rejected += 1;
            continue;
        };
        if columns.is_ended(&row) || row.iter().all(str::is_empty) {
            continue;
        }
        match columns.entry(&row, at) {
            Some(entry) => report.rows.push(entry),
            None => report.rejected += 1,
        }
    }
    if report.rows.is_empty() && report.rejected == 0 {
        // Half of a file is no evidence that there is no DAP.
        return Err("it has no rows");
    }
    Ok(report)
}

impl DapReport {
    /// How long it is believed: by then it should have been exported again.
    pub const HOLDS: SignedDuration = SignedDuration::from_hours(30 * 24);
}

static WRITTEN: Metric = Metric {
    name: "partnercenter_dap_report_timestamp_seconds",
    help: "When the report on administrative relationships was written that dap_report was pointed at. What \
           it says is believed for thirty days. Absent where none is configured, and while it cannot be read.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for DapReport {
    const ID: &'static str = "dap_report";
    const WHAT: &'static str =
        "The report on administrative relationships that somebody exported from Partner Center";
    const ASK: Ask = Ask::file("sources.dap_report.file");
    const PERMISSION: &'static str = "to read the file";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/partner-center/customers/dap-monitor-self-serve-removal";
    const INTERVAL: Duration = Duration::from_secs(900);
    /// There is none unless somebody exports one.
    const ENABLED: bool = false;
    const METRICS: &'static [&'static Metric] = &[&WRITTEN];

    async fn fetch(client: &Client, known: &Facts) -> Result<Rows<Self>, FetchError> {
        Self::fetch_on(client, known, Schedule::of(&About::of::<Self>()), None).await
    }

    async fn fetch_on(
        _client: &Client,
        known: &Facts,
        schedule: Schedule,
        _last: Option<Arc<Self>>,
    ) -> Result<Rows<Self>, FetchError> {
        let file = schedule.file.ok_or(FetchError::Internal)?;
        // On a thread of its own: a file may be far away, and nothing else is to wait for it.
        let path = file.clone();
        let opened = tokio::task::spawn_blocking(move || file_of(&path)).await;
        let (file, opened) = (&*file, opened.map_err(|_| FetchError::Internal)?);
        let (body, at) = opened.map_err(|error| refused(file, &error.to_string()))?;
        // A file from the future was written by a clock that is ahead.
        let at = at.min(known.now);
        let report = read(&body, at).map_err(|what| refused(file, what))?;
        let tally = Tally { accepted: report.rows.len() as u64, rejected: report.rejected };
        if tally.is_all_bad() || tally.has_many_bad() {
            let what = format!("{} of its rows cannot be read", tally.rejected);
            return Err(refused(file, &what));
        }
        Ok(Rows::listed(report, tally))
    }

    fn observe(&self, samples: &mut Samples) {
        samples.push(&WRITTEN, [], self.at.as_second() as f64);
    }
}

/// What the file holds, and when it was written.
fn file_of(file: &Path) -> std::io::Result<(Vec<u8>, Timestamp)> {
    use std::io::{Error, Read as _};
    // A pipe would never end.
    let about = std::fs::metadata(file)?;
    if !about.is_file() {
        return Err(Error::other("it is no regular file"));
    }
    if about.len() > BOUND {
        return Err(Error::other("it is longer than 64 MiB"));
    }
    let file = std::fs::File::open(file)?;
    let written = file.metadata()?.modified()?;
    let mut body = Vec::new();
    file.take(BOUND).read_to_end(&mut body)?;
    Ok((body, Timestamp::try_from(written).unwrap_or(Timestamp::UNIX_EPOCH)))
}

fn refused(file: &Path, what: &str) -> FetchError {
    FetchError::unreadable(&format!("{}: {what}", file.display()))
}

impl Entry {
    /// When it was last used, in a report written at `at`, as far as it says.
    pub fn last(&self, at: Timestamp) -> Option<Timestamp> {
        match self.unused {
            Use::Ago(Age::Days(days)) => at.checked_sub(SignedDuration::from_hours(24 * days)).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn entries(text: &str) -> Vec<(String, Age, Use)> {
        let report = read(text.as_bytes(), at()).unwrap();
        report.rows.into_iter().map(|it| (it.customer.into(), it.granted, it.unused)).collect()
    }

    #[test]
    fn the_page_s_columns_are_known_by_their_names_in_any_order() {
        let text = "\u{feff}Days inactive,Customer,Days enabled,Recommendation\n\
                    90+,\"Fabrikam, Inc.\",60+,Remove\n,Adatum,60+,Remove\n3,Trey,12,\n";
        assert_eq!(
            entries(text),
            [
                ("Fabrikam, Inc.".into(), Age::AtLeast(60), Use::Ago(Age::AtLeast(90))),
                ("Adatum".into(), Age::AtLeast(60), Use::Never),
                ("Trey".into(), Age::Days(12), Use::Ago(Age::Days(3))),
            ]
        );
    }

    #[test]
    fn the_service_s_columns_are_known_too_and_what_has_ended_is_left_out() {
        let text = "organizationDisplayName,customerTenantId,dapEnabled,startDateTime,lastSignInDateTime\n\
                    A,c0000000-0000-4000-8000-000000000001,true,2021-08-06,2026-11-20T08:00:00Z\n\
                    B,c0000000-0000-4000-8000-000000000002,False,2021-08-06,\n\
                    C,c0000000-0000-4000-8000-000000000003,true,,Never\n";
        let found = entries(text);
        assert_eq!(found[0].2, Use::Ago(Age::Days(4)));
        assert_eq!((found.len(), found[1].1, found[1].2), (2, Age::Unsaid, Use::Never));
    }

    #[test]
    fn rows_that_cannot_be_read_are_counted_and_a_file_that_says_nothing_is_refused() {
        let report = read(b"customer,days inactive\na,soon\n,3\nb,4\n\n", at()).unwrap();
        assert_eq!((report.rows.len(), report.rejected), (1, 2));
        assert!(read(b"customer,color\na,red\n", at()).is_err());
        assert!(read(b"days inactive\n3\n", at()).is_err());
        assert!(read(b"", at()).is_err());
        assert!(read(b"customer,days inactive\n", at()).is_err(), "no evidence of anything");
    }
}
