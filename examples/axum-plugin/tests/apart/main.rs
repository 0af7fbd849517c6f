//! What counts the whole process, so that no other test may run beside it.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/host.rs"]
#[allow(dead_code, reason = "shared with another test binary, which uses the rest")]
mod host;
#[path = "../common/loopback.rs"]
#[allow(dead_code, reason = "as above")]
mod loopback;

use std::fs;

use serde_json::json;

use crate::host::{Host, event, until};
use crate::loopback::Loopback;

/// Names of the threads of this process, but for those of the test's own runtime, which come and go.
fn threads() -> Vec<String> {
    let own = fs::read_to_string("/proc/thread-self/comm").unwrap();
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // One that has just ended has no name any more.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names
        .filter(|name| *name != own)
        .map(|name| name.trim().to_owned())
        .collect()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test]
async fn fifty_times_enabled_and_disabled_leave_no_thread_and_no_descriptor_behind() {
    let server = Loopback::start(Some("all is well")).await;
    let host = Host::enabled(&json!({ "upstream": server.url(), "check_every_ms": 1 })).await;
    let of_plugin = || threads().iter().filter(|name| *name == "notes").count();
    // The host makes some of its own when they are first needed.
    let mut most = (0, 0);
    for round in 0..50 {
        // A thread takes its name when it first runs.
        until(|| of_plugin() >= 2).await;
        let mut events = host.follow().await;
        assert!(event(&mut events).await.starts_with("event: upstream"));
        assert_eq!(host.get("/upstream").await.status, 200);
        host.send("POST", "/panic", "").await;
        host.disable().await;
        assert_eq!(of_plugin(), 0, "gone when `disable` has returned");
        drop(events);
        // The server is in this process too, and sees a moment later that its clients are gone.
        until(|| server.open() == 0).await;
        if round < 5 {
            most = (most.0.max(threads().len()), most.1.max(descriptors()));
        }
        // The thread of the host's that has ended the plugin ends a moment later itself.
        until(|| threads().len() <= most.0 && descriptors() <= most.1).await;
        host.enable().await;
    }
}
