//! Wakers of the plugin's own executors, seen through the contract, and a small blocking executor.
//!
//! Wakers know where they belong, and the host may keep them for longer than the instance: they run outside of its scope.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use super::guard::guard_drop;
use super::scope::OUTSIDE;
use crate::abi::op::{ToruWaker, ToruWakerVt, foreign_waker};
use crate::abi::size_word;

/// Calls `f` with a `ToruWaker` that stands for `waker`: the host's own where it came from there.
///
/// Any other is wrapped: the wrapper lives on the stack, and a shared one is made when the host keeps it.
pub(super) fn with_waker<R>(waker: &Waker, f: impl FnOnce(*const ToruWaker) -> R) -> R {
    if let Some(foreign) = foreign_waker(waker) {
        return f(foreign);
    }
    let borrowed = BorrowedWaker {
        base: ToruWaker {
            vt: &raw const BORROWED_VT,
        },
        waker,
    };
    f((&raw const borrowed).cast())
}

/// A waker on its caller's stack.
#[repr(C)]
struct BorrowedWaker<'a> {
    base: ToruWaker,
    waker: &'a Waker,
}

static BORROWED_VT: ToruWakerVt = ToruWakerVt {
    size: size_word::<ToruWakerVt>(),
    flags: 0,
    retain: borrowed_retain,
    wake: borrowed_wake,
    release: borrowed_release,
};

unsafe extern "C" fn borrowed_retain(waker: *const ToruWaker) -> *const ToruWaker {
    // SAFETY: only a `BorrowedWaker` carries this table, and it is alive during the call it was passed to.
    let this = unsafe { &*waker.cast::<BorrowedWaker<'_>>() };
    let mut kept = None;
    guard_drop(&OUTSIDE, || kept = Some(this.waker.clone()));
    // A waker that cannot be cloned wakes nobody.
    keep(kept.unwrap_or_else(|| Waker::noop().clone()))
}

unsafe extern "C" fn borrowed_wake(waker: *const ToruWaker) {
    // SAFETY: as in `borrowed_retain`.
    let this = unsafe { &*waker.cast::<BorrowedWaker<'_>>() };
    guard_drop(&OUTSIDE, || this.waker.wake_by_ref());
}

unsafe extern "C" fn borrowed_release(_: *const ToruWaker) {}

/// Runs a future on this thread, which is parked while it waits.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    // A flag of its own: what is polled may park this thread itself, and take the wake-up for its own.
    struct Unpark(Thread, AtomicBool);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.1.store(true, Ordering::Release);
            self.0.unpark();
        }
    }
    let unpark = Arc::new(Unpark(std::thread::current(), AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&unpark));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => {
                while !unpark.1.swap(false, Ordering::Acquire) {
                    std::thread::park();
                }
            }
        }
    }
}

/// A waker that the host keeps.
#[repr(C)]
struct SharedWaker {
    base: ToruWaker,
    waker: Waker,
}

// SAFETY: the table pointer is to a static; the waker is made for sharing.
unsafe impl Send for SharedWaker {}
// SAFETY: as above.
unsafe impl Sync for SharedWaker {}

static SHARED_VT: ToruWakerVt = ToruWakerVt {
    size: size_word::<ToruWakerVt>(),
    flags: 0,
    retain,
    wake,
    release,
};

fn keep(waker: Waker) -> *const ToruWaker {
    let shared = SharedWaker {
        base: ToruWaker { vt: &SHARED_VT },
        waker,
    };
    Arc::into_raw(Arc::new(shared)).cast()
}

unsafe extern "C" fn retain(waker: *const ToruWaker) -> *const ToruWaker {
    // SAFETY: only wakers made by `keep` carry this table, and the caller holds a reference.
    unsafe { Arc::increment_strong_count(waker.cast::<SharedWaker>()) };
    waker
}

unsafe extern "C" fn wake(waker: *const ToruWaker) {
    // SAFETY: as in `retain`.
    let shared = unsafe { &*waker.cast::<SharedWaker>() };
    guard_drop(&OUTSIDE, || shared.waker.wake_by_ref());
}

unsafe extern "C" fn release(waker: *const ToruWaker) {
    // SAFETY: the caller gives its reference back.
    let shared = unsafe { Arc::from_raw(waker.cast::<SharedWaker>()) };
    guard_drop(&OUTSIDE, || drop(shared));
}
