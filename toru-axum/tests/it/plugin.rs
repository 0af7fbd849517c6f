//! The plugin behind the sockets.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use toru_plugin_api::abi::StaticPlugin;
use toru_plugin_api::{
    Body, BodyStream, Frame, PluginContext, PluginError, PluginMetadata, PluginRoute, Request, Response,
    Sleep, ToruPlugin, Trailers,
};

pub(crate) fn plugin() -> StaticPlugin {
    toru_plugin_api::static_plugin!(Wire)
}

/// Streams of ticks that were dropped, in the whole process.
pub(crate) static DROPPED: AtomicUsize = AtomicUsize::new(0);

type Reply = Result<Response, PluginError>;

struct Wire {
    ctx: PluginContext,
}

impl ToruPlugin for Wire {
    const METADATA: PluginMetadata = PluginMetadata::new("wire", "Wire");

    async fn init(ctx: PluginContext) -> Result<Self, PluginError> {
        Ok(Self { ctx })
    }

    fn register_routes(&self) -> Vec<PluginRoute<Self>> {
        vec![
            PluginRoute::get("/hello", Self::hello),
            PluginRoute::post("/read", Self::read),
            PluginRoute::post("/read-slowly", Self::read_slowly),
            PluginRoute::post("/ignore", Self::ignore),
            PluginRoute::post("/trailers", Self::trailers),
            PluginRoute::get("/ticks", Self::ticks),
            PluginRoute::get("/broken", Self::broken),
            PluginRoute::get("/broken-with-length", Self::broken_with_length),
        ]
    }
}

impl Wire {
    async fn hello(&self, _: Request) -> Reply {
        Ok(Response::text("hello"))
    }

    /// The body, after all of it has arrived.
    async fn read(&self, mut request: Request) -> Reply {
        Ok(Response::text(request.bytes().await?))
    }

    /// How many bytes there were; takes its time for each piece.
    async fn read_slowly(&self, request: Request) -> Reply {
        let (mut body, mut len) = (request.into_body(), 0);
        while let Some(frame) = body.frame().await {
            if let Frame::Data(bytes) = frame? {
                len += bytes.len();
                self.ctx.runtime.sleep(Duration::from_micros(200)).await?;
            }
        }
        Ok(Response::text(len.to_string()))
    }

    /// Answers without a look at the body.
    async fn ignore(&self, _: Request) -> Reply {
        Ok(Response::text("ignored"))
    }

    /// The values of the request's trailers, and trailers after them.
    async fn trailers(&self, request: Request) -> Reply {
        let (mut body, mut told) = (request.into_body(), String::new());
        while let Some(frame) = body.frame().await {
            if let Frame::Trailers(trailers) = frame? {
                told = format!("{trailers:?}");
            }
        }
        let end = Trailers::new().with("x-end", b"reached".as_slice());
        let frames = [Ok(Frame::Data(told.into())), Ok(Frame::Trailers(end))];
        Ok(Response::new(200)
            .with_header("trailer", "x-end")
            .with_body(Body::from_stream(Scripted::new(frames, None))))
    }

    async fn ticks(&self, _: Request) -> Reply {
        let ticks = Ticks {
            ctx: self.ctx,
            sleep: None,
        };
        Ok(Response::with_type("text/event-stream", Body::from_stream(ticks)))
    }

    async fn broken(&self, _: Request) -> Reply {
        let body = Scripted::new(halves(), None);
        Ok(Response::new(200).with_body(Body::from_stream(body)))
    }

    async fn broken_with_length(&self, _: Request) -> Reply {
        let body = Scripted::new(halves(), Some(8));
        Ok(Response::new(200).with_body(Body::from_stream(body)))
    }
}

fn halves() -> [Result<Frame, PluginError>; 2] {
    [
        Ok(Frame::Data("half".into())),
        Err(PluginError::other("the other half is gone")),
    ]
}

/// An event every 10 ms, for ever.
struct Ticks {
    ctx: PluginContext,
    sleep: Option<Sleep>,
}

impl BodyStream for Ticks {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, PluginError>>> {
        let runtime = self.ctx.runtime;
        let sleep = self
            .sleep
            .get_or_insert_with(|| runtime.sleep(Duration::from_millis(10)));
        ready!(Pin::new(sleep).poll(cx))?;
        self.sleep = None;
        Poll::Ready(Some(Ok(Frame::Data("data: tick\n\n".into()))))
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

/// Frames that are known beforehand, one at a time, so that each is on its way before the next.
struct Scripted {
    frames: std::vec::IntoIter<Result<Frame, PluginError>>,
    len: Option<u64>,
    rested: bool,
}

impl Scripted {
    fn new<const N: usize>(frames: [Result<Frame, PluginError>; N], len: Option<u64>) -> Self {
        Self {
            frames: Vec::from(frames).into_iter(),
            len,
            rested: true,
        }
    }
}

impl BodyStream for Scripted {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, PluginError>>> {
        self.rested = !self.rested;
        if self.rested {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.frames.next())
    }

    fn exact_len(&self) -> Option<u64> {
        self.len
    }
}
