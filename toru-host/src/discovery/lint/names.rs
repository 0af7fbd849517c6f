use std::cell::Cell;
use std::rc::Rc;

use crate::discovery::bytes::text_at;

/// Longest name; those that compilers make up reach some thousand bytes.
const NAME_MAX: usize = 64 * 1024;
/// How often the whole table may be read; the checks need about eight.
const READS: usize = 32;

/// The table of names.
#[derive(Clone)]
pub(super) struct Names<'a> {
    bytes: &'a [u8],
    /// How many more bytes may be looked at.
    ///
    /// Names can share their ends, so a small table can hold any number of long names. Real ones share little.
    budget: Rc<Cell<usize>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let budget = bytes.len().saturating_mul(READS).saturating_add(1 << 20);
        Self {
            bytes,
            budget: Rc::new(Cell::new(budget)),
        }
    }

    pub(super) fn get(&self, at: impl Into<u64>) -> Option<&'a [u8]> {
        let rest = self.bytes.get(usize::try_from(at.into()).ok()?..)?;
        let name = text_at(&rest[..rest.len().min(NAME_MAX)], 0)?;
        self.budget.set(self.budget.get().checked_sub(name.len())?);
        Some(name)
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
    fn names_that_share_their_ends_are_not_read_for_ever() {
        let mut bytes = vec![b'x'; NAME_MAX];
        bytes[NAME_MAX - 1] = 0;
        let names = Names::new(&bytes);
        assert_eq!(names.get(u64::MAX), None);
        assert_eq!(names.clone().get(0_u64).map(<[u8]>::len), Some(NAME_MAX - 1));
        let read = (0..1000_u64).take_while(|&at| names.get(at).is_some()).count();
        assert!((READS..=READS + 20).contains(&read), "{read}");
    }

    #[test]
    fn the_hashes_have_the_published_values() {
        assert_eq!(sysv_hash(b"printf"), 0x077905A6);
        assert_eq!(gnu_hash(b"printf"), 0x156B_2BB8);
        assert_eq!(sysv_hash(b"GLIBC_2.2.5"), 0x0969_1A75);
    }
}
