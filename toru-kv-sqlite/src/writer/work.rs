//! Writes: what waits is committed together, and answered when it is on the disk. Between that, the store is kept tidy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use toru_host::clock::Clock;
use toru_host::kv::{KvCommit, KvError, KvMutation};
use toru_host::plugin::PluginId;

use super::Answer;
use super::log::Log;
use super::session::Session;
use super::sweep::{Schedule, sweep};
use crate::error::{is_busy, kv_error};
use crate::file::Database;
use crate::reader::{Readers, now_ms};

/// What writing takes.
#[derive(Debug)]
pub(super) struct Work {
    database: Database,
    /// `None` after a failure; the next transaction makes a new one.
    session: Option<Session>,
    readers: Arc<Readers>,
    clock: Arc<dyn Clock>,
    transactions: Arc<AtomicU64>,
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
            session: Some(Session::new(connection)),
            readers,
            transactions: Arc::default(),
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

    /// Makes commits in one transaction, or each of them by itself when that does not work.
    pub(super) fn write(&mut self, commits: &[(&PluginId, &KvCommit)]) -> Vec<Answer> {
        match self.transact(commits) {
            Ok(answers) => answers,
            // One that is too large for the disk, or meets damage, must not keep others out.
            Err(error) if commits.len() > 1 && !is_busy(&error) => self.transact_each(commits),
            Err(error) => vec![Err(kv_error(&error)); commits.len()],
        }
    }

    /// Makes one commit.
    pub(super) fn write_one(&mut self, plugin: &PluginId, commit: &KvCommit) -> Answer {
        single(self.write(&[(plugin, commit)]))
    }

    /// Whether [`tidy`](Self::tidy) has something to do.
    pub(super) fn is_untidy(&mut self) -> bool {
        self.sweeps.is_due(self.clock.elapsed()) || self.log.is_long(false)
    }

    /// Keeps the store tidy.
    pub(super) fn tidy(&mut self, is_idle: bool) {
        let is_time = is_idle || self.sweeps.is_due(self.clock.elapsed());
        let is_swept = is_time && self.sweep();
        if self.log.is_long(is_swept) {
            self.shorten_log();
        }
    }

    /// How long it is until the next sweep.
    pub(super) fn wait(&self) -> Duration {
        self.sweeps.wait(self.clock.elapsed())
    }

    /// Ends the connection.
    pub(super) fn close(&mut self) {
        self.session = None;
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
        let answers = self.with_session("a transaction of the store failed", |work, session| {
            let before = session.connection.total_changes();
            let answers = session.transact(commits, now_ms(&*work.clock), &work.readers)?;
            let bytes = commits.iter().map(|(_, commit)| bytes_of(commit)).sum();
            work.log.write(session.connection.total_changes() - before, bytes);
            Ok(answers)
        })?;
        self.transactions.fetch_add(1, Ordering::Relaxed);
        Ok(answers)
    }

    /// Removes what has expired, as far as one transaction may, and tells whether that is all there is to do for now.
    /// What fails is tried again at the next time.
    fn sweep(&mut self) -> bool {
        let swept = self.with_session("expired entries of the store stay for now", |work, session| {
            let now = now_ms(&*work.clock);
            let Session {
                connection, backlogs, ..
            } = session;
            // Who has the database to himself is not waited for: commits would have to wait for that too.
            connection.busy_timeout(Duration::ZERO)?;
            let before = connection.total_changes();
            let swept = sweep(connection, now, backlogs, &work.readers);
            work.log.write(connection.total_changes() - before, 0);
            connection.busy_timeout(work.database.busy_timeout)?;
            swept
        });
        // The rest follows when those who wait to write had their turn.
        let is_all = swept.unwrap_or(true);
        self.sweeps.end(self.clock.elapsed(), is_all);
        is_all
    }

    fn shorten_log(&mut self) {
        let shortened = self.with_session("the log of the store stays long for now", |work, session| {
            work.log
                .shorten(&session.connection, &work.readers, work.database.busy_timeout)
        });
        // It was told, and it is tried again.
        let _ = shortened;
    }

    /// Does something with the session, which is made anew after a failure.
    fn with_session<T>(
        &mut self,
        failure: &str,
        work: impl FnOnce(&mut Self, &mut Session) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        // Taken out, so that a panic leaves none either.
        let session = self.session.take().map_or_else(
            || self.database.connect_to_write().map(Session::new),
            rusqlite::Result::Ok,
        );
        let done = session.and_then(|mut session| {
            let done = work(self, &mut session)?;
            self.session = Some(session);
            Ok(done)
        });
        if let Err(error) = &done {
            tracing::warn!(error = %kv_error(error), "{failure}");
        }
        done
    }
}

/// Bytes that a commit brings, about.
pub(super) fn bytes_of(commit: &KvCommit) -> usize {
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
