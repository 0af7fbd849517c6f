//! The handlers as an application writes them, without any plugin.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use toru_benches_work::{JSON, SuspendOnce, TENANT, VERSION};

use crate::requests::BenchRequest;

/// The application's routes, where the plugin's would be.
pub fn router() -> Router {
    below("/api/plugins/bench")
}

/// The application's routes below a path.
pub fn below(base: &str) -> Router {
    Router::new()
        .route(&format!("{base}/small/{{id}}"), get(small))
        .route(&format!("{base}/suspended/{{id}}"), get(suspended))
        .route(&format!("{base}/copy"), post(copy))
}

async fn small(Path(id): Path<String>, request: Request) -> Response {
    answer(id.as_bytes(), request.headers()).map(Body::from)
}

async fn suspended(Path(id): Path<String>, request: Request) -> Response {
    SuspendOnce::default().await;
    answer(id.as_bytes(), request.headers()).map(Body::from)
}

async fn copy(request: Request) -> Response {
    let body = request.into_body().collect().await.unwrap_or_default();
    Response::new(Body::from(body.to_bytes().to_vec()))
}

/// The small handler without a router.
pub async fn direct_small(request: BenchRequest) -> Response<Full<Bytes>> {
    let id = request.uri().path().rsplit('/').next().unwrap_or_default();
    answer(id.as_bytes(), request.headers()).map(Full::new)
}

/// The handler that suspends once, without a router.
pub async fn direct_suspended(request: BenchRequest) -> Response<Full<Bytes>> {
    SuspendOnce::default().await;
    direct_small(request).await
}

/// The copying handler without a router.
pub async fn direct_copy(request: BenchRequest) -> Response<Full<Bytes>> {
    let body = request.into_body().collect().await.unwrap_or_default();
    Response::new(Full::new(body.to_bytes().to_vec().into()))
}

fn answer(id: &[u8], headers: &HeaderMap) -> Response<Bytes> {
    let tenant = headers.get(TENANT).map(HeaderValue::as_bytes).unwrap_or_default();
    let mut response = Response::new(toru_benches_work::small(id, tenant).into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(VERSION.0, HeaderValue::from_static(VERSION.1));
    response
}
