//! What counts against a plugin while it runs, and what follows from it.

use std::sync::{Arc, Weak};

use super::Shared;
use super::registry::Slot;
use crate::ffi::{Fault, Faults};
use crate::lifecycle::{Activity, Event};
use crate::plugin::{PluginFault, PluginId, Stage};
use crate::state::QuarantineRecord;
use crate::threads::offload;

/// Where one instance of a plugin reports to.
#[derive(Debug)]
pub(super) struct Reporter {
    shared: Weak<Shared>,
    plugin: PluginId,
    start: u64,
}

impl Reporter {
    pub(super) fn new(shared: &Arc<Shared>, plugin: PluginId, start: u64) -> Self {
        let shared = Arc::downgrade(shared);
        Self {
            shared,
            plugin,
            start,
        }
    }
}

impl Faults for Reporter {
    fn report(&self, fault: Fault) {
        if let Some(shared) = self.shared.upgrade() {
            shared.strike(&self.plugin, self.start, fault);
        }
    }
}

impl Shared {
    /// Counts a fault. One too many, and the plugin is quarantined: nothing more is let in from this moment.
    fn strike(self: &Arc<Self>, id: &PluginId, start: u64, fault: Fault) {
        let (policy, now) = (self.settings.quarantine, self.clock.elapsed());
        let quarantined = self.update(|registry| {
            let slot = registry.slot_mut(id)?;
            if slot.start != start || slot.lifecycle.activity() != Activity::Running {
                return None;
            }
            let fault = PluginFault {
                code: "too_many_faults",
                message: slot.strikes.add(fault, now, policy)?,
                stage: Stage::Run,
            };
            slot.unrecorded = Some(QuarantineRecord::new(&fault, self.clock.now()));
            registry.apply(id, Event::Quarantined(fault.clone()));
            Some(fault)
        });
        let Some(fault) = quarantined else { return };
        tracing::error!(plugin.id = %id, plugin.code = fault.code, reason = fault.message, "a plugin was quarantined");
        let (shared, id) = (Arc::clone(self), id.clone());
        self.runtime
            .spawn(async move { shared.end_quarantined(&id, fault).await });
    }

    /// Ends a plugin that was quarantined and records why, unless an administrator has already decided about it.
    async fn end_quarantined(self: &Arc<Self>, id: &PluginId, fault: PluginFault) {
        let Ok(control) = self.registry().control(id) else {
            return;
        };
        let _one_at_a_time = control.lock().await;
        let is_quarantined = |slot: &Slot| slot.lifecycle.quarantine() == Some(&fault);
        if !self.registry().slot(id).is_some_and(is_quarantined) {
            return;
        }
        self.record_quarantine(id).await;
        self.halt(id, None).await;
    }

    /// Records a quarantine that is still to be recorded. The caller holds the plugin's lock.
    pub(super) async fn record_quarantine(&self, id: &PluginId) {
        let unrecorded = self.registry().slot_mut(id).and_then(|slot| {
            let record = slot.unrecorded.take();
            // An administrator may have decided otherwise since.
            record.filter(|_| slot.lifecycle.is_quarantined())
        });
        let Some(record) = unrecorded else { return };
        let (journal, plugin) = (Arc::clone(&self.journal), id.clone());
        let recording = offload("toru-journal", move || journal.quarantine(&plugin, &record));
        if let Ok(Err(error)) = recording.await {
            tracing::error!(plugin.id = %id, %error, "the quarantine cannot be recorded; it ends with this process");
        }
    }
}
