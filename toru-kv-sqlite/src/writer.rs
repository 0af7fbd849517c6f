//! The way to writing: by the one thread that does it, or on the caller's when nobody else wants to.

mod account;
mod apply;
mod log;
mod queue;
mod session;
mod sweep;
mod versions;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;
use toru_host::clock::Clock;
use toru_host::kv::{KvCommit, KvCommitted, KvError, block_on};
use toru_host::plugin::PluginId;

use self::queue::{Job, Message, Turns};
use self::work::Work;
use crate::file::Database;
use crate::reader::Readers;

type Answer = Result<KvCommitted, KvError>;

/// Has commits made.
#[derive(Debug)]
pub(crate) struct Writer {
    turns: Arc<Turns>,
    /// To the thread that writes; `None` once it is closed.
    queue: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
    transactions: Arc<AtomicU64>,
}

impl Writer {
    pub(crate) fn start(
        database: Database,
        connection: Connection,
        readers: Arc<Readers>,
        clock: Arc<dyn Clock>,
        sweep_interval: Duration,
    ) -> std::io::Result<Self> {
        let work = Work::new(database, connection, readers, clock, sweep_interval);
        let transactions = work.transactions();
        let turns = Arc::new(Turns::new(work));
        let (queue, waiting) = channel();
        let by_thread = Arc::clone(&turns);
        let thread = thread::Builder::new()
            .name("toru-kv-writer".to_owned())
            .spawn(move || queue::run(&by_thread, &waiting))?;
        Ok(Self {
            turns,
            queue: Some(queue),
            thread: Some(thread),
            transactions,
        })
    }

    /// Has a commit made by the thread that writes. It is on the disk when this returns.
    pub(crate) async fn commit(&self, plugin: &PluginId, commit: KvCommit) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.send(Message::Commit(Job {
            plugin: plugin.clone(),
            commit,
            answer,
            place: self.turns.queue(),
        }))?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Makes a commit on the calling thread when nobody is writing and nobody waits to, and waits for it otherwise.
    pub(crate) fn commit_blocking(&self, plugin: &PluginId, commit: KvCommit) -> Answer {
        let Some(mut work) = self.turns.at_once() else {
            // Whoever is told of a commit there would wait for the thread that tells.
            if self.thread.as_ref().map(|thread| thread.thread().id()) == Some(thread::current().id()) {
                return Err(KvError::Backend(
                    "the thread that writes cannot wait for itself".to_owned(),
                ));
            }
            return block_on(self.commit(plugin, commit));
        };
        let answer = work.write_one(plugin, &commit);
        let is_untidy = work.is_untidy();
        drop(work);
        if is_untidy {
            // Nobody waits for that. Where there is no thread to do it any more, the store is being closed.
            let _ = self.send(Message::Tidy(self.turns.queue()));
        }
        answer
    }

    fn send(&self, message: Message) -> Result<(), KvError> {
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(message).map_err(|_| closed())
    }

    /// How many transactions were committed so far.
    pub(crate) fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    /// Makes what was accepted, and ends the thread and the connection.
    pub(crate) fn close(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there was told by the standard library already.
            let _ = thread.join();
        }
        self.turns.next().close();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn closed() -> KvError {
    KvError::Backend("the store is closed".to_owned())
}
