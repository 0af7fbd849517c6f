//! The write-ahead log, which starts over again and again however much is read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use toru_host::kv::{KvBackend, KvMutation};

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

/// Three that list all the time, until it is over.
struct Reading {
    is_over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Reading {
    /// Of a plugin that has 16 entries.
    fn start(store: &Arc<Store>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let tasks = (0..3).map(|_| {
            let (store, is_over) = (Arc::clone(store), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let found = store.kv.list(&id("a"), all()).await;
                    assert_eq!(found.unwrap().len(), 16);
                    tokio::task::yield_now().await;
                }
            })
        });
        let tasks = tasks.collect();
        Self { is_over, tasks }
    }

    async fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_read_all_the_time_do_not_let_the_log_grow() {
    let store = Arc::new(Store::new());
    for n in 0..16 {
        store.set(&format!("k{n}"), &value(n)).await;
    }
    let reading = Reading::start(&store);
    let mut longest = 0;
    for n in 0..WRITES {
        let change = set(&format!("k{}", n % 16), &value(n));
        store.commit(Vec::new(), vec![change]).await.unwrap();
        longest = longest.max(log_len(&store.path()));
    }
    reading.end().await;
    println!("the log had at most {longest} bytes");
    assert!(longest < LOG_MAX_AFTER_STALLS);
}

/// What commits remove of it is in the log too, though nobody asked for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backlog_of_expired_entries_does_not_let_the_log_grow() {
    const ENTRIES: usize = 120_000;
    let store = Arc::new(Store::with(|builder| {
        builder.sweep_interval(Duration::from_secs(86_400))
    }));
    for n in 0..16 {
        store.set(&format!("k{n}"), &value(n)).await;
    }
    for first in (0..ENTRIES).step_by(100) {
        let entries = (first..first + 100).map(|n| KvMutation::Set {
            key: format!("entry-{n:08}").into(),
            value: value(n)[..1500].to_owned().into(),
            // Beside one that stays: their page changes, and is not given back.
            ttl: (n % 2 == 0).then_some(Duration::from_secs(1)),
        });
        store.commit_of("silent", entries.collect()).await;
    }
    store.clock.pass(Duration::from_secs(2));
    let reading = Reading::start(&store);
    let outside = store.outside();
    let is_left = || -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM plugin_kv WHERE expires_ms > 0)";
        outside.query_row(sql, (), |row| row.get(0)).unwrap()
    };
    let mut longest = 0;
    while is_left() {
        store.commit_of("silent", vec![set("key", "value")]).await;
        longest = longest.max(log_len(&store.path()));
    }
    reading.end().await;
    println!("the log had at most {longest} bytes");
    assert!(longest < LOG_MAX_AFTER_STALLS);
}
