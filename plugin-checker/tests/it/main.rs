//! The program, over good plugins and broken ones: its exit codes, and what its JSON says.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod broken;
mod checker;
mod good;
mod libraries;
mod usage;
