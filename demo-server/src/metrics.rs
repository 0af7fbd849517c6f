//! What the plugins do, for Prometheus: `GET /metrics`, for whoever knows the token.

use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use toru_host::PluginManager;
use toru_host::metrics::{REQUEST_DURATION, describe, record};

use crate::auth::Gatekeeper;

/// Upper ends of the durations' buckets, in seconds.
const BUCKETS: [f64; 12] = [
    0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0,
];
/// How often recorded durations are sorted into buckets, so that they pile up for nobody.
const UPKEEP: Duration = Duration::from_secs(5);

/// Makes an exporter the recorder of this process. To be called once, before the plugins are started.
///
/// # Errors
///
/// When the process has a recorder already.
///
/// # Panics
///
/// When called outside of a tokio runtime.
pub fn install() -> Result<PrometheusHandle> {
    let durations = Matcher::Full(REQUEST_DURATION.to_owned());
    let exporter = PrometheusBuilder::new()
        .set_buckets_for_metric(durations, &BUCKETS)?
        .install_recorder()
        .context("the exporter of metrics cannot be installed")?;
    describe();
    let upkeep = exporter.clone();
    tokio::spawn(async move {
        let mut rounds = tokio::time::interval(UPKEEP);
        loop {
            rounds.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(exporter)
}

/// `GET /metrics`.
pub fn router(manager: PluginManager, exporter: PrometheusHandle, gatekeeper: Gatekeeper) -> Router {
    let answer = move |request: Request| {
        let head = request.into_parts().0;
        std::future::ready(if gatekeeper.has_token(&head) {
            page(&manager, &exporter)
        } else {
            let ask = [(WWW_AUTHENTICATE, "Bearer"), (CACHE_CONTROL, "no-store")];
            (StatusCode::UNAUTHORIZED, ask, "send the token\n").into_response()
        })
    };
    Router::new().route("/metrics", get(answer))
}

fn page(manager: &PluginManager, exporter: &PrometheusHandle) -> Response {
    record(manager);
    let fields = [
        (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    (fields, exporter.render()).into_response()
}
