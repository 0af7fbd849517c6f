//! Expired entries go, whoever writes or does not.

use std::ops::Bound::Unbounded;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use toru_host::clock::Clock;
use toru_host::kv::{KvBackend, KvError, KvMutation, KvQuota, KvRange, KvUsage, MemoryKv};

use crate::random::{Random, cases};
use crate::store::{Store, bytes, commit, delete, id, set, set_for};

const SECOND: Duration = Duration::from_secs(1);
/// More than one transaction removes.
const MANY: usize = 2500;

const fn seconds(n: usize) -> Duration {
    Duration::from_secs(n as u64)
}

/// How many entries are stored, expired or not.
fn stored(outside: &Connection) -> i64 {
    let sql = "SELECT count(*) FROM plugin_kv";
    outside.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Waits until so many are stored.
fn wait_for(outside: &Connection, wanted: i64) {
    let deadline = Instant::now() + 60 * SECOND;
    while stored(outside) != wanted {
        assert!(Instant::now() < deadline, "{} are still there", stored(outside));
        std::thread::yield_now();
    }
}

fn short(keys: usize) -> Vec<KvMutation> {
    (0..keys).map(|n| set_for(&format!("k{n}"), SECOND)).collect()
}

#[tokio::test]
async fn entries_of_a_plugin_that_is_silent_go_between_the_writes_of_another_one() {
    let store = Store::new();
    store.commit_of("silent", short(MANY)).await;
    store.commit_of("silent", vec![set("stays", "v")]).await;
    store.clock.pass(59 * SECOND);
    store.set("k", "1").await;
    store.set("k", "2").await;
    let outside = store.outside();
    assert_eq!(stored(&outside), MANY as i64 + 2, "it is not yet time");
    store.clock.pass(SECOND);
    // Each write is followed by a step of the sweep, which is over when the next one is answered.
    for (n, left) in [(3, 1500), (4, 500), (5, 0)] {
        store.set("k", &n.to_string()).await;
        store.set("k", "after").await;
        assert!(stored(&outside) <= left + 2);
    }
    let usage = store.commit_of("silent", Vec::new()).await.usage;
    assert_eq!(usage, KvUsage { keys: 1, bytes: 6 });
    assert_usage(&outside);
}

#[tokio::test]
async fn entries_go_while_nobody_does_anything() {
    let store = Store::with(|builder| builder.sweep_interval(Duration::from_millis(1)));
    store.commit_of("silent", short(MANY)).await;
    store.clock.pass(SECOND);
    let outside = store.outside();
    wait_for(&outside, 0);
    assert_usage(&outside);
}

#[tokio::test]
async fn entries_go_after_the_store_was_opened() {
    let store = Store::new();
    store.commit_of("silent", short(MANY)).await;
    store.clock.pass(SECOND);
    let store = store.reopen();
    wait_for(&store.outside(), 0);
}

#[tokio::test]
async fn a_sweep_that_fails_is_made_again() {
    let store = Store::with(|builder| builder.sweep_interval(Duration::from_millis(1)));
    store.commit_of("silent", short(10)).await;
    let outside = store.outside();
    outside.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.clock.pass(SECOND);
    // Reads go on, and some sweeps fail meanwhile.
    for _ in 0..1000 {
        assert_eq!(store.get_of("silent", "k1").await, None);
        std::thread::yield_now();
    }
    assert_eq!(stored(&outside), 10);
    outside.execute_batch("COMMIT").unwrap();
    wait_for(&outside, 0);
    store.set("k", "v").await;
}

#[tokio::test]
async fn a_commit_removes_only_so_much_and_tells_what_is_used_all_the_same() {
    let store = Store::new();
    store.commit(Vec::new(), short(MANY)).await.unwrap();
    store.set("stays", "v").await;
    // Answered when the sweep after the start is over, which would find what expires now.
    store.usage().await;
    store.clock.pass(SECOND);
    let outside = store.outside();
    let mut left = MANY as i64;
    for _ in 0..3 {
        assert_eq!(store.usage().await, KvUsage { keys: 1, bytes: 6 });
        left = (left - 1000).max(0);
        assert_eq!(stored(&outside), left + 1);
        assert_usage(&outside);
    }
}

#[tokio::test]
async fn what_has_expired_and_is_still_stored_is_gone_for_commits() {
    let store = Store::new();
    let version = store.commit(Vec::new(), short(MANY)).await.unwrap().version;
    // Answered when the sweep after the start is over, which would find what expires now.
    store.usage().await;
    store.clock.pass(SECOND);
    // Those that expired last are removed last; all expired at once, so by their keys.
    let outside = store.outside();
    store.usage().await;
    let sql = "SELECT CAST(key AS TEXT) FROM plugin_kv ORDER BY key DESC LIMIT 3";
    let mut statement = outside.prepare(sql).unwrap();
    let keys: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    drop(statement);
    let [one, two, three] = &keys[..] else {
        panic!("{keys:?}")
    };
    let stale = vec![crate::store::check(one, version)];
    assert_eq!(
        store.commit(stale, vec![delete(one)]).await,
        Err(KvError::Conflict)
    );
    let quota = KvQuota { keys: 2, bytes: 20 };
    let mutations = vec![set(one, "v"), crate::store::add(two, 5), delete(three)];
    let absent = vec![crate::store::check(one, 0)];
    let committed = store.commit_within(quota, absent, mutations).await.unwrap();
    let bytes = (one.len() + two.len() + 2) as u64;
    assert_eq!((committed.sum, committed.usage), (5, KvUsage { keys: 2, bytes }));
    assert_eq!(store.get(two).await.unwrap().expires_ms, None);
    let more = store
        .commit_within(quota, Vec::new(), vec![set("more", "")])
        .await;
    assert_eq!(more, Err(KvError::Quota));
    assert_usage(&outside);
}

#[tokio::test]
async fn a_clock_that_is_set_back_leaves_usage_and_lists_agreed() {
    let store = Store::new();
    for first in [0, MANY] {
        let entries = (first..first + MANY).map(|n| set_for(&format!("k{n}"), seconds(1 + n % 9)));
        store.commit(Vec::new(), entries.collect()).await.unwrap();
    }
    let mut random = Random::new();
    for _ in 0..30 {
        if random.below(2) == 0 {
            store.clock.pass(seconds(random.below(5)));
        } else {
            let back = seconds(random.below(3));
            store.clock.set_back(back.min(store.clock.elapsed()));
        }
        let listed = store.kv.list(&id("a"), all()).await.unwrap();
        let bytes = listed
            .iter()
            .map(|entry| (entry.key.len() + entry.value.len()) as u64);
        let listed = KvUsage {
            keys: listed.len() as u64,
            bytes: bytes.sum(),
        };
        // An empty commit may remove what has expired, but nothing of what was listed.
        assert_eq!(store.usage().await, listed);
    }
    assert_usage(&store.outside());
}

#[tokio::test]
async fn random_entries_that_expire_use_as_much_as_in_memory() {
    let mut random = Random::new();
    let store = Store::new();
    let memory = MemoryKv::with_clock(Arc::new(store.clock.clone()));
    for _ in 0..cases(60, 1_000) {
        let plugin = id(["a", "b", "c"][random.below(3)]);
        let changes = (0..random.below(1500)).map(|_| {
            let key = format!("k{}", random.below(4000));
            match random.below(8) {
                0 => delete(&key),
                1 => set(&key, &"v".repeat(random.below(30))),
                _ => set_for(&key, seconds(random.below(10))),
            }
        });
        let changes: Vec<_> = changes.collect();
        let quota = KvQuota {
            keys: 100 + random.below(3000) as u64,
            bytes: 100_000,
        };
        let ours = store
            .kv
            .commit(&plugin, commit(quota, Vec::new(), changes.clone()))
            .await;
        let theirs = memory.commit(&plugin, commit(quota, Vec::new(), changes)).await;
        assert_eq!(ours.map(|done| done.usage), theirs.map(|done| done.usage));
        if random.below(3) == 0 {
            store.clock.pass(seconds(random.below(20)));
        }
    }
    assert_usage(&store.outside());
}

#[tokio::test]
async fn what_was_removed_makes_room_in_the_file() {
    let store = Store::new();
    let value = "v".repeat(1000);
    let mut pages = Vec::new();
    for _ in 0..8 {
        let entries = (0..MANY).map(|n| KvMutation::Set {
            key: bytes(&format!("k{n}")),
            value: bytes(&value),
            ttl: Some(SECOND),
        });
        store.commit_of("silent", entries.collect()).await;
        store.clock.pass(60 * SECOND);
        for _ in 0..4 {
            store.set("k", "v").await;
        }
        let sql = "PRAGMA page_count";
        pages.push(
            store
                .outside()
                .query_row(sql, [], |row| row.get::<_, i64>(0))
                .unwrap(),
        );
    }
    assert!(pages[7] <= pages[0] + pages[0] / 10, "the file grows: {pages:?}");
}

/// The table of usage has exactly what is stored.
fn assert_usage(outside: &Connection) {
    let sql = "SELECT count(*) FROM plugin_usage AS used
               LEFT JOIN (SELECT plugin, count(*) AS keys, sum(length(key) + length(value)) AS bytes
                          FROM plugin_kv GROUP BY plugin) AS found USING (plugin)
               WHERE used.keys != ifnull(found.keys, 0) OR used.bytes != ifnull(found.bytes, 0)";
    let wrong: i64 = outside.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(wrong, 0, "usage is not what is stored");
}

const fn all() -> KvRange {
    KvRange {
        start: Unbounded,
        end: Unbounded,
        descending: false,
        limit: 100_000,
    }
}

/// How SQLite looks for something.
fn plan(outside: &Connection, sql: &str) -> String {
    let mut statement = outside.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
    steps.map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn what_has_expired_is_found_and_counted_by_the_index_alone() {
    let store = Store::new();
    store
        .commit(
            Vec::new(),
            (0..MANY).map(|n| set(&format!("k{n}"), "v")).collect(),
        )
        .await
        .unwrap();
    let outside = store.outside();
    for sql in [
        "SELECT count(*), coalesce(sum(length(key) + length(value)), 0) FROM plugin_kv
         WHERE plugin = 'a' AND expires_ms > 1 AND expires_ms <= 2",
        "SELECT key, length(key) + length(value) FROM plugin_kv
         WHERE plugin = 'a' AND expires_ms <= 2 ORDER BY expires_ms",
        "SELECT plugin FROM plugin_usage AS used WHERE EXISTS
         (SELECT 1 FROM plugin_kv WHERE plugin = used.plugin AND expires_ms <= 2)",
    ] {
        let plan = plan(&outside, sql);
        println!("{plan}");
        assert!(plan.contains("COVERING INDEX plugin_kv_expiry"), "{plan}");
    }
}
