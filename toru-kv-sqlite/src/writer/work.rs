//! Writes: what waits is committed together, and answered when it is on the disk. Between that, the store is kept tidy.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;
use toru_host::clock::Clock;
use toru_host::kv::{KvCommit, KvError, KvMutation};
use toru_host::plugin::PluginId;

use super::Answer;
use super::account::{Account, Allowance, Backlogs};
use super::apply::apply;
use super::log::Log;
use super::sweep::{Schedule, sweep};
use super::versions::Versions;
use crate::error::{is_busy, kv_error};
use crate::file::Database;
use crate::reader::{Readers, now_ms};

/// Most commits of one transaction.
const BATCH_MAX: usize = 512;
/// Bytes that are enough for one transaction.
const BATCH_BYTES: usize = 16 << 20;

/// A commit that waits, and who waits for it.
pub(super) struct Job {
    pub(super) plugin: PluginId,
    pub(super) commit: KvCommit,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What the thread works with.
pub(super) struct Work {
    database: Database,
    /// `None` after a failure that leaves a connection unusable; the next batch makes a new one.
    connection: Option<Connection>,
    readers: Arc<Readers>,
    clock: Arc<dyn Clock>,
    transactions: Arc<AtomicU64>,
    versions: Versions,
    backlogs: Backlogs,
    sweeps: Schedule,
    log: Log,
}

impl Work {
    pub(super) fn new(
        database: Database,
        connection: Connection,
        readers: Arc<Readers>,
        clock: Arc<dyn Clock>,
        sweep_interval: Duration,
    ) -> Self {
        Self {
            connection: Some(connection),
            readers,
            transactions: Arc::default(),
            versions: Versions::default(),
            backlogs: Backlogs::default(),
            sweeps: Schedule::new(sweep_interval, clock.elapsed()),
            clock,
            log: Log::new(database.log()),
            database,
        }
    }

    /// The number of transactions that made commits, as it will be.
    pub(super) fn transactions(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.transactions)
    }

    /// Goes on until nobody can send anything any more, and all that was sent is made.
    pub(super) fn run(&mut self, waiting: &Receiver<Job>) {
        loop {
            let mut is_idle = false;
            match waiting.recv_timeout(self.sweeps.wait(self.clock.elapsed())) {
                Ok(first) => self.write(batch(first, waiting)),
                Err(RecvTimeoutError::Timeout) => is_idle = true,
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let is_time = is_idle || self.sweeps.is_due(self.clock.elapsed());
            let is_swept = is_time && self.sweep();
            if self.log.is_long(is_swept) {
                self.shorten_log();
            }
        }
    }

    /// Commits a batch, or each of its commits by itself when that does not work.
    fn write(&mut self, batch: Vec<Job>) {
        let commits: Vec<_> = batch.iter().map(|job| (&job.plugin, &job.commit)).collect();
        let answers = match self.transact(&commits) {
            Ok(answers) => answers,
            // One that is too large for the disk, or meets damage, must not keep others out.
            Err(error) if commits.len() > 1 && !is_busy(&error) => self.transact_each(&commits),
            Err(error) => vec![Err(kv_error(&error)); commits.len()],
        };
        for (job, answer) in batch.into_iter().zip(answers) {
            // Nobody waits for it any more; it is made all the same.
            let _ = job.answer.send(answer);
        }
    }

    /// Makes commits in a transaction each. Whoever has the database to himself is waited for once, not each time.
    fn transact_each(&mut self, commits: &[(&PluginId, &KvCommit)]) -> Vec<Answer> {
        let mut busy = None;
        let each = commits.iter().map(|commit| {
            if let Some(error) = &busy {
                return Err(KvError::clone(error));
            }
            self.transact(&[*commit]).map_or_else(
                |error| {
                    let told = kv_error(&error);
                    busy = is_busy(&error).then(|| told.clone());
                    Err(told)
                },
                single,
            )
        });
        each.collect()
    }

    /// Makes commits in one transaction. An error means that none of them was made.
    fn transact(&mut self, commits: &[(&PluginId, &KvCommit)]) -> rusqlite::Result<Vec<Answer>> {
        let answers = self.with_connection("a transaction of the store failed", |work, connection| {
            let now = now_ms(&*work.clock);
            try_transact(
                connection,
                commits,
                now,
                &mut work.versions,
                &mut work.backlogs,
                &work.readers,
            )
        })?;
        self.transactions.fetch_add(1, Ordering::Relaxed);
        for (_, commit) in commits {
            self.log.write(commit.mutations.len(), bytes_of(commit));
        }
        Ok(answers)
    }

    /// Removes what has expired, as far as one transaction may, and tells whether that is all there is to do for now.
    /// What fails is tried again at the next time.
    fn sweep(&mut self) -> bool {
        let swept = self.with_connection("expired entries of the store stay for now", |work, connection| {
            let now = now_ms(&*work.clock);
            // Who has the database to himself is not waited for: commits would have to wait for that too.
            connection.busy_timeout(Duration::ZERO)?;
            let swept = sweep(connection, now, &mut work.backlogs, &work.readers);
            connection.busy_timeout(work.database.busy_timeout)?;
            swept
        });
        // The rest follows when those who wait to write had their turn.
        let is_all = swept.unwrap_or(true);
        self.sweeps.end(self.clock.elapsed(), is_all);
        is_all
    }

    fn shorten_log(&mut self) {
        let shortened =
            self.with_connection("the log of the store stays long for now", |work, connection| {
                work.log
                    .shorten(connection, &work.readers, work.database.busy_timeout)
            });
        // It was told, and it is tried again.
        let _ = shortened;
    }

    /// Does something with the connection, which is made anew after a failure.
    fn with_connection<T>(
        &mut self,
        failure: &str,
        work: impl FnOnce(&mut Self, &mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let connection = self.connection.take();
        let connection = connection.map_or_else(|| self.database.connect_to_write(), Ok);
        let done = connection.and_then(|mut connection| {
            let done = work(self, &mut connection)?;
            // After an error it is not used again: what a failed flush leaves behind is found out by a new one.
            self.connection = Some(connection);
            Ok(done)
        });
        if let Err(error) = &done {
            self.backlogs.forget();
            self.versions = Versions::default();
            tracing::warn!(error = %kv_error(error), "{failure}");
        }
        done
    }
}

/// What waits, as far as it goes into one transaction.
fn batch(first: Job, waiting: &Receiver<Job>) -> Vec<Job> {
    let mut bytes = bytes_of(&first.commit);
    let mut batch = vec![first];
    while batch.len() < BATCH_MAX && bytes < BATCH_BYTES {
        let Ok(job) = waiting.try_recv() else { break };
        bytes += bytes_of(&job.commit);
        batch.push(job);
    }
    batch
}

/// Bytes that a commit brings, about.
fn bytes_of(commit: &KvCommit) -> usize {
    let set = commit.mutations.iter().map(|mutation| match mutation {
        KvMutation::Set { key, value, .. } => key.len() + value.len(),
        _ => 0,
    });
    set.sum()
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
    versions: &mut Versions,
    backlogs: &mut Backlogs,
    readers: &Readers,
) -> rusqlite::Result<Vec<Answer>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    versions.reserve(&transaction, commits.len())?;
    let mut answers = Vec::with_capacity(commits.len());
    let mut accounts: BTreeMap<&PluginId, Account> = BTreeMap::new();
    let mut allowance = Allowance::default();
    for (plugin, commit) in commits {
        let account = match accounts.entry(plugin) {
            Entry::Occupied(account) => account.into_mut(),
            Entry::Vacant(place) => place.insert(Account::open(
                &transaction,
                plugin,
                now,
                backlogs,
                &mut allowance,
            )?),
        };
        answers.push(apply(&transaction, plugin, commit, account, versions, now)?);
    }
    for (plugin, account) in &accounts {
        account.save(&transaction, plugin)?;
    }
    let committing = readers.commit();
    transaction.commit()?;
    drop(committing);
    backlogs.keep(accounts);
    Ok(answers)
}
