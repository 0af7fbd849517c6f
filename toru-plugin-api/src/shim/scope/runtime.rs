//! The tokio runtime of an instance, from `init` to `destroy`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use tokio::runtime::{EnterGuard, Handle, Runtime};

use super::{OUTSIDE, Scope};
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

/// The runtime of an instance, if its plugin asks for one.
pub(in crate::shim) struct Home(OnceLock<Open>);

struct Open {
    runtime: Runtime,
    scope: Scope,
    options: TokioRuntime,
}

impl Home {
    pub(in crate::shim) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Makes the runtime.
    ///
    /// # Panics
    ///
    /// When there are no threads to be had, which tokio does not report otherwise.
    pub(in crate::shim) fn open<P: ToruPlugin>(&self, ctx: Ctx) -> Result<(), &'static str> {
        let Some(options) = P::TOKIO else { return Ok(()) };
        if self.0.get().is_some() {
            return Ok(());
        }
        let runtime = options
            .build(P::METADATA.id())
            .map_err(|_| "the plugin's tokio runtime could not be made: no descriptors or threads")?;
        let scope = Scope {
            runtime: Some(runtime.handle().clone()),
        };
        ctx.slot().set(scope.clone());
        let _ = self.0.set(Open {
            runtime,
            scope,
            options,
        });
        Ok(())
    }

    pub(in crate::shim) fn scope(&self) -> &Scope {
        self.0.get().map_or(&OUTSIDE, |open| &open.scope)
    }

    /// Ends the runtime: cancels its tasks, and waits for its threads, but not for longer than the author said.
    ///
    /// On a thread of its own: where the host shares this copy of tokio, the caller is inside the host's runtime, and
    /// tokio panics when another is waited for there.
    pub(in crate::shim) fn close(self, ctx: Option<Ctx>) {
        let Some(open) = self.0.into_inner() else { return };
        // A context lives as long as the process, and what it holds of a runtime are descriptors.
        if let Some(ctx) = ctx {
            ctx.slot().set(Scope::default());
        }
        let Open {
            runtime,
            scope,
            options,
        } = open;
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

/// Where a context remembers the scope of its instance, for tasks that it spawns.
pub(in crate::shim) struct Slot(Mutex<Scope>);

impl Slot {
    pub(in crate::shim) const fn new() -> Self {
        Self(Mutex::new(Scope { runtime: None }))
    }

    pub(in crate::shim) fn get(&self) -> Scope {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, scope: Scope) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = scope;
    }
}
