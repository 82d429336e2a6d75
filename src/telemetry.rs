//! How we are doing: the exporter's own counters, and what the kernel says of this process.
//!
//! The crate `prometheus` counts; one adapter here turns what it gathered into the families that
//! our own writer prints. Every series is there from the start, since a series that first appears
//! at 1 makes `increase()` read 0.

mod process;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::proto::{LabelPair, MetricFamily, MetricType};
use prometheus::{
    CounterVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
};

use crate::metrics::{Family, Kind, Metric, escape_label};

static API_REQUESTS: Metric = Metric {
    name: "partnercenter_api_requests_total",
    help: "Requests sent to Microsoft, retries included; api is graph or login (tokens).",
    kind: Kind::Counter,
    labels: &["tenant", "api"],
};

static API_REQUESTS_FAILED: Metric = Metric {
    name: "partnercenter_api_requests_failed_total",
    help: "Requests to Microsoft that brought no usable answer, by reason. A request that is retried \
           with success counts here too.",
    kind: Kind::Counter,
    labels: &["tenant", "api", "reason"],
};

static API_THROTTLED: Metric = Metric {
    name: "partnercenter_api_throttled_total",
    help: "Answers by which Microsoft told us to slow down (HTTP 429).",
    kind: Kind::Counter,
    labels: &["tenant", "api"],
};

static API_RETRY_WAIT: Metric = Metric {
    name: "partnercenter_api_retry_wait_seconds_total",
    help: "Time spent waiting before asking Microsoft again, as told by Retry-After or by back-off.",
    kind: Kind::Counter,
    labels: &["tenant", "api"],
};

static API_DURATION: Metric = Metric {
    name: "partnercenter_api_request_duration_seconds",
    help: "Time from sending a request to Microsoft to having its whole answer, failures included.",
    kind: Kind::Histogram,
    labels: &["tenant", "api"],
};

static SOURCE_REFRESHES: Metric = Metric {
    name: "partnercenter_source_refreshes_total",
    help: "Attempts to read a source anew.",
    kind: Kind::Counter,
    labels: &["tenant", "source"],
};

static SOURCE_REFRESHES_FAILED: Metric = Metric {
    name: "partnercenter_source_refreshes_failed_total",
    help: "Attempts to read a source anew that failed.",
    kind: Kind::Counter,
    labels: &["tenant", "source"],
};

static SOURCE_ROWS_REJECTED: Metric = Metric {
    name: "partnercenter_source_rows_rejected_total",
    help: "Rows of a source that could not be read and were left out. What they say is missing \
           from the figures.",
    kind: Kind::Counter,
    labels: &["tenant", "source"],
};

static SNAPSHOTS: Metric = Metric {
    name: "partnercenter_exporter_snapshots_total",
    help: "Pages printed for scrapers: one per change of the posture and one every few seconds \
           for the exporter's own counters.",
    kind: Kind::Counter,
    labels: &[],
};

static SCRAPES_REJECTED: Metric = Metric {
    name: "partnercenter_exporter_scrapes_rejected_total",
    help: "Scrapes answered with 503 because --web.max-requests were being answered already.",
    kind: Kind::Counter,
    labels: &[],
};

static LOG_MESSAGES: Metric = Metric {
    name: "partnercenter_exporter_log_messages_total",
    help: "Warnings and errors logged.",
    kind: Kind::Counter,
    labels: &["level"],
};

/// Everything this room counts, for the reference.
pub fn metrics() -> Vec<&'static Metric> {
    let mut all = vec![
        &API_REQUESTS,
        &API_REQUESTS_FAILED,
        &API_THROTTLED,
        &API_RETRY_WAIT,
        &API_DURATION,
        &SOURCE_REFRESHES,
        &SOURCE_REFRESHES_FAILED,
        &SOURCE_ROWS_REJECTED,
        &SNAPSHOTS,
        &SCRAPES_REJECTED,
        &LOG_MESSAGES,
    ];
    all.extend(process::METRICS);
    all
}

/// The counters of one process, cheap to clone.
#[derive(Clone)]
pub struct Telemetry(Arc<Counters>);

struct Counters {
    registry: Registry,
    api_requests: IntCounterVec,
    api_requests_failed: IntCounterVec,
    api_throttled: IntCounterVec,
    api_retry_wait: CounterVec,
    api_duration: HistogramVec,
    source_refreshes: IntCounterVec,
    source_refreshes_failed: IntCounterVec,
    source_rows_rejected: IntCounterVec,
    snapshots: IntCounter,
    scrapes_rejected: IntCounter,
    log_errors: IntCounter,
    log_warnings: IntCounter,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl Telemetry {
    /// Fresh counters in a registry of their own, so that tests in one process do not share them.
    pub fn new() -> Self {
        let registry = Registry::new();
        let counters =
            |metric| register(&registry, IntCounterVec::new(opts(metric), metric.labels));
        let counter = |metric| register(&registry, IntCounter::with_opts(opts(metric)));
        let log_messages = counters(&LOG_MESSAGES);
        let duration = HistogramOpts::from(opts(&API_DURATION))
            .buckets(vec![0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0]);
        Self(Arc::new(Counters {
            api_requests: counters(&API_REQUESTS),
            api_requests_failed: counters(&API_REQUESTS_FAILED),
            api_throttled: counters(&API_THROTTLED),
            api_retry_wait: register(
                &registry,
                CounterVec::new(opts(&API_RETRY_WAIT), API_RETRY_WAIT.labels),
            ),
            api_duration: register(&registry, HistogramVec::new(duration, API_DURATION.labels)),
            source_refreshes: counters(&SOURCE_REFRESHES),
            source_refreshes_failed: counters(&SOURCE_REFRESHES_FAILED),
            source_rows_rejected: counters(&SOURCE_ROWS_REJECTED),
            snapshots: counter(&SNAPSHOTS),
            scrapes_rejected: counter(&SCRAPES_REJECTED),
            log_errors: log_messages.with_label_values(&["error"]),
            log_warnings: log_messages.with_label_values(&["warn"]),
            registry,
        }))
    }

    /// What is asked of one API for one tenant. `reasons` are all words a failure may carry.
    pub fn api(&self, tenant: &str, api: &str, reasons: &[&'static str]) -> ApiMeter {
        let labels = [tenant, api];
        for reason in reasons {
            self.0.api_requests_failed.with_label_values(&[tenant, api, reason]);
        }
        ApiMeter {
            requests: self.0.api_requests.with_label_values(&labels),
            failed: self.0.api_requests_failed.clone(),
            throttled: self.0.api_throttled.with_label_values(&labels),
            retry_wait: self.0.api_retry_wait.with_label_values(&labels),
            duration: self.0.api_duration.with_label_values(&labels),
            labels: labels.map(str::to_owned),
        }
    }

    /// How one source of one tenant fares.
    pub fn source(&self, tenant: &str, source: &str) -> SourceMeter {
        let labels = [tenant, source];
        SourceMeter {
            refreshes: self.0.source_refreshes.with_label_values(&labels),
            failed: self.0.source_refreshes_failed.with_label_values(&labels),
            rows_rejected: self.0.source_rows_rejected.with_label_values(&labels),
        }
    }

    /// Counts one page printed.
    pub fn snapshot_printed(&self) {
        self.0.snapshots.inc();
    }

    /// Counts one scrape turned away.
    pub fn scrape_rejected(&self) {
        self.0.scrapes_rejected.inc();
    }

    /// Counts one log line, if it is a warning or an error.
    pub fn logged(&self, level: &tracing::Level) {
        match *level {
            tracing::Level::ERROR => self.0.log_errors.inc(),
            tracing::Level::WARN => self.0.log_warnings.inc(),
            _ => {}
        }
    }

    /// All counters as they stand, and the process' own figures, as families of our writer.
    pub fn families(&self) -> Vec<Family> {
        let gathered = self.0.registry.gather();
        let mut families: Vec<Family> = gathered.iter().map(family).collect();
        families.extend(process::families());
        families
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}

/// Counts what is asked of one API for one tenant.
#[derive(Clone)]
pub struct ApiMeter {
    requests: IntCounter,
    failed: IntCounterVec,
    throttled: IntCounter,
    retry_wait: prometheus::Counter,
    duration: Histogram,
    labels: [String; 2],
}

impl ApiMeter {
    /// One request and its whole answer, or what came of it.
    pub fn asked(&self, took: Duration, failure: Option<&'static str>) {
        self.requests.inc();
        self.duration.observe(took.as_secs_f64());
        if let Some(reason) = failure {
            let [tenant, api] = &self.labels;
            self.failed.with_label_values(&[tenant, api, reason]).inc();
        }
        if failure == Some("throttled") {
            self.throttled.inc();
        }
    }

    /// Time that will be spent waiting before the next try.
    pub fn waits(&self, duration: Duration) {
        self.retry_wait.inc_by(duration.as_secs_f64());
    }
}

impl fmt::Debug for ApiMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiMeter{:?}", self.labels)
    }
}

/// Counts how one source of one tenant fares.
#[derive(Debug, Clone)]
pub struct SourceMeter {
    refreshes: IntCounter,
    failed: IntCounter,
    rows_rejected: IntCounter,
}

impl SourceMeter {
    /// One attempt has ended.
    pub fn refreshed(&self, success: bool, rows_rejected: u64) {
        self.refreshes.inc();
        self.failed.inc_by(u64::from(!success));
        self.rows_rejected.inc_by(rows_rejected);
    }
}

fn opts(metric: &'static Metric) -> Opts {
    Opts::new(metric.name, metric.help)
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<C>) -> C {
    let collector = made.expect("names and labels of the definitions above are legal");
    registry
        .register(Box::new(collector.clone()))
        .expect("the definitions above have a name each, in a registry of their own");
    collector
}

/// The one place that reads the crate's types.
fn family(gathered: &MetricFamily) -> Family {
    let name = gathered.name();
    let mut lines = String::new();
    let mut kind = Kind::Gauge;
    for metric in gathered.get_metric() {
        let labels = metric.get_label();
        match gathered.get_field_type() {
            MetricType::HISTOGRAM => {
                kind = Kind::Histogram;
                let histogram = metric.get_histogram();
                for bucket in histogram.get_bucket() {
                    let le = format!("{:?}", bucket.upper_bound());
                    let count = bucket.cumulative_count() as f64;
                    line(&mut lines, &format!("{name}_bucket"), labels, Some(&le), count);
                }
                let (count, sum) =
                    (histogram.get_sample_count() as f64, histogram.get_sample_sum());
                line(&mut lines, &format!("{name}_bucket"), labels, Some("+Inf"), count);
                line(&mut lines, &format!("{name}_sum"), labels, None, sum);
                line(&mut lines, &format!("{name}_count"), labels, None, count);
            }
            MetricType::COUNTER => {
                kind = Kind::Counter;
                line(&mut lines, name, labels, None, metric.get_counter().get_value());
            }
            _ => line(&mut lines, name, labels, None, metric.get_gauge().get_value()),
        }
    }
    Family { name: name.to_owned().into(), help: gathered.help().to_owned().into(), kind, lines }
}

fn line(out: &mut String, name: &str, labels: &[LabelPair], le: Option<&str>, value: f64) {
    out.push_str(name);
    let pairs =
        labels.iter().map(|pair| (pair.name(), pair.value())).chain(le.map(|le| ("le", le)));
    let mut opened = false;
    for (label, value) in pairs {
        out.push(if opened { ',' } else { '{' });
        opened = true;
        out.push_str(label);
        out.push_str("=\"");
        escape_label(out, value);
        out.push('"');
    }
    if opened {
        out.push('}');
    }
    out.push(' ');
    crate::metrics::write_value(out, value);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(telemetry: &Telemetry, name: &str) -> String {
        let family = telemetry.families().into_iter().find(|family| family.name == name).unwrap();
        family.lines
    }

    #[test]
    fn failures_are_there_at_zero_before_any_happened() {
        let telemetry = Telemetry::new();
        let meter = telemetry.api("contoso", "graph", &["throttled", "network"]);
        meter.asked(Duration::from_millis(30), Some("throttled"));
        let lines = lines_of(&telemetry, "partnercenter_api_requests_failed_total");
        assert!(lines.contains(r#"{api="graph",reason="network",tenant="contoso"} 0"#), "{lines}");
        assert!(
            lines.contains(r#"{api="graph",reason="throttled",tenant="contoso"} 1"#),
            "{lines}"
        );
        let throttled = lines_of(&telemetry, "partnercenter_api_throttled_total");
        assert!(throttled.ends_with(" 1\n"), "{throttled}");
    }

    #[test]
    fn a_histogram_ends_in_infinity_sum_and_count() {
        let telemetry = Telemetry::new();
        telemetry.api("contoso", "graph", &[]).asked(Duration::from_millis(300), None);
        let lines = lines_of(&telemetry, "partnercenter_api_request_duration_seconds");
        assert!(lines.contains(r#"_bucket{api="graph",tenant="contoso",le="0.25"} 0"#), "{lines}");
        assert!(lines.contains(r#"_bucket{api="graph",tenant="contoso",le="1.0"} 1"#), "{lines}");
        assert!(lines.contains(r#"_bucket{api="graph",tenant="contoso",le="+Inf"} 1"#), "{lines}");
        assert!(lines.contains(r#"_sum{api="graph",tenant="contoso"} 0.3"#), "{lines}");
    }

    #[test]
    fn every_family_is_defined_and_every_definition_is_a_family() {
        let telemetry = Telemetry::new();
        telemetry.api("contoso", "graph", &["network"]);
        telemetry.source("contoso", "users");
        let mut emitted: Vec<_> =
            telemetry.families().iter().map(|family| family.name.to_string()).collect();
        let mut defined: Vec<_> = metrics().iter().map(|metric| metric.name.to_owned()).collect();
        emitted.sort();
        defined.sort();
        assert_eq!(emitted, defined);
    }
}
