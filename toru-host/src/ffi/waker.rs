//! A waker for plugins with a stable address, for what has no call cell: `init`, `shutdown`, tasks, bodies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use atomic_waker::AtomicWaker;
use toru_plugin_api::abi::op::{ToruWaker, ToruWakerVt};
use toru_plugin_api::abi::size_word;

use super::guard::guard_or;

/// Wakes whoever polls, whichever task that is at the time. The plugin sees one waker across all polls.
#[derive(Debug)]
pub(super) struct SharedWaker(Arc<Shared>);

#[repr(C)]
#[derive(Debug)]
struct Shared {
    base: ToruWaker,
    wakeup: Wakeup,
}

// SAFETY: the table pointer is to a static; the rest is made for sharing.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

static SHARED_VT: ToruWakerVt = ToruWakerVt {
    size: size_word::<ToruWakerVt>(),
    flags: 0,
    retain,
    wake,
    release,
};

impl SharedWaker {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            base: ToruWaker {
                vt: &raw const SHARED_VT,
            },
            wakeup: Wakeup::default(),
        }))
    }

    /// Asks for another poll.
    pub(super) fn wake(&self) {
        self.0.wakeup.wake();
    }

    /// Polls plugin code with this waker. `f` tells whether it is pending.
    pub(super) fn poll(&self, cx: &Context<'_>, f: impl FnOnce(*const ToruWaker) -> (u32, bool)) -> u32 {
        self.0.wakeup.begin();
        let (status, pending) = f(Arc::as_ptr(&self.0).cast());
        if pending {
            self.0.wakeup.suspend(cx.waker());
        }
        status
    }
}

/// The state behind a waker: who waits, and whether a wake-up came since the last poll began.
///
/// Registering only after a poll ended pending spares every call that is answered at once.
#[derive(Debug, Default)]
pub(super) struct Wakeup {
    task: AtomicWaker,
    notified: AtomicBool,
}

impl Wakeup {
    /// A poll begins; it sees all that happened before the wake-ups that it forgets here.
    pub(super) fn begin(&self) {
        // Exchanged, not just stored: a store could take effect only after the poll has looked at its state, and
        // overwrite a wake-up that came in between.
        self.notified.swap(false, Ordering::AcqRel);
    }

    /// A poll ended pending. A wake-up that came meanwhile takes effect now; tells whether there was one.
    pub(super) fn suspend(&self, waker: &Waker) -> bool {
        self.task.register(waker);
        let is_awake = self.notified.swap(false, Ordering::AcqRel);
        if is_awake {
            waker.wake_by_ref();
        }
        is_awake
    }

    pub(super) fn wake(&self) {
        // Exchanged, so that a poll that sees a later wake-up sees what came before this one as well.
        self.notified.swap(true, Ordering::AcqRel);
        guard_or("waker.wake", (), || self.task.wake());
    }
}

unsafe extern "C" fn retain(waker: *const ToruWaker) -> *const ToruWaker {
    // SAFETY: only a `SharedWaker` carries this table, and the caller holds a reference.
    unsafe { Arc::increment_strong_count(waker.cast::<Shared>()) };
    waker
}

unsafe extern "C" fn wake(waker: *const ToruWaker) {
    // SAFETY: as in `retain`.
    let shared = unsafe { &*waker.cast::<Shared>() };
    shared.wakeup.wake();
}

unsafe extern "C" fn release(waker: *const ToruWaker) {
    // SAFETY: the caller gives its reference back.
    let shared = unsafe { Arc::from_raw(waker.cast::<Shared>()) };
    guard_or("waker.release", (), || drop(shared));
}
