//! Every request has an id and leaves a line in the log. Queries, cookies and credentials stay out of it.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::auth::peer;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts ids and the log around a router. Only a proxy is believed about ids and addresses.
pub(crate) fn logged(router: Router, is_behind_proxy: bool) -> Router {
    let span = move |request: &Request| {
        let id = request.headers().get(&REQUEST_ID);
        tracing::info_span!(
            target: "access",
            "request",
            id = id.and_then(|id| id.to_str().ok()),
            client = %peer::address(request.headers(), request.extensions(), is_behind_proxy),
            method = %request.method(),
            path = request.uri().path(),
        )
    };
    let told = |response: &Response, latency: Duration, _: &Span| {
        let (status, ms) = (response.status().as_u16(), latency.as_millis());
        tracing::info!(target: "access", status, ms, "answered");
    };
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(told)
        .on_body_chunk(())
        .on_eos(())
        .on_failure(());
    let router = router
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(trace)
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid));
    if is_behind_proxy {
        router
    } else {
        router.layer(from_fn(forget_id))
    }
}

/// An id that a client made up could be somebody else's.
async fn forget_id(mut request: Request, next: Next) -> Response {
    request.headers_mut().remove(&REQUEST_ID);
    next.run(request).await
}
