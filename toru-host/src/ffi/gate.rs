//! The gate of an instance: counts what is inside, lets nothing in once closed, and tells when it is empty.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::instance::Inner;

/// Set in the count once the gate is closed.
const CLOSED: usize = 1 << (usize::BITS - 1);

#[derive(Debug, Default)]
pub(super) struct Gate {
    count: AtomicUsize,
    emptied: Notify,
}

impl Gate {
    fn enter(&self) -> bool {
        // Not counted and taken back: whoever looks at a closed gate must never see one that cannot get in.
        let inside = |count| (count & CLOSED == 0).then_some(count + 1);
        self.count
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, inside)
            .is_ok()
    }

    fn leave(&self) {
        if self.count.fetch_sub(1, Ordering::Release) == CLOSED + 1 {
            self.emptied.notify_waiters();
        }
    }

    /// Lets nothing in from now on.
    pub(super) fn close(&self) {
        self.count.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// How many are inside.
    pub(super) fn inside(&self) -> usize {
        self.count.load(Ordering::Acquire) & !CLOSED
    }

    /// Waits until nobody is inside. The gate is closed already, or this may never end.
    pub(super) async fn emptied(&self) {
        loop {
            let mut emptied = std::pin::pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.inside() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

/// The right to be inside an instance: while it exists, the instance is not destroyed.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Inner>);

impl Permit {
    /// `None` once the gate is closed.
    #[inline]
    pub(super) fn new(instance: &Arc<Inner>) -> Option<Self> {
        instance.gate().enter().then(|| Self(Arc::clone(instance)))
    }

    pub(super) fn instance(&self) -> &Arc<Inner> {
        &self.0
    }
}

impl Clone for Permit {
    fn clone(&self) -> Self {
        // Whoever is inside may bring others along, also after the gate was closed.
        self.0.gate().count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.gate().leave();
    }
}
