use std::io;
use std::path::PathBuf;

/// Why the state file could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file is not what it should be.
    #[error("{} cannot be used: {reason}; mend it or move it away", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file was written by a newer version.
    #[error("{} has schema version {version}, which is newer than this host; update the host", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// The file or its folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file cannot be written; nothing was changed.
    #[error("{} cannot be written, so nothing was changed", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl StateError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed_state",
            Self::Newer { .. } => "newer_state",
            Self::Unreadable { .. } => "unreadable_state",
            Self::Unwritable { source, .. } if source.kind() == io::ErrorKind::StorageFull => "storage_full",
            Self::Unwritable { .. } => "unwritable_state",
        }
    }
}
