//! The built library in a real host.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tempfile::TempDir;
use toru_host::PluginManager;
use toru_host::plugin::{PluginId, PluginState};
use toru_host::service::{DangerouslyAllowEveryone, PluginApi, ResponseBody};
use tower_service::Service as _;

/// A guard against tests that hang; nothing is measured with it.
const TOO_LONG: Duration = Duration::from_secs(60);

/// How long a host waits for streams before it cuts them. They do not end by themselves, so it always waits.
const DRAIN: Duration = Duration::from_millis(20);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TOO_LONG, future)
        .await
        .unwrap_or_else(|_| panic!("this takes too long"))
}

/// The plugin's library. Cargo builds no `cdylib` for a test by itself; most of the work is done already.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["build", "--lib", "--package", "system-monitor", "--target-dir"])
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
        target.join("debug/libsystem_monitor.so")
    })
}

struct Host {
    _folder: TempDir,
    manager: PluginManager,
    api: PluginApi,
}

impl Host {
    /// Enables the plugin with that configuration.
    async fn with(config: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("plugins");
        fs::create_dir_all(plugins.join(".metadata")).unwrap();
        fs::set_permissions(&plugins, fs::Permissions::from_mode(0o755)).unwrap();
        let state = json!({ "version": 1, "plugins": { "system-monitor": { "config": config } } });
        fs::write(plugins.join(".metadata/config.json"), state.to_string()).unwrap();
        let installed = plugins.join("system-monitor.so");
        fs::copy(library(), &installed).unwrap();
        fs::set_permissions(&installed, fs::Permissions::from_mode(0o644)).unwrap();
        let builder = PluginManager::builder(plugins).drain_timeout(DRAIN);
        let manager = soon(builder.start()).await.unwrap();
        let api = PluginApi::new(manager.clone(), DangerouslyAllowEveryone);
        Self {
            _folder: folder,
            manager,
            api,
        }
    }

    async fn enabled(config: &Value) -> Self {
        let host = Self::with(config).await;
        soon(host.manager.enable(&id())).await.unwrap();
        host
    }

    async fn send(&self, method: Method, path: &str, body: &str) -> Response<ResponseBody> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/plugins/system-monitor{path}"));
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let answer: Result<_, Infallible> = soon(self.api.clone().call(request)).await;
        let Ok(response) = answer;
        response
    }

    async fn json(&self, method: Method, path: &str, body: &str) -> (u16, Value) {
        let response = self.send(method, path, body).await;
        let status = response.status().as_u16();
        let bytes = soon(response.into_body().collect()).await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.json(Method::GET, path, "").await
    }

    async fn live(&self) -> ResponseBody {
        let response = self.send(Method::GET, "/live", "").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response.into_body()
    }
}

fn id() -> PluginId {
    "system-monitor".parse().unwrap()
}

async fn sample(stream: &mut ResponseBody) -> Value {
    let frame = soon(stream.frame()).await.unwrap().unwrap();
    let event = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
    let json = event
        .strip_prefix("data: ")
        .unwrap()
        .strip_suffix("\n\n")
        .unwrap();
    serde_json::from_str(json).unwrap()
}

/// How many threads of this process sample.
fn sampling() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.trim() == "system-monitor").count()
}

async fn until_sampling(threads: usize) {
    soon(async {
        while sampling() != threads {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// All in one test: it counts the threads of the process.
#[tokio::test]
async fn streams_share_one_thread_that_ends_with_them() {
    let host = Host::enabled(&json!({ "interval_ms": 500 })).await;
    assert_eq!(sampling(), 0, "nobody looks");
    let (mut one, mut other) = (host.live().await, host.live().await);
    let seen = sample(&mut one).await;
    assert_eq!(seen["interval_ms"], 500);
    assert!(seen["memory"]["total"].as_u64().unwrap() > 0, "{seen}");
    assert_eq!(sample(&mut other).await["time_ms"], seen["time_ms"]);
    assert!(sample(&mut one).await["time_ms"].as_u64() > seen["time_ms"].as_u64());
    assert_eq!(sampling(), 1);

    drop(one);
    sample(&mut other).await;
    drop(other);
    until_sampling(0).await;

    let mut cut = host.live().await;
    sample(&mut cut).await;
    soon(host.manager.disable(&id())).await.unwrap();
    until_sampling(0).await;
    // Events have no end of their own, so this is one, and no error.
    soon(cut.collect()).await.unwrap();
    assert_eq!(host.get("/settings").await.0, 404);
}

#[tokio::test]
async fn the_chosen_interval_is_remembered() {
    let host = Host::enabled(&json!({ "interval_ms": 5000 })).await;
    let (status, settings) = host.get("/settings").await;
    assert_eq!(status, 200);
    assert_eq!(
        settings,
        json!({
            "interval_ms": 5000, "default_interval_ms": 5000, "min_interval_ms": 500, "max_interval_ms": 30_000,
            "show_process_names": true,
        })
    );
    let (status, changed) = host
        .json(Method::PUT, "/settings", r#"{"interval_ms":1000}"#)
        .await;
    assert_eq!((status, &changed["interval_ms"]), (200, &json!(1000)));

    soon(host.manager.disable(&id())).await.unwrap();
    soon(host.manager.enable(&id())).await.unwrap();
    assert_eq!(host.get("/settings").await.1, changed);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_reason() {
    let host = Host::enabled(&json!({})).await;
    for (method, path, body, reason) in [
        (
            Method::PUT,
            "/settings",
            r#"{"interval_ms":1}"#,
            "from 500 to 30000",
        ),
        (Method::PUT, "/settings", "fast", "the body is no"),
        (Method::PUT, "/settings", "", "EOF"),
        (Method::GET, "/processes?sort=name", "", "sort is cpu or memory"),
        (Method::GET, "/processes?limit=0", "", "from 1 to 200"),
    ] {
        let (status, answer) = host.json(method, path, body).await;
        assert_eq!(status, 400, "{path} {body}");
        assert!(answer["error"].as_str().unwrap().contains(reason), "{answer}");
    }
    let long = format!(r#"{{"interval_ms":{}1000}}"#, " ".repeat(2000));
    assert_eq!(host.json(Method::PUT, "/settings", &long).await.0, 413);
    assert_eq!(host.get("/settings").await.1["interval_ms"], 2000);
}

#[tokio::test]
async fn a_wrong_configuration_is_told_to_the_administrator() {
    let host = Host::with(&json!({ "interval_ms": 10 })).await;
    let refused = soon(host.manager.enable(&id())).await.unwrap_err();
    let mut text = refused.to_string();
    let mut source = std::error::Error::source(&refused);
    while let Some(error) = source {
        text += &error.to_string();
        source = error.source();
    }
    assert!(text.contains("from 500 to 30000"), "{text}");
    assert_ne!(host.manager.status(&id()).unwrap().state, PluginState::Enabled);
}

#[tokio::test]
async fn machine_and_processes_are_told_as_far_as_they_may_be() {
    let host = Host::enabled(&json!({ "show_process_names": false })).await;
    let (status, overview) = host.get("/overview").await;
    assert_eq!(status, 200);
    assert!(
        overview["cores"].as_u64().unwrap() > 0 && overview["uptime_s"].is_u64(),
        "{overview}"
    );
    let (status, list) = host.get("/processes?sort=memory&limit=3").await;
    assert_eq!(status, 200);
    let processes = list["processes"].as_array().unwrap();
    assert!(!processes.is_empty() && processes.len() <= 3, "{list}");
    assert!(
        processes
            .iter()
            .all(|process| process["name"].is_null() && process["pid"].is_u64())
    );
    assert!(processes.is_sorted_by_key(|process| std::cmp::Reverse(process["memory_bytes"].as_u64())));
}

#[tokio::test]
async fn the_frontend_is_always_there() {
    let host = Host::enabled(&json!({})).await;
    let response = host.send(Method::GET, "/bundle.js", "").await;
    assert_eq!(response.status(), 200);
    let bundle = soon(response.into_body().collect()).await.unwrap().to_bytes();
    let bundle = String::from_utf8(bundle.to_vec()).unwrap();
    assert!(bundle.contains("ToruPlugins") && bundle.contains("system-monitor"));
}
