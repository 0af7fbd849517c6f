//! The application: a router, and the plugins in it.

use std::collections::HashMap;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::get;
use toru_host::plugin::PluginInfo;
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
    let mut is_first = true;
    while let Some(event) = events.next().await {
        match event {
            // The first event, and what is true where some changes were missed.
            PluginEvent::Snapshot { plugins, .. } => {
                told.retain(|id, _| plugins.iter().any(|plugin| plugin.id == *id));
                for plugin in &plugins {
                    let state = plugin.status.state;
                    if told.insert(plugin.id.clone(), state) != Some(state) && !is_first {
                        log(plugin);
                    }
                }
                is_first = false;
            }
            PluginEvent::Changed { plugin, .. } => {
                let state = plugin.status.state;
                if told.insert(plugin.id.clone(), state) != Some(state) {
                    log(&plugin);
                }
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

fn log(plugin: &PluginInfo) {
    let (id, status) = (&plugin.id, &plugin.status);
    let reason = status.error.as_ref().map(|error| error.message.as_str());
    tracing::info!(plugin.id = %id, desired = ?status.desired, state = ?status.state, reason, "plugin changed");
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
     POST /api/plugins/-/scan        look at the plugins folder again\n     \
     GET  /metrics                   what they do, for Prometheus\n\n\
     Send the token that was printed at the first start: Authorization: Bearer <token>\n"
}
