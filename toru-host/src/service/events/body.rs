//! One stream of changes.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame};
use serde::Serialize;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep};

use super::places::Place;
use crate::error::BodyError;
use crate::manager::{Discretion, PluginEvent, PluginEvents, PluginManager};
use crate::service::documents::{PluginDocument, RemovedDocument, SnapshotDocument, to_json};

/// After how many milliseconds a browser comes back when its connection breaks.
const RETRY: &str = "retry: 2000\n\n";
const COMMENT: &str = ": keep-alive\n\n";

/// What is sent. A client that reads nothing keeps everybody from polling it, so its end comes from outside.
pub(super) struct EventBody {
    shared: Arc<Shared>,
    end: AbortHandle,
}

struct Shared {
    /// Empty once the stream has ended.
    open: Mutex<Option<Open>>,
    waker: AtomicWaker,
}

/// A stream that has not ended. It holds what the client has not read of one event; what comes meanwhile waits in the
/// manager's ring, which all listeners share.
struct Open {
    events: PluginEvents,
    /// Goes out at once, so that the client sees that it is connected.
    greeting: Option<&'static str>,
    base: Box<str>,
    discretion: Discretion,
    run: Arc<str>,
    silence: Pin<Box<Sleep>>,
    keep_alive: Duration,
    _place: Place,
}

impl EventBody {
    /// Starts a stream that ends after `max_age`, whether anybody reads it or not.
    pub(super) fn new(
        manager: &PluginManager,
        events: PluginEvents,
        run: Arc<str>,
        keep_alive: Duration,
        max_age: Duration,
        place: Place,
    ) -> Self {
        // Timers need a runtime, and whoever calls the service may be on another one.
        let runtime = manager.runtime();
        let _inside = runtime.enter();
        let shared = Arc::new(Shared {
            open: Mutex::new(Some(Open {
                events,
                greeting: Some(RETRY),
                base: manager.base_path().into(),
                discretion: manager.discretion().clone(),
                run,
                silence: Box::pin(sleep(keep_alive)),
                keep_alive,
                _place: place,
            })),
            waker: AtomicWaker::new(),
        });
        let aging = Arc::clone(&shared);
        let end = runtime.spawn(async move {
            sleep(max_age).await;
            let open = aging.open().take();
            drop(open);
            aging.waker.wake();
        });
        Self {
            shared,
            end: end.abort_handle(),
        }
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        self.end.abort();
        let open = self.shared.open().take();
        drop(open);
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// The event as it is sent; `None` for one that clients need not know of.
    fn write(&self, event: PluginEvent) -> Option<String> {
        let plugin = |plugin| PluginDocument::new(plugin, &self.base, &self.discretion);
        match event {
            PluginEvent::Snapshot { sequence, plugins } => {
                let plugins = plugins.into_iter().map(plugin).collect();
                Some(self.format("snapshot", sequence, &SnapshotDocument { plugins }))
            }
            PluginEvent::Changed {
                sequence,
                plugin: changed,
            } => Some(self.format("plugin", sequence, &plugin(Arc::unwrap_or_clone(changed)))),
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

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(greeting) = self.greeting.take() {
            return Poll::Ready(Some(Bytes::from_static(greeting.as_bytes())));
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
                    ready!(self.silence.as_mut().poll(cx));
                    break Bytes::from_static(COMMENT.as_bytes());
                }
            }
        };
        let next = Instant::now() + self.keep_alive;
        self.silence.as_mut().reset(next);
        Poll::Ready(Some(text))
    }
}

impl Body for EventBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        // Before the look: whoever ends the stream after it wakes this.
        self.shared.waker.register(cx.waker());
        let mut open = self.shared.open();
        let Some(stream) = &mut *open else {
            return Poll::Ready(None);
        };
        let text = ready!(stream.poll(cx));
        Poll::Ready(text.map(|text| Ok(Frame::data(text))))
    }
}

impl fmt::Debug for EventBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBody").finish_non_exhaustive()
    }
}
