//! The scope of an instance, from `init` to `destroy`, and what it consists of.

use std::sync::{Mutex, OnceLock, PoisonError};

#[cfg(feature = "tokio")]
use super::runtime::OwnRuntime;
use super::{OUTSIDE, Scope};
use crate::plugin::ToruPlugin;
use crate::shim::Ctx;

/// What an instance runs in.
pub(in crate::shim) struct Home(OnceLock<Open>);

struct Open {
    scope: Scope,
    #[cfg(feature = "tokio")]
    runtime: Option<OwnRuntime>,
}

impl Home {
    pub(in crate::shim) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Makes the runtime that the plugin asks for, if it does.
    ///
    /// # Panics
    ///
    /// When there are no threads to be had, which tokio does not report otherwise.
    #[cfg_attr(
        not(feature = "tokio"),
        expect(
            clippy::extra_unused_type_parameters,
            clippy::unnecessary_wraps,
            reason = "the feature tokio asks the plugin for its wishes"
        )
    )]
    pub(in crate::shim) fn open<P: ToruPlugin>(&self, ctx: Ctx) -> Result<(), &'static str> {
        if self.0.get().is_some() {
            return Ok(());
        }
        let scope = Scope {
            #[cfg(feature = "tokio")]
            runtime: None,
            #[cfg(feature = "tracing")]
            subscriber: subscriber(ctx),
        };
        #[cfg(feature = "tokio")]
        let (scope, runtime) = OwnRuntime::open::<P>(scope)?;
        let open = Open {
            scope,
            #[cfg(feature = "tokio")]
            runtime,
        };
        ctx.slot().set(open.scope.clone());
        let _ = self.0.set(open);
        Ok(())
    }

    pub(in crate::shim) fn scope(&self) -> &Scope {
        self.0.get().map_or(&OUTSIDE, |open| &open.scope)
    }

    /// Ends the runtime, and lets go of the scope.
    pub(in crate::shim) fn close(self, ctx: Option<Ctx>) {
        let Some(open) = self.0.into_inner() else { return };
        // A context lives as long as the process, and what it holds of a runtime are descriptors.
        if let Some(ctx) = ctx {
            ctx.slot().set(Scope::default());
        }
        #[cfg(feature = "tokio")]
        if let Some(runtime) = open.runtime {
            runtime.close(open.scope, ctx);
        }
        #[cfg(not(feature = "tokio"))]
        drop(open.scope);
    }
}

/// Who listens to the spans and events of an instance that a host for tests runs.
#[cfg(all(feature = "tracing", feature = "testing"))]
fn subscriber(ctx: Ctx) -> Option<tracing_core::Dispatch> {
    crate::shim::mock::is_mock(ctx).then(|| crate::tracing_layer::of_instance(ctx))
}

#[cfg(all(feature = "tracing", not(feature = "testing")))]
const fn subscriber(_: Ctx) -> Option<tracing_core::Dispatch> {
    None
}

/// Where a context remembers the scope of its instance, for tasks that it spawns.
pub(in crate::shim) struct Slot(Mutex<Scope>);

impl Slot {
    pub(in crate::shim) const fn new() -> Self {
        Self(Mutex::new(Scope::new()))
    }

    pub(in crate::shim) fn get(&self) -> Scope {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, scope: Scope) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = scope;
    }
}
