//! Who was being started when the process died, and who waits for an administrator.
//!
//! `journal.jsonl` gets one line an event:
//!
//! ```json
//! {"plugin":"hello","event":"begin","generation":1}
//! {"plugin":"hello","event":"inside","stage":"open"}
//! {"plugin":"hello","event":"end"}
//! ```

mod ledger;
mod log;
mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::ledger::{Event, Ledger};
use self::log::{FILE, FILE_MAX, Log};
use super::disk::Disk;
use super::folder::{Folder, Found};
use super::notices::Notices;
use super::{StateError, StateNotice};
use crate::plugin::{PluginId, Stage};

pub(crate) use self::record::QuarantineRecord;

/// Remembers, beyond the death of the process, whose code was running and who is quarantined.
///
/// All functions wait for the disk or for each other, so they are for threads that may.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` where nothing can be written down.
    log: Option<Log>,
    has_complained: bool,
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Those who wait for an administrator, among them who has just been found out.
    pub(crate) quarantined: BTreeMap<PluginId, QuarantineRecord>,
    /// One of them ended the process, nobody knows which: starting them one by one tells.
    pub(crate) suspects: Vec<PluginId>,
    pub(crate) notices: Vec<StateNotice>,
}

impl Journal {
    /// Reads what an earlier process left, works out who crashed, and starts a file with what still matters.
    ///
    /// Never fails: a file that cannot be used is kept aside, and without a folder the journal is off, where
    /// everything that has to be durable answers with an error. Notices tell of both.
    pub(crate) fn open(folder: &Path, check_permissions: bool, disk: Arc<dyn Disk>) -> (Self, Findings) {
        let mut notices = Notices::default();
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let path = folder.join(FILE);
        let opened = Folder::open(disk, &folder, check_permissions);
        let opened = opened.map_err(|error| error.to_string()).and_then(|folder| {
            let ledger = read(&folder, &mut notices)?;
            Ok((folder, ledger))
        });
        let mut findings = Findings::default();
        let log = match opened {
            Ok((folder, mut ledger)) => {
                findings.suspects = ledger.settle();
                findings.quarantined = ledger.quarantined().clone();
                let (log, result) = Log::start(folder, ledger);
                if let Err(error) = result {
                    let message = format!("{} cannot be written yet: {error}", path.display());
                    notices.tell("journal_unwritable", message);
                }
                Some(log)
            }
            Err(reason) => {
                let message = format!(
                    "{} is not used: {reason}; a plugin that ends this process will be started again",
                    path.display()
                );
                notices.tell("journal_off", message);
                None
            }
        };
        findings.notices = notices.take();
        let state = State {
            log,
            has_complained: false,
        };
        let state = Mutex::new(state);
        (Self { path, state }, findings)
    }

    /// Durably, before it returns: this plugin is about to be entered.
    pub(crate) fn begin(&self, plugin: &PluginId, generation: u64) -> Result<(), StateError> {
        self.record(plugin, Event::Begin { generation })
    }

    /// Its code is being executed on a thread now. Survives the process, not the machine.
    pub(crate) fn inside(&self, plugin: &PluginId, stage: Stage) {
        // Told by `record`.
        let _ = self.record(plugin, Event::Inside { stage });
    }

    /// Its code is not being executed now, but its start goes on. Survives the process, not the machine.
    pub(crate) fn waiting(&self, plugin: &PluginId) {
        let _ = self.record(plugin, Event::Waiting);
    }

    /// Its start is given up, although its code is still being executed. Survives the process, not the machine.
    pub(crate) fn late(&self, plugin: &PluginId) {
        let _ = self.record(plugin, Event::Late);
    }

    /// Its start has ended, one way or another, and nothing of it is left.
    pub(crate) fn end(&self, plugin: &PluginId) {
        let _ = self.record(plugin, Event::End);
    }

    /// Durably, before it returns: this plugin waits for an administrator.
    pub(crate) fn quarantine(&self, plugin: &PluginId, record: &QuarantineRecord) -> Result<(), StateError> {
        self.record(plugin, Event::Quarantine(record.shortened()))
    }

    /// Durably, before it returns: an administrator has decided about this plugin.
    pub(crate) fn release(&self, plugin: &PluginId) -> Result<(), StateError> {
        self.record(plugin, Event::Release)
    }

    /// The host ends in order, so nobody ended it. Writes nothing more: another host may be the next to use the file.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        if let Some(log) = &mut state.log {
            log.acquit();
        }
        state.log = None;
        state.has_complained = true;
    }

    fn record(&self, plugin: &PluginId, event: Event) -> Result<(), StateError> {
        let mut state = self.state();
        let result = match &mut state.log {
            Some(log) => log.record(plugin, event),
            None => Err(io::Error::other("the journal is off")),
        };
        let result = result.map_err(|source| StateError::unwritable(&self.path, source));
        if let Err(error) = &result
            && !std::mem::replace(&mut state.has_complained, true)
        {
            let source = std::error::Error::source(error);
            tracing::warn!(%plugin, source, "{error}; who ends this process may stay unknown");
        }
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in there is left half-changed by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the file, or moves it out of the way; an error when there is one that cannot be moved.
fn read(folder: &Folder, notices: &mut Notices) -> Result<Ledger, String> {
    let reason = match folder.read(FILE, FILE_MAX) {
        Ok(Found::Missing) => return Ok(Ledger::default()),
        Ok(Found::Text(text)) => {
            let (ledger, skipped) = Ledger::replay(&text);
            if skipped > 0 {
                let path = folder.path_of(FILE);
                let message = format!("{skipped} unreadable lines of {} are skipped", path.display());
                notices.tell("journal_damaged", message);
            }
            return Ok(ledger);
        }
        Ok(Found::Refused(reason)) => reason,
        Err(error) => error.to_string(),
    };
    let path = folder.path_of(FILE);
    let aside = folder
        .keep_aside(FILE)
        .map_err(|error| format!("{reason}; it cannot be renamed: {error}"))?;
    let message = format!(
        "{} is not used: {reason}; it is kept as {}; quarantined plugins may be started again",
        path.display(),
        aside.display()
    );
    notices.tell("journal_damaged", message);
    Ok(Ledger::default())
}
