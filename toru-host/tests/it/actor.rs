//! A plugin linked into the tests, which does what the test at hand says.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use toru_host::Builder;
use toru_host::kv::MemoryKv;
use toru_plugin_api::{
    PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response, ToruPlugin,
};
use uuid::Uuid;

use crate::host::Host;
use crate::support::Place;

pub(crate) type Reply = Result<Response, PluginError>;
pub(crate) type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Scene<T> = Box<dyn Fn(PluginContext) -> T + Send + Sync>;
type Dialogue<T> = Box<dyn Fn(PluginContext, Request) -> T + Send + Sync>;

/// What the plugin does.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) init: Option<Scene<Later<Result<(), PluginError>>>>,
    pub(crate) license: Option<Scene<Later<Result<(), PluginError>>>>,
    pub(crate) act: Option<Dialogue<Later<Reply>>>,
    pub(crate) block: Option<Dialogue<Reply>>,
    pub(crate) shutdown: Option<Scene<Later<()>>>,
    pub(crate) dropped: Option<Scene<()>>,
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

    /// Answers requests to `/block` by that function, which may block.
    pub(crate) fn block(block: impl Fn(PluginContext, Request) -> Reply + Send + Sync + 'static) -> Self {
        Self {
            block: Some(Box::new(block)),
            ..Self::default()
        }
    }

    /// A host that runs the plugin.
    pub(crate) async fn run(self) -> Host {
        self.run_with(|builder| builder).await
    }

    pub(crate) async fn run_with(self, change: impl FnOnce(Builder) -> Builder) -> Host {
        let host = self.load(change).await;
        host.enable("actor").await.unwrap();
        host
    }

    /// Makes the script the one of the plugin in that installation.
    pub(crate) fn publish(self, installation: Uuid) {
        let mut scripts = SCRIPTS.lock().unwrap();
        let scripts = scripts.get_or_insert_default();
        scripts.insert(installation.to_string(), Arc::new(self));
    }

    /// A host that knows the plugin.
    pub(crate) async fn load(self, change: impl FnOnce(Builder) -> Builder) -> Host {
        let installation = Uuid::new_v4();
        self.publish(installation);
        Host::with(Place::new(), |builder| change(with_plugin(builder, installation))).await
    }
}

/// Stops a host that knows the plugin and starts another one for the same folders.
pub(crate) async fn restart(host: Host) -> Host {
    let installation = host.manager.instance_id().parse().unwrap();
    host.restart_with(|builder| with_plugin(builder, installation))
        .await
}

pub(crate) fn with_plugin(builder: Builder, installation: Uuid) -> Builder {
    builder
        .kv(MemoryKv::with_instance_id(installation))
        .register_static(plugin())
}

/// The plugin.
pub(crate) fn plugin() -> toru_plugin_api::abi::StaticPlugin {
    toru_plugin_api::static_plugin!(Actor)
}

/// By the installation that the plugin finds itself in: each test has its own.
static SCRIPTS: Mutex<Option<HashMap<String, Arc<Script>>>> = Mutex::new(None);

struct Actor {
    ctx: PluginContext,
    script: Arc<Script>,
}

impl ToruPlugin for Actor {
    const METADATA: PluginMetadata = PluginMetadata::new("actor", "Actor").version("1.0.0");

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        let script = SCRIPTS.lock().unwrap().as_ref().unwrap()[ctx.instance_id].clone();
        if let Some(init) = &script.init {
            init(ctx).await?;
        }
        Ok(Self { ctx, script })
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![
            PluginRoute::any("/act", Self::act),
            PluginRoute::any("/act/{*rest}", Self::act),
            PluginRoute::any("/spanned", Self::act),
            PluginRoute::any("/large", Self::large),
            PluginRoute::blocking_any("/block", Self::block),
            PluginRoute::get("/ok", Self::ok),
        ]
    }

    async fn license_changed(&self) -> Result<(), PluginError> {
        match &self.script.license {
            Some(license) => license(self.ctx).await,
            None => Err(PluginError::Unsupported("the scene")),
        }
    }

    async fn shutdown(&self) {
        if let Some(shutdown) = &self.script.shutdown {
            shutdown(self.ctx).await;
        }
    }
}

impl Actor {
    async fn act(&self, request: Request) -> Reply {
        match &self.script.act {
            Some(act) => act(self.ctx, request).await,
            None => Err(PluginError::NotFound("the script has no such scene".into())),
        }
    }

    /// The same by a future that is too large for the host's scratch memory.
    async fn large(&self, request: Request) -> Reply {
        let ballast = [request.path().len(); 1024];
        let reply = self.act(request).await;
        assert_eq!(
            ballast.len(),
            ballast.iter().filter(|len| **len == ballast[0]).count()
        );
        reply
    }

    fn block(&self, request: Request) -> Reply {
        match &self.script.block {
            Some(block) => block(self.ctx, request),
            None => Err(PluginError::NotFound("the script has no such scene".into())),
        }
    }

    async fn ok(&self, _: Request) -> Reply {
        Ok(Response::text("ok"))
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        if let Some(dropped) = &self.script.dropped {
            dropped(self.ctx);
        }
    }
}

/// Tells, when it is dropped, that it was.
pub(crate) struct Told(Option<tokio::sync::oneshot::Sender<()>>);

/// A value, and what resolves once it was dropped.
pub(crate) fn told() -> (Told, tokio::sync::oneshot::Receiver<()>) {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    (Told(Some(sender)), receiver)
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(());
        }
    }
}
