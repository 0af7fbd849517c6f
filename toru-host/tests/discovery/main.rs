//! What the loader says to files that are not good plugins, by the rows of the table of outcomes.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail like tests and say what they skip"
)]

mod corpus;
mod damage;
#[path = "../common/damaged.rs"]
mod damaged;
mod files;
mod libraries;
#[path = "../common/loader.rs"]
mod loader;
mod loading;
mod metadata;
mod staging;
#[path = "../common/support.rs"]
mod support;
mod system;
