//! Whose turn it is to write.
//!
//! One at a time does. A thread of the writer's own makes what is queued, as much as there is in one transaction. A caller that
//! may be blocked makes its commit itself, which saves waking that thread and being woken by it, but only when nobody is
//! writing and nothing is queued. So commits that come at the same time still share transactions, and whoever is
//! queued waits for one such commit at most.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use tokio::sync::oneshot;
use toru_host::kv::KvCommit;
use toru_host::plugin::PluginId;

use super::Answer;
use super::work::{Work, bytes_of};

/// Most commits of one transaction.
const BATCH_MAX: usize = 512;
/// Bytes that are enough for one transaction.
const BATCH_BYTES: usize = 16 << 20;

/// What the thread is to do.
#[derive(Debug)]
pub(super) enum Message {
    Commit(Job),
    /// Nothing but what it does between commits.
    Tidy(Place),
}

/// A commit that waits, and who waits for it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) plugin: PluginId,
    pub(super) commit: KvCommit,
    pub(super) answer: oneshot::Sender<Answer>,
    pub(super) place: Place,
}

/// The work, and how many are queued for it.
#[derive(Debug)]
pub(super) struct Turns {
    work: Mutex<Work>,
    queued: AtomicUsize,
}

/// A place in the queue; given up when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Turns>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Turns {
    pub(super) const fn new(work: Work) -> Self {
        Self {
            work: Mutex::new(work),
            queued: AtomicUsize::new(0),
        }
    }

    /// From here on nobody passes by, as long as the value exists.
    pub(super) fn queue(self: &Arc<Self>) -> Place {
        self.queued.fetch_add(1, Ordering::SeqCst);
        Place(Arc::clone(self))
    }

    /// The work, when its turn has come. Whoever panicked with it left it usable.
    pub(super) fn next(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The work, for somebody who is not queued: only when nobody has it and nobody else is queued.
    pub(super) fn at_once(&self) -> Option<MutexGuard<'_, Work>> {
        if self.queued.load(Ordering::SeqCst) > 0 {
            return None;
        }
        let work = match self.work.try_lock() {
            Ok(work) => work,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        // Somebody was queued in between, and may be waiting for the lock.
        (self.queued.load(Ordering::SeqCst) == 0).then_some(work)
    }
}

/// Goes on until nobody can send anything any more, and all that was sent is made.
pub(super) fn run(turns: &Arc<Turns>, waiting: &Receiver<Message>) {
    let mut wait = Duration::ZERO;
    loop {
        let (place, is_idle) = match waiting.recv_timeout(wait) {
            Ok(Message::Commit(first)) => {
                let place;
                (place, wait) = make(turns, first, waiting);
                (place, false)
            }
            Ok(Message::Tidy(place)) => (Some(place), false),
            Err(RecvTimeoutError::Timeout) => (Some(turns.queue()), true),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // Without a place there is nothing to do.
        if let Some(_place) = place {
            let mut work = turns.next();
            work.tidy(is_idle);
            wait = work.wait();
        }
    }
}

/// Makes what waits, and answers. Tells how long there is nothing else to do, or keeps a place in the queue when there is.
fn make(turns: &Arc<Turns>, first: Job, waiting: &Receiver<Message>) -> (Option<Place>, Duration) {
    let mut work = turns.next();
    let batch = batch(first, waiting);
    let commits: Vec<_> = batch.iter().map(|job| (&job.plugin, &job.commit)).collect();
    let answers = work.write(&commits);
    let place = work.is_untidy().then(|| turns.queue());
    let wait = work.wait();
    // Whoever is answered finds it free when he comes again.
    drop(work);
    for (job, answer) in batch.into_iter().zip(answers) {
        drop(job.place);
        // Nobody waits for it any more; it is made all the same.
        let _ = job.answer.send(answer);
    }
    (place, wait)
}

/// What waits, as far as it goes into one transaction.
fn batch(first: Job, waiting: &Receiver<Message>) -> Vec<Job> {
    let mut bytes = bytes_of(&first.commit);
    let mut batch = vec![first];
    while batch.len() < BATCH_MAX && bytes < BATCH_BYTES {
        match waiting.try_recv() {
            Ok(Message::Commit(job)) => {
                bytes += bytes_of(&job.commit);
                batch.push(job);
            }
            // That follows anyway.
            Ok(Message::Tidy(_)) => {}
            Err(_) => break,
        }
    }
    batch
}
