//! What counts against a plugin, and who is told.

use std::fmt;
use std::time::Duration;

/// Told about what counts against an instance, on whatever thread that happens. Must not block.
pub(crate) trait Faults: fmt::Debug + Send + Sync {
    fn report(&self, fault: Fault);
}

/// What counts against a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A call panicked.
    Panicked,
    /// A call has been holding a thread of the host.
    Stuck { for_at_least: Duration },
}
