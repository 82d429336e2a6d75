//! Samples of one snapshot: made anew each time, never kept and updated, so that what is gone
//! leaves no ghost.

use std::collections::BTreeMap;

use super::definition::{Kind, Metric};
use super::family::{escape_label, write_value};

/// Lines by metric, already in the format both text formats share.
#[derive(Debug, Default)]
pub struct Samples {
    tenant: Option<String>,
    lines: BTreeMap<&'static str, (&'static Metric, String)>,
}

impl Samples {
    /// Samples that belong to no tenant.
    pub fn new() -> Self {
        Self::default()
    }

    /// Samples of one tenant, whose configured name becomes the label `tenant`.
    pub fn of_tenant(name: &str) -> Self {
        Self { tenant: Some(name.to_owned()), lines: BTreeMap::new() }
    }

    /// Adds one sample. Labels are named where they are given, in the order of the definition.
    ///
    /// # Panics
    /// In debug builds, when the labels are not those of the definition.
    pub fn push<const N: usize>(
        &mut self,
        metric: &'static Metric,
        labels: [(&str, &str); N],
        value: f64,
    ) {
        let tenant = match (&self.tenant, metric.labels.first()) {
            (Some(name), Some(&"tenant")) => Some(("tenant", name.as_str())),
            _ => None,
        };
        let pairs = || tenant.into_iter().chain(labels);
        debug_assert!(
            pairs().map(|(name, _)| name).eq(metric.labels.iter().copied()),
            "{} has labels {:?}",
            metric.name,
            metric.labels
        );
        debug_assert!(metric.kind != Kind::Info || value == 1.0, "{} is 1", metric.name);
        let (_, body) = self.lines.entry(metric.name).or_insert_with(|| (metric, String::new()));
        body.push_str(metric.name);
        for (position, (name, value)) in pairs().enumerate() {
            body.push(if position == 0 { '{' } else { ',' });
            body.push_str(name);
            body.push_str("=\"");
            escape_label(body, value);
            body.push('"');
        }
        if !metric.labels.is_empty() {
            body.push('}');
        }
        body.push(' ');
        write_value(body, value);
        body.push('\n');
    }

    /// Adds a count. Counts beyond 2^53 do not occur.
    pub fn count<const N: usize>(
        &mut self,
        metric: &'static Metric,
        labels: [(&str, &str); N],
        count: usize,
    ) {
        self.push(metric, labels, count as f64);
    }

    /// Adds 1 for yes and 0 for no.
    pub fn flag<const N: usize>(
        &mut self,
        metric: &'static Metric,
        labels: [(&str, &str); N],
        yes: bool,
    ) {
        self.push(metric, labels, f64::from(u8::from(yes)));
    }

    /// The lines of `metric`, empty if it was not sampled.
    pub fn lines(&self, metric: &Metric) -> &str {
        self.lines.get(metric.name).map_or("", |(_, body)| body)
    }

    /// The metrics that were sampled, by name.
    pub fn metrics(&self) -> impl Iterator<Item = &'static Metric> {
        self.lines.values().map(|(metric, _)| *metric)
    }
}

impl std::fmt::Display for Samples {
    /// All lines, by metric name: what tests compare with.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.lines.values().try_for_each(|(_, body)| f.write_str(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static USERS: Metric =
        Metric { name: "t_users", help: "h", kind: Kind::Gauge, labels: &["tenant", "account"] };
    static PLAIN: Metric = Metric { name: "t_plain", help: "h", kind: Kind::Gauge, labels: &[] };

    #[test]
    fn the_tenant_comes_first_and_labels_are_escaped() {
        let mut samples = Samples::of_tenant("a\"b");
        samples.count(&USERS, [("account", "new\nline\\")], 3);
        assert_eq!(
            samples.to_string(),
            "t_users{tenant=\"a\\\"b\",account=\"new\\nline\\\\\"} 3\n"
        );
    }

    #[test]
    fn a_metric_without_labels_has_no_braces() {
        let mut samples = Samples::new();
        samples.push(&PLAIN, [], 0.5);
        assert_eq!(samples.to_string(), "t_plain 0.5\n");
    }

    #[test]
    #[should_panic(expected = "has labels")]
    fn a_label_under_a_wrong_name_is_caught() {
        Samples::of_tenant("a").count(&USERS, [("accounts", "member")], 3);
    }
}
