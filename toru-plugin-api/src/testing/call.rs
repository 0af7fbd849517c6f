//! One call to a route.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::clock::Clock;
use super::gate::{End, Gate, Permit};
use super::logs::{LogRecord, Logs};
use super::problem::Problem;
use super::response::{MockResponse, respond};
use super::running::Inner;
use super::sent::BODY_MAX;
use super::tasks::offload;
use crate::abi::status::{TORU_DONE, TORU_PANICKED};
use crate::log::Level;
use crate::shim::block_on;
use crate::shim::mock::{Answer, Call, on_worker};

/// How long a request may take up to the head of its response, as hosts have it by default.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A call that was admitted.
pub(crate) struct Prepared {
    slot: Arc<Slot>,
    is_blocking: bool,
    gate: Arc<Gate>,
    clock: Clock,
    logs: Logs,
}

/// A call that may be ended from outside.
struct Slot(Mutex<Place>);

/// A call with its place inside, until it is taken away; and who waits for it.
type Place = (Option<(Call, Permit)>, Option<Waker>);

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
    pub(crate) fn new(inner: &Inner, call: Call, is_blocking: bool, permit: Permit) -> Self {
        let slot = Arc::new(Slot(Mutex::new((Some((call, permit)), None))));
        inner.gate.watch(&slot);
        Self {
            slot,
            is_blocking,
            gate: Arc::clone(&inner.gate),
            clock: inner.clock.clone(),
            logs: inner.logs.clone(),
        }
    }

    pub(crate) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }

    /// Calls the handler, and makes of what it came to what the client gets. A stream keeps the place inside.
    pub(crate) async fn run(self, only_head: bool) -> (MockResponse, Option<Permit>) {
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
