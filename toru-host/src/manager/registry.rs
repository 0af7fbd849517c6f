//! What is known of each plugin. Changes happen under one lock that is never held across a wait.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Mutex as AsyncMutex;
use toru_plugin_api::abi::StaticPlugin;

use crate::discovery::{Candidate, DiscoverError};
use crate::error::ManagerError;
use crate::plugin::{
    DesiredState, PluginFault, PluginId, PluginInfo, PluginMetadata, PluginState, PluginStatus, RejectedFile,
};
use crate::routing::{Entry, RoutingTable, Running};

/// Named where a file's path would be, for a plugin that has none.
const LINKED_IN: &str = "(linked into the application)";

/// All plugins, and the files that are none.
#[derive(Debug, Default)]
pub(super) struct Registry {
    slots: BTreeMap<PluginId, Slot>,
    pub(super) rejected: Vec<RejectedFile>,
}

/// Where a plugin's code comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    File(PathBuf),
    Static(StaticPlugin),
    /// Nowhere: only its name is known.
    Missing,
}

/// One plugin.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: PluginId,
    pub(super) source: Source,
    pub(super) metadata: Option<PluginMetadata>,
    pub(super) status: PluginStatus,
    pub(super) running: Option<Arc<Running>>,
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) warnings: Vec<String>,
    /// Held while the plugin is started or stopped.
    control: Arc<AsyncMutex<()>>,
    /// Shared with the thread on which the plugin is being started, which may not return.
    starting: Arc<()>,
}

/// Held by the thread on which a plugin is being started.
#[derive(Debug)]
pub(super) struct Busy {
    _starting: Arc<()>,
}

impl Slot {
    fn new(id: PluginId, source: Source, metadata: Option<PluginMetadata>) -> Self {
        let status = PluginStatus {
            desired: DesiredState::Disabled,
            state: PluginState::Disabled,
            error: None,
            generation: 0,
            since: SystemTime::now(),
        };
        Self {
            id,
            source,
            metadata,
            status,
            running: None,
            sha256: None,
            warnings: Vec::new(),
            control: Arc::default(),
            starting: Arc::default(),
        }
    }

    /// Whether the plugin neither runs nor is being started or stopped.
    const fn is_settled(&self) -> bool {
        let is_changing = matches!(self.status.state, PluginState::Starting | PluginState::Stopping);
        self.running.is_none() && !is_changing
    }

    pub(super) fn set_state(&mut self, state: PluginState, error: Option<PluginFault>) {
        if self.status.state != state {
            self.status.since = SystemTime::now();
        }
        self.status.state = state;
        self.status.error = error;
    }

    pub(super) fn info(&self) -> PluginInfo {
        let file = match &self.source {
            Source::File(path) => Some(path.clone()),
            Source::Static(_) | Source::Missing => None,
        };
        PluginInfo {
            id: self.id.clone(),
            metadata: self.metadata.clone(),
            file,
            sha256: self
                .sha256
                .map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect()),
            status: self.status.clone(),
            routes: self
                .running
                .as_ref()
                .map(|running| running.route_infos())
                .unwrap_or_default(),
            warnings: self.warnings.clone(),
        }
    }
}

impl Registry {
    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.values()
    }

    pub(super) fn slot(&self, id: &PluginId) -> Option<&Slot> {
        self.slots.get(id)
    }

    pub(super) fn slot_mut(&mut self, id: &PluginId) -> Option<&mut Slot> {
        self.slots.get_mut(id)
    }

    /// The lock of a plugin's changes.
    pub(super) fn control(&self, id: &PluginId) -> Result<Arc<AsyncMutex<()>>, ManagerError> {
        let unknown = || ManagerError::UnknownPlugin { id: id.to_string() };
        self.slots
            .get(id)
            .map(|slot| Arc::clone(&slot.control))
            .ok_or_else(unknown)
    }

    /// Marks a plugin as being started; `None` while an earlier start has not returned.
    pub(super) fn begin(&self, id: &PluginId) -> Option<Busy> {
        let starting = &self.slots.get(id)?.starting;
        (Arc::strong_count(starting) == 1).then(|| Busy {
            _starting: Arc::clone(starting),
        })
    }

    /// The routing table that belongs to this state.
    pub(super) fn table(&self) -> RoutingTable {
        let entry = |slot: &Slot| match &slot.running {
            Some(running) if slot.status.state == PluginState::Enabled => Entry::Running(Arc::clone(running)),
            _ => Entry::Idle(slot.status.state),
        };
        RoutingTable::new(
            self.slots
                .values()
                .map(|slot| (slot.id.clone(), entry(slot)))
                .collect(),
        )
    }

    /// Adds a plugin that is linked into the application.
    pub(super) fn add_static(
        &mut self,
        plugin: StaticPlugin,
        metadata: PluginMetadata,
    ) -> Result<(), DiscoverError> {
        let id = metadata.id.clone();
        if self.slots.contains_key(&id) {
            let (first, second) = (LINKED_IN.into(), LINKED_IN.into());
            return Err(DiscoverError::DuplicateId { id, first, second });
        }
        self.slots
            .insert(id.clone(), Slot::new(id, Source::Static(plugin), Some(metadata)));
        Ok(())
    }

    /// Takes over what a scan found. Plugins that run, start or stop are left as they are.
    pub(super) fn adopt(&mut self, candidates: Vec<Candidate>) {
        self.rejected.clear();
        let mut seen = Vec::new();
        for candidate in candidates {
            match candidate.found {
                Ok(metadata) if self.is_static(&metadata.id) => {
                    let (id, first, second) = (metadata.id, LINKED_IN.into(), candidate.path.clone());
                    self.reject(candidate.path, &DiscoverError::DuplicateId { id, first, second });
                }
                Ok(metadata) => {
                    seen.push(metadata.id.clone());
                    self.found(candidate.path, metadata);
                }
                Err(error) => self.reject(candidate.path, &error),
            }
        }
        for slot in self.slots.values_mut() {
            if matches!(slot.source, Source::Static(_)) || seen.contains(&slot.id) {
                continue;
            }
            slot.source = Source::Missing;
            if slot.is_settled() {
                slot.set_state(PluginState::Missing, None);
            }
        }
        self.forget_missing();
    }

    /// Records what is asked for at the start of the host, also of plugins whose files are gone.
    pub(super) fn want(&mut self, enabled: &[PluginId]) {
        for id in enabled {
            let missing = || {
                let mut slot = Slot::new(id.clone(), Source::Missing, None);
                slot.set_state(PluginState::Missing, None);
                slot
            };
            let slot = self.slots.entry(id.clone()).or_insert_with(missing);
            slot.status.desired = DesiredState::Enabled;
        }
    }

    /// Forgets plugins whose files are gone and that nobody asks for. One that is being changed stays.
    pub(super) fn forget_missing(&mut self) {
        self.slots.retain(|_, slot| {
            let is_wanted = slot.status.desired == DesiredState::Enabled;
            slot.status.state != PluginState::Missing || is_wanted || Arc::strong_count(&slot.control) > 1
        });
    }

    fn found(&mut self, path: PathBuf, metadata: PluginMetadata) {
        let id = metadata.id.clone();
        let slot = self
            .slots
            .entry(id.clone())
            .or_insert_with(|| Slot::new(id, Source::Missing, None));
        slot.source = Source::File(path);
        if slot.is_settled() {
            slot.metadata = Some(metadata);
            if slot.status.state == PluginState::Missing {
                slot.set_state(PluginState::Disabled, None);
            }
        }
    }

    fn is_static(&self, id: &PluginId) -> bool {
        matches!(
            self.slots.get(id),
            Some(Slot {
                source: Source::Static(_),
                ..
            })
        )
    }

    fn reject(&mut self, file: PathBuf, error: &DiscoverError) {
        let (code, message) = (error.code(), error.to_string());
        tracing::warn!(file = %file.display(), plugin.code = code, reason = message, "a file of the plugins folder was refused");
        self.rejected.push(RejectedFile { file, code, message });
    }
}
