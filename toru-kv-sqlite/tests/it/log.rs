//! The write-ahead log, which starts over again and again however much is read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use toru_host::kv::KvBackend;

use crate::backend::all;
use crate::store::{Store, id, set};

/// Most bytes of the log: those from which on it is shortened, and one commit.
const LOG_MAX: u64 = 17 << 20;
/// The same where a machine that stalls keeps a reader from ending for longer than it is waited for: it is tried again when
/// the log has grown by as much.
const LOG_MAX_AFTER_STALLS: u64 = 3 * LOG_MAX;
/// Bytes of a value, and how many are written: twice what the log may ever have.
const VALUE_LEN: usize = 128 << 10;
const WRITES: usize = 800;

/// A value that shares no page with another one: SQLite writes only pages that differ.
fn value(n: usize) -> String {
    format!("{n:08}").repeat(VALUE_LEN / 8)
}

pub(crate) fn log_len(database: &Path) -> u64 {
    let log = database.with_file_name(format!("{}-wal", database.file_name().unwrap().display()));
    std::fs::metadata(log).map_or(0, |log| log.len())
}

#[tokio::test]
async fn connections_that_idle_after_a_read_do_not_let_the_log_grow() {
    let store = Store::new();
    let mut longest = 0;
    for n in 0..WRITES {
        store.set(&format!("k{}", n % 16), &value(n)).await;
        // Its connection keeps the snapshot that it has read from.
        assert!(store.get("k0").await.is_some());
        longest = longest.max(log_len(&store.path()));
    }
    println!("the log had at most {longest} bytes");
    assert!(longest < LOG_MAX);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_read_all_the_time_do_not_let_the_log_grow() {
    let store = Arc::new(Store::new());
    for n in 0..16 {
        store.set(&format!("k{n}"), &value(n)).await;
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let found = store.kv.list(&id("a"), all()).await;
                    assert_eq!(found.unwrap().len(), 16);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let mut longest = 0;
    for n in 0..WRITES {
        store
            .commit(Vec::new(), vec![set(&format!("k{}", n % 16), &value(n))])
            .await
            .unwrap();
        longest = longest.max(log_len(&store.path()));
    }
    is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    println!("the log had at most {longest} bytes");
    assert!(longest < LOG_MAX_AFTER_STALLS);
}
