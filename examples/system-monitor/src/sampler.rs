//! One thread that samples for all who listen, and only while somebody does.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use toru_plugin_api::PluginError;

/// Makes a sample; gets the interval at which that is done.
type Sample = Box<dyn FnMut(Duration) -> String>;

/// Samples while there are listeners. Measuring blocks, so it has a thread of its own.
pub(crate) struct Sampler(Arc<Shared>);

/// Somebody who gets the newest sample; one who is slow misses those in between.
pub(crate) struct Listener {
    shared: Arc<Shared>,
    id: u64,
    /// Number of the last sample it got.
    seen: u64,
}

struct Shared {
    /// Called on the thread, each time that there is somebody again.
    begin: Box<dyn Fn() -> Sample + Send + Sync>,
    state: Mutex<State>,
    /// Told when the thread should look again.
    changed: Condvar,
}

struct State {
    interval: Duration,
    is_closed: bool,
    is_running: bool,
    next_id: u64,
    /// Who listens, and how to wake who waits.
    listeners: BTreeMap<u64, Option<Waker>>,
    closing: Option<Waker>,
    /// Of the newest sample.
    number: u64,
    newest: Option<Arc<str>>,
}

impl Sampler {
    pub(crate) fn new(interval: Duration, begin: impl Fn() -> Sample + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            begin: Box::new(begin),
            state: Mutex::new(State {
                interval,
                is_closed: false,
                is_running: false,
                next_id: 0,
                listeners: BTreeMap::new(),
                closing: None,
                number: 0,
                newest: None,
            }),
            changed: Condvar::new(),
        }))
    }

    /// Adds a listener; the first one starts the thread.
    ///
    /// # Errors
    ///
    /// When the sampler is closed, or there can be no more threads.
    pub(crate) fn listen(&self) -> Result<Listener, PluginError> {
        let mut state = self.0.lock();
        if state.is_closed {
            return Err(PluginError::Status(503, "the sampler is closed".to_owned()));
        }
        if !state.is_running {
            Shared::spawn(&self.0)?;
            state.is_running = true;
        }
        let id = state.next_id;
        state.next_id += 1;
        state.listeners.insert(id, None);
        Ok(Listener {
            shared: Arc::clone(&self.0),
            id,
            seen: 0,
        })
    }

    pub(crate) fn interval(&self) -> Duration {
        self.0.lock().interval
    }

    /// Changes the interval, the running one included.
    pub(crate) fn set_interval(&self, interval: Duration) {
        self.0.lock().interval = interval;
        self.0.changed.notify_one();
    }

    /// Ends all listeners, and waits until the thread has ended too.
    pub(crate) async fn close(&self) {
        let waiting = {
            let mut state = self.0.lock();
            state.is_closed = true;
            state.take_waiting()
        };
        self.0.changed.notify_one();
        wake(waiting);
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if !state.is_running {
                return Poll::Ready(());
            }
            state.closing = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Listener {
    /// The newest sample that it has not seen, or `None` when there will be no more.
    pub(crate) fn poll_sample(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arc<str>>> {
        let mut state = self.shared.lock();
        if state.is_closed || !state.is_running {
            return Poll::Ready(None);
        }
        match &state.newest {
            Some(sample) if state.number > self.seen => {
                self.seen = state.number;
                Poll::Ready(Some(Arc::clone(sample)))
            }
            _ => {
                let before = state.listeners.insert(self.id, Some(cx.waker().clone()));
                drop(state);
                // A waker is the host's: what its end does is not done under the lock.
                drop(before);
                Poll::Pending
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let waker = state.listeners.remove(&self.id);
        let was_last = state.listeners.is_empty();
        drop(state);
        drop(waker);
        if was_last {
            self.shared.changed.notify_one();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(shared: &Arc<Self>) -> io::Result<()> {
        let shared = Arc::clone(shared);
        let thread = thread::Builder::new().name("system-monitor".to_owned());
        thread.spawn(move || shared.run()).map(drop)
    }

    fn run(&self) {
        let _panicked = EndsOnPanic(self);
        let mut sample = (self.begin)();
        loop {
            let begun = Instant::now();
            let interval = self.lock().interval;
            let newest = sample(interval);
            let mut state = self.lock();
            state.number += 1;
            state.newest = Some(newest.into());
            let waiting = state.take_waiting();
            drop(state);
            wake(waiting);
            if !self.pause(begun) {
                return;
            }
        }
    }

    /// Waits for the next sample's time. When nobody wants it, says that the thread has ended.
    fn pause(&self, begun: Instant) -> bool {
        let mut state = self.lock();
        loop {
            if state.is_closed || state.listeners.is_empty() {
                let waiting = state.end();
                drop(state);
                wake(waiting);
                return false;
            }
            let left = state.interval.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return true;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl State {
    fn take_waiting(&mut self) -> Vec<Waker> {
        self.listeners.values_mut().filter_map(mem::take).collect()
    }

    /// The thread has ended; who is to be woken.
    fn end(&mut self) -> Vec<Waker> {
        self.is_running = false;
        self.newest = None;
        let mut waiting = self.take_waiting();
        waiting.extend(self.closing.take());
        waiting
    }
}

fn wake(waiting: Vec<Waker>) {
    for waker in waiting {
        waker.wake();
    }
}

/// Measuring is others' code: when it panics, streams end instead of standing still, and the next one starts anew.
struct EndsOnPanic<'a>(&'a Shared);

impl Drop for EndsOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let waiting = self.0.lock().end();
            wake(waiting);
        }
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler").finish_non_exhaustive()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
