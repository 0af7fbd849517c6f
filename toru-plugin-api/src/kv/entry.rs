//! What comes out of a store.

use std::time::SystemTime;

use crate::bytes::Bytes;

/// One stored entry.
///
/// Key and value are shared with the host, not copied. Either of them keeps all entries in memory that were read
/// together with it; whoever keeps one of many for long copies it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvEntry {
    /// The key.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// Changes with every write and never repeats, not even after delete and re-create. Never 0.
    pub version: u64,
    /// When the entry expires, if it does.
    pub expires: Option<SystemTime>,
}

impl KvEntry {
    /// An entry, for stores of one's own.
    #[must_use]
    pub const fn new(key: Bytes, value: Bytes, version: u64, expires: Option<SystemTime>) -> Self {
        Self {
            key,
            value,
            version,
            expires,
        }
    }

    /// The value, read as JSON.
    ///
    /// # Errors
    ///
    /// [`KvError::Malformed`](crate::KvError::Malformed) when the value is not the JSON expected.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, crate::KvError> {
        serde_json::from_slice(&self.value).map_err(|_| crate::KvError::Malformed)
    }
}

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvCommitted {
    /// Version given to all entries written; 0 when there was nothing to change.
    pub version: u64,
    /// Result of the last addition; 0 without any.
    pub sum: i64,
}

impl KvCommitted {
    /// What a commit did, for stores of one's own.
    #[must_use]
    pub const fn new(version: u64, sum: i64) -> Self {
        Self { version, sum }
    }
}
