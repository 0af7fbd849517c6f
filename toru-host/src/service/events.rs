//! Changes of plugins as server-sent events.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response};
use http_body::{Body, Frame};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tower_service::Service;

use super::authorized::Authorized;
use super::documents::{PluginDocument, RemovedDocument, SnapshotDocument, to_json};
use super::path::Target;
use super::problem::Problem;
use super::respond::{get, nothing};
use crate::error::BodyError;
use crate::ffi::ResponseBody;
use crate::manager::{PluginEvent, PluginEvents, PluginManager};

const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How many streams may be open at once, if the application does not say.
const STREAMS_MAX: usize = 256;
/// How long a stream may say nothing, if the application does not say. Proxies close what is silent for longer.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// After how many milliseconds a browser comes back when its connection breaks.
const RETRY: &str = "retry: 2000\n\n";
const COMMENT: &str = ": keep-alive\n\n";

/// Changes of plugins as server-sent events: a snapshot first, then what changes.
///
/// Streams have numbered events, and one that breaks goes on where it was. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    manager: PluginManager,
    /// Tells ids of this host apart from those of an earlier one, whose numbers mean other changes.
    run: Arc<str>,
    keep_alive: Duration,
    /// One for each stream that may be open.
    places: Arc<Semaphore>,
}

impl Events {
    /// The changes of the manager's plugins.
    #[must_use]
    pub fn new(manager: PluginManager) -> Self {
        let (run, ..) = uuid::Uuid::new_v4().as_fields();
        Self {
            manager,
            run: format!("{run:08x}").into(),
            keep_alive: KEEP_ALIVE,
            places: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }

    /// After how much silence a stream says that it is alive, from a millisecond to an hour. 15 s by default: proxies close
    /// connections that are silent for longer than they like.
    #[must_use]
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.keep_alive = interval.clamp(Duration::from_millis(1), Duration::from_secs(60 * 60));
        self
    }

    /// How many streams may be open at once, over all clients. 256 by default; the next one is answered with 503
    /// `too_many_listeners`.
    #[must_use]
    pub fn max_streams(mut self, count: usize) -> Self {
        self.places = Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        self
    }

    pub(super) fn answer<B>(&self, authorized: &Authorized<B>) -> Response<ResponseBody> {
        let Authorized { target, head, .. } = authorized;
        match *target {
            Target::Events => get(&head.method, || self.open(&head.headers)),
            target => nothing(&head.method, target),
        }
    }

    /// A stream: from where the client was, if that is still known, and from a snapshot otherwise.
    fn open(&self, headers: &HeaderMap) -> Response<ResponseBody> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Problem::too_many_listeners().into_response();
        };
        let manager = &self.manager;
        let events = match self.last_seen(headers) {
            Some(sequence) => manager.subscribe_after(sequence),
            None => manager.subscribe(),
        };
        // Timers need a runtime, and whoever calls the service may be on another one.
        let _runtime = manager.runtime().enter();
        let mut response = Response::new(ResponseBody::host(EventBody {
            events,
            greeting: Some(RETRY),
            base: manager.base_path().into(),
            run: Arc::clone(&self.run),
            silence: Box::pin(sleep(self.keep_alive)),
            keep_alive: self.keep_alive,
            _place: place,
        }));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(BUFFERING, HeaderValue::from_static("no"));
        response
    }

    /// The last change that the client knows, if it heard of it from this host.
    fn last_seen(&self, headers: &HeaderMap) -> Option<u64> {
        let id = headers.get(LAST_EVENT_ID)?.to_str().ok()?;
        let (sequence, run) = id.split_once('-')?;
        (run == &*self.run).then(|| sequence.parse().ok())?
    }
}

impl<B> Service<Authorized<B>> for Events {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Ready<Result<Response<ResponseBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, authorized: Authorized<B>) -> Self::Future {
        ready(Ok(self.answer(&authorized)))
    }
}

/// One stream. It holds what the client has not read of one event; what comes meanwhile waits in the manager's ring, which
/// all listeners share.
struct EventBody {
    events: PluginEvents,
    /// Goes out at once, so that the client sees that it is connected.
    greeting: Option<&'static str>,
    base: Box<str>,
    run: Arc<str>,
    silence: Pin<Box<Sleep>>,
    keep_alive: Duration,
    _place: OwnedSemaphorePermit,
}

impl EventBody {
    /// The event as it is sent; `None` for one that clients need not know of.
    fn write(&self, event: PluginEvent) -> Option<String> {
        match event {
            PluginEvent::Snapshot { sequence, plugins } => {
                let plugins = PluginDocument::all(plugins, &self.base);
                Some(self.format("snapshot", sequence, &SnapshotDocument { plugins }))
            }
            PluginEvent::Changed { sequence, plugin } => {
                let plugin = PluginDocument::new(Arc::unwrap_or_clone(plugin), &self.base);
                Some(self.format("plugin", sequence, &plugin))
            }
            PluginEvent::Removed { sequence, id } => {
                Some(self.format("removed", sequence, &RemovedDocument { id }))
            }
            // The snapshot that follows makes up for it.
            PluginEvent::Lagged { .. } => None,
        }
    }

    fn format(&self, name: &str, sequence: u64, data: &impl Serialize) -> String {
        let run = &self.run;
        // In one line: JSON escapes what would begin another one.
        let data = to_json(data);
        format!("id: {sequence}-{run}\nevent: {name}\ndata: {data}\n\n")
    }
}

impl Body for EventBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(greeting) = self.greeting.take() {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(greeting.as_bytes())))));
        }
        let text = loop {
            match Pin::new(&mut self.events).poll_next(cx) {
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(event)) => {
                    if let Some(text) = self.write(event) {
                        break Bytes::from(text);
                    }
                }
                Poll::Pending => {
                    std::task::ready!(self.silence.as_mut().poll(cx));
                    break Bytes::from_static(COMMENT.as_bytes());
                }
            }
        };
        let next = Instant::now() + self.keep_alive;
        self.silence.as_mut().reset(next);
        Poll::Ready(Some(Ok(Frame::data(text))))
    }
}

impl fmt::Debug for EventBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBody").finish_non_exhaustive()
    }
}
