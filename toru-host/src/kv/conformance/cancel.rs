//! Commits that are dropped half-way.

use std::task::{Context, Waker};

use bytes::Bytes;

use super::store::{Store, bytes, everything, rule, set};
use crate::kv::{KvCommit, KvQuota};

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
            if future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_ready()
            {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(future);
        whole(store, polls).await;
        // Readers that are dropped do no harm either.
        let cx = &mut Context::from_waker(Waker::noop());
        let _ = store
            .backend
            .get(&store.plugin, KEYS.map(bytes).to_vec())
            .as_mut()
            .poll(cx)
            .is_ready();
        let _ = store
            .backend
            .list(&store.plugin, everything())
            .as_mut()
            .poll(cx)
            .is_ready();
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
        rule!(
            "cancel.all-or-nothing",
            entries.iter().all(|entry| entry.version == entries[0].version),
            "a commit dropped after {polls} polls left entries of different versions"
        );
        tokio::task::yield_now().await;
    }
}
