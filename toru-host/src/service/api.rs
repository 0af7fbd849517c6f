//! The one service for the whole path below the mount point.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body::Body;
use tower_service::Service;

use super::authorize::{Access, Authorization, Authorizer, Refusal};
use super::future::{Kind, ResponseFuture, leave_body_out};
use super::management;
use super::path::{Action, Id, Target, parse};
use super::problem::Problem;
use crate::ffi::{BoxError, CallFuture, ResponseBody, method_bit};
use crate::manager::PluginManager;
use crate::routing::{Entry, Found};

/// Answers everything below the manager's base path: the list of plugins, details, `enable`, `disable`, `bundle.js`, the
/// plugins' own routes, and `-/scan`, which looks at the plugins folder again.
///
/// Cheap to clone. Mount it for the base path and all that is below, without stripping the prefix.
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
struct Shared {
    manager: PluginManager,
    authorizer: Box<dyn Authorizer>,
}

impl PluginApi {
    /// Makes the service. Every request is put before `authorizer` first.
    pub fn new(manager: PluginManager, authorizer: impl Authorizer) -> Self {
        let authorizer = Box::new(authorizer);
        Self(Arc::new(Shared { manager, authorizer }))
    }

    /// Whether a path is the manager's base path or lies below it, so that the service answers it.
    #[must_use]
    pub fn answers(&self, path: &str) -> bool {
        let below = path.strip_prefix(self.0.manager.base_path());
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }

    /// Goes on with a request that may do what it wants.
    // Inlined, so that the head moves straight into the call's cell.
    #[inline(always)]
    pub(super) fn dispatch<B>(&self, target: Target, head: Parts, body: B) -> Kind<B>
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let path = head.uri.path();
        match target {
            Target::Route(id) => self.route(id, head, body),
            Target::List => Kind::only_get(&head.method, || management::list(&self.0.manager)),
            Target::Plugin(id) => {
                Kind::only_get(&head.method, || management::details(&self.0.manager, id.of(path)))
            }
            Target::Action(id, Action::Bundle) => Kind::only_get(&head.method, || self.bundle(id.of(path))),
            Target::Action(id, action) => match head.method {
                Method::POST => {
                    Kind::Managing(management::change(self.0.manager.clone(), id.of(path), action))
                }
                _ => Kind::problem(Problem::method_not_allowed(HeaderValue::from_static("POST"))),
            },
            Target::Scan if head.method == Method::POST => {
                Kind::Managing(management::scan(self.0.manager.clone()))
            }
            Target::Scan => Kind::problem(Problem::method_not_allowed(HeaderValue::from_static("POST"))),
            Target::Reserved | Target::Elsewhere => Kind::problem(Problem::unknown_route()),
            Target::Invalid => Kind::problem(Problem::invalid_path()),
        }
    }

    #[inline(always)]
    fn route<B>(&self, id: Id, mut head: Parts, body: B) -> Kind<B>
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let table = self.0.manager.table();
        let running = match table.get(id.of(head.uri.path())) {
            None => return Kind::problem(Problem::unknown_plugin()),
            Some(Entry::Idle(state)) => return Kind::problem(Problem::idle(*state)),
            Some(Entry::Running(running)) => running,
        };
        let matched = match running.find(head.uri.path(), id.end, method_bit(&head.method)) {
            Found::Route(matched) => matched,
            Found::OtherMethods(allow) => return Kind::problem(Problem::method_not_allowed(allow)),
            Found::Nothing => return Kind::problem(Problem::unknown_route()),
        };
        let Some(permit) = running.enter() else {
            return Kind::problem(Problem::idle(crate::plugin::PluginState::Stopping));
        };
        remove_credentials(&mut head.headers);
        let only_head = head.method == Method::HEAD;
        Kind::Calling {
            call: CallFuture::new(permit, &matched, head, body),
            only_head,
        }
    }

    fn bundle(&self, id: &str) -> Response<ResponseBody> {
        match self.0.manager.table().get(id) {
            None => Problem::unknown_plugin().into_response(),
            Some(Entry::Idle(state)) => Problem::idle(*state).into_response(),
            Some(Entry::Running(running)) => management::bundle(running),
        }
    }
}

/// A plugin never sees the application's credentials.
#[inline]
fn remove_credentials(headers: &mut HeaderMap) {
    // Looking for them all at once is cheaper than three removals that find nothing.
    let is_credential =
        |name: &HeaderName| *name == AUTHORIZATION || *name == COOKIE || *name == PROXY_AUTHORIZATION;
    if headers.keys().any(is_credential) {
        for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
            headers.remove(name);
        }
    }
}

/// What the request wants, for the authoriser.
fn access(target: Target, path: &str) -> Access<'_> {
    match target {
        Target::Action(_, Action::Enable | Action::Disable) | Target::Scan | Target::Reserved => {
            Access::Manage
        }
        Target::Action(id, Action::Bundle) | Target::Route(id) => Access::Use { plugin: id.of(path) },
        Target::List | Target::Plugin(_) | Target::Invalid | Target::Elsewhere => Access::Read,
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
        let path = head.uri.path();
        let target = parse(path, self.0.manager.base_path());
        let wanted = access(target, path);
        ResponseFuture::new(match self.0.authorizer.authorize(&head, wanted) {
            Authorization::Decided(Ok(_)) => self.dispatch(target, head, body),
            Authorization::Decided(Err(refusal)) => Kind::refused(refusal),
            Authorization::Pending(decision) => Kind::Deciding {
                decision,
                rest: Some(Box::new((self.clone(), target, head, body))),
            },
        })
    }
}

impl<B> Kind<B> {
    fn ready(response: Response<ResponseBody>) -> Self {
        Self::Ready(Some(Box::new(response)))
    }

    pub(super) fn problem(problem: Problem) -> Self {
        Self::ready(problem.into_response())
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        Self::problem(Problem::refused(refusal))
    }

    fn only_get(method: &Method, answer: impl FnOnce() -> Response<ResponseBody>) -> Self {
        match *method {
            Method::GET => Self::ready(answer()),
            Method::HEAD => {
                let mut response = answer();
                leave_body_out(&mut response);
                Self::ready(response)
            }
            _ => Self::problem(Problem::method_not_allowed(HeaderValue::from_static("GET, HEAD"))),
        }
    }
}

impl fmt::Debug for PluginApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginApi")
            .field("manager", &self.0.manager)
            .finish_non_exhaustive()
    }
}
