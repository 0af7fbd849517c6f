//! The last good content, and the writing of the next.

use std::error::Error;
use std::io;
use std::path::Path;

use super::content::{Content, Good};
use super::{FILE, NEW, PREVIOUS, recovery};
use crate::plugin::PluginId;
use crate::state::document::{Document, TEXT_MAX};
use crate::state::folder::{Folder, Found};
use crate::state::notices::Notices;
use crate::state::{Change, Desired, StateError};

/// The last good content, as it was loaded or acknowledged.
#[derive(Debug)]
pub(super) struct Known {
    document: Document,
    text: Vec<u8>,
    desired: Desired,
    /// Until it is settled, nothing that is there counts as durable.
    doubt: Option<Doubt>,
    barrier: Option<Barrier>,
}

/// What a write that failed may have left instead of the last good content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// No file.
    Missing,
    /// This content.
    Text(Vec<u8>),
}

/// Why nothing is written before a `load` has found a file that can be used.
#[derive(Debug)]
pub(super) enum Barrier {
    Newer(u64),
    Bad(String),
    Unreadable(io::ErrorKind),
}

impl Known {
    pub(super) fn new(good: Good, doubt: Option<Doubt>) -> Self {
        Self {
            document: good.document,
            text: good.text,
            desired: good.desired,
            doubt,
            barrier: None,
        }
    }

    /// Takes over a file that somebody else wrote.
    pub(super) fn found(folder: &Folder, mut good: Good, notices: &mut Notices) -> Self {
        notices.extend(std::mem::take(&mut good.desired.notices));
        // It may be in memory alone, and a change to what is so already relies on it.
        let doubt = folder.sync_file(FILE).err();
        let doubt = doubt.map(|_| Doubt::Text(good.text.clone()));
        Self::new(good, doubt)
    }

    pub(super) fn behind(barrier: Barrier, desired: Desired) -> Self {
        Self {
            desired,
            barrier: Some(barrier),
            ..Self::new(Good::fresh(), None)
        }
    }

    /// What is asked for, without notices.
    pub(super) fn desired(&self) -> Desired {
        let mut desired = self.desired.clone();
        desired.is_read_only = self.barrier.is_some();
        desired
    }

    /// Makes one change. On an error nothing has changed, whatever the device holds for now.
    pub(super) fn save(
        &mut self,
        folder: &Folder,
        plugin: &PluginId,
        change: &Change,
    ) -> Result<(), StateError> {
        let path = folder.path_of(FILE);
        if let Some(barrier) = &self.barrier {
            return Err(barrier.error(&path));
        }
        let found = folder.read(FILE, TEXT_MAX);
        let found = found.map_err(|source| StateError::unreadable(&path, source))?;
        if !self.is_ours(&found) {
            return Err(StateError::Changed { path });
        }
        let unwritable = |source| StateError::unwritable(&path, source);
        self.settle(folder).map_err(unwritable)?;
        let Some((document, text, desired)) = self.document.with(plugin, change)? else {
            return Ok(());
        };
        if let Err(error) = replace(folder, &text, Some(&self.text)) {
            self.doubt = Some(Doubt::Text(text));
            // As well as can be; where it fails, the next change begins with it.
            let _ = self.settle(folder);
            return Err(unwritable(error));
        }
        self.document = document;
        self.text = text;
        self.desired = desired;
        Ok(())
    }

    /// Takes over what somebody else did to the file. On an error nothing has changed.
    pub(super) fn adopt(&mut self, folder: &Folder, notices: &mut Notices) -> Result<(), StateError> {
        let path = folder.path_of(FILE);
        let found = folder.read(FILE, TEXT_MAX);
        let found = found.map_err(|source| StateError::unreadable(&path, source))?;
        if self.barrier.is_none() {
            let is_gone = matches!(found, Found::Missing);
            if is_gone && self.doubt != Some(Doubt::Missing) {
                let message = format!("{} was gone; it is written again as it was known", path.display());
                notices.tell("state_recovered", message);
                self.doubt = Some(Doubt::Missing);
            }
            if is_gone || self.is_ours(&found) {
                self.write_back(folder, notices);
                return Ok(());
            }
        }
        *self = match Content::of(found) {
            Content::Good(good) => Self::found(folder, good, notices),
            Content::Newer(version, desired) => {
                let barrier = Barrier::Newer(version);
                if !matches!(self.barrier, Some(Barrier::Newer(_))) {
                    notices.tell("read_only_state", barrier.error(&path).to_string());
                }
                Self::behind(barrier, desired)
            }
            Content::Bad(reason) => return Err(StateError::malformed(&path, reason)),
            // Only behind a barrier: what kept from writing is out of the way.
            Content::Missing => recovery::recover(folder, None, notices),
        };
        Ok(())
    }

    /// Writes what is known where that is in doubt. A failure is told, and the next change tries again.
    pub(super) fn write_back(&mut self, folder: &Folder, notices: &mut Notices) {
        if let Err(error) = self.settle(folder) {
            let error = StateError::unwritable(&folder.path_of(FILE), error);
            let source = error.source().map(ToString::to_string).unwrap_or_default();
            notices.tell(error.code(), format!("{error}: {source}"));
        }
    }

    /// Whether this is what we know or may have left; anything else is somebody's edit.
    fn is_ours(&self, found: &Found) -> bool {
        match found {
            Found::Text(text) if *text == self.text => true,
            Found::Text(text) => matches!(&self.doubt, Some(Doubt::Text(other)) if other == text),
            Found::Missing => self.doubt == Some(Doubt::Missing),
            Found::Refused(_) => false,
        }
    }

    /// Makes the device hold what is known, where that is in doubt.
    fn settle(&mut self, folder: &Folder) -> io::Result<()> {
        if self.doubt.is_some() {
            replace(folder, &self.text, None)?;
            self.doubt = None;
        }
        Ok(())
    }
}

impl Barrier {
    pub(super) fn error(&self, path: &Path) -> StateError {
        match self {
            Self::Newer(version) => StateError::Newer {
                path: path.to_owned(),
                version: *version,
            },
            Self::Bad(reason) => StateError::malformed(path, reason),
            Self::Unreadable(kind) => StateError::unreadable(path, (*kind).into()),
        }
    }
}

/// Replaces the file. On an error it has the old content or the new one.
fn replace(folder: &Folder, text: &[u8], previous: Option<&[u8]>) -> io::Result<()> {
    let replaced = folder.write_new(NEW, text).and_then(|_| {
        if let Some(previous) = previous {
            folder.duplicate(FILE, PREVIOUS, previous)?;
        }
        folder.rename(NEW, FILE)?;
        folder.sync()
    });
    if replaced.is_err() {
        // What stays is removed by the next attempt, or the next start.
        let _ = folder.remove(NEW);
    }
    replaced
}
