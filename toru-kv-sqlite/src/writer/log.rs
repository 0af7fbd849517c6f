//! The write-ahead log, kept short.
//!
//! SQLite puts it back into the database when it has 1,000 pages, and starts it over when nobody reads from it at that
//! moment. Where somebody always does, that never happens; then the moment has to be waited for.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use crate::reader::Readers;

/// Bytes of a log that is too long.
const LONG: u64 = 16 << 20;
/// By how much it grows before it is tried again.
const AGAIN: u64 = LONG / 4;
/// How long to wait for those who read. Only what began before and other programs are waited for.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// The file of the log.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    /// From which length on it is tried to make it shorter.
    limit: u64,
}

impl Log {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, limit: LONG }
    }

    /// Whether it should be made shorter: when it has grown since that failed, and after each sweep.
    pub(super) fn is_long(&self, is_swept: bool) -> bool {
        self.len() >= if is_swept { LONG } else { self.limit }
    }

    /// Puts all of it back into the database, and makes the file empty. Another program that reads for long can prevent
    /// that.
    pub(super) fn shorten(
        &mut self,
        connection: &Connection,
        readers: &Readers,
        busy_timeout: Duration,
    ) -> rusqlite::Result<()> {
        self.limit = self.len().max(LONG) + AGAIN;
        connection.busy_timeout(WAIT_MAX.min(busy_timeout))?;
        let committing = readers.commit();
        let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        drop(committing);
        connection.busy_timeout(busy_timeout)?;
        if is_busy {
            let bytes = self.len();
            tracing::warn!(
                bytes,
                "the log of the store cannot be shortened while another program reads from the database"
            );
        } else {
            self.limit = LONG;
        }
        Ok(())
    }

    fn len(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |log| log.len())
    }
}
