//! The future of a handler holds, across an `await`, what may not leave its thread.
//~ future cannot be sent between threads safely
//~ future returned by `item` is not `Send`
//~ has type `Rc<i32>` which is not `Send`

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
    async fn item(&self, mut request: Request) -> Result<Response, PluginError> {
        let shared = std::rc::Rc::new(1);
        request.bytes().await?;
        drop(shared);
        Ok(Response::text("item"))
    }
}

fn main() {}
