//! Into the store.

use std::time::Duration;

use bytes::Bytes;

use toru_plugin_api::abi::kv::{TORU_KV_KEY_MAX, TORU_KV_VALUE_MAX};

use super::line::{self, Line};
use super::{KvError, KvMutation, PluginStorage};

/// Entries that are stored at once.
const BATCH: usize = 1000;
/// Bytes of keys and values that are stored at once.
const BATCH_BYTES: usize = 4 << 20;
/// Longest line: that of the largest entry has at most 3 MiB, unless somebody escaped each letter.
const LINE_MAX: usize = 16 << 20;

/// Takes in the lines of a [`KvExport`](super::KvExport). See [`PluginStorage::import`].
///
/// Entries are stored while the lines come, in commits of up to 1,000. When something goes wrong, those before it have
/// been stored: mend the cause and take in all of it again.
#[derive(Debug)]
#[must_use = "entries are stored when the lines were fed, and `finish` tells whether all came"]
pub struct KvImport {
    storage: PluginStorage,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    /// Number of the line that is read, from 1.
    line: u64,
    part: Part,
    /// Entries to be stored, and when they expire.
    batch: Vec<(Bytes, Bytes, Option<u64>)>,
    batch_bytes: usize,
    imported: KvImported,
    /// Entries that were in the lines, stored or not.
    seen: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Head,
    Entries,
    Over,
}

/// What was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvImported {
    /// Entries that were stored.
    pub entries: u64,
    /// Entries that had expired meanwhile and were left out.
    pub expired: u64,
}

/// Why lines were not taken in. What was stored before stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KvImportError {
    /// The end is missing, or there are fewer entries than it tells.
    #[error("the export ends too early, after {entries} entries; take in the whole file")]
    Incomplete {
        /// Entries that were there.
        entries: u64,
    },
    /// The store failed.
    #[error("the store refuses entries that end in line {line}")]
    Kv {
        /// The line, from 1.
        line: u64,
        /// The store's error.
        source: KvError,
    },
    /// A line is not what it should be.
    #[error("line {line} is no line of an export: {reason}")]
    Malformed {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The export was made by a newer version.
    #[error("the export has format {version}, which is newer than this host; update the host")]
    Newer {
        /// Version of the format.
        version: u32,
    },
    /// The export is another plugin's.
    #[error("the export is of the plugin `{found}`, not of `{wanted}`")]
    OtherPlugin {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
}

impl KvImportError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "incomplete_export",
            Self::Kv { source, .. } => source.code(),
            Self::Malformed { .. } => "malformed_export",
            Self::Newer { .. } => "newer_export",
            Self::OtherPlugin { .. } => "wrong_plugin",
        }
    }
}

impl KvImport {
    pub(super) const fn new(storage: PluginStorage) -> Self {
        Self {
            storage,
            partial: Vec::new(),
            line: 1,
            part: Part::Head,
            batch: Vec::new(),
            batch_bytes: 0,
            imported: KvImported {
                entries: 0,
                expired: 0,
            },
            seen: 0,
        }
    }

    /// Takes some bytes, however lines are cut by them.
    ///
    /// # Errors
    ///
    /// When a line is wrong, or the store fails. The import cannot be completed then: begin anew.
    ///
    /// # Cancellation
    ///
    /// When the future is dropped, the import cannot be completed, as [`finish`](Self::finish) tells.
    pub async fn feed(&mut self, bytes: &[u8]) -> Result<(), KvImportError> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if self.partial.is_empty() {
                self.take(line).await?;
            } else {
                self.keep(line)?;
                let line = std::mem::take(&mut self.partial);
                self.take(&line).await?;
            }
            self.line += 1;
        }
        self.keep(rest)
    }

    /// Stores what is left, and tells whether all came.
    ///
    /// # Errors
    ///
    /// [`KvImportError::Incomplete`] when the end is missing. Otherwise as [`feed`](Self::feed).
    pub async fn finish(mut self) -> Result<KvImported, KvImportError> {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.take(&line).await?;
        }
        self.store().await?;
        // Some were not stored when a call before failed, or was dropped.
        let done = self.imported.entries + self.imported.expired;
        if self.part != Part::Over || done != self.seen {
            return Err(KvImportError::Incomplete { entries: done });
        }
        Ok(self.imported)
    }

    fn keep(&mut self, more: &[u8]) -> Result<(), KvImportError> {
        if self.partial.len() + more.len() > LINE_MAX {
            return Err(self.malformed("it is too long"));
        }
        self.partial.extend_from_slice(more);
        Ok(())
    }

    async fn take(&mut self, line: &[u8]) -> Result<(), KvImportError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        if self.part == Part::Head
            && let Some(version) = line::version(line).filter(|version| *version > line::VERSION)
        {
            return Err(KvImportError::Newer { version });
        }
        let line = line::parse(line).map_err(|reason| self.malformed(reason))?;
        match (self.part, line) {
            (Part::Head, Line::Head { version: 1, plugin }) => {
                if plugin != self.storage.plugin.as_str() {
                    let wanted = self.storage.plugin.to_string();
                    let found = shown(&plugin);
                    return Err(KvImportError::OtherPlugin { found, wanted });
                }
                self.part = Part::Entries;
                Ok(())
            }
            (
                Part::Entries,
                Line::Entry {
                    key,
                    value,
                    expires_ms,
                },
            ) => {
                if key.is_empty() || key.len() > TORU_KV_KEY_MAX {
                    return Err(self.malformed(KvError::KeySize));
                }
                if value.len() > TORU_KV_VALUE_MAX {
                    return Err(self.malformed(KvError::ValueSize));
                }
                self.seen += 1;
                self.batch_bytes += key.len() + value.len();
                self.batch.push((key, value, expires_ms));
                if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
                    self.store().await?;
                }
                Ok(())
            }
            (Part::Entries, Line::End { entries }) => {
                self.store().await?;
                if entries != self.seen {
                    return Err(KvImportError::Incomplete { entries: self.seen });
                }
                self.part = Part::Over;
                Ok(())
            }
            (Part::Head, _) => Err(self.malformed("an export starts with its format and plugin")),
            (Part::Entries, _) => Err(self.malformed("a second export begins")),
            (Part::Over, _) => Err(self.malformed("the export was over before")),
        }
    }

    async fn store(&mut self) -> Result<(), KvImportError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.batch_bytes = 0;
        // How long they have to live is told now, not when their lines came.
        let now = self.storage.clock.unix_ms();
        let read = self.batch.len() as u64;
        let set = |(key, value, expires): (Bytes, Bytes, Option<u64>)| {
            let left = expires.map(|expires| Duration::from_millis(expires.saturating_sub(now)));
            let is_there = left != Some(Duration::ZERO);
            is_there.then_some(KvMutation::Set {
                key,
                value,
                ttl: left,
            })
        };
        let batch: Vec<KvMutation> = self.batch.drain(..).filter_map(set).collect();
        let entries = batch.len() as u64;
        self.imported.expired += read - entries;
        let stored = self.storage.commit(batch, self.storage.quota).await;
        stored.map_err(|source| KvImportError::Kv {
            line: self.line,
            source,
        })?;
        self.imported.entries += entries;
        Ok(())
    }

    fn malformed(&self, reason: impl ToString) -> KvImportError {
        KvImportError::Malformed {
            line: self.line,
            reason: shown(&reason.to_string()),
        }
    }
}

/// Words that may have been taken from a line, for people: not too many, and nothing that moves a cursor.
fn shown(words: &str) -> String {
    words.escape_debug().take(200).collect()
}
