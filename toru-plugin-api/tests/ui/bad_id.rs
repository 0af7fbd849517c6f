//! An id that no host would take.
//~ a plugin id is 1 to 64 of a-z, 0-9 and `-`, with no `-` at either end, such as `my-shop`

use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, ToruPlugin};

struct Shop;

impl ToruPlugin for Shop {
    const METADATA: PluginMetadata = PluginMetadata::new("My Shop", "Shop");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

toru_plugin_api::export_plugin!(Shop);

fn main() {}
