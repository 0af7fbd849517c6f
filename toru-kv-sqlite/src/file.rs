//! The database's file and connections to it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::SqliteKvError;

/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 32;

/// How to connect to a database.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) path: PathBuf,
    pub(crate) busy_timeout: Duration,
}

impl Database {
    /// Makes folder and file where they are missing, readable by their owner alone.
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
        let no_follow = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(no_follow.bits()).unwrap_or_default();
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600).custom_flags(flags);
        let file = match options.clone().create_new(true).open(&path) {
            Ok(file) => {
                File::open(&folder)
                    .and_then(|folder| folder.sync_all())
                    .map_err(fault)?;
                file
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                options.open(&path).map_err(fault)?
            }
            Err(error) => return Err(fault(error)),
        };
        if !file.metadata().map_err(fault)?.is_file() {
            return Err(fault(io::Error::other("it is no file")));
        }
        Ok(Self { path, busy_timeout })
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
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};

        let path = self.path.clone();
        match source.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => SqliteKvError::Corrupt {
                path,
                reason: source.to_string(),
            },
            _ => SqliteKvError::Sqlite { path, source },
        }
    }
}
