//! The least that a plugin is.

use toru_plugin_api::{
    PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response, ToruPlugin,
};

struct Smallest;

impl ToruPlugin for Smallest {
    const METADATA: PluginMetadata = PluginMetadata::new("smallest", "Smallest");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![PluginRoute::get("/hello", Self::hello)]
    }
}

impl Smallest {
    async fn hello(&self, _: Request) -> Result<Response, PluginError> {
        Ok(Response::text("hello"))
    }
}

toru_plugin_api::export_plugin!(Smallest);
