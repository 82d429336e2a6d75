//! The security-compliance state of a Microsoft partner tenant, as Prometheus gauges.
//!
//! The rooms of the house, in the order data flows. A room uses what stands before it in this
//! list and nothing after it (`tests/suite/tidy.rs` reads the sources and holds us to it).
//!
//! Page → rows → facts → verdicts → samples → bytes → scrape. A scrape never asks Microsoft anything.

// What time it is, and how to wait: the one clock, which tests can turn.
pub mod clock;

// What can be said: names, labels, samples, the scrape formats.
pub mod metrics;

// How they spell it: Microsoft's dates, "not set", numbers in strings.
pub mod wire;

// How a file is replaced: whole or not at all.
pub mod durable;

// How we are doing: the exporter's own counters.
pub mod telemetry;

// How we tell: log lines.
pub mod logging;

// How bytes travel: the one pooled HTTP client, proxies, trust, bounds, gzip.
pub mod transport;

// Who we are: credentials and tokens.
pub mod oauth;

// How we ask: authorised, paged, paced, retried, bounded.
pub mod client;

// What is: one file per API resource.
pub mod sources;

// Who is covered and who stands in the way: what several sources feed and several checks judge.
pub mod posture;

// What it means: one file per requirement.
pub mod checks;

// What we say now: verdicts, samples and bytes, frozen.
pub mod snapshot;

// What survives a restart.
pub mod state;

// When we ask: the loop.
pub mod refresh;

// Who asks us: HTTP.
pub mod server;

// What we were told: flags and the YAML file, gathered into each room's settings.
pub mod config;

// What we promise: pages written from the definitions.
pub mod reference;

// Whom to ask instead: a simulated Microsoft. Stands apart and shares no type with the rooms above.
pub mod simulator;

// What the program does when it is called: serve, demo, simulate, check, backfill, reference.
pub mod commands;
