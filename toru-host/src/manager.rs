//! The manager: which plugins there are, and which of them run.

mod builder;
mod registry;
mod start;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::JoinSet;

pub use self::builder::Builder;
use self::registry::{Registry, Slot};
use crate::discovery::{Policy, scan};
use crate::error::ManagerError;
use crate::ffi::{Api, Host};
use crate::kv::KvBackend;
use crate::plugin::{PluginId, PluginInfo, PluginStatus, RejectedFile};
use crate::routing::RoutingTable;
use crate::state::StateFile;

/// Finds, starts and stops plugins. Cheap to clone; all clones are one manager.
///
/// A plugin that is found for the first time is disabled. Enabling it is the administrator's act of trust: from then
/// on its code runs with the host's full rights.
///
/// # Examples
///
/// ```
/// use toru_host::PluginManager;
///
/// # async fn example() -> Result<(), toru_host::error::ManagerError> {
/// let manager = PluginManager::builder("./plugins").host_name("shop").start().await?;
/// for plugin in manager.list() {
///     println!("{}: {:?}", plugin.id, plugin.status.state);
/// }
/// manager.enable(&"hello".parse().expect("a valid id")).await?;
/// manager.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PluginManager(Arc<Shared>);

/// What all clones share.
pub(crate) struct Shared {
    settings: Settings,
    host: &'static Host,
    instance_id: Arc<str>,
    kv: Arc<dyn KvBackend>,
    runtime: tokio::runtime::Handle,
    registry: Mutex<Registry>,
    state: Mutex<StateFile>,
    /// Libraries opened so far, by the hash of their bytes. They stay open for good.
    opened: Mutex<HashMap<[u8; 32], Api>>,
    table: ArcSwap<RoutingTable>,
    closing: AtomicBool,
}

/// What the application chose.
#[derive(Debug)]
pub(crate) struct Settings {
    plugins_dir: PathBuf,
    state_dir: PathBuf,
    policy: Policy,
    base_path: String,
    init_timeout: Duration,
    drain_timeout: Duration,
    shutdown_timeout: Duration,
}

impl PluginManager {
    /// Starts building a manager for that plugins folder.
    pub fn builder(plugins_dir: impl Into<PathBuf>) -> Builder {
        Builder::new(plugins_dir.into())
    }

    /// All plugins, sorted by id.
    #[must_use]
    pub fn list(&self) -> Vec<PluginInfo> {
        self.0.registry().slots().map(Slot::info).collect()
    }

    /// One plugin, or `None` when there is none of that id.
    #[must_use]
    pub fn get(&self, id: &PluginId) -> Option<PluginInfo> {
        self.0.registry().slot(id).map(Slot::info)
    }

    /// How one plugin is doing, or `None` when there is none of that id.
    #[must_use]
    pub fn status(&self, id: &PluginId) -> Option<PluginStatus> {
        self.0.registry().slot(id).map(|slot| slot.status.clone())
    }

    /// Files of the plugins folder that are no plugin this host can list, with the reason.
    #[must_use]
    pub fn rejected(&self) -> Vec<RejectedFile> {
        self.0.registry().rejected.clone()
    }

    /// Looks at the plugins folder again. Runs no plugin's code, and leaves running plugins alone.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read. What is wrong with single files is told by [`rejected`](Self::rejected).
    pub async fn scan(&self) -> Result<(), ManagerError> {
        self.0.scan().await
    }

    /// Starts a plugin, and has it started again with every start of the host.
    ///
    /// Returns when it runs. Does nothing when it runs already.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, when the wish cannot be recorded (then nothing has changed), or when the plugin
    /// does not start (then the wish stays recorded, and the plugin's status tells the reason).
    ///
    /// # Cancellation
    ///
    /// Dropping the future does not stop what has begun.
    pub async fn enable(&self, id: &PluginId) -> Result<(), ManagerError> {
        let (shared, id) = (Arc::clone(&self.0), id.clone());
        finish(self.0.runtime.spawn(async move { shared.enable(&id).await })).await
    }

    /// Stops a plugin, and keeps it stopped at the next start of the host.
    ///
    /// When this returns, no new request reaches the plugin. Running ones were given time to end and then cancelled.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, or when the wish cannot be recorded (then nothing has changed).
    ///
    /// # Cancellation
    ///
    /// Dropping the future does not stop what has begun.
    pub async fn disable(&self, id: &PluginId) -> Result<(), ManagerError> {
        let (shared, id) = (Arc::clone(&self.0), id.clone());
        finish(self.0.runtime.spawn(async move { shared.disable(&id).await })).await
    }

    /// Stops all plugins, side by side, for the end of the process. Starts none from now on.
    ///
    /// What was enabled is so again at the next start of the host.
    pub async fn shutdown(&self) {
        self.0.closing.store(true, Ordering::Release);
        let ids: Vec<PluginId> = self.0.registry().slots().map(|slot| slot.id.clone()).collect();
        let mut stopping = JoinSet::new();
        for id in ids {
            let shared = Arc::clone(&self.0);
            stopping.spawn_on(async move { shared.stop(&id).await }, &self.0.runtime);
        }
        while stopping.join_next().await.is_some() {}
    }

    pub(crate) fn table(&self) -> arc_swap::Guard<Arc<RoutingTable>> {
        self.0.table.load()
    }

    /// Path in front of every plugin's routes, without a slash at its end.
    #[must_use]
    pub fn base_path(&self) -> &str {
        &self.0.settings.base_path
    }
}

impl fmt::Debug for PluginManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginManager")
            .field("plugins_dir", &self.0.settings.plugins_dir)
            .finish_non_exhaustive()
    }
}

/// Waits for a change that goes on by itself.
async fn finish(change: tokio::task::JoinHandle<Result<(), ManagerError>>) -> Result<(), ManagerError> {
    // A change is never aborted and its panics are bugs of the host: both mean that the host is going down.
    change.await.unwrap_or(Err(ManagerError::ShuttingDown))
}

impl Shared {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, StateFile> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the registry and lets the routing table follow, as one step.
    fn update<R>(&self, change: impl FnOnce(&mut Registry) -> R) -> R {
        let mut registry = self.registry();
        let result = change(&mut registry);
        self.table.store(Arc::new(registry.table()));
        result
    }

    async fn scan(self: &Arc<Self>) -> Result<(), ManagerError> {
        let shared = Arc::clone(self);
        let look = self
            .runtime
            .spawn_blocking(move || scan(&shared.settings.plugins_dir, &shared.settings.policy));
        let found = look.await.map_err(|_| ManagerError::ShuttingDown)?;
        let path = &self.settings.plugins_dir;
        let candidates = found.map_err(|source| ManagerError::Scan {
            path: path.clone(),
            source,
        })?;
        self.update(|registry| registry.adopt(candidates));
        Ok(())
    }

    async fn enable(self: &Arc<Self>, id: &PluginId) -> Result<(), ManagerError> {
        let control = self.registry().control(id)?;
        let _one_at_a_time = control.lock().await;
        if self.closing.load(Ordering::Acquire) {
            return Err(ManagerError::ShuttingDown);
        }
        self.record(id, true).await?;
        self.start(id).await
    }

    async fn disable(self: &Arc<Self>, id: &PluginId) -> Result<(), ManagerError> {
        let control = self.registry().control(id)?;
        let _one_at_a_time = control.lock().await;
        self.record(id, false).await?;
        self.halt(id).await;
        Ok(())
    }

    /// Takes over what is asked for, at the start of the host.
    fn adopt_wishes(&self) {
        let enabled = self.state().enabled();
        self.update(|registry| registry.want(&enabled));
    }

    /// Records on disk whether a plugin is to run. It waits for the disk on a thread made for that.
    async fn record(self: &Arc<Self>, id: &PluginId, enabled: bool) -> Result<(), ManagerError> {
        let (shared, id) = (Arc::clone(self), id.clone());
        let recording = self
            .runtime
            .spawn_blocking(move || shared.state().set_enabled(&id, enabled));
        Ok(recording.await.map_err(|_| ManagerError::ShuttingDown)??)
    }

    /// Starts what is asked for, at the start of the host.
    async fn start_wanted(self: &Arc<Self>) {
        let mut starting = JoinSet::new();
        for id in self.state().enabled() {
            let Ok(control) = self.registry().control(&id) else {
                continue;
            };
            let shared = Arc::clone(self);
            starting.spawn(async move {
                let _one_at_a_time = control.lock().await;
                // Logged and kept in the status by `start`; the others go on.
                let _ = shared.start(&id).await;
            });
        }
        while starting.join_next().await.is_some() {}
    }

    /// Stops a plugin without touching what is asked for.
    async fn stop(self: &Arc<Self>, id: &PluginId) {
        let Ok(control) = self.registry().control(id) else {
            return;
        };
        let _one_at_a_time = control.lock().await;
        self.halt(id).await;
    }
}
