//! A backend that keeps everything in memory: for tests, and for plugins whose data may go with the process.

mod shelf;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use uuid::Uuid;

use self::shelf::{Changes, Shelf};
use super::{KvBackend, KvCommit, KvCommitted, KvEntry, KvError, KvFuture, KvRange};
use crate::clock::{Clock, SystemClock};
use crate::plugin::PluginId;

/// A store in memory. Its data is gone when the process ends.
///
/// The work of a call grows with the entries that it names, not with those stored. Expired entries are removed by the
/// next call, whichever plugin it is for; each of them costs that once.
#[derive(Debug)]
pub struct MemoryKv {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    instance_id: String,
}

/// What is stored. Nothing in it has expired once [`State::remove_expired`] was called.
#[derive(Debug, Default)]
struct State {
    shelves: HashMap<PluginId, Shelf>,
    /// Every entry that will expire, the next one first.
    expiring: BTreeSet<(u64, PluginId, Bytes)>,
    last_version: u64,
}

impl MemoryKv {
    /// An empty store of a new installation.
    #[must_use]
    pub fn new() -> Self {
        Self::with_instance_id(Uuid::new_v4())
    }

    /// An empty store of a known installation.
    #[must_use]
    pub fn with_instance_id(instance_id: Uuid) -> Self {
        Self {
            state: Mutex::default(),
            clock: Arc::new(SystemClock::default()),
            instance_id: instance_id.hyphenated().to_string(),
        }
    }

    /// An empty store of a new installation, whose entries expire by this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..Self::new() }
    }

    /// The state without expired entries, and the time in milliseconds.
    fn state(&self) -> (MutexGuard<'_, State>, u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that the time of one commit is not before that of an earlier one.
        let now = self.clock.unix_ms();
        state.remove_expired(now);
        (state, now)
    }
}

impl Default for MemoryKv {
    fn default() -> Self {
        Self::new()
    }
}

impl KvBackend for MemoryKv {
    fn get<'a>(&'a self, plugin: &'a PluginId, keys: Vec<Bytes>) -> KvFuture<'a, Vec<KvEntry>> {
        Box::pin(async move {
            let (state, _) = self.state();
            let shelf = state.shelves.get(plugin);
            Ok(shelf.map_or_else(Vec::new, |shelf| shelf.get(&keys)))
        })
    }

    fn list<'a>(&'a self, plugin: &'a PluginId, range: KvRange) -> KvFuture<'a, Vec<KvEntry>> {
        Box::pin(async move {
            let (state, _) = self.state();
            let shelf = state.shelves.get(plugin);
            Ok(shelf.map_or_else(Vec::new, |shelf| shelf.list(range)))
        })
    }

    fn commit<'a>(&'a self, plugin: &'a PluginId, commit: KvCommit) -> KvFuture<'a, KvCommitted> {
        Box::pin(async move {
            let (mut state, now) = self.state();
            state.commit(plugin, commit, now)
        })
    }

    fn instance_id(&self) -> KvFuture<'_, String> {
        Box::pin(async move { Ok(self.instance_id.clone()) })
    }
}

impl State {
    fn remove_expired(&mut self, now: u64) {
        while self.expiring.first().is_some_and(|(expires, ..)| *expires <= now) {
            let Some((_, plugin, key)) = self.expiring.pop_first() else {
                break;
            };
            self.change(&plugin, key, None);
        }
    }

    fn commit(&mut self, plugin: &PluginId, commit: KvCommit, now: u64) -> Result<KvCommitted, KvError> {
        let empty = Shelf::default();
        let shelf = self.shelves.get(plugin).unwrap_or(&empty);
        shelf.check(&commit.checks)?;
        if commit.mutations.is_empty() {
            return Ok(KvCommitted {
                usage: shelf.usage(),
                ..KvCommitted::default()
            });
        }
        // Changes are collected first, so that a failing one leaves nothing behind.
        let version = self.last_version + 1;
        let Changes { entries, sum, usage } = shelf.plan(commit.mutations, commit.quota, version, now)?;
        self.last_version = version;
        for (key, entry) in entries {
            self.change(plugin, key, entry);
        }
        Ok(KvCommitted { version, sum, usage })
    }

    /// Puts an entry in the place of what is there, or removes that.
    fn change(&mut self, plugin: &PluginId, key: Bytes, entry: Option<KvEntry>) {
        let expires = entry.as_ref().and_then(|entry| entry.expires_ms);
        let shelf = self.shelves.entry(plugin.clone()).or_default();
        let expired = shelf.replace(&key, entry).and_then(|old| old.expires_ms);
        if shelf.is_empty() {
            self.shelves.remove(plugin);
        }
        if let Some(expired) = expired {
            self.expiring.remove(&(expired, plugin.clone(), key.clone()));
        }
        if let Some(expires) = expires {
            self.expiring.insert((expires, plugin.clone(), key));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;
    use crate::kv::{KvMutation, KvQuota};

    fn set(key: String, ttl: Option<Duration>) -> KvMutation {
        KvMutation::Set {
            key: key.into(),
            value: "value".into(),
            ttl,
        }
    }

    async fn commit(store: &MemoryKv, plugin: &PluginId, mutations: Vec<KvMutation>) -> KvCommitted {
        let commit = KvCommit {
            checks: Vec::new(),
            mutations,
            quota: KvQuota::UNLIMITED,
        };
        store.commit(plugin, commit).await.unwrap()
    }

    #[tokio::test]
    async fn expired_entries_of_a_plugin_that_is_gone_do_not_stay() {
        #[derive(Debug)]
        struct Start;
        impl Clock for Start {
            fn now(&self) -> SystemTime {
                UNIX_EPOCH
            }
            fn elapsed(&self) -> Duration {
                Duration::ZERO
            }
        }
        let store = MemoryKv::with_clock(Arc::new(Start));
        let (gone, other) = (PluginId::new("gone").unwrap(), PluginId::new("other").unwrap());
        let second = Some(Duration::from_secs(1));
        commit(
            &store,
            &gone,
            (0..100).map(|n| set(n.to_string(), second)).collect(),
        )
        .await;
        commit(&store, &gone, (0..50).map(|n| set(n.to_string(), None)).collect()).await;
        {
            let mut state = store.state.lock().unwrap();
            assert_eq!(state.expiring.len(), 50, "what lives for ever is not waited for");
            state.remove_expired(1000);
            assert!(state.expiring.is_empty());
            assert_eq!(state.shelves[&gone].usage().keys, 50);
        }
        let keys = (0..50).map(|n: u8| KvMutation::Delete {
            key: n.to_string().into(),
        });
        commit(&store, &gone, keys.collect()).await;
        commit(&store, &other, vec![KvMutation::Delete { key: "none".into() }]).await;
        assert!(store.state.lock().unwrap().shelves.is_empty());
    }

    #[tokio::test]
    async fn an_entry_that_is_changed_again_and_again_is_waited_for_once() {
        let store = MemoryKv::new();
        let plugin = PluginId::new("busy").unwrap();
        for n in 1..=100 {
            let key = "key".to_owned();
            commit(
                &store,
                &plugin,
                vec![set(key, Some(Duration::from_secs(n * 1000)))],
            )
            .await;
        }
        assert_eq!(store.state.lock().unwrap().expiring.len(), 1);
    }
}
