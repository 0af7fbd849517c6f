//! The trait that a plugin is.

use std::future::Future;

use crate::abi::license::TORU_LICENSE_ID;
use crate::context::PluginContext;
use crate::error::PluginError;
use crate::metadata::PluginMetadata;
use crate::route::PluginRoute;

/// A plugin.
///
/// The host makes one value of this type with [`init`](Self::init) each time an administrator enables the plugin,
/// and drops it after [`shutdown`](Self::shutdown). Handlers get it by shared reference, from many threads at once.
///
/// A panic in any of these functions is caught, logged with its message and location, and ends that one call.
///
/// # Examples
///
/// ```
/// use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response, ToruPlugin};
///
/// struct Clock;
///
/// impl ToruPlugin for Clock {
///     const METADATA: PluginMetadata = PluginMetadata::new("clock", "Clock").version("1.0.0").icon("🕐");
///
///     async fn init(_: PluginContext) -> Result<Self, PluginError> {
///         Ok(Self)
///     }
///
///     fn register_routes(&self) -> Vec<PluginRoute<Self>> {
///         vec![PluginRoute::get("/now", Self::now)]
///     }
/// }
///
/// impl Clock {
///     async fn now(&self, _: Request) -> Result<Response, PluginError> {
///         Ok(Response::text(format!("{:?}", std::time::SystemTime::now())))
///     }
/// }
///
/// toru_plugin_api::export_plugin!(Clock);
/// ```
pub trait ToruPlugin: Send + Sync + Sized + 'static {
    /// What the plugin is. Sealed into the library, where the host reads it without running any code.
    const METADATA: PluginMetadata;

    /// The same as [`METADATA`](Self::METADATA), for code that has only a value.
    fn metadata(&self) -> &'static PluginMetadata {
        &Self::METADATA
    }

    /// Starts the plugin. The host waits a few seconds at most, then gives up.
    ///
    /// # Errors
    ///
    /// An error leaves the plugin stopped; its text is shown to the administrator.
    fn init(ctx: PluginContext) -> impl Future<Output = Result<Self, PluginError>> + Send;

    /// The plugin's routes. Called once, after [`init`](Self::init).
    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        Vec::new()
    }

    /// The plugin's JavaScript, usually by `include_bytes!`. Called once, after [`init`](Self::init).
    fn frontend_bundle(&self) -> Option<&'static [u8]> {
        None
    }

    /// Tells the plugin that its licence key was replaced or removed while it runs; [`PluginContext::license`] has the new one.
    ///
    /// By default, a plugin that has asked for its key is stopped and started anew, so that [`init`](Self::init) sees the
    /// change. A plugin whose requests should not be interrupted by that looks at the key here. Requests run beside it.
    ///
    /// # Errors
    ///
    /// After any error the plugin is stopped and started anew, and `init` has the last word.
    fn license_changed(&self) -> impl Future<Output = Result<(), PluginError>> + Send {
        async { Err(PluginError::Unsupported(TORU_LICENSE_ID)) }
    }

    /// Ends the plugin's work. Called once, when no request is running any more; the value is dropped afterwards.
    fn shutdown(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}
