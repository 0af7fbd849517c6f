//! The store: readers, a writer, and how both are opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use toru_host::clock::{Clock, SystemClock};
use toru_host::kv::{KvBackend, KvCommit, KvCommitted, KvEntry, KvError, KvFuture, KvRange};
use toru_host::plugin::PluginId;
use uuid::Uuid;

use crate::error::{SqliteKvError, kv_error};
use crate::file::Database;
use crate::reader::Readers;
use crate::schema;
use crate::writer::Writer;

/// Plugins' data in a SQLite database.
///
/// Dropping it makes what was accepted, which may take a moment, and closes the database.
#[derive(Debug)]
pub struct SqliteKv {
    instance_id: Uuid,
    // The writer first: it ends by putting the log back into the database, for which it has to be the last one.
    writer: Writer,
    readers: Arc<Readers>,
    database: Database,
}

/// Opens a [`SqliteKv`].
#[derive(Debug)]
#[must_use = "nothing happens before `open`"]
pub struct Builder {
    path: PathBuf,
    readers: usize,
    busy_timeout: Duration,
    sweep_interval: Duration,
    clock: Arc<dyn Clock>,
}

impl SqliteKv {
    /// Opens a database, which is made where it is missing, with its folder.
    ///
    /// # Errors
    ///
    /// When the file cannot be used, is damaged, somebody else's, or of a newer version. Nothing is replaced then.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, SqliteKvError> {
        Self::builder(path).open()
    }

    /// Opens a database in another way than the usual one.
    pub fn builder(path: impl Into<PathBuf>) -> Builder {
        Builder {
            path: path.into(),
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            sweep_interval: Duration::from_secs(60),
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// The database's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.database.path
    }

    /// How many transactions were committed so far; many commits may share one.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        self.writer.transactions()
    }

    /// Goes through the whole database. Blocks, for long if it is large.
    ///
    /// # Errors
    ///
    /// [`KvError::Corrupt`] with what was found, when it is damaged.
    pub fn check_integrity(&self) -> Result<(), KvError> {
        let check = || -> rusqlite::Result<String> {
            let connection = self.database.connect_to_read()?;
            connection.query_row("PRAGMA integrity_check(10)", [], |row| row.get(0))
        };
        match check() {
            Ok(found) if found == "ok" => Ok(()),
            Ok(found) => Err(KvError::Corrupt(found)),
            Err(error) => Err(kv_error(&error)),
        }
    }
}

impl Builder {
    /// How many reads run at the same time; more wait for one another. 4 by default, at least 1.
    pub const fn readers(mut self, count: usize) -> Self {
        self.readers = count;
        self
    }

    /// How long to wait for other programs that use the database. 5 s by default.
    pub const fn busy_timeout(mut self, limit: Duration) -> Self {
        self.busy_timeout = limit;
        self
    }

    /// How often entries are removed that have expired and whose plugins do not write. 60 s by default.
    ///
    /// They are never seen, whether they were removed or not. What is removed makes room for what is stored next; the
    /// file itself becomes no shorter.
    pub const fn sweep_interval(mut self, interval: Duration) -> Self {
        self.sweep_interval = interval;
        self
    }

    /// Where the time is taken from, by which entries expire. The machine's clock by default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the database. Blocks for a moment.
    ///
    /// # Errors
    ///
    /// As [`SqliteKv::open`].
    pub fn open(self) -> Result<SqliteKv, SqliteKvError> {
        let database = Database::prepare(&self.path, self.busy_timeout)?;
        let fault = |error| database.error(error);
        let connection = database.connect_to_write().map_err(fault)?;
        let instance_id = schema::check(&database, &connection)?;
        let readers = Readers::open(&database, self.readers, Arc::clone(&self.clock)).map_err(fault)?;
        let readers = Arc::new(readers);
        let writer = Writer::start(
            database.clone(),
            connection,
            Arc::clone(&readers),
            self.clock,
            self.sweep_interval,
        );
        let writer = writer.map_err(|source| SqliteKvError::Io {
            path: database.path.clone(),
            source,
        })?;
        Ok(SqliteKv {
            instance_id,
            writer,
            readers,
            database,
        })
    }
}

impl KvBackend for SqliteKv {
    fn get<'a>(&'a self, plugin: &'a PluginId, keys: Vec<Bytes>) -> KvFuture<'a, Vec<KvEntry>> {
        Box::pin(async move { self.readers.get(plugin, &keys).await })
    }

    fn list<'a>(&'a self, plugin: &'a PluginId, range: KvRange) -> KvFuture<'a, Vec<KvEntry>> {
        Box::pin(async move { self.readers.list(plugin, &range).await })
    }

    fn commit<'a>(&'a self, plugin: &'a PluginId, commit: KvCommit) -> KvFuture<'a, KvCommitted> {
        Box::pin(self.writer.commit(plugin, commit))
    }

    fn commit_blocking(&self, plugin: &PluginId, commit: KvCommit) -> Result<KvCommitted, KvError> {
        self.writer.commit_blocking(plugin, commit)
    }

    fn instance_id(&self) -> KvFuture<'_, String> {
        Box::pin(async move { Ok(self.instance_id.hyphenated().to_string()) })
    }
}

impl Drop for SqliteKv {
    fn drop(&mut self) {
        // The last connection to be closed puts the log back into the database; it is the writer's.
        self.readers.close();
        self.writer.close();
    }
}
