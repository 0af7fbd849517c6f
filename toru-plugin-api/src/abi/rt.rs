//! The extension `toru.rt/1`: the host's clock, timers and threads.

use core::ffi::c_void;

use super::host::ToruCtx;
use super::op::ToruOp;

/// Id of this extension.
pub const TORU_RT_ID: &str = "toru.rt/1";

/// Functions of `toru.rt/1`. None of them is ever null.
///
/// Work handed over belongs to the instance and is cancelled when it is disabled.
#[repr(C)]
#[derive(Debug)]
pub struct ToruRt {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Nanoseconds of a clock that never goes back; its zero is arbitrary. `[thread-safe] [no-block]`
    pub now: unsafe extern "C" fn(ctx: *const ToruCtx) -> u64,
    /// Fills in an operation that ends with `TORU_DONE` at `deadline_ns` of that clock; its `io` is unused.
    /// Returns `TORU_PENDING`, or `TORU_DONE` without an operation when the time has passed. The operation is the
    /// caller's to poll and to drop. `[thread-safe] [no-block]`
    pub sleep_until: unsafe extern "C" fn(ctx: *const ToruCtx, deadline_ns: u64, op: *mut ToruOp) -> u32,
    /// Takes an operation over, polls it until it ends, and drops it; its `io` is null. The struct itself is copied. On an
    /// error the operation stays the caller's. `[thread-safe] [no-block]`
    pub spawn: unsafe extern "C" fn(ctx: *const ToruCtx, op: *const ToruOp) -> u32,
    /// Calls `run(data)` once on a thread that may be blocked, or `cancel(data)` when that will never happen. Not more at a time
    /// than the plugin may have requests, 64 unless the application says otherwise; what is beyond waits.
    /// `data` is whichever function's is called; `cancel` may be null. On an error neither is called, and `data` stays the
    /// caller's. `[thread-safe] [no-block]`
    pub spawn_blocking: unsafe extern "C" fn(
        ctx: *const ToruCtx,
        run: Option<unsafe extern "C" fn(data: *mut c_void)>,
        cancel: Option<unsafe extern "C" fn(data: *mut c_void)>,
        data: *mut c_void,
    ) -> u32,
    /// 1 when the calling thread is one that must not be blocked, else 0. `[thread-safe] [no-block]`
    pub is_worker_thread: unsafe extern "C" fn(ctx: *const ToruCtx) -> u32,
}
