//! The write-ahead log, kept short.
//!
//! SQLite puts it back into the database when it has 1,000 pages, and starts it over when nobody reads from it at that
//! moment. Where somebody always does, that never happens; then the moment has to be waited for.
//!
//! Its length is looked at only now and then. After a look, Linux gives the file's next change a time of its own, so that the
//! next flush has its metadata to write too, which takes half as long again.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;

use crate::reader::Readers;

/// Bytes of a log that is too long.
const LONG: u64 = 16 << 20;
/// By how much it grows before it is tried again.
const AGAIN: u64 = LONG / 4;
/// Pages, about, that are written to it before its length is looked at again.
const LOOK: usize = 128;
/// Bytes of a page.
const PAGE: usize = 4096;
/// How long to wait for those who read. Only what began before and other programs are waited for.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// The file of the log.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    /// From which length on it is tried to make it shorter.
    limit: u64,
    /// Pages, about, that were written since its length was looked at.
    written: usize,
}

impl Log {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            limit: LONG,
            // It may be left of another process.
            written: LOOK,
        }
    }

    /// So many rows were written or removed, and so many bytes written. A row is a page at least, about.
    pub(super) fn write(&mut self, rows: u64, bytes: usize) {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        self.written = self.written.saturating_add(rows).saturating_add(bytes / PAGE);
    }

    /// Whether it should be made shorter: when it has grown since that failed, and after each sweep.
    pub(super) fn is_long(&mut self, is_swept: bool) -> bool {
        if !is_swept && self.written < LOOK {
            return false;
        }
        let is_long = self.len() >= if is_swept { LONG } else { self.limit };
        if !is_long {
            self.written = 0;
        }
        is_long
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
        self.written = 0;
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

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::{LONG, LOOK, Log, PAGE};

    #[test]
    fn a_log_that_is_long_is_found_when_enough_was_written_and_after_a_sweep() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let file = File::create(&path).unwrap();
        file.set_len(LONG).unwrap();
        let mut log = Log::new(path);
        assert!(log.is_long(false), "it may be left of another process");
        assert!(log.is_long(false), "until something is done about it");
        file.set_len(LONG - 1).unwrap();
        assert!(!log.is_long(false));
        file.set_len(LONG).unwrap();
        log.write(1, 100);
        assert!(!log.is_long(false), "a small commit is no reason to look");
        log.write(1, LOOK * PAGE);
        assert!(log.is_long(false));
        file.set_len(0).unwrap();
        assert!(!log.is_long(false));
        file.set_len(LONG).unwrap();
        assert!(log.is_long(true));
    }
}
