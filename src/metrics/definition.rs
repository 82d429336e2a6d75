//! What one metric is: its name, what it means, its type and its labels.

/// A metric as operators know it. Defined as a `static`, with its name written whole, so that a
/// name seen in Grafana and searched in the sources ends on its definition.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// The full name, unit and `_total` or `_info` included.
    pub name: &'static str,
    /// Prose for an operator at night: what it counts, what 0 means, when it is absent.
    pub help: &'static str,
    /// The type.
    pub kind: Kind,
    /// Label names in the order they are written. A first label `tenant` is filled in by
    /// [`Samples`](super::Samples).
    pub labels: &'static [&'static str],
}

/// The types we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value that may go up and down.
    Gauge,
    /// Constant 1 with metadata in its labels; the name ends in `_info`. OpenMetrics has a type of
    /// its own for it, the older format calls it a gauge.
    Info,
    /// A count of what this process did; the name ends in `_total`.
    Counter,
    /// A distribution, with `_bucket`, `_sum` and `_count`.
    Histogram,
}

impl Kind {
    /// The word in the text format 0.0.4.
    pub fn text(self) -> &'static str {
        match self {
            Self::Gauge | Self::Info => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }

    /// The word in OpenMetrics 1.0.
    pub fn open_metrics(self) -> &'static str {
        match self {
            Self::Info => "info",
            other => other.text(),
        }
    }
}

/// The family's name in OpenMetrics, which leaves out the suffix its type implies.
pub(super) fn open_metrics_name(name: &str, kind: Kind) -> &str {
    match kind {
        Kind::Counter => name.strip_suffix("_total").unwrap_or(name),
        Kind::Info => name.strip_suffix("_info").unwrap_or(name),
        Kind::Gauge | Kind::Histogram => name,
    }
}

/// The unit that OpenMetrics lets one name, if the name ends in one. Not on histograms: strict
/// readers refuse it there.
pub(super) fn unit(open_metrics_name: &str, kind: Kind) -> Option<&'static str> {
    if kind == Kind::Histogram {
        return None;
    }
    ["seconds", "bytes"]
        .into_iter()
        .find(|unit| open_metrics_name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_names_drop_the_suffix_of_their_type_only() {
        assert_eq!(open_metrics_name("a_total", Kind::Counter), "a");
        assert_eq!(open_metrics_name("a_info", Kind::Info), "a");
        assert_eq!(open_metrics_name("a_info", Kind::Gauge), "a_info");
    }

    #[test]
    fn the_unit_is_a_whole_word_at_the_end() {
        assert_eq!(unit("process_cpu_seconds", Kind::Counter), Some("seconds"));
        assert_eq!(unit("process_open_fds", Kind::Gauge), None);
        assert_eq!(unit("nanoseconds", Kind::Gauge), None);
    }
}
