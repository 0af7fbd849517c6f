//! A plugin's configuration.

use crate::bytes::Bytes;
use crate::error::PluginError;
use crate::shim::Ctx;

/// The configuration that the administrator gave this plugin: one JSON object, `{}` when there is none.
#[derive(Clone, Copy, Debug)]
pub struct Config(Ctx);

impl Config {
    pub(crate) const fn new(ctx: Ctx) -> Self {
        Self(ctx)
    }

    /// The configuration as JSON text.
    ///
    /// # Errors
    ///
    /// When the host offers no configuration, or the plugin has been disabled.
    pub fn to_json(&self) -> Result<Bytes, PluginError> {
        self.0.config()
    }

    /// The configuration as the author's own type.
    ///
    /// # Errors
    ///
    /// When the JSON does not fit the type; the text says where.
    ///
    /// # Examples
    ///
    /// ```
    /// # use toru_plugin_api::*;
    /// #[derive(serde::Deserialize)]
    /// #[serde(default)]
    /// struct Settings {
    ///     greeting: String,
    /// }
    /// # impl Default for Settings { fn default() -> Self { Self { greeting: "Hello".into() } } }
    ///
    /// fn settings(ctx: &PluginContext) -> Result<Settings, PluginError> {
    ///     ctx.config.parse()
    /// }
    /// ```
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, PluginError> {
        serde_json::from_slice(&self.to_json()?).map_err(|error| PluginError::Config(error.to_string()))
    }
}
