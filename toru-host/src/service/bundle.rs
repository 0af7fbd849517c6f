//! The script of a plugin's frontend.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Response, StatusCode};
use tower_service::Service;

use super::authorized::Authorized;
use super::negotiate::{codings, is_known};
use super::path::{Action, Target};
use super::problem::Problem;
use super::respond::{get, nothing};
use crate::bundle::Bundle;
use crate::ffi::ResponseBody;
use crate::manager::PluginManager;
use crate::routing::Entry;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The scripts of the plugins' frontends, `{base}/{id}/bundle.js`: those of running plugins, as they handed them over at
/// their start, whatever happened to their files since.
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bundles(PluginManager);

impl Bundles {
    /// The bundles of the manager's plugins.
    #[must_use]
    pub const fn new(manager: PluginManager) -> Self {
        Self(manager)
    }

    pub(super) fn answer<B>(&self, authorized: &Authorized<B>) -> Response<ResponseBody> {
        let head = &authorized.head;
        match authorized.target {
            Target::Action(id, Action::Bundle) => {
                get(&head.method, || answer(&self.0, id.of(head.uri.path()), head))
            }
            target => nothing(&head.method, target),
        }
    }
}

impl<B> Service<Authorized<B>> for Bundles {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Ready<Result<Response<ResponseBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, authorized: Authorized<B>) -> Self::Future {
        ready(Ok(self.answer(&authorized)))
    }
}

fn answer(manager: &PluginManager, id: &str, head: &Parts) -> Response<ResponseBody> {
    let table = manager.table();
    let running = match table.get(id) {
        None => return Problem::unknown_plugin().into_response(),
        Some(Entry::Idle(state)) => return Problem::idle(*state).into_response(),
        Some(Entry::Running(running)) => running,
    };
    running.bundle().map_or_else(
        || Problem::unknown_route().into_response(),
        |bundle| represent(bundle, head),
    )
}

/// The best form of a bundle that the client takes, or word that it has it already.
fn represent(bundle: &Bundle, head: &Parts) -> Response<ResponseBody> {
    let found = codings(&head.headers).find_map(|coding| Some((coding, bundle.form(coding)?)));
    let Some((coding, form)) = found else {
        return Problem::not_acceptable().into_response();
    };
    let mut response = Response::new(ResponseBody::head());
    let headers = response.headers_mut();
    headers.insert(ETAG, form.etag.clone());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(freshness(bundle, head)));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    if is_known(&head.headers, form.etag.as_bytes()) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    let script = HeaderValue::from_static("text/javascript; charset=utf-8");
    headers.insert(CONTENT_TYPE, script);
    if let Some(name) = coding.name() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    *response.body_mut() = ResponseBody::full(form.bytes.clone());
    response
}

/// How long the answer stays right: for good under a URL that names the content, and until it is asked for again under
/// any other.
fn freshness(bundle: &Bundle, head: &Parts) -> &'static str {
    let query = head.uri.query().unwrap_or_default();
    let version = query.split('&').find_map(|pair| pair.strip_prefix("v="));
    if version == Some(bundle.sha256()) {
        "private, max-age=31536000, immutable"
    } else {
        "private, no-cache"
    }
}
