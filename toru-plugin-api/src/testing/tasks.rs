//! Background work of a plugin under test, each on a thread of its own.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{Builder, JoinHandle};

use crate::shim::mock::{Work, on_worker};
use crate::shim::{HostOp, block_on};

/// The background work of one instance.
#[derive(Default)]
pub(crate) struct Tasks(Mutex<State>);

#[derive(Default)]
struct State {
    ended: bool,
    threads: Vec<(Arc<Stop>, JoinHandle<()>)>,
    running: Arc<Running>,
}

/// How many run, and who waits for them to end.
#[derive(Default)]
struct Running(Mutex<(usize, Vec<Waker>)>);

/// One that runs, until it is dropped.
struct Counted(Arc<Running>);

impl Counted {
    fn new(running: &Arc<Running>) -> Self {
        running.state().0 += 1;
        Self(Arc::clone(running))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.state();
            state.0 -= 1;
            if state.0 == 0 {
                std::mem::take(&mut state.1)
            } else {
                Vec::new()
            }
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Running {
    fn state(&self) -> MutexGuard<'_, (usize, Vec<Waker>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells a task to stop.
#[derive(Default)]
struct Stop {
    asked: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Tasks {
    /// Runs a task. On an error it is still the caller's.
    pub(crate) fn spawn(&self, op: HostOp) -> Result<(), HostOp> {
        self.add(op, |mut op, stop| {
            block_on(poll_fn(|cx| {
                *stop.waker() = Some(cx.waker().clone());
                if stop.asked.load(Ordering::Acquire) {
                    return Poll::Ready(());
                }
                on_worker(|| op.poll_unit(cx)).map(drop)
            }));
            on_worker(|| drop(op));
        })
    }

    /// Runs work that may block. On an error it is still the caller's.
    pub(crate) fn spawn_blocking(&self, work: Work) -> Result<(), Work> {
        self.add(work, |work, stop| {
            // Work that was not begun in time is cancelled.
            if !stop.asked.load(Ordering::Acquire) {
                work.run();
            }
        })
    }

    fn add<T: Send + 'static>(&self, work: T, run: fn(T, &Stop)) -> Result<(), T> {
        let mut state = self.state();
        if state.ended {
            return Err(work);
        }
        state.threads.retain(|(_, thread)| !thread.is_finished());
        let stop = Arc::new(Stop::default());
        // A thread that cannot be made does not give back what was moved there.
        let (place, told) = (Arc::new(Mutex::new(Some(work))), Arc::clone(&stop));
        let (taken, counted) = (Arc::clone(&place), Counted::new(&state.running));
        let run = move || {
            let _counted = counted;
            let work = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(work) = work {
                run(work, &told);
            }
        };
        match Builder::new().name("toru-mock-task".to_owned()).spawn(run) {
            Ok(thread) => {
                state.threads.push((stop, thread));
                Ok(())
            }
            Err(_) => match place.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(work) => Err(work),
                None => Ok(()),
            },
        }
    }

    /// How many have not ended.
    pub(crate) fn running(&self) -> usize {
        self.state().running.state().0
    }

    /// Waits until all have ended.
    pub(crate) async fn ended(&self) {
        let running = Arc::clone(&self.state().running);
        poll_fn(|cx| {
            let mut state = running.state();
            if state.0 == 0 {
                return Poll::Ready(());
            }
            state.1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Takes no more work, cancels what there is, and waits until the last of it is gone.
    pub(crate) fn end(&self) {
        let threads = {
            let mut state = self.state();
            state.ended = true;
            std::mem::take(&mut state.threads)
        };
        for (stop, _) in &threads {
            stop.asked.store(true, Ordering::Release);
            let waker = stop.waker().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        for (_, thread) in threads {
            // A panic in there is one of the author's drops, and was caught on its own side.
            drop(thread.join());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stop {
    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("running", &self.running()).finish()
    }
}

/// Runs what may block on a thread of its own, and waits for it without holding the caller's.
pub(crate) fn offload<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Offloaded<T> {
    let place = Arc::new(Mutex::new((None, None::<Waker>)));
    let filled = Arc::clone(&place);
    // Where there are no threads, the test fails by a panic.
    std::thread::spawn(move || {
        let output = run();
        let waker = {
            let mut place = filled.lock().unwrap_or_else(PoisonError::into_inner);
            place.0 = Some(output);
            place.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    Offloaded(place)
}

/// Resolves to what was made on another thread.
pub(crate) struct Offloaded<T>(Arc<Mutex<(Option<T>, Option<Waker>)>>);

impl<T> Future for Offloaded<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match place.0.take() {
            Some(output) => Poll::Ready(output),
            None => {
                place.1 = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
