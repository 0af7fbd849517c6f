//! Many tasks at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::task::{JoinHandle, yield_now};

use super::history::{CALLS_MAX, Call, Op, is_linearisable};
use super::random::Random;
use super::store::{Store, add, check as expect, delete, everything, rule, set};
use crate::kv::{KvEntry, KvError};

const TASKS: usize = 8;
/// Keys that the tasks of a history use, so few that they meet.
const KEYS: [&str; 2] = ["x", "y"];

pub(super) async fn check(store: &Store, random: &mut Random, rounds: usize) {
    increments(store).await;
    swaps(store).await;
    snapshots(store, rounds.min(100)).await;
    for history in 0..rounds.div_ceil(10) {
        linearisable(store, random, history).await;
    }
}

/// 32 tasks count up the same number.
async fn increments(store: &Store) {
    let count = async |store: Store| {
        for _ in 0..8 {
            store.commit(vec![add("counter", 1)]).await;
            yield_now().await;
        }
    };
    all((0..32).map(|_| tokio::spawn(count(store.clone())))).await;
    let found = store.value("counter").await;
    rule!(
        "concurrent.add",
        found == Some("256".into()),
        "256 increments made {found:?}"
    );
}

/// Several tasks read, check and write the same number, and try again after a conflict.
async fn swaps(store: &Store) {
    let count = async |store: Store| {
        for _ in 0..8 {
            loop {
                let entry = store.get("swapped").await;
                let number = entry.as_ref().map_or(0, number);
                yield_now().await;
                let version = entry.map_or(0, |entry| entry.version);
                let changes = vec![set("swapped", (number + 1).to_string())];
                match store.checked(vec![expect("swapped", version)], changes).await {
                    Ok(_) => break,
                    Err(error) => rule!(
                        "concurrent.checks",
                        error == KvError::Conflict,
                        "a check among others is {error:?}"
                    ),
                }
            }
        }
    };
    all((0..TASKS).map(|_| tokio::spawn(count(store.clone())))).await;
    let found = store.value("swapped").await;
    rule!(
        "concurrent.checks",
        found == Some("64".into()),
        "64 checked increments made {found:?}"
    );
}

/// One task changes several keys together, others read them together.
async fn snapshots(store: &Store, rounds: usize) {
    let keys: Vec<_> = (0..6).map(|n| Bytes::from(format!("snapshot {n}"))).collect();
    let change = |store: Store, keys: Vec<Bytes>| async move {
        for round in 0..rounds {
            let value = round.to_string();
            store
                .commit(keys.iter().map(|key| set(key, &value)).collect())
                .await;
            yield_now().await;
        }
    };
    let read = |store: Store, keys: Vec<Bytes>| async move {
        for _ in 0..rounds {
            one_moment("get", &store.get_many(keys.clone()).await, keys.len());
            yield_now().await;
            let mut range = everything();
            range.start = std::ops::Bound::Included(keys[0].clone());
            range.end = std::ops::Bound::Included(keys[keys.len() - 1].clone());
            one_moment("list", &store.list(range.clone()).await, keys.len());
            yield_now().await;
            range.descending = true;
            one_moment("list", &store.list(range).await, keys.len());
            yield_now().await;
        }
    };
    let mut tasks = vec![tokio::spawn(change(store.clone(), keys.clone()))];
    tasks.extend((0..2).map(|_| tokio::spawn(read(store.clone(), keys.clone()))));
    all(tasks).await;
}

fn one_moment(what: &str, entries: &[KvEntry], all: usize) {
    let same = entries
        .windows(2)
        .all(|two| two[0].value == two[1].value && two[0].version == two[1].version);
    let found = || -> Vec<_> { entries.iter().map(|entry| (&entry.key, &entry.value)).collect() };
    rule!(
        "snapshot",
        same && (entries.is_empty() || entries.len() == all),
        "{what} shows a commit in part: {:?}",
        found()
    );
}

/// Tasks do what they like with few keys; what they saw has to have an order.
async fn linearisable(store: &Store, random: &mut Random, history: usize) {
    store.commit(KEYS.map(delete).to_vec()).await;
    let ticks = Arc::new(AtomicU64::new(0));
    let tasks = (0..TASKS).map(|_| {
        let (store, ticks, random) = (store.clone(), Arc::clone(&ticks), Random::new(random.next()));
        tokio::spawn(act(store, ticks, random))
    });
    let calls: Vec<_> = all(tasks).await.into_iter().flatten().collect();
    for key in KEYS {
        let calls: Vec<_> = calls
            .iter()
            .filter(|(of, _)| *of == key)
            .map(|(_, call)| call.clone())
            .collect();
        rule!(
            "concurrent.linearisable",
            is_linearisable(&calls),
            "in history {history}, no order explains what was seen of one key: {calls:#?}"
        );
    }
}

async fn act(store: Store, ticks: Arc<AtomicU64>, mut random: Random) -> Vec<(&'static str, Call)> {
    let mut calls = Vec::new();
    let mut last_version = 0;
    for _ in 0..CALLS_MAX / TASKS {
        let key = *random.one_of(&KEYS);
        let value = i64::try_from(random.below(1000)).unwrap_or(0);
        let start = ticks.fetch_add(1, Ordering::SeqCst);
        let op = match random.below(7) {
            0 => {
                store.delete(key).await;
                Op::Delete
            }
            1 => {
                let version = store.set(key, value.to_string()).await;
                Op::Set { value, version }
            }
            2 => {
                let done = store.commit(vec![add(key, value)]).await;
                let (sum, version) = (done.sum, done.version);
                let delta = value;
                Op::Add { delta, sum, version }
            }
            3 | 4 => {
                let expected = if random.below(4) == 0 { 0 } else { last_version };
                let result = store
                    .checked(vec![expect(key, expected)], vec![set(key, value.to_string())])
                    .await;
                let version = match result {
                    Ok(done) => Some(done.version),
                    Err(KvError::Conflict) => None,
                    Err(error) => {
                        panic!(
                            "the store breaks the rule `concurrent.checks`: a check among others is {error:?}"
                        )
                    }
                };
                Op::Swap {
                    expected,
                    value,
                    version,
                }
            }
            _ => {
                let entry = store.get(key).await;
                last_version = entry.as_ref().map_or(0, |entry| entry.version);
                Op::Get(entry.map(|entry| (number(&entry), entry.version)))
            }
        };
        let end = ticks.fetch_add(1, Ordering::SeqCst);
        calls.push((key, Call { start, end, op }));
        yield_now().await;
    }
    calls
}

fn number(entry: &KvEntry) -> i64 {
    let text = std::str::from_utf8(&entry.value).ok();
    let number = text.and_then(|text| text.parse().ok());
    number.unwrap_or_else(|| {
        panic!("the store breaks the rule `get.stored`: numbers were stored, found {entry:?}")
    })
}

/// Waits for all tasks; a broken rule in one of them is a broken rule here.
async fn all<T>(tasks: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    let tasks: Vec<_> = tasks.into_iter().collect();
    let mut done = Vec::new();
    for task in tasks {
        match task.await {
            Ok(value) => done.push(value),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => panic!("the runtime ended in the middle of the suite: {error}"),
            },
        }
    }
    done
}
