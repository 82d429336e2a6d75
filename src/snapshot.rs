//! What we say now: verdicts, samples and bytes, frozen.
//!
//! A [`Report`] is one tenant at one moment; a [`Snapshot`] is all of them and the page printed
//! from them. Both are made whole and then never changed, so a scrape needs no lock.

mod report;
mod standards;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use crate::metrics::{Exposition, Family, Kind, Metric, Press, Samples};
use crate::{posture, sources, telemetry};

pub use report::{Report, Unjudged};
pub use standing::Standing;

static BUILD_INFO: Metric = Metric {
    name: "partnercenter_exporter_build_info",
    help: "The program that answers: version, source revision, and what it was built with and for. \
           Always 1.",
    kind: Kind::Info,
    labels: &["version", "revision", "rustversion", "os", "arch"],
};

/// All that is known, ready to be served.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The page for scrapers.
    pub page: Exposition,
    /// The tenants, in the order of the configuration.
    pub tenants: Vec<Arc<Report>>,
    /// When it was printed, in the clock's uptime.
    pub printed: Duration,
}

impl Snapshot {
    /// Whether every enabled source of every tenant has been tried once.
    pub fn is_ready(&self) -> bool {
        !self.tenants.is_empty() && self.tenants.iter().all(|report| report.is_ready())
    }

    /// Prints a page of the tenants' reports and the exporter's own counters.
    pub fn print(
        press: &mut Press,
        tenants: Vec<Arc<Report>>,
        own: Vec<Family>,
        printed: Duration,
    ) -> Self {
        let common = common();
        let mut families = own;
        for metric in posture_metrics() {
            let mut lines = common.lines(metric).to_owned();
            lines.extend(tenants.iter().map(|report| report.samples.lines(metric)));
            families.push(Family::of(metric, lines));
        }
        Self { page: press.print(families), tenants, printed }
    }
}

/// What holds for the program and not for a tenant.
fn common() -> Samples {
    let mut samples = Samples::new();
    let labels = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("revision", env!("PARTNERCENTER_EXPORTER_REVISION")),
        ("rustversion", env!("PARTNERCENTER_EXPORTER_RUSTVERSION")),
        ("os", std::env::consts::OS),
        ("arch", std::env::consts::ARCH),
    ];
    samples.push(&BUILD_INFO, labels, 1.0);
    report::describe_requirements(&mut samples);
    samples
}

/// Every metric of the posture: listed on each page, even while it has no sample.
pub fn posture_metrics() -> Vec<&'static Metric> {
    let mut metrics = vec![&BUILD_INFO];
    metrics.extend(sources::all().iter().flat_map(|about| about.metrics));
    metrics.extend(posture::metrics());
    metrics.extend(report::METRICS);
    metrics.extend(standards::METRICS);
    metrics.extend(standing::METRICS);
    metrics
}

/// Every metric of the program, by name, for the reference and the tests.
pub fn metrics() -> Vec<&'static Metric> {
    let mut metrics = posture_metrics();
    metrics.extend(telemetry::metrics());
    metrics.sort_by_key(|metric| metric.name);
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_a_name_of_its_own_and_follows_the_conventions() {
        let metrics = metrics();
        for pair in metrics.windows(2) {
            assert_ne!(pair[0].name, pair[1].name);
        }
        for metric in metrics {
            let name = metric.name;
            assert!(name.starts_with("partnercenter_") || name.starts_with("process_"), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_info"), metric.kind == Kind::Info, "{name}");
            for forbidden in ["_count", "_sum", "_bucket", "_ms", "_days", "_percent"] {
                assert!(!name.ends_with(forbidden), "{name}");
            }
            assert!(
                metric.help.len() > 20 && metric.help.ends_with('.'),
                "{name}: {}",
                metric.help
            );
            for label in metric.labels {
                let taken =
                    ["job", "instance", "le", "quantile", "type", "service", "owner", "customer"];
                assert!(!taken.contains(label), "{name}: {label}");
            }
        }
    }
}
