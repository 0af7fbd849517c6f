//! One running plugin: from `create` to `destroy`.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use toru_plugin_api::abi::license::license_code;
use toru_plugin_api::abi::status::{TORU_DONE, TORU_PANICKED};

use super::body::Streams;
use super::call::Called;
use super::context::{Context, Host, Services};
use super::control::{Words, control};
use super::entry::{Api, Ext};
use super::frontend::{Asset, Sink};
use super::gate::{Gate, Permit};
use super::op::on_worker;
use super::route::{Registrar, Route};
use super::watch::Watched;
use crate::error::LoadError;
use crate::lane::Lane;
use crate::plugin::Stage;
use crate::threads::offload;

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

/// An instance that was created and may have been initialised; destroyed on drop unless it became whole or was ended.
#[derive(Debug)]
struct Starting {
    api: Api,
    plugin: *mut c_void,
    context: &'static Context,
    runtime: tokio::runtime::Handle,
    is_settled: bool,
}

// SAFETY: as for `Inner`.
unsafe impl Send for Starting {}
// SAFETY: as for `Inner`.
unsafe impl Sync for Starting {}

/// Why there is no instance, and what is left of it.
#[derive(Debug)]
pub(crate) struct Unstarted {
    error: LoadError,
    rest: Option<Rest>,
}

impl Unstarted {
    /// An instance that nobody can use.
    pub(crate) const fn unusable(instance: Instance, error: LoadError) -> Self {
        let rest = Some(Rest::Whole(instance));
        Self { error, rest }
    }

    /// What the plugin refused or broke, and what is left.
    pub(crate) fn into_parts(self) -> (LoadError, Remains) {
        (self.error, Remains(self.rest))
    }
}

/// What is left of a start that failed.
#[derive(Debug)]
pub(crate) struct Remains(Option<Rest>);

#[derive(Debug)]
enum Rest {
    Starting(Box<Starting>),
    Whole(Instance),
}

impl Remains {
    /// Ends what is left; `shutdown`, where there is something to shut down, within `limit`. Blocks now and then, as
    /// plugins may wait for their own threads.
    pub(crate) async fn end(self, limit: Duration) {
        match self.0 {
            Some(Rest::Starting(starting)) => starting.end().await,
            Some(Rest::Whole(instance)) => instance.0.end(limit).await,
            None => {}
        }
    }
}

impl From<Instance> for Remains {
    fn from(instance: Instance) -> Self {
        Self(Some(Rest::Whole(instance)))
    }
}

impl From<LoadError> for Unstarted {
    fn from(error: LoadError) -> Self {
        Self { error, rest: None }
    }
}

impl Instance {
    /// Creates and initialises an instance and asks for its routes and files. Asks before it enters a stage whether
    /// to go on.
    ///
    /// # Errors
    ///
    /// Whatever the plugin refuses or breaks, or that it took longer than `limit` to initialise. The caller ends what
    /// is left.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels `init` and destroys the instance in the background.
    pub(crate) async fn start(
        api: Api,
        host: &'static Host,
        services: Services,
        limit: Duration,
        reached: &(dyn Fn(Stage) -> bool + Sync),
    ) -> Result<(Self, Vec<Asset>), Unstarted> {
        if !reached(Stage::Create) {
            return Err(LoadError::InitTimeout { after: limit }.into());
        }
        let mut starting = Starting::create(api, host, services)?;
        let (routes, assets) = match starting.fill(limit, reached).await {
            Ok(filled) => filled,
            Err(error) => {
                let rest = Some(Rest::Starting(Box::new(starting)));
                return Err(Unstarted { error, rest });
            }
        };
        starting.is_settled = true;
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

    /// Ends streams whose clients have taken nothing for longer than that. Tells whether there were any.
    pub(crate) fn end_stalled(&self, limit: Duration) -> bool {
        self.0.streams().end_stalled(limit)
    }

    /// The routes, in the order in which they were registered.
    pub(crate) fn routes(&self) -> &[Route] {
        &self.0.routes
    }

    /// Lets a call in; `None` once the instance is closing.
    pub(crate) fn enter(&self) -> Option<Permit> {
        Permit::new(&self.0)
    }

    #[inline]
    pub(crate) fn called(&self) -> Called {
        Called::new(self.0.context())
    }

    /// What is kept of the plugin for good.
    #[inline]
    pub(crate) fn lane(&self) -> &'static Lane {
        self.0.context().lane()
    }

    /// How many calls and response streams are inside.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.gate.inside()
    }

    /// Lets nothing in from now on.
    pub(crate) fn close(&self) {
        self.0.gate.close();
        self.0.streams().end_events();
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
        // Where there is no thread for it, the instance is left as it is, which was logged.
        let _ = offload("toru-end", move || runtime.block_on(inner.end(limit))).await;
    }
}

impl Inner {
    pub(super) const fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) const fn plugin(&self) -> *const c_void {
        self.plugin
    }

    pub(super) const fn ext(&self) -> Option<Ext> {
        self.api.ext
    }

    pub(super) const fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    pub(super) const fn context(&self) -> &'static Context {
        self.context
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        // Before any stream is looked at, so that whoever polls one now sees it afterwards.
        fence(Ordering::SeqCst);
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
            Ok(Err(reason)) => {
                tracing::warn!(plugin.id = %plugin, plugin.code = "shutdown_failed", reason, "a plugin failed to shut down");
            }
            Err(_) => {
                tracing::warn!(plugin.id = %plugin, plugin.code = "shutdown_timeout", "a plugin did not shut down in time");
            }
        }
        self.context.tasks.end().await;
        // SAFETY: created by this api, destroyed once, and nothing is inside or can enter any more.
        on_worker(|| unsafe { (self.api.destroy)(self.plugin) });
        self.context.retire();
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
            is_settled: false,
        })
    }

    /// Initialises the instance and asks for its routes and files.
    async fn fill(
        &self,
        limit: Duration,
        reached: &(dyn Fn(Stage) -> bool + Sync),
    ) -> Result<(Vec<Route>, Vec<Asset>), LoadError> {
        let late = || LoadError::InitTimeout { after: limit };
        if !reached(Stage::Init) {
            return Err(late());
        }
        let initialised = tokio::time::timeout(limit, self.init()).await;
        initialised.map_err(|_| late())??;
        if !reached(Stage::Register) {
            return Err(late());
        }
        Ok((self.routes()?, self.frontend()?))
    }

    /// Ends the instance: its background tasks, and `destroy`. What never started is not shut down.
    async fn end(mut self) {
        self.is_settled = true;
        self.context.tasks.end().await;
        self.destroy();
    }

    fn destroy(&self) {
        // SAFETY: created by this api, destroyed once; the operation of `init` was dropped, and the tasks have ended.
        on_worker(|| unsafe { (self.api.destroy)(self.plugin) });
        self.context.retire();
    }

    async fn init(&self) -> Result<(), LoadError> {
        let Some(init) = self.api.init else { return Ok(()) };
        let (plugin, context) = (Shared(self.plugin), self.context);
        // SAFETY: the instance is alive; the context lives as long as the process; the rest for the call.
        let start = move |waker, op, err| unsafe { init(plugin.get(), context.as_ptr(), waker, op, err) };
        control(start).await.map_err(|(status, reason)| match status {
            TORU_PANICKED => LoadError::InitPanicked { reason },
            status => match license_code(status) {
                Some(code) => LoadError::LicenseRefused { code, reason },
                None => LoadError::InitFailed { reason },
            },
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
    /// One that nobody ended, because whoever started it went away, is ended in the background.
    fn drop(&mut self) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let left = Self {
            runtime: self.runtime.clone(),
            ..*self
        };
        self.runtime.spawn(async move {
            left.context.tasks.end().await;
            // A plugin may wait for its own threads to end.
            drop(offload("toru-end", move || left.destroy()));
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
            let end = move || inner.runtime.block_on(inner.end(UNATTENDED_LIMIT));
            drop(offload("toru-end", end));
        });
    }
}

/// A plugin's pointer on its way into a future.
#[derive(Clone, Copy)]
pub(super) struct Shared(*mut c_void);

impl Shared {
    pub(super) const fn new(plugin: *mut c_void) -> Self {
        Self(plugin)
    }

    pub(super) const fn get(self) -> *mut c_void {
        self.0
    }
}

// SAFETY: as for `Inner`.
unsafe impl Send for Shared {}
// SAFETY: as for `Inner`.
unsafe impl Sync for Shared {}
