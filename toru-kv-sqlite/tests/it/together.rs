//! Many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use toru_host::clock::Clock;
use toru_host::kv::{KvBackend, KvCommit, KvError, KvQuota};

use crate::inline::once;
use crate::store::{Store, add, bytes, check, id, set};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_increment_is_lost_and_they_share_transactions() {
    let store = Arc::new(Store::new());
    let before = store.kv.transactions();
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for _ in 0..20 {
                store.commit(Vec::new(), vec![add("n", 1)]).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.value("n").await, Some(bytes("1280")));
    let transactions = store.kv.transactions() - before;
    assert!(
        transactions < 1280 / 2,
        "{transactions} transactions for 1280 commits"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_was_told_of_a_write_reads_it_on_any_thread() {
    let store = Arc::new(Store::new());
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let key = format!("k{task}");
            for round in 0..50 {
                let version = store.set(&key, &round.to_string()).await.version;
                // On whatever thread this goes on, and by whatever connection.
                tokio::task::yield_now().await;
                let entry = store.get(&key).await.unwrap();
                assert_eq!((entry.version, entry.value), (version, bytes(&round.to_string())));
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_keys_that_are_changed_together_are_always_seen_together() {
    let store = Arc::new(Store::new());
    store
        .commit(Vec::new(), vec![set("a", "0"), set("b", "0")])
        .await
        .unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..6 {
        let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
        readers.spawn(async move {
            let mut last = 0;
            while !is_over.load(Ordering::Relaxed) {
                let keys = vec![bytes("a"), bytes("b")];
                let found = store.kv.get(&id("a"), keys).await.unwrap();
                assert_eq!(found[0].value, found[1].value);
                assert!(found[0].version >= last, "time never goes back for a reader");
                last = found[0].version;
                tokio::task::yield_now().await;
            }
        });
    }
    for n in 1..200 {
        let n = n.to_string();
        store
            .commit(Vec::new(), vec![set("a", &n), set("b", &n)])
            .await
            .unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    readers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_saw_the_same_version_one_wins() {
    let store = Arc::new(Store::new());
    for round in 0..20 {
        let version = store.set("k", "start").await.version;
        let mut tasks = JoinSet::new();
        for task in 0..16 {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                store
                    .commit(vec![check("k", version)], vec![set("k", &task.to_string())])
                    .await
            });
        }
        let results = tasks.join_all().await;
        let won = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1, "round {round}");
        assert!(
            results
                .iter()
                .all(|result| matches!(result, Ok(_) | Err(KvError::Conflict)))
        );
    }
}

#[tokio::test]
async fn a_commit_whose_caller_goes_away_is_made_or_not_made_as_a_whole() {
    let store = Store::new();
    for polls in 0..4 {
        let key = format!("k{polls}");
        let commit = KvCommit {
            checks: Vec::new(),
            mutations: vec![set(&key, "1"), set(&format!("{key}-too"), "1")],
            quota: KvQuota::UNLIMITED,
        };
        let plugin = id("a");
        let mut future = store.kv.commit(&plugin, commit);
        for _ in 0..polls {
            let once = std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_ready()));
            if once.await {
                break;
            }
        }
        drop(future);
        // A later commit comes after it.
        store.set("later", "v").await;
        assert_eq!(
            store.get(&key).await.is_some(),
            store.get(&format!("{key}-too")).await.is_some()
        );
        assert_eq!(
            store.get(&key).await.is_some(),
            polls > 0,
            "what was accepted is made"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_commit_does_not_disturb_those_beside_it() {
    let store = Arc::new(Store::new());
    store.set("text", "no number").await;
    let mut tasks = JoinSet::new();
    for task in 0..60 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mutation = match task % 3 {
                0 => add("text", 1),
                _ => add("n", 1),
            };
            (task % 3, store.commit(Vec::new(), vec![mutation]).await)
        });
    }
    for (kind, result) in tasks.join_all().await {
        assert_eq!(result.is_err(), kind == 0);
    }
    assert_eq!(store.value("n").await, Some(bytes("40")));
}

#[tokio::test]
async fn what_was_accepted_is_made_when_the_store_is_closed() {
    let store = Store::new();
    let futures = (0..64).map(|n| store.commit(Vec::new(), vec![set(&format!("k{n}"), "v")]));
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    for future in &mut futures {
        let _ = once(future.as_mut());
    }
    drop(futures);
    let store = store.reopen();
    assert_eq!(store.usage().await.keys, 64);
}

/// A clock that panics for those who read, when it is told to.
#[derive(Debug, Default)]
struct Broken(AtomicBool);

impl Clock for Broken {
    fn now(&self) -> SystemTime {
        let is_writer = std::thread::current().name() == Some("toru-kv-writer");
        assert!(is_writer || !self.0.load(Ordering::SeqCst), "the clock is broken");
        SystemTime::UNIX_EPOCH
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[tokio::test]
async fn a_read_that_panics_gives_its_connection_back() {
    let clock = Arc::new(Broken::default());
    let store = Store::with(|builder| builder.clock(Arc::<Broken>::clone(&clock)));
    store.set("k", "1").await;
    for n in 0..20 {
        clock.0.store(true, Ordering::SeqCst);
        let read = std::panic::AssertUnwindSafe(|| once(std::pin::pin!(store.get("k"))));
        std::panic::catch_unwind(read).unwrap_err();
        clock.0.store(false, Ordering::SeqCst);
        let value = n.to_string();
        store.set("k", &value).await;
        assert_eq!(
            store.value("k").await,
            Some(bytes(&value)),
            "nothing is stale after it"
        );
    }
}
