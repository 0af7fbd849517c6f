//! What administrators ask for: recorded first, then done.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::Shared;
use super::registry::{Registry, Source};
use crate::discovery::{self, FileStamp, scan_again};
use crate::error::ManagerError;
use crate::lifecycle::Event;
use crate::plugin::{DesiredState, PluginId};
use crate::state::Change;
use crate::threads::offload;

impl Shared {
    pub(super) async fn enable(self: &Arc<Self>, id: &PluginId) -> Result<(), ManagerError> {
        let control = self.registry().control(id)?;
        let _one_at_a_time = control.lock().await;
        self.ask(id, DesiredState::Enabled).await?;
        self.start(id).await
    }

    pub(super) async fn disable(self: &Arc<Self>, id: &PluginId) -> Result<(), ManagerError> {
        let control = self.registry().control(id)?;
        let _one_at_a_time = control.lock().await;
        self.ask(id, DesiredState::Disabled).await?;
        self.halt(id, None).await;
        Ok(())
    }

    /// Records a wish durably, and forgives what the plugin was quarantined for. The caller holds the plugin's lock.
    async fn ask(self: &Arc<Self>, id: &PluginId, desired: DesiredState) -> Result<(), ManagerError> {
        let unknown = || ManagerError::UnknownPlugin { id: id.to_string() };
        // What is recorded and what is known here change together, also as seen by a scan.
        let _wishes = self.wishes.lock().await;
        self.still_open()?;
        let is_missing = {
            let registry = self.registry();
            let slot = registry.slot(id).ok_or_else(unknown)?;
            matches!(slot.source, Source::Missing) && slot.is_resting()
        };
        let is_enabled = desired == DesiredState::Enabled;
        if is_enabled && is_missing {
            return Err(unknown());
        }
        self.store.save(id, Change::Enabled(is_enabled)).await?;
        let was_quarantined = self.update(|registry| {
            let slot = registry.slot_mut(id)?;
            // One that is asked to be off, and never was on, is not worth naming.
            slot.is_named |= is_enabled;
            let was_quarantined = slot.lifecycle.is_quarantined();
            registry.apply(id, Event::Asked(desired));
            if was_quarantined {
                registry.apply(id, Event::Released);
            }
            Some(was_quarantined)
        });
        if was_quarantined == Some(true) {
            self.forgive(id).await;
        }
        Ok(())
    }

    async fn forgive(self: &Arc<Self>, id: &PluginId) {
        let (journal, plugin) = (Arc::clone(&self.journal), id.clone());
        let released = offload("toru-journal", move || journal.release(&plugin)).await;
        if let Ok(Err(error)) = released {
            tracing::warn!(plugin.id = %id, %error, "the end of a quarantine cannot be recorded; the next start of the host finds it again");
        }
    }

    /// Looks at the plugins folder and at what is asked for, takes both over, and brings about what follows.
    pub(super) async fn scan(self: &Arc<Self>) -> Result<(), ManagerError> {
        let adopted = self.look().await;
        self.converge(Vec::new()).await;
        // What was stopped just now may be the last that was known of a plugin.
        self.update(Registry::forget_missing);
        adopted
    }

    /// Takes over what the plugins folder and the recorded state say. Starts and stops nothing.
    pub(super) async fn look(self: &Arc<Self>) -> Result<(), ManagerError> {
        let mut known = self.scanning.lock().await;
        self.still_open()?;
        let shared = Arc::clone(self);
        let mut before = std::mem::take(&mut *known);
        let looking = offload("toru-scan", move || {
            let found = scan_again(&shared.settings.plugins_dir, &shared.settings.policy, &mut before);
            (found, before)
        });
        let (found, after) = looking.await.map_err(|_| ManagerError::ShuttingDown)?;
        *known = after;
        let candidates = found.map_err(|source| ManagerError::Scan {
            path: self.settings.plugins_dir.clone(),
            source,
        })?;
        let unhashed = self.update(|registry| {
            registry.adopt_files(candidates);
            registry.unhashed_updates()
        });
        if !unhashed.is_empty() {
            self.compare(unhashed).await;
        }
        let _wishes = self.wishes.lock().await;
        // The folder may be another host's by now.
        self.still_open()?;
        let desired = self.store.load().await?;
        self.update(|registry| registry.adopt_desired(desired));
        Ok(())
    }

    /// Finds out whether files that changed are other libraries than those that run.
    async fn compare(self: &Arc<Self>, files: Vec<(PluginId, PathBuf, FileStamp)>) {
        let shared = Arc::clone(self);
        let comparing = offload("toru-scan", move || {
            for (id, path, stamp) in files {
                // A file that cannot be read, or changes right now, is looked at again by the next scan.
                match discovery::hash(&path, &shared.settings.policy) {
                    Ok((file, sha256)) if file == stamp => {
                        shared.update(|registry| registry.hashed_update(&id, file, sha256));
                    }
                    _ => {}
                }
            }
        });
        // Where there is no thread for it, the next scan tries again.
        let _ = comparing.await;
    }

    /// Starts what is wanted and stops what is not, side by side; `first`, one after the other and before all others.
    pub(super) async fn converge(self: &Arc<Self>, first: Vec<PluginId>) {
        for id in first {
            self.follow(&id).await;
        }
        let due: Vec<PluginId> = self
            .registry()
            .slots()
            .filter(|slot| {
                let lifecycle = &slot.lifecycle;
                lifecycle.is_due() || lifecycle.is_overdue() || lifecycle.is_contrary() || slot.is_license_new
            })
            .map(|slot| slot.id.clone())
            .collect();
        let mut following = JoinSet::new();
        for id in due {
            let shared = Arc::clone(self);
            following.spawn_on(async move { shared.follow(&id).await }, &self.runtime);
        }
        while following.join_next().await.is_some() {}
    }

    /// Brings a plugin to where it is wanted.
    async fn follow(self: &Arc<Self>, id: &PluginId) {
        let Ok(control) = self.registry().control(id) else {
            return;
        };
        let _one_at_a_time = control.lock().await;
        if self.still_open().is_err() {
            return;
        }
        let (is_due, is_overdue) = {
            let registry = self.registry();
            let Some(slot) = registry.slot(id) else { return };
            (slot.lifecycle.is_due(), slot.lifecycle.is_overdue())
        };
        if is_due {
            // Logged and kept in the status by `start`; the others go on.
            let _ = self.start(id).await;
        } else if is_overdue {
            self.halt(id, None).await;
        } else {
            self.follow_license(id).await;
        }
    }
}
