//! A plugin that runs in a mock host.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::error::StartError;
use super::gate::Gate;
use super::logs::{LogRecord, Logs};
use super::request::MockRequest;
use super::routing::Routes;
use super::services::Services;
use super::settings::Settings;
use super::tasks::offload;
use crate::bytes::Bytes;
use crate::log::Level;
use crate::plugin::ToruPlugin;
use crate::shim::mock::{Call, Context, Head, Mounted};

/// Instances of any plugin, as requests see them.
pub(crate) trait Callee: Send + Sync {
    /// A call to the route of that number, and whether it may block.
    fn call(self: Arc<Self>, route: usize, head: Head) -> Option<(Call, bool)>;
}

impl<P: ToruPlugin> Callee for Mounted<P> {
    fn call(self: Arc<Self>, route: usize, head: Head) -> Option<(Call, bool)> {
        let is_blocking = self.routes().get(route)?.is_blocking;
        Some((Self::call(&self, route, head)?, is_blocking))
    }
}

/// What requests need of a running plugin.
pub(crate) struct Inner {
    pub(crate) callee: Arc<dyn Callee>,
    pub(crate) routes: Routes,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Clock,
    pub(crate) logs: Logs,
    services: Arc<Services>,
}

/// Ends what runs inside when it is dropped, and lets the instance go.
struct Ending(Arc<Inner>);

/// A plugin that runs. Made by [`MockHost::start`](super::MockHost::start).
///
/// When it is dropped, what runs is cancelled, and the plugin's value is dropped without having been shut down.
pub struct Running<P: ToruPlugin> {
    // Dropped first: nobody is inside any more when the instance goes.
    inner: Ending,
    mounted: Arc<Mounted<P>>,
    bundle: Option<Bytes>,
    settings: Arc<Settings>,
}

/// What a plugin left behind when it was shut down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// Tasks that were still running when `shutdown` had returned, and were cancelled.
    pub tasks: usize,
    /// What the host was told instead of an orderly end, such as the message of a panic.
    pub error: Option<String>,
}

impl<P: ToruPlugin> Running<P> {
    pub(crate) async fn start(settings: Arc<Settings>) -> Result<Self, StartError> {
        let services = Arc::new(settings.services());
        let context = Context::leak(settings.facts(P::METADATA.id()), Arc::clone(&services));
        let mounted =
            Mounted::<P>::create(context).map_err(|failure| StartError::of(failure, StartError::Init))?;
        let mounted = Arc::new(mounted);
        let parts = Self::fill(&mounted).await;
        let (routes, bundle) = match parts {
            Ok(parts) => parts,
            Err(error) => {
                let tasks = Arc::clone(&services);
                offload(move || tasks.tasks.end()).await;
                return Err(error);
            }
        };
        let inner = Inner {
            callee: Arc::clone(&mounted) as _,
            routes,
            gate: Arc::default(),
            clock: services.clock.clone(),
            logs: services.logs.clone(),
            services,
        };
        Ok(Self {
            inner: Ending(Arc::new(inner)),
            mounted,
            bundle,
            settings,
        })
    }

    async fn fill(mounted: &Mounted<P>) -> Result<(Routes, Option<Bytes>), StartError> {
        let init = mounted.init().await;
        init.map_err(|failure| StartError::of(failure, StartError::Init))?;
        let registered = mounted.register();
        let registered = registered.map_err(|failure| StartError::of(failure, StartError::Routes))?;
        let routes = registered.iter().map(|route| (route.methods, &*route.pattern));
        let routes = Routes::new(routes).map_err(StartError::Routes)?;
        let files = mounted.frontend();
        let files = files.map_err(|failure| StartError::of(failure, StartError::Frontend))?;
        let bundle = files.into_iter().find(|(path, _)| path == "bundle.js");
        Ok((routes, bundle.map(|(_, bytes)| bytes)))
    }

    /// The plugin's own value.
    ///
    /// # Panics
    ///
    /// Never: a plugin that runs has one.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a plugin that runs has been initialised")]
    pub fn plugin(&self) -> &P {
        self.mounted.plugin().expect("the plugin was initialised")
    }

    /// The plugin's script for browsers.
    #[must_use]
    pub const fn bundle(&self) -> Option<&Bytes> {
        self.bundle.as_ref()
    }

    /// A GET request for a path below the plugin's own, with its query if there is one.
    ///
    /// # Panics
    ///
    /// When the path does not start with `/`.
    pub fn get(&self, path: &str) -> MockRequest {
        self.request("GET", path)
    }

    /// A POST request. See [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub fn post(&self, path: &str) -> MockRequest {
        self.request("POST", path)
    }

    /// A PUT request. See [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub fn put(&self, path: &str) -> MockRequest {
        self.request("PUT", path)
    }

    /// A DELETE request. See [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub fn delete(&self, path: &str) -> MockRequest {
        self.request("DELETE", path)
    }

    /// A request of any method. See [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// As [`get`](Self::get).
    pub fn request(&self, method: &str, path: &str) -> MockRequest {
        MockRequest::new(Arc::downgrade(&self.inner.0), method, path)
    }

    /// What was logged so far.
    #[must_use]
    pub fn logs(&self) -> Vec<LogRecord> {
        self.inner.0.logs.all()
    }

    /// Moves the clock on: waits that end by then end now, and so do entries that expire.
    pub fn advance(&self, time: Duration) {
        self.inner.0.clock.advance(time);
    }

    /// How many tasks that the plugin spawned are still running.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.inner.0.services.tasks.running()
    }

    /// Waits until all tasks that the plugin spawned have ended.
    pub async fn tasks_ended(&self) {
        self.inner.0.services.tasks.ended().await;
    }

    /// Replaces the licence key, or removes it, as an administrator does while the plugin runs.
    ///
    /// A plugin that has asked for its key is told. If it does not listen, or does not go on with the new key, it is stopped
    /// and started anew.
    ///
    /// # Errors
    ///
    /// When it does not start with this key.
    pub async fn set_license(self, key: Option<&str>) -> Result<Self, StartError> {
        let key = key.map(|key| key.trim().to_owned());
        self.settings.set_license(key.clone());
        let license = &self.inner.0.services.license;
        license.set(key);
        // One that has never asked does not care.
        if !license.was_read() || self.mounted.license_changed().await.is_ok() {
            return Ok(self);
        }
        let settings = Arc::clone(&self.settings);
        self.shutdown().await;
        Self::start(settings).await
    }

    /// Stops the plugin as a host does: cancels what is suspended, waits for blocking handlers, calls `shutdown`, cancels its
    /// tasks, and drops its value.
    pub async fn shutdown(self) -> Ended {
        let Self { inner, mounted, .. } = self;
        inner.0.gate.close().await;
        let error = mounted.shutdown().await.err().map(|failure| failure.words);
        if let Some(reason) = &error {
            let message = format!("a plugin failed to shut down: {reason}");
            inner.0.logs.push(LogRecord::of_host(Level::Warn, message));
        }
        let tasks = inner.0.services.tasks.running();
        // Not on this thread: a plugin may wait for its own threads when its value is dropped.
        offload(move || {
            inner.0.services.tasks.end();
            drop(inner);
            drop(mounted);
        })
        .await;
        Ended { tasks, error }
    }
}

impl Ended {
    /// Whether the plugin ended as it should, and left nothing behind.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.tasks == 0 && self.error.is_none()
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.gate.end();
        self.0.services.tasks.end();
    }
}

impl<P: ToruPlugin> fmt::Debug for Running<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("plugin", &P::METADATA.id())
            .field("tasks", &self.tasks())
            .finish_non_exhaustive()
    }
}
