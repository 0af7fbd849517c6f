//! One call to a route, as a future.

use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::sync::futures::OwnedNotified;
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep_until};
use toru_plugin_api::abi::op::ToruOp;
use toru_plugin_api::abi::status::{
    TORU_CANCELLED, TORU_DETACHED, TORU_DONE, TORU_FAILED, TORU_INVALID, TORU_PANICKED, TORU_PENDING,
};

use super::body::{RequestBody, ResponseBody};
use super::cell::CellRef;
use super::context::Context as PluginContext;
use super::faults::Fault;
use super::gate::Permit;
use super::op::{PluginOp, Started, on_worker};
use super::response::{Answer, AnswerBody, Remarkable, check_length};
use super::route::{RouteMatch, Start};
use super::watch::inside;
use crate::error::CallError;
use crate::identity::Identity;
use crate::lane::{InFlight, Lane};
use crate::plugin::{PluginId, PluginLimits};

/// A call to a plugin. Dropping it cancels the call.
pub(crate) struct CallFuture<B> {
    // The operation stands first: it is dropped before the cell that it writes to and the permit that guards it.
    stage: Stage,
    cell: CellRef<B>,
    target: Target,
    called: Called,
    /// Given away with the response.
    permit: Option<Permit>,
    /// Taken when the call has come to something.
    in_flight: Option<InFlight>,
    /// What ends the call before it is answered; made when it has to wait.
    ends: Option<Ends>,
    /// Whether the call was woken already when it suspended for the first time.
    was_awake: bool,
}

/// A response in parts, and what is remarkable about its header. Put together at the end, where it is moved no more.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: ResponseBody,
    pub(crate) remarkable: Remarkable,
}

/// The plugin that a call went to. Stays good when the call is over.
#[derive(Clone, Copy)]
pub(crate) struct Called(&'static PluginContext);

impl Called {
    pub(super) const fn new(context: &'static PluginContext) -> Self {
        Self(context)
    }

    /// Which of its libraries it is; 0 once it has ended.
    pub(crate) fn generation(self) -> u64 {
        self.0.generation()
    }

    pub(crate) const fn plugin(self) -> &'static PluginId {
        self.0.plugin()
    }

    pub(crate) const fn limits(self) -> &'static PluginLimits {
        &self.0.lane().limits
    }

    /// Logs that a header field did not reach the client, once for each name.
    #[cold]
    pub(crate) fn note_removed(self, name: &HeaderName) {
        self.0.note_removed(name);
    }
}

/// What ends a call before it is answered.
struct Ends {
    /// Resolves when the instance cancels what is left.
    cancelled: Pin<Box<OwnedNotified>>,
    /// Resolves when the call has taken too long.
    deadline: Option<Pin<Box<Sleep>>>,
}

enum Stage {
    New,
    /// With a place for the place in the lane: the thread keeps it when nobody waits for the call any more.
    Blocking(JoinHandle<u32>, Arc<OnceLock<InFlight>>),
    Detached,
    Ended,
    Pending(PluginOp),
}

/// What `start` is called with. It belongs to the instance, which the permit keeps.
#[derive(Clone, Copy)]
struct Target {
    start: Start,
    user: *const c_void,
    plugin: *const c_void,
    blocking: bool,
}

// SAFETY: both pointers are the plugin's own and only passed to `start`, which is thread-safe by contract.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl<B: RequestBody> CallFuture<B> {
    /// Prepares a call; nothing of the plugin runs before the first poll.
    #[inline(always)]
    pub(crate) fn new(
        permit: Permit,
        in_flight: InFlight,
        matched: &RouteMatch<'_>,
        identity: Identity,
        head: Parts,
        body: B,
    ) -> Self {
        let route = matched.route;
        let target = Target {
            start: route.start,
            user: route.user,
            plugin: permit.instance().plugin(),
            blocking: route.blocking,
        };
        let context = permit.instance().context();
        let lane = context.lane();
        let cell = CellRef::new(head, identity, body, matched, route.op_size, lane);
        Self {
            stage: Stage::New,
            cell,
            target,
            called: Called(context),
            permit: Some(permit),
            in_flight: Some(in_flight),
            ends: None,
            was_awake: false,
        }
    }

    /// The plugin that is called.
    pub(crate) const fn called(&self) -> Called {
        self.called
    }

    fn advance(&mut self, context: &'static PluginContext, cx: &mut Context<'_>) -> Poll<u32> {
        loop {
            match &mut self.stage {
                Stage::New if self.target.blocking => self.stage = self.spawn_blocking(),
                Stage::New => {
                    // SAFETY: the permit keeps the instance; everything passed is alive for the call.
                    match inside(context, || unsafe { start(self.target, &self.cell) }) {
                        Started::Ended(TORU_DETACHED) if self.cell.cell().is_detached() => {
                            self.stage = Stage::Detached;
                        }
                        Started::Ended(status) => return Poll::Ready(noted(context, status)),
                        Started::Pending(op) => {
                            self.stage = Stage::Pending(op);
                            // A handler that only lets others go first is spared all that waiting needs.
                            self.was_awake = self.cell.cell().wakeup.suspend(cx.waker());
                            return Poll::Pending;
                        }
                    }
                }
                Stage::Pending(op) => {
                    self.cell.cell().wakeup.begin();
                    let io = self.cell.exchange().cast_mut().cast();
                    // SAFETY: the cell is alive; the `io` of a handler's operation is its exchange.
                    let status = inside(context, || unsafe { op.poll_raw(self.cell.waker(), io) });
                    if status == TORU_PENDING {
                        self.cell.cell().wakeup.suspend(cx.waker());
                        return Poll::Pending;
                    }
                    return Poll::Ready(noted(context, status));
                }
                Stage::Detached => {
                    self.cell.cell().wakeup.begin();
                    self.cell.cell().wakeup.suspend(cx.waker());
                    if self.cell.cell().is_answered() {
                        return Poll::Ready(TORU_DONE);
                    }
                    return if self.cell.cell().is_abandoned() {
                        Poll::Ready(TORU_FAILED)
                    } else {
                        Poll::Pending
                    };
                }
                Stage::Blocking(join, _) => match std::task::ready!(Pin::new(join).poll(cx)) {
                    Ok(TORU_DETACHED) if self.cell.cell().is_detached() => self.stage = Stage::Detached,
                    Ok(status) => return Poll::Ready(status),
                    // The pool drops a closure only when the runtime goes down.
                    Err(_) => return Poll::Ready(TORU_FAILED),
                },
                Stage::Ended => return Poll::Ready(TORU_FAILED),
            }
        }
    }

    fn spawn_blocking(&self) -> Stage {
        let Some(permit) = self.permit.clone() else {
            return Stage::Ended;
        };
        let (target, cell) = (self.target, self.cell.clone());
        let runtime = permit.instance().runtime().clone();
        let kept = Arc::new(OnceLock::new());
        let keeping = Arc::clone(&kept);
        let span = tracing::Span::current();
        let join = runtime.spawn_blocking(move || {
            let _inside = span.enter();
            // The whole of `target` moves in here, not its fields one by one.
            let target = { target };
            // It may have waited for a thread for longer than the client waited for it.
            if cell.cell().is_cancelled() || permit.instance().is_cancelled() {
                return TORU_CANCELLED;
            }
            let context = permit.instance().context();
            // SAFETY: the permit in this closure keeps the instance, also when the client went away.
            let status = match inside(context, || unsafe { start_here(target, &cell) }) {
                Started::Pending(_) => TORU_INVALID,
                // Here, and not where the call is waited for: the client may have left.
                Started::Ended(status) => noted(context, status),
            };
            // The cell first: what it holds of the plugin is released while the instance is still there.
            drop(cell);
            drop(keeping);
            drop(permit);
            status
        });
        Stage::Blocking(join, kept)
    }

    /// Ends the call before it has come to anything.
    fn stop(&mut self, error: CallError) -> Result<Answered, CallError> {
        let kept = self.end_stage();
        self.cell.cell().cancel();
        if let Some(call) = self.in_flight.take() {
            call.note_time();
            note(self.cell.cell().lane, &error);
            if let Some(kept) = kept {
                let _ = kept.set(call);
            }
        }
        self.permit = None;
        Err(error)
    }

    /// Turns what the call came to into a response. The call leaves the instance, unless its response is a stream.
    #[inline(always)]
    fn finish(&mut self, status: u32) -> Result<Answered, CallError> {
        self.stage = Stage::Ended;
        let cell = self.cell.cell();
        let mut nowhere = None;
        let answer = cell.claim_answer().unwrap_or(&mut nowhere);
        cell.cancel();
        let permit = self.permit.take();
        let call = self.in_flight.take();
        if let Some(call) = &call {
            call.note_time();
        }
        match (answer.as_mut(), permit, call) {
            (
                Some(Answer::Response {
                    status: code,
                    fields,
                    body,
                }),
                Some(permit),
                Some(call),
            ) if status == TORU_DONE => {
                let (is_head, lane) = (self.cell.is_head(), cell.lane);
                let max = lane.limits.max_response_body;
                if let Err(reason) = check_length(*code, fields, body, is_head, max) {
                    // Now, while the permit keeps the instance: the body is the plugin's.
                    *answer = None;
                    lane.invalid_responses.add(1);
                    return Err(CallError::InvalidResponse { reason });
                }
                // What a HEAD request asks for has no body in the end.
                if let (AnswerBody::Full(bytes), false) = (&*body, is_head) {
                    lane.bytes_out.add(bytes.len() as u64);
                }
                let (status, remarkable) = (*code, fields.remarkable);
                let (headers, body) = Answer::take_parts(answer);
                let is_stream = matches!(body, AnswerBody::Stream(_));
                let body = ResponseBody::new(body, permit, call);
                if is_stream && is_events(&headers) {
                    body.set_events();
                }
                Ok(Answered {
                    status,
                    headers,
                    body,
                    remarkable,
                })
            }
            (_, permit, _) => {
                let error = failure(status, answer.take());
                if let Some(permit) = &permit {
                    note(permit.instance().context().lane(), &error);
                }
                Err(error)
            }
        }
    }

    /// What ends the call now, if anything. Registers for what may end it later.
    fn poll_ends(&mut self, cx: &mut Context<'_>) -> Option<CallError> {
        if std::mem::take(&mut self.was_awake) {
            // Polled again at once, and asked again then.
            return None;
        }
        let Some(permit) = &self.permit else {
            return Some(CallError::Cancelled);
        };
        let instance = permit.instance();
        let after = self.cell.cell().lane.limits.timeout;
        let ends = self.ends.get_or_insert_with(|| {
            let deadline = self
                .in_flight
                .as_ref()
                .and_then(|call| call.since().checked_add(after));
            // Whatever polls this call, timers need the runtime that the manager was started in.
            let _inside = instance.runtime().enter();
            Ends {
                cancelled: Box::pin(instance.cancellation()),
                deadline: deadline.map(|deadline| Box::pin(sleep_until(deadline.into()))),
            }
        });
        if ends.cancelled.as_mut().poll(cx).is_ready() || instance.is_cancelled() {
            return Some(CallError::Cancelled);
        }
        let is_late = |deadline: &mut Pin<Box<Sleep>>| deadline.as_mut().poll(cx).is_ready();
        ends.deadline
            .as_mut()
            .is_some_and(is_late)
            .then_some(CallError::TimedOut { after })
    }
}

impl<B: RequestBody> Future for CallFuture<B> {
    type Output = Result<Answered, CallError>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        // Nothing of the plugin runs any more once it was told to stop, also if this call has not begun.
        let stopped = |permit: &Permit| permit.instance().is_cancelled();
        if this.permit.as_ref().is_none_or(stopped) && !matches!(this.stage, Stage::Detached) {
            return Poll::Ready(this.stop(CallError::Cancelled));
        }
        let Some(permit) = &this.permit else {
            return Poll::Ready(this.stop(CallError::Cancelled));
        };
        let context = permit.instance().context();
        match this.advance(context, cx) {
            Poll::Ready(status) => Poll::Ready(this.finish(status)),
            Poll::Pending => match this.poll_ends(cx) {
                Some(error) => Poll::Ready(this.stop(error)),
                None => Poll::Pending,
            },
        }
    }
}

// Nothing in the future is pinned by its own address: the cell and the notification are boxed.
impl<B> Unpin for CallFuture<B> {}

impl<B> CallFuture<B> {
    /// Ends what there is to poll. A thread that is still in the plugin is to keep the call's place in the lane.
    fn end_stage(&mut self) -> Option<Arc<OnceLock<InFlight>>> {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Blocking(_, kept) => Some(kept),
            _ => None,
        }
    }
}

impl<B> Drop for CallFuture<B> {
    fn drop(&mut self) {
        // Without it, the call has come to something, and nothing of it is left.
        let Some(call) = self.in_flight.take() else {
            return;
        };
        // First the operation, then the word to a detached plugin.
        let kept = self.end_stage();
        self.cell.cell().cancel();
        call.note_time();
        self.cell.cell().lane.cancelled.add(1);
        if let Some(kept) = kept {
            let _ = kept.set(call);
        }
    }
}

/// Counts a panic, if it is one, when the plugin's code has come back with it.
#[inline(always)]
fn noted(context: &PluginContext, status: u32) -> u32 {
    if status == TORU_PANICKED {
        note_panic(context);
    }
    status
}

#[cold]
fn note_panic(context: &PluginContext) {
    context.lane().panicked.add(1);
    context.faults().report(Fault::Panicked);
}

/// Whether a response is a stream of events.
fn is_events(headers: &HeaderMap) -> bool {
    const KIND: &[u8] = b"text/event-stream";
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.and_then(|kind| kind.get(..KIND.len()))
        .is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
}

/// Counts a failure.
#[cold]
fn note(lane: &Lane, error: &CallError) {
    match error {
        // Counted when it happened.
        CallError::Panicked => {}
        CallError::InvalidResponse { .. } => lane.invalid_responses.add(1),
        CallError::Cancelled => lane.stopped.add(1),
        CallError::BodyTooLarge | CallError::Failed { .. } => lane.failed.add(1),
        CallError::TimedOut { .. } => lane.timed_out.add(1),
    }
}

/// Why a call that came to this brought no response. An answer that is none is dropped while the permit is there.
#[cold]
fn failure(status: u32, answer: Option<Answer>) -> CallError {
    let failed = |status, reason| CallError::Failed { status, reason };
    match (status, answer) {
        (TORU_PANICKED, _) => CallError::Panicked,
        (_, Some(Answer::Invalid(reason))) => CallError::InvalidResponse { reason },
        // Whoever could not read a body to its end because of its size answers with this.
        (_, Some(Answer::Error(413))) => CallError::BodyTooLarge,
        (_, Some(Answer::Error(status))) => failed(status, "a handler returned an error"),
        (TORU_DONE, _) => failed(500, "the handler ended without an answer"),
        (TORU_FAILED, None) => failed(500, "the last responder was given back without an answer"),
        _ => failed(500, "the handler ended with an error status"),
    }
}

/// Calls `start` on a thread that must not be blocked.
///
/// # Safety
///
/// A permit keeps the instance, and `target` belongs to it.
unsafe fn start<B: RequestBody>(target: Target, cell: &CellRef<B>) -> Started {
    // SAFETY: as the caller guarantees.
    on_worker(|| unsafe { start_here(target, cell) })
}

/// Calls `start` on this thread.
///
/// # Safety
///
/// As [`start`].
unsafe fn start_here<B: RequestBody>(target: Target, cell: &CellRef<B>) -> Started {
    let mut op = ToruOp::NONE;
    let (ex, waker, scratch) = (cell.exchange(), cell.waker(), cell.scratch());
    // SAFETY: the instance is alive; the cell and its scratch outlive the operation; `op` outlives the call.
    let status = unsafe { (target.start)(target.user, target.plugin, ex, waker, scratch, &raw mut op) };
    // SAFETY: filled in by the plugin when it is pending.
    unsafe { Started::new(status, op) }
}
