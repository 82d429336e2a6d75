//! Samples of many moments, with their timestamps: what is imported rather than scraped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::definition::Metric;
use super::family::Family;
use super::samples::Samples;

/// What was true when, by metric and series.
#[derive(Debug, Default)]
pub struct History {
    families: BTreeMap<&'static str, (&'static Metric, BTreeMap<String, Points>)>,
}

/// Of one series, in the order of time.
#[derive(Debug)]
struct Points {
    last: i64,
    /// What stands behind the series' name in each of its lines: value and moment.
    lines: String,
}

impl History {
    /// Adds what was true at `second`, counted since 1970. Series may come and go.
    ///
    /// # Panics
    /// In debug builds, when a series was already there at that moment or later.
    pub fn add(&mut self, second: i64, samples: &Samples) {
        for metric in samples.metrics() {
            let blank = || (metric, BTreeMap::new());
            let (_, family) = self.families.entry(metric.name).or_insert_with(blank);
            for line in samples.lines(metric).lines() {
                let (series, value) = line.rsplit_once(' ').expect("a value ends each line");
                let blank = || Points { last: i64::MIN, lines: String::new() };
                let points = family.entry(series.to_owned()).or_insert_with(blank);
                debug_assert!(points.last < second, "{series} goes back in time");
                points.last = second;
                let _ = writeln!(points.lines, "{value} {second}");
            }
        }
    }

    /// Writes all of it as OpenMetrics 1.0: each family in one piece and each of its series too.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for (metric, family) in self.families.values() {
            out.write_all(Family::of(metric, String::new()).open_metrics().as_bytes())?;
            for (series, points) in family {
                for point in points.lines.lines() {
                    writeln!(out, "{series} {point}")?;
                }
            }
        }
        out.write_all(b"# EOF\n")
    }
}

#[cfg(test)]
mod tests {
    use super::super::definition::Kind;
    use super::*;

    static USERS: Metric =
        Metric { name: "t_users", help: "Who.", kind: Kind::Gauge, labels: &["tenant", "account"] };
    static WINDOW: Metric = Metric {
        name: "t_window_seconds",
        help: "How long.",
        kind: Kind::Gauge,
        labels: &["tenant"],
    };

    fn at(tenant: &str, guests: Option<usize>) -> Samples {
        let mut samples = Samples::of_tenant(tenant);
        samples.push(&WINDOW, [], 0.5);
        samples.count(&USERS, [("account", "member")], 7);
        if let Some(guests) = guests {
            samples.count(&USERS, [("account", "a b\n")], guests);
        }
        samples
    }

    fn written(history: &History) -> String {
        let mut out = Vec::new();
        history.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_series_stands_in_one_piece_whatever_came_in_which_order() {
        let mut history = History::default();
        history.add(3600, &at("b", None));
        history.add(7200, &at("b", Some(2)));
        history.add(3600, &at("a", None));
        let text = written(&history);
        assert_eq!(
            text,
            "# TYPE t_users gauge\n\
             # HELP t_users Who.\n\
             t_users{tenant=\"a\",account=\"member\"} 7 3600\n\
             t_users{tenant=\"b\",account=\"a b\\n\"} 2 7200\n\
             t_users{tenant=\"b\",account=\"member\"} 7 3600\n\
             t_users{tenant=\"b\",account=\"member\"} 7 7200\n\
             # TYPE t_window_seconds gauge\n\
             # UNIT t_window_seconds seconds\n\
             # HELP t_window_seconds How long.\n\
             t_window_seconds{tenant=\"a\"} 0.5 3600\n\
             t_window_seconds{tenant=\"b\"} 0.5 3600\n\
             t_window_seconds{tenant=\"b\"} 0.5 7200\n\
             # EOF\n"
        );
        openmetrics_parser::openmetrics::parse_openmetrics(&text).unwrap();
    }

    #[test]
    #[should_panic(expected = "goes back in time")]
    fn a_series_that_goes_back_in_time_is_caught() {
        let mut history = History::default();
        history.add(3600, &at("a", None));
        history.add(3600, &at("a", None));
    }
}
