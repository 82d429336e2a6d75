//! What we promise: pages written from the definitions, so that they cannot say anything else.

use std::fmt::Write;

use serde_json::Value;

use crate::client::{Api, FetchError};
use crate::metrics::Kind;
use crate::sources::{About, Unread};
use crate::{checks, config, snapshot, sources};

/// A page of the reference and the name of its file under `docs/reference/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Every metric.
    Metrics,
    /// Every requirement.
    Requirements,
    /// Every source.
    Sources,
    /// Every key of the configuration file.
    Configuration,
    /// The JSON Schema of the configuration file.
    Schema,
}

impl Page {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Metrics, Self::Requirements, Self::Sources, Self::Configuration, Self::Schema];

    /// The file under `docs/reference/`.
    pub fn file(self) -> &'static str {
        match self {
            Self::Metrics => "metrics.md",
            Self::Requirements => "requirements.md",
            Self::Sources => "sources.md",
            Self::Configuration => "configuration.md",
            Self::Schema => "configuration.schema.json",
        }
    }

    /// The page.
    pub fn text(self) -> String {
        match self {
            Self::Metrics => metrics(),
            Self::Requirements => requirements(),
            Self::Sources => sources_page(),
            Self::Configuration => configuration(),
            Self::Schema => config::schema() + "\n",
        }
    }
}

const GENERATED: &str =
    "Written by `partnercenter_exporter reference` from the definitions in the program.";

fn metrics() -> String {
    let mut out = format!("# Metrics\n\n{GENERATED}\n\n");
    out.push_str(
        "A metric is listed on `/metrics` even while it has no sample. What could not be read has \
         no sample: never 0, never NaN. The label `tenant` is the short name from the \
         configuration.\n",
    );
    for metric in snapshot::metrics() {
        let kind = match metric.kind {
            Kind::Gauge => "gauge",
            Kind::Info => "info (a gauge that is always 1)",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        };
        let labels = match metric.labels {
            [] => "none".to_owned(),
            labels => {
                labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ")
            }
        };
        let _ = write!(
            out,
            "\n## {}\n\n{}\n\nType: {kind}. Labels: {labels}.\n",
            metric.name, metric.help
        );
    }
    out.push_str("\n## Values of the label `reason`\n\n");
    out.push_str("On `partnercenter_requirement_unknown`, the first that applies:\n\n");
    for reason in Unread::ALL {
        let _ = writeln!(out, "* `{}`: {}", reason.as_str(), reason.meaning());
    }
    let reasons: Vec<_> = FetchError::REASONS.iter().map(|reason| format!("`{reason}`")).collect();
    let _ = write!(
        out,
        "\nOn `partnercenter_source_failure` and `partnercenter_api_requests_failed_total`: {}.\n\
         \nOn `partnercenter_token_failure` and `partnercenter_token_refresh_failure`:\n\n",
        reasons.join(", ")
    );
    for (reason, remedy) in crate::oauth::reasons() {
        let _ = writeln!(out, "* `{reason}`: {remedy}");
    }
    out
}

fn requirements() -> String {
    let mut out = format!("# Requirements\n\n{GENERATED}\n\n");
    out.push_str(
        "Each requirement is in one of six states, shown by `partnercenter_requirement_state`: \
         `compliant`, `noncompliant`, `attested`, `waived`, `not_applicable`, `unknown`. Unknown \
         has a reason in `partnercenter_requirement_unknown`.\n\nTiers: ",
    );
    let tiers: Vec<_> = checks::Tier::ALL
        .iter()
        .map(|tier| format!("{} {}", tier.as_str(), tier.meaning()))
        .collect();
    let _ = writeln!(out, "{}.", tiers.join(", "));
    for check in checks::ALL {
        let sources: Vec<_> =
            check.sources.iter().map(|id| format!("[`{id}`](sources.md#{id})")).collect();
        let _ = write!(
            out,
            "\n## {}\n\n{}.\n\n* Tier: {} ({})\n* Evidence: {}\n* Rests on: {}\n* What to do: {}\n\
             * Where: <{}>\n* Microsoft's words: <{}>\n",
            check.id,
            check.title,
            check.tier.as_str(),
            check.tier.meaning(),
            check.evidence.as_str(),
            sources.join(", "),
            check.remedy,
            check.portal,
            check.docs
        );
    }
    out
}

fn sources_page() -> String {
    let mut out = format!("# Sources\n\n{GENERATED}\n\n");
    out.push_str(
        "What is read from Microsoft, with the least permission that suffices: of the application by \
         itself, or, where it says delegated, of the person for whom it acts ([how](../app-user.md)). \
         Only GET requests are sent. `Directory.Read.All` is wanted beside `AuditLog.Read.All`: without \
         it Microsoft sometimes takes a licensed tenant for an unlicensed one.\n\n\
         | source | permission | licence | interval | max_age |\n|---|---|---|---|---|\n",
    );
    let all = sources::all();
    for about in &all {
        let About { id, permission, license, interval, .. } = about;
        let license = license.unwrap_or("none");
        let max_age = duration(about.max_age(*interval).as_secs());
        let interval = duration(interval.as_secs());
        let _ = writeln!(
            out,
            "| [`{id}`](#{id}) | `{permission}` | {license} | {interval} | {max_age} |"
        );
    }
    for about in &all {
        let _ = write!(
            out,
            "\n## {}\n\n{}.\n\n* Request: `{} {}`, to {}\n* Permission: `{}`\n* Licence: {}\n\
             * Microsoft's page: <{}>\n",
            about.id,
            about.what,
            match about.ask.api {
                Api::Login => "POST",
                Api::File => "read",
                _ => "GET",
            },
            about.ask.path,
            match about.ask.api {
                Api::Graph => "Microsoft Graph",
                Api::PartnerCenter => "Partner Center",
                Api::Dap =>
                    "the service behind Partner Center's page of administrative relationships",
                Api::File => "the file system; the key names the file",
                Api::Login => "the authority, below the tenant's id",
            },
            about.permission,
            about.license.unwrap_or("none"),
            about.docs
        );
        if !about.enabled {
            out.push_str("* Read only where `enabled: true` is configured for it\n");
        }
    }
    out
}

fn configuration() -> String {
    let schema: Value = serde_json::from_str(&config::schema()).expect("the schema is JSON");
    let mut out = format!("# Configuration file\n\n{GENERATED}\n\n");
    out.push_str(
        "YAML. Relative paths are relative to the file. Durations are written as Prometheus writes \
         them (`90s`, `5m`, `1h30m`, `7d`). Unknown keys are refused. An editor that knows JSON \
         Schema can be given [configuration.schema.json](configuration.schema.json).\n\n",
    );
    keys(&mut out, &schema, &schema, "");
    out
}

/// The keys of one object, then those of the objects in it.
fn keys(out: &mut String, root: &Value, object: &Value, prefix: &str) {
    let required = |key: &str| {
        let list = object["required"].as_array();
        list.is_some_and(|list| list.iter().any(|name| name == key))
    };
    let Some(properties) = object["properties"].as_object() else { return };
    for (key, property) in properties {
        let target = resolved(root, property);
        let items = resolved(root, &target["items"]);
        let description = [property, target]
            .iter()
            .find_map(|value| value["description"].as_str())
            .unwrap_or_default()
            .replace('\n', " ");
        let path = format!("{prefix}{key}");
        let required = if required(key) { " **Required.**" } else { "" };
        let _ = writeln!(out, "* `{path}`: {description}{required}{}", choices(root, property));
        if items["properties"].is_object() {
            keys(out, root, items, &format!("{path}[]."));
        } else {
            keys(out, root, target, &format!("{path}."));
        }
    }
}

/// Follows references and the wrapper around optional ones.
fn resolved<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    let inner = value["anyOf"].as_array().and_then(|options| options.first()).unwrap_or(value);
    let target =
        inner["$ref"].as_str().and_then(|target| root.pointer(target.trim_start_matches('#')));
    target.unwrap_or(inner)
}

/// The words an enumeration allows.
fn choices(root: &Value, value: &Value) -> String {
    let words: Vec<_> = resolved(root, value)["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|option| option["const"].as_str())
        .map(|word| format!("`{word}`"))
        .collect();
    if words.is_empty() { String::new() } else { format!(" One of {}.", words.join(", ")) }
}

fn duration(seconds: u64) -> String {
    match seconds {
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}
