//! The manager: which plugins there are, and which of them run.

mod builder;
mod change;
mod copies;
mod discretion;
mod events;
mod faults;
mod license;
mod progress;
mod registry;
mod start;
mod stop;
mod strikes;
mod turnstile;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex as AsyncMutex;

pub use self::builder::Builder;
pub(crate) use self::discretion::Discretion;
pub use self::events::{PluginEvent, PluginEvents};
use self::registry::{Registry, Slot};
pub use self::strikes::QuarantinePolicy;
use self::turnstile::Turnstile;
use crate::bundle::Compressor;
use crate::clock::Clock;
use crate::discovery::{Known, Policy};
use crate::error::ManagerError;
use crate::ffi::{Api, Host};
use crate::kv::{KvBackend, KvQuota, PluginStorage};
use crate::plugin::{PluginId, PluginInfo, PluginLicense, PluginMoment, PluginStatus, RejectedFile};
use crate::routing::RoutingTable;
use crate::state::{FolderLock, Journal, StateNotice, StateStore};

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
    clock: Arc<dyn Clock>,
    runtime: tokio::runtime::Handle,
    registry: Mutex<Registry>,
    store: Arc<dyn StateStore>,
    /// Held while what is asked for is recorded, or read and taken over.
    wishes: AsyncMutex<()>,
    /// Held while the plugins folder is looked at: what it held the last time.
    scanning: AsyncMutex<Known>,
    journal: Arc<Journal>,
    turnstile: Turnstile,
    /// Keeps other hosts out of the state folder until this one has shut down.
    folder: Mutex<Option<FolderLock>>,
    /// Libraries opened so far, by the hash of their bytes. They stay open for good.
    opened: Mutex<HashMap<[u8; 32], Api>>,
    table: ArcSwap<RoutingTable>,
    discretion: Discretion,
    compressor: Compressor,
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
    stop_timeout: Duration,
    stuck_after: Duration,
    max_retired_generations: usize,
    quarantine: QuarantinePolicy,
    kv_quota: KvQuota,
}

impl PluginManager {
    /// Starts building a manager for that plugins folder.
    pub fn builder(plugins_dir: impl Into<PathBuf>) -> Builder {
        Builder::new(plugins_dir.into())
    }

    /// All plugins, sorted by id.
    #[must_use]
    pub fn list(&self) -> Vec<PluginInfo> {
        self.0.registry().infos()
    }

    /// One plugin, or `None` when there is none of that id.
    #[must_use]
    pub fn get(&self, id: &PluginId) -> Option<PluginInfo> {
        self.0.registry().slot(id).map(Slot::info)
    }

    /// The states that a plugin was in since it is known to this process, oldest first and at most 32 of them; the last one is
    /// the current one. `None` when there is no plugin of that id.
    #[must_use]
    pub fn history(&self, id: &PluginId) -> Option<Vec<PluginMoment>> {
        let registry = self.0.registry();
        let slot = registry.slot(id)?;
        Some(slot.lifecycle.history().copied().collect())
    }

    /// How one plugin is doing, or `None` when there is none of that id.
    #[must_use]
    pub fn status(&self, id: &PluginId) -> Option<PluginStatus> {
        self.0.registry().slot(id).map(|slot| slot.status().clone())
    }

    /// Files of the plugins folder that are no plugin this host can list, with the reason.
    #[must_use]
    pub fn rejected(&self) -> Vec<RejectedFile> {
        self.0.registry().rejected.clone()
    }

    /// What administrators should know about the state file and the crash journal: that one of them was damaged, for
    /// example, and what was done about it.
    #[must_use]
    pub fn notices(&self) -> Vec<StateNotice> {
        self.0.registry().notices.clone()
    }

    /// Whether changes are refused, because a newer version of the host wrote the state.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.0.registry().is_read_only
    }

    /// Tells every change of every plugin, after a snapshot of all of them.
    #[must_use]
    pub fn subscribe(&self) -> PluginEvents {
        PluginEvents::new(&self.0, None)
    }

    /// Continues an earlier subscription to this manager after the change of that number: tells what was missed, if that is
    /// no more than the last 256 changes, and starts with a snapshot otherwise.
    ///
    /// Another manager, such as that of an earlier process, numbers its changes anew.
    #[must_use]
    pub fn subscribe_after(&self, sequence: u64) -> PluginEvents {
        PluginEvents::new(&self.0, Some(sequence))
    }

    /// Looks at the plugins folder and at what is recorded as asked for again, and takes both over.
    ///
    /// A plugin that runs goes on as it is, whatever happened to its file; its [`update`](PluginInfo::update) tells of a
    /// new one. A plugin that is asked for, and that nothing is held against, is started if its file has come back or if
    /// somebody asked for it by editing the recorded state; one that is no longer asked for there is stopped. This
    /// returns when they have settled.
    ///
    /// # Errors
    ///
    /// When the folder or the recorded state cannot be read. What is wrong with single files is told by
    /// [`rejected`](Self::rejected), why a plugin did not start by its status.
    ///
    /// # Cancellation
    ///
    /// Dropping the future does not stop what has begun.
    pub async fn scan(&self) -> Result<(), ManagerError> {
        let shared = Arc::clone(&self.0);
        finish(self.0.runtime.spawn(async move { shared.scan().await })).await
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

    /// What may be told of a plugin's licence, or `None` when there is no plugin of that id. The key itself is told to
    /// nobody but the plugin.
    #[must_use]
    pub fn license(&self, id: &PluginId) -> Option<PluginLicense> {
        self.0.license(id)
    }

    /// Gives a plugin another licence key, or takes the stored one away. White space around the key is removed.
    ///
    /// A running plugin that has asked for its key is told, and is stopped and started anew unless it goes on with the new
    /// one; a plugin that did not start for want of a good key is started. This returns when it has settled: its status
    /// tells whether it accepts the key. Its data stays as it is.
    ///
    /// # Errors
    ///
    /// When there is no such plugin, when the text can be no key, when the key comes from the environment, or when the wish
    /// cannot be recorded. Nothing has changed then.
    ///
    /// # Cancellation
    ///
    /// Dropping the future does not stop what has begun.
    pub async fn set_license(&self, id: &PluginId, key: Option<String>) -> Result<(), ManagerError> {
        let (shared, id) = (Arc::clone(&self.0), id.clone());
        let change = async move { shared.set_license(&id, key).await };
        finish(self.0.runtime.spawn(change)).await
    }

    /// Stops all plugins, side by side, for the end of the process. Starts none from now on.
    ///
    /// Takes no longer than the builder's [`stop_timeout`](Builder::stop_timeout) as a whole; what has not stopped by
    /// then is logged and left behind. What was enabled is so again at the next start of the host.
    ///
    /// # Cancellation
    ///
    /// Dropping the future does not stop what has begun.
    pub async fn shutdown(&self) {
        let shared = Arc::clone(&self.0);
        // A panic in there is a bug of the host, and the process is about to end.
        let _ = self.0.runtime.spawn(async move { shared.shutdown().await }).await;
    }

    /// Id of this installation, as plugins are told it.
    #[must_use]
    pub fn instance_id(&self) -> &str {
        &self.0.instance_id
    }

    /// What a plugin stores. Any id is good: data may be there of a plugin whose file is gone.
    #[must_use]
    pub fn storage(&self, id: &PluginId) -> PluginStorage {
        let (kv, clock) = (Arc::clone(&self.0.kv), Arc::clone(&self.0.clock));
        PluginStorage::new(kv, clock, id.clone(), self.0.settings.kv_quota)
    }

    /// What is told of this machine to those who do not administer it.
    pub(crate) fn discretion(&self) -> &Discretion {
        &self.0.discretion
    }

    pub(crate) fn table(&self) -> arc_swap::Guard<Arc<RoutingTable>> {
        self.0.table.load()
    }

    /// Where the manager's own work runs.
    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.0.runtime
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

    /// Refuses where the host is being shut down: nothing is begun then.
    fn still_open(&self) -> Result<(), ManagerError> {
        if self.closing.load(Ordering::Acquire) {
            return Err(ManagerError::ShuttingDown);
        }
        Ok(())
    }

    /// Changes the registry and lets the routing table follow, as one step.
    fn update<R>(&self, change: impl FnOnce(&mut Registry) -> R) -> R {
        let mut registry = self.registry();
        let result = change(&mut registry);
        registry.tell();
        let old = registry.new_table().map(|table| self.table.swap(Arc::new(table)));
        drop(registry);
        // What the old table held last ends outside of the lock.
        drop(old);
        result
    }
}
