//! What an instance has in place of a tokio runtime, without the feature `tokio`: nothing.

use super::{OUTSIDE, Scope};
use crate::plugin::ToruPlugin;
use crate::shim::Ctx;

pub(in crate::shim) struct Home;

impl Home {
    pub(in crate::shim) const fn new() -> Self {
        Self
    }

    #[expect(
        clippy::extra_unused_type_parameters,
        reason = "the feature asks the plugin for its wishes"
    )]
    pub(in crate::shim) const fn open<P: ToruPlugin>(&self, _: Ctx) -> Result<(), &'static str> {
        Ok(())
    }

    #[inline]
    pub(in crate::shim) const fn scope(&self) -> &'static Scope {
        &OUTSIDE
    }

    pub(in crate::shim) const fn close(self, _: Option<Ctx>) {}
}

pub(in crate::shim) struct Slot;

impl Slot {
    pub(in crate::shim) const fn new() -> Self {
        Self
    }

    pub(in crate::shim) const fn get(&self) -> Scope {
        Scope {}
    }
}
