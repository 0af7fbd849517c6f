//! Services of tower as routes.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use tower_service::Service;

use crate::abi::host::TORU_INFO_BASE_PATH;
use crate::abi::route::TORU_ANY_METHOD;
use crate::body::Body;
use crate::error::PluginError;
use crate::http_types::{below, of_service};
use crate::plugin::ToruPlugin;
use crate::request::Request;
use crate::response::Response;
use crate::route::PluginRoute;
use crate::shim::{self, Ctx};

type BoxError = Box<dyn Error + Send + Sync>;

impl<P: ToruPlugin> PluginRoute<P> {
    /// Mounts a service, such as a whole axum `Router`, at a path and everything below it.
    ///
    /// The service answers every method. It sees the path below `prefix`, which starts with `/`; the outer path is told by
    /// [`Mount`], an extension of the request. A service that knows whole URLs must put that in front of its own paths, in
    /// links and redirects for example. The user and the roles that the host vouches for are the header fields `toru-user`
    /// and `toru-roles`, percent-encoded.
    ///
    /// Other routes of the plugin may lie below the prefix, and win where they are more specific; a path that they answer
    /// for some methods is theirs for all. The host keeps the plugin's own `/` for itself, and
    /// `/enable`, `/disable`, `/bundle.js` and `/-/`: a service that wants all of its paths lies below another prefix.
    ///
    /// The service is cloned for each request, and called when it says that it is ready. Request and response stream, with
    /// their trailers. An error of the service becomes a response as a handler's does: a [`PluginError`] or a
    /// [`BodyError`](crate::BodyError) inside it with its own status, anything else with 500. There are no upgrades, so no
    /// WebSockets.
    ///
    /// # Panics
    ///
    /// When the prefix does not start with `/`, or has braces.
    ///
    /// # Cancellation
    ///
    /// When the client goes away or the plugin is disabled, the service's future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use std::future::{Ready, ready};
    /// # use std::task::{Context, Poll};
    /// # use toru_plugin_api::{Body, PluginContext, PluginError, PluginMetadata, PluginRoute, ToruPlugin};
    /// # #[derive(Clone)]
    /// # struct Router;
    /// # impl tower_service::Service<http::Request<Body>> for Router {
    /// #     type Response = http::Response<Body>;
    /// #     type Error = Infallible;
    /// #     type Future = Ready<Result<http::Response<Body>, Infallible>>;
    /// #     fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> { Poll::Ready(Ok(())) }
    /// #     fn call(&mut self, _: http::Request<Body>) -> Self::Future { ready(Ok(http::Response::new(Body::empty()))) }
    /// # }
    /// struct Shop {
    ///     router: Router,
    /// }
    ///
    /// # impl ToruPlugin for Shop {
    /// #     const METADATA: PluginMetadata = PluginMetadata::new("shop", "Shop");
    /// #     async fn init(_: PluginContext) -> Result<Self, PluginError> { Ok(Self { router: Router }) }
    /// fn register_routes(&self) -> Vec<PluginRoute<Self>> {
    ///     PluginRoute::service("/", self.router.clone())
    /// }
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    #[must_use]
    pub fn service<S, B>(prefix: &str, service: S) -> Vec<Self>
    where
        S: Service<http::Request<Body>, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: http_body::Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        assert!(
            prefix.starts_with('/') && !prefix.contains(['{', '}']),
            "the prefix `{prefix}` of a service starts with `/` and captures nothing"
        );
        let prefix = prefix.trim_end_matches('/');
        let mounted = Arc::new(Mounted {
            prefix: prefix.into(),
            service,
        });
        let route = |pattern: String| {
            let mounted = Arc::clone(&mounted);
            let handler = move |_: &P, request: Request| serve(Arc::clone(&mounted), request);
            Self::from_parts(shim::async_route::<P, _>(
                TORU_ANY_METHOD,
                pattern.into(),
                handler,
            ))
        };
        let mut routes = vec![route(format!("{prefix}/")), route(format!("{prefix}/{{*rest}}"))];
        if !prefix.is_empty() {
            routes.push(route(prefix.to_owned()));
        }
        routes
    }
}

/// Where a service is mounted: an extension of every request that it gets.
///
/// With axum: `Extension(mount): Extension<Mount>`.
#[derive(Clone)]
pub struct Mount {
    ctx: Option<Ctx>,
    prefix: Arc<str>,
}

impl Mount {
    /// The outer path of the service's `/`, without a slash at its end, such as `/api/plugins/shop`.
    ///
    /// In front of the path that the service sees, it makes up the path that the host's application got.
    #[must_use]
    pub fn path(&self) -> String {
        let base = self.ctx.map_or("", |ctx| ctx.info(TORU_INFO_BASE_PATH));
        format!("{base}{}", self.prefix)
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mount").field(&self.path()).finish()
    }
}

struct Mounted<S> {
    prefix: Arc<str>,
    service: S,
}

async fn serve<S, B>(mounted: Arc<Mounted<S>>, request: Request) -> Result<Response, PluginError>
where
    S: Service<http::Request<Body>, Response = http::Response<B>> + Clone,
    S::Error: Into<BoxError>,
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    let ctx = request.ctx();
    let mut request = below(&mounted.prefix, request)?;
    let prefix = Arc::clone(&mounted.prefix);
    request.extensions_mut().insert(Mount { ctx, prefix });
    let mut service = mounted.service.clone();
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(of_service)?;
    let response = service.call(request).await.map_err(of_service)?;
    Ok(response.into())
}
