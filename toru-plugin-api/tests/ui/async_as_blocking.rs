//! An `async fn` where one that blocks is wanted.
//~ is not a blocking handler of `Shop`
//~ for an `async fn`, use `PluginRoute::get` and its relatives

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
    async fn item(&self, _: Request) -> Result<Response, PluginError> {
        Ok(Response::text("item"))
    }
}

fn main() {}
