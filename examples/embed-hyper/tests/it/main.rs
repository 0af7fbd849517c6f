//! The application over a socket.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;

use embed_hyper::auth::TokenAuthorizer;
use embed_hyper::serve::serve;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use toru_host::PluginManager;
use toru_host::service::PluginApi;
use toru_plugin_api::{
    Body, BodyStream, Frame, PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response,
    ToruPlugin,
};

const TOKEN: &str = "authorization: Bearer secret\r\n";

struct Greeter;

impl ToruPlugin for Greeter {
    const METADATA: PluginMetadata = PluginMetadata::new("greeter", "Greeter");

    async fn init(_: PluginContext) -> Result<Self, PluginError> {
        Ok(Self)
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![
            PluginRoute::get("/greeting/{name}", Self::greeting),
            PluginRoute::get("/endless", Self::endless),
        ]
    }
}

impl Greeter {
    async fn greeting(&self, request: Request) -> Result<Response, PluginError> {
        Ok(Response::text(format!(
            "Hello, {}!",
            request.param("name").unwrap_or_default()
        )))
    }

    async fn endless(&self, _: Request) -> Result<Response, PluginError> {
        Ok(Response::new(200).with_body(Body::from_stream(Once(true))))
    }
}

/// One frame, and never an end.
struct Once(bool);

impl BodyStream for Once {
    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame, PluginError>>> {
        if std::mem::take(&mut self.0) {
            return std::task::Poll::Ready(Some(Ok(Frame::Data("begun".into()))));
        }
        std::task::Poll::Pending
    }
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
    _folder: TempDir,
}

impl Running {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manager = PluginManager::builder(folder.path().join("plugins"))
            .register_static(toru_plugin_api::static_plugin!(Greeter))
            .drain_timeout(std::time::Duration::ZERO)
            .start()
            .await
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plugins = PluginApi::new(manager, TokenAuthorizer::new("secret"));
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(serve(listener, plugins, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            stop,
            ended,
            _folder: folder,
        }
    }

    /// Sends one request on a connection of its own, and reads up to its end.
    async fn send(&self, line: &str, fields: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!("{line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{fields}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test]
async fn plugins_and_the_applications_own_page_answer_over_a_socket() {
    let running = Running::start().await;
    let page = running.send("GET /", "").await;
    assert!(
        page.starts_with("HTTP/1.1 200 ") && page.ends_with("\r\n\r\nhyper, and 1 plugins\n"),
        "{page}"
    );
    let missing = running.send("GET /api/pluginsx", TOKEN).await;
    assert!(missing.starts_with("HTTP/1.1 404 "), "{missing}");

    for line in ["GET /api/plugins", "POST /api/plugins/greeter/enable"] {
        let refused = running.send(line, "").await;
        assert!(refused.starts_with("HTTP/1.1 401 "), "{line}: {refused}");
    }
    let disabled = running.send("GET /api/plugins/greeter/greeting/you", TOKEN).await;
    assert!(disabled.contains("\"plugin_disabled\""), "{disabled}");
    let enabled = running.send("POST /api/plugins/greeter/enable", TOKEN).await;
    assert!(enabled.starts_with("HTTP/1.1 200 "), "{enabled}");
    let greeting = running.send("GET /api/plugins/greeter/greeting/you", TOKEN).await;
    assert!(
        greeting.starts_with("HTTP/1.1 200 ") && greeting.ends_with("\r\n\r\nHello, you!"),
        "{greeting}"
    );
}

#[tokio::test]
async fn the_end_waits_for_no_stream() {
    let running = Running::start().await;
    running.send("POST /api/plugins/greeter/enable", TOKEN).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = format!("GET /api/plugins/greeter/endless HTTP/1.1\r\nhost: test\r\n{TOKEN}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut begun = Vec::new();
    while !begun.ends_with(b"begun\r\n") {
        assert_ne!(stream.read_buf(&mut begun).await.unwrap(), 0);
    }
    running.stop.send(()).unwrap();
    running.ended.await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(
        !rest.ends_with(b"0\r\n\r\n"),
        "a stream that was cut must not look whole"
    );
    assert!(
        TcpStream::connect(running.address).await.is_err(),
        "nobody listens any more"
    );
}
