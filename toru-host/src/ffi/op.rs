//! Operations of a plugin, polled and dropped by the host.

use std::cell::Cell;
use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use toru_plugin_api::abi::op::{ToruOp, ToruOpVt, ToruWaker};
use toru_plugin_api::abi::status::{TORU_INVALID, TORU_PENDING};
use toru_plugin_api::abi::{table_has, table_of};

use super::context::Context as PluginContext;
use super::waker::SharedWaker;
use super::watch::inside;

/// An operation of a plugin that is pending. Dropped once, which cancels it if it has not ended.
pub(super) struct PluginOp {
    data: *mut c_void,
    poll: unsafe extern "C" fn(*mut c_void, *const ToruWaker, *mut c_void) -> u32,
    drop: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: operations may be polled and dropped on any thread, one at a time; `poll` takes `&mut self`.
unsafe impl Send for PluginOp {}
// SAFETY: nothing can be done with a shared reference.
unsafe impl Sync for PluginOp {}

impl PluginOp {
    /// Takes an operation over. `None` when its table lacks what it must have.
    ///
    /// # Safety
    ///
    /// The plugin filled `op` in and handed it over; its table is null or readable up to its own `size`.
    pub(super) unsafe fn new(op: ToruOp) -> Option<Self> {
        if op.vt.is_null() {
            return None;
        }
        // SAFETY: not null; the first word of a table is its size.
        let size = unsafe { op.vt.cast::<u32>().read() };
        if !table_has!(ToruOpVt, size, drop) {
            return None;
        }
        // SAFETY: the table reaches beyond both fields.
        let vt = unsafe { &*op.vt };
        Some(Self {
            data: op.data,
            poll: vt.poll?,
            drop: vt.drop?,
        })
    }

    /// Polls. Must not be called again once it is ready.
    ///
    /// # Safety
    ///
    /// `waker` is valid for the call; `io` is what the call that produced the operation names.
    pub(super) unsafe fn poll_raw(&mut self, waker: *const ToruWaker, io: *mut c_void) -> u32 {
        // SAFETY: the operation is alive, and polled by one thread at a time through `&mut self`.
        on_worker(|| unsafe { (self.poll)(self.data, waker, io) })
    }
}

impl Drop for PluginOp {
    fn drop(&mut self) {
        // SAFETY: dropped once, here, and never while `poll` runs, which borrows `self`.
        on_worker(|| unsafe { (self.drop)(self.data) });
    }
}

/// A plugin's background task as a future. A panic in it was logged on its own side and ends it.
pub(super) struct Task {
    op: PluginOp,
    context: &'static PluginContext,
    waker: SharedWaker,
}

impl Task {
    pub(super) fn new(op: PluginOp, context: &'static PluginContext) -> Self {
        Self {
            op,
            context,
            waker: SharedWaker::new(),
        }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { op, context, waker } = &mut *self;
        let status = waker.poll(cx, |waker| {
            // SAFETY: the waker is valid in the closure; tasks have no `io`.
            let status = inside(context, || unsafe { op.poll_raw(waker, std::ptr::null_mut()) });
            (status, status == TORU_PENDING)
        });
        if status == TORU_PENDING {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

thread_local! {
    static ON_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Calls plugin code from a thread that must not be blocked.
pub(super) fn on_worker<R>(f: impl FnOnce() -> R) -> R {
    let outer = ON_WORKER.replace(true);
    let result = f();
    ON_WORKER.set(outer);
    result
}

/// Whether this thread is one that must not be blocked.
pub(super) fn is_worker() -> bool {
    ON_WORKER.get()
}

/// What a call that may suspend came to.
pub(super) enum Started {
    /// It ended with this status.
    Ended(u32),
    /// It goes on.
    Pending(PluginOp),
}

impl Started {
    /// # Safety
    ///
    /// As [`PluginOp::new`], when `status` is pending.
    pub(super) unsafe fn new(status: u32, op: ToruOp) -> Self {
        if status != TORU_PENDING {
            return Self::Ended(status);
        }
        // SAFETY: as the caller guarantees.
        unsafe { PluginOp::new(op) }.map_or(Self::Ended(TORU_INVALID), Self::Pending)
    }
}

/// The table of an object from a plugin, or `None` when it is missing or too short to hold what `required` asks for.
///
/// # Safety
///
/// `object` is null or points to an object whose table is null or readable up to its own `size`.
pub(super) unsafe fn checked_table<'a, O, T>(object: *const O, required: fn(u32) -> bool) -> Option<&'a T> {
    if object.is_null() {
        return None;
    }
    // SAFETY: not null; the first word of an object is the address of its table.
    let vt = unsafe { object.cast::<*const u32>().read() };
    if vt.is_null() {
        return None;
    }
    // SAFETY: not null; the first word of a table is its size.
    if !required(unsafe { vt.read() }) {
        return None;
    }
    // SAFETY: the object is live and its table long enough.
    Some(unsafe { table_of(object) })
}
