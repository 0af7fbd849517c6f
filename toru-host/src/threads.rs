//! Work that blocks, on threads of the host's own.
//!
//! Not on the runtime's threads for blocking work, which the application chose the number of: blocking handlers of
//! plugins may hold all of them, and whoever wants to stop such a plugin must not queue up behind it. The runtime also
//! waits for those at its end, and a plugin that hangs would keep the process from ending.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

/// Work under way. Dropping it does not stop the work.
#[derive(Debug)]
pub(crate) struct Offloaded<T>(oneshot::Receiver<T>);

/// Work came to nothing: there was no thread for it, or it panicked, which is a mistake of the host.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("there was no thread for the work, or it panicked")]
pub(crate) struct Lost;

/// Does work that blocks on a thread made for it, named like this (15 bytes at most are shown by the system).
///
/// Threads cost some 20 µs, and what an administrator asks for is rare. Where no thread can be made, the work goes to
/// the runtime's threads for blocking work, if this is called on a runtime.
pub(crate) fn offload<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Offloaded<T> {
    let (sender, receiver) = oneshot::channel();
    let work = move || {
        // The only error is that nobody waits any more.
        let _ = sender.send(work());
    };
    // A thread that cannot be made does not give the work back, so it is not moved there.
    let work = Arc::new(Mutex::new(Some(work)));
    let taken = Arc::clone(&work);
    let run = move || {
        let work = taken.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work {
            work();
        }
    };
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    if let Err(error) = spawned {
        tracing::error!(%error, "a thread cannot be made; plugins may have to wait for each other");
        let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(work), Ok(runtime)) = (work, tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(work);
        }
    }
    Offloaded(receiver)
}

impl<T> Future for Offloaded<T> {
    type Output = Result<T, Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(cx)).map_err(|_| Lost))
    }
}

#[cfg(test)]
mod tests {
    use super::offload;

    #[tokio::test]
    async fn work_is_done_on_a_thread_of_its_own() {
        let here = std::thread::current().id();
        let there = offload("toru-test", || {
            let thread = std::thread::current();
            (thread.id(), thread.name().map(str::to_owned))
        });
        let (there, name) = there.await.unwrap();
        assert_ne!(there, here);
        assert_eq!(name.as_deref(), Some("toru-test"));
    }

    #[tokio::test]
    async fn work_that_panics_is_lost() {
        let panics = offload("toru-test", || panic!("as asked for"));
        panics.await.unwrap_err();
    }

    #[tokio::test]
    async fn work_goes_on_when_nobody_waits() {
        let (done, is_done) = tokio::sync::oneshot::channel();
        drop(offload("toru-test", move || done.send(()).unwrap()));
        is_done.await.unwrap();
    }
}
