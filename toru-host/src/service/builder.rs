//! Services that differ from the usual one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::api::{Each, PluginApi};
use super::authorize::Authorizer;
use super::authorized::Gate;
use super::bundle::Bundles;
use super::events::Events;
use super::management::Management;
use super::openapi::OpenApi;
use super::policy::HeaderPolicy;
use super::routes::PluginRoutes;
use crate::manager::PluginManager;

/// Builds a [`PluginApi`].
///
/// # Examples
///
/// ```
/// use http::HeaderValue;
/// use toru_host::PluginManager;
/// use toru_host::service::{Authorizer, HeaderPolicy, PluginApi};
///
/// fn service(manager: PluginManager, authorizer: impl Authorizer) -> PluginApi {
///     PluginApi::builder(manager, authorizer)
///         .header_policy(HeaderPolicy::new().hide_from_plugins("x-csrf-token".parse().expect("a name")))
///         .trust_origin(HeaderValue::from_static("https://admin.example.com"))
///         .build()
/// }
/// ```
#[must_use = "nothing happens before `build`"]
pub struct PluginApiBuilder {
    manager: PluginManager,
    gate: Gate,
    policy: HeaderPolicy,
    events: Events,
}

impl PluginApiBuilder {
    pub(super) fn new(manager: PluginManager, authorizer: Arc<dyn Authorizer>) -> Self {
        Self {
            gate: Gate::new(&manager, authorizer),
            policy: HeaderPolicy::new(),
            events: Events::new(manager.clone()),
            manager,
        }
    }

    /// Which header fields pass between clients and plugins. [`HeaderPolicy::new`] by default.
    pub fn header_policy(mut self, policy: HeaderPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Lets pages of another site change things here with their user's credentials: the value of `Origin` that browsers
    /// send for them, such as `https://admin.example.com`. None by default: only pages of the same origin may.
    pub fn trust_origin(mut self, origin: HeaderValue) -> Self {
        self.gate.trusted.push(origin);
        self
    }

    /// Path of the stream of changes. `plugin-events` beside the base path by default. It must not lie below a plugin's path.
    pub fn events_path(mut self, path: impl Into<String>) -> Self {
        self.gate.beside.events = path.into();
        self
    }

    /// Path of the OpenAPI document. `plugins-openapi.json` beside the base path by default. It must not lie below a
    /// plugin's path.
    pub fn openapi_path(mut self, path: impl Into<String>) -> Self {
        self.gate.beside.openapi = path.into();
        self
    }

    /// How many streams of changes may be open at once, over all clients. 256 by default; the next one is answered with 503
    /// `too_many_listeners`.
    pub fn max_event_streams(mut self, count: usize) -> Self {
        self.events = self.events.max_streams(count);
        self
    }

    /// How many streams of changes one user may have open at once, by the name in their
    /// [`Identity`](super::Identity). 32 by default.
    pub fn max_event_streams_per_user(mut self, count: usize) -> Self {
        self.events = self.events.max_streams_per_user(count);
        self
    }

    /// How long a stream of changes goes on, about. 10 minutes by default, at least a millisecond: then clients come back by
    /// themselves, and the authoriser is asked anew.
    pub fn max_event_stream_age(mut self, age: Duration) -> Self {
        self.events = self.events.max_age(age);
        self
    }

    /// After how much silence a stream of changes says that it is alive, from a millisecond to an hour. 15 s by default:
    /// proxies close connections that are silent for longer than they like.
    pub fn event_keep_alive(mut self, interval: Duration) -> Self {
        self.events = self.events.keep_alive(interval);
        self
    }

    /// Makes the service.
    #[must_use]
    pub fn build(self) -> PluginApi {
        let Self {
            manager,
            gate,
            policy,
            events,
        } = self;
        let each = Each {
            routes: PluginRoutes::with_header_policy(manager.clone(), policy),
            management: Management::new(manager.clone()),
            bundles: Bundles::new(manager.clone()),
            events,
            openapi: OpenApi::from_parts(&gate.base, gate.beside.clone()),
            manager,
        };
        PluginApi::from_parts(gate, each)
    }
}

impl fmt::Debug for PluginApiBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginApiBuilder")
            .field("manager", &self.manager)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
