//! `toru.rt/1`: the test's clock, timers and threads.

use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use super::context::Context;
use super::is_worker;
use crate::abi::host::ToruCtx;
use crate::abi::op::{ToruOp, ToruOpVt, ToruWaker, with_std_waker};
use crate::abi::rt::ToruRt;
use crate::abi::size_word;
use crate::abi::status::{TORU_DONE, TORU_GONE, TORU_INVALID, TORU_PENDING};
use crate::shim::op::HostOp;
use crate::testing::clock::Timer;

pub(super) static TABLE: ToruRt = ToruRt {
    size: size_word::<ToruRt>(),
    flags: 0,
    now,
    sleep_until,
    spawn,
    spawn_blocking,
    is_worker_thread,
};

static TIMER_VT: ToruOpVt = ToruOpVt {
    size: size_word::<ToruOpVt>(),
    flags: 0,
    poll: Some(timer_poll),
    drop: Some(timer_drop),
};

unsafe extern "C" fn now(ctx: *const ToruCtx) -> u64 {
    // SAFETY: plugins get no other contexts than ours.
    let services = unsafe { Context::of(ctx) }.services();
    services.map_or(0, |services| services.clock.elapsed_ns())
}

unsafe extern "C" fn sleep_until(ctx: *const ToruCtx, deadline_ns: u64, op: *mut ToruOp) -> u32 {
    // SAFETY: plugins get no other contexts than ours.
    let Some(services) = unsafe { Context::of(ctx) }.services() else {
        return TORU_GONE;
    };
    if op.is_null() {
        return TORU_INVALID;
    }
    if deadline_ns <= services.clock.elapsed_ns() {
        return TORU_DONE;
    }
    let timer = Box::new(services.clock.timer(deadline_ns));
    let pending = ToruOp {
        data: Box::into_raw(timer).cast(),
        vt: &raw const TIMER_VT,
    };
    // SAFETY: the plugin lends the place for the call.
    unsafe { op.write(pending) };
    TORU_PENDING
}

unsafe extern "C" fn timer_poll(data: *mut c_void, waker: *const ToruWaker, _: *mut c_void) -> u32 {
    // SAFETY: only `TIMER_VT` leads here, one call at a time.
    let timer = unsafe { &mut *data.cast::<Timer>() };
    // SAFETY: the plugin's waker is valid for the call.
    let polled = unsafe {
        with_std_waker(waker, |waker| {
            Pin::new(timer).poll(&mut TaskContext::from_waker(waker))
        })
    };
    match polled {
        Poll::Ready(()) => TORU_DONE,
        Poll::Pending => TORU_PENDING,
    }
}

unsafe extern "C" fn timer_drop(data: *mut c_void) {
    // SAFETY: dropped once, by its holder.
    drop(unsafe { Box::from_raw(data.cast::<Timer>()) });
}

unsafe extern "C" fn spawn(ctx: *const ToruCtx, op: *const ToruOp) -> u32 {
    // SAFETY: plugins get no other contexts than ours.
    let Some(services) = unsafe { Context::of(ctx) }.services() else {
        return TORU_GONE;
    };
    if op.is_null() {
        return TORU_INVALID;
    }
    // SAFETY: the plugin lends the struct for the call.
    let op = unsafe { op.read() };
    // SAFETY: handed over, unless it is given back below.
    let op = unsafe { HostOp::new(op) };
    match services.tasks.spawn(op) {
        Ok(()) => TORU_DONE,
        Err(op) => {
            // On an error it stays the plugin's.
            std::mem::forget(op);
            TORU_GONE
        }
    }
}

/// Blocking work of a plugin, run or cancelled once.
pub(crate) struct Work {
    run: Option<unsafe extern "C" fn(*mut c_void)>,
    cancel: Option<unsafe extern "C" fn(*mut c_void)>,
    data: *mut c_void,
}

// SAFETY: the plugin handed the data over to be used on another thread.
unsafe impl Send for Work {}

impl Work {
    pub(crate) fn run(mut self) {
        if let Some(run) = self.run.take() {
            // SAFETY: the plugin asked for this call, once.
            unsafe { run(self.data) };
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let (Some(_), Some(cancel)) = (self.run, self.cancel) {
            // SAFETY: it was never run, and never will be.
            unsafe { cancel(self.data) };
        }
    }
}

unsafe extern "C" fn spawn_blocking(
    ctx: *const ToruCtx,
    run: Option<unsafe extern "C" fn(data: *mut c_void)>,
    cancel: Option<unsafe extern "C" fn(data: *mut c_void)>,
    data: *mut c_void,
) -> u32 {
    // SAFETY: plugins get no other contexts than ours.
    let Some(services) = unsafe { Context::of(ctx) }.services() else {
        return TORU_GONE;
    };
    if run.is_none() {
        return TORU_INVALID;
    }
    match services.tasks.spawn_blocking(Work { run, cancel, data }) {
        Ok(()) => TORU_DONE,
        Err(work) => {
            // On an error neither function is called.
            std::mem::forget(work);
            TORU_GONE
        }
    }
}

unsafe extern "C" fn is_worker_thread(_: *const ToruCtx) -> u32 {
    u32::from(is_worker())
}
