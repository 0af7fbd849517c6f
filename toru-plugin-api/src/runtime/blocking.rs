//! Code that blocks, on a thread of the host's, and the wait for what comes of it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::PluginError;
use crate::shim::{BlockingWork, Ctx};

/// A wait for code that blocks. See [`Runtime::spawn_blocking`](super::Runtime::spawn_blocking).
///
/// # Cancellation
///
/// When it is dropped, the code runs on and what it returns is dropped.
pub struct BlockingTask<T>(Arc<Place<T>>);

struct Place<T>(Mutex<State<T>>);

enum State<T> {
    Running(Option<Waker>),
    Ended(Result<T, PluginError>),
    Taken,
}

impl<T: Send + 'static> BlockingTask<T> {
    pub(super) fn start(ctx: Ctx, work: impl FnOnce() -> T + Send + 'static) -> Self {
        let place = Arc::new(Place(Mutex::new(State::Running(None))));
        let work = Work {
            run: Some(work),
            place: Arc::clone(&place),
        };
        if let Err(error) = ctx.spawn_blocking(work) {
            // Dropped, it has told that it was cancelled; why is known better here.
            *place.state() = State::Ended(Err(error));
        }
        Self(place)
    }
}

impl<T> Future for BlockingTask<T> {
    type Output = Result<T, PluginError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = cx.waker().clone();
        let mut state = self.0.state();
        let next = match *state {
            State::Running(_) => State::Running(Some(waker)),
            State::Ended(_) | State::Taken => State::Taken,
        };
        let before = std::mem::replace(&mut *state, next);
        // A waker that is dropped may run anything.
        drop(state);
        match before {
            State::Running(_) => Poll::Pending,
            State::Ended(result) => Poll::Ready(result),
            State::Taken => panic!("polled again after it was ready"),
        }
    }
}

impl<T> fmt::Debug for BlockingTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_running = matches!(*self.0.state(), State::Running(_));
        f.debug_struct("BlockingTask")
            .field("is_running", &is_running)
            .finish_non_exhaustive()
    }
}

impl<T> Place<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, result: Result<T, PluginError>) {
        let before = std::mem::replace(&mut *self.state(), State::Ended(result));
        if let State::Running(Some(waker)) = before {
            waker.wake();
        }
    }
}

/// The code, until it has run.
struct Work<F, T> {
    run: Option<F>,
    place: Arc<Place<T>>,
}

impl<T: Send + 'static, F: FnOnce() -> T + Send + 'static> BlockingWork for Work<F, T> {
    fn run(&mut self) {
        if let Some(run) = self.run.take() {
            let result = run();
            self.place.end(Ok(result));
        }
    }

    fn panicked(&mut self, message: String) {
        let text = format!("panicked in code that blocks: {message}");
        self.place.end(Err(PluginError::other(text)));
    }
}

impl<F, T> Drop for Work<F, T> {
    fn drop(&mut self) {
        if self.run.is_some() {
            let text = "the plugin has been disabled before code that blocks could begin";
            self.place.end(Err(PluginError::other(text)));
        }
    }
}
