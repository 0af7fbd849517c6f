//! Waiting for a store on a thread that may be blocked.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Waits on the calling thread, which must be one that may be blocked. Needs no runtime.
///
/// For backends with a [`commit_blocking`](super::KvBackend::commit_blocking) of their own that have to wait in some cases.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    // A thread that waits yields to nobody: without that, tokio holds what is ready back after a while.
    let mut future = pin!(tokio::task::unconstrained(future));
    let parker = Parker::new();
    let waker = parker.waker();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        parker.park(None);
    }
}

/// Lets the thread that made it sleep until it is woken.
///
/// With a flag of its own: what is waited for may park this thread itself, and take the wake-up for its own.
pub(crate) struct Parker(Arc<Unpark>);

struct Unpark {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Unpark {
            thread: std::thread::current(),
            is_woken: AtomicBool::new(false),
        }))
    }

    pub(crate) fn waker(&self) -> Waker {
        Arc::clone(&self.0).into()
    }

    /// Sleeps until it is woken, also when that was before. `false` when the deadline came first.
    pub(crate) fn park(&self, deadline: Option<Instant>) -> bool {
        while !self.0.is_woken.swap(false, Ordering::Acquire) {
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => std::thread::park(),
                Some(Duration::ZERO) => return false,
                Some(left) => std::thread::park_timeout(left),
            }
        }
        true
    }
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_that_comes_first_is_not_lost() {
        let parker = Parker::new();
        parker.waker().wake();
        assert!(parker.park(None));
        assert!(!parker.park(Some(Instant::now())), "it counts once");
    }

    #[test]
    fn whoever_waits_is_woken_by_another_thread() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let answered = std::thread::spawn(move || block_on(receiver));
        sender.send(7).unwrap();
        assert_eq!(answered.join().unwrap(), Ok(7));
    }

    #[test]
    fn a_future_that_parks_its_thread_takes_no_wake_up_away() {
        let mut polls = 0;
        let future = std::future::poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            // The token is taken here, as a lock within would.
            std::thread::park();
            if polls == 3 {
                Poll::Ready(polls)
            } else {
                Poll::Pending
            }
        });
        assert_eq!(block_on(future), 3);
    }
}
