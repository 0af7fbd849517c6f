//! Finds calls that hold a thread: code of a plugin that has been executing in one go for too long.
//!
//! Whoever enters a plugin's code marks so in a slot of the thread's own, by two plain stores. A thread of ours looks at
//! all slots now and then, also when all threads that run async code are held. It lives while there is somebody to
//! watch.

mod scanner;
mod slots;

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use self::scanner::Scanner;
pub(super) use self::slots::inside;
use super::faults::Fault;

/// Shortest time between two looks.
const PERIOD_MIN: Duration = Duration::from_millis(5);

/// Whom to watch.
struct Watch {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The limits of those who are watched, by number.
    limits: BTreeMap<u64, Duration>,
    next: u64,
    is_running: bool,
}

static WATCH: Watch = Watch {
    state: Mutex::new(State {
        limits: BTreeMap::new(),
        next: 0,
        is_running: false,
    }),
    changed: Condvar::new(),
};

/// While it exists, calls of an instance are watched.
#[derive(Debug)]
pub(super) struct Watched(u64);

impl Watched {
    /// Calls that hold a thread for `limit` are reported to their context.
    pub(super) fn new(limit: Duration) -> Self {
        let mut state = WATCH.state();
        let number = state.next;
        state.next += 1;
        state.limits.insert(number, limit);
        if !state.is_running {
            let spawned = std::thread::Builder::new().name("toru-watch".to_owned());
            match spawned.spawn(watch) {
                Ok(_) => state.is_running = true,
                Err(error) => {
                    tracing::error!(%error, "calls that hold threads cannot be watched");
                }
            }
        }
        drop(state);
        WATCH.changed.notify_one();
        Self(number)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        WATCH.state().limits.remove(&self.0);
        WATCH.changed.notify_one();
    }
}

impl Watch {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that nobody watches any more, also when the thread ends by a panic: the next instance starts another one.
struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        WATCH.state().is_running = false;
    }
}

/// Looks at all slots until there is nobody to watch.
fn watch() {
    let running = Running;
    let mut scanner = Scanner::default();
    let mut last_look = Instant::now();
    loop {
        let mut state = WATCH.state();
        let Some(limit) = state.limits.values().min().copied() else {
            // Under the same lock under which somebody to watch would be added.
            state.is_running = false;
            std::mem::forget(running);
            return;
        };
        // Not from now on: however many come and go, somebody looks.
        let so_far = last_look.elapsed();
        let left = (limit / 4).max(PERIOD_MIN).saturating_sub(so_far);
        if !left.is_zero() {
            let waited = WATCH.changed.wait_timeout(state, left);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            continue;
        }
        drop(state);
        last_look = Instant::now();
        let stuck = scanner.look(slots::entries(), last_look);
        for (context, for_at_least) in stuck {
            context.faults().report(Fault::Stuck { for_at_least });
        }
    }
}
