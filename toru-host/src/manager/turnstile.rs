//! How plugins enter the process: a few at once are made ready, and one at a time is let in.
//!
//! One at a time, so that a process which dies in a plugin's code knows whose it was. A start that suspends, or that
//! takes longer than a moment, lets the next one in while it goes on: slow plugins delay nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a start may keep the others waiting.
pub(super) const SLICE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Turnstile {
    room: Arc<Semaphore>,
    door: Arc<Semaphore>,
}

/// Room among those that are made ready. Given back on drop.
#[derive(Debug)]
pub(super) struct Room {
    _permit: OwnedSemaphorePermit,
}

/// The right to be in the door. Given back on drop.
#[derive(Debug)]
pub(super) struct Pass {
    _door: OwnedSemaphorePermit,
    _room: Room,
}

impl Turnstile {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(at_once.max(1))),
            door: Arc::new(Semaphore::new(1)),
        }
    }

    pub(super) async fn room(&self) -> Room {
        let _permit = permit(&self.room).await;
        Room { _permit }
    }

    pub(super) async fn enter(&self, room: Room) -> Pass {
        Pass {
            _door: permit(&self.door).await,
            _room: room,
        }
    }
}

async fn permit(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let permit = Arc::clone(semaphore).acquire_owned().await;
    permit.expect("nobody closes these semaphores")
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::Turnstile;

    #[tokio::test]
    async fn some_are_made_ready_and_one_is_in_the_door() {
        let turnstile = Turnstile::new(2);
        let (first, second) = (turnstile.room().await, turnstile.room().await);
        let mut third = Box::pin(turnstile.room());
        assert!(matches!(poll_once(&mut third).await, Poll::Pending));

        let first = turnstile.enter(first).await;
        let mut second = Box::pin(turnstile.enter(second));
        assert!(matches!(poll_once(&mut second).await, Poll::Pending));
        drop(first);
        let _second = second.await;
        let _third = third.await;
    }

    async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        std::future::poll_fn(|cx| Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx))).await
    }
}
