//! Plugins through the real contract: libraries in C and Rust, and plugins linked into these tests.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail like tests and say what they skip"
)]

mod actor;
mod adversity;
mod alone;
mod answers;
mod apart;
mod background;
mod bodies;
mod bundles;
mod busy;
mod c_examples;
mod cancelling;
mod changes;
mod clock;
mod compilers;
mod counters;
mod damage;
#[path = "../common/damaged.rs"]
mod damaged;
mod deadlines;
mod described;
mod disabling;
mod ending;
mod errors;
mod examples;
mod exchanges;
mod feed;
mod foreign;
mod generations;
mod host;
mod licenses;
#[cfg(feature = "testing")]
mod loaded;
#[path = "../common/loader.rs"]
mod loader;
mod logs;
#[cfg(feature = "metrics")]
mod metrics;
mod mirror;
mod model;
mod native;
mod origins;
mod panics;
mod parity;
mod paths;
mod quarantine;
mod refused;
mod removed;
mod requests;
mod responses;
mod runtimes;
mod rust_zoo;
mod seen;
mod services;
mod serving;
mod slow_stores;
mod spans;
mod specification;
mod starting;
mod storage;
mod stores;
mod streaming;
#[path = "../common/support.rs"]
#[allow(dead_code, reason = "shared with another test binary, which uses the rest")]
mod support;
mod tasks;
mod together;
mod uploads;
mod wakers;
mod wishes;
mod zoo;
