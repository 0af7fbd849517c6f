//! The application: a router, and the plugins in it.

use std::collections::HashMap;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::get;
use toru_host::{PluginEvent, PluginEvents, PluginManager};
use toru_kv_sqlite::SqliteKv;

use crate::auth::TokenAuthorizer;
use crate::options::Options;

/// Starts the plugins that are enabled.
///
/// # Errors
///
/// When the data folder, the plugins folder or the state file cannot be used.
pub async fn plugins(options: &Options) -> Result<PluginManager> {
    let store =
        SqliteKv::open(options.data.join("plugins.db")).context("the plugins' data cannot be used")?;
    let manager = PluginManager::builder(&options.plugins)
        .host_name("toru-demo-server")
        .host_version(env!("CARGO_PKG_VERSION"))
        .kv(store)
        .start()
        .await;
    manager.context("the plugins cannot be managed")
}

/// Writes every change of a plugin's state to the log, until the plugins are shut down.
pub async fn log_changes(mut events: PluginEvents) {
    let mut told = HashMap::new();
    while let Some(event) = events.next().await {
        match event {
            PluginEvent::Changed { plugin, .. } => {
                let (id, status) = (&plugin.id, &plugin.status);
                if told.insert(id.clone(), status.state) == Some(status.state) {
                    continue;
                }
                let reason = status.error.as_ref().map(|error| error.message.as_str());
                tracing::info!(plugin.id = %id, desired = ?status.desired, state = ?status.state, reason, "plugin changed");
            }
            PluginEvent::Removed { id, .. } => {
                told.remove(&id);
                tracing::info!(plugin.id = %id, "plugin is gone");
            }
            PluginEvent::Lagged { missed } => tracing::warn!(missed, "changes of plugins were not logged"),
            _ => {}
        }
    }
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
     any  /api/plugins/{id}/...      use it\n\
     POST /api/plugins/-/scan        look at the plugins folder again\n\n\
     Send the token that was printed at the first start: Authorization: Bearer <token>\n"
}
