//! What can go wrong when a database is opened.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;
use toru_host::kv::KvError;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteKvError {
    /// Another program kept the database to itself for too long.
    #[error("{} is in use by another program; end it, a backup or an open sqlite3 shell, and start again", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// The database is damaged.
    #[error("{} is damaged: {reason}; restore it from a backup, or move it away to start with an empty one", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The database is somebody else's.
    #[error("{} is a database of another application; choose another file", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// The stored id of the installation is no UUID. It is not replaced: licences and data belong to it.
    #[error("the id of the installation in {} is no UUID; restore the database from a backup", path.display())]
    InstanceId {
        /// The database.
        path: PathBuf,
    },
    /// The file or its folder cannot be used.
    #[error("{} cannot be used", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The database was written by a newer version.
    #[error("{} has schema version {version}, which is newer than this host; update the host", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// SQLite failed.
    #[error("{} cannot be opened", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
}

impl SqliteKvError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "storage_busy",
            Self::Corrupt { .. } => "storage_corrupt",
            Self::Foreign { .. } => "foreign_database",
            Self::InstanceId { .. } => "invalid_instance_id",
            Self::Io { .. } => "unreadable_storage",
            Self::Newer { .. } => "newer_storage",
            Self::Sqlite { .. } => "storage_failed",
        }
    }
}

/// What a failure of SQLite means to whoever uses the store.
pub(crate) fn kv_error(error: &rusqlite::Error) -> KvError {
    if is_busy(error) {
        return KvError::Backend(
            "another program is writing to the database; nothing was changed, try again or end that program, \
             such as a backup or an open sqlite3 shell"
                .to_owned(),
        );
    }
    // The index of the log, which lies beside it, could not be made longer.
    let has_no_index = error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => KvError::Full,
        _ if has_no_index => KvError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => KvError::Corrupt(error.to_string()),
        _ => KvError::Backend(error.to_string()),
    }
}

/// Whether somebody else has the database.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}
