//! Writes: one thread, which commits what waits together and answers when it is on the disk.

mod apply;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;
use toru_host::clock::Clock;
use toru_host::kv::{KvCommit, KvCommitted, KvError};
use toru_host::plugin::PluginId;

use self::apply::apply;
use crate::error::kv_error;
use crate::file::Database;
use crate::reader::{Readers, now_ms};

/// Most commits of one transaction.
const BATCH_MAX: usize = 512;

type Answer = Result<KvCommitted, KvError>;

/// The way to the thread that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` once it is closed.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    transactions: Arc<AtomicU64>,
}

/// A commit that waits, and who waits for it.
struct Job {
    plugin: PluginId,
    commit: KvCommit,
    answer: oneshot::Sender<Answer>,
}

/// What the thread works with.
struct Work {
    database: Database,
    /// `None` after a failure that leaves a connection unusable; the next batch makes a new one.
    connection: Option<Connection>,
    readers: Arc<Readers>,
    clock: Arc<dyn Clock>,
    transactions: Arc<AtomicU64>,
}

impl Writer {
    pub(crate) fn start(
        database: Database,
        connection: Connection,
        readers: Arc<Readers>,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Self> {
        let transactions = Arc::<AtomicU64>::default();
        let mut work = Work {
            database,
            connection: Some(connection),
            readers,
            clock,
            transactions: Arc::clone(&transactions),
        };
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

impl Work {
    fn run(&mut self, waiting: &Receiver<Job>) {
        while let Ok(first) = waiting.recv() {
            let mut batch = vec![first];
            batch.extend(waiting.try_iter().take(BATCH_MAX - 1));
            self.write(batch);
        }
    }

    /// Commits a batch, or each of its commits by itself when that does not work.
    fn write(&mut self, batch: Vec<Job>) {
        let commits: Vec<_> = batch.iter().map(|job| (&job.plugin, &job.commit)).collect();
        let answers = match self.transact(&commits) {
            Ok(answers) => answers,
            Err(error) if commits.len() == 1 => vec![Err(error)],
            // One that is too large for the disk must not keep smaller ones out.
            Err(_) => commits
                .iter()
                .map(|commit| self.transact(&[*commit]).and_then(single))
                .collect(),
        };
        for (job, answer) in batch.into_iter().zip(answers) {
            // Nobody waits for it any more; it is made all the same.
            let _ = job.answer.send(answer);
        }
    }

    /// Makes commits in one transaction. An error means that none of them was made.
    fn transact(&mut self, commits: &[(&PluginId, &KvCommit)]) -> Result<Vec<Answer>, KvError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self
                .database
                .connect_to_write()
                .map_err(|error| kv_error(&error))?,
        };
        let now = now_ms(&*self.clock);
        match try_transact(&mut connection, commits, now, &self.readers) {
            Ok(answers) => {
                self.transactions.fetch_add(1, Ordering::Relaxed);
                self.connection = Some(connection);
                Ok(answers)
            }
            Err(error) => {
                let error = kv_error(&error);
                tracing::warn!(%error, "a transaction of the store failed");
                // Not used again: what a failed flush leaves behind is found out by a new one.
                drop(connection);
                Err(error)
            }
        }
    }
}

fn single(answers: Vec<Answer>) -> Answer {
    answers
        .into_iter()
        .next()
        .unwrap_or_else(|| Err(KvError::Backend("the commit came to nothing".to_owned())))
}

fn try_transact(
    connection: &mut Connection,
    commits: &[(&PluginId, &KvCommit)],
    now: i64,
    readers: &Readers,
) -> rusqlite::Result<Vec<Answer>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = last_version(&transaction)?;
    let mut version = before;
    let mut answers = Vec::with_capacity(commits.len());
    for (plugin, commit) in commits {
        answers.push(apply(&transaction, plugin, commit, &mut version, now)?);
    }
    if version != before {
        let mut statement =
            transaction.prepare_cached("UPDATE settings SET value = ?1 WHERE key = 'last_version'")?;
        statement.execute([version.to_string()])?;
    }
    let committing = readers.commit();
    transaction.commit()?;
    drop(committing);
    Ok(answers)
}

/// The greatest version that was ever given.
fn last_version(connection: &Connection) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached("SELECT value FROM settings WHERE key = 'last_version'")?;
    let text: String = statement.query_row([], |row| row.get(0))?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}
