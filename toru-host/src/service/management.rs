//! What administrators see and change.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde::Serialize;

use super::documents::{ListDocument, PluginDocument, RejectedDocument, to_json};
use super::problem::Problem;
use crate::error::ManagerError;
use crate::ffi::ResponseBody;
use crate::manager::PluginManager;
use crate::plugin::PluginId;

/// A change on its way to its answer.
pub(super) type Changing = Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>>;

/// All plugins, the files that are none, and how the recorded state is doing.
pub(super) fn list(manager: &PluginManager) -> Response<ResponseBody> {
    json_response(&ListDocument {
        plugins: PluginDocument::all(manager.list(), manager.base_path()),
        rejected: manager
            .rejected()
            .into_iter()
            .map(RejectedDocument::from)
            .collect(),
        read_only: manager.is_read_only(),
        notices: manager.notices(),
    })
}

/// Looks at the plugins folder again and answers with what is there then.
pub(super) fn scan(manager: &PluginManager) -> Changing {
    let manager = manager.clone();
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
        |plugin| json_response(&PluginDocument::new(plugin, manager.base_path())),
    )
}

/// Turns a plugin on and answers with what it is then.
pub(super) fn enable(manager: &PluginManager, id: &str) -> Changing {
    let (manager, id) = (manager.clone(), PluginId::new(id));
    Box::pin(async move {
        match id {
            Ok(id) => changed(&manager, &id, manager.enable(&id).await),
            Err(_) => Problem::unknown_plugin().into_response(),
        }
    })
}

/// Turns a plugin off and answers with what it is then.
pub(super) fn disable(manager: &PluginManager, id: &str) -> Changing {
    let (manager, id) = (manager.clone(), PluginId::new(id));
    Box::pin(async move {
        match id {
            Ok(id) => changed(&manager, &id, manager.disable(&id).await),
            Err(_) => Problem::unknown_plugin().into_response(),
        }
    })
}

fn changed(
    manager: &PluginManager,
    id: &PluginId,
    change: Result<(), ManagerError>,
) -> Response<ResponseBody> {
    match change {
        Ok(()) => details(manager, id.as_str()),
        Err(error) => Problem::manager(&error).into_response(),
    }
}

fn json_response(document: &impl Serialize) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(Bytes::from(to_json(document))));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
