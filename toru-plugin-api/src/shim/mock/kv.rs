//! `toru.kv/1`: a store in memory, which answers at once.

mod arguments;

use std::ffi::c_void;
use std::sync::Arc;

use self::arguments::{key, lent, may_block, read_commit, read_range};
use super::context::Context;
use super::is_worker;
use crate::abi::bytes::{ToruBuf, ToruBufVt, ToruSlice};
use crate::abi::host::ToruCtx;
use crate::abi::kv::{
    ToruKv, ToruKvCheck, ToruKvCommitted, ToruKvEntry, ToruKvMutation, ToruKvPage, ToruKvRange,
};
use crate::abi::op::{ToruOp, ToruWaker};
use crate::abi::status::{TORU_DONE, TORU_GONE, TORU_INVALID, TORU_WOULD_BLOCK};
use crate::abi::{field_end, size_word, write_result};
use crate::testing::store::Entry;

pub(super) static TABLE: ToruKv = ToruKv {
    size: size_word::<ToruKv>(),
    flags: 0,
    get,
    list,
    commit,
    wait,
};

/// Entries in a plugin's hands, with what keeps them alive.
#[repr(C)]
struct Page {
    base: ToruBuf,
    entries: Vec<Entry>,
    views: Vec<ToruKvEntry>,
    cursor: Vec<u8>,
}

// SAFETY: the table pointer is to a static, and the views point into the entries, which never change.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

static PAGE_VT: ToruBufVt = ToruBufVt {
    size: size_word::<ToruBufVt>(),
    flags: 0,
    retain: Some(page_retain),
    release: Some(page_release),
};

/// Hands a page over; the plugin owns one reference.
///
/// # Safety
///
/// `out` is null or writable up to its own `size`.
unsafe fn hand_over(entries: Vec<Entry>, cursor: Vec<u8>, out: *mut ToruKvPage) -> u32 {
    let mut page = Page {
        base: ToruBuf { vt: &PAGE_VT },
        entries,
        views: Vec::new(),
        cursor,
    };
    // The texts stay where they are when the page moves.
    let view = |entry: &Entry| ToruKvEntry {
        key: ToruSlice::new(&entry.key),
        value: ToruSlice::new(&entry.value),
        version: entry.version,
        expires_ms: entry.expires_ms.unwrap_or(0),
    };
    page.views = page.entries.iter().map(view).collect();
    let page = Arc::new(page);
    let given = ToruKvPage {
        size: size_word::<ToruKvPage>(),
        flags: 0,
        entries: page.views.as_ptr(),
        n_entries: page.views.len(),
        cursor: ToruSlice::new(&page.cursor),
        owner: Arc::as_ptr(&page).cast(),
    };
    // SAFETY: as the caller guarantees.
    if unsafe { write_result(out, given, field_end!(ToruKvPage, owner)) } {
        // The reference is the plugin's now.
        let _ = Arc::into_raw(page);
        TORU_DONE
    } else {
        TORU_INVALID
    }
}

unsafe extern "C" fn page_retain(buf: *const ToruBuf) {
    // SAFETY: only pages carry this table, and the caller holds a reference.
    unsafe { Arc::increment_strong_count(buf.cast::<Page>()) };
}

unsafe extern "C" fn page_release(buf: *const ToruBuf) {
    // SAFETY: the caller gives its reference back.
    unsafe { Arc::decrement_strong_count(buf.cast::<Page>()) };
}

unsafe extern "C" fn get(
    ctx: *const ToruCtx,
    keys: *const ToruSlice,
    n_keys: usize,
    _: *const ToruWaker,
    out: *mut ToruKvPage,
    _: *mut ToruOp,
) -> u32 {
    // SAFETY: plugins get no other contexts than ours.
    let Some(services) = unsafe { Context::of(ctx) }.services() else {
        return TORU_GONE;
    };
    // SAFETY: the plugin lends the keys for the call.
    let keys = unsafe { lent(keys, n_keys) };
    let keys = keys.and_then(|keys| {
        // SAFETY: as above.
        let keys = keys.iter().map(|name| unsafe { key(*name) });
        keys.collect::<Result<Vec<_>, _>>()
    });
    match keys {
        // SAFETY: the plugin lends the result for the call.
        Ok(keys) => unsafe {
            hand_over(
                services.store.get(&keys, services.clock.unix_ms()),
                Vec::new(),
                out,
            )
        },
        Err(status) => status,
    }
}

unsafe extern "C" fn list(
    ctx: *const ToruCtx,
    range: *const ToruKvRange,
    _: *const ToruWaker,
    out: *mut ToruKvPage,
    _: *mut ToruOp,
) -> u32 {
    // SAFETY: plugins get no other contexts than ours.
    let Some(services) = unsafe { Context::of(ctx) }.services() else {
        return TORU_GONE;
    };
    // SAFETY: the plugin lends the range for the call.
    let wanted = match unsafe { read_range(range) } {
        Ok(wanted) => wanted,
        Err(status) => return status,
    };
    let entries = services.store.list(&wanted, services.clock.unix_ms());
    // The last key of a page that may not be the last.
    let cursor = match entries.last() {
        Some(last) if entries.len() >= wanted.limit => last.key.clone(),
        _ => Vec::new(),
    };
    // SAFETY: the plugin lends the result for the call.
    unsafe { hand_over(entries, cursor, out) }
}

unsafe extern "C" fn commit(
    ctx: *const ToruCtx,
    checks: *const ToruKvCheck,
    n_checks: usize,
    mutations: *const ToruKvMutation,
    n_mutations: usize,
    _: *const ToruWaker,
    out: *mut ToruKvCommitted,
    _: *mut ToruOp,
) -> u32 {
    // SAFETY: plugins get no other contexts than ours.
    let Some(services) = unsafe { Context::of(ctx) }.services() else {
        return TORU_GONE;
    };
    // SAFETY: the plugin lends the result for the call.
    match unsafe { may_block(out) } {
        Ok(true) if is_worker() => return TORU_WOULD_BLOCK,
        Ok(_) => {}
        Err(status) => return status,
    }
    // SAFETY: the plugin lends checks and mutations for the call.
    let (checks, changes) = match unsafe { read_commit(checks, n_checks, mutations, n_mutations) } {
        Ok(read) => read,
        Err(status) => return status,
    };
    let (version, sum) = match services.store.commit(&checks, changes, services.clock.unix_ms()) {
        Ok(committed) => committed,
        Err(refused) => return refused.status(),
    };
    let committed = ToruKvCommitted {
        size: size_word::<ToruKvCommitted>(),
        flags: 0,
        version,
        sum,
    };
    // SAFETY: the plugin lends the result for the call.
    let written = unsafe { write_result(out, committed, field_end!(ToruKvCommitted, sum)) };
    if written { TORU_DONE } else { TORU_INVALID }
}

/// No operation of this store is ever pending, so there is none to wait for.
unsafe extern "C" fn wait(_: *const ToruCtx, _: *mut ToruOp, _: *mut c_void, _: u64) -> u32 {
    if is_worker() {
        TORU_WOULD_BLOCK
    } else {
        TORU_INVALID
    }
}
