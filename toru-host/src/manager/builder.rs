//! How an application makes a manager.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex as AsyncMutex;
use toru_plugin_api::abi::StaticPlugin;

use super::registry::{Limits, Registry};
use super::stop::STOP_TIMEOUT;
use super::turnstile::Turnstile;
use super::{PluginManager, QuarantinePolicy, Settings, Shared};
use crate::bundle::Compressor;
use crate::clock::{Clock, SystemClock};
use crate::discovery::{Policy, note};
use crate::error::{LoadError, ManagerError, StateError};
use crate::ffi::{EXTENSIONS, Host};
use crate::kv::{KvBackend, KvQuota, MemoryKv};
use crate::license::from_environment;
use crate::plugin::{PluginFault, PluginId, PluginLimits};
use crate::state::{FileStateStore, Findings, FolderLock, Journal, RealDisk, StateStore};
use crate::threads::offload;

/// Builds a [`PluginManager`].
#[derive(Debug)]
#[must_use = "nothing happens before `start`"]
pub struct Builder {
    settings: Settings,
    state_dir: Option<PathBuf>,
    host_name: String,
    host_version: String,
    kv: Option<Arc<dyn KvBackend>>,
    store: Option<Arc<dyn StateStore>>,
    clock: Arc<dyn Clock>,
    max_concurrent_starts: usize,
    limits: Limits,
    statics: Vec<StaticPlugin>,
    reads_environment: bool,
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
            stop_timeout: STOP_TIMEOUT,
            stuck_after: Duration::from_secs(30),
            max_retired_generations: 8,
            quarantine: QuarantinePolicy::default(),
            kv_quota: KvQuota::default(),
        };
        Self {
            settings,
            state_dir: None,
            host_name: String::new(),
            host_version: String::new(),
            kv: None,
            store: None,
            clock: Arc::new(SystemClock::default()),
            max_concurrent_starts: 8,
            limits: Limits::default(),
            statics: Vec::new(),
            reads_environment: true,
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

    /// How much each plugin may store. A million entries and 64 MiB by default.
    pub const fn kv_quota(mut self, quota: KvQuota) -> Self {
        self.settings.kv_quota = quota;
        self
    }

    /// How much of the host each plugin may take up. [`PluginLimits::default`] by default.
    pub const fn limits(mut self, limits: PluginLimits) -> Self {
        self.limits.usual = limits;
        self
    }

    /// How much of the host one plugin may take up, instead of what others may.
    pub fn plugin_limits(mut self, id: PluginId, limits: PluginLimits) -> Self {
        self.limits.special.insert(id, limits);
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

    /// How long [`PluginManager::shutdown`] may take for all plugins together. 20 s by default.
    pub const fn stop_timeout(mut self, limit: Duration) -> Self {
        self.settings.stop_timeout = limit;
        self
    }

    /// How long a call may execute a plugin's code in one go before it counts as stuck. 30 s by default.
    ///
    /// A call that waits without holding a thread is never stuck, however long it takes. One that holds its thread while it
    /// waits for the store counts like any other: choose a time that is longer than the store may stall.
    pub const fn stuck_after(mut self, limit: Duration) -> Self {
        self.settings.stuck_after = limit;
        self
    }

    /// When a plugin that panics or whose calls get stuck is quarantined. At the third fault within 10 minutes by default.
    pub const fn quarantine(mut self, policy: QuarantinePolicy) -> Self {
        self.settings.quarantine = policy;
        self
    }

    /// How many plugins are made ready at once: copied, checked and entered. 8 by default, at least 1.
    ///
    /// A plugin whose start takes longer than half a second no longer counts.
    pub const fn max_concurrent_starts(mut self, count: usize) -> Self {
        self.max_concurrent_starts = count;
        self
    }

    /// How many replaced libraries of one plugin may stay mapped. 8 by default.
    ///
    /// Libraries are never closed, so each new version of a plugin's file that is enabled while the host runs costs
    /// memory for good. Beyond this number, a new one is refused until the host is restarted.
    pub const fn max_retired_generations(mut self, count: usize) -> Self {
        self.settings.max_retired_generations = count;
        self
    }

    /// Where it is recorded which plugins are to run. `config.json` in the [`state_dir`](Self::state_dir) by default.
    pub fn state_store(mut self, store: impl StateStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Where the time is taken from. The machine's clock by default.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Whether licence keys are taken from environment variables: `TORU_LICENSE_MY_PLUGIN` for the plugin `my-plugin`. They are
    /// by default, and come before stored ones.
    pub const fn licenses_from_environment(mut self, allowed: bool) -> Self {
        self.reads_environment = allowed;
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
    /// keeps the manager from starting. Neither does a damaged state file: see
    /// [`notices`](PluginManager::notices).
    ///
    /// # Errors
    ///
    /// When the state folder is used by another host, when it or the plugins folder cannot be used at all, or when the
    /// metadata of a static plugin is invalid.
    ///
    /// # Panics
    ///
    /// When called outside of a tokio runtime.
    pub async fn start(mut self) -> Result<PluginManager, ManagerError> {
        if let Some(folder) = self.state_dir.take() {
            self.settings.state_dir = folder;
        }
        // Whoever changes the current folder later moves neither the plugins nor their copies.
        for path in [&mut self.settings.plugins_dir, &mut self.settings.state_dir] {
            if let Ok(absolute) = std::path::absolute(&*path) {
                *path = absolute;
            }
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
        let runtime = tokio::runtime::Handle::current();
        let check_permissions = self.settings.policy.check_permissions;
        let state_dir = self.settings.state_dir.clone();
        let opening = offload("toru-state", move || open_folder(&state_dir, check_permissions));
        let (folder, journal, findings) = opening.await.map_err(|_| ManagerError::ShuttingDown)??;
        let file = || -> Arc<dyn StateStore> {
            let folder = &self.settings.state_dir;
            Arc::new(if check_permissions {
                FileStateStore::new(folder)
            } else {
                FileStateStore::unchecked(folder)
            })
        };
        let store = self.store.take().unwrap_or_else(file);
        let (keys, unusable) = if self.reads_environment {
            from_environment(std::env::vars_os())
        } else {
            Default::default()
        };
        let mut registry = Registry::new(Arc::clone(&self.clock), self.limits, keys);
        for (id, record) in findings.quarantined {
            let fault = PluginFault::from(&record);
            registry.held.insert(id, fault);
        }
        registry.notices = findings.notices;
        for notice in unusable {
            tracing::warn!(code = notice.code, "{}", notice.message);
            registry.notices.push(notice);
        }
        for plugin in &self.statics {
            let metadata = note::parse(plugin.note(), &self.settings.policy).map_err(LoadError::from)?;
            registry.add_static(*plugin, metadata).map_err(LoadError::from)?;
        }
        let shared = Arc::new(Shared {
            host: Host::leak(&self.host_name, &self.host_version),
            instance_id: instance_id.into(),
            kv,
            clock: self.clock,
            runtime,
            registry: Mutex::new(registry),
            store,
            wishes: AsyncMutex::default(),
            scanning: AsyncMutex::default(),
            journal: Arc::new(journal),
            turnstile: Turnstile::new(self.max_concurrent_starts),
            folder: Mutex::new(Some(folder)),
            opened: Mutex::default(),
            table: ArcSwap::default(),
            discretion: super::Discretion::about(&[&self.settings.plugins_dir, &self.settings.state_dir]),
            compressor: Compressor::default(),
            closing: false.into(),
            settings: self.settings,
        });
        shared.look().await?;
        shared.converge(findings.suspects).await;
        shared.sweep().await;
        Ok(PluginManager(shared))
    }
}

/// Takes the state folder for this host, and reads what an earlier one left in it. Blocks.
fn open_folder(
    state_dir: &Path,
    check_permissions: bool,
) -> Result<(FolderLock, Journal, Findings), StateError> {
    let folder = FolderLock::acquire(state_dir, check_permissions)?;
    let (journal, findings) = Journal::open(state_dir, check_permissions, Arc::new(RealDisk));
    Ok((folder, journal, findings))
}
