//! The measured plugin, enabled in a real host.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use toru_host::service::{DangerouslyAllowEveryone, PluginApi};
use toru_host::{Builder, PluginManager};

use crate::Result;

/// A manager whose plugins folder holds one library, which is enabled.
#[derive(Debug)]
pub struct Hosted {
    /// The manager.
    pub manager: PluginManager,
    /// Removed at the end.
    _folder: TempDir,
}

impl Hosted {
    /// Installs and enables `library`.
    ///
    /// # Errors
    ///
    /// When the host refuses it.
    pub async fn start(library: &Path, id: &str) -> Result<Self> {
        Self::start_with(library, id, |builder| builder).await
    }

    /// The same in a host that is built in another way than the usual one.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(
        library: &Path,
        id: &str,
        change: impl FnOnce(Builder) -> Builder,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let plugins = folder.path().join("plugins");
        fs::create_dir(&plugins)?;
        fs::copy(library, plugins.join("libplugin.so"))?;
        let manager = change(PluginManager::builder(&plugins)).start().await?;
        manager.enable(&id.parse()?).await?;
        Ok(Self {
            manager,
            _folder: folder,
        })
    }

    /// The service alone; its authoriser says yes at once.
    #[must_use]
    pub fn service(&self) -> PluginApi {
        PluginApi::new(self.manager.clone(), DangerouslyAllowEveryone)
    }
}
