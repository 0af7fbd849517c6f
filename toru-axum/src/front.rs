//! Plugins in front of a whole application.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use pin_project_lite::pin_project;
use toru_host::PluginManager;
use toru_host::service::{Authorizer, PluginApi, ResponseFuture};
use tower_layer::Layer;
use tower_service::Service;

/// Puts plugins in front of an application: requests below the manager's base path never enter its router.
///
/// The fastest way in. A route of axum's own costs more than a plugin's handler; with this layer a request to a
/// plugin is told by the beginning of its path alone. Layers that the application put around its routes do not see
/// such requests; put those that should around this one.
///
/// # Examples
///
/// ```no_run
/// use axum::extract::Request;
/// use axum::{Router, ServiceExt};
/// use toru_axum::{DangerouslyAllowEveryone, PluginLayer, PluginManager};
/// use tower_layer::Layer;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let manager = PluginManager::builder("./plugins").start().await?;
/// let app = Router::new();
/// let app = PluginLayer::new(manager, DangerouslyAllowEveryone).layer(app);
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// axum::serve(listener, ServiceExt::<Request>::into_make_service(app)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PluginLayer {
    api: PluginApi,
}

impl PluginLayer {
    /// Makes the layer. Every request to a plugin is put before `authorizer` first.
    pub fn new(manager: PluginManager, authorizer: impl Authorizer) -> Self {
        PluginApi::new(manager, authorizer).into()
    }
}

/// A service that was built with options, in front of an application.
impl From<PluginApi> for PluginLayer {
    fn from(api: PluginApi) -> Self {
        Self { api }
    }
}

impl<S> Layer<S> for PluginLayer {
    type Service = WithPlugins<S>;

    fn layer(&self, app: S) -> WithPlugins<S> {
        WithPlugins {
            api: self.api.clone(),
            app,
        }
    }
}

/// An application with plugins in front of it. See [`PluginLayer`].
#[derive(Clone, Debug)]
pub struct WithPlugins<S> {
    api: PluginApi,
    app: S,
}

impl<S> Service<Request> for WithPlugins<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = WithPluginsFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.app.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let kind = if self.api.answers(request.uri().path()) {
            let answer = self.api.call(request);
            Kind::Plugin { answer }
        } else {
            let answer = self.app.call(request);
            Kind::App { answer }
        };
        WithPluginsFuture { kind }
    }
}

pin_project! {
    /// The response of [`WithPlugins`]. Dropping it cancels the call.
    pub struct WithPluginsFuture<F> {
        #[pin]
        kind: Kind<F>,
    }
}

pin_project! {
    #[project = Projected]
    enum Kind<F> {
        Plugin { #[pin] answer: ResponseFuture<Body> },
        App { #[pin] answer: F },
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for WithPluginsFuture<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            Projected::App { answer } => answer.poll(cx),
            Projected::Plugin { answer } => {
                let response = match ready!(answer.poll(cx)) {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
                Poll::Ready(Ok(response.map(Body::new)))
            }
        }
    }
}

impl<F> fmt::Debug for WithPluginsFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::App { .. } => "WithPluginsFuture(app)",
            Kind::Plugin { .. } => "WithPluginsFuture(plugin)",
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::{Layer, PluginLayer, PluginManager, Request};
    use crate::DangerouslyAllowEveryone;

    #[tokio::test]
    async fn plugins_get_what_lies_below_their_path_and_the_application_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let manager = PluginManager::builder(folder.path().join("plugins"))
            .start()
            .await
            .unwrap();
        let app = Router::new().fallback(get(|| async { StatusCode::IM_A_TEAPOT }));
        let app = PluginLayer::new(manager, DangerouslyAllowEveryone).layer(app);
        let cases = [
            ("/api/plugins", StatusCode::OK),
            ("/api/plugins/", StatusCode::OK),
            ("/api/plugins/none/x", StatusCode::NOT_FOUND),
            ("/api/plugins/none/../x", StatusCode::BAD_REQUEST),
            ("/api/pluginsx", StatusCode::IM_A_TEAPOT),
            ("/api/plugin", StatusCode::IM_A_TEAPOT),
            ("/", StatusCode::IM_A_TEAPOT),
        ];
        for (path, status) in cases {
            let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
            assert_eq!(
                app.clone().oneshot(request).await.unwrap().status(),
                status,
                "{path}"
            );
        }
    }
}
