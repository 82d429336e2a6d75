//! How we tell: log lines on standard error, as Prometheus' own servers write them.
//!
//! Message readable alone, values as fields, units in field names. Tokens, secrets and bodies
//! never come here: their types print as `…`.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock::Clock;
use crate::telemetry::Telemetry;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `time=… level=… msg=… key=value`.
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// Sends everything logged from now on to standard error, and counts warnings and errors.
///
/// Only our own messages are let through below `warn`: what libraries say at `debug` may quote
/// headers.
pub fn start(level: Level, format: Format, clock: Clock, telemetry: Telemetry) {
    let ours = concat!(env!("CARGO_CRATE_NAME"), "::");
    let filter = tracing_subscriber::filter::filter_fn(move |metadata| {
        let target = metadata.target();
        let own = target.starts_with(ours) || target == env!("CARGO_CRATE_NAME");
        *metadata.level() <= if own { level } else { Level::WARN.min(level) }
    })
    .with_max_level_hint(LevelFilter::from_level(level));
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Lines { format, clock })
        .with_writer(std::io::stderr)
        .with_filter(filter);
    // A second start, as tests may do, leaves the first in place.
    let _ = tracing_subscriber::registry().with(Count(telemetry)).with(lines).try_init();
}

/// Counts what is logged, whether or not it is shown.
struct Count(Telemetry);

impl<S: Subscriber> Layer<S> for Count {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.logged(event.metadata().level());
    }
}

struct Lines {
    format: Format,
    clock: Clock,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        let time = format!("{:.3}", self.clock.now());
        let head = [("time", time), ("level", level), ("msg", fields.message)];
        let pairs = head.into_iter().chain(fields.rest);
        let line = match self.format {
            Format::Logfmt => logfmt(pairs),
            Format::Json => json(pairs),
        };
        writeln!(writer, "{line}")
    }
}

fn logfmt(pairs: impl Iterator<Item = (&'static str, String)>) -> String {
    let mut line = String::new();
    for (key, value) in pairs {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(key);
        line.push('=');
        let plain = |c: char| c.is_ascii_graphic() && !"\"=\\".contains(c);
        if !value.is_empty() && value.chars().all(plain) {
            line.push_str(&value);
        } else {
            let _ = write!(line, "{value:?}");
        }
    }
    line
}

fn json(pairs: impl Iterator<Item = (&'static str, String)>) -> String {
    let object: serde_json::Map<_, _> =
        pairs.map(|(key, value)| (key.to_owned(), value.into())).collect();
    serde_json::Value::Object(object).to_string()
}

/// The fields of one event, as text.
#[derive(Default)]
struct Fields {
    message: String,
    rest: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            name => self.rest.push((name, value.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs() -> impl Iterator<Item = (&'static str, String)> {
        [("msg", "cannot be read"), ("error", "a \"b\"\nc"), ("empty", ""), ("source", "users")]
            .into_iter()
            .map(|(key, value)| (key, value.to_owned()))
    }

    #[test]
    fn logfmt_quotes_what_needs_it_and_stays_on_one_line() {
        let line = r#"msg="cannot be read" error="a \"b\"\nc" empty="" source=users"#;
        assert_eq!(logfmt(pairs()), line);
    }

    #[test]
    fn json_is_one_object_on_one_line() {
        let line = json(pairs());
        assert!(!line.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["error"], "a \"b\"\nc");
    }
}
