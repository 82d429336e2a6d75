//! One binary against the real thing: simulator on port 0, exporter on port 0, bytes over loopback.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "what is unexpected here is a failed test, and where the samples lie stands in the environment"
)]

mod agreement;
mod backfill;
mod command_line;
mod delegation;
mod gdap;
mod harness;
mod partner_center;
mod person;
mod privilege;
mod samples;
mod scrape;
mod secrets;
mod sign_ins;
mod tidy;
mod tls;
mod trouble;
