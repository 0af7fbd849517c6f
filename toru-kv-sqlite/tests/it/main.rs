//! The store as a backend, as a file, and under what happens to processes and disks.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail like tests and say what they skip"
)]

mod backend;
mod conformance;
mod damage;
mod files;
mod full;
mod kills;
mod log;
#[path = "../../../toru-host/tests/common/random.rs"]
mod random;
mod store;
mod together;
