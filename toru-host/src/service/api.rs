//! All services as one, for the whole path below the mount point.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::authorize::Authorizer;
use super::authorized::{Authorize, AuthorizeFuture, Authorized, Gate};
use super::builder::PluginApiBuilder;
use super::bundle::Bundles;
use super::events::Events;
use super::management::{Management, ManagementFuture};
use super::openapi::OpenApi;
use super::path::{Action, Target};
use super::respond::{Later, nothing};
use super::routes::{PluginRoutes, RouteFuture};
use crate::ffi::{BoxError, ResponseBody};
use crate::manager::PluginManager;

/// Answers everything below the manager's base path: the list of plugins, details, `enable`, `disable`, `bundle.js`, the
/// plugins' own routes, and `-/scan`, which looks at the plugins folder again. Beside the base path lie the
/// [events](Self::events_path) and the [OpenAPI document](Self::openapi_path).
///
/// It is [`Authorize`] in front of [`PluginRoutes`], [`Management`], [`Bundles`], [`Events`] and [`OpenApi`].
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
pub struct PluginApi(Authorize<Services>);

/// The services behind the decision, shared by all clones: routers clone a service for each request.
#[derive(Clone)]
struct Services(Arc<Each>);

pub(super) struct Each {
    pub(super) manager: PluginManager,
    pub(super) routes: PluginRoutes,
    pub(super) management: Management,
    pub(super) bundles: Bundles,
    pub(super) events: Events,
    pub(super) openapi: OpenApi,
}

impl PluginApi {
    /// Makes the service. Every request is put before `authorizer` first.
    pub fn new(manager: PluginManager, authorizer: impl Authorizer) -> Self {
        Self::builder(manager, authorizer).build()
    }

    /// Makes a service that differs from the usual one.
    pub fn builder(manager: PluginManager, authorizer: impl Authorizer) -> PluginApiBuilder {
        PluginApiBuilder::new(manager, Arc::new(authorizer))
    }

    pub(super) fn from_parts(gate: Gate, each: Each) -> Self {
        Self(Authorize::from_parts(gate, Services(Arc::new(each))))
    }

    /// The manager whose plugins it serves.
    #[must_use]
    pub fn manager(&self) -> &PluginManager {
        &self.0.inner().0.manager
    }

    /// Whether the service answers a path: the manager's base path and what lies below it, the events, and the OpenAPI
    /// document.
    #[must_use]
    pub fn answers(&self, path: &str) -> bool {
        let gate = self.0.gate();
        let below = path.strip_prefix(&*gate.base);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
            || gate.beside.find(path).is_some()
    }

    /// Path of the stream of changes: `/api/plugin-events`, unless the base path or the builder says otherwise.
    #[must_use]
    pub fn events_path(&self) -> &str {
        &self.0.gate().beside.events
    }

    /// Path of the OpenAPI document: `/api/plugins-openapi.json`, unless the base path or the builder says otherwise.
    #[must_use]
    pub fn openapi_path(&self) -> &str {
        &self.0.gate().beside.openapi
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

    #[inline]
    fn call(&mut self, request: Request<B>) -> ResponseFuture<B> {
        ResponseFuture(self.0.call(request))
    }
}

impl fmt::Debug for PluginApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginApi")
            .field("manager", self.manager())
            .finish_non_exhaustive()
    }
}

impl<B> Service<Authorized<B>> for Services
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ServicesFuture<B>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    #[inline(always)]
    fn call(&mut self, mut authorized: Authorized<B>) -> ServicesFuture<B> {
        let each = &*self.0;
        let response = match authorized.target {
            Target::Route(_) => {
                let table = each.routes.table();
                match each.routes.prepare(&table, &mut authorized) {
                    Ok(prepared) => {
                        let answer = each.routes.start(prepared, authorized.head, authorized.body);
                        return ServicesFuture::Route(answer);
                    }
                    Err(response) => return ServicesFuture::Ready(response),
                }
            }
            target if Management::answers(target) => {
                return ServicesFuture::Managing(each.management.start(authorized));
            }
            Target::Action(_, Action::Bundle) => each.bundles.answer(&authorized),
            Target::Events => each.events.answer(&authorized),
            Target::OpenApi => each.openapi.answer(&authorized),
            target => nothing(&authorized.head.method, target),
        };
        ServicesFuture::Ready(Later::new(response))
    }
}

enum ServicesFuture<B> {
    Route(RouteFuture<B>),
    Managing(ManagementFuture),
    Ready(Later),
}

impl<B> Future for ServicesFuture<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody>, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Route(answer) => Pin::new(answer).poll(cx),
            Self::Managing(answer) => Pin::new(answer).poll(cx),
            Self::Ready(response) => Poll::Ready(Ok(response.take())),
        }
    }
}

/// The response of [`PluginApi`]. Dropping it cancels the call to the plugin.
pub struct ResponseFuture<B>(AuthorizeFuture<Services, B>)
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>;

impl<B> Future for ResponseFuture<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody>, Infallible>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.get_mut().0).poll(cx)
    }
}

impl<B> fmt::Debug for ResponseFuture<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResponseFuture").field(&self.0).finish()
    }
}
