//! One request and its response while they cross.

use core::ffi::c_void;

use super::body::ToruBody;
use super::bytes::{ToruBytes, ToruSlice};

/// The header's name lives as long as the process.
pub const TORU_HEADER_STATIC_NAME: u32 = 1;
/// The header's value lives as long as the process.
pub const TORU_HEADER_STATIC_VALUE: u32 = 2;

/// One header field.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruHeader {
    /// Field name. In requests it is in lower case.
    pub name: ToruSlice,
    /// Field value: bytes, not necessarily UTF-8.
    pub value: ToruSlice,
    /// `TORU_HEADER_…` bits.
    pub flags: u32,
    /// Reserved, zero.
    pub reserved: u32,
}

/// The response has no body.
pub const TORU_BODY_NONE: u16 = 0;
/// The body is `bytes`, which the host owns once `respond` has returned `TORU_DONE`.
pub const TORU_BODY_BYTES: u16 = 1;
/// The body is `bytes`, borrowed and copied during the call; its owner is null. Meant for short ones.
pub const TORU_BODY_BORROWED: u16 = 2;
/// The body is `stream`, which the host owns once `respond` has returned `TORU_DONE`.
pub const TORU_BODY_STREAM: u16 = 3;

/// The author's code failed: the host renders its own problem document with this status, and no body is given.
pub const TORU_RESPONSE_ERROR: u32 = 1;

/// A response. Everything but the body is borrowed during the call to `respond`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ToruResponse {
    /// Size of this struct in bytes.
    pub size: u32,
    /// `TORU_RESPONSE_…` bits.
    pub flags: u32,
    /// HTTP status, 200 to 599.
    pub status: u16,
    /// `TORU_BODY_…`: where the body is.
    pub body_kind: u16,
    /// Reserved, zero.
    pub reserved: u32,
    /// Header fields, in order; repeated names are kept.
    pub headers: *const ToruHeader,
    /// Number of header fields.
    pub n_headers: usize,
    /// The body, when `body_kind` says so.
    pub bytes: ToruBytes,
    /// The body, when `body_kind` says so.
    pub stream: *mut ToruBody,
}

/// One request on its way through a plugin. A host object; these fields may be read directly.
///
/// The slices live as long as the exchange: until the operation ends, or longer for whoever retains it.
#[repr(C)]
#[derive(Debug)]
pub struct ToruExchange {
    /// Table of this object.
    pub vt: *const ToruExchangeVt,
    /// Size of this struct in bytes: which of the fields below are there.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// The method's bit, `TORU_GET` and so on.
    pub method: u32,
    /// HTTP version: 10, 11, 20 or 30.
    pub version: u16,
    /// Number of request header fields.
    pub n_headers: u16,
    /// The method's name as sent.
    pub method_name: ToruSlice,
    /// Raw path below the plugin's own, starting with `/`.
    pub path: ToruSlice,
    /// Raw query without the question mark; empty when there is none.
    pub query: ToruSlice,
    /// Raw captures in the order of the pattern.
    pub params: *const ToruSlice,
    /// Number of captures.
    pub n_params: usize,
    /// When the host will give up, in nanoseconds of the clock of `toru.rt/1`; 0 when it does not say.
    pub deadline_ns: u64,
    /// W3C trace id, or zeros.
    pub trace_id: [u8; 16],
    /// W3C span id, or zeros.
    pub span_id: [u8; 8],
}

/// Functions of a [`ToruExchange`]. None of them is ever null.
#[repr(C)]
#[derive(Debug)]
pub struct ToruExchangeVt {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Adds a reference: the request's data stays valid. `[thread-safe] [no-block]`
    pub retain: unsafe extern "C" fn(ex: *const ToruExchange),
    /// Gives a reference back. `[thread-safe] [no-block]`
    pub release: unsafe extern "C" fn(ex: *const ToruExchange),
    /// Looks the first header of that name up, in any case. `TORU_DONE` or `TORU_NOT_FOUND`. The name is lent for the
    /// call; what `out` leads to lives as long as the exchange. `[thread-safe] [no-block]`
    pub header: unsafe extern "C" fn(
        ex: *const ToruExchange,
        name: *const u8,
        len: usize,
        out: *mut ToruSlice,
    ) -> u32,
    /// All header fields as one array, which lives as long as the exchange. `[thread-safe] [no-block]`
    pub headers:
        unsafe extern "C" fn(ex: *const ToruExchange, out: *mut *const ToruHeader, n_out: *mut usize) -> u32,
    /// Takes the request body; null when there is none or it was taken. The caller owns it. `[thread-safe] [no-block]`
    pub body: unsafe extern "C" fn(ex: *const ToruExchange) -> *mut ToruBody,
    /// Answers, at most once; `TORU_CONFLICT` after `detach`. The body is the host's after `TORU_DONE`, and stays the
    /// caller's on an error; all else of the response is lent for the call. `[op] [no-block]`
    pub respond: unsafe extern "C" fn(ex: *const ToruExchange, response: *const ToruResponse) -> u32,
    /// Takes the responder, at most once, for `TORU_DETACHED`; null when it cannot be had. The caller owns one
    /// reference of it. `[op] [no-block]`
    pub detach: unsafe extern "C" fn(ex: *const ToruExchange) -> *const ToruResponder,
    /// The table of an extension of the exchange, by id, or null. The id is lent for the call; the table lives as long as
    /// the process. `[thread-safe] [no-block]`
    pub ext: unsafe extern "C" fn(ex: *const ToruExchange, id: *const u8, len: usize) -> *const c_void,
}

/// Answers a detached request later, from any thread. A host object with counted references.
///
/// It keeps the exchange valid: headers and body may still be read through it. When the last reference is given back
/// without an answer, the host answers 500.
#[repr(C)]
#[derive(Debug)]
pub struct ToruResponder {
    /// Table of this object.
    pub vt: *const ToruResponderVt,
}

/// Functions of a [`ToruResponder`]. None of them is ever null.
#[repr(C)]
#[derive(Debug)]
pub struct ToruResponderVt {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Adds a reference. `[thread-safe] [no-block]`
    pub retain: unsafe extern "C" fn(responder: *const ToruResponder),
    /// Gives a reference back. `[thread-safe] [no-block]`
    pub release: unsafe extern "C" fn(responder: *const ToruResponder),
    /// Answers, at most once: `TORU_DONE`; `TORU_CONFLICT` if it was answered already; `TORU_CANCELLED` if nobody
    /// waits any more. The body is the host's after `TORU_DONE`, and stays the caller's on an error; all else of the
    /// response is lent for the call. It takes no reference. `[thread-safe] [no-block]`
    pub respond: unsafe extern "C" fn(responder: *const ToruResponder, response: *const ToruResponse) -> u32,
    /// 1 when nobody waits for the answer any more, else 0. `[thread-safe] [no-block]`
    pub is_cancelled: unsafe extern "C" fn(responder: *const ToruResponder) -> u32,
    /// Has `callback(data)` called once when nobody waits any more, on any thread; before this returns if that is so
    /// already. Not called once an answer was accepted. `TORU_DONE`; `TORU_CONFLICT` when one was set before, or when
    /// it is too late because an answer was given.
    ///
    /// After `TORU_DONE`, `drop(data)` is called exactly once, when the callback has returned or will never be called;
    /// it may be null. Until then `data` is lent to the host. On an error neither is called, and `data` stays the
    /// caller's. Neither must block. `[thread-safe] [no-block]`
    pub on_cancel: unsafe extern "C" fn(
        responder: *const ToruResponder,
        callback: Option<unsafe extern "C" fn(data: *mut c_void)>,
        drop: Option<unsafe extern "C" fn(data: *mut c_void)>,
        data: *mut c_void,
    ) -> u32,
}
