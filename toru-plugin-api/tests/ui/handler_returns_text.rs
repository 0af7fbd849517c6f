//! A handler that returns no response.
//~ expected `Result<Response, PluginError>`, found `Result<String, PluginError>`

use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response, ToruPlugin};

struct Shop;

impl ToruPlugin for Shop {
    const METADATA: PluginMetadata = PluginMetadata::new("shop", "Shop");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![PluginRoute::get("/item", Self::item)]
    }
}

impl Shop {
    async fn item(&self, _: Request) -> Result<String, PluginError> {
        Ok("item".to_owned())
    }
}

fn main() {}
