//! What kind of tokio runtime a plugin wants.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// What kind of tokio runtime a plugin wants. See [`ToruPlugin::TOKIO`](crate::ToruPlugin::TOKIO).
///
/// A multi-threaded one with timers and sockets. Its threads have the plugin's id as their name.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use toru_plugin_api::TokioRuntime;
///
/// const TOKIO: TokioRuntime = TokioRuntime::new().worker_threads(4).shutdown_timeout(Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TokioRuntime {
    worker_threads: usize,
    max_blocking_threads: usize,
    shutdown_timeout: Duration,
}

impl TokioRuntime {
    /// Two worker threads, at most 512 for `spawn_blocking`, and three seconds to end: less than hosts usually wait for.
    ///
    /// Handlers and response bodies are polled by the host, on its threads. The workers drive timers and sockets, and what
    /// is spawned; two, so that a task that blocks one of them stops nothing else.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            worker_threads: 2,
            max_blocking_threads: 512,
            shutdown_timeout: Duration::from_secs(3),
        }
    }

    /// Sets the number of worker threads.
    ///
    /// # Panics
    ///
    /// When it is zero. In a constant that is a compile error.
    #[must_use]
    pub const fn worker_threads(mut self, threads: usize) -> Self {
        assert!(threads > 0, "a runtime has at least one worker thread");
        self.worker_threads = threads;
        self
    }

    /// Sets how many threads there may be for `spawn_blocking` and files at most. They are made when they are needed.
    ///
    /// # Panics
    ///
    /// When it is zero. In a constant that is a compile error.
    #[must_use]
    pub const fn max_blocking_threads(mut self, threads: usize) -> Self {
        assert!(threads > 0, "a runtime has at least one thread for what blocks");
        self.max_blocking_threads = threads;
        self
    }

    /// Sets how long the end of the plugin waits for what `spawn_blocking` runs, and for tasks between two `await`s.
    ///
    /// What takes longer goes on by itself, on a thread that is left behind, and is told in the log.
    #[must_use]
    pub const fn shutdown_timeout(mut self, limit: Duration) -> Self {
        self.shutdown_timeout = limit;
        self
    }

    pub(crate) const fn shutdown_limit(&self) -> Duration {
        self.shutdown_timeout
    }

    pub(crate) fn build(
        self,
        plugin: &str,
        on_thread_start: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<Runtime> {
        Builder::new_multi_thread()
            .worker_threads(self.worker_threads)
            .max_blocking_threads(self.max_blocking_threads)
            .thread_name(plugin)
            .on_thread_start(on_thread_start)
            .enable_all()
            .build()
    }
}

impl Default for TokioRuntime {
    fn default() -> Self {
        Self::new()
    }
}
