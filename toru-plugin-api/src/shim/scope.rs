//! Where author code runs: inside the plugin's tokio runtime, if it has one; in tests, where its spans and events are
//! listened to.
//!
//! Every function of [`guard`](super::guard) asks for a [`Scope`], so no call from the host reaches author code without
//! having entered it. Whatever the host may still poll or drop keeps a scope of its own.

#[cfg(not(any(feature = "tokio", feature = "tracing")))]
mod absent;
#[cfg(any(feature = "tokio", feature = "tracing"))]
mod home;
#[cfg(feature = "tokio")]
mod runtime;

#[cfg(not(any(feature = "tokio", feature = "tracing")))]
pub(super) use absent::{Home, Slot};
#[cfg(any(feature = "tokio", feature = "tracing"))]
pub(super) use home::{Home, Slot};

/// What is entered before author code runs, and left after it. Nothing without the features.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    #[cfg(feature = "tokio")]
    runtime: Option<tokio::runtime::Handle>,
    /// Who listens, where the host's copy of `tracing` is the plugin's and nobody else would.
    #[cfg(feature = "tracing")]
    subscriber: Option<tracing_core::Dispatch>,
}

/// The scope of what belongs to no instance.
pub(super) static OUTSIDE: Scope = Scope::new();

impl Scope {
    const fn new() -> Self {
        Self {
            #[cfg(feature = "tokio")]
            runtime: None,
            #[cfg(feature = "tracing")]
            subscriber: None,
        }
    }

    /// Calls `f` inside. `f` is called in any case.
    #[inline]
    pub(super) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tokio")]
        let _entered = self.runtime.as_ref().and_then(runtime::enter);
        #[cfg(feature = "tracing")]
        let _listening = self
            .subscriber
            .as_ref()
            .map(tracing_core::dispatcher::set_default);
        f()
    }
}
