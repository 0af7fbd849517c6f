//! The file of a journal: lines at its end, and now and then a new file with what still matters.

use std::fs::File;
use std::io;

use super::ledger::{Event, Ledger};
use crate::plugin::PluginId;
use crate::state::folder::Folder;

pub(super) const FILE: &str = "journal.jsonl";
const NEW: &str = "journal.jsonl.new";
/// Longest file that is read or written, in bytes.
pub(super) const FILE_MAX: usize = 1024 * 1024;
/// From this length on a file is replaced when that would halve it, in bytes.
pub(super) const LONG: usize = 64 * 1024;

/// An open file and what its lines come to.
#[derive(Debug)]
pub(super) struct Log {
    folder: Folder,
    ledger: Ledger,
    file: Option<File>,
    /// Length of the file as far as known.
    len: usize,
    /// Length to be exceeded twofold before the file is replaced again.
    settled_len: usize,
    /// A write or flush failed: the file may break off, or not be on the device, so only a new one will do.
    is_damaged: bool,
}

impl Log {
    /// Starts a new file with what still matters. Where that fails, the next event tries again.
    pub(super) fn start(folder: Folder, ledger: Ledger) -> (Self, io::Result<()>) {
        let mut log = Self {
            folder,
            ledger: Ledger::default(),
            file: None,
            len: 0,
            settled_len: 0,
            is_damaged: true,
        };
        let result = log.replace(&ledger);
        log.ledger = ledger;
        if log.file.is_none() {
            // Better than nothing, for what needs no flush.
            log.file = log.folder.open_append(FILE).ok();
            let len = log.file.as_ref().and_then(|file| file.metadata().ok());
            log.len = len.map_or(0, |file| usize::try_from(file.len()).unwrap_or(usize::MAX));
        }
        (log, result)
    }

    /// Writes down an event. On an error it has not happened, unless it is a fact.
    pub(super) fn record(&mut self, plugin: &PluginId, event: Event) -> io::Result<()> {
        if !self.is_damaged && self.ledger.says(plugin, &event) {
            return Ok(());
        }
        let result = self.write(plugin, &event);
        if result.is_err() && matches!(event, Event::Begin { .. }) {
            // The line may be there although it is not durable: whoever is not entered must not be blamed.
            let _ = self.append(&Event::End.line(plugin));
        }
        if result.is_ok() || event.is_a_fact() {
            self.ledger.apply(plugin, event);
        }
        result
    }

    /// All starts have ended as far as anybody will ever ask.
    pub(super) fn acquit(&mut self) {
        for plugin in self.ledger.unfinished() {
            // Nothing can be done about an error, and nothing worse follows than a quarantine without need.
            let _ = self.record(&plugin, Event::End);
        }
    }

    fn write(&mut self, plugin: &PluginId, event: &Event) -> io::Result<()> {
        let line = event.line(plugin);
        let must_replace = self.is_damaged && event.is_durable();
        let is_long = self.len > LONG.max(self.settled_len * 2);
        let is_full = self.len.saturating_add(line.len()) > FILE_MAX;
        if must_replace || is_long || is_full {
            let mut next = self.ledger.clone();
            next.apply(plugin, event.clone());
            match self.replace(&next) {
                Ok(()) => return Ok(()),
                Err(error) if must_replace || self.is_damaged => {
                    // Perhaps a later process can read it all the same.
                    let _ = self.append(&line);
                    return Err(error);
                }
                // There is nothing wrong with the present file.
                Err(_) => self.settled_len = self.len,
            }
        }
        self.append(&line)?;
        match &self.file {
            Some(file) if event.is_durable() => {
                let flushed = self.folder.sync_data(file);
                // The next flush may succeed and still leave this line out.
                self.is_damaged |= flushed.is_err();
                flushed
            }
            _ => Ok(()),
        }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if self.len.saturating_add(line.len()) > FILE_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = Vec::with_capacity(line.len() + 1);
        if self.is_damaged {
            // The last line may break off.
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(line);
        self.len += bytes.len();
        let appended = self.folder.append(file, &bytes);
        self.is_damaged |= appended.is_err();
        appended
    }

    /// Replaces the file by a new one. On an error the old one goes on, or the new one with damage.
    fn replace(&mut self, ledger: &Ledger) -> io::Result<()> {
        let text = ledger.lines();
        if text.len() > FILE_MAX {
            // The next process would not read it.
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let renamed = self.folder.write_new(NEW, &text).and_then(|file| {
            let renamed = self.folder.rename(NEW, FILE);
            // Whether it has happened is uncertain then.
            self.is_damaged |= renamed.is_err();
            renamed.map(|()| file)
        });
        match renamed {
            Ok(file) => {
                self.file = Some(file);
                self.len = text.len();
                self.settled_len = text.len();
                let synced = self.folder.sync();
                self.is_damaged = synced.is_err();
                synced
            }
            Err(error) => {
                // What stays is removed by the next attempt.
                let _ = self.folder.remove(NEW);
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use rustix::io::Errno;

    use super::*;
    use crate::plugin::Stage;
    use crate::state::disk::RealDisk;
    use crate::state::disk::faulty::FaultyDisk;
    use crate::state::journal::{Journal, QuarantineRecord};

    fn record(message: String) -> QuarantineRecord {
        QuarantineRecord {
            code: "too_many_faults".into(),
            message,
            stage: Stage::Run,
            since: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_was_recorded_is_found_again_however_much_that_is() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Journal::open(folder.path(), true, Arc::new(RealDisk));
        let (journal, _) = open();
        let record = record("\u{1f980}".repeat(500));
        let ids = (0..600).map(|number| PluginId::new(&format!("plugin-{number:03}")).unwrap());
        let mut recorded: Vec<_> = ids.filter(|id| journal.quarantine(id, &record).is_ok()).collect();
        assert!((400..600).contains(&recorded.len()), "{}", recorded.len());
        // Full, it still takes what needs less.
        let released = recorded.remove(0);
        journal.release(&released).unwrap();
        for _ in 0..50 {
            journal.begin(&released, 1).unwrap();
            journal.end(&released);
        }
        let (_, findings) = open();
        assert!(findings.notices.is_empty(), "{:?}", findings.notices);
        assert!(findings.quarantined.keys().eq(&recorded));
    }

    #[test]
    fn whoever_was_started_again_is_released_although_that_could_not_be_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let (journal, _) = Journal::open(folder.path(), true, disk.clone());
        let plugin = PluginId::new("a").unwrap();
        journal.quarantine(&plugin, &record("once".into())).unwrap();
        disk.fail_next("sync_data", Errno::IO);
        journal.release(&plugin).unwrap_err();
        journal.begin(&plugin, 1).unwrap();
        journal.end(&plugin);
        let (_, findings) = Journal::open(folder.path(), true, Arc::new(RealDisk));
        assert!(findings.quarantined.is_empty(), "{:?}", findings.quarantined);
    }
}
