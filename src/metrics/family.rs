//! One metric with its lines, whoever counted it, and how it is written.

use std::borrow::Cow;
use std::fmt::Write;

use super::definition::{Kind, Metric, open_metrics_name, unit};

/// A metric and all its lines. The lines are the same in both text formats; only what stands
/// above them differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Full name, with the suffix of its type.
    pub name: Cow<'static, str>,
    /// What it means.
    pub help: Cow<'static, str>,
    /// Its type.
    pub kind: Kind,
    /// Whole lines, each ending in a newline; empty for a metric that has no sample now.
    pub lines: String,
}

impl Family {
    /// The family of a definition.
    pub fn of(metric: &'static Metric, lines: String) -> Self {
        Self { name: metric.name.into(), help: metric.help.into(), kind: metric.kind, lines }
    }

    /// As Prometheus' text format 0.0.4 has it.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(self.lines.len() + self.help.len() + 128);
        let _ = writeln!(out, "# HELP {} {}", self.name, escape_help(&self.help, false));
        let _ = writeln!(out, "# TYPE {} {}", self.name, self.kind.text());
        out.push_str(&self.lines);
        out
    }

    /// As OpenMetrics 1.0 has it: TYPE, UNIT, HELP, and a name without the type's suffix.
    pub fn open_metrics(&self) -> String {
        let name = open_metrics_name(&self.name, self.kind);
        let mut out = String::with_capacity(self.lines.len() + self.help.len() + 160);
        let _ = writeln!(out, "# TYPE {name} {}", self.kind.open_metrics());
        if let Some(unit) = unit(name, self.kind) {
            let _ = writeln!(out, "# UNIT {name} {unit}");
        }
        let _ = writeln!(out, "# HELP {name} {}", escape_help(&self.help, true));
        out.push_str(&self.lines);
        out
    }
}

/// Writes a label's value as both formats want it.
pub fn escape_label(out: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

fn escape_help(help: &str, quotes: bool) -> String {
    let mut out = help.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes {
        out = out.replace('"', "\\\"");
    }
    out
}

/// Writes a value: whole numbers without a point, all others so that they read back equal.
pub fn write_value(out: &mut String, value: f64) {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    let _ = if value.is_infinite() {
        write!(out, "{}", if value > 0.0 { "+Inf" } else { "-Inf" })
    } else if value.fract() == 0.0 && value.abs() < EXACT {
        write!(out, "{}", value as i64)
    } else {
        // Rust writes NaN as `NaN` and no exponent, both of which the formats accept.
        write!(out, "{value}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: f64) -> String {
        let mut out = String::new();
        write_value(&mut out, value);
        out
    }

    #[test]
    fn values_are_written_as_both_formats_read_them() {
        let table = [
            (0.0, "0"),
            (-0.0, "0"),
            (1_764_000_000.0, "1764000000"),
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, text) in table {
            assert_eq!(written(value), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn every_finite_value_reads_back_equal(value in proptest::num::f64::NORMAL) {
            proptest::prop_assert_eq!(written(value).parse::<f64>().unwrap(), value);
        }
    }

    #[test]
    fn a_counter_is_named_with_and_without_its_suffix() {
        let family = Family {
            name: "t_wait_seconds_total".into(),
            help: "Line \"one\"\nand \\two.".into(),
            kind: Kind::Counter,
            lines: "t_wait_seconds_total 1\n".to_owned(),
        };
        assert_eq!(
            family.text(),
            "# HELP t_wait_seconds_total Line \"one\"\\nand \\\\two.\n\
             # TYPE t_wait_seconds_total counter\nt_wait_seconds_total 1\n"
        );
        assert_eq!(
            family.open_metrics(),
            "# TYPE t_wait_seconds counter\n# UNIT t_wait_seconds seconds\n\
             # HELP t_wait_seconds Line \\\"one\\\"\\nand \\\\two.\nt_wait_seconds_total 1\n"
        );
    }
}
