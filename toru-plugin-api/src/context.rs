//! What a plugin gets from its host.

use std::fmt;

use crate::abi::host::{
    TORU_INFO_BASE_PATH, TORU_INFO_HOST_NAME, TORU_INFO_HOST_VERSION, TORU_INFO_INSTANCE_ID,
};
use crate::config::Config;
use crate::error::PluginError;
use crate::kv::Kv;
use crate::license_key::{LicenseFault, LicenseKey};
use crate::log::Log;
use crate::runtime::Runtime;
use crate::shim::Ctx;

/// The plugin's handle to its host. Cheap to copy; usable from any thread.
///
/// After the plugin has been disabled its services answer with an error, so a copy kept by a thread does no harm.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct PluginContext {
    /// Id of this installation of the host: a UUID in lower case.
    pub instance_id: &'static str,
    /// The configuration that the administrator gave this plugin.
    pub config: Config,
    /// The plugin's stored data.
    pub kv: Kv,
    /// The plugin's voice in the host's log.
    pub log: Log,
    /// The host's timers and threads.
    pub runtime: Runtime,
    ctx: Ctx,
}

impl PluginContext {
    pub(crate) fn new(ctx: Ctx) -> Self {
        Self {
            instance_id: ctx.info(TORU_INFO_INSTANCE_ID),
            config: Config::new(ctx),
            kv: Kv::new(ctx),
            log: Log::new(ctx),
            runtime: Runtime::new(ctx),
            ctx,
        }
    }

    /// The licence key that the administrator gave this plugin, as it is now. It is for the plugin to verify.
    ///
    /// # Errors
    ///
    /// [`PluginError::License`] with [`LicenseFault::Missing`] when there is none, which a plugin that needs one returns
    /// from `init` as it is; or the host offers no licence keys, or the plugin has been disabled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use toru_plugin_api::*;
    /// fn edition(ctx: &PluginContext) -> &'static str {
    ///     match ctx.license() {
    ///         Ok(_key) => "to be verified",
    ///         Err(_) => "free",
    ///     }
    /// }
    /// ```
    pub fn license(&self) -> Result<LicenseKey, PluginError> {
        let missing = || {
            let text = "the plugin needs a licence key; ask its vendor for one for this installation's id";
            PluginError::License(LicenseFault::Missing, text.to_owned())
        };
        self.ctx.license()?.map(LicenseKey::new).ok_or_else(missing)
    }

    /// Name of the host application; empty when it does not tell.
    #[must_use]
    pub fn host_name(&self) -> &'static str {
        self.ctx.info(TORU_INFO_HOST_NAME)
    }

    /// Version of the host application; empty when it does not tell.
    #[must_use]
    pub fn host_version(&self) -> &'static str {
        self.ctx.info(TORU_INFO_HOST_VERSION)
    }

    /// Path below which the plugin's routes are mounted, such as `/api/plugins/hello`.
    #[must_use]
    pub fn base_path(&self) -> &'static str {
        self.ctx.info(TORU_INFO_BASE_PATH)
    }
}

impl fmt::Debug for PluginContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginContext")
            .field("instance_id", &self.instance_id)
            .finish_non_exhaustive()
    }
}
