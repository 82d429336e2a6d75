//! Prints pages of the reference, completions and the man page.

use std::process::ExitCode;

use clap::CommandFactory;

use super::print;
use crate::config::flags::{self, Flags};
use crate::reference::Page;

pub(super) fn run(reference: &flags::Reference) -> ExitCode {
    let page = match &reference.page {
        flags::Page::Metrics => Page::Metrics,
        flags::Page::Requirements => Page::Requirements,
        flags::Page::Sources => Page::Sources,
        flags::Page::Configuration => Page::Configuration,
        flags::Page::Schema => Page::Schema,
        flags::Page::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(
                *shell,
                &mut Flags::command(),
                "partnercenter_exporter",
                &mut out,
            );
            print(String::from_utf8_lossy(&out).trim_end());
            return ExitCode::SUCCESS;
        }
        flags::Page::Man => {
            let mut out = Vec::new();
            // Writing into memory does not fail.
            let _ = clap_mangen::Man::new(Flags::command()).render(&mut out);
            print(String::from_utf8_lossy(&out).trim_end());
            return ExitCode::SUCCESS;
        }
    };
    print(page.text().trim_end());
    ExitCode::SUCCESS
}
