//! A handler that wants the plugin to itself.
//~ type mismatch in function arguments
//~ expected function signature `fn(&_,

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
    async fn item(&mut self, _: Request) -> Result<Response, PluginError> {
        Ok(Response::text("item"))
    }
}

fn main() {}
