//! The application: a router, and the plugins in it.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use toru_host::plugin::PluginInfo;
use toru_host::{PluginEvent, PluginEvents, PluginManager};
use toru_kv_sqlite::SqliteKv;

use crate::access::logged;
use crate::assets::Assets;
use crate::auth::Gatekeeper;
use crate::auth::session::{self, Desk};
use crate::auth::streams::bind;
use crate::compression::compressed;
use crate::headers;
use crate::hosts::{self, Hosts};
use crate::metrics;
use crate::options::Options;
use crate::problem::Problem;

/// Most replaced libraries of one plugin that stay in memory.
const MAX_RETIRED_GENERATIONS: usize = 100;

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
        // Whoever writes a plugin builds it again and again.
        .max_retired_generations(MAX_RETIRED_GENERATIONS)
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

/// What the application is made of, beside the plugins.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Signs people in and knows who a request is from.
    pub desk: Arc<Desk>,
    /// The web interface.
    pub assets: Assets,
    /// The names under which it answers.
    pub hosts: Hosts,
}

/// The whole application.
pub fn router(manager: PluginManager, exporter: Option<PrometheusHandle>, parts: Parts) -> Router {
    let Parts { desk, assets, hosts } = parts;
    let is_behind_proxy = desk.is_behind_proxy;
    let gatekeeper = desk.gatekeeper.clone();
    let plugins = toru_axum::router(manager.clone(), gatekeeper.clone());
    let mut router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(session::router(desk))
        .merge(plugins.layer(from_fn_with_state(gatekeeper.clone(), bind)));
    if let Some(exporter) = exporter {
        router = router.merge(metrics::router(manager, exporter, gatekeeper.clone()));
    }
    let rest = move |request: Request| rest(gatekeeper, assets, request);
    let mut router = compressed(router.fallback(rest)).layer(from_fn_with_state(hosts, hosts::check));
    router = router.layer(map_response(move |mut response: Response| {
        headers::guard(response.headers_mut());
        if is_behind_proxy {
            headers::insist_on_tls(response.headers_mut());
        }
        std::future::ready(response)
    }));
    logged(router, is_behind_proxy)
}

/// What has no route of its own: an error below `/api`, else a file or a page.
async fn rest(gatekeeper: Gatekeeper, assets: Assets, request: Request) -> Response {
    let head = request.into_parts().0;
    let path = head.uri.path();
    if path == "/api" || path.starts_with("/api/") {
        return match gatekeeper.visitor(&head).await {
            Ok(Some(_)) => Problem::not_found().into_response(),
            Ok(None) => Problem::unauthenticated().into_response(),
            Err(error) => {
                tracing::error!("sessions cannot be read: {error:#}");
                Problem::internal().into_response()
            }
        };
    }
    let mut response = assets.answer(&head);
    headers::protect(response.headers_mut());
    response
}
