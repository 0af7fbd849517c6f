//! Plugins through the real contract: libraries in C and Rust, and plugins linked into these tests.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail like tests and say what they skip"
)]

mod actor;
#[path = "../common/damaged.rs"]
mod damaged;
mod errors;
mod exchanges;
mod host;
#[path = "../common/loader.rs"]
mod loader;
mod logs;
mod panics;
mod refused;
mod responses;
mod rust_zoo;
mod specification;
mod starting;
#[path = "../common/support.rs"]
#[allow(dead_code, reason = "shared with another test binary, which uses the rest")]
mod support;
mod zoo;
