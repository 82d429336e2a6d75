//! Which Outlook people have on their desktops, and what Microsoft's report makes of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::faults::Kind;
use super::person::{Person, Role};

/// Each version, and the column of the report that counts it, in the order of the report. The
/// second column from the right is about something else.
const VERSIONS: [(&str, &str); 7] = [
    ("2016", "Outlook 2016"),
    ("2013", "Outlook 2013"),
    ("2010", "Outlook 2010"),
    ("2007", "Outlook 2007"),
    ("undetermined", "Undetermined"),
    ("m365", "Outlook M365"),
    ("2019", "Outlook 2019"),
];

/// What somebody has. Most have what is current, a few what they always had, and some nothing.
fn of(person: &Person) -> Option<&'static str> {
    if person.role != Role::Employee || !person.enabled {
        return None;
    }
    match person.serial % 100 {
        21 => Some("2007"),
        22..=23 => Some("2010"),
        24..=26 => Some("2013"),
        27..=33 => Some("2016"),
        34..=45 => Some("2019"),
        46 => Some("undetermined"),
        0..=20 | 60..=79 => None,
        _ => Some("m365"),
    }
}

/// People by what they have; every version is there.
pub(super) fn count(people: &[Person]) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<_, _> =
        VERSIONS.into_iter().map(|(version, _)| (version, 0)).collect();
    for version in people.iter().filter_map(of) {
        *counts.entry(version).or_default() += 1;
    }
    counts
}

/// The report, which is two days old, leaves empty what is zero, and has no row without anybody.
pub(super) fn report(people: &[Person], days: &str, now: Timestamp, faults: &[Kind]) -> Vec<u8> {
    let counts = count(people);
    let mut columns = VERSIONS.map(|(_, column)| column).to_vec();
    columns.insert(5, "Report Period");
    let mut text = format!("\u{feff}Report Refresh Date,{}\r\n", columns.join(","));
    if counts.values().all(|count| *count == 0) {
        return text.into_bytes();
    }
    let is_garbled = faults.iter().any(|fault| matches!(fault, Kind::MalformedRows(1..)));
    let mut fields = VERSIONS
        .map(|(version, _)| match counts[version] {
            _ if is_garbled => "many".to_owned(),
            0 => String::new(),
            _ if faults.contains(&Kind::NullEverything) => String::new(),
            count => count.to_string(),
        })
        .to_vec();
    fields.insert(5, days.to_owned());
    let day = now.saturating_sub(SignedDuration::from_hours(48)).unwrap_or(now);
    let _ = write!(text, "{},{}\r\n", day.strftime("%Y-%m-%d"), fields.join(","));
    text.into_bytes()
}
