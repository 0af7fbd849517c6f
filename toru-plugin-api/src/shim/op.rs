//! Operations in both directions: the host's that the plugin polls, and the plugin's background tasks.

use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::ctx::Ctx;
use super::guard::{guard, guard_drop};
use super::scope::Scope;
use super::waker::with_waker;
use crate::abi::op::{ToruOp, ToruOpVt, ToruWaker, with_std_waker};
use crate::abi::size_word;
use crate::abi::status::{TORU_DONE, TORU_INTERNAL, TORU_PENDING};

/// An operation of the host's, dropped once.
pub(crate) struct HostOp(ToruOp);

// SAFETY: operations may be polled and dropped on any thread, one at a time; `poll` takes `&mut self`.
unsafe impl Send for HostOp {}
// SAFETY: nothing can be done with a shared reference.
unsafe impl Sync for HostOp {}

impl HostOp {
    /// # Safety
    ///
    /// `op` was filled in by the host, and belongs to the caller alone.
    pub(super) const unsafe fn new(op: ToruOp) -> Self {
        Self(op)
    }

    /// Polls an operation whose `io` is unused. Must not be called again once it is ready.
    pub(crate) fn poll_unit(&mut self, cx: &mut Context<'_>) -> Poll<u32> {
        // SAFETY: the operations that are polled this way ignore their `io`.
        unsafe { self.poll(cx, std::ptr::null_mut()) }
    }

    /// Polls. Must not be called again once it is ready.
    ///
    /// # Safety
    ///
    /// `io` is of the type that the call which produced the operation names.
    pub(super) unsafe fn poll(&mut self, cx: &mut Context<'_>, io: *mut c_void) -> Poll<u32> {
        // SAFETY: the table lives as long as the operation.
        let Some(poll) = (unsafe { (*self.0.vt).poll }) else {
            return Poll::Ready(TORU_INTERNAL);
        };
        // SAFETY: alive, polled by one thread at a time, `io` as the caller guarantees.
        match with_waker(cx.waker(), |waker| unsafe { poll(self.0.data, waker, io) }) {
            TORU_PENDING => Poll::Pending,
            status => Poll::Ready(status),
        }
    }
}

impl Drop for HostOp {
    fn drop(&mut self) {
        // SAFETY: the table lives as long as the operation.
        if let Some(drop) = unsafe { (*self.0.vt).drop } {
            // SAFETY: dropped once, here; not from inside a call that it makes, since `poll` borrows it.
            unsafe { drop(self.0.data) };
        }
    }
}

/// A background task of the plugin.
struct Task {
    ctx: Ctx,
    scope: Scope,
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
}

static TASK_VT: ToruOpVt = ToruOpVt {
    size: size_word::<ToruOpVt>(),
    flags: 0,
    poll: Some(task_poll),
    drop: Some(task_drop),
};

/// A future as an operation; whoever gets it drops it.
pub(super) fn spawned_op(ctx: Ctx, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> ToruOp {
    let scope = ctx.scope();
    let task = Task { ctx, scope, future };
    ToruOp {
        data: Box::into_raw(Box::new(task)).cast(),
        vt: &TASK_VT,
    }
}

unsafe extern "C" fn task_poll(data: *mut c_void, waker: *const ToruWaker, _: *mut c_void) -> u32 {
    // SAFETY: only `TASK_VT` leads here, with a task that is alive and polled by one thread at a time.
    let task = unsafe { &mut *data.cast::<Task>() };
    guard(&task.scope, Some(task.ctx), || {
        // SAFETY: the waker is valid during this call.
        let poll = unsafe {
            with_std_waker(waker, |waker| {
                task.future.as_mut().poll(&mut Context::from_waker(waker))
            })
        };
        if poll.is_ready() { TORU_DONE } else { TORU_PENDING }
    })
}

unsafe extern "C" fn task_drop(data: *mut c_void) {
    // SAFETY: dropped once, by whoever holds the operation.
    let task = unsafe { Box::from_raw(data.cast::<Task>()) };
    let Task { scope, future, .. } = *task;
    guard_drop(&scope, || drop(future));
}
