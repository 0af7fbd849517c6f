//! What plugins pass to the store, copied and checked.

use crate::abi::bytes::ToruSlice;
use crate::abi::kv::{
    TORU_KV_ADD, TORU_KV_BLOCKING, TORU_KV_DELETE, TORU_KV_DESCENDING, TORU_KV_KEY_MAX, TORU_KV_SET,
    TORU_KV_VALUE_MAX, ToruKvCheck, ToruKvCommitted, ToruKvMutation, ToruKvRange,
};
use crate::abi::status::{TORU_INVALID, TORU_TOO_LARGE, TORU_UNSUPPORTED};
use crate::abi::{field_end, read_argument};
use crate::testing::store::{Change, Check, Wanted};

/// Most keys, checks or mutations of one call.
const BATCH_MAX: usize = 10_000;
/// Most bytes of keys and values of one call.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// Entries of a page when the plugin does not say.
const PAGE_DEFAULT: u32 = 100;
/// Most entries of a page.
const PAGE_MAX: u32 = 10_000;

/// Whether the caller of a commit lets its thread be blocked.
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
    match unsafe { (*out).flags } {
        0 => Ok(false),
        TORU_KV_BLOCKING => Ok(true),
        _ => Err(TORU_UNSUPPORTED),
    }
}

/// # Safety
///
/// All of it is readable for the call.
pub(super) unsafe fn read_commit(
    checks: *const ToruKvCheck,
    n_checks: usize,
    mutations: *const ToruKvMutation,
    n_mutations: usize,
) -> Result<(Vec<Check>, Vec<Change>), u32> {
    // SAFETY: as the caller guarantees.
    let checks = unsafe { lent(checks, n_checks) }?;
    // SAFETY: as above.
    let mutations = unsafe { lent(mutations, n_mutations) }?;
    let bytes = mutations
        .iter()
        .map(|change| change.key.len.saturating_add(change.value.len));
    if bytes.fold(0, usize::saturating_add) > BATCH_BYTES_MAX {
        return Err(TORU_TOO_LARGE);
    }
    let checks = checks.iter().map(|check| {
        Ok(Check {
            // SAFETY: as above.
            key: unsafe { key(check.key) }?,
            version: check.version,
        })
    });
    // SAFETY: as above.
    let changes = mutations.iter().map(|given| unsafe { change(given) });
    Ok((
        checks.collect::<Result<_, u32>>()?,
        changes.collect::<Result<_, u32>>()?,
    ))
}

/// # Safety
///
/// The mutation's slices are readable.
unsafe fn change(given: &ToruKvMutation) -> Result<Change, u32> {
    let ttl_ms = (given.ttl_ms != 0).then_some(given.ttl_ms);
    if given.flags != 0 || !matches!(given.kind, TORU_KV_SET | TORU_KV_DELETE | TORU_KV_ADD) {
        return Err(TORU_UNSUPPORTED);
    }
    if given.kind == TORU_KV_SET && given.value.len > TORU_KV_VALUE_MAX {
        return Err(TORU_TOO_LARGE);
    }
    // SAFETY: as the caller guarantees.
    let key = unsafe { key(given.key) }?;
    Ok(match given.kind {
        TORU_KV_SET => Change::Set {
            key,
            // SAFETY: as above.
            value: unsafe { copy(given.value) }?,
            ttl_ms,
        },
        TORU_KV_DELETE => Change::Delete { key },
        _ => Change::Add {
            key,
            delta: given.delta,
        },
    })
}

/// # Safety
///
/// The range is null or readable up to its own `size`, with all that it points to.
pub(super) unsafe fn read_range(range: *const ToruKvRange) -> Result<Wanted, u32> {
    // SAFETY: as the caller guarantees.
    let range = unsafe { read_argument(range, field_end!(ToruKvRange, reserved)) }?;
    if range.flags & !TORU_KV_DESCENDING != 0 {
        return Err(TORU_UNSUPPORTED);
    }
    // SAFETY: as the caller guarantees.
    let text = |slice| unsafe { copy(slice) };
    let limit = if range.limit == 0 {
        PAGE_DEFAULT
    } else {
        range.limit.min(PAGE_MAX)
    };
    Ok(Wanted {
        start: text(range.start)?,
        end: text(range.end)?,
        cursor: text(range.cursor)?,
        descending: range.flags & TORU_KV_DESCENDING != 0,
        limit: limit as usize,
    })
}

/// # Safety
///
/// The array is readable for as long as the result is used.
pub(super) unsafe fn lent<'a, T>(first: *const T, len: usize) -> Result<&'a [T], u32> {
    if len == 0 {
        return Ok(&[]);
    }
    if first.is_null() || !first.is_aligned() {
        return Err(TORU_INVALID);
    }
    if len > BATCH_MAX {
        return Err(TORU_TOO_LARGE);
    }
    // SAFETY: not null, aligned, of a possible length, and readable as the caller guarantees.
    Ok(unsafe { std::slice::from_raw_parts(first, len) })
}

/// # Safety
///
/// The slice is readable.
pub(super) unsafe fn key(slice: ToruSlice) -> Result<Vec<u8>, u32> {
    if slice.len == 0 || slice.len > TORU_KV_KEY_MAX {
        return Err(TORU_TOO_LARGE);
    }
    // SAFETY: as the caller guarantees.
    unsafe { copy(slice) }
}

/// # Safety
///
/// The slice is readable.
unsafe fn copy(slice: ToruSlice) -> Result<Vec<u8>, u32> {
    // SAFETY: as the caller guarantees.
    unsafe { slice.as_bytes() }
        .map(<[u8]>::to_vec)
        .ok_or(TORU_INVALID)
}
