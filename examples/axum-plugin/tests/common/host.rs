//! The built library in a real host.

use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt as _, Empty, Full};
use serde_json::{Value, json};
use tempfile::TempDir;
use toru_host::PluginManager;
use toru_host::plugin::{PluginId, PluginLimits};
use toru_host::service::{DangerouslyAllowEveryone, PluginApi, ResponseBody};
use tower_service::Service as _;

/// A guard against tests that hang; nothing is measured with it.
const TOO_LONG: Duration = Duration::from_secs(60);

/// How long a host waits for calls before it cuts them. Those of the tests do not end by themselves.
const DRAIN: Duration = Duration::from_millis(20);

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TOO_LONG, future)
        .await
        .unwrap_or_else(|_| panic!("this takes too long"))
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

/// The plugin's library. Cargo builds no `cdylib` for a test by itself; most of the work is done already.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["build", "--lib", "--package", "axum-plugin", "--target-dir"])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("CARGO_BUILD_TARGET")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        target.join("debug/libaxum_plugin.so")
    })
}

/// A host with the plugin.
pub(crate) struct Host {
    _folder: TempDir,
    manager: PluginManager,
    api: PluginApi,
}

/// A response that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Host {
    /// Enables the plugin with that configuration.
    pub(crate) async fn enabled(config: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("plugins");
        fs::create_dir_all(plugins.join(".metadata")).unwrap();
        fs::set_permissions(&plugins, fs::Permissions::from_mode(0o755)).unwrap();
        let state = json!({ "version": 1, "plugins": { "notes": { "config": config } } });
        fs::write(plugins.join(".metadata/config.json"), state.to_string()).unwrap();
        let installed = plugins.join("notes.so");
        fs::copy(library(), &installed).unwrap();
        fs::set_permissions(&installed, fs::Permissions::from_mode(0o644)).unwrap();
        let builder = PluginManager::builder(plugins)
            .drain_timeout(DRAIN)
            .limits(PluginLimits::default().max_request_body(u64::MAX));
        let manager = soon(builder.start()).await.unwrap();
        let api = PluginApi::new(manager.clone(), DangerouslyAllowEveryone);
        let host = Self {
            _folder: folder,
            manager,
            api,
        };
        host.enable().await;
        host
    }

    pub(crate) async fn enable(&self) {
        soon(self.manager.enable(&id())).await.unwrap();
    }

    pub(crate) async fn disable(&self) {
        soon(self.manager.disable(&id())).await.unwrap();
    }

    /// How often the plugin has panicked in a call.
    pub(crate) fn panicked(&self) -> u64 {
        self.manager.get(&id()).unwrap().counters.panicked
    }

    pub(crate) async fn respond<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let answer: Result<_, Infallible> = soon(self.api.clone().call(request)).await;
        let Ok(response) = answer;
        response
    }

    pub(crate) async fn send(&self, method: &str, path: &str, json: &str) -> Answer {
        let request = request(method, path).header("content-type", "application/json");
        let body = Full::new(Bytes::from(json.to_owned()));
        read(self.respond(request.body(body).unwrap()).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = request("GET", path).body(Empty::<Bytes>::new()).unwrap();
        read(self.respond(request).await).await
    }

    /// The stream of events, of which the first was read.
    pub(crate) async fn follow(&self) -> ResponseBody {
        let request = request("GET", "/events").body(Empty::<Bytes>::new()).unwrap();
        let response = self.respond(request).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut events = response.into_body();
        assert_eq!(event(&mut events).await, ": following\n\n");
        events
    }
}

pub(crate) fn request(method: &str, path: &str) -> http::request::Builder {
    let uri = format!("/api/plugins/notes{path}");
    Request::builder().method(method).uri(uri)
}

pub(crate) async fn read(response: Response<ResponseBody>) -> Answer {
    let (head, body) = response.into_parts();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: soon(body.collect()).await.unwrap().to_bytes(),
    }
}

/// The next event of a stream as it was sent.
pub(crate) async fn event(events: &mut ResponseBody) -> String {
    let frame = soon(events.frame()).await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

fn id() -> PluginId {
    "notes".parse().unwrap()
}
