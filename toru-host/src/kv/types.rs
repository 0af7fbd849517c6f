//! What goes into a store and comes out of it.

use std::ops::Bound;
use std::time::Duration;

use bytes::Bytes;

/// One stored entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvEntry {
    /// The key, 1 to 1024 bytes.
    pub key: Bytes,
    /// The value, up to 1 MiB.
    pub value: Bytes,
    /// Grows with every write to the store and never repeats, not even after delete and re-create.
    pub version: u64,
    /// The moment from which it is gone, in milliseconds of Unix time.
    pub expires_ms: Option<u64>,
}

/// Which entries to list.
#[derive(Clone, Debug)]
pub struct KvRange {
    /// Where the range starts.
    pub start: Bound<Bytes>,
    /// Where it ends.
    pub end: Bound<Bytes>,
    /// Whether the entries come in descending order of their keys.
    pub descending: bool,
    /// Most entries wanted, at least 1.
    pub limit: usize,
}

/// A condition of a commit.
#[derive(Clone, Debug)]
pub struct KvCheck {
    /// The key.
    pub key: Bytes,
    /// The version that it still has; 0 when it must not exist.
    pub version: u64,
}

/// One change of a commit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KvMutation {
    /// Add to the decimal number stored under the key, 0 when it does not exist. Keeps the expiry.
    Add {
        /// The key.
        key: Bytes,
        /// How much to add.
        delta: i64,
    },
    /// Delete the key.
    Delete {
        /// The key.
        key: Bytes,
    },
    /// Store a value.
    Set {
        /// The key.
        key: Bytes,
        /// The value.
        value: Bytes,
        /// How long it lives; for ever without.
        ttl: Option<Duration>,
    },
}

/// Changes that are made together, or not at all.
#[derive(Clone, Debug)]
pub struct KvCommit {
    /// What must still be true.
    pub checks: Vec<KvCheck>,
    /// The changes, in order. Without any, a commit changes nothing and tells the usage.
    pub mutations: Vec<KvMutation>,
    /// What the plugin may use at most afterwards. A commit that lessens what is over it is always allowed.
    pub quota: KvQuota,
}

/// How much a plugin may store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvQuota {
    /// Most entries.
    pub keys: u64,
    /// Most bytes of keys and values together.
    pub bytes: u64,
}

impl KvQuota {
    /// As much as there is room for.
    pub const UNLIMITED: Self = Self {
        keys: u64::MAX,
        bytes: u64::MAX,
    };
}

impl Default for KvQuota {
    /// A million entries and 64 MiB.
    fn default() -> Self {
        Self {
            keys: 1_000_000,
            bytes: 64 << 20,
        }
    }
}

/// How much a plugin stores. Entries that have expired do not count, whether they were removed or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KvUsage {
    /// Entries.
    pub keys: u64,
    /// Bytes of keys and values together.
    pub bytes: u64,
}

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KvCommitted {
    /// Version given to all entries written; 0 when the commit had no mutations.
    pub version: u64,
    /// Result of the last [`KvMutation::Add`]; 0 without any.
    pub sum: i64,
    /// What the plugin uses now.
    pub usage: KvUsage,
}
