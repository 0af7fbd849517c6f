//! An ordinary axum application as a plugin. This file alone knows of Toru; the rest could serve itself.

mod app;
mod events;
mod notes;
mod upstream;

use axum::Router;
use toru_plugin_api::{
    PluginContext, PluginError, PluginMetadata, PluginRoute, TokioRuntime, ToruPlugin, export_plugin,
};

use crate::app::Settings;

struct Notes {
    router: Router,
}

impl ToruPlugin for Notes {
    const METADATA: PluginMetadata = PluginMetadata::new("notes", "Notes")
        .version(env!("CARGO_PKG_VERSION"))
        .author("Toru authors")
        .icon("📝")
        .route("/notes")
        .description("An axum application: notes, live changes, and a look at another server");

    /// What axum, hyper and tower-http are built on.
    const TOKIO: Option<TokioRuntime> = Some(TokioRuntime::new());

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        let settings: Settings = ctx.config.parse()?;
        let router = app::router(settings);
        Ok(Self { router })
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        PluginRoute::service("/", self.router.clone())
    }

    fn frontend_bundle(&self) -> Option<&'static [u8]> {
        Some(include_bytes!("../frontend/bundle.js"))
    }
}

export_plugin!(Notes);
