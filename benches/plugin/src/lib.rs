//! The measured handlers as a plugin.

#[cfg(feature = "counted")]
mod counted;

use toru_benches_work::{JSON, SuspendOnce, TENANT, VERSION, small, stored_key};
use toru_plugin_api::{
    PluginContext, PluginError, PluginKvStore, PluginMetadata, PluginRoute, Request, Response, ToruPlugin,
};

struct Bench {
    ctx: PluginContext,
}

impl ToruPlugin for Bench {
    const METADATA: PluginMetadata = PluginMetadata::new("bench", "Bench");

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        Ok(Self { ctx })
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![
            PluginRoute::get("/small/{id}", Self::small),
            PluginRoute::get("/suspended/{id}", Self::suspended),
            PluginRoute::post("/copy", Self::copy),
            PluginRoute::get("/stored/{count}", Self::stored),
            PluginRoute::get("/static", Self::constant),
            PluginRoute::get("/static-suspended", Self::constant_suspended),
            #[cfg(feature = "counted")]
            PluginRoute::get("/allocations", Self::allocations),
        ]
    }
}

impl Bench {
    async fn small(&self, request: Request) -> Result<Response, PluginError> {
        Ok(answer(&request))
    }

    async fn suspended(&self, request: Request) -> Result<Response, PluginError> {
        SuspendOnce::default().await;
        Ok(answer(&request))
    }

    async fn copy(&self, mut request: Request) -> Result<Response, PluginError> {
        let body = request.bytes().await?;
        Ok(Response::new(200).with_body(body.to_vec()))
    }

    /// Reads the values of that many keys, one after the other, and tells how many there were.
    async fn stored(&self, request: Request) -> Result<Response, PluginError> {
        let count: usize = request.param("count").unwrap_or_default().parse()?;
        let mut found = 0;
        for n in 0..count {
            found += usize::from(self.ctx.kv.get(stored_key(n)).await?.is_some());
        }
        Ok(Response::text(found.to_string()))
    }

    /// Allocates nothing.
    async fn constant(&self, _: Request) -> Result<Response, PluginError> {
        Ok(Response::text("constant"))
    }

    /// Allocates nothing either.
    async fn constant_suspended(&self, _: Request) -> Result<Response, PluginError> {
        SuspendOnce::default().await;
        Ok(Response::text("constant"))
    }

    /// How many allocations this image has made.
    #[cfg(feature = "counted")]
    async fn allocations(&self, _: Request) -> Result<Response, PluginError> {
        Ok(Response::text(counted::allocations().to_string()))
    }
}

fn answer(request: &Request) -> Response {
    let id = request.raw_param("id").unwrap_or_default();
    let tenant = request.header(TENANT).unwrap_or_default();
    Response::with_type(JSON, small(id, tenant)).with_header(VERSION.0, VERSION.1)
}

toru_plugin_api::export_plugin!(Bench);
