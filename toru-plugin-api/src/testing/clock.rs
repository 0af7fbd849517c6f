//! The time that a plugin under test sees: it passes by itself, and the test moves it on.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock, and those who wait for it.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Unix time at the start, in milliseconds.
    start_ms: u64,
    started: Instant,
    /// Whether a wait moves the clock on instead of taking time.
    skips: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How far the test has moved the clock on.
    ahead: Duration,
    waiting: BTreeMap<(u64, u64), Waker>,
    last_id: u64,
    /// Whether a thread waits for the next timer.
    is_watched: bool,
}

impl Clock {
    pub(crate) fn new(start: SystemTime, skips: bool) -> Self {
        let start = start.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Arc::new(Shared {
            start_ms: u64::try_from(start.as_millis()).unwrap_or(u64::MAX),
            started: Instant::now(),
            skips,
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    pub(crate) fn elapsed_ns(&self) -> u64 {
        self.0.elapsed_ns(&self.0.state())
    }

    pub(crate) fn unix_ms(&self) -> u64 {
        self.0.start_ms.saturating_add(self.elapsed_ns() / 1_000_000)
    }

    /// Moves the clock on and wakes who has waited for that.
    pub(crate) fn advance(&self, time: Duration) {
        let due = {
            let mut state = self.0.state();
            state.ahead = state.ahead.saturating_add(time);
            self.0.take_due(&mut state)
        };
        self.0.changed.notify_all();
        due.into_iter().for_each(Waker::wake);
    }

    /// Resolves at that time of [`elapsed_ns`](Self::elapsed_ns).
    pub(crate) const fn timer_of(clock: Self, deadline_ns: u64, can_skip: bool) -> Timer {
        Timer {
            clock,
            deadline_ns,
            can_skip,
            id: None,
        }
    }

    /// A wait of the plugin's.
    pub(crate) fn timer(&self, deadline_ns: u64) -> Timer {
        Self::timer_of(self.clone(), deadline_ns, self.0.skips)
    }

    /// A limit of the host's, which is never skipped to.
    pub(crate) fn limit(&self, time: Duration) -> Timer {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self::timer_of(self.clone(), self.elapsed_ns().saturating_add(time), false)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed_ns(&self, state: &State) -> u64 {
        let elapsed = self.started.elapsed().saturating_add(state.ahead);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }

    fn take_due(&self, state: &mut State) -> Vec<Waker> {
        let now = self.elapsed_ns(state);
        let later = state.waiting.split_off(&(now.saturating_add(1), 0));
        let due = std::mem::replace(&mut state.waiting, later);
        due.into_values().collect()
    }

    /// Wakes who waits, one after the other, until nobody does.
    fn watch(self: Arc<Self>) {
        let mut state = self.state();
        loop {
            let due = self.take_due(&mut state);
            if !due.is_empty() {
                drop(state);
                due.into_iter().for_each(Waker::wake);
                state = self.state();
                continue;
            }
            let Some(&(next, _)) = state.waiting.keys().next() else {
                state.is_watched = false;
                return;
            };
            let left = Duration::from_nanos(next.saturating_sub(self.elapsed_ns(&state)));
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A wait.
pub(crate) struct Timer {
    clock: Clock,
    deadline_ns: u64,
    can_skip: bool,
    id: Option<u64>,
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let left = this.deadline_ns.saturating_sub(this.clock.elapsed_ns());
        if left == 0 {
            return Poll::Ready(());
        }
        if this.can_skip {
            // Others go first, as they would.
            this.clock.advance(Duration::from_nanos(left));
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let shared = &this.clock.0;
        let mut state = shared.state();
        let id = *this.id.get_or_insert_with(|| {
            state.last_id += 1;
            state.last_id
        });
        let place = (this.deadline_ns, id);
        state.waiting.insert(place, cx.waker().clone());
        if !std::mem::replace(&mut state.is_watched, true) {
            let watching = Arc::clone(shared);
            let thread = std::thread::Builder::new().name("toru-mock-clock".to_owned());
            if thread.spawn(move || watching.watch()).is_err() {
                // Without a thread, whoever waits looks again and again.
                state.is_watched = false;
                cx.waker().wake_by_ref();
            }
        }
        drop(state);
        shared.changed.notify_all();
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let removed = self.clock.0.state().waiting.remove(&(self.deadline_ns, id));
            self.clock.0.changed.notify_all();
            drop(removed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shim::block_on;

    #[test]
    fn whoever_waits_is_woken_when_the_clock_is_moved_on() {
        let clock = Clock::new(UNIX_EPOCH, false);
        let hour = Duration::from_secs(3600);
        let timer = clock.limit(hour);
        let moved = clock.clone();
        let thread = std::thread::spawn(move || moved.advance(hour));
        block_on(timer);
        assert!(clock.unix_ms() >= 3_600_000);
        thread.join().unwrap();
    }

    #[test]
    fn a_wait_that_is_skipped_moves_the_clock_on() {
        let clock = Clock::new(UNIX_EPOCH, true);
        block_on(clock.timer(5_000_000_000));
        assert!(clock.unix_ms() >= 5000);
        assert!(clock.unix_ms() < 3_600_000);
    }

    #[test]
    fn a_wait_passes_by_itself() {
        let clock = Clock::new(UNIX_EPOCH, false);
        block_on(clock.limit(Duration::from_millis(1)));
        assert!(clock.elapsed_ns() >= 1_000_000);
    }
}
