//! Compression of the application's own dynamic replies.
//!
//! Only of those that are named here: an attacker who has something of theirs compressed together with a secret can
//! tell the secret by the length. What plugins answer may be that, so they compress themselves what they want to. Files
//! and bundles are compressed beforehand, and streams of events not at all.

use axum::Router;
use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

/// Smallest reply that is worth it, in bytes.
const MIN: u64 = 1024;

/// Says of a response that it holds no secret and nothing of its request.
#[derive(Clone, Copy)]
struct Harmless;

/// Compresses what may be.
pub(crate) fn compressed(router: Router) -> Router {
    let is_harmless = |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| {
        extensions.get::<Harmless>().is_some()
    };
    let predicate = is_harmless.and(SizeAbove::new(MIN)).and(NotForContentType::SSE);
    router
        .layer(from_fn(mark))
        .layer(CompressionLayer::new().compress_when(predicate))
}

async fn mark(request: Request, next: Next) -> Response {
    let is_harmless = is_harmless(request.uri().path());
    let mut response = next.run(request).await;
    if is_harmless {
        response.extensions_mut().insert(Harmless);
    }
    response
}

/// The list of plugins, one of them, and the metrics.
fn is_harmless(path: &str) -> bool {
    let is_one = |rest: &str| rest.strip_prefix('/').is_some_and(|id| !id.contains('/'));
    path == "/metrics"
        || path
            .strip_prefix("/api/plugins")
            .is_some_and(|rest| rest.is_empty() || is_one(rest))
}

#[cfg(test)]
mod tests {
    use super::is_harmless;

    #[test]
    fn nothing_of_plugins_and_sessions_is_compressed() {
        for path in ["/api/plugins", "/api/plugins/hello", "/metrics"] {
            assert!(is_harmless(path), "{path}");
        }
        for path in [
            "/api/plugins/hello/x",
            "/api/plugin-events",
            "/api/session",
            "/",
            "/api/pluginsx",
        ] {
            assert!(!is_harmless(path), "{path}");
        }
    }
}
