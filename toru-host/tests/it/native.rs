//! A plugin linked into the tests that has a tokio runtime of its own and mounts a service, both as the test says.

use std::collections::HashMap;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use toru_host::Builder;
use toru_host::kv::MemoryKv;
use toru_plugin_api::{
    Body, PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response, TokioRuntime,
    ToruPlugin,
};
use tower_service::Service;
use uuid::Uuid;

use crate::actor::{Later, Reply};
use crate::host::Host;
use crate::support::Place;

/// No other runtime of the tests has as many.
pub(crate) const WORKERS: usize = 3;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;
pub(crate) type Served = http::Response<UnsyncBoxBody<bytes::Bytes, BoxError>>;
type Scene<T> = Box<dyn Fn(PluginContext) -> T + Send + Sync>;
type Dialogue<T> = Box<dyn Fn(PluginContext, Request) -> T + Send + Sync>;

/// What the plugin does.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) init: Option<Scene<Later<()>>>,
    pub(crate) registered: Option<Scene<()>>,
    pub(crate) act: Option<Dialogue<Later<Reply>>>,
    pub(crate) block: Option<Dialogue<Reply>>,
    pub(crate) shutdown: Option<Scene<Later<()>>>,
    pub(crate) dropped: Option<Scene<()>>,
    pub(crate) served: Option<ServiceOf>,
    pub(crate) prefix: Option<&'static str>,
}

impl Script {
    /// Answers requests to `/act` by that function.
    pub(crate) fn act<F>(act: impl Fn(PluginContext, Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        Self {
            act: Some(Box::new(move |ctx, request| Box::pin(act(ctx, request)))),
            ..Self::default()
        }
    }

    /// Answers requests below `/served` by that service.
    pub(crate) fn serve(served: ServiceOf) -> Self {
        Self {
            served: Some(served),
            ..Self::default()
        }
    }

    /// A host that runs the plugin.
    pub(crate) async fn run(self) -> Host {
        self.run_with(|builder| builder).await
    }

    pub(crate) async fn run_with(self, change: impl FnOnce(Builder) -> Builder) -> Host {
        let host = self.load(change).await;
        host.enable("native").await.unwrap();
        host
    }

    fn publish(self, installation: Uuid) {
        let mut scripts = SCRIPTS.lock().unwrap();
        let scripts = scripts.get_or_insert_default();
        scripts.insert(installation.to_string(), Arc::new(self));
    }

    /// A host that knows the plugin.
    pub(crate) async fn load(self, change: impl FnOnce(Builder) -> Builder) -> Host {
        let installation = Uuid::new_v4();
        self.publish(installation);
        let plugin = toru_plugin_api::static_plugin!(Native);
        let store = MemoryKv::with_instance_id(installation);
        Host::with(Place::new(), |builder| {
            change(builder.kv(store).register_static(plugin))
        })
        .await
    }
}

/// By the installation that the plugin finds itself in: each test has its own.
static SCRIPTS: Mutex<Option<HashMap<String, Arc<Script>>>> = Mutex::new(None);

struct Native {
    ctx: PluginContext,
    script: Arc<Script>,
}

impl ToruPlugin for Native {
    const METADATA: PluginMetadata = PluginMetadata::new("native", "Native").version("1.0.0");
    const TOKIO: Option<TokioRuntime> = Some(
        TokioRuntime::new()
            .worker_threads(WORKERS)
            .shutdown_timeout(Duration::from_millis(100)),
    );

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        let script = SCRIPTS.lock().unwrap().as_ref().unwrap()[ctx.instance_id].clone();
        if let Some(init) = &script.init {
            init(ctx).await;
        }
        Ok(Self { ctx, script })
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        if let Some(registered) = &self.script.registered {
            registered(self.ctx);
        }
        let mut routes = vec![
            PluginRoute::any("/act", Self::act),
            PluginRoute::blocking_any("/block", Self::block),
        ];
        if let Some(served) = &self.script.served {
            let prefix = self.script.prefix.unwrap_or("/served");
            routes.extend(PluginRoute::service(prefix, served.clone()));
        }
        routes
    }

    fn frontend_bundle(&self) -> Option<&'static [u8]> {
        if let Some(registered) = &self.script.registered {
            registered(self.ctx);
        }
        None
    }

    async fn shutdown(&self) {
        if let Some(shutdown) = &self.script.shutdown {
            shutdown(self.ctx).await;
        }
    }
}

impl Native {
    async fn act(&self, request: Request) -> Reply {
        match &self.script.act {
            Some(act) => act(self.ctx, request).await,
            None => Err(PluginError::NotFound("the script has no such scene".into())),
        }
    }

    fn block(&self, request: Request) -> Reply {
        match &self.script.block {
            Some(block) => block(self.ctx, request),
            None => Ok(Response::new(404)),
        }
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        if let Some(dropped) = &self.script.dropped {
            dropped(self.ctx);
        }
    }
}

type Ready = dyn Fn(&mut Context<'_>) -> Poll<Result<(), BoxError>> + Send + Sync;
type Call = dyn Fn(http::Request<Body>) -> Later<Result<Served, BoxError>> + Send + Sync;

/// A service made of functions.
#[derive(Clone)]
pub(crate) struct ServiceOf {
    ready: Arc<Ready>,
    call: Arc<Call>,
    is_ready: bool,
}

impl ServiceOf {
    pub(crate) fn new<F>(call: impl Fn(http::Request<Body>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Served, BoxError>> + Send + 'static,
    {
        Self {
            ready: Arc::new(|_| Poll::Ready(Ok(()))),
            call: Arc::new(move |request| Box::pin(call(request))),
            is_ready: false,
        }
    }

    pub(crate) fn ready_by(
        mut self,
        ready: impl Fn(&mut Context<'_>) -> Poll<Result<(), BoxError>> + Send + Sync + 'static,
    ) -> Self {
        self.ready = Arc::new(ready);
        self
    }
}

impl Service<http::Request<Body>> for ServiceOf {
    type Response = Served;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Served, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let polled = (self.ready)(cx);
        self.is_ready = matches!(polled, Poll::Ready(Ok(())));
        polled
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called before it was ready");
        (self.call)(request)
    }
}

/// A response with that body.
pub(crate) fn served<B>(body: B) -> Served
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    http::Response::new(body.map_err(Into::into).boxed_unsync())
}
