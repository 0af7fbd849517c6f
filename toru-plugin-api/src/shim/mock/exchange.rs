//! One request on its way through the plugin.

use std::ffi::c_void;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use super::answer::Answer;
use crate::abi::body::ToruBody;
use crate::abi::bytes::{ToruSlice, bytes_from_raw};
use crate::abi::exchange::{ToruExchange, ToruExchangeVt, ToruHeader, ToruResponder, ToruResponse};
use crate::abi::size_word;
use crate::abi::status::{TORU_CONFLICT, TORU_DONE, TORU_INVALID, TORU_NOT_FOUND};
use crate::body::BodyStream;
use crate::shim::body::stream_into_toru;
use crate::shim::scope::OUTSIDE;

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
pub(super) struct Exchange {
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
    pub(super) fn new(mut head: Head) -> Arc<Self> {
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

    /// What the plugin has answered.
    pub(super) fn take_answer(&self) -> Option<Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
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
