//! The database's file and connections to it.
//!
//! The file itself is never opened but by SQLite. Locks belong to the process, and the end of any descriptor ends them
//! all: those of another connection to the same database too, which then could be taken apart under its feet.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rustix::fs::Access;

use crate::error::SqliteKvError;
use crate::fresh;

/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 32;

/// How to connect to a database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) path: PathBuf,
    pub(crate) busy_timeout: Duration,
}

impl Database {
    /// Makes folder and database where they are missing, readable by their owner alone.
    pub(crate) fn prepare(path: &Path, busy_timeout: Duration) -> Result<Self, SqliteKvError> {
        let fault = |source| SqliteKvError::Io {
            path: path.to_owned(),
            source,
        };
        let name = path
            .file_name()
            .ok_or_else(|| fault(io::ErrorKind::InvalidInput.into()))?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(fault)?;
        // From here on the folder itself is meant, not a way to it that could be changed.
        let folder = folder.canonicalize().map_err(fault)?;
        let path = folder.join(name);
        let database = Self { path, busy_timeout };
        database.find_or_make()?;
        Ok(database)
    }

    /// Makes the database, unless something says that there is or was one.
    fn find_or_make(&self) -> Result<(), SqliteKvError> {
        let fault = |source| SqliteKvError::Io {
            path: self.path.clone(),
            source,
        };
        let corrupt = |reason: &str| SqliteKvError::Corrupt {
            path: self.path.clone(),
            reason: reason.to_owned(),
        };
        // Looked at first: another process that makes the database at this moment has the file before it has a log.
        let has_log = fs::metadata(self.log()).is_ok_and(|log| log.len() > 0);
        match fs::symlink_metadata(&self.path) {
            Ok(file) if !file.is_file() => Err(fault(io::Error::other("it is no file"))),
            // SQLite would take it for a new database, and throw a log away that belongs to it.
            Ok(file) if file.len() == 0 => Err(corrupt("the file is empty, which a database never is")),
            Ok(_) => {
                fresh::remove_rest(&self.path);
                rustix::fs::access(&self.path, Access::READ_OK | Access::WRITE_OK)
                    .map_err(|error| fault(error.into()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && has_log => Err(corrupt(
                "the file is missing while its log, which ends with -wal, is there",
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => fresh::make(self),
            Err(error) => Err(fault(error)),
        }
    }

    /// The write-ahead log, which is there while the database is open, and after a crash.
    pub(crate) fn log(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push("-wal");
        name.into()
    }

    /// A connection that may write. Durable: a transaction is on the disk when it has been committed.
    pub(crate) fn connect_to_write(&self) -> rusqlite::Result<Connection> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(connection)
    }

    /// A connection that only reads.
    pub(crate) fn connect_to_read(&self) -> rusqlite::Result<Connection> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    fn connect(&self, access: OpenFlags) -> rusqlite::Result<Connection> {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.busy_timeout)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }

    /// An error of SQLite while this database is opened.
    pub(crate) fn error(&self, source: rusqlite::Error) -> SqliteKvError {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase};

        let path = self.path.clone();
        match source.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => SqliteKvError::Corrupt {
                path,
                reason: source.to_string(),
            },
            Some(DatabaseBusy | DatabaseLocked) => SqliteKvError::Busy { path },
            _ => SqliteKvError::Sqlite { path, source },
        }
    }
}
