//! The store as a backend, as a file, and under what happens to processes and disks.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail like tests and say what they skip"
)]

mod backend;
mod blocking;
mod busy;
mod conformance;
mod damage;
#[path = "../../../toru-host/tests/common/disk.rs"]
mod disk;
mod files;
mod full;
mod inline;
mod kills;
mod locks;
mod log;
mod memory;
mod missing;
mod power;
#[path = "../../../toru-host/tests/common/random.rs"]
mod random;
mod store;
mod sweep;
mod together;
mod writers;
