//! What plugins pass to the store, copied and checked.

use std::ops::Bound;
use std::time::Duration;

use bytes::Bytes;
use toru_plugin_api::abi::bytes::ToruSlice;
use toru_plugin_api::abi::kv::{
    TORU_KV_ADD, TORU_KV_BLOCKING, TORU_KV_DELETE, TORU_KV_DESCENDING, TORU_KV_KEY_MAX, TORU_KV_SET,
    TORU_KV_VALUE_MAX, ToruKvCommitted, ToruKvMutation, ToruKvRange,
};
use toru_plugin_api::abi::status::{TORU_INVALID, TORU_TOO_LARGE, TORU_UNSUPPORTED};
use toru_plugin_api::abi::{field_end, read_argument};

use crate::kv::{KvMutation, KvRange};

/// Most keys, checks or mutations of one call.
const BATCH_MAX: usize = 10_000;
/// Entries of a page when the plugin does not say.
const PAGE_DEFAULT: u32 = 100;
/// Most entries of a page.
const PAGE_MAX: u32 = 10_000;

/// Copies an array that a plugin lends.
///
/// # Safety
///
/// The array is readable for the call.
pub(super) unsafe fn read_all<T: Copy>(first: *const T, len: usize) -> Result<Vec<T>, u32> {
    if len == 0 {
        return Ok(Vec::new());
    }
    if first.is_null() || !first.is_aligned() {
        return Err(TORU_INVALID);
    }
    if len > BATCH_MAX {
        return Err(TORU_TOO_LARGE);
    }
    // SAFETY: not null, aligned, of a possible length, and readable as the caller guarantees.
    Ok(unsafe { std::slice::from_raw_parts(first, len) }.to_vec())
}

/// # Safety
///
/// The range is null or readable up to its own `size`, with all that it points to.
pub(super) unsafe fn read_range(range: *const ToruKvRange) -> Result<KvRange, u32> {
    // SAFETY: the plugin lends the range for the call.
    let range = unsafe { read_argument(range, field_end!(ToruKvRange, reserved)) }?;
    if range.flags & !TORU_KV_DESCENDING != 0 {
        return Err(TORU_UNSUPPORTED);
    }
    let descending = range.flags & TORU_KV_DESCENDING != 0;
    let (start, end, cursor) = (copy(range.start)?, copy(range.end)?, copy(range.cursor)?);
    let bound = |key: Bytes, bound: fn(Bytes) -> Bound<Bytes>| {
        if key.is_empty() {
            Bound::Unbounded
        } else {
            bound(key)
        }
    };
    let mut range = KvRange {
        start: bound(start, Bound::Included),
        end: bound(end, Bound::Excluded),
        descending,
        limit: if range.limit == 0 {
            PAGE_DEFAULT
        } else {
            range.limit.min(PAGE_MAX)
        } as usize,
    };
    // A cursor narrows the range and never leaves it: plugins pass on what clients send them.
    let is_inside = match (&range.start, &range.end) {
        _ if cursor.is_empty() => false,
        (Bound::Included(start), _) if !descending => cursor >= *start,
        (_, Bound::Excluded(end)) if descending => cursor < *end,
        _ => true,
    };
    if is_inside {
        let behind = Bound::Excluded(cursor);
        if descending {
            range.end = behind;
        } else {
            range.start = behind;
        }
    }
    Ok(range)
}

/// Whether the caller of a commit lets its thread be blocked, which the flags of its result say.
///
/// # Safety
///
/// `out` is null or readable up to its own `size`.
pub(super) unsafe fn may_block(out: *const ToruKvCommitted) -> Result<bool, u32> {
    if out.is_null() || !out.is_aligned() {
        return Err(TORU_INVALID);
    }
    // SAFETY: not null and aligned; the first word is the size.
    let size = unsafe { out.cast::<u32>().read() };
    if (size as usize) < field_end!(ToruKvCommitted, sum) {
        return Err(TORU_INVALID);
    }
    // SAFETY: within that size.
    let flags = unsafe { (*out).flags };
    if flags & !TORU_KV_BLOCKING != 0 {
        return Err(TORU_UNSUPPORTED);
    }
    Ok(flags & TORU_KV_BLOCKING != 0)
}

pub(super) fn mutation(given: ToruKvMutation) -> Result<KvMutation, u32> {
    let ttl = (given.ttl_ms != 0).then(|| Duration::from_millis(given.ttl_ms));
    match given.kind {
        _ if given.flags != 0 => Err(TORU_UNSUPPORTED),
        TORU_KV_SET if given.value.len > TORU_KV_VALUE_MAX => Err(TORU_TOO_LARGE),
        TORU_KV_SET => Ok(KvMutation::Set {
            key: key(given.key)?,
            value: copy(given.value)?,
            ttl,
        }),
        TORU_KV_DELETE => Ok(KvMutation::Delete { key: key(given.key)? }),
        TORU_KV_ADD => Ok(KvMutation::Add {
            key: key(given.key)?,
            delta: given.delta,
        }),
        _ => Err(TORU_UNSUPPORTED),
    }
}

pub(super) fn key(slice: ToruSlice) -> Result<Bytes, u32> {
    if slice.len == 0 || slice.len > TORU_KV_KEY_MAX {
        return Err(TORU_TOO_LARGE);
    }
    copy(slice)
}

fn copy(slice: ToruSlice) -> Result<Bytes, u32> {
    // SAFETY: called only while the plugin lends the slice.
    unsafe { slice.as_bytes() }
        .map(Bytes::copy_from_slice)
        .ok_or(TORU_INVALID)
}
