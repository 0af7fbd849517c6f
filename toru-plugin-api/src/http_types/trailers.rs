//! Trailers as header maps, and back.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::BodyError;
use crate::headers::Trailers;

pub(super) fn to_map(trailers: &Trailers) -> Result<HeaderMap, BodyError> {
    let field = |(name, value): (&str, &[u8])| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value).ok()?))
    };
    let fields: Option<HeaderMap> = trailers.iter().map(field).collect();
    fields.ok_or(BodyError::Malformed)
}

pub(super) fn from_map(map: &HeaderMap) -> Trailers {
    map.iter().fold(Trailers::new(), |trailers, (name, value)| {
        trailers.with(name.as_str().to_owned(), value.as_bytes().to_vec())
    })
}

#[cfg(test)]
mod tests {
    use super::{BodyError, Trailers, from_map, to_map};

    #[test]
    fn repeated_and_binary_fields_survive() {
        let trailers = Trailers::new()
            .with("x-sum", b"\xFF\x80".as_slice())
            .with("x-sum", b"2".as_slice())
            .with("x-end", b"".as_slice());
        let map = to_map(&trailers).unwrap();
        assert_eq!(map.get_all("x-sum").iter().count(), 2);
        assert_eq!(from_map(&map), trailers);
        let odd = Trailers::new().with("no name", b"".as_slice());
        assert_eq!(to_map(&odd), Err(BodyError::Malformed));
    }
}
