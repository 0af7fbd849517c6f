use crate::discovery::bytes::text_at;

/// The table of names; its last byte is a zero, so that every offset within it has an end.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    bytes: &'a [u8],
}

impl<'a> Names<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn get(&self, at: impl Into<u64>) -> Option<&'a [u8]> {
        text_at(self.bytes, usize::try_from(at.into()).ok()?)
    }
}

/// The hash function of `DT_HASH` and of symbol versions.
pub(super) fn sysv_hash(name: &[u8]) -> u32 {
    name.iter().fold(0, |hash: u32, &byte| {
        let hash = (hash << 4).wrapping_add(byte.into());
        let high = hash & 0xF000_0000;
        (hash ^ (high >> 24)) & !high
    })
}

/// The hash function of `DT_GNU_HASH`.
pub(super) fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, &byte| {
        hash.wrapping_mul(33).wrapping_add(byte.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_have_the_published_values() {
        assert_eq!(sysv_hash(b"printf"), 0x077905A6);
        assert_eq!(gnu_hash(b"printf"), 0x156B_2BB8);
        assert_eq!(sysv_hash(b"GLIBC_2.2.5"), 0x0969_1A75);
    }
}
