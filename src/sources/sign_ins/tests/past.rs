//! The past hour by hour, against the same naive reader set back to each hour's end.

use proptest::prelude::*;

use super::super::window::{begin_of, edge, hour_of};
use super::*;
use crate::metrics::History;

/// All that is told, by the end of its hour.
fn told(past: &Past) -> BTreeMap<i64, Vec<String>> {
    let mut history = History::default();
    past.observe("t", &mut history);
    let mut text = Vec::new();
    history.write(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    if text != "# EOF\n" {
        openmetrics_parser::openmetrics::parse_openmetrics(&text).unwrap();
    }
    let mut hours = BTreeMap::<i64, String>::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (line, end) = line.rsplit_once(' ').unwrap();
        *hours.entry(end.parse().unwrap()).or_default() += &format!("{line}\n");
    }
    hours.into_iter().map(|(end, lines)| (end, above_0(&lines))).collect()
}

/// The first second that is read for the time since so many seconds before.
fn start(now: i64, since: i64) -> i64 {
    (now - since + 900).div_euclid(HOUR) * HOUR + HOUR
}

#[test]
fn a_time_too_short_for_one_figure_is_refused() {
    let (now, day) = (NOON + 60, 24 * HOUR);
    assert!(Past::new(now, day, day).is_none());
    assert!(Past::new(now, day + 2 * HOUR + 900, day).is_none());
    let past = Past::new(now, day + 4 * HOUR, day).unwrap();
    assert_eq!(past.from(), NOON - 27 * HOUR, "what is forgotten meanwhile is not counted on");
}

#[test]
fn where_there_is_no_row_there_is_no_figure() {
    let mut past = Past::new(NOON, 9 * 24 * HOUR, 24 * HOUR).unwrap();
    while let Some(window) = past.next() {
        past.commit(Tally::new(window, home()), 2, false);
    }
    assert!(past.figures().is_empty() && past.oldest().is_none());
}

#[test]
fn more_people_than_are_kept_are_not_counted_while_they_are_in_the_window() {
    let mut past = Past::new(NOON, 9 * HOUR, 3 * HOUR).unwrap();
    let mut row = page(include_bytes!("../../../../tests/samples/sign_ins.json")).unwrap().rows[0];
    row.outcome = Some(Outcome::Success);
    let first = past.next().unwrap();
    let mut tally = Tally::new(first, home());
    for person in 0..=people::People::KEPT as u128 {
        row.id = row::IdHash(person as u64);
        row.person = row::MaybeId(Some((person + 1).to_be_bytes()));
        row.at = row::Second(first.from);
        tally.add(Kind::Interactive, &row);
    }
    past.commit(tally, 51, false);
    while let Some(window) = past.next() {
        past.commit(Tally::new(window, home()), 2, false);
    }
    let known: Vec<_> = past.figures().iter().map(|(_, it)| it.people.is_some()).collect();
    assert_eq!(
        known,
        [false, true, true, true],
        "who was there in the first hour, and then nobody"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_hour_is_told_as_a_naive_reader_would_have_and_no_other(
        mut rows in prop::collection::vec(raw(12 * 24 * HOUR), 0..400),
        window in prop::sample::select(vec![3 * HOUR, 26 * HOUR + 1_234, 7 * 24 * HOUR]),
        since in 3 * HOUR..13 * 24 * HOUR,
        ago in 0..HOUR,
        page_rows in 1_usize..40,
        refused in prop::option::of(0..12 * 24 * HOUR),
        breaks in prop::collection::vec(any::<bool>(), 1..9),
    ) {
        for (id, row) in rows.iter_mut().enumerate() {
            (row.at, row.arrives, row.id) = (row.at + NOON, row.arrives + NOON, id);
        }
        let now = NOON + 12 * 24 * HOUR + ago;
        let from = start(now, since);
        let mut ends: Vec<_> = (from..=edge(now)).step_by(HOUR as usize).collect();
        ends.retain(|end| begin_of(window, *end) >= from);
        let Some(mut past) = Past::new(now, since, window) else {
            prop_assert!(ends.is_empty());
            return Ok(());
        };
        let (mut plain, mut windows) = (i64::MAX, 0);
        while let Some(next) = past.next() {
            windows += 1;
            prop_assert!(windows < 40_000);
            if breaks[windows % breaks.len()] && next.length() > 6 * HOUR {
                past.span.halve(next);
                continue;
            }
            let is_plain = refused.is_some_and(|refused| next.from >= NOON + refused);
            if let Some((tally, pages)) = folded(next, &mut past.span, &rows, page_rows, now) {
                plain = if is_plain { plain.min(next.from) } else { plain };
                past.commit(tally, pages, is_plain);
            }
        }
        // By now all of it has arrived.
        rows.iter_mut().for_each(|row| row.arrives = row.at);
        let read = rows.iter().map(|row| row.at).filter(|at| (from..edge(now)).contains(at));
        let oldest = read.min().unwrap_or(i64::MAX);
        ends.retain(|end| begin_of(window, *end) / HOUR >= oldest / HOUR);
        let told = told(&past);
        prop_assert_eq!(told.keys().copied().collect::<Vec<_>>(), ends);
        for (end, mut lines) in told {
            lines.sort();
            let mut naive = naive(&rows, end, window);
            if end > plain {
                naive.retain(|line| line.starts_with("legacy_auth"));
            }
            prop_assert_eq!(lines, naive, "at the end of hour {}", hour_of(end) - 1);
        }
    }
}
