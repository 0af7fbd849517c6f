//! A plugin without a name.
//~ a plugin has a name for people: the second argument is empty

use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, ToruPlugin};

struct Shop;

impl ToruPlugin for Shop {
    const METADATA: PluginMetadata = PluginMetadata::new("shop", "");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

toru_plugin_api::export_plugin!(Shop);

fn main() {}
