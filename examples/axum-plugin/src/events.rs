//! What happens, as server-sent events.

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use serde::Serialize;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt as _};

use crate::app::App;

/// How many events a client may lag behind.
const LAG_MAX: usize = 16;

/// Something that happened, and its details as JSON.
type Happened = (&'static str, String);

/// Where events are told, to everybody who follows.
#[derive(Clone, Debug)]
pub(crate) struct Events(broadcast::Sender<Happened>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(LAG_MAX))
    }

    pub(crate) fn tell(&self, name: &'static str, details: &impl Serialize) {
        // The only error is that nobody follows.
        if let Ok(details) = serde_json::to_string(details) {
            let _ = self.0.send((name, details));
        }
    }
}

/// Events from now on. Whoever lags too far behind misses some.
pub(crate) async fn follow(
    State(app): State<App>,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>> + Send + use<>> {
    let hello = tokio_stream::once(Ok(Event::default().comment("following")));
    let happened = BroadcastStream::new(app.events.0.subscribe())
        .filter_map(Result::ok)
        .map(|(name, details)| Ok(Event::default().event(name).data(details)));
    Sse::new(hello.chain(happened)).keep_alive(KeepAlive::default())
}
