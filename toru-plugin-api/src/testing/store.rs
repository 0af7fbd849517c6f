//! Stored data in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::abi::status::{TORU_CONFLICT, TORU_INVALID, TORU_QUOTA};

/// Most entries of a plugin, as hosts have it by default.
const KEYS_MAX: usize = 1_000_000;
/// Most bytes of keys and values together, as hosts have it by default.
const BYTES_MAX: usize = 64 << 20;

/// One stored entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) version: u64,
    pub(crate) expires_ms: Option<u64>,
}

/// Which entries to list. Empty texts are none.
pub(crate) struct Wanted {
    pub(crate) start: Vec<u8>,
    pub(crate) end: Vec<u8>,
    pub(crate) cursor: Vec<u8>,
    pub(crate) descending: bool,
    pub(crate) limit: usize,
}

/// A condition of a commit; version 0 means that the key does not exist.
pub(crate) struct Check {
    pub(crate) key: Vec<u8>,
    pub(crate) version: u64,
}

/// One change of a commit.
pub(crate) enum Change {
    Add {
        key: Vec<u8>,
        delta: i64,
    },
    Delete {
        key: Vec<u8>,
    },
    Set {
        key: Vec<u8>,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    },
}

/// Why nothing of a commit was made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    Conflict,
    NotANumber,
    Quota,
}

impl Refused {
    pub(crate) const fn status(self) -> u32 {
        match self {
            Self::Conflict => TORU_CONFLICT,
            Self::NotANumber => TORU_INVALID,
            Self::Quota => TORU_QUOTA,
        }
    }
}

/// A plugin's stored data.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<Vec<u8>, Entry>,
    last_version: u64,
}

impl Store {
    /// The entries of those keys that exist.
    pub(crate) fn get(&self, keys: &[Vec<u8>], now_ms: u64) -> Vec<Entry> {
        let state = self.state(now_ms);
        let found = keys.iter().filter_map(|key| state.entries.get(key));
        found.cloned().collect()
    }

    pub(crate) fn list(&self, wanted: &Wanted, now_ms: u64) -> Vec<Entry> {
        let state = self.state(now_ms);
        // A cursor narrows the range and never leaves it.
        let is_behind = |key: &[u8]| match (wanted.cursor.is_empty(), wanted.descending) {
            (true, _) => true,
            (false, false) => key > &*wanted.cursor,
            (false, true) => key < &*wanted.cursor,
        };
        let is_inside = |key: &[u8]| {
            key >= &*wanted.start && (wanted.end.is_empty() || key < &*wanted.end) && is_behind(key)
        };
        let found = state.entries.values().filter(|entry| is_inside(&entry.key));
        if wanted.descending {
            found.rev().take(wanted.limit).cloned().collect()
        } else {
            found.take(wanted.limit).cloned().collect()
        }
    }

    /// Makes all changes or none; tells their version and the result of the last addition.
    pub(crate) fn commit(
        &self,
        checks: &[Check],
        changes: Vec<Change>,
        now_ms: u64,
    ) -> Result<(u64, i64), Refused> {
        let mut state = self.state(now_ms);
        let version_of = |key| state.entries.get(key).map_or(0, |entry| entry.version);
        if checks.iter().any(|check| version_of(&check.key) != check.version) {
            return Err(Refused::Conflict);
        }
        if changes.is_empty() {
            return Ok((0, 0));
        }
        let version = state.last_version + 1;
        let mut sum = 0;
        let mut entries = state.entries.clone();
        for change in changes {
            let (key, value, expires_ms) = match change {
                Change::Delete { key } => {
                    entries.remove(&key);
                    continue;
                }
                Change::Set { key, value, ttl_ms } => {
                    (key, value, ttl_ms.map(|ttl| now_ms.saturating_add(ttl)))
                }
                Change::Add { key, delta } => {
                    let current = entries.get(&key);
                    let number = current.map_or(Ok(0), |entry| number(&entry.value))?;
                    sum = number.checked_add(delta).ok_or(Refused::NotANumber)?;
                    let expires_ms = current.and_then(|entry| entry.expires_ms);
                    (key, sum.to_string().into_bytes(), expires_ms)
                }
            };
            let entry = Entry {
                key: key.clone(),
                value,
                version,
                expires_ms,
            };
            entries.insert(key, entry);
        }
        let (before, after) = (usage(&state.entries), usage(&entries));
        if (after.0 > KEYS_MAX && after.0 > before.0) || (after.1 > BYTES_MAX && after.1 > before.1) {
            return Err(Refused::Quota);
        }
        state.entries = entries;
        state.last_version = version;
        Ok((version, sum))
    }

    /// The state without entries that have expired.
    fn state(&self, now_ms: u64) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state
            .entries
            .retain(|_, entry| entry.expires_ms.is_none_or(|expires| expires > now_ms));
        state
    }
}

fn usage(entries: &BTreeMap<Vec<u8>, Entry>) -> (usize, usize) {
    let bytes = entries.values().map(|entry| entry.key.len() + entry.value.len());
    (entries.len(), bytes.sum())
}

fn number(value: &[u8]) -> Result<i64, Refused> {
    let text = std::str::from_utf8(value).ok();
    text.and_then(|text| text.parse().ok()).ok_or(Refused::NotANumber)
}
