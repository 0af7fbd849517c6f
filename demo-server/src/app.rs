//! The application: a router, and the plugins in it.

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::get;
use toru_host::PluginManager;
use toru_host::kv::MemoryKv;

use crate::auth::TokenAuthorizer;
use crate::data;
use crate::options::Options;

/// Starts the plugins that are enabled.
///
/// # Errors
///
/// When the data folder, the plugins folder or the state file cannot be used.
pub async fn plugins(options: &Options) -> Result<PluginManager> {
    let instance_id = data::instance_id(&options.data)?;
    let manager = PluginManager::builder(&options.plugins)
        .host_name("toru-demo-server")
        .host_version(env!("CARGO_PKG_VERSION"))
        .kv(MemoryKv::with_instance_id(instance_id))
        .start()
        .await;
    manager.context("the plugins cannot be managed")
}

/// The whole application.
pub fn router(manager: PluginManager, token: &str) -> Router {
    Router::new()
        .route("/", get(welcome))
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(toru_axum::router(manager, TokenAuthorizer::new(token)))
}

async fn welcome() -> &'static str {
    "Toru demo server\n\n\
     GET  /api/plugins               which plugins there are\n\
     POST /api/plugins/{id}/enable   turn one on\n\
     POST /api/plugins/{id}/disable  turn it off\n\
     any  /api/plugins/{id}/...      use it\n\n\
     Send the token that was printed at the first start: Authorization: Bearer <token>\n"
}
