//! Requests to a plugin under test.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::gate::{End, Gate, Permit};
use super::logs::{LogRecord, Logs};
use super::problem::Problem;
use super::response::{MockResponse, respond};
use super::routing::{Found, method_bit};
use super::running::Inner;
use super::tasks::offload;
use super::{clock::Clock, policy};
use crate::abi::status::{TORU_DONE, TORU_PANICKED};
use crate::body::{Body, BodyStream, Frame, Inner as BodyInner};
use crate::error::{BodyError, PluginError};
use crate::log::Level;
use crate::shim::block_on;
use crate::shim::mock::{Answer, Call, Head, on_worker};

/// Most bytes of a request's body, as hosts have it by default.
const BODY_MAX: u64 = 2 << 20;
/// How long a request may take up to the head of its response, as hosts have it by default.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A request that is being made. Nothing happens before [`send`](Self::send).
#[must_use = "nothing happens before it is sent"]
pub struct MockRequest {
    inner: Weak<Inner>,
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    user: Option<String>,
    roles: Vec<String>,
    body: Body,
}

impl MockRequest {
    pub(crate) fn new(inner: Weak<Inner>, method: &str, path: &str) -> Self {
        assert!(path.starts_with('/'), "the path `{path}` does not start with `/`");
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self {
            inner,
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            user: None,
            roles: Vec::new(),
            body: Body::empty(),
        }
    }

    /// Appends a header field.
    ///
    /// # Panics
    ///
    /// When name or value are not what HTTP allows.
    #[expect(clippy::expect_used, reason = "a test with a wrong header is to fail")]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header value");
        self.headers.append(name, value);
        self
    }

    /// Has the host say who the request is from.
    pub fn user(mut self, name: &str) -> Self {
        self.user = Some(name.to_owned());
        self
    }

    /// Has the host say that the user has a role; may be called several times.
    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.to_owned());
        self
    }

    /// Sets the body: bytes, text, or a [`Body`] that is produced piece by piece.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a body in pieces, of which the plugin gets one at a time.
    pub fn stream(self, body: impl BodyStream) -> Self {
        self.body(Body::from_stream(body))
    }

    /// Sets the body to `value` as JSON, with its media type.
    ///
    /// # Panics
    ///
    /// When the value has no JSON form.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    #[expect(clippy::expect_used, reason = "a test with a wrong body is to fail")]
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Self {
        let body = serde_json::to_vec(value).expect("a value with a JSON form");
        self.header("content-type", "application/json").body(body)
    }

    /// Sends the request, and waits for the head of the response.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels the call, as when a client goes away.
    pub fn send(self) -> impl Future<Output = MockResponse> + Send + 'static {
        let only_head = self.method == "HEAD";
        async move {
            let (response, permit, gate) = match self.prepare() {
                Err(response) => (response, None, None),
                Ok(prepared) => {
                    let gate = Arc::clone(&prepared.gate);
                    let (response, permit) = prepared.run(only_head).await;
                    (response, permit, Some(gate))
                }
            };
            response.finish(only_head, permit, gate.as_deref())
        }
    }

    /// Finds the route and makes the request ready for it, or says why not. What it returns does not keep the plugin's
    /// instance, but in its slot.
    fn prepare(mut self) -> Result<Prepared, MockResponse> {
        let refused = |problem| Err(MockResponse::problem(problem));
        let Some(inner) = self.inner.upgrade() else {
            return refused(Problem::refused(super::gate::Refused::Stopping));
        };
        let method = method_bit(&self.method);
        let (route, params) = match inner.routes.find(&self.path, method) {
            Found::Route(route, params) => (route, params),
            Found::Nothing(problem) => return refused(problem),
            Found::OtherMethods(allow) => {
                let allow = HeaderValue::try_from(allow).unwrap_or(HeaderValue::from_static(""));
                if self.method == "OPTIONS" {
                    return Err(MockResponse::options(allow));
                }
                return refused(Problem::method_not_allowed(allow));
            }
        };
        let body = Sent::new(self.body);
        // What tells its length beforehand is not even begun.
        if body
            .as_ref()
            .and_then(Sent::len)
            .is_some_and(|len| len > BODY_MAX)
        {
            return refused(Problem::body_too_large(BODY_MAX));
        }
        let permit = inner
            .gate
            .enter()
            .map_err(|refused| MockResponse::problem(Problem::refused(refused)))?;
        policy::enter(&mut self.headers, self.user.as_deref(), &self.roles);
        let head = Head {
            method,
            method_name: self.method,
            path: self.path,
            query: self.query,
            params,
            headers: self.headers,
            body: body.map(|body| Box::pin(body) as Pin<Box<dyn BodyStream>>),
        };
        let Some((call, is_blocking)) = Arc::clone(&inner.callee).call(route, head) else {
            return refused(Problem::unknown_route());
        };
        let slot = Arc::new(Slot(Mutex::new((Some((call, permit)), None))));
        inner.gate.watch(&slot);
        Ok(Prepared {
            slot,
            is_blocking,
            gate: Arc::clone(&inner.gate),
            clock: inner.clock.clone(),
            logs: inner.logs.clone(),
        })
    }
}

/// A call that was admitted.
struct Prepared {
    slot: Arc<Slot>,
    is_blocking: bool,
    gate: Arc<Gate>,
    clock: Clock,
    logs: Logs,
}

/// A call, and its place inside, until one of them is taken away; and who waits for it.
struct Slot(Mutex<(Option<(Call, Permit)>, Option<Waker>)>);

impl Slot {
    fn take(&self) -> Option<(Call, Permit)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.take()
    }

    /// What the call came to; `None` when it was ended from outside.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Came>> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        place.1 = Some(cx.waker().clone());
        let Some((call, _)) = &mut place.0 else {
            return Poll::Ready(None);
        };
        let (status, answer) = std::task::ready!(on_worker(|| call.poll(cx)));
        let taken = place.0.take();
        drop(place);
        Poll::Ready(taken.map(|(call, permit)| {
            on_worker(|| drop(call));
            (status, answer, permit)
        }))
    }
}

impl End for Slot {
    fn end(&self) {
        let (taken, waker) = {
            let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            (place.0.take(), place.1.take())
        };
        on_worker(|| drop(taken));
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What a call came to: its status, the answer, and the place inside, which a stream keeps.
type Came = (u32, Option<Answer>, Permit);

impl Prepared {
    async fn run(self, only_head: bool) -> (MockResponse, Option<Permit>) {
        let Self {
            slot,
            is_blocking,
            clock,
            logs,
            ..
        } = self;
        let _ended = Dropped(&slot);
        let mut limit = pin!(clock.limit(TIMEOUT));
        let mut blocking = None;
        if is_blocking {
            let taken = slot.take();
            blocking = taken.map(|(mut call, permit)| {
                offload(move || {
                    let (status, answer) = block_on(poll_fn(|cx| call.poll(cx)));
                    // While the place inside is kept.
                    drop(call);
                    (status, answer, permit)
                })
            });
        }
        let came = poll_fn(|cx| {
            let came = match &mut blocking {
                Some(thread) => Pin::new(thread).poll(cx).map(Some),
                None => slot.poll(cx),
            };
            match came {
                Poll::Ready(came) => Poll::Ready(Ok(came)),
                Poll::Pending => limit.as_mut().poll(cx).map(Err),
            }
        });
        let fail = |status, code, reason: &str| {
            let message = format!("{code}: {reason}");
            logs.push(LogRecord::of_host(Level::Warn, message));
            (MockResponse::problem(Problem::call(status, code)), None)
        };
        let (status, answer, permit) = match came.await {
            Ok(Some(came)) => came,
            Ok(None) => {
                return fail(
                    503,
                    "plugin_stopped",
                    "the plugin was stopped while it handled the request",
                );
            }
            Err(()) => return fail(504, "plugin_timeout", "the plugin did not answer within 30 s"),
        };
        match (status, answer) {
            (TORU_PANICKED, _) => fail(500, "plugin_panicked", "the plugin panicked"),
            (_, Some(Answer::Invalid(reason))) => fail(502, "invalid_response", &reason),
            (_, Some(Answer::Error(413))) => (MockResponse::problem(Problem::body_too_large(BODY_MAX)), None),
            (_, Some(Answer::Error(status))) => fail(status, "plugin_error", "a handler returned an error"),
            (
                TORU_DONE,
                Some(Answer::Response {
                    status,
                    headers,
                    body,
                }),
            ) => match respond(status, headers, body, only_head, &logs) {
                Ok(response) => (response, Some(permit)),
                Err(reason) => fail(502, "invalid_response", &reason),
            },
            _ => fail(500, "plugin_error", "the handler ended without an answer"),
        }
    }
}

/// Cancels a call that nobody waits for any more.
struct Dropped<'a>(&'a Slot);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        let taken = self.0.take();
        on_worker(|| drop(taken));
    }
}

/// A request's body on its way to the plugin.
struct Sent {
    body: BodyInner,
    left: u64,
}

impl Sent {
    /// `None` for a body without anything in it.
    fn new(body: Body) -> Option<Self> {
        let body = body.into_inner();
        let is_empty = match &body {
            BodyInner::Empty => true,
            BodyInner::Bytes(bytes) => bytes.is_empty(),
            _ => false,
        };
        let left = BODY_MAX;
        (!is_empty).then_some(Self { body, left })
    }

    fn len(&self) -> Option<u64> {
        match &self.body {
            BodyInner::Empty => Some(0),
            BodyInner::Bytes(bytes) => Some(bytes.len() as u64),
            BodyInner::Host(_) => None,
            BodyInner::Stream(stream) => stream.exact_len(),
        }
    }
}

impl BodyStream for Sent {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, PluginError>>> {
        let next = match &mut self.body {
            BodyInner::Empty => None,
            BodyInner::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.body = BodyInner::Empty;
                Some(Ok(Frame::Data(bytes)))
            }
            BodyInner::Host(body) => {
                std::task::ready!(body.poll_owned(cx)).map(|next| next.map_err(PluginError::Body))
            }
            BodyInner::Stream(stream) => std::task::ready!(stream.as_mut().poll_frame(cx)),
        };
        if let Some(Ok(Frame::Data(bytes))) = &next {
            match self.left.checked_sub(bytes.len() as u64) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(BodyError::TooLarge.into()))),
            }
        }
        Poll::Ready(next)
    }

    fn exact_len(&self) -> Option<u64> {
        self.len()
    }
}

impl fmt::Debug for MockRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
