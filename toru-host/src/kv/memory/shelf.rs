//! The entries of one plugin.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use bytes::Bytes;

use crate::kv::{KvCheck, KvEntry, KvError, KvMutation, KvQuota, KvRange, KvUsage};

/// The entries of one plugin, and what they use.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    entries: BTreeMap<Bytes, KvEntry>,
    usage: KvUsage,
}

/// What a commit comes to.
pub(super) struct Changes {
    /// The entries afterwards; `None` where there is none.
    pub(super) entries: BTreeMap<Bytes, Option<KvEntry>>,
    pub(super) sum: i64,
    pub(super) usage: KvUsage,
}

impl Shelf {
    pub(super) const fn usage(&self) -> KvUsage {
        self.usage
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn get(&self, keys: &[Bytes]) -> Vec<KvEntry> {
        keys.iter()
            .filter_map(|key| self.entries.get(key))
            .cloned()
            .collect()
    }

    pub(super) fn list(&self, range: KvRange) -> Vec<KvEntry> {
        if is_empty(&range) {
            return Vec::new();
        }
        let found = self
            .entries
            .range((range.start, range.end))
            .map(|(_, entry)| entry);
        if range.descending {
            found.rev().take(range.limit).cloned().collect()
        } else {
            found.take(range.limit).cloned().collect()
        }
    }

    pub(super) fn check(&self, checks: &[KvCheck]) -> Result<(), KvError> {
        let version = |key| self.entries.get(key).map_or(0, |entry| entry.version);
        if checks.iter().all(|check| version(&check.key) == check.version) {
            Ok(())
        } else {
            Err(KvError::Conflict)
        }
    }

    /// What the mutations come to, without making them.
    pub(super) fn plan(
        &self,
        mutations: Vec<KvMutation>,
        quota: KvQuota,
        version: u64,
        now: u64,
    ) -> Result<Changes, KvError> {
        let mut entries: BTreeMap<Bytes, Option<KvEntry>> = BTreeMap::new();
        let mut sum = 0;
        for mutation in mutations {
            let (key, written) = match mutation {
                KvMutation::Delete { key } => (key, None),
                KvMutation::Set { key, value, ttl } => (key, Some((value, ttl.map(|ttl| end(now, ttl))))),
                KvMutation::Add { key, delta } => {
                    let current = entries
                        .get(&key)
                        .map_or_else(|| self.entries.get(&key), Option::as_ref);
                    let number = current.map_or(Ok(0), |entry| parse_number(&entry.value))?;
                    sum = number.checked_add(delta).ok_or(KvError::NotANumber)?;
                    let expires_ms = current.and_then(|entry| entry.expires_ms);
                    (key, Some((sum.to_string().into(), expires_ms)))
                }
            };
            let entry = written.map(|(value, expires_ms)| KvEntry {
                key: key.clone(),
                value,
                version,
                expires_ms,
            });
            // One that lives for no time at all is never there.
            let entry = entry.filter(|entry| entry.expires_ms.is_none_or(|expires| expires > now));
            entries.insert(key, entry);
        }
        let usage = self.usage_after(&entries);
        let is_too_much = |now, before, quota| now > quota && now > before;
        if is_too_much(usage.keys, self.usage.keys, quota.keys)
            || is_too_much(usage.bytes, self.usage.bytes, quota.bytes)
        {
            return Err(KvError::Quota);
        }
        Ok(Changes { entries, sum, usage })
    }

    /// Puts an entry in the place of what is there, or removes that; tells what was there.
    pub(super) fn replace(&mut self, key: &Bytes, entry: Option<KvEntry>) -> Option<KvEntry> {
        self.usage = exchange(self.usage, self.entries.get(key), entry.as_ref());
        match entry {
            Some(entry) => self.entries.insert(key.clone(), entry),
            None => self.entries.remove(key),
        }
    }

    fn usage_after(&self, changes: &BTreeMap<Bytes, Option<KvEntry>>) -> KvUsage {
        changes.iter().fold(self.usage, |usage, (key, entry)| {
            exchange(usage, self.entries.get(key), entry.as_ref())
        })
    }
}

/// The usage after one entry took the place of another.
fn exchange(usage: KvUsage, old: Option<&KvEntry>, new: Option<&KvEntry>) -> KvUsage {
    let size = |entry: &KvEntry| (entry.key.len() + entry.value.len()) as u64;
    KvUsage {
        keys: usage.keys + u64::from(new.is_some()) - u64::from(old.is_some()),
        bytes: usage.bytes + new.map_or(0, size) - old.map_or(0, size),
    }
}

fn end(now: u64, ttl: Duration) -> u64 {
    now.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX))
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
