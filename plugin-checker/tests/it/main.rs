//! The program, over good plugins and broken ones: its exit codes, and what its JSON says.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
#![allow(clippy::print_stdout, reason = "a test that cannot run says why")]

mod broken;
mod checker;
mod good;
mod libraries;
mod usage;
