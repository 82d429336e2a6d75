//! How many people use which version of Outlook, as Microsoft 365's usage report counts them.

use std::time::Duration;

use csv::{ReaderBuilder, StringRecord, Trim};
use jiff::Timestamp;

use super::Facts;
use super::source::{Rows, Source};
use crate::client::{Ask, Client, FetchError};
use crate::metrics::{Kind, Metric, Samples};
use crate::wire;

/// The report; `None` while Microsoft has counted nobody, which says nothing of anybody.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct OutlookVersions(pub Option<OutlookUsers>);

/// People by version of Outlook on their desktops, in the 30 days up to the report's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutlookUsers {
    /// The beginning of the report's day (UTC).
    pub day: Timestamp,
    /// In the order of [`Outlook::ALL`]; `None` where the report has no such column.
    people: [Option<u64>; Outlook::ALL.len()],
}

/// A version of Outlook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// Outlook 2007.
    V2007,
    /// Outlook 2010.
    V2010,
    /// Outlook 2013, with whatever service pack.
    V2013,
    /// Outlook 2016.
    V2016,
    /// Outlook 2019.
    V2019,
    /// Outlook of Microsoft 365 Apps.
    M365,
    /// Microsoft cannot tell which.
    Undetermined,
    /// A version that was not known when this was written, and so a newer one.
    Other,
}

impl Outlook {
    /// All of them.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::V2007, "2007"),
        (Self::V2010, "2010"),
        (Self::V2013, "2013"),
        (Self::V2016, "2016"),
        (Self::V2019, "2019"),
        (Self::M365, "m365"),
        (Self::Undetermined, "undetermined"),
        (Self::Other, "other"),
    ];

    /// The version that a column is about, if it is about one.
    fn of_column(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let version = match name.as_str() {
            "undetermined" => "undetermined",
            name => name.strip_prefix("outlook")?.trim_start(),
        };
        let known = Self::ALL.into_iter().find(|(_, word)| *word == version);
        Some(known.map_or(Self::Other, |(version, _)| version))
    }
}

impl OutlookUsers {
    /// How many people use this version; `None` where the report does not say.
    pub fn of(&self, version: Outlook) -> Option<u64> {
        self.people[version as usize]
    }
}

const DAY: &str = "Report Refresh Date";

/// Reads the report. `Err` says what is wrong with it, without its content.
fn read(body: &[u8]) -> Result<OutlookVersions, &'static str> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(wire::without_mark(body));
    let no_csv = |_| "a report that is no CSV";
    let columns = reader.headers().map_err(no_csv)?.clone();
    let day = columns.iter().position(|name| name.eq_ignore_ascii_case(DAY));
    let day = day.ok_or("a report without the column of its day")?;
    if columns.iter().all(|name| Outlook::of_column(name).is_none()) {
        return Err("a report without a column of a version");
    }
    let rows: Vec<_> = reader.records().take(2).collect::<Result<_, _>>().map_err(no_csv)?;
    match &rows[..] {
        [] => Ok(OutlookVersions::default()),
        [row] => users(&columns, row, &row[day]).map(OutlookVersions),
        _ => Err("a report with more than its one row"),
    }
}

/// Microsoft leaves empty what is zero; where all is empty, nothing was counted.
fn users(
    columns: &StringRecord,
    row: &StringRecord,
    day: &str,
) -> Result<Option<OutlookUsers>, &'static str> {
    let mut people = [None; Outlook::ALL.len()];
    let mut was_counted = false;
    for (column, field) in columns.iter().zip(row) {
        let Some(version) = Outlook::of_column(column) else { continue };
        let count = match field {
            "" => 0,
            count => count.parse::<u64>().map_err(|_| "a report with a figure that is none")?,
        };
        was_counted |= !field.is_empty();
        let sum = people[version as usize].get_or_insert(0_u64);
        *sum = sum.saturating_add(count);
    }
    if !was_counted {
        return Ok(None);
    }
    // Versions yet to come have no column until then: of those, nobody is there.
    people[Outlook::Other as usize].get_or_insert(0);
    let day = wire::moment(day).ok().flatten().ok_or("a report with a day that is none")?;
    Ok(Some(OutlookUsers { day, people }))
}

static USERS: Metric = Metric {
    name: "partnercenter_outlook_users",
    help: "People who used Outlook on a desktop with a mailbox of the tenant in the 30 days up to the \
           report's day, by version: 2007, 2010, 2013, 2016, 2019, m365, undetermined (Microsoft \
           cannot tell), other (newer than this exporter). Somebody who used two is in both. Absent \
           while the report cannot be read or counts nobody, and for a version it has no column of.",
    kind: Kind::Gauge,
    labels: &["tenant", "outlook_version"],
};

static REPORT: Metric = Metric {
    name: "partnercenter_outlook_report_timestamp_seconds",
    help: "Beginning of the day (UTC) that the report of Outlook versions was last made for; usually \
           two days ago. Absent while it cannot be read or counts nobody.",
    kind: Kind::Gauge,
    labels: &["tenant"],
};

impl Source for OutlookVersions {
    const ID: &'static str = "outlook_versions";
    const WHAT: &'static str = "Which versions of Outlook people use";
    /// In the global cloud only.
    const ASK: Ask = Ask::report("/v1.0/reports/getEmailAppUsageVersionsUserCounts(period='D30')");
    const PERMISSION: &'static str = "Reports.Read.All";
    const LICENSE: Option<&'static str> = None;
    const DOCS: &'static str =
        "https://learn.microsoft.com/graph/api/reportroot-getemailappusageversionsusercounts";
    /// It is made once a day.
    const INTERVAL: Duration = Duration::from_secs(6 * 3600);
    const METRICS: &'static [&'static Metric] = &[&USERS, &REPORT];

    async fn fetch(client: &Client, _known: &Facts) -> Result<Rows<Self>, FetchError> {
        let body = client.report(&Self::ASK).await?;
        let source = read(&body).map_err(FetchError::unreadable)?;
        Ok(Rows { source, accepted: u64::from(source.0.is_some()), rejected: 0 })
    }

    fn observe(&self, samples: &mut Samples) {
        let Some(users) = &self.0 else { return };
        for (version, word) in Outlook::ALL {
            if let Some(people) = users.of(version) {
                samples.push(&USERS, [("outlook_version", word)], people as f64);
            }
        }
        samples.push(&REPORT, [], users.day.as_second() as f64);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The report of these columns and fields.
    pub(crate) fn report(columns: &str, fields: &str) -> OutlookVersions {
        let body = format!("Report Refresh Date,{columns}\r\n2026-11-22,{fields}\r\n");
        read(body.as_bytes()).unwrap()
    }

    #[test]
    fn the_documented_report_is_read() {
        let report = read(include_bytes!("../../tests/samples/outlook_versions.csv")).unwrap();
        let mut samples = Samples::of_tenant("contoso");
        report.observe(&mut samples);
        let people = |version: &str, count: u32| {
            let labels = format!("{{tenant=\"contoso\",outlook_version=\"{version}\"}}");
            format!("partnercenter_outlook_users{labels} {count}\n")
        };
        let expected = [
            // 2026-11-22.
            "partnercenter_outlook_report_timestamp_seconds{tenant=\"contoso\"} 1795305600\n",
            &people("2007", 0),
            &people("2010", 2),
            &people("2013", 5),
            &people("2016", 1204),
            &people("2019", 31),
            &people("m365", 96),
            &people("undetermined", 7),
            &people("other", 0),
        ];
        assert_eq!(samples.to_string(), expected.concat());
    }

    #[test]
    fn columns_are_found_by_name_wherever_they_stand_and_however_they_are_cased() {
        let users = report(
            "outlook m365,\"Undetermined\",REPORT PERIOD,Outlook 2027,Outlook  2010,OUTLOOK LTSC",
            "\"108\",,30,4,1,5",
        );
        let users = users.0.unwrap();
        assert_eq!(users.of(Outlook::M365), Some(108));
        assert_eq!(users.of(Outlook::Undetermined), Some(0), "what is empty is zero");
        assert_eq!(users.of(Outlook::V2010), Some(1));
        assert_eq!(users.of(Outlook::Other), Some(9), "what we do not know is counted");
        assert_eq!(users.of(Outlook::V2007), None, "what has no column is not measured");
        let mut samples = Samples::of_tenant("contoso");
        OutlookVersions(Some(users)).observe(&mut samples);
        assert!(!samples.to_string().contains("2007"), "{samples}");
    }

    #[test]
    fn a_report_of_nobody_is_no_measurement() {
        let header = "\u{feff}Report Refresh Date,Outlook 2016,Undetermined,Report Period";
        for rows in ["", "\r\n", "\n2026-11-22,,,30\n"] {
            let report = read(format!("{header}{rows}").as_bytes()).unwrap();
            assert_eq!(report, OutlookVersions(None), "{rows:?}");
            let mut samples = Samples::of_tenant("contoso");
            report.observe(&mut samples);
            assert_eq!(samples.to_string(), "");
        }
        let zero = read(format!("{header}\n2026-11-22,0,,30\n").as_bytes()).unwrap();
        assert_eq!(zero.0.unwrap().of(Outlook::V2016), Some(0), "a zero is one");
    }

    #[test]
    fn what_is_no_report_is_refused_and_nothing_of_it_is_told() {
        let header = "Report Refresh Date,Outlook 2016,Report Period\n";
        for body in [
            "",
            "<!DOCTYPE html><html><body>planted</body></html>",
            r#"{"error":{"code":"planted"}}"#,
            "Report Refresh Date,Report Period\n2026-11-22,30\n",
            "Outlook 2016,Report Period\n5,30\n",
            &format!("{header}2026-11-22,planted,30\n"),
            &format!("{header}2026-11-22,-1,30\n"),
            &format!("{header}2026-11-22,1.5,30\n"),
            &format!("{header}planted,5,30\n"),
            &format!("{header},5,30\n"),
            &format!("{header}2026-11-22,5,30,planted\n"),
            &format!("{header}2026-11-22,5\n"),
            &format!("{header}2026-11-22,5,30\n2026-11-21,6,30\n"),
        ] {
            let why = read(body.as_bytes()).unwrap_err();
            assert!(!why.contains("planted"), "{why}");
        }
        assert!(read(b"Report Refresh Date,Outlook 2016\n2026-11-22,\xff\n").is_err());
    }
}
