//! The way to the one thread that writes.

mod account;
mod apply;
mod log;
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
use toru_host::kv::{KvCommit, KvCommitted, KvError};
use toru_host::plugin::PluginId;

use self::work::{Job, Work};
use crate::file::Database;
use crate::reader::Readers;

type Answer = Result<KvCommitted, KvError>;

/// The way to the thread that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` once it is closed.
    jobs: Option<Sender<Job>>,
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
        let mut work = Work::new(database, connection, readers, clock, sweep_interval);
        let transactions = work.transactions();
        let (jobs, waiting) = channel();
        let thread = thread::Builder::new()
            .name("toru-kv-writer".to_owned())
            .spawn(move || work.run(&waiting))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
            transactions,
        })
    }

    /// Has a commit made. It is on the disk when this returns.
    pub(crate) async fn commit(&self, plugin: &PluginId, commit: KvCommit) -> Answer {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            plugin: plugin.clone(),
            commit,
            answer,
        };
        let closed = || KvError::Backend("the store is closed".to_owned());
        let jobs = self.jobs.as_ref().ok_or_else(closed)?;
        jobs.send(job).map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// How many transactions were committed so far.
    pub(crate) fn transactions(&self) -> u64 {
        self.transactions.load(Ordering::Relaxed)
    }

    /// Makes what was accepted, and ends the thread.
    pub(crate) fn close(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there was told by the standard library already.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}
