//! Who is inside of an instance.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};

/// Most requests at a time, as hosts have it by default.
const IN_FLIGHT_MAX: usize = 64;

/// Counts who is inside, and can be closed.
#[derive(Default)]
pub(crate) struct Gate(Mutex<State>);

#[derive(Default)]
struct State {
    closed: bool,
    inside: usize,
    waiting: Option<Waker>,
    ends: Vec<Weak<dyn End>>,
}

/// Something inside that can be ended from outside.
pub(crate) trait End: Send + Sync {
    /// Ends it.
    fn end(&self);
}

/// Why nobody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Busy,
    Stopping,
}

/// A place inside, given back on drop.
pub(crate) struct Permit(Arc<Gate>);

impl Gate {
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Permit, Refused> {
        let mut state = self.state();
        if state.closed {
            return Err(Refused::Stopping);
        }
        if state.inside >= IN_FLIGHT_MAX {
            return Err(Refused::Busy);
        }
        state.inside += 1;
        Ok(Permit(Arc::clone(self)))
    }

    /// Remembers something that is to be ended when the instance is, and ends it now where that has happened.
    pub(crate) fn watch(&self, end: &Arc<impl End + 'static>) {
        let is_closed = {
            let mut state = self.state();
            state.ends.retain(|end| end.strong_count() > 0);
            let end: Weak<dyn End> = Arc::downgrade(end) as _;
            state.ends.push(end);
            state.closed
        };
        if is_closed {
            end.end();
        }
    }

    /// Lets nobody in, and ends what is inside.
    pub(crate) fn end(&self) {
        let ends = {
            let mut state = self.state();
            state.closed = true;
            std::mem::take(&mut state.ends)
        };
        ends.iter().filter_map(Weak::upgrade).for_each(|end| end.end());
    }

    /// As [`end`](Self::end), and waits until the last has left.
    pub(crate) async fn close(&self) {
        self.end();
        poll_fn(|cx| {
            let mut state = self.state();
            if state.inside == 0 {
                return Poll::Ready(());
            }
            state.waiting = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.state();
            state.inside -= 1;
            if state.inside == 0 {
                state.waiting.take()
            } else {
                None
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
