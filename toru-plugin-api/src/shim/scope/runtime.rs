//! The tokio runtime of an instance.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::runtime::{EnterGuard, Handle, Runtime};

use super::Scope;
use crate::abi::log::TORU_LOG_WARN;
use crate::plugin::ToruPlugin;
use crate::shim::Ctx;
use crate::tokio_runtime::TokioRuntime;

/// Enters. `None` on a thread that is ending and has no thread-locals any more.
///
/// What runs there has to run all the same: a future whose memory is given back without having been dropped would leave
/// timers behind that point into it.
pub(super) fn enter(runtime: &Handle) -> Option<EnterGuard<'_>> {
    catch_unwind(AssertUnwindSafe(|| runtime.enter())).ok()
}

/// The runtime of an instance whose plugin asks for one.
pub(super) struct OwnRuntime {
    runtime: Runtime,
    options: TokioRuntime,
}

impl OwnRuntime {
    /// Makes the runtime, and notes it in the scope.
    ///
    /// # Panics
    ///
    /// When there are no threads to be had, which tokio does not report otherwise.
    pub(super) fn open<P: ToruPlugin>(mut scope: Scope) -> Result<(Scope, Option<Self>), &'static str> {
        let Some(options) = P::TOKIO else {
            return Ok((scope, None));
        };
        #[cfg(feature = "tracing")]
        let on_thread_start = {
            let subscriber = scope.subscriber.clone();
            move || {
                // For as long as the thread lives.
                std::mem::forget(subscriber.as_ref().map(tracing_core::dispatcher::set_default));
            }
        };
        #[cfg(not(feature = "tracing"))]
        let on_thread_start = || {};
        let runtime = options
            .build(P::METADATA.id(), on_thread_start)
            .map_err(|_| "the plugin's tokio runtime could not be made: no descriptors or threads")?;
        scope.runtime = Some(runtime.handle().clone());
        Ok((scope, Some(Self { runtime, options })))
    }

    /// Ends the runtime: cancels its tasks, and waits for its threads, but not for longer than the author said.
    ///
    /// On a thread of its own: where the host shares this copy of tokio, the caller is inside the host's runtime, and
    /// tokio panics when another is waited for there.
    pub(super) fn close(self, scope: Scope, ctx: Option<Ctx>) {
        let Self { runtime, options } = self;
        let limit = options.shutdown_limit();
        // A thread that cannot be made does not give back what was moved there.
        let runtime = Arc::new(Mutex::new(Some(runtime)));
        let taken = Arc::clone(&runtime);
        let start = Instant::now();
        let end = move || {
            if let Some(runtime) = take(&taken) {
                scope.run(|| runtime.shutdown_timeout(limit));
            }
        };
        match std::thread::Builder::new()
            .name("tokio-end".to_owned())
            .spawn(end)
        {
            // A panic in there is one of the author's drops; the hook has told of it.
            Ok(thread) => drop(thread.join()),
            Err(_) => {
                if let Some(runtime) = take(&runtime) {
                    runtime.shutdown_background();
                }
            }
        }
        if let Some(ctx) = ctx.filter(|_| start.elapsed() >= limit) {
            let message =
                "something in the plugin's tokio runtime has not ended in time; its thread is left to itself";
            ctx.say(TORU_LOG_WARN, message);
        }
    }
}

fn take(runtime: &Mutex<Option<Runtime>>) -> Option<Runtime> {
    runtime.lock().unwrap_or_else(PoisonError::into_inner).take()
}
