//! How much of the host a plugin may take up.

use std::time::Duration;

/// How much of the host a plugin may take up at once, so that it can neither starve others nor be flooded itself.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use toru_host::PluginManager;
/// use toru_host::plugin::PluginLimits;
///
/// # fn example(uploads: toru_host::plugin::PluginId) {
/// let strict = PluginLimits::default().timeout(Duration::from_secs(5));
/// let builder = PluginManager::builder("./plugins")
///     .limits(strict)
///     .plugin_limits(uploads, strict.max_request_body(1 << 30));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct PluginLimits {
    pub(crate) max_in_flight: usize,
    pub(crate) timeout: Duration,
    pub(crate) max_request_body: u64,
    pub(crate) max_response_header: usize,
    pub(crate) max_response_body: u64,
    pub(crate) max_stall: Duration,
}

impl PluginLimits {
    /// The defaults, as told at each of the functions below.
    pub const fn new() -> Self {
        Self {
            max_in_flight: 64,
            timeout: Duration::from_secs(30),
            max_request_body: 2 << 20,
            max_response_header: 16 << 10,
            max_response_body: u64::MAX,
            max_stall: Duration::from_secs(60),
        }
    }

    /// Nothing is limited.
    pub const fn unlimited() -> Self {
        Self {
            max_in_flight: usize::MAX,
            timeout: Duration::MAX,
            max_request_body: u64::MAX,
            max_response_header: usize::MAX,
            max_response_body: u64::MAX,
            max_stall: Duration::MAX,
        }
    }

    /// Most requests at a time, from their arrival to the end of their responses. 64 by default; the next one is
    /// answered at once with 503 `plugin_busy`.
    ///
    /// A response that is streamed counts until its end: a plugin with many listeners needs more. A blocking handler counts
    /// until its thread comes back, also when its request was answered without it.
    ///
    /// As much work that blocks may the plugin have at a time by itself, without requests; what is beyond waits.
    pub const fn max_in_flight(mut self, count: usize) -> Self {
        self.max_in_flight = count;
        self
    }

    /// How long a request may take up to the head of its response. 30 s by default; then it is cancelled and answered with
    /// 504 `plugin_timeout`.
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Most bytes of a request's body. 2 MiB by default; more is answered with 413 `body_too_large`, and the plugin that
    /// reads a body of unknown length is told the same.
    pub const fn max_request_body(mut self, bytes: u64) -> Self {
        self.max_request_body = bytes;
        self
    }

    /// Most bytes of names and values in the header of a response. 16 KiB by default; more is answered with 502
    /// `invalid_response`.
    pub const fn max_response_header(mut self, bytes: usize) -> Self {
        self.max_response_header = bytes;
        self
    }

    /// Most bytes of a response's body. Not limited by default; more is answered with 502 `invalid_response`, or ends the
    /// connection where the response is on its way already.
    pub const fn max_response_body(mut self, bytes: u64) -> Self {
        self.max_response_body = bytes;
        self
    }

    /// For how long a client may take nothing of what is streamed to it, and keep its place while others wait for one. 60 s by
    /// default: when the plugin has as many requests as it may, streams that stand still for longer are ended before anybody is
    /// turned away. A stream for which the plugin has nothing to send does not stand still.
    pub const fn max_stall(mut self, limit: Duration) -> Self {
        self.max_stall = limit;
        self
    }
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self::new()
    }
}
