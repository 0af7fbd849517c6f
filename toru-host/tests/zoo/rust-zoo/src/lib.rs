//! Panics wherever it is asked to: by the path of a request, or by `fault` in its configuration.

mod allocator;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use toru_plugin_api::{
    Body, BodyStream, Bytes, Frame, PluginContext, PluginError, PluginMetadata, PluginRoute, Request,
    Response, ToruPlugin,
};

struct Zoo {
    fault: String,
    later: AtomicBool,
}

impl ToruPlugin for Zoo {
    const METADATA: PluginMetadata = PluginMetadata::new("rust-zoo", "Rust zoo").version("1.0.0");

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        let config = ctx.config.to_json()?;
        let fault = String::from_utf8_lossy(&config).into_owned();
        let zoo = Self {
            fault,
            later: AtomicBool::new(false),
        };
        zoo.panic_at("init");
        if zoo.is_at("second-poll-of-start") {
            Yield(1).await;
            panic!("at the second poll of init");
        }
        if zoo.is_at("task") {
            ctx.runtime.spawn(async {
                Yield(3).await;
                panic!("in a task");
            })?;
        }
        Ok(zoo)
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        self.panic_at("routes");
        vec![
            PluginRoute::get("/ok", Self::ok),
            PluginRoute::get("/first-poll", Self::first_poll),
            PluginRoute::get("/tenth-poll", Self::tenth_poll),
            PluginRoute::get("/before-the-future", |_: &Self, _| before_the_future()),
            PluginRoute::blocking_get("/blocking", Self::blocking),
            PluginRoute::get("/stream", Self::stream),
            PluginRoute::get("/drop-of-the-future", Self::drop_of_the_future),
            PluginRoute::get("/drop-of-the-stream", Self::drop_of_the_stream),
            PluginRoute::get("/drop-of-the-payload", Self::drop_of_the_payload),
            PluginRoute::get("/not-text", Self::not_text),
            PluginRoute::post("/echo", Self::echo),
            PluginRoute::get("/bytes", Self::bytes),
        ]
    }

    fn frontend_bundle(&self) -> Option<&'static [u8]> {
        self.panic_at("frontend");
        Some(b"export {}")
    }

    async fn shutdown(&self) {
        self.panic_at("shutdown");
    }
}

impl Zoo {
    fn is_at(&self, place: &str) -> bool {
        self.fault.contains(&format!("\"{place}\""))
    }

    fn panic_at(&self, place: &str) {
        assert!(!self.is_at(place), "zoo panics at {place}");
    }

    async fn ok(&self, _: Request) -> Result<Response, PluginError> {
        Ok(Response::text("ok"))
    }

    async fn first_poll(&self, _: Request) -> Result<Response, PluginError> {
        panic!("zoo panics at the first poll");
    }

    async fn tenth_poll(&self, _: Request) -> Result<Response, PluginError> {
        Yield(9).await;
        panic!("zoo panics at the tenth poll");
    }

    fn blocking(&self, _: Request) -> Result<Response, PluginError> {
        panic!("zoo panics in a blocking handler");
    }

    async fn stream(&self, _: Request) -> Result<Response, PluginError> {
        let stream = Frames {
            left: 2,
            panics: "zoo panics in a stream",
        };
        Ok(Response::new(200).with_body(Body::from_stream(stream)))
    }

    /// Only the first time: otherwise it would be a panic while panicking.
    async fn drop_of_the_future(&self, _: Request) -> Result<Response, PluginError> {
        let _first = (!self.later.swap(true, Ordering::Relaxed))
            .then(|| PanicOnDrop("zoo panics in the future's drop"));
        std::future::pending().await
    }

    async fn drop_of_the_stream(&self, _: Request) -> Result<Response, PluginError> {
        let stream = Dropping(PanicOnDrop("zoo panics in the stream's drop"));
        Ok(Response::new(200).with_body(Body::from_stream(stream)))
    }

    async fn drop_of_the_payload(&self, _: Request) -> Result<Response, PluginError> {
        std::panic::panic_any(PanicOnDrop("zoo panics in the payload's drop"));
    }

    async fn not_text(&self, _: Request) -> Result<Response, PluginError> {
        std::panic::panic_any(42_u64);
    }

    async fn echo(&self, mut request: Request) -> Result<Response, PluginError> {
        let body = request.bytes().await?;
        Ok(Response::new(200).with_body(body.into_vec()))
    }

    /// More than is copied, so that the host frees it through its owner.
    async fn bytes(&self, _: Request) -> Result<Response, PluginError> {
        Ok(Response::new(200)
            .with_header("x-owned", String::from("owned"))
            .with_body(vec![b'z'; 100_000]))
    }
}

impl Drop for Zoo {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.panic_at("drop");
        }
    }
}

fn before_the_future() -> std::future::Ready<Result<Response, PluginError>> {
    panic!("zoo panics before the future")
}

/// Is pending as often as its number says.
struct Yield(u32);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

struct PanicOnDrop(&'static str);

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::panic_any(self.0);
        }
    }
}

struct Frames {
    left: u32,
    panics: &'static str,
}

impl BodyStream for Frames {
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame, PluginError>>> {
        assert!(self.left > 0, "{}", self.panics);
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::Data(Bytes::from_static(b"frame")))))
    }
}

struct Dropping(#[expect(dead_code, reason = "it is there to be dropped")] PanicOnDrop);

impl BodyStream for Dropping {
    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame, PluginError>>> {
        Poll::Ready(None)
    }
}

toru_plugin_api::export_plugin!(Zoo);
