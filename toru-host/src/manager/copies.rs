//! The private copies of plugins' files: how they come and go.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Shared;
use super::registry::Slot;
use crate::discovery::{DiscoverError, Staged, stage, sweep};
use crate::error::{LoadError, ManagerError};
use crate::plugin::PluginId;
use crate::threads::offload;

impl Shared {
    /// Makes the private copy and records what was learnt about it.
    pub(super) async fn stage(
        self: &Arc<Self>,
        id: &PluginId,
        path: PathBuf,
    ) -> Result<Staged, ManagerError> {
        let shared = Arc::clone(self);
        let staged = offload("toru-stage", move || shared.stage_here(&path))
            .await
            .map_err(|_| ManagerError::ShuttingDown)?
            .map_err(LoadError::from)?;
        if staged.metadata.id != *id {
            return Err(LoadError::from(DiscoverError::FileChanged).into());
        }
        for warning in &staged.warnings {
            tracing::warn!(plugin.id = %id, %warning, "unusual but accepted");
        }
        self.update(|registry| {
            if let Some(slot) = registry.slot_mut(id) {
                slot.metadata = Some(staged.metadata.clone());
                slot.copied = Some((staged.file, staged.sha256));
                slot.warnings = staged.warnings.iter().map(ToString::to_string).collect();
                // A file that was replaced after the copy was made stays an update.
                slot.update.take_if(|update| update.file == staged.file);
            }
        });
        Ok(staged)
    }

    fn stage_here(&self, path: &Path) -> Result<Staged, DiscoverError> {
        stage(path, &self.settings.policy, &self.cache_dir())
    }

    /// Removes private copies that this process has no use for: of files that were replaced before it began, and what an
    /// earlier one was about to copy. Only while nothing is being started.
    pub(super) async fn sweep(&self) {
        let kept: Vec<_> = self.registry().slots().flat_map(Slot::images).copied().collect();
        let cache = self.cache_dir();
        let sweeping = offload("toru-sweep", move || sweep(&cache, &kept));
        if let Ok(Err(error)) = sweeping.await {
            tracing::warn!(%error, "old copies of plugins cannot be removed; they take up space");
        }
    }

    fn cache_dir(&self) -> PathBuf {
        self.settings.state_dir.join("cache")
    }
}
