//! One request on its way through the plugin.

use std::any::Any;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use super::answer::Answer;
use crate::abi::body::ToruBody;
use crate::abi::bytes::{ToruSlice, bytes_from_raw};
use crate::abi::exchange::{ToruExchange, ToruExchangeVt, ToruHeader, ToruResponder, ToruResponse};
use crate::abi::op::ToruOp;
use crate::abi::route::{TORU_SCRATCH_ALIGN_MAX, TORU_SCRATCH_MAX};
use crate::abi::size_word;
use crate::abi::status::{TORU_CONFLICT, TORU_DONE, TORU_INVALID, TORU_NOT_FOUND, TORU_PENDING};
use crate::body::BodyStream;
use crate::shim::body::stream_into_toru;
use crate::shim::op::HostOp;
use crate::shim::scope::OUTSIDE;
use crate::shim::waker::with_waker;

/// A request as the plugin will see it.
pub(crate) struct Head {
    pub(crate) method: u32,
    pub(crate) method_name: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Where in the path the captures are.
    pub(crate) params: Vec<Range<usize>>,
    pub(crate) headers: http::HeaderMap,
    /// The body; `None` when there is nothing in it.
    pub(crate) body: Option<Pin<Box<dyn BodyStream>>>,
}

/// An exchange in the plugin's hands.
#[repr(C)]
struct Exchange {
    base: ToruExchange,
    /// What the slices in `base` and `fields` point into. Never changed.
    head: Head,
    params: Vec<ToruSlice>,
    fields: Vec<ToruHeader>,
    body: Mutex<Option<Pin<Box<dyn BodyStream>>>>,
    answer: Mutex<Option<Answer>>,
}

// SAFETY: the pointers are to a static and into the exchange's own texts, which never change.
unsafe impl Send for Exchange {}
// SAFETY: as above; a body and an answer are reached through their locks alone.
unsafe impl Sync for Exchange {}

static EXCHANGE_VT: ToruExchangeVt = ToruExchangeVt {
    size: size_word::<ToruExchangeVt>(),
    flags: 0,
    retain,
    release,
    header,
    headers,
    body,
    respond,
    detach,
    ext,
};

impl Exchange {
    fn new(mut head: Head) -> Arc<Self> {
        let body = head.body.take();
        let base = ToruExchange {
            vt: &raw const EXCHANGE_VT,
            size: size_word::<ToruExchange>(),
            flags: 0,
            method: head.method,
            version: 11,
            n_headers: u16::try_from(head.headers.len()).unwrap_or(u16::MAX),
            method_name: ToruSlice::EMPTY,
            path: ToruSlice::EMPTY,
            query: ToruSlice::EMPTY,
            params: std::ptr::null(),
            n_params: 0,
            deadline_ns: 0,
            trace_id: [0; 16],
            span_id: [0; 8],
        };
        let mut this = Self {
            base,
            head,
            params: Vec::new(),
            fields: Vec::new(),
            body: Mutex::new(body),
            answer: Mutex::new(None),
        };
        // The texts stay where they are when the exchange moves.
        let Self {
            base,
            head,
            params,
            fields,
            ..
        } = &mut this;
        base.method_name = ToruSlice::new(head.method_name.as_bytes());
        base.path = ToruSlice::new(head.path.as_bytes());
        base.query = ToruSlice::new(head.query.as_bytes());
        let capture = |range: &Range<usize>| ToruSlice::new(&head.path.as_bytes()[range.clone()]);
        *params = head.params.iter().map(capture).collect();
        base.params = params.as_ptr();
        base.n_params = params.len();
        let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| ToruHeader {
            name: ToruSlice::new(name.as_str().as_bytes()),
            value: ToruSlice::new(value.as_bytes()),
            flags: 0,
            reserved: 0,
        };
        *fields = head.headers.iter().map(field).collect();
        Arc::new(this)
    }

    /// # Safety
    ///
    /// `ex` is one of these, to which the caller holds a reference.
    unsafe fn of<'a>(ex: *const ToruExchange) -> &'a Self {
        // SAFETY: as the caller guarantees; the exchange is its first field.
        unsafe { &*ex.cast::<Self>() }
    }
}

unsafe extern "C" fn retain(ex: *const ToruExchange) {
    // SAFETY: called through the table of this exchange, by a holder of a reference.
    unsafe { Arc::increment_strong_count(ex.cast::<Exchange>()) };
}

unsafe extern "C" fn release(ex: *const ToruExchange) {
    // SAFETY: the caller gives its reference back.
    unsafe { Arc::decrement_strong_count(ex.cast::<Exchange>()) };
}

unsafe extern "C" fn header(
    ex: *const ToruExchange,
    name: *const u8,
    len: usize,
    out: *mut ToruSlice,
) -> u32 {
    // SAFETY: called through the table of this exchange.
    let this = unsafe { Exchange::of(ex) };
    // SAFETY: the plugin lends the name for the call.
    let Some(name) = (unsafe { bytes_from_raw(name, len) }) else {
        return TORU_INVALID;
    };
    let name = std::str::from_utf8(name).ok();
    let Some(value) = name.and_then(|name| this.head.headers.get(name)) else {
        return TORU_NOT_FOUND;
    };
    if out.is_null() {
        return TORU_INVALID;
    }
    // SAFETY: the plugin lends the place for the call.
    unsafe { out.write(ToruSlice::new(value.as_bytes())) };
    TORU_DONE
}

unsafe extern "C" fn headers(ex: *const ToruExchange, out: *mut *const ToruHeader, n_out: *mut usize) -> u32 {
    // SAFETY: called through the table of this exchange.
    let this = unsafe { Exchange::of(ex) };
    if out.is_null() || n_out.is_null() {
        return TORU_INVALID;
    }
    // SAFETY: the plugin lends the place for the call.
    unsafe { out.write(this.fields.as_ptr()) };
    // SAFETY: as above.
    unsafe { n_out.write(this.fields.len()) };
    TORU_DONE
}

unsafe extern "C" fn body(ex: *const ToruExchange) -> *mut ToruBody {
    // SAFETY: called through the table of this exchange.
    let this = unsafe { Exchange::of(ex) };
    let taken = this.body.lock().unwrap_or_else(PoisonError::into_inner).take();
    taken.map_or(std::ptr::null_mut(), |body| stream_into_toru(body, &OUTSIDE))
}

unsafe extern "C" fn respond(ex: *const ToruExchange, response: *const ToruResponse) -> u32 {
    // SAFETY: called through the table of this exchange.
    let this = unsafe { Exchange::of(ex) };
    let mut place = this.answer.lock().unwrap_or_else(PoisonError::into_inner);
    if place.is_some() {
        return TORU_CONFLICT;
    }
    // SAFETY: the plugin lends the response for the call.
    let (answer, status) = unsafe { Answer::read(response) };
    *place = Some(answer);
    status
}

/// The author's side never asks for a responder.
unsafe extern "C" fn detach(_: *const ToruExchange) -> *const ToruResponder {
    std::ptr::null()
}

unsafe extern "C" fn ext(_: *const ToruExchange, _: *const u8, _: usize) -> *const c_void {
    std::ptr::null()
}

pub(super) type Start = unsafe extern "C" fn(
    *const c_void,
    *const c_void,
    *const ToruExchange,
    *const crate::abi::op::ToruWaker,
    *mut u8,
    *mut ToruOp,
) -> u32;

/// What a route's handler is called with.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub(super) start: Start,
    pub(super) user: *const c_void,
    pub(super) plugin: *const c_void,
}

// SAFETY: both pointers are the plugin's own and only passed to `start`, which is thread-safe by contract.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

/// Memory that a handler's future may live in.
#[repr(C, align(16))]
struct Scratch([MaybeUninit<u8>; TORU_SCRATCH_MAX]);

const _: () = assert!(align_of::<Scratch>() >= TORU_SCRATCH_ALIGN_MAX as usize);

/// A call to a route. Dropping it cancels the call.
pub(crate) struct Call {
    // Dropped first: it may live in the scratch, and uses the exchange.
    op: Option<HostOp>,
    ended: bool,
    target: Target,
    exchange: Arc<Exchange>,
    scratch: Box<MaybeUninit<Scratch>>,
    /// What keeps the instance.
    _instance: Arc<dyn Any + Send + Sync>,
}

impl Call {
    /// Prepares a call; nothing of the plugin runs before the first poll.
    ///
    /// # Safety
    ///
    /// What `target` names is alive for as long as `instance` is kept.
    pub(super) unsafe fn new(target: Target, head: Head, instance: Arc<dyn Any + Send + Sync>) -> Self {
        Self {
            op: None,
            ended: false,
            target,
            exchange: Exchange::new(head),
            scratch: Box::new_uninit(),
            _instance: instance,
        }
    }

    /// Polls the handler. What the call came to: a status, and the answer if there is one.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(u32, Option<Answer>)> {
        if self.ended {
            return Poll::Ready((TORU_INVALID, None));
        }
        let ex: *const ToruExchange = Arc::as_ptr(&self.exchange).cast();
        let status = match &mut self.op {
            // SAFETY: the `io` of a handler's operation is its exchange.
            Some(op) => unsafe { op.poll(cx, ex.cast_mut().cast()) },
            None => self.start(cx, ex),
        };
        let Poll::Ready(status) = status else {
            return Poll::Pending;
        };
        self.ended = true;
        self.op = None;
        let mut answer = self
            .exchange
            .answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Poll::Ready((status, answer.take()))
    }

    fn start(&mut self, cx: &Context<'_>, ex: *const ToruExchange) -> Poll<u32> {
        let Target { start, user, plugin } = self.target;
        let scratch = self.scratch.as_mut_ptr().cast::<u8>();
        let mut op = ToruOp::NONE;
        // SAFETY: the instance is alive, as `new` asked for; exchange and scratch outlive the operation, `op` the call.
        let status = with_waker(cx.waker(), |waker| unsafe {
            start(user, plugin, ex, waker, scratch, &raw mut op)
        });
        if status != TORU_PENDING {
            return Poll::Ready(status);
        }
        // SAFETY: filled in by the plugin, which is pending.
        self.op = Some(unsafe { HostOp::new(op) });
        Poll::Pending
    }
}
