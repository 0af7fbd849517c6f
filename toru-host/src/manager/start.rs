//! How one plugin is started and stopped. The caller holds the plugin's lock.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use toru_plugin_api::abi::StaticPlugin;

use super::Shared;
use super::registry::Source;
use crate::discovery::{DiscoverError, Staged, stage};
use crate::error::{LoadError, ManagerError};
use crate::ffi::{Api, Instance, Services, load_static, load_trusted};
use crate::plugin::{DesiredState, PluginFault, PluginId, PluginState, Stage};
use crate::routing::Running;

/// How long the host waits beyond a limit for code that does not suspend and so cannot be cancelled.
const GRACE: Duration = Duration::from_millis(250);

/// Code that is ready to be entered.
enum Code {
    Staged(Box<Staged>),
    Static(StaticPlugin),
}

impl Shared {
    /// Starts a plugin unless it runs. The routing table follows when it is whole, and not before.
    pub(super) async fn start(self: &Arc<Self>, id: &PluginId) -> Result<(), ManagerError> {
        let unknown = || ManagerError::UnknownPlugin { id: id.to_string() };
        let begun = self.update(|registry| {
            let slot = registry.slot_mut(id)?;
            slot.status.desired = DesiredState::Enabled;
            if slot.running.is_some() {
                return Some(None);
            }
            slot.set_state(PluginState::Starting, None);
            slot.status.generation += 1;
            Some(Some((slot.source.clone(), slot.status.generation)))
        });
        let Some((source, generation)) = begun.ok_or_else(unknown)? else {
            return Ok(());
        };
        let result = self.load(id, source, generation).await;
        match &result {
            Ok(_) => tracing::info!(plugin.id = %id, plugin.generation = generation, "plugin enabled"),
            Err(error) => {
                let (code, message) = (error.code(), error.to_string());
                tracing::error!(plugin.id = %id, plugin.code = code, reason = message, "a plugin did not start and was skipped");
            }
        }
        self.update(|registry| {
            let slot = registry.slot_mut(id).ok_or_else(unknown)?;
            match result {
                Ok(running) => {
                    slot.running = Some(running);
                    slot.set_state(PluginState::Enabled, None);
                    Ok(())
                }
                Err(error @ ManagerError::UnknownPlugin { .. }) => {
                    slot.set_state(PluginState::Missing, None);
                    Err(error)
                }
                Err(error) => {
                    let stage = match &error {
                        ManagerError::Load(error) => error.stage(),
                        _ => Stage::Check,
                    };
                    let fault = PluginFault {
                        code: error.code(),
                        message: error.to_string(),
                        stage,
                    };
                    slot.set_state(PluginState::Failed, Some(fault));
                    Err(error)
                }
            }
        })
    }

    /// Stops a plugin if it runs: no new requests, time for the running ones, cancellation, shutdown, end.
    pub(super) async fn halt(self: &Arc<Self>, id: &PluginId) {
        let closing = self.closing.load(Ordering::Acquire);
        let running = self.update(|registry| {
            let slot = registry.slot_mut(id)?;
            if !closing {
                slot.status.desired = DesiredState::Disabled;
            }
            let running = slot.running.take();
            let state = match slot.source {
                _ if running.is_some() => PluginState::Stopping,
                Source::Missing => PluginState::Missing,
                _ => PluginState::Disabled,
            };
            slot.set_state(state, None);
            running
        });
        let Some(running) = running else { return };
        self.end(id, &running.instance).await;
        self.update(|registry| {
            if let Some(slot) = registry.slot_mut(id) {
                let is_gone = matches!(slot.source, Source::Missing);
                let state = if is_gone {
                    PluginState::Missing
                } else {
                    PluginState::Disabled
                };
                slot.set_state(state, None);
            }
            registry.forget_missing();
        });
        tracing::info!(plugin.id = %id, "plugin disabled");
    }

    async fn end(&self, id: &PluginId, instance: &Instance) {
        instance.close();
        if timeout(self.settings.drain_timeout, instance.drained())
            .await
            .is_err()
        {
            tracing::warn!(plugin.id = %id, in_flight = instance.in_flight(), "cancelling requests that did not end");
            instance.cancel();
            if timeout(GRACE, instance.drained()).await.is_err() {
                // Whoever is still inside holds a thread of ours. The instance ends itself when they leave.
                tracing::error!(plugin.id = %id, in_flight = instance.in_flight(), "requests hang in a stopped plugin");
                return;
            }
        }
        // Code that blocks, and work in the background that cannot be cancelled, go on by themselves.
        let limit = self.settings.shutdown_timeout;
        if timeout(limit * 2, instance.end(limit)).await.is_err() {
            tracing::error!(plugin.id = %id, "a stopped plugin does not end");
        }
    }

    async fn load(
        self: &Arc<Self>,
        id: &PluginId,
        source: Source,
        generation: u64,
    ) -> Result<Arc<Running>, ManagerError> {
        let code = match source {
            Source::Static(plugin) => Code::Static(plugin),
            Source::File(path) => Code::Staged(Box::new(self.stage(id, path).await?)),
            Source::Missing => return Err(ManagerError::UnknownPlugin { id: id.to_string() }),
        };
        let services = Services {
            plugin: id.clone(),
            generation,
            instance_id: Arc::clone(&self.instance_id),
            base_path: format!("{}/{id}", self.settings.base_path).into(),
            config: self.state().config(id),
            kv: Arc::clone(&self.kv),
            runtime: self.runtime.clone(),
            host: self.host,
        };
        let limit = self.settings.init_timeout;
        let shared = Arc::clone(self);
        let busy = self.registry().begin(id).ok_or(LoadError::StillStarting)?;
        // On a thread of its own: constructors and `init` may block, and must not hold up the other plugins.
        let starting = self.runtime.spawn_blocking(move || {
            let _busy = busy;
            shared.create(code, services)
        });
        match timeout(limit + GRACE, starting).await {
            Ok(Ok(result)) => Ok(Arc::new(result?)),
            Ok(Err(_)) => Err(ManagerError::ShuttingDown),
            Err(_) => Err(LoadError::InitTimeout { after: limit }.into()),
        }
    }

    /// Makes the private copy and records what was learnt about it.
    async fn stage(self: &Arc<Self>, id: &PluginId, path: PathBuf) -> Result<Staged, ManagerError> {
        let shared = Arc::clone(self);
        let copying = self.runtime.spawn_blocking(move || shared.stage_here(&path));
        let staged = copying
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
                slot.sha256 = Some(staged.sha256);
                slot.warnings = staged.warnings.iter().map(ToString::to_string).collect();
            }
        });
        Ok(staged)
    }

    fn stage_here(&self, path: &Path) -> Result<Staged, DiscoverError> {
        stage(
            path,
            &self.settings.policy,
            &self.settings.state_dir.join("cache"),
        )
    }

    /// Enters the code and starts an instance of it. Blocks.
    fn create(&self, code: Code, services: Services) -> Result<Running, LoadError> {
        let api = match code {
            Code::Static(plugin) => load_static(plugin, self.host)?,
            Code::Staged(staged) => self.open_once(*staged)?,
        };
        let limit = self.settings.init_timeout;
        let (instance, assets) = self.runtime.block_on(async {
            let started = timeout(limit, Instance::start(api, self.host, services)).await;
            started.unwrap_or(Err(LoadError::InitTimeout { after: limit }))
        })?;
        Running::new(instance, assets)
    }

    /// Opens a staged library, once in the life of the process.
    fn open_once(&self, staged: Staged) -> Result<Api, LoadError> {
        let known = self.opened().get(&staged.sha256).copied();
        if let Some(api) = known {
            return Ok(api);
        }
        let sha256 = staged.sha256;
        // Outside of the lock: constructors run in here and may hang. Opening one library twice does no harm.
        let api = load_trusted(staged, self.host)?;
        self.opened().insert(sha256, api);
        Ok(api)
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, std::collections::HashMap<[u8; 32], Api>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
