//! One plugin as the manager knows it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::Mutex as AsyncMutex;
use toru_plugin_api::abi::StaticPlugin;

use crate::discovery::FileStamp;
use crate::lane::Lane;
use crate::license::{Key, License};
use crate::lifecycle::{Activity, Lifecycle};
use crate::manager::strikes::Strikes;
use crate::plugin::{
    LicenseSource, PluginId, PluginInfo, PluginLimits, PluginMetadata, PluginState, PluginStatus,
    PluginUpdate,
};
use crate::routing::Running;
use crate::state::QuarantineRecord;

/// Where a plugin's code comes from.
#[derive(Clone, Debug)]
pub(in crate::manager) enum Source {
    File(PathBuf),
    Static(StaticPlugin),
    /// Nowhere: only its name is known.
    Missing,
}

/// One plugin.
#[derive(Debug)]
pub(in crate::manager) struct Slot {
    pub(in crate::manager) id: PluginId,
    pub(in crate::manager) source: Source,
    pub(in crate::manager) metadata: Option<PluginMetadata>,
    pub(in crate::manager) lifecycle: Lifecycle,
    pub(in crate::manager) running: Option<Arc<Running>>,
    /// Number of the last start, by which late reports about earlier ones are told apart.
    pub(in crate::manager) start: u64,
    /// Its configuration as JSON.
    pub(in crate::manager) config: Bytes,
    /// Its licence key, shared with its running instance.
    pub(in crate::manager) license: Arc<License>,
    /// Whether it was given another licence key that it does not know of yet.
    pub(in crate::manager) is_license_new: bool,
    /// Whether the recorded state names it.
    pub(in crate::manager) is_named: bool,
    pub(in crate::manager) strikes: Strikes,
    /// A quarantine that was decided and is still to be recorded.
    pub(in crate::manager) unrecorded: Option<QuarantineRecord>,
    pub(in crate::manager) warnings: Vec<String>,
    /// The file that was copied last, and the hash of the copy.
    pub(in crate::manager) copied: Option<(FileStamp, [u8; 32])>,
    /// The file as it is now, when that is not what runs.
    pub(in crate::manager) update: Option<Update>,
    pub(in crate::manager) past: Past,
    /// Held while the plugin is started or stopped.
    control: Arc<AsyncMutex<()>>,
    /// What those who listen were told last, but for its counters.
    told: Option<Arc<PluginInfo>>,
    /// Shared with the thread on which the plugin is being started, which may not return.
    starting: Arc<()>,
}

/// What stays true of a plugin as long as the process lives, also when the plugin is not known any more.
#[derive(Debug)]
pub(in crate::manager) struct Past {
    /// Hashes of all libraries of the plugin that were opened. They stay mapped.
    images: Vec<[u8; 32]>,
    pub(in crate::manager) lane: &'static Lane,
}

impl Past {
    pub(super) fn new(id: &PluginId, limits: PluginLimits) -> Self {
        Self {
            images: Vec::new(),
            lane: Lane::leak(id, limits),
        }
    }
}

/// A newer file of a running plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::manager) struct Update {
    pub(in crate::manager) file: FileStamp,
    pub(in crate::manager) metadata: PluginMetadata,
    /// `None` while it is not known: it may turn out to be the same library, so nobody is told yet.
    pub(in crate::manager) sha256: Option<[u8; 32]>,
}

/// Held by the thread on which a plugin is being started.
#[derive(Debug)]
pub(in crate::manager) struct Busy {
    _starting: Arc<()>,
}

impl Slot {
    pub(super) fn new(id: PluginId, past: Past, key: Option<Key>, now: SystemTime) -> Self {
        Self {
            id,
            source: Source::Missing,
            metadata: None,
            lifecycle: Lifecycle::new(false, now),
            running: None,
            start: 0,
            config: Bytes::from_static(b"{}"),
            license: Arc::new(License::with(key)),
            is_license_new: false,
            is_named: false,
            strikes: Strikes::default(),
            unrecorded: None,
            warnings: Vec::new(),
            copied: None,
            update: None,
            past,
            control: Arc::default(),
            told: None,
            starting: Arc::default(),
        }
    }

    /// What outlives the slot.
    pub(super) fn take_past(&mut self) -> Past {
        Past {
            images: std::mem::take(&mut self.past.images),
            lane: self.past.lane,
        }
    }

    /// Takes over the key that is stored for the plugin, unless it has one from elsewhere.
    pub(in crate::manager) fn take_stored_key(&mut self, key: Option<Key>) {
        if !self.has_fixed_key() {
            self.is_license_new |= self.license.set(key);
        }
    }

    /// Whether the plugin is wanted, and may have failed for want of a good licence key.
    pub(in crate::manager) fn waits_for_license(&self) -> bool {
        let was_read = self.license.was_read();
        self.lifecycle
            .is_refused_for(|code| was_read || code.starts_with("license_"))
    }

    /// Whether the plugin's key is not a stored one, so that nobody can change it while the host runs.
    pub(in crate::manager) fn has_fixed_key(&self) -> bool {
        let key = self.license.key();
        key.is_some_and(|key| key.source() != LicenseSource::Stored)
    }

    pub(in crate::manager) const fn status(&self) -> &PluginStatus {
        self.lifecycle.status()
    }

    pub(super) fn control(&self) -> Arc<AsyncMutex<()>> {
        Arc::clone(&self.control)
    }

    /// Whether somebody starts or stops the plugin now, or is about to, or a start of it has not returned.
    pub(super) fn is_changing(&self) -> bool {
        Arc::strong_count(&self.control) > 1 || Arc::strong_count(&self.starting) > 1
    }

    /// Whether the plugin neither runs nor is being started or stopped.
    pub(in crate::manager) fn is_resting(&self) -> bool {
        self.lifecycle.activity() == Activity::Resting
    }

    /// Marks the plugin as being entered; `None` while an earlier start has not returned.
    pub(in crate::manager) fn begin(&self) -> Option<Busy> {
        (Arc::strong_count(&self.starting) == 1).then(|| Busy {
            _starting: Arc::clone(&self.starting),
        })
    }

    /// The generation of the library with that hash, a new one if it was not opened before; `None` when that would
    /// leave more than `limit` retired ones behind.
    pub(in crate::manager) fn generation(&mut self, sha256: [u8; 32], limit: usize) -> Option<u64> {
        let known = self.past.images.iter().position(|image| *image == sha256);
        let index = match known {
            Some(index) => index,
            None if self.past.images.len() > limit => return None,
            None => {
                self.past.images.push(sha256);
                self.past.images.len() - 1
            }
        };
        Some(index as u64 + 1)
    }

    /// A library with that hash could not be opened after all, so no memory holds it.
    pub(in crate::manager) fn forget_image(&mut self, sha256: [u8; 32]) {
        // Only the last one: numbers of generations stay what they are.
        if self.past.images.last() == Some(&sha256) {
            self.past.images.pop();
        }
    }

    /// The plugin has ended: from now on it is what its file says.
    pub(in crate::manager) fn turn_to_file(&mut self) {
        if let Some(update) = self.update.take() {
            self.metadata = Some(update.metadata);
            self.copied = None;
            self.warnings.clear();
        }
    }

    /// Whether a file that was found is what is known of the plugin already.
    pub(super) fn is_known(&self, path: &Path, file: FileStamp, metadata: &PluginMetadata) -> bool {
        let is_same_place = matches!(&self.source, Source::File(known) if known == path);
        let is_same_file = self.copied.as_ref().map(|(copied, _)| *copied == file);
        let is_settled = if self.is_resting() {
            self.metadata.as_ref() == Some(metadata) && is_same_file != Some(false)
        } else {
            is_same_file == Some(true)
        };
        is_same_place && is_settled && self.update.is_none() && self.status().state != PluginState::Missing
    }

    /// Hashes of all libraries of the plugin that were opened.
    pub(in crate::manager) fn images(&self) -> &[[u8; 32]] {
        &self.past.images
    }

    /// How many libraries of the plugin are mapped without being the current one.
    fn retired(&self) -> usize {
        self.past.images.len().saturating_sub(1)
    }

    /// What there is to tell, if that is not what was told last. Counters alone are no news.
    pub(super) fn news(&mut self) -> Option<Arc<PluginInfo>> {
        let mut info = self.info();
        let counters = std::mem::take(&mut info.counters);
        if self.told.as_deref() == Some(&info) {
            return None;
        }
        self.told = Some(Arc::new(info.clone()));
        info.counters = counters;
        Some(Arc::new(info))
    }

    pub(in crate::manager) fn info(&self) -> PluginInfo {
        let hex = |hash: &[u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect();
        PluginInfo {
            id: self.id.clone(),
            metadata: self.metadata.clone(),
            file: match &self.source {
                Source::File(path) => Some(path.clone()),
                _ => None,
            },
            sha256: self.copied.as_ref().map(|(_, sha256)| hex(sha256)),
            status: self.status().clone(),
            routes: self
                .running
                .as_ref()
                .map(|running| running.route_infos())
                .unwrap_or_default(),
            bundle_sha256: self
                .running
                .as_ref()
                .and_then(|running| Some(running.bundle()?.sha256().to_owned())),
            warnings: self.warnings.clone(),
            update: self.update.as_ref().and_then(|update| {
                let sha256 = update.sha256.as_ref().map(hex)?;
                let version = update.metadata.version.clone();
                Some(PluginUpdate { version, sha256 })
            }),
            counters: self.past.lane.snapshot(),
            retired_generations: self.retired(),
        }
    }
}
