//! Commits that are dropped half-way.

use std::task::{Context, Waker};

use bytes::Bytes;

use super::store::{Store, bytes, everything, rule, set};
use crate::kv::{KvCommit, KvFuture, KvQuota};

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

pub(super) async fn check(store: &Store) {
    store.commit(KEYS.map(|key| set(key, "start")).to_vec()).await;
    for polls in 0..24 {
        let commit = KvCommit {
            checks: Vec::new(),
            mutations: KEYS.map(|key| set(key, format!("poll {polls}"))).to_vec(),
            quota: KvQuota::UNLIMITED,
        };
        let mut future = store.backend.commit(&store.plugin, commit);
        for _ in 0..polls {
            if is_ready(&mut future) {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(future);
        whole(store, polls).await;
        // Readers that are dropped do no harm either.
        is_ready(&mut store.backend.get(&store.plugin, KEYS.map(bytes).to_vec()));
        is_ready(&mut store.backend.list(&store.plugin, everything()));
        whole(store, polls).await;
    }
    store.set("after", "").await;
    rule!(
        "cancel.harmless",
        store.get("after").await.is_some(),
        "a commit after dropped ones is not there"
    );
}

async fn whole(store: &Store, polls: usize) {
    for _ in 0..3 {
        let entries = store.get_many(KEYS.map(bytes).to_vec()).await;
        let values: Vec<Bytes> = entries.iter().map(|entry| entry.value.clone()).collect();
        rule!(
            "cancel.all-or-nothing",
            values.len() == KEYS.len() && values.iter().all(|value| *value == values[0]),
            "a commit dropped after {polls} polls left {values:?}"
        );
        tokio::task::yield_now().await;
    }
}

/// Polls once.
fn is_ready<T>(future: &mut KvFuture<'_, T>) -> bool {
    let cx = &mut Context::from_waker(Waker::noop());
    future.as_mut().poll(cx).is_ready()
}
