//! A function without `async` where an asynchronous one is wanted.
//~ the handler is not `async`: `Result<Response, PluginError>` is not a future
//~ for a function without `async`, use `PluginRoute::blocking_get` and its relatives

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
    fn item(&self, _: Request) -> Result<Response, PluginError> {
        Ok(Response::text("item"))
    }
}

fn main() {}
