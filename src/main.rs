//! The program: runs what the command line says, and is alone in exiting.

use std::process::ExitCode;

fn main() -> ExitCode {
    partnercenter_exporter::commands::run()
}
