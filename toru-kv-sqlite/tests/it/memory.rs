//! How much memory a large store needs: none that grows with it.

use std::ops::Bound::{Excluded, Unbounded};
use std::process::Command;

use toru_host::kv::{KvBackend, KvQuota, KvRange};
use toru_kv_sqlite::SqliteKv;

use crate::store::{bytes, commit, folder, id, set};

const CHILD: &str = "TORU_TEST_MEMORY";
const ENTRIES: usize = 40_000;
/// Bytes of a value: all of them are ten times what the process may need more.
const VALUE_LEN: usize = 2000;
const GROWTH_MAX: usize = 8 << 20;

/// In a process of its own, whose memory nobody else uses.
#[test]
fn pages_of_a_large_store_are_listed_in_memory_that_stays_flat() {
    let folder = folder();
    let listed = Command::new(std::env::current_exe().unwrap())
        .args(["memory::process", "--exact", "--ignored", "--nocapture"])
        .env(CHILD, folder.path().join("plugins.db"))
        .output()
        .unwrap();
    print!("{}", String::from_utf8_lossy(&listed.stdout));
    assert!(
        listed.status.success(),
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
}

#[test]
#[ignore = "the process that another test starts"]
fn process() {
    let Some(path) = std::env::var_os(CHILD) else {
        return println!("skipped: it is run by another test only");
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let kv = SqliteKv::open(path).unwrap();
    let plugin = id("a");
    for first in (0..ENTRIES).step_by(500) {
        let changes = (first..first + 500).map(|n| set(&format!("{n:08}"), &"v".repeat(VALUE_LEN)));
        let commit = commit(KvQuota::UNLIMITED, Vec::new(), changes.collect());
        runtime.block_on(kv.commit(&plugin, commit)).unwrap();
    }
    let page = |start| {
        let range = KvRange {
            start,
            end: Unbounded,
            descending: false,
            limit: 100,
        };
        runtime.block_on(kv.list(&plugin, range)).unwrap()
    };
    // The caches of the connection fill up within the first tenth.
    let mut start = Excluded(bytes("0"));
    let (mut seen, mut before) = (0, 0);
    loop {
        let found = page(start);
        let Some(last) = found.last() else { break };
        seen += found.len();
        start = Excluded(last.key.clone());
        if seen == ENTRIES / 10 {
            before = resident();
        }
    }
    let growth = resident().saturating_sub(before);
    println!("{seen} entries listed, {growth} bytes more needed after the first tenth");
    assert_eq!(seen, ENTRIES);
    assert!(growth < GROWTH_MAX);
}

/// Bytes of memory that this process has.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kibibytes * 1024
}
