//! A store under examination, with short names for what the checks do all the time.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::TestClock;
use crate::kv::{
    KvBackend, KvCheck, KvCommit, KvCommitted, KvEntry, KvError, KvMutation, KvQuota, KvRange, KvUsage,
};
use crate::plugin::PluginId;

/// Panics with the name of a rule unless it is kept.
macro_rules! rule {
    ($name:literal, $kept:expr, $($found:tt)+) => {
        assert!($kept, "the store breaks the rule `{}`: {}", $name, format_args!($($found)+))
    };
}
pub(super) use rule;

/// How commits are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By `commit`.
    Awaited,
    /// By `commit_blocking`, on a thread that may be blocked.
    Blocking,
    /// In both ways by turns.
    Mixed,
}

/// One plugin's view of a store.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) backend: Arc<dyn KvBackend>,
    pub(super) clock: TestClock,
    pub(super) plugin: PluginId,
    pub(super) way: Way,
    turns: Arc<AtomicUsize>,
}

impl Store {
    pub(super) fn new(backend: Arc<dyn KvBackend>, clock: TestClock, way: Way) -> Self {
        Self {
            backend,
            clock,
            plugin: plugin("examined"),
            way,
            turns: Arc::default(),
        }
    }

    /// The same store for another plugin.
    pub(super) fn of(&self, id: &PluginId) -> Self {
        Self {
            plugin: id.clone(),
            ..self.clone()
        }
    }

    pub(super) async fn get_many(&self, keys: Vec<Bytes>) -> Vec<KvEntry> {
        succeeded("get", self.backend.get(&self.plugin, keys).await)
    }

    pub(super) async fn get(&self, key: impl AsRef<[u8]>) -> Option<KvEntry> {
        let mut found = self.get_many(vec![bytes(key)]).await;
        rule!(
            "get.one",
            found.len() <= 1,
            "asked for one key, it answered {} entries",
            found.len()
        );
        found.pop()
    }

    pub(super) async fn value(&self, key: impl AsRef<[u8]>) -> Option<Bytes> {
        self.get(key).await.map(|entry| entry.value)
    }

    /// The version of a key, 0 when it is missing.
    pub(super) async fn version(&self, key: impl AsRef<[u8]>) -> u64 {
        self.get(key).await.map_or(0, |entry| entry.version)
    }

    pub(super) async fn list(&self, range: KvRange) -> Vec<KvEntry> {
        succeeded("list", self.backend.list(&self.plugin, range).await)
    }

    pub(super) async fn all(&self) -> Vec<KvEntry> {
        self.list(everything()).await
    }

    pub(super) async fn try_commit(
        &self,
        checks: Vec<KvCheck>,
        mutations: Vec<KvMutation>,
        quota: KvQuota,
    ) -> Result<KvCommitted, KvError> {
        let commit = KvCommit {
            checks,
            mutations,
            quota,
        };
        let blocks = match self.way {
            Way::Awaited => false,
            Way::Blocking => true,
            Way::Mixed => self.turns.fetch_add(1, Ordering::Relaxed) % 2 == 1,
        };
        if blocks {
            self.commit_blocking(commit).await
        } else {
            self.backend.commit(&self.plugin, commit).await
        }
    }

    async fn commit_blocking(&self, commit: KvCommit) -> Result<KvCommitted, KvError> {
        let (backend, plugin) = (Arc::clone(&self.backend), self.plugin.clone());
        let done = tokio::task::spawn_blocking(move || backend.commit_blocking(&plugin, commit)).await;
        match done.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(answer) => answer,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(error)) => panic!("the runtime ended in the middle of the suite: {error}"),
        }
    }

    pub(super) async fn checked(
        &self,
        checks: Vec<KvCheck>,
        mutations: Vec<KvMutation>,
    ) -> Result<KvCommitted, KvError> {
        self.try_commit(checks, mutations, KvQuota::UNLIMITED).await
    }

    pub(super) async fn commit(&self, mutations: Vec<KvMutation>) -> KvCommitted {
        succeeded("commit", self.checked(Vec::new(), mutations).await)
    }

    pub(super) async fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> u64 {
        self.commit(vec![set(key, value)]).await.version
    }

    pub(super) async fn delete(&self, key: impl AsRef<[u8]>) {
        self.commit(vec![delete(key)]).await;
    }

    pub(super) async fn usage(&self) -> KvUsage {
        self.commit(Vec::new()).await.usage
    }
}

fn succeeded<T>(what: &str, result: Result<T, KvError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the store breaks the rule `{what}.succeeds`: it answered {error:?}"),
    }
}

pub(super) fn plugin(id: &str) -> PluginId {
    PluginId::new(id).expect("the suite uses valid ids")
}

pub(super) fn bytes(bytes: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(bytes.as_ref())
}

pub(super) fn set(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> KvMutation {
    KvMutation::Set {
        key: bytes(key),
        value: bytes(value),
        ttl: None,
    }
}

pub(super) fn set_for(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, ttl: Duration) -> KvMutation {
    KvMutation::Set {
        key: bytes(key),
        value: bytes(value),
        ttl: Some(ttl),
    }
}

pub(super) fn delete(key: impl AsRef<[u8]>) -> KvMutation {
    KvMutation::Delete { key: bytes(key) }
}

pub(super) fn add(key: impl AsRef<[u8]>, delta: i64) -> KvMutation {
    KvMutation::Add {
        key: bytes(key),
        delta,
    }
}

pub(super) fn check(key: impl AsRef<[u8]>, version: u64) -> KvCheck {
    KvCheck {
        key: bytes(key),
        version,
    }
}

pub(super) const fn everything() -> KvRange {
    KvRange {
        start: Bound::Unbounded,
        end: Bound::Unbounded,
        descending: false,
        limit: 1_000_000,
    }
}

pub(super) fn keys(entries: &[KvEntry]) -> Vec<Bytes> {
    entries.iter().map(|entry| entry.key.clone()).collect()
}
