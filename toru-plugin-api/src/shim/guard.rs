//! The one guard around author code, and the panic hook that remembers what a panic said.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::ctx::Ctx;
use super::log::Record;
use super::scope::Scope;
use crate::abi::log::TORU_LOG_ERROR;
use crate::abi::status::{TORU_PANICKED, ToruError};

/// Context of the instance started last, in a word: where an image that is not the host's logs to.
static IMAGE_CTX: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    /// Message and location of the last panic on this thread, until the guard picks it up.
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs author code for the host, inside `scope`. A panic becomes `TORU_PANICKED` and, where `ctx` is given and no hook
/// did, a record.
pub(super) fn guard(scope: &Scope, ctx: Option<Ctx>, f: impl FnOnce() -> u32) -> u32 {
    guard_with(scope, ctx, f).unwrap_or(TORU_PANICKED)
}

/// As [`guard`], with what the panic said, for the caller's error text.
pub(super) fn guard_with(scope: &Scope, ctx: Option<Ctx>, f: impl FnOnce() -> u32) -> Result<u32, String> {
    // Left inside: leaving panics where author code has mixed the order up.
    let inside = AssertUnwindSafe(|| scope.run(f));
    catch_unwind(inside).map_err(|payload| panicked(ctx, payload))
}

/// Runs author code that cannot report, such as a drop, inside `scope`.
pub(super) fn guard_drop(scope: &Scope, f: impl FnOnce()) {
    let f = || {
        f();
        0
    };
    guard(scope, None, f);
}

/// Installs the hook of this image, once. Not called where the host shares the image.
pub(super) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_hook(Box::new(on_panic)));
}

/// Names the context that the image logs to.
pub(super) fn set_image_ctx(ctx: Ctx) {
    IMAGE_CTX.store(ctx.into_word().cast_mut(), Ordering::Release);
}

/// The context that the image logs to; none before its first instance.
pub(crate) fn image_ctx() -> Option<Ctx> {
    // SAFETY: nothing else is stored there.
    unsafe { Ctx::from_word(IMAGE_CTX.load(Ordering::Acquire)) }
}

/// Writes `text` into the caller's error, cut at its capacity on a character boundary.
pub(super) fn write_error(err: *mut ToruError, status: u32, text: &str) -> u32 {
    if err.is_null() {
        return status;
    }
    // SAFETY: the caller of the entry point lends the struct for the call; nobody else touches it.
    let err = unsafe { &mut *err };
    err.code = status;
    err.text_len = 0;
    if !err.text.is_null() {
        let mut len = text.len().min(err.text_cap);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        // SAFETY: the buffer has `text_cap` bytes and `len` is at most that; the text is ours.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), err.text, len) };
        err.text_len = len;
    }
    status
}

#[cold]
fn panicked(ctx: Option<Ctx>, payload: Box<dyn Any + Send>) -> String {
    // Taken, so that the next panic on this thread is not mistaken for this one.
    let hooked = LAST_PANIC.try_with(RefCell::take).ok().flatten();
    let message = hooked.unwrap_or_else(|| {
        let message = message_of(&*payload);
        if let Some(ctx) = ctx {
            ctx.say(TORU_LOG_ERROR, &format!("panicked: {message}"));
        }
        message
    });
    // The payload is the author's: dropping it may panic, and so may dropping the payload of that panic.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    message
}

fn on_panic(info: &PanicHookInfo<'_>) {
    let message = message_of(info.payload());
    let (file, line) = info
        .location()
        .map_or(("", 0), |place| (place.file(), place.line()));
    // A thread that is ending may have none any more; a panic in here would end the process.
    let _ = LAST_PANIC.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = Some(format!("{message} at {file}:{line}"));
        }
    });
    let backtrace = std::backtrace::Backtrace::capture();
    let text = if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
        format!("panicked: {message}\n{backtrace}")
    } else {
        format!("panicked: {message}")
    };
    if let Some(ctx) = image_ctx() {
        ctx.log(&Record {
            level: TORU_LOG_ERROR,
            file,
            line,
            message: &text,
            ..Record::default()
        });
    }
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a value that is not text".to_owned(),
    }
}
