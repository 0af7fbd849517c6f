//! Streaming bodies: one pull-style table for requests and responses.

use super::bytes::ToruBytes;
use super::exchange::ToruHeader;
use super::op::ToruWaker;

/// A stream of frames. Implemented by the host for requests and by the plugin for responses.
///
/// Owned by one holder at a time, who releases it exactly once; releasing it before its end cancels it. It may
/// outlive the operation that it came from. Nothing is produced before it is asked for: back-pressure is built in.
#[repr(C)]
#[derive(Debug)]
pub struct ToruBody {
    /// Table of this object.
    pub vt: *const ToruBodyVt,
}

/// Functions of a [`ToruBody`].
#[repr(C)]
#[derive(Debug)]
pub struct ToruBodyVt {
    /// Size of this table in bytes.
    pub size: u32,
    /// Reserved, zero.
    pub flags: u32,
    /// Asks for the next frame: `TORU_DONE` with `frame` filled in, `TORU_PENDING`, `TORU_END`, or an error, after
    /// which it is not called again. Never null.
    ///
    /// `waker` and `frame` are lent for the call. The caller owns one reference of the bytes in `frame`, unless it is
    /// flagged as borrowed. `[op] [no-block]`
    pub poll: Option<
        unsafe extern "C" fn(body: *mut ToruBody, waker: *const ToruWaker, frame: *mut ToruFrame) -> u32,
    >,
    /// Turns the current borrowed frame's bytes into owned ones without copying. The caller owns what `out` then leads
    /// to. Null when frames are never borrowed. `[op] [no-block]`
    pub own: Option<unsafe extern "C" fn(body: *mut ToruBody, out: *mut ToruBytes) -> u32>,
    /// How much is to come. `out` is lent for the call. May be null. `[op] [no-block]`
    pub hint: Option<unsafe extern "C" fn(body: *mut ToruBody, out: *mut ToruBodyHint) -> u32>,
    /// Frees the body; cancels it if it has not ended. Never null. `[op] [no-block]`
    pub release: Option<unsafe extern "C" fn(body: *mut ToruBody)>,
}

/// The frame carries bytes of the body.
pub const TORU_FRAME_DATA: u32 = 0;
/// The frame carries trailers and is the last one.
pub const TORU_FRAME_TRAILERS: u32 = 1;

/// The frame's bytes are valid until the next `poll`, `own` or `release` of the body, and have no owner.
///
/// Only request bodies lend bytes. What a plugin streams is owned or lives as long as the process.
pub const TORU_FRAME_BORROWED: u32 = 1;

/// One frame of a body.
#[repr(C)]
#[derive(Debug)]
pub struct ToruFrame {
    /// Size of this struct in bytes, written by whoever polls.
    pub size: u32,
    /// `TORU_FRAME_BORROWED` or zero.
    pub flags: u32,
    /// `TORU_FRAME_DATA` or `TORU_FRAME_TRAILERS`.
    pub kind: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// Data frames: the bytes.
    pub bytes: ToruBytes,
    /// Trailer frames: the fields, valid until the next call to the body.
    pub headers: *const ToruHeader,
    /// Number of fields.
    pub n_headers: usize,
}

/// Set in [`ToruBodyHint::flags`] when `len` is the exact number of bytes to come.
pub const TORU_HINT_EXACT: u32 = 1;
/// Set in [`ToruBodyHint::flags`] when nothing is to come, so that polling may be left out.
pub const TORU_HINT_ENDED: u32 = 2;

/// How much of a body is to come.
#[repr(C)]
#[derive(Debug)]
pub struct ToruBodyHint {
    /// Size of this struct in bytes, written by whoever asks.
    pub size: u32,
    /// `TORU_HINT_…` bits.
    pub flags: u32,
    /// At least this many bytes are to come.
    pub len: u64,
}

impl ToruFrame {
    /// An empty frame, for whoever polls to pass in.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            size: super::size_word::<Self>(),
            flags: 0,
            kind: TORU_FRAME_DATA,
            reserved: 0,
            bytes: ToruBytes::EMPTY,
            headers: core::ptr::null(),
            n_headers: 0,
        }
    }
}

impl ToruBodyHint {
    /// An empty hint, for whoever asks to pass in.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            size: super::size_word::<Self>(),
            flags: 0,
            len: 0,
        }
    }
}
