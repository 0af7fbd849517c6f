//! Bytes, without copying them in either direction.

use crate::bytes::{Bytes, Repr};

impl From<bytes::Bytes> for Bytes {
    fn from(bytes: bytes::Bytes) -> Self {
        Self::from_repr(Repr::Shared(bytes))
    }
}

impl From<Bytes> for bytes::Bytes {
    fn from(bytes: Bytes) -> Self {
        match bytes.into_repr() {
            Repr::Static(bytes) => Self::from_static(bytes),
            Repr::Owned(bytes) => bytes.into(),
            Repr::Foreign(bytes) => Self::from_owner(Bytes::foreign(bytes)),
            Repr::Shared(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn bytes_stay_where_they_are_in_both_directions() {
        let theirs = bytes::Bytes::from(vec![7; 4096]);
        let place = theirs.as_ptr();
        let ours = Bytes::from(theirs);
        assert_eq!(ours.as_ptr(), place);
        assert_eq!(bytes::Bytes::from(ours).as_ptr(), place);

        let ours = Bytes::from(vec![7; 4096]);
        let place = ours.as_ptr();
        assert_eq!(bytes::Bytes::from(ours).as_ptr(), place);
        assert_eq!(bytes::Bytes::from(Bytes::from_static(b"x")), "x");
    }
}
