//! Where author code runs: inside the plugin's tokio runtime, if it has one.
//!
//! Every function of [`guard`](super::guard) asks for a [`Scope`], so no call from the host reaches author code without
//! having entered it. Whatever the host may still poll or drop keeps a scope of its own.

#[cfg(feature = "tokio")]
mod runtime;

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

/// The runtime of an instance: none without the feature `tokio`.
#[cfg(not(feature = "tokio"))]
pub(super) struct Home;

#[cfg(not(feature = "tokio"))]
impl Home {
    pub(super) const fn new() -> Self {
        Self
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "with the feature, there may be no threads"
    )]
    pub(super) const fn open<P>(&self, _: super::Ctx) -> Result<(), &'static str> {
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "with the feature, each has its own")]
    pub(super) const fn scope(&self) -> &Scope {
        &OUTSIDE
    }

    pub(super) const fn close(self, _: Option<super::Ctx>) {}
}

/// Where a context remembers the scope of its instance.
#[cfg(not(feature = "tokio"))]
#[derive(Default)]
pub(super) struct Slot;

#[cfg(not(feature = "tokio"))]
impl Slot {
    #[expect(
        clippy::unused_self,
        reason = "with the feature, there is something to remember"
    )]
    pub(super) const fn get(&self) -> Scope {
        Scope {}
    }
}
