//! Commits of callers that may be blocked, which are made on their own threads when nobody else writes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use toru_host::clock::Clock;
use toru_host::kv::{KvBackend, KvCheck, KvCommitted, KvError, KvMutation, KvQuota};

use crate::inline::once;
use crate::log::log_len;
use crate::store::{Store, add, bytes, check, commit, id, set, set_for};

impl Store {
    fn commit_blocking(
        &self,
        checks: Vec<KvCheck>,
        mutations: Vec<KvMutation>,
    ) -> Result<KvCommitted, KvError> {
        let commit = commit(KvQuota::UNLIMITED, checks, mutations);
        self.kv.commit_blocking(&id("a"), commit)
    }

    fn set_blocking(&self, key: &str, value: &str) -> KvCommitted {
        self.commit_blocking(Vec::new(), vec![set(key, value)]).unwrap()
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::yield_now();
    }
}

/// A clock that remembers who asked it what time it is, as whoever commits does, and panics for all but the writer's thread
/// when it is told to.
#[derive(Debug, Default)]
struct Witness {
    askers: Mutex<Vec<String>>,
    panics: AtomicBool,
}

impl Clock for Witness {
    fn now(&self) -> SystemTime {
        let asker = thread::current().name().unwrap_or_default().to_owned();
        let is_writer = asker == "toru-kv-writer";
        self.askers.lock().unwrap().push(asker);
        assert!(
            is_writer || !self.panics.load(Ordering::SeqCst),
            "the clock is broken"
        );
        SystemTime::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

impl Witness {
    fn store() -> (Arc<Self>, Store) {
        let clock = Arc::new(Self::default());
        let store = Store::with(|builder| builder.clock(Arc::<Self>::clone(&clock)));
        // The sweep after the start is over when the second one is answered, and no other one follows.
        once_made(&store);
        once_made(&store);
        clock.take();
        (clock, store)
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.askers.lock().unwrap())
    }
}

/// A commit that the writer's thread makes.
fn once_made(store: &Store) -> KvCommitted {
    toru_host::kv::block_on(store.set("queued", "v"))
}

#[test]
fn the_caller_makes_its_commit_itself_when_nobody_else_writes() {
    let (clock, store) = Witness::store();
    let caller = thread::current().name().unwrap().to_owned();
    let first = store.set_blocking("k", "1");
    let second = store.set_blocking("k", "2");
    assert_eq!(clock.take(), [&*caller, &*caller]);
    let third = once_made(&store);
    assert_eq!(clock.take(), ["toru-kv-writer"]);
    assert!(first.version < second.version && second.version < third.version);
    let refused = store.commit_blocking(vec![check("k", first.version)], vec![set("x", "")]);
    assert_eq!(refused, Err(KvError::Conflict));
    assert_eq!(third.usage.keys, 2);
    let found = toru_host::kv::block_on(store.value("k"));
    assert_eq!(found, Some(bytes("2")));
    store.kv.check_integrity().unwrap();
}

#[test]
fn what_was_queued_before_is_made_before() {
    let store = Store::new();
    for round in 0..200 {
        let mut queued = Box::pin(store.commit(Vec::new(), vec![add("n", 1)]));
        let made = once(queued.as_mut());
        let second = store.commit_blocking(Vec::new(), vec![add("n", 1)]).unwrap();
        assert_eq!(second.sum, 2 * round + 2);
        let first = made.unwrap_or_else(|| toru_host::kv::block_on(queued)).unwrap();
        assert_eq!(first.sum, 2 * round + 1);
        assert!(first.version < second.version);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_increment_is_lost_between_callers_of_both_kinds_and_no_version_is_given_twice() {
    let store = Arc::new(Store::new());
    let versions = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (store, versions) = (Arc::clone(&store), Arc::clone(&versions));
            thread::spawn(move || {
                for _ in 0..100 {
                    let made = store.commit_blocking(Vec::new(), vec![add("n", 1)]).unwrap();
                    versions.lock().unwrap().push(made.version);
                }
            })
        })
        .collect();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (store, versions) = (Arc::clone(&store), Arc::clone(&versions));
            tokio::spawn(async move {
                for _ in 0..100 {
                    let made = store.commit(Vec::new(), vec![add("n", 1)]).await.unwrap();
                    versions.lock().unwrap().push(made.version);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(store.value("n").await, Some(bytes("1600")));
    let versions = versions.lock().unwrap();
    assert_eq!(versions.iter().collect::<HashSet<_>>().len(), 1600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_never_stop_keep_nobody_waiting_who_is_queued() {
    let store = Arc::new(Store::new());
    let is_over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..2)
        .map(|_| {
            let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    store.commit_blocking(Vec::new(), vec![add("busy", 1)]).unwrap();
                }
            })
        })
        .collect();
    for _ in 0..100 {
        store.commit(Vec::new(), vec![add("queued", 1)]).await.unwrap();
    }
    assert_eq!(store.value("queued").await, Some(bytes("100")));
    is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.join().unwrap();
    }
}

#[test]
fn whoever_was_told_of_a_write_reads_it_on_any_thread() {
    let store = Store::new();
    thread::scope(|scope| {
        for caller in 0..4 {
            let store = &store;
            scope.spawn(move || {
                let key = format!("k{caller}");
                for round in 0..50 {
                    let value = round.to_string();
                    let version = store.set_blocking(&key, &value).version;
                    let entry = toru_host::kv::block_on(store.get(&key)).unwrap();
                    assert_eq!((entry.version, entry.value), (version, bytes(&value)));
                }
            });
        }
    });
}

#[test]
fn a_caller_that_panics_leaves_nothing_behind_and_the_store_goes_on() {
    let (clock, store) = Witness::store();
    let before = store.set_blocking("k", "before").version;
    clock.panics.store(true, Ordering::SeqCst);
    let panicking = std::panic::AssertUnwindSafe(|| store.set_blocking("k", "never"));
    std::panic::catch_unwind(panicking).unwrap_err();
    let queued = once_made(&store);
    clock.panics.store(false, Ordering::SeqCst);
    let found = toru_host::kv::block_on(store.get("k")).unwrap();
    assert_eq!((found.version, found.value), (before, bytes("before")));
    let after = store.set_blocking("k", "after");
    assert!(before < queued.version && queued.version < after.version);
    assert_eq!(after.usage.keys, 2);
    store.kv.check_integrity().unwrap();
}

#[test]
fn a_caller_beside_another_program_that_writes_is_refused_and_later_commits_are_made() {
    let store = Store::with(|builder| builder.busy_timeout(Duration::from_millis(50)));
    store.set_blocking("before", "v");
    let outside = store.outside();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..2 {
        let refused = store.commit_blocking(Vec::new(), vec![set("during", "v")]);
        assert_eq!(refused.unwrap_err().code(), "storage_failed");
    }
    outside.execute_batch("COMMIT").unwrap();
    assert_eq!(store.set_blocking("after", "v").usage.keys, 2);
}

#[test]
fn the_store_is_kept_tidy_where_all_commits_are_made_by_callers() {
    let store = Store::new();
    let expiring = commit(
        KvQuota::UNLIMITED,
        Vec::new(),
        vec![set_for("x", Duration::from_secs(1))],
    );
    store.kv.commit_blocking(&id("silent"), expiring).unwrap();
    let outside = store.outside();
    outside.execute_batch("BEGIN").unwrap();
    let count = || -> i64 {
        let sql = "SELECT count(*) FROM plugin_kv";
        store.outside().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    // While somebody reads, the log has to be kept.
    let seen: i64 = outside
        .query_row("SELECT count(*) FROM plugin_kv", [], |row| row.get(0))
        .unwrap();
    assert_eq!(seen, 1);
    for n in 0..80 {
        store.set_blocking("k", &format!("{n:04}").repeat(64 << 10));
    }
    assert!(log_len(&store.path()) > 16 << 20);
    outside.execute_batch("COMMIT").unwrap();
    store.clock.pass(Duration::from_secs(60));
    store.set_blocking("k", "v");
    wait_until("what has expired is still there", || count() == 1);
    wait_until("the log is still long", || log_len(&store.path()) < 1 << 20);
    store.kv.check_integrity().unwrap();
}

#[test]
fn a_store_that_was_closed_after_such_commits_has_put_its_log_back() {
    let store = Store::new();
    store.set_blocking("k", "v");
    let (path, folder) = (store.path(), Arc::clone(&store.folder));
    drop(store);
    assert!(!path.with_file_name("plugins.db-wal").exists());
    drop(folder);
}
