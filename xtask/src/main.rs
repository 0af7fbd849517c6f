//! The project's own automation: `cargo xtask` lists what it does.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    reason = "talking to the person in front of the terminal is what this program is for"
)]

mod bench;
mod check_plugin;
mod cli;
mod demo;
mod e2e;
mod examples;
mod frontend;
mod header;
mod process;
mod python;
mod suite;
mod tools;
mod workspace;

use std::error::Error;
use std::process::ExitCode;

/// What most functions here return: the message is all that anybody does with an error.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match cli::run(std::env::args().skip(1)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
