//! The example plugin: install it, enable it, and ask `GET /api/plugins/hello/greeting/world`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use serde_json::json;
use toru_plugin_api::{
    Body, BodyStream, Frame, PluginContext, PluginError, PluginKvStore, PluginMetadata, PluginRoute, Request,
    Response, Sleep, ToruPlugin,
};

/// Longest wait of `GET /slow`, in milliseconds.
const MAX_WAIT_MS: u64 = 60_000;

/// Shortest pause between two events of `GET /ticks`, in milliseconds.
const MIN_PAUSE_MS: u64 = 10;

/// Where the count is stored.
const COUNT: &str = "count";

struct Hello {
    ctx: PluginContext,
}

impl ToruPlugin for Hello {
    const METADATA: PluginMetadata = PluginMetadata::new("hello", "Hello")
        .version(env!("CARGO_PKG_VERSION"))
        .author("Toru authors")
        .icon("👋")
        .route("/hello")
        .description("Greets people, counts, echoes, waits and, when asked to, panics");

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        ctx.log
            .info(format_args!("greetings from installation {}", ctx.instance_id));
        Ok(Self { ctx })
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![
            PluginRoute::get("/greeting/{name}", Self::greeting),
            PluginRoute::post("/echo", Self::echo),
            PluginRoute::get("/slow", Self::slow),
            PluginRoute::get("/ticks", Self::ticks),
            PluginRoute::get("/count", Self::count),
            PluginRoute::post("/count", Self::count_up),
            PluginRoute::get("/instance", Self::instance),
            PluginRoute::get("/panic", Self::panic),
        ]
    }

    fn frontend_bundle(&self) -> Option<&'static [u8]> {
        Some(include_bytes!("../frontend/bundle.js"))
    }

    async fn shutdown(&self) {
        self.ctx.log.info("goodbye");
    }
}

impl Hello {
    /// `{"message":"Hello, <name>!"}`
    async fn greeting(&self, request: Request) -> Result<Response, PluginError> {
        let name = request.param("name").unwrap_or_default();
        Response::json(&json!({ "message": format!("Hello, {name}!") }))
    }

    /// The request's body with its content type, streamed: it is never in memory as a whole.
    async fn echo(&self, mut request: Request) -> Result<Response, PluginError> {
        let media_type = request
            .header("content-type")
            .unwrap_or(b"application/octet-stream")
            .to_vec();
        let body = request.take_body();
        Ok(Response::new(200)
            .with_header_bytes("content-type", media_type)
            .with_body(body))
    }

    /// Waits `?ms=N` milliseconds without holding a thread, then says so.
    async fn slow(&self, request: Request) -> Result<Response, PluginError> {
        let Some(ms) = asked_ms(&request, "100", 0) else {
            return wrong_ms(0);
        };
        self.ctx.runtime.sleep(Duration::from_millis(ms)).await?;
        Response::json(&json!({ "waited_ms": ms }))
    }

    /// An event every `?ms=N` milliseconds (server-sent events), until the client goes away.
    async fn ticks(&self, request: Request) -> Result<Response, PluginError> {
        let Some(ms) = asked_ms(&request, "1000", MIN_PAUSE_MS) else {
            return wrong_ms(MIN_PAUSE_MS);
        };
        let ticks = Ticks {
            ctx: self.ctx,
            pause: Duration::from_millis(ms),
            told: 0,
            sleep: None,
        };
        Ok(Response::with_type("text/event-stream", Body::from_stream(ticks))
            .with_header("cache-control", "no-store"))
    }

    /// `{"count":n}`: how often somebody counted.
    async fn count(&self, _: Request) -> Result<Response, PluginError> {
        let stored = self.ctx.kv.get(COUNT).await?;
        let count = stored.map_or("0".into(), |stored| String::from_utf8_lossy(&stored).into_owned());
        Response::json(&json!({ "count": count.parse::<i64>().unwrap_or_default() }))
    }

    /// Counts up, durably: no count is lost, whoever else counts, and whatever happens to the server.
    async fn count_up(&self, _: Request) -> Result<Response, PluginError> {
        let count = self.ctx.kv.increment(COUNT, 1).await?;
        Response::json(&json!({ "count": count }))
    }

    /// The id of the installation that the plugin runs in.
    async fn instance(&self, _: Request) -> Result<Response, PluginError> {
        Response::json(&json!({ "instance_id": self.ctx.instance_id }))
    }

    /// Panics, to show what happens: this request gets a 500, the log gets message and place, all else goes on.
    async fn panic(&self, _: Request) -> Result<Response, PluginError> {
        panic!("somebody asked for a panic");
    }
}

/// The number in `?ms=N`, if it is one that is taken.
fn asked_ms(request: &Request, usual: &'static str, min: u64) -> Option<u64> {
    let asked = request.query_param("ms").unwrap_or(usual.into());
    asked.parse().ok().filter(|ms| (min..=MAX_WAIT_MS).contains(ms))
}

fn wrong_ms(min: u64) -> Result<Response, PluginError> {
    let problem = format!("ms is a number from {min} to {MAX_WAIT_MS}");
    Ok(Response::json(&json!({ "error": problem }))?.with_status(400))
}

/// Events, one after each pause. The host asks for the next one only when the client has room for it.
struct Ticks {
    ctx: PluginContext,
    pause: Duration,
    told: u64,
    sleep: Option<Sleep>,
}

impl BodyStream for Ticks {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, PluginError>>> {
        let (runtime, pause) = (self.ctx.runtime, self.pause);
        let sleep = self.sleep.get_or_insert_with(|| runtime.sleep(pause));
        ready!(Pin::new(sleep).poll(cx))?;
        self.sleep = None;
        self.told += 1;
        Poll::Ready(Some(Ok(Frame::Data(format!("data: {}\n\n", self.told).into()))))
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        self.ctx
            .log
            .info(format_args!("a client has left after {} ticks", self.told));
    }
}

toru_plugin_api::export_plugin!(Hello);

#[cfg(test)]
mod tests;
