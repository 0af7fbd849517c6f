//! Header fields as a plugin gives them.

use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};
use toru_plugin_api::abi::bytes::ToruSlice;
use toru_plugin_api::abi::exchange::{TORU_HEADER_STATIC_NAME, TORU_HEADER_STATIC_VALUE, ToruHeader};

/// Most fields in the header of a response.
const FIELDS_MAX: usize = 256;
/// Fields that the host may add to those of a plugin; with room for them the map never grows.
const FIELDS_ADDED: usize = 2;

/// Names that live as long as the plugin's library, by their address: what a name is need be found out once.
#[derive(Debug, Default)]
pub(crate) struct StaticNames([OnceLock<(usize, HeaderName)>; NAMES]);

/// How many of them are remembered.
const NAMES: usize = 16;

impl StaticNames {
    /// The name that was met at that address.
    #[inline]
    fn get(&self, text: &[u8]) -> Option<HeaderName> {
        let (address, name) = self.slot(text).get()?;
        let is_same = *address == text.as_ptr().addr() && name.as_str().len() == text.len();
        is_same.then(|| name.clone())
    }

    /// Remembers a name, unless another one has its place.
    fn keep(&self, text: &[u8], name: &HeaderName) {
        let _ = self.slot(text).set((text.as_ptr().addr(), name.clone()));
    }

    fn slot(&self, text: &[u8]) -> &OnceLock<(usize, HeaderName)> {
        let address = text.as_ptr().addr();
        &self.0[(address ^ (address >> 4)) % NAMES]
    }
}

/// Fields, and what is remarkable among them.
#[derive(Debug, Default)]
pub(in crate::ffi) struct Fields {
    pub(in crate::ffi) headers: HeaderMap,
    pub(in crate::ffi) remarkable: Remarkable,
}

/// What there is among the fields of a response. Noted while they are read, so that nobody has to look for it later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remarkable {
    /// The length of the body.
    pub(crate) length: bool,
    /// The type of the body.
    pub(crate) media_type: bool,
    /// Whether the type may be guessed.
    pub(crate) type_options: bool,
    /// Perhaps something that is not the plugin's to say.
    pub(crate) odd: bool,
}

impl Remarkable {
    #[inline]
    fn note(&mut self, name: &HeaderName) {
        if *name == CONTENT_TYPE {
            self.media_type = true;
        } else if *name == CONTENT_LENGTH {
            self.length = true;
        } else if *name == X_CONTENT_TYPE_OPTIONS {
            self.type_options = true;
        } else {
            self.odd |= may_be_odd(name);
        }
    }
}

/// Whether a field may have to be kept from the client: told by its first letters alone, and true too often.
#[inline]
pub(crate) fn may_be_odd(name: &HeaderName) -> bool {
    matches!(
        name.as_str().as_bytes(),
        [b'a', b'l', ..]
            | [b'c', b'l', ..]
            | [b'c', b'o', b'n', b'n', ..]
            | [b'k' | b'p' | b's' | b't' | b'u', ..]
    )
}

/// Reads fields.
///
/// # Safety
///
/// The fields are readable.
pub(in crate::ffi) unsafe fn read_headers(
    first: *const ToruHeader,
    len: usize,
    bytes_max: usize,
    names: &StaticNames,
) -> Result<Fields, String> {
    if len == 0 {
        return Ok(Fields::default());
    }
    if first.is_null() || !first.is_aligned() || len > FIELDS_MAX {
        return Err(format!(
            "{len} header fields cannot be read; at most {FIELDS_MAX} are allowed"
        ));
    }
    let mut headers = HeaderMap::with_capacity(len + FIELDS_ADDED);
    let (mut total, mut remarkable) = (0_usize, Remarkable::default());
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
        let name = unsafe { read_name(field.name, field.flags & TORU_HEADER_STATIC_NAME != 0, names) }?;
        // SAFETY: the plugin lends the value for the call, or for good where it says so.
        let value = unsafe { read_value(field.value, field.flags & TORU_HEADER_STATIC_VALUE != 0) };
        let value = value.ok_or_else(|| format!("the value of `{name}` has bytes that HTTP forbids"))?;
        remarkable.note(&name);
        headers.append(name, value);
    }
    Ok(Fields { headers, remarkable })
}

/// # Safety
///
/// The name is readable for the call, and for good when `is_static`.
unsafe fn read_name(name: ToruSlice, is_static: bool, names: &StaticNames) -> Result<HeaderName, String> {
    // SAFETY: as the caller guarantees.
    let bytes = unsafe { name.as_bytes() }.unwrap_or_default();
    // Nearly every response has this one, and comparing is much cheaper than finding out which it is.
    if bytes == CONTENT_TYPE.as_str().as_bytes() {
        return Ok(CONTENT_TYPE);
    }
    if !is_static {
        return copy_name(bytes);
    }
    if let Some(name) = names.get(bytes) {
        return Ok(name);
    }
    if is_plain(bytes) {
        // SAFETY: as the caller guarantees.
        let bytes = unsafe { name.as_bytes::<'static>() }.unwrap_or_default();
        // SAFETY: a plain name is ASCII.
        let text = unsafe { std::str::from_utf8_unchecked(bytes) };
        // Refers to the text instead of copying it; does not panic for a plain name.
        let name = HeaderName::from_static(text);
        names.keep(bytes, &name);
        return Ok(name);
    }
    copy_name(bytes)
}

fn copy_name(bytes: &[u8]) -> Result<HeaderName, String> {
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

#[cfg(test)]
mod tests {
    use super::{HeaderName, HeaderValue, StaticNames, ToruSlice, is_plain, is_printable, read_name};

    #[test]
    fn static_names_become_the_names_that_copies_would() {
        let names = StaticNames::default();
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
                let read = || unsafe { read_name(ToruSlice::new(name.as_bytes()), is_static, &names) };
                assert_eq!(read().ok(), copied, "{name:?}");
                assert_eq!(read().ok(), copied, "{name:?}, when it is known");
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
