//! The ways that a request takes.

use std::future::Future;

use axum::Router;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt as _;
use toru_axum::{DangerouslyAllowEveryone, PluginLayer, WithPlugins};
use toru_benches_work::NaivePlugin;
use toru_host::PluginManager;
use toru_host::service::PluginApi;
use tower::ServiceExt as _;
use tower_layer::Layer as _;

use crate::native;
use crate::requests::{BenchRequest, Workload};

/// One way.
pub trait Serve {
    /// Takes a request to its answer and reads the body; returns the number of its bytes.
    fn serve(&mut self, request: BenchRequest) -> impl Future<Output = usize>;
}

/// Nowhere: what all ways share.
#[derive(Clone, Copy, Debug)]
pub struct Harness;

/// The handler, called.
#[derive(Clone, Copy, Debug)]
pub struct Direct(pub Workload);

/// An axum router: with native handlers, or with the service mounted in it.
#[derive(Clone, Debug)]
pub struct Axum(pub Router);

/// An application with plugins in front of it.
#[derive(Clone, Debug)]
pub struct Front(pub WithPlugins<Router>);

/// The tower service alone.
#[derive(Clone, Debug)]
pub struct Tower(pub PluginApi);

/// A trait object from a library.
pub struct Naive(pub Box<dyn NaivePlugin>);

impl Axum {
    /// Native handlers.
    #[must_use]
    pub fn native() -> Self {
        Self(native::router())
    }

    /// The plugins as routes of the application's router, by `toru_axum::router`.
    pub fn mounted(manager: PluginManager) -> Self {
        Self(toru_axum::router(manager, DangerouslyAllowEveryone))
    }
}

impl Front {
    /// The plugins in front of the application's router, by `toru_axum::PluginLayer`.
    pub fn new(manager: PluginManager) -> Self {
        Self(PluginLayer::new(manager, DangerouslyAllowEveryone).layer(native::router()))
    }
}

impl Serve for Harness {
    async fn serve(&mut self, request: BenchRequest) -> usize {
        drop(std::hint::black_box(request));
        0
    }
}

impl Serve for Direct {
    async fn serve(&mut self, request: BenchRequest) -> usize {
        let response = match self.0 {
            Workload::Small => native::direct_small(request).await,
            Workload::Suspended => native::direct_suspended(request).await,
            Workload::Large => native::direct_copy(request).await,
        };
        read(response).await
    }
}

// Servers clone a service for each request and drive it by `oneshot`: so do the next three.
impl Serve for Front {
    async fn serve(&mut self, request: BenchRequest) -> usize {
        match self.0.clone().oneshot(request.map(axum::body::Body::new)).await {
            Ok(response) => read(response).await,
            Err(impossible) => match impossible {},
        }
    }
}

impl Serve for Axum {
    async fn serve(&mut self, request: BenchRequest) -> usize {
        match self.0.clone().oneshot(request).await {
            Ok(response) => read(response).await,
            Err(impossible) => match impossible {},
        }
    }
}

impl Serve for Tower {
    async fn serve(&mut self, request: BenchRequest) -> usize {
        match self.0.clone().oneshot(request).await {
            Ok(response) => read(response).await,
            Err(impossible) => match impossible {},
        }
    }
}

impl Serve for Naive {
    async fn serve(&mut self, request: BenchRequest) -> usize {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap_or_default().to_bytes();
        let response = self.0.call(Request::from_parts(head, body)).await;
        read(response.map(http_body_util::Full::new)).await
    }
}

impl std::fmt::Debug for Naive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Naive")
    }
}

/// Reads an answer's body to its end, as a server does, and drops it all.
async fn read<B: Body + Unpin>(response: Response<B>) -> usize {
    let (head, mut body) = response.into_parts();
    let mut len = 0;
    if head.status.is_success() {
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                len += bytes::Buf::remaining(data);
            }
        }
    }
    std::hint::black_box(&head);
    len
}
