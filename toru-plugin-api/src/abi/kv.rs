//! The extension `toru.kv/1`: the plugin's stored data.
//!
//! Asynchronous in shape, answered at once when it can be: each function returns `TORU_DONE` with `out` filled in, or
//! `TORU_PENDING` with an operation whose `io` is the same kind of `out`. Argument slices are borrowed during the
//! first call only. Keys are 1 to 1024 bytes, values 0 to 1 MiB; both are bytes.

use super::bytes::{ToruBuf, ToruSlice};
use super::host::ToruCtx;
use super::op::{ToruOp, ToruWaker};

/// Id of this extension.
pub const TORU_KV_ID: &str = "toru.kv/1";

/// Longest key in bytes. The shortest has one.
pub const TORU_KV_KEY_MAX: usize = 1024;
/// Longest value in bytes.
pub const TORU_KV_VALUE_MAX: usize = 1 << 20;

/// One stored entry.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruKvEntry {
    /// The key.
    pub key: ToruSlice,
    /// The value.
    pub value: ToruSlice,
    /// Version: changes with every write and never repeats, not even after delete and re-create.
    pub version: u64,
    /// When the entry expires, in milliseconds of Unix time; 0 when it does not.
    pub expires_ms: u64,
}

/// Entries of one consistent snapshot.
///
/// Written by the host; the caller then owns one reference of `owner`, which keeps all of it alive.
#[repr(C)]
#[derive(Debug)]
pub struct ToruKvPage {
    /// Size of this struct in bytes, written by the caller.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// The entries that exist, in the order asked for.
    pub entries: *const ToruKvEntry,
    /// Number of entries.
    pub n_entries: usize,
    /// `list`: where to go on, to be passed as `cursor`; empty at the end.
    pub cursor: ToruSlice,
    /// What keeps entries and cursor alive, or null when there are none.
    pub owner: *const ToruBuf,
}

/// Entries come in descending order of keys.
pub const TORU_KV_DESCENDING: u32 = 1;

/// Which entries to list: keys from `start` up to, not including, `end`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruKvRange {
    /// Size of this struct in bytes.
    pub size: u32,
    /// `TORU_KV_DESCENDING` or zero.
    pub flags: u32,
    /// First key, inclusive; empty for the beginning.
    pub start: ToruSlice,
    /// Last key, exclusive; empty for the end.
    pub end: ToruSlice,
    /// Where the page before ended, or empty. It narrows the range and never leaves it, whatever it is.
    pub cursor: ToruSlice,
    /// Most entries wanted; 0 for the host's default.
    pub limit: u32,
    /// Reserved, zero.
    pub reserved: u32,
}

/// A condition of a commit: `key` still has `version`; 0 means that it does not exist.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruKvCheck {
    /// The key.
    pub key: ToruSlice,
    /// The version expected.
    pub version: u64,
}

/// Store `value` under `key`.
pub const TORU_KV_SET: u32 = 1;
/// Delete `key`; no error when it does not exist.
pub const TORU_KV_DELETE: u32 = 2;
/// Add `delta` to the decimal number stored under `key`, 0 when it does not exist.
pub const TORU_KV_ADD: u32 = 3;

/// One change of a commit.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruKvMutation {
    /// `TORU_KV_SET`, `TORU_KV_DELETE` or `TORU_KV_ADD`.
    pub kind: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// The key.
    pub key: ToruSlice,
    /// `TORU_KV_SET`: the value.
    pub value: ToruSlice,
    /// `TORU_KV_ADD`: how much to add.
    pub delta: i64,
    /// Milliseconds from now until the entry expires; 0 for never.
    pub ttl_ms: u64,
}

/// The thread that calls `commit` may be blocked: it has ended when the call returns. The host can do it with less effort then.
pub const TORU_KV_BLOCKING: u32 = 1;

/// What a commit did.
#[repr(C)]
#[derive(Debug)]
pub struct ToruKvCommitted {
    /// Size of this struct in bytes, written by the caller.
    pub size: u32,
    /// `TORU_KV_BLOCKING` or zero, written by the caller.
    pub flags: u32,
    /// Version given to all entries written.
    pub version: u64,
    /// Result of the last `TORU_KV_ADD`.
    pub sum: i64,
}

/// Functions of `toru.kv/1`. None of them is ever null.
#[repr(C)]
#[derive(Debug)]
pub struct ToruKv {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Reads the entries of some keys; missing ones are left out. The caller owns the page, and the operation if there is
    /// one. `[thread-safe] [no-block]`
    pub get: unsafe extern "C" fn(
        ctx: *const ToruCtx,
        keys: *const ToruSlice,
        n_keys: usize,
        waker: *const ToruWaker,
        out: *mut ToruKvPage,
        op: *mut ToruOp,
    ) -> u32,
    /// Lists a range of entries in the byte order of their keys. The caller owns the page, and the operation if there is
    /// one. `[thread-safe] [no-block]`
    pub list: unsafe extern "C" fn(
        ctx: *const ToruCtx,
        range: *const ToruKvRange,
        waker: *const ToruWaker,
        out: *mut ToruKvPage,
        op: *mut ToruOp,
    ) -> u32,
    /// Makes all changes or none. `TORU_CONFLICT` when a check fails. The caller owns the operation if there is one;
    /// dropping it before its end leaves open whether the changes were made. With `TORU_KV_BLOCKING` in the flags of `out`
    /// there is none: the answer is never `TORU_PENDING`, and `TORU_WOULD_BLOCK` on a thread that must not be blocked.
    /// `[thread-safe]`, and `[no-block]` without that flag.
    pub commit: unsafe extern "C" fn(
        ctx: *const ToruCtx,
        checks: *const ToruKvCheck,
        n_checks: usize,
        mutations: *const ToruKvMutation,
        n_mutations: usize,
        waker: *const ToruWaker,
        out: *mut ToruKvCommitted,
        op: *mut ToruOp,
    ) -> u32,
    /// Polls one of these operations on the calling thread until it ends or `timeout_ns` have passed (0: for ever),
    /// then drops it. `TORU_TIMED_OUT` when it did not end. The operation is the host's from the call on, except after
    /// `TORU_WOULD_BLOCK`, the answer on a thread that must not be blocked, and `TORU_INVALID`. `[thread-safe]`
    pub wait: unsafe extern "C" fn(
        ctx: *const ToruCtx,
        op: *mut ToruOp,
        io: *mut core::ffi::c_void,
        timeout_ns: u64,
    ) -> u32,
}
