//! A page whose path is none.
//~ the route of a plugin's page starts with `/`, such as `/my-shop`

use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, ToruPlugin};

struct Shop;

impl ToruPlugin for Shop {
    const METADATA: PluginMetadata = PluginMetadata::new("shop", "Shop").route("shop");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

toru_plugin_api::export_plugin!(Shop);

fn main() {}
