//! Every request has an id and leaves a line in the log. Queries, cookies and credentials stay out of it.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::auth::peer;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken from a proxy, in bytes.
const ID_MAX: usize = 128;
/// What is logged of a path at most, in bytes.
const PATH_MAX: usize = 1024;

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
            path = shown(request.uri().path()),
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
    // An id that a client made up could be somebody else's, and what no proxy makes up is not logged.
    let forget = move |mut request: Request, next: Next| {
        if !(is_behind_proxy && has_plain_id(request.headers())) {
            request.headers_mut().remove(&REQUEST_ID);
        }
        next.run(request)
    };
    router.layer(from_fn(forget))
}

/// Whether there is one id, which is short and has no characters that mean something to somebody.
fn has_plain_id(headers: &HeaderMap) -> bool {
    let mut ids = headers.get_all(&REQUEST_ID).iter();
    let (Some(id), None) = (ids.next(), ids.next()) else {
        return false;
    };
    let may = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=@".contains(byte);
    (1..=ID_MAX).contains(&id.len()) && id.as_bytes().iter().all(may)
}

/// The beginning of a path that is longer than any of ours.
fn shown(path: &str) -> &str {
    let mut end = path.len().min(PATH_MAX);
    while !path.is_char_boundary(end) {
        end -= 1;
    }
    &path[..end]
}

#[cfg(test)]
mod tests {
    use super::{PATH_MAX, shown};

    #[test]
    fn long_paths_are_cut_between_characters() {
        assert_eq!(shown("/short"), "/short");
        assert_eq!(shown(&"/".repeat(PATH_MAX + 1)).len(), PATH_MAX);
        assert_eq!(shown(&format!("/{}", "é".repeat(PATH_MAX))).len(), PATH_MAX - 1);
    }
}
