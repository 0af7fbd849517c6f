//! Says what a host would say about a plugin's library: see `README.md` beside this crate's manifest.

#![expect(clippy::print_stdout, reason = "a program that answers")]

mod child;
mod inspect;
mod options;
mod report;
mod run;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use crate::options::Options;
use crate::report::{Report, text};

/// What could not be checked is told from what was found.
const NOT_CHECKED: u8 = 2;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(folder) = &options.child {
        return child::main(folder);
    }
    match check(&options) {
        Ok(report) => {
            let rendered = if options.json {
                report.json()
            } else {
                text::render(&report)
            };
            println!("{rendered}");
            ExitCode::from(u8::from(report.has_findings()))
        }
        Err(error) => {
            eprintln!("not checked: {error:#}");
            ExitCode::from(NOT_CHECKED)
        }
    }
}

/// Looks at the file, and lets a process of its own run it if nothing speaks against that.
fn check(options: &Options) -> Result<Report> {
    let file = options.file()?;
    let mut report = inspect::inspect(file)?;
    if options.no_run {
        report.skip_run("--no-run was given");
    } else if report.has_failed() {
        report.skip_run("no host would open the library");
    } else {
        run::run(&mut report, file, options)?;
    }
    report.conclude(options.strict);
    Ok(report)
}
