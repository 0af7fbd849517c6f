//! What compiles: shows that the others do not fail for want of something else.
use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response, ToruPlugin};

type Answer = Result<Response, PluginError>;

struct Shop;

async fn free(_: &Shop, _: Request) -> Answer {
    Ok(Response::text("free"))
}

impl ToruPlugin for Shop {
    const METADATA: PluginMetadata = PluginMetadata::new("shop", "Shop");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![
            PluginRoute::get("/item", Self::item),
            PluginRoute::blocking_get("/report", Self::report),
            PluginRoute::get("/closure", |_: &Self, _| async { Ok(Response::text("")) }),
            PluginRoute::get("/file", |_: &Self, _| async { Ok(Response::text(std::fs::read("file")?)) }),
            PluginRoute::get("/ready", |_: &Self, _| std::future::ready(Ok(Response::text("")))),
            PluginRoute::blocking_get("/now", |_: &Self, _| Ok(Response::text(std::fs::read("file")?))),
            PluginRoute::get("/free", free),
        ]
    }
}

impl Shop {
    async fn item(&self, _: Request) -> Result<Response, PluginError> {
        Ok(Response::text("item"))
    }

    fn report(&self, _: Request) -> Result<Response, PluginError> {
        Ok(Response::text("report"))
    }
}

toru_plugin_api::export_plugin!(Shop);

fn main() {}
