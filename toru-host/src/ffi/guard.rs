//! The guard around every host function that a plugin calls.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::runtime::{EnterGuard, Handle};
use toru_plugin_api::abi::status::TORU_INTERNAL;

/// Enters the host's runtime to drop what belongs there. `None` on a thread that is ending, which has no place any more to
/// remember a runtime in.
pub(super) fn enter(runtime: &Handle) -> Option<EnterGuard<'_>> {
    catch_unwind(AssertUnwindSafe(|| runtime.enter())).ok()
}

/// Runs host code for a plugin. A panic is logged and becomes `TORU_INTERNAL`.
pub(super) fn guard(function: &'static str, f: impl FnOnce() -> u32) -> u32 {
    guard_or(function, TORU_INTERNAL, f)
}

/// As [`guard`], with another answer for a panic.
pub(super) fn guard_or<T>(function: &'static str, on_panic: T, f: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
        tracing::error!(
            function,
            "a host function panicked while a plugin called it; this is a bug of the host"
        );
        // The payload's drop may panic as well; leaking it is the lesser harm.
        std::mem::forget(payload);
        on_panic
    })
}
