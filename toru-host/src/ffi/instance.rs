//! One running plugin: from `create` to `destroy`.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use toru_plugin_api::abi::status::{TORU_DONE, TORU_PANICKED};

use super::body::Streams;
use super::context::{Context, Host, Services};
use super::control::{Words, control};
use super::entry::Api;
use super::frontend::{Asset, Sink};
use super::gate::{Gate, Permit};
use super::op::on_worker;
use super::route::{Registrar, Route};
use super::watch::Watched;
use crate::error::LoadError;
use crate::plugin::{PluginId, Stage};

/// How long the `shutdown` of an instance may take that nobody waits for.
const UNATTENDED_LIMIT: Duration = Duration::from_secs(5);

/// A plugin's instance. Its parts are shared with the calls that run in it.
#[derive(Debug)]
pub(crate) struct Instance(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    api: Api,
    plugin: *mut c_void,
    context: &'static Context,
    runtime: tokio::runtime::Handle,
    routes: Vec<Route>,
    gate: Gate,
    streams: Streams,
    _watched: Watched,
    cancelled: AtomicBool,
    cancel: Arc<Notify>,
    ended: AtomicBool,
}

// SAFETY: the plugin's pointer is only passed to its own functions, which say which threads may call them; those
// tagged `[control]` are called by `Instance`, one at a time.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

/// An instance that was created and may have been initialised; destroyed on drop unless it became whole.
struct Starting {
    api: Api,
    plugin: *mut c_void,
    context: &'static Context,
    runtime: tokio::runtime::Handle,
    whole: bool,
}

// SAFETY: as for `Inner`.
unsafe impl Send for Starting {}

impl Instance {
    /// Creates and initialises an instance and asks for its routes and files. Says before each stage that it is
    /// reached.
    ///
    /// # Errors
    ///
    /// Whatever the plugin refuses or breaks. It is destroyed then.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels `init` and destroys the instance.
    pub(crate) async fn start(
        api: Api,
        host: &'static Host,
        services: Services,
        reached: &(dyn Fn(Stage) + Sync),
    ) -> Result<(Self, Vec<Asset>), LoadError> {
        reached(Stage::Create);
        let mut starting = Starting::create(api, host, services)?;
        reached(Stage::Init);
        starting.init().await?;
        reached(Stage::Register);
        let routes = starting.routes()?;
        let assets = starting.frontend()?;
        starting.whole = true;
        let inner = Inner {
            api,
            plugin: starting.plugin,
            context: starting.context,
            runtime: starting.runtime.clone(),
            routes,
            gate: Gate::default(),
            streams: Streams::default(),
            _watched: Watched::new(starting.context.stuck_after()),
            cancelled: AtomicBool::new(false),
            cancel: Arc::default(),
            ended: AtomicBool::new(false),
        };
        Ok((Self(Arc::new(inner)), assets))
    }

    /// The routes, in the order in which they were registered.
    pub(crate) fn routes(&self) -> &[Route] {
        &self.0.routes
    }

    /// Lets a call in; `None` once the instance is closing.
    pub(crate) fn enter(&self) -> Option<Permit> {
        Permit::new(&self.0)
    }

    /// How many calls and response streams are inside.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.gate.inside()
    }

    /// Lets nothing in from now on.
    pub(crate) fn close(&self) {
        self.0.gate.close();
    }

    /// Waits until nothing is inside any more; it was closed before.
    pub(crate) async fn drained(&self) {
        self.0.gate.emptied().await;
    }

    /// Cancels what is suspended inside. Code of the plugin that is running now is not interrupted.
    pub(crate) fn cancel(&self) {
        self.0.cancel();
    }

    /// Ends the instance: `shutdown` within `limit`, its background tasks, `destroy`. It was drained before.
    ///
    /// On a thread of its own, since a plugin may wait for its own threads to end.
    ///
    /// # Cancellation
    ///
    /// Goes on in the background.
    pub(crate) async fn end(&self, limit: Duration) {
        let inner = Arc::clone(&self.0);
        let runtime = self.0.runtime.clone();
        let ending = self
            .0
            .runtime
            .spawn_blocking(move || runtime.block_on(inner.end(limit)));
        // It fails only when the runtime goes down; then the instance is left as it is.
        let _ = ending.await;
    }
}

impl Inner {
    pub(super) const fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) const fn plugin(&self) -> *const c_void {
        self.plugin
    }

    pub(super) const fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    pub(super) const fn context(&self) -> &'static Context {
        self.context
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.cancel.notify_waiters();
        self.streams.end();
    }

    pub(super) const fn streams(&self) -> &Streams {
        &self.streams
    }

    async fn shutdown(&self) -> Result<(), String> {
        let Some(shutdown) = self.api.shutdown else {
            return Ok(());
        };
        let plugin = Shared(self.plugin);
        // SAFETY: the instance is alive and nothing else runs in it; the pointers are valid for the call.
        let start = move |waker, op, err| unsafe { shutdown(plugin.get(), waker, op, err) };
        control(start).await.map_err(|(_, text)| text)
    }

    /// Ends the instance once; it was drained before, and nothing can enter any more.
    async fn end(&self, limit: Duration) {
        self.gate.close();
        self.gate.emptied().await;
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        let plugin = self.context.plugin();
        match tokio::time::timeout(limit, self.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => tracing::warn!(plugin.id = %plugin, reason, "a plugin failed to shut down"),
            Err(_) => tracing::warn!(plugin.id = %plugin, "a plugin did not shut down in time"),
        }
        self.context.tasks.end().await;
        // SAFETY: created by this api, destroyed once, and nothing is inside or can enter any more.
        on_worker(|| unsafe { (self.api.destroy)(self.plugin) });
        self.context.retire();
    }

    pub(super) const fn id(&self) -> &PluginId {
        self.context.plugin()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Resolves when the instance cancels what is suspended in it.
    pub(super) fn cancellation(&self) -> OwnedNotified {
        Arc::clone(&self.cancel).notified_owned()
    }
}

impl Starting {
    fn create(api: Api, host: &'static Host, services: Services) -> Result<Self, LoadError> {
        let mut plugin = std::ptr::null_mut();
        let mut words = Words::new();
        // SAFETY: the host lives as long as the process; the other pointers are valid for the call.
        let status = unsafe { (api.create)(host.as_ptr(), &raw mut plugin, words.as_mut()) };
        if status != TORU_DONE {
            return Err(LoadError::CreateFailed {
                reason: words.text(status),
            });
        }
        let runtime = services.runtime.clone();
        Ok(Self {
            api,
            plugin,
            context: Context::leak(services),
            runtime,
            whole: false,
        })
    }

    async fn init(&self) -> Result<(), LoadError> {
        let Some(init) = self.api.init else { return Ok(()) };
        let (plugin, context) = (Shared(self.plugin), self.context);
        // SAFETY: the instance is alive; the context lives as long as the process; the rest for the call.
        let start = move |waker, op, err| unsafe { init(plugin.get(), context.as_ptr(), waker, op, err) };
        control(start).await.map_err(|(status, reason)| match status {
            TORU_PANICKED => LoadError::InitPanicked { reason },
            _ => LoadError::InitFailed { reason },
        })
    }

    fn routes(&self) -> Result<Vec<Route>, LoadError> {
        let Some(routes) = self.api.routes else {
            return Ok(Vec::new());
        };
        let registrar = Registrar::new();
        let mut words = Words::new();
        // SAFETY: the instance is alive; the pointers are valid for the call.
        let status = unsafe { routes(self.plugin, registrar.as_ptr(), words.as_mut()) };
        if status == TORU_PANICKED {
            let reason = words.text(status);
            return Err(LoadError::InitPanicked { reason });
        }
        let registered = registrar
            .finish()
            .map_err(|reason| LoadError::InvalidRoute { reason })?;
        if status == TORU_DONE {
            return Ok(registered);
        }
        Err(LoadError::InvalidRoute {
            reason: words.text(status),
        })
    }

    fn frontend(&self) -> Result<Vec<Asset>, LoadError> {
        let Some(frontend) = self.api.frontend else {
            return Ok(Vec::new());
        };
        let sink = Sink::new();
        let mut words = Words::new();
        // SAFETY: the instance is alive; the pointers are valid for the call.
        let status = unsafe { frontend(self.plugin, sink.as_ptr(), words.as_mut()) };
        let reason = match status {
            TORU_DONE => return Ok(sink.finish()),
            _ => words.text(status),
        };
        Err(match status {
            TORU_PANICKED => LoadError::InitPanicked { reason },
            _ => LoadError::InvalidFrontend { reason },
        })
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if self.whole {
            return;
        }
        let (destroy, plugin, context) = (self.api.destroy, Shared(self.plugin), self.context);
        self.runtime.spawn(async move {
            context.tasks.end().await;
            // A plugin may wait for its own threads to end.
            tokio::task::spawn_blocking(move || {
                // The whole of `plugin` moves in here, not its field.
                let plugin = { plugin };
                // SAFETY: created by this api; the operation of `init` was dropped, and the tasks have ended.
                on_worker(|| unsafe { destroy(plugin.get()) });
                context.retire();
            });
        });
    }
}

impl Drop for Instance {
    /// An instance that nobody ended, because whoever started it stopped waiting, is ended in the background.
    fn drop(&mut self) {
        if self.0.ended.load(Ordering::Acquire) {
            return;
        }
        // Not an `Instance`: when the runtime has ended, the task is dropped at once, and would come back here.
        let inner = Arc::clone(&self.0);
        self.0.runtime.spawn(async move {
            inner.gate.close();
            inner.cancel();
            inner.gate.emptied().await;
            let runtime = inner.runtime.clone();
            let end = move || inner.runtime.block_on(inner.end(UNATTENDED_LIMIT));
            runtime.spawn_blocking(end);
        });
    }
}

/// A plugin's pointer on its way into a future.
#[derive(Clone, Copy)]
struct Shared(*mut c_void);

impl Shared {
    const fn get(self) -> *mut c_void {
        self.0
    }
}

// SAFETY: as for `Inner`.
unsafe impl Send for Shared {}
// SAFETY: as for `Inner`.
unsafe impl Sync for Shared {}
