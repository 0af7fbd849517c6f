//! Where author code runs: inside the plugin's tokio runtime, if it has one.
//!
//! Every function of [`guard`](super::guard) asks for a [`Scope`], so no call from the host reaches author code without
//! having entered it. Whatever the host may still poll or drop keeps a scope of its own.

#[cfg(not(feature = "tokio"))]
mod absent;
#[cfg(feature = "tokio")]
mod runtime;

#[cfg(not(feature = "tokio"))]
pub(super) use absent::{Home, Slot};
#[cfg(feature = "tokio")]
pub(super) use runtime::{Home, Slot};

/// What is entered before author code runs, and left after it. Nothing without the feature `tokio`.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    #[cfg(feature = "tokio")]
    runtime: Option<tokio::runtime::Handle>,
}

/// The scope of what belongs to no instance.
pub(super) static OUTSIDE: Scope = Scope {
    #[cfg(feature = "tokio")]
    runtime: None,
};

impl Scope {
    /// Calls `f` inside. `f` is called in any case.
    #[inline]
    pub(super) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tokio")]
        let _entered = self.runtime.as_ref().and_then(runtime::enter);
        f()
    }
}
