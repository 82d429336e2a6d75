//! How one source stands: whether it answers, since when, and why not.

use std::time::Duration;

use jiff::Timestamp;

use crate::metrics::{Kind, Metric, Samples};

/// How one source stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The source's id.
    pub source: &'static str,
    /// Whether it was tried at all.
    pub tried: bool,
    /// Whether the last reading succeeded.
    pub success: bool,
    /// When one last succeeded, before a restart included.
    pub last_success: Option<Timestamp>,
    /// How long the last reading took.
    pub duration: Option<Duration>,
    /// Rows the last good reading brought.
    pub rows: Option<u64>,
    /// Why the last reading failed, if it did.
    pub failure: Option<&'static str>,
    /// How long figures hold when readings fail.
    pub max_age: Duration,
}

static SUCCESS: Metric = Metric {
    name: "partnercenter_source_success",
    help: "Whether the last reading of a source succeeded (1), or failed, or has not ended yet \
           (0). Figures hold until max_age all the same.",
    kind: Kind::Gauge,
    labels: &["tenant", "source"],
};

static LAST_SUCCESS: Metric = Metric {
    name: "partnercenter_source_last_success_timestamp_seconds",
    help: "When a reading of the source last succeeded: the age of all figures that rest on it. \
           Absent before the first success.",
    kind: Kind::Gauge,
    labels: &["tenant", "source"],
};

static DURATION: Metric = Metric {
    name: "partnercenter_source_duration_seconds",
    help: "How long the last reading of the source took, waits for Microsoft's pace included.",
    kind: Kind::Gauge,
    labels: &["tenant", "source"],
};

static ROWS: Metric = Metric {
    name: "partnercenter_source_rows",
    help: "Rows the last successful reading of the source brought. Absent once they are too old.",
    kind: Kind::Gauge,
    labels: &["tenant", "source"],
};

static FAILURE: Metric = Metric {
    name: "partnercenter_source_failure",
    help: "1 for the present reason why a source cannot be read; absent while it can.",
    kind: Kind::Gauge,
    labels: &["tenant", "source", "reason"],
};

static MAX_AGE: Metric = Metric {
    name: "partnercenter_source_max_age_seconds",
    help: "How long figures of the source hold when readings fail, before they are absent and \
           what rests on them is unknown.",
    kind: Kind::Gauge,
    labels: &["tenant", "source"],
};

/// The gauges of this file.
pub(super) static METRICS: [&Metric; 6] =
    [&SUCCESS, &LAST_SUCCESS, &DURATION, &ROWS, &FAILURE, &MAX_AGE];

impl Standing {
    /// Shows it.
    pub(super) fn observe(&self, samples: &mut Samples) {
        let source = ("source", self.source);
        samples.flag(&SUCCESS, [source], self.success);
        samples.push(&MAX_AGE, [source], self.max_age.as_secs_f64());
        if let Some(at) = self.last_success {
            samples.push(&LAST_SUCCESS, [source], at.as_millisecond() as f64 / 1000.0);
        }
        if let Some(duration) = self.duration {
            samples.push(&DURATION, [source], duration.as_secs_f64());
        }
        if let Some(rows) = self.rows {
            samples.push(&ROWS, [source], rows as f64);
        }
        if let Some(reason) = self.failure {
            samples.push(&FAILURE, [source, ("reason", reason)], 1.0);
        }
    }
}
