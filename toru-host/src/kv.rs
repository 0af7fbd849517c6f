//! The store of plugins' data: one small trait, and a backend in memory.

mod memory;

use std::fmt;
use std::future::Future;
use std::ops::Bound;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use crate::plugin::PluginId;

pub use memory::MemoryKv;

/// A boxed future, so that backends can be chosen at run time.
pub type KvFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, KvError>> + Send + 'a>>;

/// One stored entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvEntry {
    /// The key, 1 to 1024 bytes.
    pub key: Bytes,
    /// The value, up to 1 MiB.
    pub value: Bytes,
    /// Changes with every write and never repeats, not even after delete and re-create.
    pub version: u64,
    /// When the entry expires, in milliseconds of Unix time.
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
    /// Add to the decimal number stored under the key, 0 when it does not exist.
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
        /// How long it lives.
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
    /// Version given to all entries written; 0 when nothing was written.
    pub version: u64,
    /// Result of the last [`KvMutation::Add`].
    pub sum: i64,
    /// What the plugin uses now.
    pub usage: KvUsage,
}

/// Where plugins' data is kept.
///
/// The host passes keys and values that keep the limits, and the id of the plugin whose data is meant. A backend keeps
/// the data of different plugins apart, reads from one consistent snapshot, and acknowledges a commit when it is as
/// durable as the backend promises. Every function may be called from any thread, concurrently.
pub trait KvBackend: fmt::Debug + Send + Sync + 'static {
    /// Reads the entries of some keys in the order given; missing ones are left out.
    fn get<'a>(&'a self, plugin: &'a PluginId, keys: Vec<Bytes>) -> KvFuture<'a, Vec<KvEntry>>;

    /// Lists a range of entries in the byte order of their keys.
    fn list<'a>(&'a self, plugin: &'a PluginId, range: KvRange) -> KvFuture<'a, Vec<KvEntry>>;

    /// Makes all changes or none. [`KvError::Conflict`] when a check fails, [`KvError::Quota`] when the plugin would
    /// use more than its quota and more than before.
    fn commit<'a>(&'a self, plugin: &'a PluginId, commit: KvCommit) -> KvFuture<'a, KvCommitted>;

    /// Id of this installation: a UUID in lower case, created once together with the data.
    fn instance_id(&self) -> KvFuture<'_, String>;
}

/// Why the store could not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KvError {
    /// The backend failed; the text is for the host's log.
    #[error("the store failed: {0}")]
    Backend(String),
    /// A check failed: the entry was changed by somebody else.
    #[error("the entry was changed by somebody else")]
    Conflict,
    /// The stored data is damaged; the text is for the host's log.
    #[error("the stored data is damaged: {0}")]
    Corrupt(String),
    /// There is no space left.
    #[error("there is no space left in the store")]
    Full,
    /// The key is empty or longer than 1024 bytes.
    #[error("a key has 1 to 1024 bytes")]
    KeySize,
    /// The value to be added to is no decimal number, or the sum does not fit.
    #[error("the entry is not a number that can be added to")]
    NotANumber,
    /// The plugin's quota is used up.
    #[error("the plugin's quota is used up")]
    Quota,
    /// The value is longer than 1 MiB.
    #[error("a value has at most 1 MiB")]
    ValueSize,
}

impl KvError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Backend(_) => "storage_failed",
            Self::Conflict => "conflict",
            Self::Corrupt(_) => "storage_corrupt",
            Self::Full => "storage_full",
            Self::KeySize => "key_too_large",
            Self::NotANumber => "not_a_number",
            Self::Quota => "quota_exceeded",
            Self::ValueSize => "value_too_large",
        }
    }
}
