//! The host: a real one in temporary folders, its store in memory, its limits short.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Empty};
use tokio::task::JoinHandle;
use toru_host::error::ManagerError;
use toru_host::kv::MemoryKv;
use toru_host::plugin::{PluginCounters, PluginId, PluginInfo, PluginLimits};
use toru_host::service::{DangerouslyAllowEveryone, PluginApi, ResponseBody};
use toru_host::{PluginManager, QuarantinePolicy};
use toru_plugin_api::{PluginContext, PluginError, PluginMetadata, PluginRoute, ToruPlugin, static_plugin};
use tower_service::Service as _;

use super::task::Task;

/// How long a call may take to its answer.
const CALL: Duration = Duration::from_secs(5);
/// How long a body is read; streams need not end.
const READ: Duration = Duration::from_millis(500);
/// Most bytes of a body that are read.
const READ_MAX: usize = 8 << 20;
/// How long running calls get to end when the plugin is disabled.
const DRAIN: Duration = Duration::from_secs(1);
/// How long a call may hold a thread.
const STUCK: Duration = Duration::from_secs(3);

/// A plugin without anything. It goes first, so that what a host keeps for good from its first plugin on is not held
/// against the one that is checked.
struct Nothing;

impl ToruPlugin for Nothing {
    const METADATA: PluginMetadata = PluginMetadata::new("check-plugin-warm-up", "Warm-up").version("0");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        Vec::new()
    }
}

/// The host, and the plugin in it that is checked.
#[derive(Clone, Debug)]
pub(super) struct Host {
    manager: PluginManager,
    api: PluginApi,
    id: PluginId,
}

/// An answer, as far as it was read.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) has_ended: bool,
}

impl Host {
    /// Starts it for the plugins folder below `folder`.
    pub(super) async fn start(folder: &Path, task: &Task) -> Result<Self> {
        let store = match &task.instance {
            Some(id) => MemoryKv::with_instance_id(id.parse()?),
            None => MemoryKv::new(),
        };
        let manager = PluginManager::builder(folder.join("plugins"))
            .host_name("check-plugin")
            .host_version(env!("CARGO_PKG_VERSION"))
            .kv(store)
            .limits(PluginLimits::default().timeout(CALL))
            .drain_timeout(DRAIN)
            .stuck_after(STUCK)
            .quarantine(QuarantinePolicy::never())
            .register_static(static_plugin!(Nothing))
            .start()
            .await
            .context("no host can be started")?;
        let api = PluginApi::new(manager.clone(), DangerouslyAllowEveryone);
        let id = task.plugin.parse()?;
        Ok(Self { manager, api, id })
    }

    /// Has it do once what it does for every plugin.
    pub(super) async fn warm_up(&self) -> Result<()> {
        let nothing = "check-plugin-warm-up".parse()?;
        for _ in 0..2 {
            self.manager.enable(&nothing).await?;
            self.manager.disable(&nothing).await?;
        }
        Ok(())
    }

    pub(super) async fn enable(&self) -> Result<(), ManagerError> {
        self.manager.enable(&self.id).await
    }

    pub(super) async fn disable(&self) -> Result<(), ManagerError> {
        self.manager.disable(&self.id).await
    }

    pub(super) async fn shutdown(&self) {
        self.manager.shutdown().await;
    }

    /// The plugin as the host sees it.
    pub(super) fn info(&self) -> Result<PluginInfo> {
        self.manager
            .get(&self.id)
            .with_context(|| format!("the host does not list the plugin {}", self.id))
    }

    pub(super) fn counters(&self) -> Result<PluginCounters> {
        Ok(self.info()?.counters)
    }

    /// Sends a request on a thread of its own, which the plugin may hold for as long as it likes.
    pub(super) fn send(&self, method: Method, path: &str) -> Result<JoinHandle<Response<ResponseBody>>> {
        let call = self.call(method, path)?;
        Ok(tokio::spawn(async {
            match call.await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }))
    }

    /// A call that nothing was done for yet.
    pub(super) fn call(
        &self,
        method: Method,
        path: &str,
    ) -> Result<toru_host::service::ResponseFuture<Empty<Bytes>>> {
        let path = format!("{}/{}{path}", self.manager.base_path(), self.id);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Empty::<Bytes>::new())?;
        Ok(self.api.clone().call(request))
    }

    /// Sends a request and reads what comes; `None` when nothing does.
    pub(super) async fn ask(&self, method: Method, path: &str) -> Result<Option<Answer>> {
        let sent = self.send(method, path)?;
        Ok(match tokio::time::timeout(CALL * 2, sent).await {
            Ok(response) => Some(read(response?).await?),
            Err(_) => None,
        })
    }
}

/// Reads a body for as long as it comes, and no longer than a moment.
pub(super) async fn read(response: Response<ResponseBody>) -> Result<Answer> {
    let status = response.status().as_u16();
    let mut stream = response.into_body();
    let reading = tokio::spawn(async move {
        let mut body = Vec::new();
        let deadline = tokio::time::Instant::now() + READ;
        while body.len() < READ_MAX {
            match tokio::time::timeout_at(deadline, stream.frame()).await {
                Ok(Some(Ok(frame))) => {
                    if let Some(bytes) = frame.data_ref() {
                        body.extend_from_slice(bytes);
                    }
                }
                Ok(ended) => return (body, ended.is_none()),
                Err(_) => break,
            }
        }
        (body, false)
    });
    let (body, has_ended) = tokio::time::timeout(CALL * 2, reading)
        .await
        .unwrap_or_else(|_| Ok((Vec::new(), false)))?;
    Ok(Answer {
        status,
        body,
        has_ended,
    })
}
