//! A response as the plugin gives it, checked as a host checks it.

use std::ptr::NonNull;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::abi::bytes::ToruSlice;
use crate::abi::exchange::{
    TORU_BODY_BORROWED, TORU_BODY_BYTES, TORU_BODY_NONE, TORU_BODY_STREAM, TORU_RESPONSE_ERROR, ToruHeader,
    ToruResponse,
};
use crate::abi::status::{TORU_DONE, TORU_INVALID, TORU_UNSUPPORTED};
use crate::abi::{field_end, read_argument};
use crate::bytes::Bytes;
use crate::shim::body::HostBody;
use crate::shim::bytes::ForeignBytes;

/// Most fields in the header of a response.
const FIELDS_MAX: usize = 256;
/// Most bytes of names and values in the header of a response.
const HEADER_BYTES_MAX: usize = 16 << 10;

/// What a plugin answered.
pub(crate) enum Answer {
    /// A response.
    Response {
        status: u16,
        headers: HeaderMap,
        body: AnswerBody,
    },
    /// The author's code failed; the host renders the answer with this status.
    Error(u16),
    /// Something that is no response, and why.
    Invalid(String),
}

/// The body of an answer.
pub(crate) enum AnswerBody {
    Empty,
    Full(Bytes),
    Stream(HostBody),
}

impl Answer {
    /// Reads a response, and says what the plugin is told. On an error the body stays the plugin's.
    ///
    /// # Safety
    ///
    /// `response` is null or readable up to its own `size`, with all that it points to.
    pub(super) unsafe fn read(response: *const ToruResponse) -> (Self, u32) {
        // SAFETY: as the caller guarantees.
        match unsafe { read(response) } {
            Ok(answer) => (answer, TORU_DONE),
            Err((reason, status)) => (Self::Invalid(reason), status),
        }
    }
}

/// # Safety
///
/// As [`Answer::read`].
unsafe fn read(response: *const ToruResponse) -> Result<Answer, (String, u32)> {
    let invalid = |reason: String| (reason, TORU_INVALID);
    // SAFETY: the plugin lends the struct for the call.
    let given = unsafe { read_argument(response, field_end!(ToruResponse, stream)) }.map_err(|status| {
        let reason = "its struct is null, too short, or of a newer kind";
        (reason.to_owned(), status)
    })?;
    if given.flags & !TORU_RESPONSE_ERROR != 0 {
        let reason = "it uses a flag that this host does not know";
        return Err((reason.to_owned(), TORU_UNSUPPORTED));
    }
    if given.flags & TORU_RESPONSE_ERROR != 0 {
        let is_error = matches!(given.status, 400..=599);
        return Ok(Answer::Error(if is_error { given.status } else { 500 }));
    }
    if !matches!(given.status, 200..=599) {
        let reason = format!("status {} is not between 200 and 599", given.status);
        return Err(invalid(reason));
    }
    // SAFETY: the plugin lends the fields for the call.
    let headers = unsafe { read_headers(given.headers, given.n_headers) }.map_err(invalid)?;
    // SAFETY: the plugin hands the body over.
    let body = unsafe { read_body(&given) }.map_err(|reason| invalid(reason.to_owned()))?;
    Ok(Answer::Response {
        status: given.status,
        headers,
        body,
    })
}

/// # Safety
///
/// The fields are readable.
unsafe fn read_headers(first: *const ToruHeader, len: usize) -> Result<HeaderMap, String> {
    if len == 0 {
        return Ok(HeaderMap::new());
    }
    if first.is_null() || !first.is_aligned() || len > FIELDS_MAX {
        return Err(format!(
            "{len} header fields cannot be read; at most {FIELDS_MAX} are allowed"
        ));
    }
    // SAFETY: not null, aligned, and readable as the caller guarantees.
    let fields = unsafe { std::slice::from_raw_parts(first, len) };
    // SAFETY: the texts are lent as the fields are.
    let lent = |slice: ToruSlice| unsafe { slice.as_bytes() }.unwrap_or_default();
    let (mut headers, mut total) = (HeaderMap::with_capacity(len), 0_usize);
    for field in fields {
        total = total
            .saturating_add(field.name.len)
            .saturating_add(field.value.len);
        if total > HEADER_BYTES_MAX {
            return Err(format!("its header is larger than {HEADER_BYTES_MAX} bytes"));
        }
        let (name, value) = (lent(field.name), lent(field.value));
        let name = HeaderName::from_bytes(name)
            .map_err(|_| format!("`{}` is no header name", name.escape_ascii()))?;
        let value = HeaderValue::from_bytes(value)
            .map_err(|_| format!("the value of `{name}` has bytes that HTTP forbids"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// # Safety
///
/// The body is the caller's to take.
unsafe fn read_body(given: &ToruResponse) -> Result<AnswerBody, &'static str> {
    match given.body_kind {
        TORU_BODY_NONE => Ok(AnswerBody::Empty),
        TORU_BODY_BYTES => {
            // SAFETY: the plugin hands one reference over.
            let bytes = unsafe { ForeignBytes::from_raw(given.bytes) };
            Ok(AnswerBody::Full(Bytes::foreign(bytes)))
        }
        TORU_BODY_BORROWED => {
            let lent = ToruSlice {
                ptr: given.bytes.ptr,
                len: given.bytes.len,
            };
            // SAFETY: the plugin lends the bytes for the call.
            let bytes = unsafe { lent.as_bytes() }.ok_or("its body makes no sense")?;
            Ok(AnswerBody::Full(bytes.to_vec().into()))
        }
        TORU_BODY_STREAM => {
            let raw = NonNull::new(given.stream).ok_or("its stream has an unusable table")?;
            // SAFETY: the plugin hands the body over.
            Ok(AnswerBody::Stream(unsafe { HostBody::new(raw) }))
        }
        _ => Err("its body is of a kind that this host does not know"),
    }
}
