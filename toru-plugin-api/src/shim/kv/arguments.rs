//! What is lent to the store for a call.

use std::marker::PhantomData;
use std::time::Duration;

use crate::abi::bytes::ToruSlice;
use crate::abi::kv::{
    TORU_KV_ADD, TORU_KV_DELETE, TORU_KV_DESCENDING, TORU_KV_KEY_MAX, TORU_KV_SET, TORU_KV_VALUE_MAX,
    ToruKvCheck, ToruKvMutation, ToruKvRange,
};
use crate::abi::size_word;

/// Something that lends bytes to the host for as long as it lives.
macro_rules! lending {
    ($(#[$doc:meta])* $name:ident($raw:ty)) => {
        $(#[$doc])*
        #[repr(transparent)]
        pub(crate) struct $name<'a>(pub(super) $raw, PhantomData<&'a [u8]>);

        // SAFETY: it is a borrow of bytes, written as the contract writes it.
        unsafe impl Send for $name<'_> {}
        // SAFETY: as above.
        unsafe impl Sync for $name<'_> {}
    };
}

lending! {
    /// A key.
    Key(ToruSlice)
}
lending! {
    /// A range of entries.
    Range(ToruKvRange)
}
lending! {
    /// A condition of a commit.
    Check(ToruKvCheck)
}
lending! {
    /// A change of a commit.
    Change(ToruKvMutation)
}

impl<'a> Key<'a> {
    pub(crate) fn new(key: &'a [u8]) -> Self {
        Self(ToruSlice::new(key), PhantomData)
    }
}

impl<'a> Range<'a> {
    /// Empty keys and cursors are none.
    pub(crate) fn new(
        start: &'a [u8],
        end: &'a [u8],
        cursor: &'a [u8],
        descending: bool,
        limit: u32,
    ) -> Self {
        let range = ToruKvRange {
            size: size_word::<ToruKvRange>(),
            flags: if descending { TORU_KV_DESCENDING } else { 0 },
            start: ToruSlice::new(start),
            end: ToruSlice::new(end),
            cursor: ToruSlice::new(cursor),
            limit,
            reserved: 0,
        };
        Self(range, PhantomData)
    }
}

impl<'a> Check<'a> {
    pub(crate) fn new(key: &'a [u8], version: Option<u64>) -> Self {
        let check = ToruKvCheck {
            key: ToruSlice::new(key),
            version: version.unwrap_or(0),
        };
        Self(check, PhantomData)
    }

    pub(super) const fn has_odd_key(&self) -> bool {
        is_odd_key(self.0.key)
    }
}

impl<'a> Change<'a> {
    fn new(kind: u32, key: &'a [u8]) -> Self {
        let mutation = ToruKvMutation {
            kind,
            flags: 0,
            key: ToruSlice::new(key),
            value: ToruSlice::EMPTY,
            delta: 0,
            ttl_ms: 0,
        };
        Self(mutation, PhantomData)
    }

    pub(crate) fn set(key: &'a [u8], value: &'a [u8], ttl: Option<Duration>) -> Self {
        let mut change = Self::new(TORU_KV_SET, key);
        change.0.value = ToruSlice::new(value);
        // What lives for less than a millisecond lives for one; 0 would be for ever.
        let ms = ttl.map_or(0, |ttl| ttl.as_nanos().div_ceil(1_000_000).max(1));
        change.0.ttl_ms = u64::try_from(ms).unwrap_or(u64::MAX);
        change
    }

    pub(crate) fn delete(key: &'a [u8]) -> Self {
        Self::new(TORU_KV_DELETE, key)
    }

    pub(crate) fn add(key: &'a [u8], delta: i64) -> Self {
        let mut change = Self::new(TORU_KV_ADD, key);
        change.0.delta = delta;
        change
    }

    pub(super) const fn has_odd_key(&self) -> bool {
        is_odd_key(self.0.key)
    }

    pub(super) const fn has_long_value(&self) -> bool {
        self.0.value.len > TORU_KV_VALUE_MAX
    }

    pub(super) const fn is_add(&self) -> bool {
        self.0.kind == TORU_KV_ADD
    }
}

/// What to read.
#[derive(Clone, Copy)]
pub(crate) enum Wanted<'a> {
    Keys(&'a [Key<'a>]),
    Range(&'a Range<'a>),
}

impl Wanted<'_> {
    pub(super) fn has_odd_key(self) -> bool {
        matches!(self, Self::Keys(keys) if keys.iter().any(|key| is_odd_key(key.0)))
    }
}

const fn is_odd_key(key: ToruSlice) -> bool {
    key.len == 0 || key.len > TORU_KV_KEY_MAX
}
