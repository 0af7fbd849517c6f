//! Compression of the application's own dynamic replies.
//!
//! Only of those that are named here, which hold no secret and nothing of their request: an attacker who has something of theirs compressed together with a secret can
//! tell the secret by the length. What plugins answer may be that, so they compress themselves what they want to. Files
//! and bundles are compressed beforehand, and streams of events not at all.

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use tower::ServiceExt;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

/// Smallest reply that is worth it, in bytes.
const MIN: u64 = 1024;

/// Compresses what may be. Other requests do not come near the layer, which answers 406 of its own to some of them.
pub(crate) fn compressed(router: Router) -> Router {
    let layer = CompressionLayer::new().compress_when(SizeAbove::new(MIN));
    let harmless = router.clone().layer(layer);
    let either = move |request: Request| {
        let is_harmless = request.method() == Method::GET && is_harmless(request.uri().path());
        let router = if is_harmless { &harmless } else { &router };
        router.clone().oneshot(request)
    };
    Router::new().fallback(either)
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
