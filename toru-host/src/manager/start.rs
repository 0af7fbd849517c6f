//! How one plugin is started. The caller holds the plugin's lock.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{timeout, timeout_at};
use toru_plugin_api::abi::StaticPlugin;

use super::Shared;
use super::faults::Reporter;
use super::progress::Progress;
use super::registry::{Busy, Source};
use super::stop::from_now;
use crate::discovery::Staged;
use crate::error::{LoadError, ManagerError};
use crate::ffi::{Api, Instance, Services, Unstarted, load_static, load_trusted};
use crate::lifecycle::{Activity, Event};
use crate::plugin::{PluginFault, PluginId, Stage};
use crate::routing::Running;
use crate::threads::offload;

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
            let start = registry.next_start();
            let slot = registry.slot_mut(id)?;
            slot.start = start;
            slot.strikes.clear();
            slot.is_license_new = false;
            slot.license.forget_read();
            slot.past.lane.starts.add(1);
            registry.apply(id, Event::Begun);
            Some((source, start))
        });
        let unknown = || ManagerError::UnknownPlugin { id: id.to_string() };
        let (source, start) = begun.ok_or_else(unknown)?;
        let progress = Arc::new(Progress::new(id.clone(), Arc::clone(&self.journal)));
        let result = self.load(id, source, start, &progress).await;
        let bundle = match &result {
            Ok(running) => running.bundle().cloned(),
            Err(_) => None,
        };
        match &result {
            Ok(_) => tracing::info!(plugin.id = %id, "plugin enabled"),
            // Nothing is wrong with the plugin: it runs at the next start of the host.
            Err(ManagerError::ShuttingDown) if self.still_open().is_err() => {}
            Err(error) => {
                let (code, message) = (error.code(), error.to_string());
                tracing::error!(plugin.id = %id, plugin.code = code, reason = message, "a plugin did not start and was skipped");
            }
        }
        let started = self.update(|registry| match result {
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
        });
        // Only now: nobody waits for it.
        if let Some(bundle) = bundle {
            self.compressor.push(&bundle);
        }
        started
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
        self.still_open()?;
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
            .map(|slot| (slot.config.clone(), Arc::clone(&slot.license), slot.past.lane));
        let unknown = || ManagerError::UnknownPlugin { id: id.to_string() };
        let (config, license, lane) = known.ok_or_else(unknown)?;
        let services = Services {
            plugin: id.clone(),
            generation,
            instance_id: Arc::clone(&self.instance_id),
            base_path: format!("{}/{id}", self.settings.base_path).into(),
            config,
            license,
            kv: Arc::clone(&self.kv),
            kv_quota: self.settings.kv_quota,
            runtime: self.runtime.clone(),
            host: self.host,
            lane,
            faults: Arc::new(Reporter::new(self, id.clone(), start)),
            stuck_after: self.settings.stuck_after,
        };
        let pass = self.turnstile.enter(room).await;
        // Those that waited behind others would be started only to be stopped, and keep the host from ending.
        self.still_open()?;
        progress.let_in(pass);
        self.update(|registry| registry.apply(id, Event::Entered(generation)));
        self.enter(id, code, services, progress, busy).await
    }

    /// Enters the code on a thread of its own: constructors and `init` may block, and must not hold up other plugins.
    async fn enter(
        self: &Arc<Self>,
        id: &PluginId,
        code: Code,
        services: Services,
        progress: &Arc<Progress>,
        busy: Busy,
    ) -> Result<Arc<Running>, ManagerError> {
        let image = match &code {
            Code::Staged(staged) => Some(staged.sha256),
            Code::Static(_) => None,
        };
        let limit = self.settings.init_timeout;
        let (teller, mut told) = oneshot::channel();
        let (shared, inside) = (Arc::clone(self), Arc::clone(progress));
        let mut thread = offload("toru-start", move || {
            let _busy = busy;
            shared.create(code, services, &inside, teller);
        });
        let deadline = from_now(limit.saturating_add(GRACE));
        let at_once = timeout(self.turnstile.slice().min(limit), &mut thread).await;
        progress.let_next_in();
        let _hanging = at_once.is_err().then(|| self.turnstile.hang());
        let result = timeout_at(deadline, &mut told).await;
        let is_over = match &result {
            _ if at_once.is_ok() => true,
            // What is left of it is being ended.
            Ok(Ok(Err(_))) => timeout(self.settings.shutdown_timeout, thread).await.is_ok(),
            Ok(_) => true,
            Err(_) => false,
        };
        if !is_over {
            let progress = Arc::clone(progress);
            // Where there is no thread for it, that was logged.
            let _ = offload("toru-journal", move || progress.give_up()).await;
        }
        let error = match result {
            Ok(Ok(Ok(running))) => return Ok(Arc::new(running)),
            Ok(Ok(Err(error))) => error,
            Ok(Err(_)) => return Err(ManagerError::ShuttingDown),
            Err(_) => LoadError::InitTimeout { after: limit },
        };
        if let (Some(image), LoadError::Open { .. } | LoadError::UnresolvedSymbol { .. }) = (image, &error)
            && let Some(slot) = self.registry().slot_mut(id)
        {
            slot.forget_image(image);
        }
        Err(error.into())
    }

    fn generation(&self, id: &PluginId, sha256: [u8; 32]) -> Result<u64, LoadError> {
        let limit = self.settings.max_retired_generations;
        let mut registry = self.registry();
        let generation = registry
            .slot_mut(id)
            .and_then(|slot| slot.generation(sha256, limit));
        generation.ok_or(LoadError::TooManyGenerations { limit })
    }

    /// Enters the code and starts an instance of it. Tells what that came to, and returns when nothing of a start that
    /// failed is left. Blocks.
    fn create(
        self: &Arc<Self>,
        code: Code,
        services: Services,
        progress: &Progress,
        teller: oneshot::Sender<Result<Running, LoadError>>,
    ) {
        let Some(begun) = progress.begin(services.generation) else {
            return;
        };
        let remains = match self.run(code, services, progress) {
            Ok(running) if teller.is_closed() => running.instance.into(),
            Ok(running) => {
                // Before the next one enters: nobody else must be found inside when that one ends the process.
                drop(begun);
                // One that nobody takes is ended in the background.
                let _ = teller.send(Ok(running));
                return;
            }
            Err(unstarted) => {
                let (error, remains) = unstarted.into_parts();
                let _ = teller.send(Err(error));
                remains
            }
        };
        let ended = remains.end(self.settings.shutdown_timeout);
        self.runtime.block_on(progress.watch(ended));
    }

    fn run(
        self: &Arc<Self>,
        code: Code,
        services: Services,
        progress: &Progress,
    ) -> Result<Running, Unstarted> {
        let limit = self.settings.init_timeout;
        if !progress.reach(Stage::Open) {
            return Err(LoadError::InitTimeout { after: limit }.into());
        }
        let api = match code {
            Code::Static(plugin) => load_static(plugin, self.host)?,
            Code::Staged(staged) => self.open_once(*staged)?,
        };
        let reached = |stage| progress.reach(stage);
        let starting = Instance::start(api, self.host, services, limit, &reached);
        let (instance, assets) = self.runtime.block_on(progress.watch(starting))?;
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
