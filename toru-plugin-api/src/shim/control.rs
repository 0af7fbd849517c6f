//! `init` and `shutdown`, which may suspend, and the guard of entry points that can explain a failure.

use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

use super::ctx::Ctx;
use super::guard::{guard_drop, guard_with, write_error};
use super::scope::Scope;
use crate::abi::op::{ToruOp, ToruOpVt, ToruWaker, with_std_waker};
use crate::abi::size_word;
use crate::abi::status::{TORU_DONE, TORU_INTERNAL, TORU_INVALID, TORU_PANICKED, TORU_PENDING, ToruError};
use crate::error::PluginError;

/// Guards an entry point that can explain its failure.
pub(super) fn entry(
    err: *mut ToruError,
    scope: &Scope,
    ctx: Option<Ctx>,
    f: impl FnOnce() -> Result<u32, &'static str>,
) -> u32 {
    let result = guard_with(scope, ctx, || match f() {
        Ok(status) => status,
        Err(text) => write_error(err, TORU_INTERNAL, text),
    });
    result.unwrap_or_else(|message| write_error(err, TORU_PANICKED, &message))
}

type ControlFuture = Pin<Box<dyn Future<Output = Result<(), PluginError>> + Send>>;

/// `init` or `shutdown` while it is suspended.
pub(super) struct Control {
    ctx: Ctx,
    scope: Scope,
    future: ControlFuture,
}

static CONTROL_VT: ToruOpVt = ToruOpVt {
    size: size_word::<ToruOpVt>(),
    flags: 0,
    poll: Some(control_poll),
    drop: Some(control_drop),
};

impl Control {
    /// Polls once; leaves an operation behind when that was not enough.
    ///
    /// # Safety
    ///
    /// The pointers are valid for the call.
    pub(super) unsafe fn start(
        ctx: Ctx,
        future: ControlFuture,
        waker: *const ToruWaker,
        op: *mut ToruOp,
        err: *mut ToruError,
    ) -> u32 {
        let scope = ctx.scope();
        let mut control = Box::new(Self { ctx, scope, future });
        // SAFETY: as the caller guarantees.
        let status = unsafe { control.advance(waker, err) };
        if status == TORU_PENDING {
            let data = Box::into_raw(control).cast();
            let vt = &raw const CONTROL_VT;
            // SAFETY: the host lends the place for the call.
            unsafe { op.write(ToruOp { data, vt }) };
        }
        status
    }

    /// # Safety
    ///
    /// The pointers are valid for the call.
    unsafe fn advance(&mut self, waker: *const ToruWaker, err: *mut ToruError) -> u32 {
        let future = self.future.as_mut();
        // SAFETY: the waker is valid for the call.
        match unsafe { with_std_waker(waker, |waker| future.poll(&mut Context::from_waker(waker))) } {
            Poll::Pending => TORU_PENDING,
            Poll::Ready(Ok(())) => TORU_DONE,
            Poll::Ready(Err(error)) => write_error(err, error.control_status(), &error.to_string()),
        }
    }
}

unsafe extern "C" fn control_poll(data: *mut c_void, waker: *const ToruWaker, io: *mut c_void) -> u32 {
    let Some(mut control) = NonNull::new(data.cast::<Control>()) else {
        return TORU_INVALID;
    };
    // SAFETY: only `CONTROL_VT` leads here, one call at a time.
    let control = unsafe { control.as_mut() };
    let err = io.cast::<ToruError>();
    let scope = control.scope.clone();
    entry(err, &scope, Some(control.ctx), || {
        // SAFETY: the host lends waker and error for the call.
        Ok(unsafe { control.advance(waker, err) })
    })
}

unsafe extern "C" fn control_drop(data: *mut c_void) {
    // SAFETY: dropped once, by the host.
    let control = unsafe { Box::from_raw(data.cast::<Control>()) };
    let Control { scope, future, .. } = *control;
    guard_drop(&scope, || drop(future));
}
