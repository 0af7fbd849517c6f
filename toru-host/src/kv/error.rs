//! Why a store refuses.

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
