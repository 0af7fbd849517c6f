//! Taking over what was found: files of the plugins folder, and what is asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;

use super::slot::Update;
use super::{LINKED_IN, Registry, Slot, Source};
use crate::discovery::{Candidate, DiscoverError, FileStamp};
use crate::license::{Key, NoKey};
use crate::lifecycle::Event;
use crate::plugin::{DesiredState, LicenseSource, PluginId, PluginMetadata};
use crate::state::{Desired, StateNotice};

/// The configuration of a plugin that nobody has configured.
const EMPTY: Bytes = Bytes::from_static(b"{}");

impl Registry {
    /// Takes over what a scan found. What runs goes on as it is.
    pub(in crate::manager) fn adopt_files(&mut self, candidates: Vec<Candidate>) {
        self.rejected.clear();
        let mut found = BTreeMap::new();
        for candidate in candidates {
            match candidate.found {
                Ok(metadata) if self.is_static(&metadata.id) => {
                    let (id, first, second) = (metadata.id, LINKED_IN.into(), candidate.path.clone());
                    self.reject(candidate.path, &DiscoverError::DuplicateId { id, first, second });
                }
                Ok(metadata) => {
                    let id = metadata.id.clone();
                    self.found(candidate.path, candidate.file, metadata);
                    found.insert(id, ());
                }
                Err(error) => self.reject(candidate.path, &error),
            }
        }
        let is_gone = |slot: &&Slot| matches!(slot.source, Source::File(_)) && !found.contains_key(&slot.id);
        let gone: Vec<PluginId> = self.slots().filter(is_gone).map(|slot| slot.id.clone()).collect();
        for id in gone {
            if let Some(slot) = self.slot_mut(&id) {
                slot.source = Source::Missing;
                slot.update = None;
            }
            self.apply(&id, Event::Vanished);
        }
    }

    /// Takes over what is asked for, also of plugins whose files are gone.
    pub(in crate::manager) fn adopt_desired(&mut self, desired: Desired) {
        // A store tells each once; administrators are told as long as the host runs.
        for notice in desired.notices {
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
        self.is_read_only = desired.is_read_only;
        for slot in self.slots.values_mut() {
            slot.is_named = false;
        }
        for (id, plugin) in desired.plugins {
            let slot = self.slot_for(&id);
            slot.is_named = true;
            slot.config = plugin.config;
            let key = plugin.license.map(|text| Key::new(&text, LicenseSource::Stored));
            let (key, unusable) = match key.transpose() {
                Ok(key) => (key, None),
                // Emptied by hand.
                Err(NoKey::Empty) => (None, None),
                Err(error) => (None, Some(error)),
            };
            slot.take_stored_key(key);
            if let Some(error) = unusable {
                let message =
                    format!("what is recorded as the licence key of `{id}` is none, and ignored: {error}");
                let notice = StateNotice::new("invalid_license", message);
                if !self.notices.contains(&notice) {
                    tracing::warn!(plugin.id = %id, code = notice.code, "{}", notice.message);
                    self.notices.push(notice);
                }
            }
            let desired = if plugin.enabled {
                DesiredState::Enabled
            } else {
                DesiredState::Disabled
            };
            self.apply(&id, Event::Asked(desired));
        }
        // Most are neither named nor wanted, and stay as they are.
        let is_unnamed = |slot: &&Slot| {
            let status = slot.status();
            let is_at_rest = status.desired == DesiredState::Disabled && status.error.is_none();
            let is_bare = slot.config == EMPTY && (slot.license.key().is_none() || slot.has_fixed_key());
            !(slot.is_named || is_at_rest && is_bare)
        };
        let unnamed: Vec<PluginId> = self
            .slots()
            .filter(is_unnamed)
            .map(|slot| slot.id.clone())
            .collect();
        for id in unnamed {
            if let Some(slot) = self.slot_mut(&id) {
                slot.config = EMPTY;
                slot.take_stored_key(None);
            }
            self.apply(&id, Event::Asked(DesiredState::Disabled));
        }
    }

    /// Plugins whose file may be another one than the one that runs: id, file, and what the file was when it was
    /// looked at.
    pub(in crate::manager) fn unhashed_updates(&self) -> Vec<(PluginId, PathBuf, FileStamp)> {
        let unhashed = |slot: &Slot| match (&slot.source, &slot.update) {
            (Source::File(path), Some(update)) if update.sha256.is_none() => {
                Some((slot.id.clone(), path.clone(), update.file))
            }
            _ => None,
        };
        self.slots().filter_map(unhashed).collect()
    }

    /// Takes over the hash of a file that may be another one than the one that runs.
    pub(in crate::manager) fn hashed_update(&mut self, id: &PluginId, file: FileStamp, sha256: [u8; 32]) {
        let Some(slot) = self.slot_mut(id) else { return };
        let Some(update) = slot.update.as_mut().filter(|update| update.file == file) else {
            return;
        };
        update.sha256 = Some(sha256);
        if let Some((stamp, running)) = &mut slot.copied
            && *running == sha256
        {
            // The same bytes in another file, or touched.
            *stamp = file;
            slot.update = None;
        }
    }

    fn found(&mut self, path: PathBuf, file: FileStamp, metadata: PluginMetadata) {
        let id = metadata.id.clone();
        // A look at a folder in which nothing happened changes nothing of what is known.
        if self
            .slot(&id)
            .is_some_and(|slot| slot.is_known(&path, file, &metadata))
        {
            return;
        }
        let slot = self.slot_for(&id);
        let is_same_file = slot.copied.as_ref().is_some_and(|(copied, _)| *copied == file);
        slot.source = Source::File(path);
        if slot.is_resting() {
            slot.metadata = Some(metadata);
            slot.update = None;
            if !is_same_file {
                slot.copied = None;
                slot.warnings.clear();
            }
        } else if is_same_file {
            slot.update = None;
        } else if slot.update.as_ref().is_none_or(|update| update.file != file) {
            slot.update = Some(Update {
                file,
                metadata,
                sha256: None,
            });
        }
        self.apply(&id, Event::Appeared);
    }
}
