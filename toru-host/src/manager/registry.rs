//! What is known of each plugin. Changes happen under one lock that is never held across a wait.

mod adopt;
mod slot;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex as AsyncMutex;
use toru_plugin_api::abi::StaticPlugin;

use self::slot::Past;
pub(super) use self::slot::{Busy, Slot, Source};
use super::events::Feed;
use crate::clock::Clock;
use crate::discovery::DiscoverError;
use crate::error::ManagerError;
use crate::license::Key;
use crate::lifecycle::Event;
use crate::plugin::{
    PluginFault, PluginId, PluginInfo, PluginLimits, PluginMetadata, PluginState, RejectedFile,
};
use crate::routing::{Entry, RoutingTable};
use crate::state::StateNotice;

/// Named where a file's path would be, for a plugin that has none.
const LINKED_IN: &str = "(linked into the application)";

/// All plugins, and the files that are none.
#[derive(Debug)]
pub(super) struct Registry {
    slots: BTreeMap<PluginId, Slot>,
    pub(super) rejected: Vec<RejectedFile>,
    /// Faults for which plugins were quarantined before they were known here.
    pub(super) held: BTreeMap<PluginId, PluginFault>,
    /// What is left of plugins which are no longer known here.
    past: BTreeMap<PluginId, Past>,
    /// What administrators should know about the recorded state and the journal.
    pub(super) notices: Vec<StateNotice>,
    pub(super) is_read_only: bool,
    pub(super) feed: Feed,
    /// Licence keys from the environment.
    keys: BTreeMap<PluginId, Key>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    /// How many starts there were, of any plugin.
    starts: u64,
    /// Plugins of which something may have changed that nobody was told yet.
    touched: BTreeSet<PluginId>,
    /// Whether the routing table no longer tells what is true here.
    is_table_stale: bool,
}

/// What plugins may take up.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    pub(super) usual: PluginLimits,
    pub(super) special: BTreeMap<PluginId, PluginLimits>,
}

impl Limits {
    fn of(&self, id: &PluginId) -> PluginLimits {
        self.special.get(id).copied().unwrap_or(self.usual)
    }
}

impl Registry {
    pub(super) fn new(clock: Arc<dyn Clock>, limits: Limits, keys: BTreeMap<PluginId, Key>) -> Self {
        Self {
            slots: BTreeMap::new(),
            rejected: Vec::new(),
            held: BTreeMap::new(),
            past: BTreeMap::new(),
            notices: Vec::new(),
            is_read_only: false,
            feed: Feed::default(),
            keys,
            clock,
            limits,
            starts: 0,
            touched: BTreeSet::new(),
            is_table_stale: false,
        }
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.values()
    }

    pub(super) fn slot(&self, id: &PluginId) -> Option<&Slot> {
        self.slots.get(id)
    }

    pub(super) fn slot_mut(&mut self, id: &PluginId) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(id)?;
        if !self.touched.contains(id) {
            self.touched.insert(id.clone());
        }
        Some(slot)
    }

    /// The number of a start that begins. No two starts have the same, of whatever plugins.
    pub(super) const fn next_start(&mut self) -> u64 {
        self.starts += 1;
        self.starts
    }

    /// Tells those who listen of all plugins that have changed.
    pub(super) fn tell(&mut self) {
        for id in std::mem::take(&mut self.touched) {
            let Some(slot) = self.slots.get_mut(&id) else {
                continue;
            };
            if let Some(info) = slot.news() {
                self.feed.changed(info);
            }
        }
    }

    pub(super) fn infos(&self) -> Vec<PluginInfo> {
        self.slots().map(Slot::info).collect()
    }

    /// The lock of a plugin's changes.
    pub(super) fn control(&self, id: &PluginId) -> Result<Arc<AsyncMutex<()>>, ManagerError> {
        let unknown = || ManagerError::UnknownPlugin { id: id.to_string() };
        self.slot(id).map(Slot::control).ok_or_else(unknown)
    }

    /// Lets something happen to a plugin.
    pub(super) fn apply(&mut self, id: &PluginId, event: Event) {
        let now = self.clock.now();
        let Some(slot) = self.slot_mut(id) else { return };
        let before = slot.status().state;
        match slot.lifecycle.apply(event, now) {
            Ok(_) => self.is_table_stale |= before != slot.status().state,
            Err(impossible) => {
                tracing::error!(plugin.id = %id, %impossible, "a mistake in toru-host; please report it");
                debug_assert!(false, "{impossible}");
            }
        }
    }

    /// The routing table that belongs to this state, if it is another one than before.
    pub(super) fn new_table(&mut self) -> Option<RoutingTable> {
        if !std::mem::take(&mut self.is_table_stale) {
            return None;
        }
        let entry = |slot: &Slot| match &slot.running {
            Some(running) if slot.status().state == PluginState::Enabled => {
                Entry::Running(Arc::clone(running))
            }
            _ => Entry::Idle(slot.status().state),
        };
        Some(RoutingTable::new(
            self.slots
                .values()
                .map(|slot| (slot.id.clone(), entry(slot)))
                .collect(),
        ))
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
        let slot = self.slot_for(&id);
        slot.source = Source::Static(plugin);
        slot.metadata = Some(metadata);
        self.apply(&id, Event::Appeared);
        Ok(())
    }

    /// The plugin of that id, known from now on. Nothing but the name is known of a new one.
    fn slot_for(&mut self, id: &PluginId) -> &mut Slot {
        let Self {
            slots,
            held,
            past,
            keys,
            clock,
            limits,
            touched,
            is_table_stale,
            ..
        } = self;
        touched.insert(id.clone());
        slots.entry(id.clone()).or_insert_with(|| {
            let now = clock.now();
            let mut slot = Slot::new(
                id.clone(),
                past.remove(id).unwrap_or_else(|| Past::new(id, limits.of(id))),
                keys.get(id).cloned(),
                now,
            );
            if let Some(fault) = held.remove(id) {
                let quarantined = slot.lifecycle.apply(Event::Quarantined(fault), now);
                debug_assert!(quarantined.is_ok(), "a plugin that rests can be quarantined");
            }
            *is_table_stale = true;
            slot
        })
    }

    /// Forgets plugins whose files are gone and that nothing names. One that is being changed stays.
    pub(super) fn forget_missing(&mut self) {
        let Self {
            slots,
            feed,
            held,
            past,
            ..
        } = self;
        let before = slots.len();
        slots.retain(|id, slot| {
            let is_kept = slot.is_named || slot.status().state != PluginState::Missing || slot.is_changing();
            if !is_kept {
                // Should it come back, this is still true of it.
                held.extend(
                    slot.lifecycle
                        .quarantine()
                        .map(|fault| (id.clone(), fault.clone())),
                );
                past.insert(id.clone(), slot.take_past());
                feed.removed(id);
            }
            is_kept
        });
        self.is_table_stale |= before != self.slots.len();
    }

    fn is_static(&self, id: &PluginId) -> bool {
        matches!(self.slot(id), Some(slot) if matches!(slot.source, Source::Static(_)))
    }

    fn reject(&mut self, file: PathBuf, error: &DiscoverError) {
        let (code, message) = (error.code(), error.to_string());
        tracing::warn!(file = %file.display(), plugin.code = code, reason = message, "a file of the plugins folder was refused");
        self.rejected.push(RejectedFile { file, code, message });
    }
}
