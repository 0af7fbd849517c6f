//! How one plugin is started. The caller holds the plugin's lock.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use toru_plugin_api::abi::StaticPlugin;

use super::Shared;
use super::faults::Reporter;
use super::progress::Progress;
use super::registry::Source;
use crate::discovery::{DiscoverError, Staged, stage};
use crate::error::{LoadError, ManagerError};
use crate::ffi::{Api, Instance, Services, load_static, load_trusted};
use crate::lifecycle::{Activity, Event};
use crate::plugin::{PluginFault, PluginId};
use crate::routing::Running;

/// How long the host waits beyond a limit for code that does not suspend and so cannot be cancelled.
pub(super) const GRACE: Duration = Duration::from_millis(250);

/// Code that is ready to be entered.
enum Code {
    Staged(Box<Staged>),
    Static(StaticPlugin),
}

impl Shared {
    /// Starts a plugin unless it runs. The routing table follows when it is whole, and not before.
    pub(super) async fn start(self: &Arc<Self>, id: &PluginId) -> Result<(), ManagerError> {
        // One that was quarantined may still have to be ended.
        let activity = self.registry().slot(id).map(|slot| slot.lifecycle.activity());
        match activity {
            Some(Activity::Running) => return Ok(()),
            Some(Activity::Stopping) => self.halt(id, None).await,
            _ => {}
        }
        let begun = self.update(|registry| {
            let slot = registry.slot_mut(id)?;
            let source = slot.source.clone();
            if matches!(source, Source::Missing) {
                return None;
            }
            slot.start += 1;
            slot.strikes.clear();
            slot.past.counters.starts.add(1);
            let start = slot.start;
            registry.apply(id, Event::Begun);
            Some((source, start))
        });
        let unknown = || ManagerError::UnknownPlugin { id: id.to_string() };
        let (source, start) = begun.ok_or_else(unknown)?;
        let progress = Arc::new(Progress::new(id.clone(), Arc::clone(&self.journal)));
        let result = self.load(id, source, start, &progress).await;
        self.end_of_start(&progress).await;
        match &result {
            Ok(_) => tracing::info!(plugin.id = %id, "plugin enabled"),
            Err(error) => {
                let (code, message) = (error.code(), error.to_string());
                tracing::error!(plugin.id = %id, plugin.code = code, reason = message, "a plugin did not start and was skipped");
            }
        }
        self.update(|registry| match result {
            Ok(running) => {
                if let Some(slot) = registry.slot_mut(id) {
                    slot.running = Some(running);
                }
                registry.apply(id, Event::Started);
                Ok(())
            }
            Err(error) => {
                let fault = PluginFault {
                    code: error.code(),
                    message: error.to_string(),
                    stage: progress.stage(),
                };
                registry.apply(id, Event::Refused(fault));
                Err(error)
            }
        })
    }

    async fn load(
        self: &Arc<Self>,
        id: &PluginId,
        source: Source,
        start: u64,
        progress: &Arc<Progress>,
    ) -> Result<Arc<Running>, ManagerError> {
        let still_starting = || LoadError::StillStarting;
        let busy = self.registry().slot(id).and_then(|slot| slot.begin());
        let busy = busy.ok_or_else(still_starting)?;
        let room = self.turnstile.room().await;
        let (code, generation) = match source {
            Source::Static(plugin) => (Code::Static(plugin), 1),
            Source::File(path) => {
                let staged = self.stage(id, path).await?;
                let generation = self.generation(id, staged.sha256)?;
                (Code::Staged(Box::new(staged)), generation)
            }
            Source::Missing => return Err(ManagerError::UnknownPlugin { id: id.to_string() }),
        };
        let known = self
            .registry()
            .slot(id)
            .map(|slot| (slot.config.clone(), slot.past.counters));
        let unknown = || ManagerError::UnknownPlugin { id: id.to_string() };
        let (config, counters) = known.ok_or_else(unknown)?;
        let services = Services {
            plugin: id.clone(),
            generation,
            instance_id: Arc::clone(&self.instance_id),
            base_path: format!("{}/{id}", self.settings.base_path).into(),
            config,
            kv: Arc::clone(&self.kv),
            kv_quota: self.settings.kv_quota,
            runtime: self.runtime.clone(),
            host: self.host,
            counters,
            faults: Arc::new(Reporter::new(self, id.clone(), start)),
            stuck_after: self.settings.stuck_after,
        };
        progress.let_in(self.turnstile.enter(room).await);
        self.update(|registry| registry.apply(id, Event::Entered(generation)));
        let limit = self.settings.init_timeout;
        let (shared, inside) = (Arc::clone(self), Arc::clone(progress));
        // On a thread of its own: constructors and `init` may block, and must not hold up the other plugins.
        let mut starting = self.runtime.spawn_blocking(move || {
            let _busy = busy;
            inside.begin(generation);
            let created = shared.create(code, services, &inside);
            // Before the next one enters: nobody else must be found inside when that one ends the process.
            inside.end();
            created
        });
        let deadline = Instant::now() + limit + GRACE;
        let early = timeout(self.turnstile.slice().min(limit), &mut starting).await;
        progress.let_next_in();
        let ended = match early {
            Ok(ended) => Ok(ended),
            Err(_) => {
                let _hanging = self.turnstile.hang();
                timeout_at(deadline, starting).await
            }
        };
        match ended {
            Ok(Ok(result)) => Ok(Arc::new(result?)),
            Ok(Err(_)) => Err(ManagerError::ShuttingDown),
            Err(_) => Err(LoadError::InitTimeout { after: limit }.into()),
        }
    }

    /// Records that a start has ended, if its thread has not done so or never will. It waits for the disk on a thread
    /// made for that.
    async fn end_of_start(self: &Arc<Self>, progress: &Arc<Progress>) {
        if !progress.is_open() {
            return;
        }
        let progress = Arc::clone(progress);
        // It fails only when the runtime goes down; then the process does, too.
        let _ = self.runtime.spawn_blocking(move || progress.end()).await;
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
                slot.copied = Some((staged.file, staged.sha256));
                slot.warnings = staged.warnings.iter().map(ToString::to_string).collect();
                // A file that was replaced after the copy was made stays an update.
                slot.update.take_if(|update| update.file == staged.file);
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

    fn generation(&self, id: &PluginId, sha256: [u8; 32]) -> Result<u64, LoadError> {
        let limit = self.settings.max_retired_generations;
        let mut registry = self.registry();
        let generation = registry
            .slot_mut(id)
            .and_then(|slot| slot.generation(sha256, limit));
        generation.ok_or(LoadError::TooManyGenerations { limit })
    }

    /// Enters the code and starts an instance of it. Blocks.
    fn create(
        self: &Arc<Self>,
        code: Code,
        services: Services,
        progress: &Progress,
    ) -> Result<Running, LoadError> {
        progress.reach(crate::plugin::Stage::Open);
        let api = match code {
            Code::Static(plugin) => load_static(plugin, self.host)?,
            Code::Staged(staged) => self.open_once(*staged)?,
        };
        let limit = self.settings.init_timeout;
        let reached = |stage| progress.reach(stage);
        let (instance, assets) = self.runtime.block_on(async {
            let starting = progress.watch(Instance::start(api, self.host, services, &reached));
            let started = timeout(limit, starting).await;
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
