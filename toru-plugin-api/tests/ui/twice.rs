//! The macro is called twice.
//~ the name `EXPORT_PLUGIN_IS_CALLED_ONCE_IN_A_LIBRARY` is defined multiple times

use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, ToruPlugin};

struct Shop;

impl ToruPlugin for Shop {
    const METADATA: PluginMetadata = PluginMetadata::new("shop", "Shop");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

toru_plugin_api::export_plugin!(Shop);
toru_plugin_api::export_plugin!(Shop);

fn main() {}
