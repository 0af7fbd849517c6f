//! A host in a folder of its own, and requests to its plugins.

use std::fs;
use std::future::poll_fn;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use serde_json::Value;
use toru_host::error::ManagerError;
use toru_host::plugin::{PluginId, PluginInfo, PluginState, PluginStatus};
use toru_host::service::{
    Access, Authorization, Authorizer, DangerouslyAllowEveryone, PluginApi, ResponseBody,
};
use toru_host::{Builder, PluginManager};
use tower_service::Service;

use crate::logs;
use crate::support::Place;

/// A guard against tests that hang; nothing is measured with it.
const TOO_LONG: Duration = Duration::from_secs(60);

/// Waits for something that happens soon, or fails.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(TOO_LONG, future).await {
        Ok(output) => output,
        Err(_) => panic!("this takes too long"),
    }
}

/// Looks again and again until `done` is true, while everything else goes on.
pub(crate) async fn until(mut done: impl FnMut() -> bool) {
    soon(async {
        while !done() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

pub(crate) fn id(text: &str) -> PluginId {
    text.parse().unwrap()
}

/// A manager and its service.
pub(crate) struct Host {
    pub(crate) place: Place,
    pub(crate) manager: PluginManager,
    api: PluginApi,
}

/// A response that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// The problem document's code, or "" when it is none.
    pub(crate) fn code(&self) -> String {
        let document: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        document["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Status and code of a problem.
    pub(crate) fn problem(&self) -> (u16, String) {
        (self.status, self.code())
    }
}

impl Host {
    /// Starts a manager for the plugins of `place`.
    pub(crate) async fn new(place: Place) -> Self {
        Self::with(place, |builder| builder).await
    }

    pub(crate) async fn with(place: Place, change: impl FnOnce(Builder) -> Builder) -> Self {
        logs::keep();
        Self::unheard(place, change).await
    }

    /// The same, and nothing of what it logs is kept, unless another test of the process wants that.
    pub(crate) async fn unheard(place: Place, change: impl FnOnce(Builder) -> Builder) -> Self {
        let builder = PluginManager::builder(place.plugins()).host_name("zoo");
        let manager = soon(change(builder).start()).await.unwrap();
        let api = PluginApi::new(manager.clone(), DangerouslyAllowEveryone);
        Self { place, manager, api }
    }

    /// Stops the host and starts another one for the same folders.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|builder| builder).await
    }

    pub(crate) async fn restart_with(self, change: impl FnOnce(Builder) -> Builder) -> Self {
        soon(self.manager.shutdown()).await;
        let Self { place, .. } = self;
        Self::with(place, change).await
    }

    pub(crate) async fn scan(&self) -> Result<(), ManagerError> {
        soon(self.manager.scan()).await
    }

    pub(crate) fn info(&self, plugin: &str) -> PluginInfo {
        self.manager.get(&id(plugin)).unwrap()
    }

    pub(crate) fn state(&self, plugin: &str) -> PluginState {
        self.status(plugin).state
    }

    /// The file that records what is asked for.
    pub(crate) fn state_file(&self) -> PathBuf {
        self.place.plugins().join(".metadata/config.json")
    }

    /// What is recorded as asked for.
    pub(crate) fn recorded(&self) -> Value {
        serde_json::from_slice(&fs::read(self.state_file()).unwrap()).unwrap()
    }

    pub(crate) async fn enable(&self, plugin: &str) -> Result<(), ManagerError> {
        soon(self.manager.enable(&id(plugin))).await
    }

    pub(crate) async fn disable(&self, plugin: &str) {
        soon(self.manager.disable(&id(plugin))).await.unwrap();
    }

    pub(crate) fn status(&self, plugin: &str) -> PluginStatus {
        self.manager.status(&id(plugin)).unwrap()
    }

    /// The response's future, which runs nothing before it is polled. The path starts with the plugin's id.
    pub(crate) fn call<B>(&self, request: Request<B>) -> toru_host::service::ResponseFuture<B>
    where
        B: Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.api.clone().call(request)
    }

    pub(crate) async fn respond<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match soon(self.call(request)).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Sends a request without a body and reads the response to its end.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        read(self.respond(get(path)).await).await.unwrap()
    }

    /// Sends a request with a body and reads the response to its end.
    pub(crate) async fn post(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        read(self.respond(post(path, Full::new(body.into()))).await)
            .await
            .unwrap()
    }
}

/// An application that decides by a function.
pub(crate) struct Decides<F>(pub(crate) F);

impl<F: Fn(&Parts) -> Authorization + Send + Sync + 'static> Authorizer for Decides<F> {
    fn authorize(&self, head: &Parts, _: Access<'_>) -> Authorization {
        (self.0)(head)
    }
}

/// Sends a request to a service of the test's own and reads the response to its end.
pub(crate) async fn ask<B>(api: &PluginApi, request: Request<B>) -> Answer
where
    B: Body + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Ok(response) = soon(api.clone().call(request)).await;
    read(response).await.unwrap()
}

/// Polls once.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

pub(crate) fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("/api/plugins/{path}"))
        .body(Empty::new())
        .unwrap()
}

pub(crate) fn post<B>(path: &str, body: B) -> Request<B> {
    Request::post(format!("/api/plugins/{path}")).body(body).unwrap()
}

/// Reads a response to its end, or to the error in it.
pub(crate) async fn read(response: Response<ResponseBody>) -> Result<Answer, toru_host::error::BodyError> {
    let (head, body) = response.into_parts();
    let collected = soon(body.collect()).await?;
    let trailers = collected.trailers().cloned();
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: collected.to_bytes(),
        trailers,
    })
}

/// Puts a finished library into the plugins folder.
pub(crate) fn install(place: &Place, library: &Path, name: &str) {
    let path = place.plugins().join(name);
    fs::copy(library, &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
}
