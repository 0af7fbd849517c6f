use std::io;
use std::path::{Path, PathBuf};

/// Why what is kept about plugins could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Another host uses the folder.
    #[error(
        "another host{} is already running on this state folder: it holds {}; stop it, or give this host a folder of its own",
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(), path.display()
    )]
    AlreadyRunning {
        /// The file that the other host has locked.
        path: PathBuf,
        /// Its process, as far as known.
        pid: Option<u32>,
    },
    /// What is stored was changed by somebody else; nothing was overwritten.
    #[error("{} was changed by somebody else; scan to adopt that, then try again", path.display())]
    Changed {
        /// The file, or where else the state is kept.
        path: PathBuf,
    },
    /// Somebody else could change the folder.
    #[error("{} is not safe to keep state in: {reason}", path.display())]
    Insecure {
        /// The folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The change asks for something that cannot be stored.
    #[error("the change cannot be stored: {reason}")]
    InvalidChange {
        /// What is wrong with it.
        reason: String,
    },
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
            Self::AlreadyRunning { .. } => "already_running",
            Self::Changed { .. } => "state_changed",
            Self::Insecure { .. } => "insecure_state",
            Self::InvalidChange { .. } => "invalid_change",
            Self::Malformed { .. } => "malformed_state",
            Self::Newer { .. } => "newer_state",
            Self::Unreadable { .. } => "unreadable_state",
            Self::Unwritable { source, .. } if is_full(source) => "storage_full",
            Self::Unwritable { .. } => "unwritable_state",
        }
    }

    pub(super) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }

    pub(super) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn unwritable(path: &Path, source: io::Error) -> Self {
        Self::Unwritable {
            path: path.to_owned(),
            source,
        }
    }
}

/// Whether the disk, or the user's share of it, is used up.
fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
