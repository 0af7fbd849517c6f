#![doc = include_str!("testing/guide.md")]

mod call;
pub(crate) mod clock;
mod error;
mod gate;
pub(crate) mod logs;
mod policy;
mod problem;
mod request;
mod response;
mod routing;
mod running;
mod sent;
pub(crate) mod services;
mod settings;
pub(crate) mod store;
mod stream;
mod tasks;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub use self::error::StartError;
pub use self::logs::LogRecord;
pub use self::request::MockRequest;
pub use self::response::MockResponse;
pub use self::running::{Ended, Running};
use self::settings::Settings;
use self::store::Change;
use crate::bytes::Bytes;
use crate::log::Level;
use crate::plugin::ToruPlugin;

/// A host for unit tests, in the test's own process.
///
/// It keeps stored data, licence key, clock and log from one [`start`](Self::start) to the next, so that a test can stop a plugin
/// and start it again.
pub struct MockHost(Arc<Settings>);

impl MockHost {
    /// A host without configuration, licence key and stored data, whose clock goes as usual.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Settings {
            instance_id: "00000000-0000-4000-8000-000000000000".to_owned(),
            host_name: "mock".to_owned(),
            host_version: env!("CARGO_PKG_VERSION").to_owned(),
            config: "{}".to_owned(),
            max_level: Level::Trace,
            license: Mutex::default(),
            store: Arc::default(),
            logs: logs::Logs::default(),
            start: SystemTime::now(),
            skips: false,
            clock: Mutex::default(),
        }))
    }

    /// Sets the id of the installation.
    #[must_use]
    pub fn instance_id(self, id: &str) -> Self {
        self.with(|settings| settings.instance_id = id.to_owned())
    }

    /// Sets name and version of the host application.
    #[must_use]
    pub fn host(self, name: &str, version: &str) -> Self {
        self.with(|settings| {
            settings.host_name = name.to_owned();
            settings.host_version = version.to_owned();
        })
    }

    /// Sets the configuration, as JSON text.
    #[must_use]
    pub fn config(self, json: &str) -> Self {
        self.with(|settings| settings.config = json.to_owned())
    }

    /// Sets the configuration from any value that has a JSON form.
    ///
    /// # Panics
    ///
    /// When it has none.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test with a wrong configuration is to fail")]
    pub fn config_of<T: serde::Serialize + ?Sized>(self, config: &T) -> Self {
        let json = serde_json::to_string(config).expect("a value with a JSON form");
        self.config(&json)
    }

    /// Sets the licence key.
    #[must_use]
    pub fn license(self, key: &str) -> Self {
        self.0.set_license(Some(key.trim().to_owned()));
        self
    }

    /// Sets the most detailed level that is logged; everything by default.
    #[must_use]
    pub fn max_level(self, level: Level) -> Self {
        self.with(|settings| settings.max_level = level)
    }

    /// Sets what time it is when the first plugin starts.
    #[must_use]
    pub fn time(self, start: SystemTime) -> Self {
        self.with(|settings| settings.start = start)
    }

    /// Has every wait of a plugin end at once, and move the clock on by as much. The host's own limits pass as well: who waits
    /// for longer than a request may take is cancelled. A task that waits again and again does so without a pause.
    #[must_use]
    pub fn skip_waits(self) -> Self {
        self.with(|settings| settings.skips = true)
    }

    /// Starts a plugin: through the tables that its library would have, `init`, its routes, its frontend.
    ///
    /// # Errors
    ///
    /// When `init` fails or panics, or a host would refuse its routes.
    pub fn start<P: ToruPlugin>(
        &self,
    ) -> impl Future<Output = Result<Running<P>, StartError>> + Send + 'static {
        Running::start(Arc::clone(&self.0))
    }

    /// What was logged so far.
    #[must_use]
    pub fn logs(&self) -> Vec<LogRecord> {
        self.0.logs.all()
    }

    /// Moves the clock on: waits that end by then end now, and so do entries that expire.
    pub fn advance(&self, time: Duration) {
        self.0.clock().advance(time);
    }

    /// What is stored under a key.
    #[must_use]
    pub fn stored(&self, key: impl AsRef<[u8]>) -> Option<Bytes> {
        let keys = [key.as_ref().to_vec()];
        let found = self.0.store.get(&keys, self.0.clock().unix_ms()).pop();
        found.map(|entry| entry.value.into())
    }

    /// Stores a value, as if the plugin had done so.
    pub fn store(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let (key, value) = (key.as_ref().to_vec(), value.as_ref().to_vec());
        let change = Change::Set {
            key,
            value,
            ttl_ms: None,
        };
        // Nothing refuses this but the quota, which a test does not reach by accident.
        let _ = self.0.store.commit(&[], vec![change], self.0.clock().unix_ms());
    }

    /// Runs a future on this thread, for tests without a runtime of their own.
    pub fn block_on<F: Future>(future: F) -> F::Output {
        crate::shim::block_on(future)
    }

    /// Changes what no plugin has seen yet.
    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        match Arc::get_mut(&mut self.0) {
            Some(settings) => change(settings),
            None => {
                // A plugin runs with what there was; what is shared stays shared.
                let old = &self.0;
                let mut settings = Settings {
                    instance_id: old.instance_id.clone(),
                    host_name: old.host_name.clone(),
                    host_version: old.host_version.clone(),
                    config: old.config.clone(),
                    max_level: old.max_level,
                    license: Mutex::new(old.license.lock().unwrap_or_else(PoisonError::into_inner).clone()),
                    store: Arc::clone(&old.store),
                    logs: old.logs.clone(),
                    start: old.start,
                    skips: old.skips,
                    clock: Mutex::new(old.clock.lock().unwrap_or_else(PoisonError::into_inner).clone()),
                };
                change(&mut settings);
                self.0 = Arc::new(settings);
            }
        }
        self
    }
}

impl Default for MockHost {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MockHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockHost")
            .field("instance_id", &self.0.instance_id)
            .finish_non_exhaustive()
    }
}
