//! Changes of plugins as server-sent events.

mod body;
mod places;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response};
use tower_service::Service;

use self::body::EventBody;
use self::places::Places;
use super::authorized::Authorized;
use super::path::Target;
use super::problem::Problem;
use super::respond::{get, nothing};
use crate::ffi::ResponseBody;
use crate::manager::PluginManager;

const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How many streams may be open at once, if the application does not say.
const STREAMS_MAX: usize = 256;
/// How many of them one user may have open, if the application does not say.
const OF_ONE_USER_MAX: usize = 32;
/// How long a stream may say nothing, if the application does not say. Proxies close what is silent for longer.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a stream goes on, if the application does not say.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// Changes of plugins as server-sent events: a snapshot first, then what changes.
///
/// Streams have numbered events, and one that breaks goes on where it was. None goes on for good: clients come back by
/// themselves, and the [`Authorizer`](super::Authorizer) is asked anew. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    manager: PluginManager,
    /// Tells ids of this host apart from those of an earlier one, whose numbers mean other changes.
    run: Arc<str>,
    keep_alive: Duration,
    max_age: Duration,
    places: Places,
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
            max_age: MAX_AGE,
            places: Places::new(STREAMS_MAX, OF_ONE_USER_MAX),
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
        self.places = self.places.with_all(count);
        self
    }

    /// How many streams one user may have open at once, by the name in their [`Identity`](super::Identity). 32 by default;
    /// the next one is answered as above. Those without a name share what there is.
    #[must_use]
    pub fn max_streams_per_user(mut self, count: usize) -> Self {
        self.places = self.places.with_of_one_user(count);
        self
    }

    /// How long a stream goes on, at least a millisecond and about as long as told. 10 minutes by default: no decision of the
    /// authoriser holds for longer, and no client that stopped reading keeps its place for longer.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age.max(Duration::from_millis(1));
        self
    }

    pub(super) fn answer<B>(&self, authorized: &Authorized<B>) -> Response<ResponseBody> {
        let Authorized { target, head, .. } = authorized;
        match *target {
            Target::Events => get(&head.method, || {
                self.open(&head.headers, authorized.identity.user_value())
            }),
            target => nothing(&head.method, target),
        }
    }

    /// A stream: from where the client was, if that is still known, and from a snapshot otherwise.
    fn open(&self, headers: &HeaderMap, user: Option<&HeaderValue>) -> Response<ResponseBody> {
        let Some(place) = self.places.take(user) else {
            return Problem::too_many_listeners().into_response();
        };
        let manager = &self.manager;
        let events = match self.last_seen(headers) {
            Some(sequence) => manager.subscribe_after(sequence),
            None => manager.subscribe(),
        };
        // Up to an eighth less, so that those who came together do not come back together.
        let (random, ..) = uuid::Uuid::new_v4().as_fields();
        let age = self.max_age - self.max_age / 8 * (random % 256) / 256;
        let run = Arc::clone(&self.run);
        let body = EventBody::new(manager, events, run, self.keep_alive, age, place);
        let mut response = Response::new(ResponseBody::host(body));
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
