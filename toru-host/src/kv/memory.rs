//! A backend that keeps everything in memory: for tests, and for plugins whose data may go with the process.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use uuid::Uuid;

use super::{KvBackend, KvCommit, KvCommitted, KvEntry, KvError, KvFuture, KvMutation, KvRange, KvUsage};
use crate::plugin::PluginId;

/// A store in memory. Its data is gone when the process ends.
#[derive(Debug)]
pub struct MemoryKv {
    state: Mutex<State>,
    instance_id: String,
}

#[derive(Clone, Debug, Default)]
struct State {
    plugins: HashMap<PluginId, BTreeMap<Bytes, KvEntry>>,
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
            instance_id: instance_id.hyphenated().to_string(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit_now(&self, plugin: &PluginId, commit: KvCommit) -> Result<KvCommitted, KvError> {
        let now = now_ms();
        let mut state = self.state();
        let version = state.last_version + 1;
        let entries = state.plugins.entry(plugin.clone()).or_default();
        entries.retain(|_, entry| is_live(entry, now));
        let before = usage(entries.values());
        for check in &commit.checks {
            if entries.get(&check.key).map_or(0, |entry| entry.version) != check.version {
                return Err(KvError::Conflict);
            }
        }
        if commit.mutations.is_empty() {
            let usage = before;
            return Ok(KvCommitted {
                usage,
                ..KvCommitted::default()
            });
        }
        // Changes are collected first, so that a failing one leaves nothing behind.
        let mut changes: BTreeMap<Bytes, Option<KvEntry>> = BTreeMap::new();
        let mut sum = 0;
        for mutation in commit.mutations {
            let (key, entry) = match mutation {
                KvMutation::Delete { key } => (key, None),
                KvMutation::Set { key, value, ttl } => {
                    let expires_ms =
                        ttl.map(|ttl| now.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)));
                    (
                        key.clone(),
                        Some(KvEntry {
                            key,
                            value,
                            version,
                            expires_ms,
                        }),
                    )
                }
                KvMutation::Add { key, delta } => {
                    let current = changes
                        .get(&key)
                        .map_or_else(|| entries.get(&key), Option::as_ref);
                    let number = current.map_or(Ok(0), |entry| parse_number(&entry.value))?;
                    sum = number.checked_add(delta).ok_or(KvError::NotANumber)?;
                    let expires_ms = current.and_then(|entry| entry.expires_ms);
                    (
                        key.clone(),
                        Some(KvEntry {
                            key,
                            value: sum.to_string().into(),
                            version,
                            expires_ms,
                        }),
                    )
                }
            };
            changes.insert(key, entry);
        }
        let mut usage = before;
        for (key, entry) in &changes {
            if let Some(old) = entries.get(key) {
                usage.keys -= 1;
                usage.bytes -= size(old);
            }
            if let Some(new) = entry {
                usage.keys += 1;
                usage.bytes += size(new);
            }
        }
        let is_too_much = |now, before, quota| now > quota && now > before;
        if is_too_much(usage.keys, before.keys, commit.quota.keys)
            || is_too_much(usage.bytes, before.bytes, commit.quota.bytes)
        {
            return Err(KvError::Quota);
        }
        for (key, entry) in changes {
            match entry {
                Some(entry) => entries.insert(key, entry),
                None => entries.remove(&key),
            };
        }
        state.last_version = version;
        Ok(KvCommitted { version, sum, usage })
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
            let now = now_ms();
            let state = self.state();
            let Some(entries) = state.plugins.get(plugin) else {
                return Ok(Vec::new());
            };
            let found = keys.iter().filter_map(|key| entries.get(key));
            Ok(found.filter(|entry| is_live(entry, now)).cloned().collect())
        })
    }

    fn list<'a>(&'a self, plugin: &'a PluginId, range: KvRange) -> KvFuture<'a, Vec<KvEntry>> {
        Box::pin(async move {
            let now = now_ms();
            let state = self.state();
            let Some(entries) = state.plugins.get(plugin).filter(|_| !is_empty(&range)) else {
                return Ok(Vec::new());
            };
            let found = entries.range((range.start, range.end)).map(|(_, entry)| entry);
            let live = found.filter(|entry| is_live(entry, now));
            Ok(if range.descending {
                live.rev().take(range.limit).cloned().collect()
            } else {
                live.take(range.limit).cloned().collect()
            })
        })
    }

    fn commit<'a>(&'a self, plugin: &'a PluginId, commit: KvCommit) -> KvFuture<'a, KvCommitted> {
        Box::pin(async move { self.commit_now(plugin, commit) })
    }

    fn instance_id(&self) -> KvFuture<'_, String> {
        Box::pin(async move { Ok(self.instance_id.clone()) })
    }
}

fn usage<'a>(entries: impl Iterator<Item = &'a KvEntry>) -> KvUsage {
    entries.fold(KvUsage::default(), |usage, entry| KvUsage {
        keys: usage.keys + 1,
        bytes: usage.bytes + size(entry),
    })
}

const fn size(entry: &KvEntry) -> u64 {
    (entry.key.len() + entry.value.len()) as u64
}

fn parse_number(value: &[u8]) -> Result<i64, KvError> {
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(KvError::NotANumber)
}

/// Whether a range holds no key at all; `BTreeMap::range` panics on some of those.
fn is_empty(range: &KvRange) -> bool {
    match (&range.start, &range.end) {
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => {
            start >= end
        }
        _ => false,
    }
}

const fn is_live(entry: &KvEntry, now: u64) -> bool {
    match entry.expires_ms {
        Some(expires) => expires > now,
        None => true,
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
