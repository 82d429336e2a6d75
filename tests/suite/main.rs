//! One binary against the real thing: simulator on port 0, exporter on port 0, bytes over loopback.

mod agreement;
mod command_line;
mod harness;
mod samples;
mod scrape;
mod secrets;
mod tidy;
mod trouble;
