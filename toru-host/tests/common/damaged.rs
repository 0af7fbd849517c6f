//! Damage to libraries, where the dynamic loader looks.

use crate::support::Random;

/// Where the headers and tables of a library lie: all that the dynamic loader follows.
fn tables(library: &[u8]) -> Vec<std::ops::Range<usize>> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([library[at], library[at + 1]]));
    let u64_at =
        |at: usize| usize::try_from(u64::from_le_bytes(*library[at..].first_chunk().unwrap())).unwrap();
    let (sections, count) = (u64_at(40), u16_at(60));
    let mut tables = Vec::new();
    tables.push(0..64 + 56 * u16_at(56));
    for section in (sections..sections + 64 * count).step_by(64) {
        let kind = u32::from_le_bytes(*library[section + 4..].first_chunk().unwrap());
        let is_table = matches!(kind, 4..=7 | 11 | 14 | 15 | 19 | 0x6FFF_FFF6 | 0x6FFF_FFFD..);
        if is_table {
            tables.push(u64_at(section + 24)..u64_at(section + 24) + u64_at(section + 32));
        }
    }
    tables
}

/// The library with one to four bytes of its headers and tables changed.
pub(crate) fn damaged(library: &[u8], random: &mut Random) -> Vec<u8> {
    let tables = tables(library);
    let mut bad = library.to_vec();
    for _ in 0..=random.below(3) {
        let table = &tables[random.below(tables.len())];
        let at = table.start + random.below(table.len());
        bad[at] = match random.below(4) {
            0 => 0,
            1 => 0xFF,
            2 => bad[at] ^ (1 << random.below(8)),
            _ => random.next().to_le_bytes()[0],
        };
    }
    bad
}
