//! The application: its state and its routes.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use crate::events::Events;
use crate::notes::Shelf;
use crate::upstream::Upstream;
use crate::{events, notes, upstream};

/// What an administrator may set.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where the other server is, such as `http://127.0.0.1:8080/health`.
    pub(crate) upstream: Option<String>,
    /// Milliseconds between two looks at it.
    pub(crate) check_every_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            upstream: None,
            check_every_ms: 5000,
        }
    }
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) notes: Arc<Shelf>,
    pub(crate) events: Events,
    pub(crate) upstream: Option<Upstream>,
}

/// The whole application. Must be called inside of a tokio runtime.
pub(crate) fn router(settings: Settings) -> Router {
    let events = Events::new();
    let upstream = settings.upstream.map(Upstream::new);
    if let Some(upstream) = upstream.clone() {
        // Nobody has to end it: it goes with the runtime.
        tokio::spawn(upstream.watch(settings.check_every_ms, events.clone()));
    }
    let app = App {
        notes: Arc::default(),
        events,
        upstream,
    };
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([CONTENT_TYPE]);
    let fresh = SetResponseHeaderLayer::if_not_present(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Router::new()
        .route("/list", get(notes::list).post(notes::add))
        .route("/list/{id}", get(notes::show).delete(notes::remove))
        .route("/events", get(events::follow))
        .route("/echo", post(echo))
        .route("/upstream", get(upstream::fetch))
        .route("/panic", post(panic))
        .layer((TraceLayer::new_for_http(), cors, fresh, CompressionLayer::new()))
        .with_state(app)
}

/// Sends the body back while it still arrives.
async fn echo(headers: HeaderMap, body: Body) -> Response {
    let mut response = body.into_response();
    if let Some(kind) = headers.get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    response
}

/// Lets a task panic, and tells what became of it.
async fn panic() -> (StatusCode, String) {
    let task = tokio::spawn(async { panic!("a task panics because somebody asked for it") });
    match task.await {
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        Ok(()) => (StatusCode::OK, "it did not\n".to_owned()),
    }
}
