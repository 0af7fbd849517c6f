//! How plugins enter the process: a few at once are made ready, and one at a time is let in.
//!
//! One at a time, so that a process which dies in a plugin's code knows whose it was. A start that suspends, or that
//! takes longer than a moment, lets the next one in while it goes on: slow plugins delay nobody. The moment gets
//! shorter with each plugin that hangs, so that many of them together delay the others by about a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a start may keep the others waiting, if no other one hangs. Long enough for a machine that is busy: it is
/// not the plugin's fault when its thread does not get to run.
const SLICE: Duration = Duration::from_millis(500);
/// The same when many do.
const SLICE_MIN: Duration = Duration::from_millis(25);

#[derive(Debug)]
pub(super) struct Turnstile {
    room: Arc<Semaphore>,
    door: Arc<Semaphore>,
    /// How many starts go on although their moment is over.
    hanging: AtomicUsize,
}

/// A start that goes on although its moment is over.
#[derive(Debug)]
pub(super) struct Hanging<'a>(&'a AtomicUsize);

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
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
            hanging: AtomicUsize::new(0),
        }
    }

    /// How long the next start may keep the others waiting.
    pub(super) fn slice(&self) -> Duration {
        let halvings = u32::try_from(self.hanging.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        let divisor = 1_u32.checked_shl(halvings).unwrap_or(u32::MAX);
        (SLICE / divisor).max(SLICE_MIN)
    }

    /// A start goes on although its moment is over.
    pub(super) fn hang(&self) -> Hanging<'_> {
        self.hanging.fetch_add(1, Ordering::Relaxed);
        Hanging(&self.hanging)
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

    use super::{SLICE, SLICE_MIN, Turnstile};

    #[test]
    fn the_more_starts_hang_the_less_the_next_one_may_keep_others_waiting() {
        let turnstile = Turnstile::new(8);
        assert_eq!(turnstile.slice(), SLICE);
        let hanging: Vec<_> = (0..40).map(|_| (turnstile.hang(), turnstile.slice())).collect();
        assert_eq!(hanging[0].1, SLICE / 2);
        assert!(hanging.is_sorted_by(|a, b| a.1 >= b.1));
        assert_eq!(hanging[39].1, SLICE_MIN);
        let in_all: std::time::Duration = hanging.iter().take(8).map(|(_, slice)| *slice).sum();
        assert!(in_all < SLICE * 2);
        drop(hanging);
        assert_eq!(turnstile.slice(), SLICE);
    }

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
