//! The script of a plugin's frontend.

use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;

use super::problem::Problem;
use crate::ffi::ResponseBody;
use crate::manager::PluginManager;
use crate::routing::Entry;

/// The bundle of a running plugin.
pub(super) fn answer(manager: &PluginManager, id: &str, _: &Parts) -> Response<ResponseBody> {
    let table = manager.table();
    let running = match table.get(id) {
        None => return Problem::unknown_plugin().into_response(),
        Some(Entry::Idle(state)) => return Problem::idle(*state).into_response(),
        Some(Entry::Running(running)) => running,
    };
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
