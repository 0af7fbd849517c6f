//! A response as a plugin gives it, checked and turned into HTTP types.

mod fields;
mod length;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use toru_plugin_api::abi::exchange::{
    TORU_BODY_BORROWED, TORU_BODY_BYTES, TORU_BODY_NONE, TORU_BODY_STREAM, TORU_RESPONSE_ERROR, ToruResponse,
};
use toru_plugin_api::abi::status::{TORU_INVALID, TORU_UNSUPPORTED};
use toru_plugin_api::abi::{field_end, read_argument};

#[cfg(test)]
pub(crate) use self::fields::may_be_odd;
pub(super) use self::fields::{Fields, read_headers};
pub(crate) use self::fields::{Remarkable, StaticNames};
pub(super) use self::length::check_length;
use super::body::{HostBody, PluginStream};
use super::bytes::{accept, look_at, refuse};
use crate::lane::Lane;

/// What a plugin answered.
pub(super) enum Answer {
    /// A response, in the parts that were checked.
    Response {
        /// Its status.
        status: StatusCode,
        /// Its header.
        fields: Fields,
        /// Its body.
        body: AnswerBody,
    },
    /// The author's code failed; the host renders the answer with this status.
    Error(u16),
    /// Something that is no response, and why.
    Invalid(String),
}

impl Answer {
    /// Takes header and body of a response out of its place. Nothing is left there, not even something to be dropped.
    #[inline(always)]
    pub(super) fn take_parts(place: &mut Option<Self>) -> (HeaderMap, AnswerBody) {
        // By name, so that nothing new is forgotten here: what is not taken must have nothing to drop.
        let Some(Self::Response {
            status: _,
            fields: Fields {
                headers,
                remarkable: _,
            },
            body,
        }) = place
        else {
            return (HeaderMap::new(), AnswerBody::Empty);
        };
        // SAFETY: whole, and overwritten below without being dropped.
        let headers = unsafe { (&raw const *headers).read() };
        // SAFETY: as above.
        let body = unsafe { (&raw const *body).read() };
        // SAFETY: all that could be dropped was moved out of it.
        unsafe { (&raw mut *place).write(None) };
        (headers, body)
    }
}

/// The body of an answer.
pub(super) enum AnswerBody {
    Empty,
    Full(Bytes),
    /// The plugin produces it piece by piece.
    Stream(PluginStream),
    /// The request's own body, handed back as it was.
    Request(Box<HostBody>),
}

/// Reads a response that a plugin of this lane gives. On an error the body stays the plugin's.
///
/// # Safety
///
/// `response` is null or readable up to its own `size`, with all that it points to.
pub(super) unsafe fn read(response: *const ToruResponse, lane: &Lane) -> Result<Answer, (String, u32)> {
    let invalid = |reason: &str| (reason.to_owned(), TORU_INVALID);
    // SAFETY: the plugin lends the struct for the call.
    let given = unsafe { read_argument(response, field_end!(ToruResponse, stream)) }.map_err(|status| {
        (
            "its struct is null, too short, or of a newer kind".to_owned(),
            status,
        )
    })?;
    if given.flags & !TORU_RESPONSE_ERROR != 0 {
        return Err((
            "it uses a flag that this host does not know".to_owned(),
            TORU_UNSUPPORTED,
        ));
    }
    if given.flags & TORU_RESPONSE_ERROR != 0 {
        return Ok(Answer::Error(if matches!(given.status, 400..=599) {
            given.status
        } else {
            500
        }));
    }
    if !matches!(given.status, 200..=599) {
        return Err((
            format!("status {} is not between 200 and 599", given.status),
            TORU_INVALID,
        ));
    }
    let status =
        StatusCode::from_u16(given.status).map_err(|_| invalid("its status is no number of HTTP"))?;
    // SAFETY: the plugin lends the fields for the call.
    let read = unsafe {
        read_headers(
            given.headers,
            given.n_headers,
            lane.limits.max_response_header,
            &lane.names,
        )
    };
    let fields = read.map_err(|reason| (reason, TORU_INVALID))?;
    // SAFETY: the plugin hands the body over.
    let body = unsafe { read_body(&given) }.map_err(invalid)?;
    Ok(Answer::Response { status, fields, body })
}

/// What was read is the host's: takes over what [`read`] only looked at.
///
/// # Safety
///
/// `read` read this response, which is still readable.
#[inline]
pub(super) unsafe fn take_over(response: *const ToruResponse) {
    // SAFETY: as the caller guarantees; `read` found it long enough.
    if unsafe { (*response).body_kind } == TORU_BODY_BYTES {
        // SAFETY: as above.
        let bytes = unsafe { (*response).bytes };
        // SAFETY: they were looked at, and the plugin hands its reference over.
        unsafe { accept(bytes) };
    }
}

/// What was read came too late: its body stays the plugin's.
///
/// # Safety
///
/// `answer` is what `read` made of this response, which is still readable.
#[cold]
pub(super) unsafe fn give_back(answer: Answer, response: *const ToruResponse) {
    let Answer::Response { body, .. } = answer else {
        return;
    };
    match body {
        AnswerBody::Empty => {}
        // SAFETY: there is a body, so `read` found the response long enough.
        AnswerBody::Full(seen) => match unsafe { (*response).body_kind } {
            TORU_BODY_BYTES => {
                // SAFETY: as above.
                let bytes = unsafe { (*response).bytes };
                // SAFETY: they were looked at and nothing else.
                unsafe { refuse(bytes, seen) };
            }
            // A copy.
            _ => drop(seen),
        },
        // Nothing but the plugin's own pointers, which it still has.
        AnswerBody::Stream(stream) => std::mem::forget(stream),
        AnswerBody::Request(body) => std::mem::forget(body),
    }
}

/// # Safety
///
/// The body is the caller's to take.
unsafe fn read_body(given: &ToruResponse) -> Result<AnswerBody, &'static str> {
    match given.body_kind {
        TORU_BODY_NONE => Ok(AnswerBody::Empty),
        TORU_BODY_BYTES => {
            // SAFETY: the plugin hands one reference over, or keeps it when the answer comes too late.
            unsafe { look_at(given.bytes) }
                .map(AnswerBody::Full)
                .ok_or("its body makes no sense")
        }
        TORU_BODY_BORROWED => {
            // SAFETY: the plugin lends the bytes for the call.
            let bytes =
                unsafe { toru_plugin_api::abi::bytes::bytes_from_raw(given.bytes.ptr, given.bytes.len) };
            bytes
                .map(|bytes| AnswerBody::Full(Bytes::copy_from_slice(bytes)))
                .ok_or("its body makes no sense")
        }
        TORU_BODY_STREAM => {
            // SAFETY: the plugin hands the body over.
            if let Some(own) = unsafe { HostBody::take_back(given.stream) } {
                return Ok(AnswerBody::Request(own));
            }
            // SAFETY: as above.
            unsafe { PluginStream::new(given.stream) }
                .map(AnswerBody::Stream)
                .ok_or("its stream has an unusable table")
        }
        _ => Err("its body is of a kind that this host does not know"),
    }
}
