//! What administrators see and change.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response};
use http_body::Body;
use serde::Serialize;
use tower_service::Service;

use super::authorized::Authorized;
use super::documents::{DetailsDocument, ListDocument, PluginDocument, StorageDocument, to_json};
use super::license;
use super::path::{Action, Target};
use super::problem::Problem;
use super::respond::{self, Later, get, nothing, other_methods};
use crate::error::ManagerError;
use crate::ffi::ResponseBody;
use crate::manager::PluginManager;
use crate::plugin::PluginId;

/// The list of plugins, details of one, and what turns them on and off: `{base}`, `{base}/{id}`, `{base}/{id}/enable`,
/// `{base}/{id}/disable`, `{base}/{id}/-/license`, `{base}/{id}/-/storage`, `{base}/-/scan`.
///
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Management(PluginManager);

impl Management {
    /// The management of the manager's plugins.
    #[must_use]
    pub const fn new(manager: PluginManager) -> Self {
        Self(manager)
    }

    /// Whether it answers what a path asks for.
    #[inline]
    pub(super) const fn answers(target: Target) -> bool {
        matches!(
            target,
            Target::List
                | Target::Plugin(_)
                | Target::Action(
                    _,
                    Action::Disable | Action::Enable | Action::License | Action::Storage
                )
                | Target::Scan
        )
    }

    pub(super) fn start<B>(&self, authorized: Authorized<B>) -> ManagementFuture
    where
        B: Body + Send + 'static,
    {
        let Authorized {
            target, head, body, ..
        } = authorized;
        let (manager, method, path) = (&self.0, &head.method, head.uri.path());
        let read =
            |answer: &dyn Fn() -> Response<ResponseBody>| Stage::Ready(Later::new(get(method, answer)));
        let change = |change: &dyn Fn() -> Changing| match *method {
            Method::POST => Stage::Changing(change()),
            _ => Stage::Ready(Later::new(other_methods(method, POST))),
        };
        ManagementFuture(match target {
            Target::List => read(&|| list(manager)),
            Target::Plugin(id) => read(&|| details(manager, id.of(path))),
            Target::Action(id, Action::Enable) => change(&|| enable(manager, id.of(path))),
            Target::Action(id, Action::Disable) => change(&|| disable(manager, id.of(path))),
            Target::Action(id, Action::License) => {
                Stage::Changing(license::answer(manager, id.of(path), &head, body))
            }
            Target::Action(id, Action::Storage) => match *method {
                Method::GET | Method::HEAD => {
                    Stage::Changing(storage(manager, id.of(path), *method == Method::HEAD))
                }
                _ => Stage::Ready(Later::new(other_methods(method, respond::READ))),
            },
            Target::Scan => change(&|| scan(manager)),
            target => Stage::Ready(Later::new(nothing(method, target))),
        })
    }
}

impl<B> Service<Authorized<B>> for Management
where
    B: Body + Send + 'static,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ManagementFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, authorized: Authorized<B>) -> ManagementFuture {
        self.start(authorized)
    }
}

/// The response of [`Management`]. A change goes on when it is dropped.
pub struct ManagementFuture(Stage);

enum Stage {
    Changing(Changing),
    Ready(Later),
}

impl Future for ManagementFuture {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Stage::Changing(change) => change.as_mut().poll(cx).map(Ok),
            Stage::Ready(response) => Poll::Ready(Ok(response.take())),
        }
    }
}

impl fmt::Debug for ManagementFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Stage::Changing(_) => "ManagementFuture(changing)",
            Stage::Ready(_) => "ManagementFuture(ready)",
        })
    }
}

/// A change on its way to its answer.
pub(super) type Changing = Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>>;

/// What those answer that change something.
const POST: HeaderValue = HeaderValue::from_static("POST, OPTIONS");

/// All plugins, the files that are none, and how the recorded state is doing.
fn list(manager: &PluginManager) -> Response<ResponseBody> {
    json_response(&ListDocument::new(manager))
}

/// Looks at the plugins folder again and answers with what is there then.
fn scan(manager: &PluginManager) -> Changing {
    let manager = manager.clone();
    Box::pin(async move {
        match manager.scan().await {
            Ok(()) => list(&manager),
            Err(error) => Problem::manager(&error).into_response(),
        }
    })
}

/// One plugin.
fn details(manager: &PluginManager, id: &str) -> Response<ResponseBody> {
    let id = PluginId::new(id).ok();
    let found = id.and_then(|id| Some((manager.get(&id)?, manager.history(&id)?)));
    let Some((plugin, history)) = found else {
        return Problem::unknown_plugin().into_response();
    };
    let plugin = PluginDocument::new(plugin, manager.base_path(), manager.discretion());
    json_response(&DetailsDocument { plugin, history })
}

/// How much a plugin stores.
fn storage(manager: &PluginManager, id: &str, only_head: bool) -> Changing {
    let id = PluginId::new(id).ok().filter(|id| manager.status(id).is_some());
    let storage = id.map(|id| (manager.storage(&id), id));
    Box::pin(async move {
        let mut response = match storage {
            None => Problem::unknown_plugin().into_response(),
            Some((storage, id)) => match storage.usage().await {
                Ok(usage) => json_response(&StorageDocument::new(usage, storage.quota())),
                Err(error) => Problem::storage(&id, &error).into_response(),
            },
        };
        if only_head {
            respond::leave_body_out(&mut response);
        }
        response
    })
}

/// Turns a plugin on and answers with what it is then.
fn enable(manager: &PluginManager, id: &str) -> Changing {
    let (manager, id) = (manager.clone(), PluginId::new(id));
    Box::pin(async move {
        match id {
            Ok(id) => changed(&manager, &id, manager.enable(&id).await),
            Err(_) => Problem::unknown_plugin().into_response(),
        }
    })
}

/// Turns a plugin off and answers with what it is then.
fn disable(manager: &PluginManager, id: &str) -> Changing {
    let (manager, id) = (manager.clone(), PluginId::new(id));
    Box::pin(async move {
        match id {
            Ok(id) => changed(&manager, &id, manager.disable(&id).await),
            Err(_) => Problem::unknown_plugin().into_response(),
        }
    })
}

pub(super) fn changed(
    manager: &PluginManager,
    id: &PluginId,
    change: Result<(), ManagerError>,
) -> Response<ResponseBody> {
    match change {
        Ok(()) => details(manager, id.as_str()),
        Err(error) => Problem::manager(&error).into_response(),
    }
}

pub(super) fn json_response(document: &impl Serialize) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(Bytes::from(to_json(document))));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
