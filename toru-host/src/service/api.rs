//! The one service for the whole path below the mount point.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::authorize::{Access, Authorization, Authorizer, Identity};
use super::builder::PluginApiBuilder;
use super::events::Events;
use super::future::{Kind, ResponseFuture};
use super::openapi::OpenApiDocument;
use super::path::{Action, Beside, Target, parse};
use super::policy::HeaderPolicy;
use super::problem::Problem;
use super::{bundle, management, origin, routes};
use crate::ffi::{BoxError, ResponseBody};
use crate::manager::PluginManager;

/// Answers everything below the manager's base path: the list of plugins, details, `enable`, `disable`, `bundle.js`, the
/// plugins' own routes, and `-/scan`, which looks at the plugins folder again. Beside the base path lie the
/// [events](Self::events_path) and the [OpenAPI document](Self::openapi_path).
///
/// Cheap to clone. Mount it for the base path and all that is below, without stripping the prefix, and for those two.
///
/// # Examples
///
/// ```
/// use http::{Request, StatusCode};
/// use http_body_util::Empty;
/// use toru_host::PluginManager;
/// use toru_host::service::{DangerouslyAllowEveryone, PluginApi};
/// use tower_service::Service;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let manager = PluginManager::builder(folder.path().join("plugins")).start().await?;
/// let mut service = PluginApi::new(manager, DangerouslyAllowEveryone);
///
/// let request = Request::get("/api/plugins").body(Empty::<bytes::Bytes>::new())?;
/// assert_eq!(service.call(request).await?.status(), StatusCode::OK);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PluginApi(Arc<Shared>);

/// What all clones share. Routers clone a service for each request, so a clone counts one reference.
pub(super) struct Shared {
    pub(super) manager: PluginManager,
    pub(super) authorizer: Box<dyn Authorizer>,
    pub(super) policy: HeaderPolicy,
    /// Origins of other sites that may change things here.
    pub(super) trusted: Vec<HeaderValue>,
    pub(super) beside: Beside,
    pub(super) events: Events,
    pub(super) openapi: OpenApiDocument,
}

impl PluginApi {
    /// Makes the service. Every request is put before `authorizer` first.
    pub fn new(manager: PluginManager, authorizer: impl Authorizer) -> Self {
        Self::builder(manager, authorizer).build()
    }

    /// Makes a service that differs from the usual one.
    pub fn builder(manager: PluginManager, authorizer: impl Authorizer) -> PluginApiBuilder {
        PluginApiBuilder::new(manager, Box::new(authorizer))
    }

    pub(super) fn from_parts(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// The manager whose plugins it serves.
    #[must_use]
    pub fn manager(&self) -> &PluginManager {
        &self.0.manager
    }

    /// Whether the service answers a path: the manager's base path and what lies below it, the events, and the OpenAPI
    /// document.
    #[must_use]
    pub fn answers(&self, path: &str) -> bool {
        let below = path.strip_prefix(self.0.manager.base_path());
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
            || self.0.beside.find(path).is_some()
    }

    /// Path of the stream of changes: `/api/plugin-events`, unless the base path or the builder says otherwise.
    #[must_use]
    pub fn events_path(&self) -> &str {
        &self.0.beside.events
    }

    /// Path of the OpenAPI document: `/api/plugins-openapi.json`, unless the base path or the builder says otherwise.
    #[must_use]
    pub fn openapi_path(&self) -> &str {
        &self.0.beside.openapi
    }

    /// Goes on with a request that may do what it wants, unless another site made a browser send it.
    // Inlined, so that the head moves straight into the call's cell.
    #[inline(always)]
    pub(super) fn dispatch<B>(&self, target: Target, head: Parts, body: B, identity: &Identity) -> Kind<B>
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let Shared {
            manager,
            policy,
            trusted,
            events,
            ..
        } = &*self.0;
        if origin::is_refused(&head, identity, trusted) {
            return Kind::problem(Problem::foreign_origin());
        }
        if let Target::Route(id) = target {
            return routes::call(manager, policy, id, head, body, identity);
        }
        let (path, method) = (head.uri.path(), &head.method);
        match target {
            Target::List => Kind::get(method, || management::list(manager)),
            Target::Plugin(id) => Kind::get(method, || management::details(manager, id.of(path))),
            Target::Action(id, Action::Bundle) => {
                Kind::get(method, || bundle::answer(manager, id.of(path), &head))
            }
            Target::Action(id, Action::Enable) => {
                Kind::post(method, || management::enable(manager, id.of(path)))
            }
            Target::Action(id, Action::Disable) => {
                Kind::post(method, || management::disable(manager, id.of(path)))
            }
            Target::Scan => Kind::post(method, || management::scan(manager)),
            Target::Events => Kind::get(method, || events.answer(manager, &head)),
            Target::OpenApi => Kind::get(method, || self.0.describe(&head)),
            Target::Route(_) | Target::Reserved | Target::Elsewhere => {
                Kind::problem(Problem::unknown_route())
            }
            Target::Invalid => Kind::problem(Problem::invalid_path()),
        }
    }

    /// What the responses of plugins go through.
    pub(super) fn policy(&self) -> &HeaderPolicy {
        &self.0.policy
    }
}

impl Shared {
    #[inline(always)]
    fn target(&self, path: &str) -> Target {
        match parse(path, self.manager.base_path()) {
            // What is asked for most is not held against other paths.
            found @ (Target::Route(_) | Target::Action(..)) => found,
            other => self.beside.find(path).unwrap_or(other),
        }
    }

    fn describe(&self, head: &Parts) -> Response<ResponseBody> {
        self.openapi.answer(self.manager.base_path(), &self.beside, head)
    }
}

/// What the request wants, for the authoriser.
fn access(target: Target, path: &str) -> Access<'_> {
    match target {
        Target::Action(_, Action::Enable | Action::Disable) | Target::Scan | Target::Reserved => {
            Access::Manage
        }
        Target::Action(id, Action::Bundle) | Target::Route(id) => Access::Use { plugin: id.of(path) },
        Target::List
        | Target::Plugin(_)
        | Target::Events
        | Target::OpenApi
        | Target::Invalid
        | Target::Elsewhere => Access::Read,
    }
}

impl<B> Service<Request<B>> for PluginApi
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture<B> {
        let (head, body) = request.into_parts();
        let only_head = head.method == Method::HEAD;
        let path = head.uri.path();
        let target = self.0.target(path);
        let wanted = access(target, path);
        let kind = match self.0.authorizer.authorize(&head, wanted) {
            Authorization::Decided(Ok(identity)) => self.dispatch(target, head, body, &identity),
            Authorization::Decided(Err(refusal)) => Kind::problem(Problem::refused(refusal)),
            Authorization::Pending(decision) => Kind::Deciding {
                decision,
                rest: Some(Box::new((target, head, body))),
            },
        };
        ResponseFuture::new(self.clone(), kind, only_head)
    }
}

impl fmt::Debug for PluginApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginApi")
            .field("manager", &self.0.manager)
            .finish_non_exhaustive()
    }
}
