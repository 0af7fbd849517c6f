//! Reads, on the thread of whoever asks, beside whatever is being written.
//!
//! A connection keeps its read transaction open after a read, and the next read goes on in it as long as nothing was
//! written since: most of what a small read costs is locking the file. It cannot be stale. `epoch` is odd while a
//! transaction is being committed, and another even number afterwards, before anybody is told. A snapshot is tagged
//! with the number that was read before it was taken, and used again only while the number is still that and even. So
//! whoever was told of a write reads it, and what one connection has shown, every other one shows from then on.
//!
//! No idle connection has a snapshot while the number is odd. SQLite puts the log back into the database at the end of
//! a commit, and can start it over only when nobody reads from it: kept snapshots would let it grow for ever.

use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row};
use tokio::sync::{Semaphore, SemaphorePermit};
use toru_host::clock::Clock;
use toru_host::kv::{KvEntry, KvError, KvRange};
use toru_host::plugin::PluginId;

use crate::error::kv_error;
use crate::file::Database;

/// What all lists have in common. The key comes last, so that entries start alike everywhere.
macro_rules! list_sql {
    () => {
        "SELECT value, version, expires_ms, key FROM plugin_kv
         WHERE plugin = ?1 AND (expires_ms IS NULL OR expires_ms > ?2) AND key >= ?3 "
    };
}

/// Connections that read.
#[derive(Debug)]
pub(crate) struct Readers {
    idle: Mutex<Vec<Reader>>,
    free: Semaphore,
    epoch: AtomicU64,
    clock: Arc<dyn Clock>,
}

/// One connection, and which snapshot it has open.
#[derive(Debug)]
struct Reader {
    connection: Connection,
    snapshot: Option<u64>,
}

/// While it exists, a transaction is being committed, and no snapshot is kept.
pub(crate) struct Committing<'a>(&'a Readers);

impl Drop for Committing<'_> {
    fn drop(&mut self) {
        self.0.epoch.fetch_add(1, Ordering::SeqCst);
    }
}

/// A connection that was taken from the others and goes back to them.
struct Borrowed<'a> {
    readers: &'a Readers,
    reader: Option<Reader>,
    _permit: SemaphorePermit<'a>,
}

impl Readers {
    pub(crate) fn open(database: &Database, count: usize, clock: Arc<dyn Clock>) -> rusqlite::Result<Self> {
        let open = || {
            Ok(Reader {
                connection: database.connect_to_read()?,
                snapshot: None,
            })
        };
        let idle = (0..count.max(1))
            .map(|_| open())
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self {
            free: Semaphore::new(idle.len()),
            idle: Mutex::new(idle),
            epoch: AtomicU64::new(0),
            clock,
        })
    }

    /// The writer commits a transaction while the value exists, and tells nobody before it is dropped.
    pub(crate) fn commit(&self) -> Committing<'_> {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        // Readers that are busy come back by themselves.
        for reader in &mut *self.idle() {
            reader.end_snapshot();
        }
        Committing(self)
    }

    /// Ends all snapshots and closes the connections that are idle.
    pub(crate) fn close(&self) {
        self.free.close();
        self.idle().clear();
    }

    pub(crate) async fn get(&self, plugin: &PluginId, keys: &[Bytes]) -> Result<Vec<KvEntry>, KvError> {
        self.read(|connection, now| {
            let mut statement = connection.prepare_cached(
                "SELECT value, version, expires_ms FROM plugin_kv
                 WHERE plugin = ?1 AND key = ?2 AND (expires_ms IS NULL OR expires_ms > ?3)",
            )?;
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                let entry =
                    statement.query_row((plugin.as_str(), &key[..], now), |row| entry(key.clone(), row));
                found.extend(entry.optional()?);
            }
            Ok(found)
        })
        .await
    }

    pub(crate) async fn list(&self, plugin: &PluginId, range: &KvRange) -> Result<Vec<KvEntry>, KvError> {
        // No query has a `LIMIT`: SQLite plans anew each time one is bound. Rows come as they are asked for.
        let start = first(&range.start);
        let end = behind(&range.end);
        let sql = match (&end, range.descending) {
            (None, false) => concat!(list_sql!(), "ORDER BY key"),
            (None, true) => concat!(list_sql!(), "ORDER BY key DESC"),
            (Some(_), false) => concat!(list_sql!(), "AND key < ?4 ORDER BY key"),
            (Some(_), true) => concat!(list_sql!(), "AND key < ?4 ORDER BY key DESC"),
        };
        self.read(|connection, now| {
            let mut statement = connection.prepare_cached(sql)?;
            let id = plugin.as_str();
            let mut rows = match &end {
                None => statement.query((id, now, &start[..]))?,
                Some(end) => statement.query((id, now, &start[..], &end[..]))?,
            };
            let mut found = Vec::new();
            while found.len() < range.limit
                && let Some(row) = rows.next()?
            {
                let key = row.get_ref(3)?.as_blob()?;
                found.push(entry(Bytes::copy_from_slice(key), row)?);
            }
            Ok(found)
        })
        .await
    }

    /// Reads on one snapshot, which has everything that anybody was told is written.
    async fn read(
        &self,
        work: impl Fn(&Connection, i64) -> rusqlite::Result<Vec<KvEntry>>,
    ) -> Result<Vec<KvEntry>, KvError> {
        let mut borrowed = self.borrow().await?;
        let reader = borrowed.reader.as_mut().ok_or_else(closed)?;
        let read = reader.at(self.epoch.load(Ordering::SeqCst)).and_then(|()| {
            let now = now_ms(&*self.clock);
            work(&reader.connection, now)
        });
        read.map_err(|error| {
            reader.end_snapshot();
            kv_error(&error)
        })
    }

    async fn borrow(&self) -> Result<Borrowed<'_>, KvError> {
        let permit = match self.free.try_acquire() {
            Ok(permit) => permit,
            Err(_) => self.free.acquire().await.map_err(|_| closed())?,
        };
        let reader = self.idle().pop();
        Ok(Borrowed {
            readers: self,
            reader,
            _permit: permit,
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Has a snapshot open that is at least as new as `epoch`.
    fn at(&mut self, epoch: u64) -> rusqlite::Result<()> {
        if !self.is_current(epoch) {
            self.end_snapshot();
            self.connection.execute_batch("BEGIN")?;
            self.snapshot = Some(epoch);
        }
        Ok(())
    }

    /// Whether its snapshot shows all there is. While a transaction is being committed, none does.
    fn is_current(&self, epoch: u64) -> bool {
        epoch.is_multiple_of(2) && self.snapshot == Some(epoch)
    }

    fn end_snapshot(&mut self) {
        if self.snapshot.take().is_some() {
            // Nothing was written in it: there is nothing to lose, and the next `BEGIN` tells if it failed.
            let _ = self.connection.execute_batch("COMMIT");
        }
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let Some(mut reader) = self.reader.take() else {
            return;
        };
        let mut idle = self.readers.idle();
        // Whoever wrote meanwhile, or is about to, could not reach this one.
        if !reader.is_current(self.readers.epoch.load(Ordering::SeqCst)) {
            reader.end_snapshot();
        }
        if !self.readers.free.is_closed() {
            idle.push(reader);
        }
    }
}

fn closed() -> KvError {
    KvError::Backend("the store is closed".to_owned())
}

/// The entry in a row that starts with value, version and expiry.
fn entry(key: Bytes, row: &Row<'_>) -> rusqlite::Result<KvEntry> {
    let expires = row.get::<_, Option<i64>>(2)?;
    Ok(KvEntry {
        key,
        value: Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?),
        version: row.get::<_, i64>(1)?.cast_unsigned(),
        expires_ms: expires.map(i64::cast_unsigned),
    })
}

/// The first key of a range that starts so.
fn first(start: &Bound<Bytes>) -> Bytes {
    match start {
        Bound::Unbounded => Bytes::new(),
        Bound::Included(key) => key.clone(),
        Bound::Excluded(key) => next(key),
    }
}

/// The key behind the last one of a range that ends so.
fn behind(end: &Bound<Bytes>) -> Option<Bytes> {
    match end {
        Bound::Unbounded => None,
        Bound::Included(key) => Some(next(key)),
        Bound::Excluded(key) => Some(key.clone()),
    }
}

/// The key right behind another one: nothing lies between a key and the same with a zero byte.
fn next(key: &Bytes) -> Bytes {
    [key, &[0][..]].concat().into()
}

/// The time in milliseconds since 1970.
pub(crate) fn now_ms(clock: &dyn Clock) -> i64 {
    let since = clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
