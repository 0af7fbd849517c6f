//! The embedded store beside SQLite itself, on the same file and with the same settings.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rusqlite::Connection;
use tokio::runtime::Runtime;
use toru_benches::Result;
use toru_benches::hosted::Hosted;
use toru_benches::libraries::Libraries;
use toru_benches::process::resident;
use toru_benches::requests::Workload;
use toru_benches::rounds::{Turn, median, ratio, rounds};
use toru_benches::variants::{Serve as _, Tower};
use toru_benches_work::stored_key;
use toru_host::kv::{KvBackend, KvCommit, KvMutation, KvQuota, KvRange};
use toru_host::plugin::PluginId;
use toru_kv_sqlite::SqliteKv;

/// Entries of the warm database.
const ENTRIES: usize = 10_000;
/// Entries of the large one.
const MANY: usize = 1_000_000;
/// Length of a value.
const VALUE_LEN: usize = 100;
/// Reads of one batch.
const READS: usize = 1_000;
/// How long each way of reading runs.
const WHILE: Duration = Duration::from_millis(700);
const ROUNDS: usize = 30;
/// How long each way of writing goes on, and how often. Short, so that a moment in which the disk is busy with somebody
/// else's files spoils few of them.
const WRITE_WHILE: Duration = Duration::from_millis(20);
const WRITE_ROUNDS: usize = 100;
/// Where keys start that are new.
const FIRST_NEW: usize = 10_000_000;

fn main() -> Result {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()?;
    let path = folder.path().join("plugins.db");
    let store = Arc::new(SqliteKv::open(&path)?);
    fill(&runtime, &store, ENTRIES)?;
    // One part may be run alone.
    if std::env::args().nth(1).as_deref() == Some("writes") {
        return writes(&runtime, &store, &path);
    }
    let library = Libraries::build(folder.path())?.plugin;
    let host = Hosted::start_with(&library, "bench", |builder| builder.kv(Arc::clone(&store)));
    let host = runtime.block_on(host)?;
    gets(&runtime, &store, &host, &path)?;
    runtime.block_on(host.manager.shutdown());
    writes(&runtime, &store, &path)?;
    readers(&runtime, &store)?;
    pages(&runtime, &store)
}

/// One value, by its key, from a warm database.
fn gets(runtime: &Runtime, store: &SqliteKv, host: &Hosted, path: &Path) -> Result {
    let raw = Connection::open(path)?;
    let held = Connection::open(path)?;
    held.execute_batch("BEGIN")?;
    let plugin = plugin()?;
    let by_hand = |connection: &Connection| -> u64 {
        let sql = "SELECT value FROM plugin_kv WHERE plugin = ?1 AND key = ?2";
        let mut found = 0;
        for n in 0..READS {
            let Ok(mut statement) = connection.prepare_cached(sql) else {
                continue;
            };
            let value = statement.query_row((plugin.as_str(), &key(n)[..]), |row| row.get::<_, Vec<u8>>(0));
            found += u64::from(value.is_ok());
        }
        found
    };
    let by_trait = || async {
        let mut found = 0;
        for n in 0..READS {
            let entries = store.get(&plugin, vec![key(n)]).await.unwrap_or_default();
            found += entries.len() as u64;
        }
        found
    };
    // One request that reads as often: what crosses is the contract, a thousand times, and HTTP once.
    let mut service = Tower(host.service());
    let request = format!("/stored/{READS}");
    let mut by_plugin = || -> (u64, Duration) {
        let Ok(request) = Workload::get(&request) else {
            return (0, Duration::ZERO);
        };
        let start = Instant::now();
        let answer = runtime.block_on(service.serve(request));
        assert_eq!(
            answer,
            READS.to_string().len(),
            "the plugin did not find every value"
        );
        (READS as u64, start.elapsed())
    };
    let timed = |work: &dyn Fn() -> u64| {
        let start = Instant::now();
        (std::hint::black_box(work()), start.elapsed())
    };
    let mut turns: [Turn<'_>; 4] = [
        Box::new(|| timed(&|| by_hand(&raw))),
        Box::new(|| timed(&|| by_hand(&held))),
        Box::new(|| timed(&|| runtime.block_on(by_trait()))),
        Box::new(&mut by_plugin),
    ];
    let times = rounds(&mut turns, ROUNDS);
    println!(
        "get of {VALUE_LEN} bytes: raw {:.0} ns, raw in an open read transaction {:.0} ns, store {:.0} ns, \
         through the contract {:.0} ns",
        median(times[0].clone()),
        median(times[1].clone()),
        median(times[2].clone()),
        median(times[3].clone())
    );
    println!("  store / raw: {:.2} (goal 1.15)", ratio(&times[2], &times[0]));
    println!("  contract / raw: {:.2} (goal 1.3)", ratio(&times[3], &times[0]));
    println!(
        "  store / raw in an open transaction: {:.2}",
        ratio(&times[2], &times[1])
    );
    Ok(())
}

/// Durable writes, alone and many at once, against one transaction per write by hand: on the same file, with the same settings
/// and like keys and values.
fn writes(runtime: &Runtime, store: &Arc<SqliteKv>, path: &Path) -> Result {
    let raw = Connection::open(path)?;
    raw.pragma_update(None, "synchronous", "FULL")?;
    raw.busy_timeout(Duration::from_secs(5))?;
    let first_new = AtomicUsize::new(FIRST_NEW);
    type Way<'a> = (&'a str, Option<f64>, Box<dyn Fn() -> Result<f64> + 'a>);
    // One after the other, round by round, so that a busy moment hits all of them alike.
    let ways: [Way<'_>; 8] = [
        ("by hand", None, Box::new(|| by_hand(&raw, &repeated))),
        (
            "1 writer that blocks its thread, as by hand",
            Some(0.9),
            Box::new(|| blocking(store, &repeated)),
        ),
        (
            "1 writer",
            None,
            Box::new(|| at_once(runtime, store, 1, |_, n| repeated(n))),
        ),
        (
            "16 writers",
            Some(2.0),
            Box::new(|| at_once(runtime, store, 16, |writer, _| writer)),
        ),
        (
            "64 writers",
            Some(5.0),
            Box::new(|| at_once(runtime, store, 64, |writer, _| writer)),
        ),
        (
            "16 writers that block their threads",
            None,
            Box::new(|| blocking_at_once(store, 16)),
        ),
        (
            "by hand, each time a new key",
            None,
            Box::new(|| by_hand(&raw, &|_| first_new.fetch_add(1, Ordering::Relaxed))),
        ),
        (
            "1 writer that blocks its thread, each time a new key",
            None,
            Box::new(|| blocking(store, &|_| first_new.fetch_add(1, Ordering::Relaxed))),
        ),
    ];
    let mut rates = vec![Vec::new(); ways.len()];
    for round in 0..=WRITE_ROUNDS {
        for ((_, _, way), rates) in ways.iter().zip(&mut rates) {
            let rate = way()?;
            // The first round makes the entries that the others replace.
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    let mut hand = 0;
    for (n, (name, goal, _)) in ways.iter().enumerate() {
        if name.starts_with("by hand") {
            hand = n;
            println!("{name}: {:.0} durable commits/s", median(rates[n].clone()));
            continue;
        }
        let goal = goal.map_or_else(String::new, |goal| format!(" (goal {goal})"));
        println!(
            "  {name}: {:.0} durable commits/s, {:.2} of by hand{goal}",
            median(rates[n].clone()),
            ratio(&rates[n], &rates[hand])
        );
    }
    Ok(())
}

/// A thousand keys in turn.
fn repeated(n: usize) -> usize {
    n % 1000
}

/// Never the same value again: SQLite would find that nothing changes, and write nothing.
fn new_value() -> Vec<u8> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    format!("{:0VALUE_LEN$}", WRITTEN.fetch_add(1, Ordering::Relaxed)).into_bytes()
}

fn by_hand(raw: &Connection, which: &dyn Fn(usize) -> usize) -> Result<f64> {
    let sql = "INSERT INTO plugin_kv (plugin, key, value, version) VALUES ('raw', ?1, ?2, ?3)
               ON CONFLICT (plugin, key) DO UPDATE SET value = excluded.value, version = excluded.version";
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < WRITE_WHILE {
        raw.prepare_cached(sql)?
            .execute((&key(which(count as usize))[..], new_value(), count))?;
        count += 1;
    }
    Ok(rate(count.into(), start.elapsed()))
}

fn blocking(store: &SqliteKv, which: &dyn Fn(usize) -> usize) -> Result<f64> {
    let plugin = writing()?;
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < WRITE_WHILE {
        store.commit_blocking(&plugin, write(which(count)))?;
        count += 1;
    }
    Ok(rate(count as u64, start.elapsed()))
}

fn blocking_at_once(store: &SqliteKv, writers: usize) -> Result<f64> {
    let rates = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| scope.spawn(move || blocking(store, &|_| writer).ok()))
            .collect();
        let rates = threads.into_iter().map(|thread| thread.join().ok().flatten());
        rates
            .map(|rate| rate.ok_or("a write failed"))
            .sum::<std::result::Result<f64, _>>()
    });
    Ok(rates?)
}

fn at_once(
    runtime: &Runtime,
    store: &Arc<SqliteKv>,
    writers: usize,
    which: fn(usize, usize) -> usize,
) -> Result<f64> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let store = Arc::clone(store);
            runtime.spawn(async move {
                let plugin = writing().ok()?;
                let mut count = 0;
                while start.elapsed() < WRITE_WHILE {
                    let commit = write(which(writer, count));
                    store.commit(&plugin, commit).await.ok()?;
                    count += 1;
                }
                Some(count as u64)
            })
        })
        .collect();
    let mut total = 0;
    for task in tasks {
        total += runtime.block_on(task)?.ok_or("a write failed")?;
    }
    Ok(rate(total, start.elapsed()))
}

/// Readers side by side while somebody writes.
fn readers(runtime: &Runtime, store: &Arc<SqliteKv>) -> Result {
    let mut ratios = Vec::new();
    let (mut one, mut four) = (0.0, 0.0);
    for _ in 0..5 {
        one = reading(runtime, store, 1)?;
        four = reading(runtime, store, 4)?;
        ratios.push(four / one);
    }
    println!(
        "reads beside a writer: 1 reader {one:.0}/s, 4 readers {four:.0}/s: {:.2} (goal 1.6 on 2 cores)",
        median(ratios)
    );
    Ok(())
}

fn reading(runtime: &Runtime, store: &Arc<SqliteKv>, readers: usize) -> Result<f64> {
    let is_over = Arc::new(AtomicBool::new(false));
    let total = Arc::new(AtomicU64::new(0));
    let (writing, over) = (Arc::clone(store), Arc::clone(&is_over));
    let writer = runtime.spawn(async move {
        let plugin = plugin().ok()?;
        while !over.load(Ordering::Relaxed) {
            writing.commit(&plugin, set(ENTRIES + 1)).await.ok()?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Some(())
    });
    let start = Instant::now();
    let threads: Vec<_> = (0..readers)
        .map(|_| {
            let (store, total) = (Arc::clone(store), Arc::clone(&total));
            runtime.spawn(async move {
                let plugin = plugin().ok()?;
                let mut n = 0;
                while start.elapsed() < WHILE {
                    for _ in 0..100 {
                        n = (n + 7) % ENTRIES;
                        store.get(&plugin, vec![key(n)]).await.ok()?;
                    }
                    total.fetch_add(100, Ordering::Relaxed);
                }
                Some(())
            })
        })
        .collect();
    for thread in threads {
        runtime.block_on(thread)?.ok_or("a read failed")?;
    }
    let took = start.elapsed();
    is_over.store(true, Ordering::Relaxed);
    runtime.block_on(writer)?.ok_or("a write failed")?;
    Ok(rate(total.load(Ordering::Relaxed), took))
}

/// Pages at the beginning and at the end of a million entries.
fn pages(runtime: &Runtime, store: &SqliteKv) -> Result {
    fill(runtime, store, MANY)?;
    let plugin = plugin()?;
    let page = |from: usize| {
        let range = KvRange {
            start: Bound::Included(key(from)),
            end: Bound::Unbounded,
            descending: false,
            limit: 100,
        };
        let start = Instant::now();
        let found = runtime.block_on(store.list(&plugin, range)).unwrap_or_default();
        (found.len() as u64, start.elapsed())
    };
    let mut turns: [Turn<'_>; 2] = [Box::new(|| page(0)), Box::new(|| page(MANY - 200))];
    let times = rounds(&mut turns, ROUNDS);
    println!(
        "pages of 100 of {MANY} entries, for each entry: {:.0} ns at the beginning, {:.0} ns at the end: {:.2}",
        median(times[0].clone()),
        median(times[1].clone()),
        ratio(&times[1], &times[0])
    );
    let before = resident()?;
    let (mut start, mut seen, mut most) = (Bound::Unbounded, 0, before);
    loop {
        let range = KvRange {
            start,
            end: Bound::Unbounded,
            descending: false,
            limit: 100,
        };
        let found = runtime.block_on(store.list(&plugin, range))?;
        seen += found.len();
        most = most.max(resident()?);
        let Some(last) = found.last() else { break };
        start = Bound::Excluded(last.key.clone());
    }
    println!(
        "all {seen} entries page by page: {} KiB more memory at most",
        (most - before) / 1024
    );
    Ok(())
}

fn fill(runtime: &Runtime, store: &SqliteKv, entries: usize) -> Result {
    let plugin = plugin()?;
    for first in (0..entries).step_by(2_000) {
        let mut commit = set(first);
        commit.mutations = (first..(first + 2_000).min(entries))
            .flat_map(|n| set(n).mutations)
            .collect();
        runtime.block_on(store.commit(&plugin, commit))?;
    }
    Ok(())
}

fn plugin() -> Result<PluginId> {
    Ok("bench".parse()?)
}

/// The plugin whose entries are written.
fn writing() -> Result<PluginId> {
    Ok("writing".parse()?)
}

fn key(n: usize) -> Bytes {
    stored_key(n).into()
}

fn set(n: usize) -> KvCommit {
    KvCommit {
        checks: Vec::new(),
        mutations: vec![KvMutation::Set {
            key: key(n),
            value: vec![b'v'; VALUE_LEN].into(),
            ttl: None,
        }],
        quota: KvQuota::UNLIMITED,
    }
}

fn write(n: usize) -> KvCommit {
    let mut commit = set(n);
    if let Some(KvMutation::Set { value, .. }) = commit.mutations.first_mut() {
        *value = new_value().into();
    }
    commit
}

#[expect(clippy::cast_precision_loss, reason = "counts of a second are small")]
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
