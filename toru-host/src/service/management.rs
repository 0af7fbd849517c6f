//! What administrators see and change.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::path::Action;
use super::problem::Problem;
use crate::ffi::ResponseBody;
use crate::manager::PluginManager;
use crate::plugin::{PluginId, PluginInfo, RejectedFile};
use crate::routing::Running;

/// All plugins, the files that are none, and how the recorded state is doing.
pub(super) fn list(manager: &PluginManager) -> Response<ResponseBody> {
    let plugins: Vec<Value> = manager.list().iter().map(document).collect();
    let rejected: Vec<Value> = manager.rejected().iter().map(rejected).collect();
    json_response(&json!({
        "plugins": plugins,
        "rejected": rejected,
        "read_only": manager.is_read_only(),
        "notices": manager.notices(),
    }))
}

/// Looks at the plugins folder again and answers with what is there then.
pub(super) fn scan(manager: PluginManager) -> Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>> {
    Box::pin(async move {
        match manager.scan().await {
            Ok(()) => list(&manager),
            Err(error) => Problem::manager(&error).into_response(),
        }
    })
}

/// One plugin.
pub(super) fn details(manager: &PluginManager, id: &str) -> Response<ResponseBody> {
    let plugin = PluginId::new(id).ok().and_then(|id| manager.get(&id));
    plugin.map_or_else(
        || Problem::unknown_plugin().into_response(),
        |plugin| json_response(&document(&plugin)),
    )
}

/// Turns a plugin on or off and answers with what it is then.
pub(super) fn change(
    manager: PluginManager,
    id: &str,
    action: Action,
) -> Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>> {
    let id = PluginId::new(id);
    Box::pin(async move {
        let Ok(id) = id else {
            return Problem::unknown_plugin().into_response();
        };
        let changed = match action {
            Action::Enable => manager.enable(&id).await,
            Action::Disable | Action::Bundle => manager.disable(&id).await,
        };
        match changed {
            Ok(()) => details(&manager, id.as_str()),
            Err(error) => Problem::manager(&error).into_response(),
        }
    })
}

/// The frontend's bundle of a running plugin.
pub(super) fn bundle(running: &Running) -> Response<ResponseBody> {
    let Some((bytes, etag)) = running.bundle() else {
        return Problem::unknown_route().into_response();
    };
    let mut response = Response::new(ResponseBody::full(bytes.clone()));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/javascript; charset=utf-8"),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(ETAG, etag.clone());
    response
}

/// A refused file as the API shows it.
fn rejected(rejected: &RejectedFile) -> Value {
    let file = rejected.file.file_name().map(|name| name.to_string_lossy());
    json!({ "file": file, "code": rejected.code, "message": rejected.message })
}

/// A plugin as the API shows it. Paths of this machine are reduced to file names.
fn document(plugin: &PluginInfo) -> Value {
    let file = plugin
        .file
        .as_ref()
        .and_then(|file| file.file_name())
        .map(|name| name.to_string_lossy());
    json!({
        "id": plugin.id,
        "metadata": plugin.metadata,
        "file": file,
        "sha256": plugin.sha256,
        "status": plugin.status,
        "routes": plugin.routes,
        "warnings": plugin.warnings,
        "update": plugin.update,
        "retired_generations": plugin.retired_generations,
        "counters": plugin.counters,
    })
}

fn json_response(value: &Value) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(Bytes::from(value.to_string())));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
