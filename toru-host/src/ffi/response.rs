//! A response as a plugin gives it, checked and turned into HTTP types.

mod length;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use toru_plugin_api::abi::bytes::ToruSlice;
use toru_plugin_api::abi::exchange::{
    TORU_BODY_BORROWED, TORU_BODY_BYTES, TORU_BODY_NONE, TORU_BODY_STREAM, TORU_HEADER_STATIC_NAME,
    TORU_HEADER_STATIC_VALUE, TORU_RESPONSE_ERROR, ToruHeader, ToruResponse,
};
use toru_plugin_api::abi::status::{TORU_INVALID, TORU_UNSUPPORTED};
use toru_plugin_api::abi::{field_end, read_argument};

use super::body::{HostBody, PluginStream};
use super::bytes::from_plugin;
pub(super) use length::check_length;

/// Most fields in the header of a response.
const FIELDS_MAX: usize = 256;
/// Fields that the host may add to those of a plugin; with room for them the map never grows.
const FIELDS_ADDED: usize = 2;

/// What a plugin answered.
pub(super) enum Answer {
    /// A response, in the parts that were checked.
    Response {
        /// Its status.
        status: StatusCode,
        /// Its header.
        headers: HeaderMap,
        /// Whether the header tells a length.
        has_length: bool,
        /// Its body.
        body: AnswerBody,
    },
    /// The author's code failed; the host renders the answer with this status.
    Error(u16),
    /// Something that is no response, and why.
    Invalid(String),
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

/// Reads a response whose header has at most `header_max` bytes. On an error the body stays the plugin's.
///
/// # Safety
///
/// `response` is null or readable up to its own `size`, with all that it points to.
pub(super) unsafe fn read(response: *const ToruResponse, header_max: usize) -> Result<Answer, (String, u32)> {
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
    let read = unsafe { read_headers(given.headers, given.n_headers, header_max) };
    let (headers, has_length) = read.map_err(|reason| (reason, TORU_INVALID))?;
    // SAFETY: the plugin hands the body over.
    let body = unsafe { read_body(&given) }.map_err(invalid)?;
    Ok(Answer::Response {
        status,
        headers,
        has_length,
        body,
    })
}

/// Reads fields, and whether one of them tells the length of the body.
///
/// # Safety
///
/// The fields are readable.
pub(super) unsafe fn read_headers(
    first: *const ToruHeader,
    len: usize,
    bytes_max: usize,
) -> Result<(HeaderMap, bool), String> {
    if len == 0 {
        return Ok((HeaderMap::new(), false));
    }
    if first.is_null() || !first.is_aligned() || len > FIELDS_MAX {
        return Err(format!(
            "{len} header fields cannot be read; at most {FIELDS_MAX} are allowed"
        ));
    }
    let mut headers = HeaderMap::with_capacity(len + FIELDS_ADDED);
    let (mut total, mut has_length) = (0_usize, false);
    for i in 0..len {
        // SAFETY: within the array that the plugin lends.
        let field = unsafe { first.add(i) };
        // SAFETY: as above.
        let field = unsafe { &*field };
        total = total
            .saturating_add(field.name.len)
            .saturating_add(field.value.len);
        if total > bytes_max {
            return Err(format!("its header is larger than {bytes_max} bytes"));
        }
        if field.flags & !(TORU_HEADER_STATIC_NAME | TORU_HEADER_STATIC_VALUE) != 0 {
            return Err("a header field has a flag that this host does not know".to_owned());
        }
        // SAFETY: the plugin lends the name for the call, or for good where it says so.
        let name = unsafe { read_name(field.name, field.flags & TORU_HEADER_STATIC_NAME != 0) }?;
        // SAFETY: the plugin lends the value for the call, or for good where it says so.
        let value = unsafe { read_value(field.value, field.flags & TORU_HEADER_STATIC_VALUE != 0) };
        let value = value.ok_or_else(|| format!("the value of `{name}` has bytes that HTTP forbids"))?;
        has_length |= name == CONTENT_LENGTH;
        headers.append(name, value);
    }
    Ok((headers, has_length))
}

/// # Safety
///
/// The name is readable for the call, and for good when `is_static`.
unsafe fn read_name(name: ToruSlice, is_static: bool) -> Result<HeaderName, String> {
    // SAFETY: as the caller guarantees.
    let bytes = unsafe { name.as_bytes() }.unwrap_or_default();
    // Nearly every response has this one, and comparing is much cheaper than finding out which it is.
    if bytes == CONTENT_TYPE.as_str().as_bytes() {
        return Ok(CONTENT_TYPE);
    }
    if is_static && is_plain(bytes) {
        // SAFETY: as the caller guarantees.
        let bytes = unsafe { name.as_bytes::<'static>() }.unwrap_or_default();
        // SAFETY: a plain name is ASCII.
        let text = unsafe { std::str::from_utf8_unchecked(bytes) };
        // Refers to the text instead of copying it; does not panic for a plain name.
        return Ok(HeaderName::from_static(text));
    }
    HeaderName::from_bytes(bytes).map_err(|_| format!("`{}` is no header name", bytes.escape_ascii()))
}

/// Whether a name is of the usual kind: short, in lower case, without rare characters.
fn is_plain(name: &[u8]) -> bool {
    let plain = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=64).contains(&name.len()) && name.iter().all(plain)
}

/// Whether there is nothing but printable ASCII. Without a branch for each byte.
fn is_printable(value: &[u8]) -> bool {
    let printable = |byte: &u8| (b' '..=b'~').contains(byte);
    value.iter().fold(true, |all, byte| all & printable(byte))
}

/// # Safety
///
/// The value is readable for the call, and for good when `is_static`.
unsafe fn read_value(value: ToruSlice, is_static: bool) -> Option<HeaderValue> {
    if is_static {
        // SAFETY: as the caller guarantees.
        let bytes = unsafe { value.as_bytes::<'static>() }?;
        if is_printable(bytes) {
            // SAFETY: printable ASCII is what every header value may have; checked here for many bytes at a time.
            return Some(unsafe { HeaderValue::from_maybe_shared_unchecked(Bytes::from_static(bytes)) });
        }
        return HeaderValue::from_maybe_shared(Bytes::from_static(bytes)).ok();
    }
    // SAFETY: as the caller guarantees.
    HeaderValue::from_bytes(unsafe { value.as_bytes() }?).ok()
}

/// # Safety
///
/// The body is the caller's to take.
unsafe fn read_body(given: &ToruResponse) -> Result<AnswerBody, &'static str> {
    match given.body_kind {
        TORU_BODY_NONE => Ok(AnswerBody::Empty),
        TORU_BODY_BYTES => {
            // SAFETY: the plugin hands one reference over.
            unsafe { from_plugin(given.bytes) }
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

#[cfg(test)]
mod tests {
    use super::{HeaderName, HeaderValue, ToruSlice, is_plain, is_printable, read_name};

    #[test]
    fn static_names_become_the_names_that_copies_would() {
        for name in [
            "content-type",
            "etag",
            "x-a",
            "Content-Type",
            "X-A",
            "a_b",
            "x y",
            "",
            "ä",
            "x\n",
        ] {
            let copied = HeaderName::from_bytes(name.as_bytes()).ok();
            for is_static in [false, true] {
                // SAFETY: the names are literals.
                #[expect(unsafe_code, reason = "the function under test reads raw slices")]
                let read = unsafe { read_name(ToruSlice::new(name.as_bytes()), is_static) };
                assert_eq!(read.ok(), copied, "{name:?}");
            }
        }
    }

    #[test]
    fn every_printable_byte_makes_a_value() {
        for byte in 0..=u8::MAX {
            if is_printable(&[byte]) {
                assert!(HeaderValue::from_bytes(&[byte]).is_ok(), "{byte}");
            }
        }
    }

    #[test]
    fn every_plain_byte_makes_a_name() {
        for byte in 0..=u8::MAX {
            if is_plain(&[byte]) {
                let name: &'static str = Box::leak(char::from(byte).to_string().into_boxed_str());
                assert_eq!(HeaderName::from_static(name).as_str(), name);
            }
        }
    }
}
