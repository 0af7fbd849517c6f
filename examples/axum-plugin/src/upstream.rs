//! Another server, asked over HTTP.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::app::App;
use crate::events::Events;

/// How long the other server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The other server, and the connections to it.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    address: String,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Upstream {
    pub(crate) fn new(address: String) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, client }
    }

    /// Asks the server, or says what is wrong.
    async fn ask(&self) -> Result<Response<Body>, String> {
        let address = self.address.parse().map_err(|error| format!("{error}"))?;
        let response = timeout(PATIENCE, self.client.get(address))
            .await
            .map_err(|_| "no answer in time".to_owned())?
            .map_err(|error| error.to_string())?;
        Ok(response.map(Body::new))
    }

    /// Looks at the server now and then, for good, and tells whoever follows.
    pub(crate) async fn watch(self, every_ms: u64, events: Events) {
        let mut ticks = interval(Duration::from_millis(every_ms.max(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let seen = match self.ask().await {
                Ok(response) => json!({ "status": response.status().as_u16() }),
                Err(error) => {
                    tracing::warn!(address = self.address, error, "the other server does not answer");
                    json!({ "error": error })
                }
            };
            events.tell("upstream", &seen);
        }
    }
}

/// What the other server answers, passed on while it arrives.
pub(crate) async fn fetch(State(app): State<App>) -> Response<Body> {
    let Some(upstream) = app.upstream else {
        let text = "the configuration names no upstream\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    match upstream.ask().await {
        Ok(response) => {
            let (head, body) = response.into_parts();
            let mut passed = Response::new(body);
            *passed.status_mut() = head.status;
            if let Some(kind) = head.headers.get(CONTENT_TYPE) {
                passed.headers_mut().insert(CONTENT_TYPE, kind.clone());
            }
            passed
        }
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error}\n")).into_response(),
    }
}
