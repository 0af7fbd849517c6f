//! Owned bytes that cross the boundary without being copied.

use std::fmt;
use std::ops::Deref;

use crate::shim::ForeignBytes;

/// Bytes that are owned, static, or kept alive by the host.
///
/// Bytes that came from the host are shared: a clone costs one atomic increment. Clones of a `Vec` copy it.
#[derive(Clone)]
pub struct Bytes(Repr);

#[derive(Clone)]
pub(crate) enum Repr {
    Static(&'static [u8]),
    Owned(Vec<u8>),
    Foreign(ForeignBytes),
    #[cfg(feature = "http")]
    Shared(::bytes::Bytes),
}

impl Bytes {
    /// No bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self(Repr::Static(&[]))
    }

    /// Bytes that live as long as the process.
    #[must_use]
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self(Repr::Static(bytes))
    }

    /// The bytes as a `Vec`, without copying where they are one already.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            Repr::Owned(bytes) => bytes,
            other => Self(other).to_vec(),
        }
    }

    pub(crate) const fn foreign(bytes: ForeignBytes) -> Self {
        Self(Repr::Foreign(bytes))
    }

    pub(crate) const fn from_repr(repr: Repr) -> Self {
        Self(repr)
    }

    pub(crate) fn into_repr(self) -> Repr {
        self.0
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Static(bytes) => bytes,
            Repr::Owned(bytes) => bytes,
            Repr::Foreign(bytes) => bytes.as_slice(),
            #[cfg(feature = "http")]
            Repr::Shared(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Repr::Owned(bytes))
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&'static [u8]> for Bytes {
    fn from(bytes: &'static [u8]) -> Self {
        Self::from_static(bytes)
    }
}

impl From<&'static str> for Bytes {
    fn from(text: &'static str) -> Self {
        Self::from_static(text.as_bytes())
    }
}
