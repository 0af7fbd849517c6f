//! A blocking handler that takes no request.
//~ function is expected to take 2 arguments, but it takes 1 argument

use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response, ToruPlugin};

struct Shop;

impl ToruPlugin for Shop {
    const METADATA: PluginMetadata = PluginMetadata::new("shop", "Shop");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![PluginRoute::blocking_get("/item", Self::item)]
    }
}

impl Shop {
    fn item(&self) -> Result<Response, PluginError> {
        Ok(Response::text("item"))
    }
}

fn main() {}
