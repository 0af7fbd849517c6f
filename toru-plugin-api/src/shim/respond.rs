//! The answer on its way out.

use std::borrow::Cow;
use std::ptr::NonNull;

use super::body::{release as release_body, stream_into_toru};
use super::bytes::{into_toru, release as release_bytes};
use super::scope::Scope;
use crate::abi::bytes::{ToruBytes, ToruSlice};
use crate::abi::exchange::{
    TORU_BODY_BORROWED, TORU_BODY_BYTES, TORU_BODY_NONE, TORU_BODY_STREAM, TORU_HEADER_STATIC_NAME,
    TORU_HEADER_STATIC_VALUE, TORU_RESPONSE_ERROR, ToruExchange, ToruExchangeVt, ToruHeader, ToruResponse,
};
use crate::abi::status::TORU_DONE;
use crate::abi::{size_word, table_of};
use crate::body::Inner;
use crate::bytes::{Bytes, Repr};
use crate::headers::{Field, HeaderList, INLINE};
use crate::response::Response;

/// Bodies up to this length are copied by the host: cheaper than a shared owner.
const BORROWED_MAX: usize = 512;

const NO_HEADER: ToruHeader = ToruHeader {
    name: ToruSlice::EMPTY,
    value: ToruSlice::EMPTY,
    flags: 0,
    reserved: 0,
};

/// Delivers a response and takes its body, which stays inside `scope`. `TORU_DONE`, or why the host refused it.
///
/// # Safety
///
/// `ex` is live and its operation has not ended.
pub(super) unsafe fn respond(ex: NonNull<ToruExchange>, response: &mut Response, scope: &Scope) -> u32 {
    let headers = &response.headers;
    let small;
    #[cfg(feature = "http")]
    let small_shared;
    let (body_kind, bytes, stream) = match std::mem::take(&mut response.body).into_inner() {
        Inner::Empty => (TORU_BODY_NONE, ToruBytes::EMPTY, std::ptr::null_mut()),
        Inner::Bytes(body) => match body.into_repr() {
            Repr::Owned(body) if body.len() <= BORROWED_MAX => {
                small = body;
                let bytes = ToruBytes {
                    ptr: small.as_ptr(),
                    len: small.len(),
                    owner: std::ptr::null(),
                };
                (TORU_BODY_BORROWED, bytes, std::ptr::null_mut())
            }
            #[cfg(feature = "http")]
            Repr::Shared(body) if body.len() <= BORROWED_MAX => {
                small_shared = body;
                let bytes = ToruBytes {
                    ptr: small_shared.as_ptr(),
                    len: small_shared.len(),
                    owner: std::ptr::null(),
                };
                (TORU_BODY_BORROWED, bytes, std::ptr::null_mut())
            }
            body => (
                TORU_BODY_BYTES,
                into_toru(Bytes::from_repr(body)),
                std::ptr::null_mut(),
            ),
        },
        Inner::Host(body) => (TORU_BODY_STREAM, ToruBytes::EMPTY, body.into_raw()),
        Inner::Stream(stream) => (
            TORU_BODY_STREAM,
            ToruBytes::EMPTY,
            stream_into_toru(stream, scope),
        ),
    };
    let mut on_stack = [NO_HEADER; INLINE];
    let on_heap: Vec<ToruHeader>;
    let fields = if let Some(inline) = headers.inline() {
        for (slot, field) in on_stack.iter_mut().zip(inline.iter().flatten()) {
            *slot = lend(field);
        }
        &on_stack[..inline.len()]
    } else {
        on_heap = all(headers);
        &on_heap
    };
    let lent = ToruResponse {
        size: size_word::<ToruResponse>(),
        flags: 0,
        status: response.status,
        body_kind,
        reserved: 0,
        headers: fields.as_ptr(),
        n_headers: fields.len(),
        bytes,
        stream,
    };
    // SAFETY: the exchange is alive; everything that is lent outlives the call.
    let status = unsafe { deliver(ex, &lent) };
    if status != TORU_DONE {
        if body_kind == TORU_BODY_BYTES {
            // SAFETY: refused, so the reference is still ours.
            unsafe { release_bytes(&bytes) };
        }
        if !stream.is_null() {
            // SAFETY: refused, so the body is still ours.
            unsafe { release_body(stream) };
        }
    }
    status
}

/// Tells the host that the author's code failed; it renders the answer.
///
/// # Safety
///
/// As [`respond`].
pub(super) unsafe fn respond_error(ex: NonNull<ToruExchange>, status: u16) -> u32 {
    let response = ToruResponse {
        size: size_word::<ToruResponse>(),
        flags: TORU_RESPONSE_ERROR,
        status,
        body_kind: TORU_BODY_NONE,
        reserved: 0,
        headers: std::ptr::null(),
        n_headers: 0,
        bytes: ToruBytes::EMPTY,
        stream: std::ptr::null_mut(),
    };
    // SAFETY: as the caller guarantees.
    unsafe { deliver(ex, &response) }
}

/// # Safety
///
/// As [`respond`].
unsafe fn deliver(ex: NonNull<ToruExchange>, response: &ToruResponse) -> u32 {
    // SAFETY: the exchange is alive.
    let vt = unsafe { table_of::<_, ToruExchangeVt>(ex.as_ptr()) };
    // SAFETY: the table belongs to the exchange; the response outlives the call.
    unsafe { (vt.respond)(ex.as_ptr(), response) }
}

fn all(headers: &HeaderList) -> Vec<ToruHeader> {
    let fields = headers.iter().map(lend);
    #[cfg(feature = "http")]
    let fields = fields.chain(
        headers
            .map()
            .into_iter()
            .flatten()
            .map(|(name, value)| ToruHeader {
                name: ToruSlice::new(name.as_str().as_bytes()),
                value: ToruSlice::new(value.as_bytes()),
                ..NO_HEADER
            }),
    );
    fields.collect()
}

fn lend((name, value): &Field) -> ToruHeader {
    let static_name = if matches!(name, Cow::Borrowed(_)) {
        TORU_HEADER_STATIC_NAME
    } else {
        0
    };
    let static_value = if matches!(value, Cow::Borrowed(_)) {
        TORU_HEADER_STATIC_VALUE
    } else {
        0
    };
    ToruHeader {
        name: ToruSlice::new(name.as_bytes()),
        value: ToruSlice::new(value),
        flags: static_name | static_value,
        reserved: 0,
    }
}
