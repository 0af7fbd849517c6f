//! The built library in a real host.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod ending;
#[path = "../common/host.rs"]
mod host;
mod logs;
#[path = "../common/loopback.rs"]
mod loopback;
mod requests;
mod streams;
