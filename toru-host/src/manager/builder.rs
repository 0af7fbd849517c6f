//! How an application makes a manager.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use toru_plugin_api::abi::StaticPlugin;

use super::registry::Registry;
use super::{PluginManager, Settings, Shared};
use crate::discovery::{Policy, note};
use crate::error::{LoadError, ManagerError};
use crate::ffi::{EXTENSIONS, Host};
use crate::kv::{KvBackend, MemoryKv};
use crate::state::StateFile;

/// Builds a [`PluginManager`].
#[derive(Debug)]
#[must_use = "nothing happens before `start`"]
pub struct Builder {
    settings: Settings,
    state_dir: Option<PathBuf>,
    host_name: String,
    host_version: String,
    kv: Option<Arc<dyn KvBackend>>,
    statics: Vec<StaticPlugin>,
}

impl Builder {
    pub(super) fn new(plugins_dir: PathBuf) -> Self {
        let settings = Settings {
            state_dir: plugins_dir.join(".metadata"),
            plugins_dir,
            policy: Policy::default(),
            base_path: "/api/plugins".to_owned(),
            init_timeout: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(5),
        };
        Self {
            settings,
            state_dir: None,
            host_name: String::new(),
            host_version: String::new(),
            kv: None,
            statics: Vec::new(),
        }
    }

    /// Names the application to plugins.
    pub fn host_name(mut self, name: impl Into<String>) -> Self {
        self.host_name = name.into();
        self
    }

    /// Tells plugins the application's version.
    pub fn host_version(mut self, version: impl Into<String>) -> Self {
        self.host_version = version.into();
        self
    }

    /// Where state and private copies are kept. `.metadata` in the plugins folder by default.
    pub fn state_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state_dir = Some(folder.into());
        self
    }

    /// What is accepted as a plugin. [`Policy::default`] by default.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.settings.policy = policy;
        self
    }

    /// Where plugins' data is kept. In memory, and gone with the process, by default.
    pub fn kv(mut self, backend: impl KvBackend) -> Self {
        self.kv = Some(Arc::new(backend));
        self
    }

    /// Path in front of every plugin's routes, without a slash at its end. `/api/plugins` by default.
    ///
    /// Has to be the path where the application mounts the service.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.settings.base_path = path.into();
        self
    }

    /// How long a plugin's `init` may take. 5 s by default.
    pub const fn init_timeout(mut self, limit: Duration) -> Self {
        self.settings.init_timeout = limit;
        self
    }

    /// How long running requests get to end when their plugin is disabled. 10 s by default.
    pub const fn drain_timeout(mut self, limit: Duration) -> Self {
        self.settings.drain_timeout = limit;
        self
    }

    /// How long a plugin's `shutdown` may take. 5 s by default.
    pub const fn shutdown_timeout(mut self, limit: Duration) -> Self {
        self.settings.shutdown_timeout = limit;
        self
    }

    /// Adds a plugin that is linked into the application; it goes through the same contract.
    pub fn register_static(mut self, plugin: StaticPlugin) -> Self {
        self.statics.push(plugin);
        self
    }

    /// Looks at the plugins folder and starts what is enabled.
    ///
    /// Returns when every plugin runs or has failed. A failing plugin is logged and told by its status; it never
    /// keeps the manager from starting.
    ///
    /// # Errors
    ///
    /// When the state file or the plugins folder cannot be used, or the metadata of a static plugin is invalid.
    ///
    /// # Panics
    ///
    /// When called outside of a tokio runtime.
    pub async fn start(mut self) -> Result<PluginManager, ManagerError> {
        if let Some(folder) = self.state_dir.take() {
            self.settings.state_dir = folder;
        }
        for id in EXTENSIONS {
            if !self.settings.policy.extensions.iter().any(|known| known == id) {
                self.settings.policy.extensions.push((*id).to_owned());
            }
        }
        let path = &self.settings.plugins_dir;
        let made = DirBuilder::new().recursive(true).mode(0o755).create(path);
        made.map_err(|source| ManagerError::Scan {
            path: path.clone(),
            source,
        })?;
        let kv = self.kv.take().unwrap_or_else(|| Arc::new(MemoryKv::new()));
        let instance_id = kv.instance_id().await?;
        let mut registry = Registry::default();
        for plugin in &self.statics {
            let metadata = note::parse(plugin.note(), &self.settings.policy).map_err(LoadError::from)?;
            registry.add_static(*plugin, metadata).map_err(LoadError::from)?;
        }
        let shared = Arc::new(Shared {
            host: Host::leak(&self.host_name, &self.host_version),
            instance_id: instance_id.into(),
            kv,
            runtime: tokio::runtime::Handle::current(),
            registry: Mutex::new(registry),
            state: Mutex::new(StateFile::open(&self.settings.state_dir)?),
            opened: Mutex::default(),
            table: ArcSwap::default(),
            closing: false.into(),
            settings: self.settings,
        });
        shared.scan().await?;
        shared.adopt_wishes();
        shared.start_wanted().await;
        Ok(PluginManager(shared))
    }
}
