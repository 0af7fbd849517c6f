//! The note inside a library from which a host learns what it is without opening it.
//!
//! On ELF it is a note of owner `Toru` and type [`NOTE_TYPE`], aligned to 4 bytes, in an allocated section named
//! `.note.toru`. On Mach-O it is the section `__TEXT,__toru`, on PE the section `.torumd`; those hold the
//! descriptor alone.
//!
//! # The descriptor
//!
//! A header of [`HEADER_LEN`] bytes, then records. Numbers are little-endian.
//!
//! | Offset | Size | Header field |
//! |---|---|---|
//! | 0 | 16 | [`NOTE_MAGIC`] |
//! | 16 | 2 | format, [`NOTE_FORMAT`] |
//! | 18 | 2 | flags, [`FLAG_CRC`] |
//! | 20 | 4 | length of the whole descriptor |
//! | 24 | 4 | CRC-32 (IEEE) of the records when `FLAG_CRC` is set, else 0 |
//! | 28 | 4 | reserved, 0 |
//! | 32 | 32 | the *seal*: SHA-256 of the whole file with these 32 bytes as zeros; all zeros when unsealed |
//!
//! A seal is written into the finished file by a tool and is optional. A file whose seal does not match is never opened.
//!
//! | Offset | Size | Record field |
//! |---|---|---|
//! | 0 | 2 | tag, `TAG_…` |
//! | 2 | 2 | flags, [`RECORD_MUST_UNDERSTAND`] |
//! | 4 | 4 | length of the value |
//! | 8 | length | the value |
//! | | 1 to 4 | zeros up to the next multiple of 4, at least one |
//!
//! Text values are UTF-8 without a terminator of their own; the zero behind every value serves C. A tag that the
//! reader does not know is skipped unless its flags say otherwise. No tag but [`TAG_NONE`] and those of extension ids
//! repeats.

/// Owner of the ELF note, with its terminator.
pub const NOTE_OWNER: [u8; 5] = *b"Toru\0";
/// Type of the ELF note: "TOR1".
pub const NOTE_TYPE: u32 = 0x544F_5231;
/// First bytes of the descriptor.
pub const NOTE_MAGIC: [u8; 16] = *b"\x7FToru plugin\r\n\x1A\n";
/// Format of the descriptor.
pub const NOTE_FORMAT: u16 = 1;
/// The header holds a CRC of the records.
pub const FLAG_CRC: u16 = 1;
/// Length of the descriptor's header in bytes.
pub const HEADER_LEN: usize = 64;
/// Offset of the seal in the descriptor.
pub const SEAL_OFFSET: usize = 32;
/// Length of the seal in bytes.
pub const SEAL_LEN: usize = 32;
/// Longest descriptor in bytes.
pub const NOTE_MAX: usize = 64 * 1024;
/// Length of a record's fixed part in bytes.
pub const RECORD_HEADER_LEN: usize = 8;

/// A reader that does not know this record's tag refuses the plugin.
pub const RECORD_MUST_UNDERSTAND: u16 = 1;

/// Nothing: readers skip the record, whatever is in it. For texts that are left out.
pub const TAG_NONE: u16 = 0;
/// Version of the contract: `u16` major, `u16` minor. Required.
pub const TAG_ABI: u16 = 1;
/// Plugin id: 1 to 64 of `a-z`, `0-9`, `-`, starting with a letter or digit and not ending in `-`. Required.
pub const TAG_ID: u16 = 2;
/// Name for people. Required.
pub const TAG_NAME: u16 = 3;
/// Version of the plugin. Required.
pub const TAG_VERSION: u16 = 4;
/// Who made it.
pub const TAG_AUTHOR: u16 = 5;
/// Icon: a short text such as an emoji.
pub const TAG_ICON: u16 = 6;
/// Path of the plugin's page in the interface, starting with `/`.
pub const TAG_ROUTE: u16 = 7;
/// One sentence for people.
pub const TAG_DESCRIPTION: u16 = 8;
/// Id of an extension without which the plugin does not run. May repeat.
pub const TAG_REQUIRES: u16 = 9;
/// Id of an extension that the plugin uses when it is there. May repeat.
pub const TAG_USES: u16 = 10;
/// How panics end: `unwind`, `abort`, or `none` in languages without them.
pub const TAG_PANIC: u16 = 11;
/// Compiler, for people.
pub const TAG_COMPILER: u16 = 12;
/// Target triple.
pub const TAG_TARGET: u16 = 13;
/// Name and version of the library that the plugin was written with.
pub const TAG_SDK: u16 = 14;
/// Licence expression of the plugin.
pub const TAG_LICENSE: u16 = 15;

/// Bytes that a record with a value of `len` bytes occupies.
#[must_use]
pub const fn record_len(len: usize) -> usize {
    RECORD_HEADER_LEN + (len / 4 + 1) * 4
}

/// Builds a descriptor; usable in constants.
///
/// With a capacity of 0 it only measures, which gives the capacity of the second pass.
#[derive(Clone, Copy, Debug)]
pub struct NoteBuilder<const CAPACITY: usize> {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl<const CAPACITY: usize> NoteBuilder<CAPACITY> {
    /// Starts a descriptor.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "`Default` cannot be used in constants")]
    pub const fn new() -> Self {
        Self {
            bytes: [0; CAPACITY],
            len: HEADER_LEN,
        }
    }

    /// Appends a record.
    ///
    /// # Panics
    ///
    /// When the descriptor grows beyond [`NOTE_MAX`], or beyond a capacity other than 0.
    #[must_use]
    pub const fn record(mut self, tag: u16, flags: u16, value: &[u8]) -> Self {
        let end = self.len + record_len(value.len());
        assert!(end <= NOTE_MAX, "the plugin's metadata is longer than 64 KiB");
        if CAPACITY > 0 {
            assert!(end <= CAPACITY, "the note is longer than measured");
            self.put(self.len, &tag.to_le_bytes());
            self.put(self.len + 2, &flags.to_le_bytes());
            self.put(self.len + 4, &le_u32(value.len()));
            self.put(self.len + RECORD_HEADER_LEN, value);
        }
        self.len = end;
        self
    }

    /// Appends a record unless its value is empty.
    #[must_use]
    pub const fn text(self, tag: u16, value: &str) -> Self {
        if value.is_empty() {
            self
        } else {
            self.record(tag, 0, value.as_bytes())
        }
    }

    /// Length of the descriptor so far, in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "the header is always there")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Fills the header in and yields the descriptor.
    ///
    /// # Panics
    ///
    /// When the descriptor does not fill its capacity exactly.
    #[must_use]
    pub const fn finish(mut self) -> [u8; CAPACITY] {
        assert!(self.len == CAPACITY, "the note does not fill its capacity");
        let crc = crc32(&self.bytes, HEADER_LEN);
        self.put(0, &NOTE_MAGIC);
        self.put(16, &NOTE_FORMAT.to_le_bytes());
        self.put(18, &FLAG_CRC.to_le_bytes());
        self.put(20, &le_u32(CAPACITY));
        self.put(24, &crc.to_le_bytes());
        self.bytes
    }

    const fn put(&mut self, at: usize, value: &[u8]) {
        let mut i = 0;
        while i < value.len() {
            self.bytes[at + i] = value[i];
            i += 1;
        }
    }
}

/// A descriptor wrapped as an ELF note, ready for a section.
#[repr(C, align(4))]
#[derive(Clone, Copy, Debug)]
pub struct ElfNote<const LEN: usize> {
    owner_len: u32,
    descriptor_len: u32,
    note_type: u32,
    owner: [u8; 8],
    descriptor: [u8; LEN],
}

impl<const LEN: usize> ElfNote<LEN> {
    /// Wraps a descriptor.
    #[must_use]
    pub const fn new(descriptor: [u8; LEN]) -> Self {
        Self {
            owner_len: 5,
            descriptor_len: u32::from_le_bytes(le_u32(LEN)),
            note_type: NOTE_TYPE,
            owner: *b"Toru\0\0\0\0",
            descriptor,
        }
    }

    /// The descriptor.
    #[must_use]
    pub const fn descriptor(&self) -> &[u8; LEN] {
        &self.descriptor
    }
}

/// CRC-32 (IEEE 802.3, reflected) of `bytes` from `start` on.
#[must_use]
pub const fn crc32(bytes: &[u8], start: usize) -> u32 {
    let mut crc = u32::MAX;
    let mut i = start;
    while i < bytes.len() {
        crc ^= bytes[i] as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        i += 1;
    }
    !crc
}

const fn le_u32(n: usize) -> [u8; 4] {
    assert!(n <= NOTE_MAX, "longer than a note can be");
    let bytes = n.to_le_bytes();
    [bytes[0], bytes[1], bytes[2], bytes[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_has_the_published_check_value() {
        assert_eq!(crc32(b"123456789", 0), 0xCBF4_3926);
    }

    #[test]
    fn a_record_is_followed_by_one_to_four_zeros() {
        for (len, expected) in [(0, 12), (1, 12), (3, 12), (4, 16), (5, 16)] {
            assert_eq!(record_len(len), expected, "value of {len} bytes");
        }
    }

    #[test]
    fn measuring_and_building_agree() {
        const LEN: usize = NoteBuilder::<0>::new()
            .text(TAG_ID, "hello")
            .text(TAG_AUTHOR, "")
            .len();
        let bytes = NoteBuilder::<LEN>::new()
            .text(TAG_ID, "hello")
            .text(TAG_AUTHOR, "")
            .finish();
        assert_eq!(&bytes[..16], &NOTE_MAGIC);
        assert_eq!(bytes.len(), HEADER_LEN + record_len(5));
        assert_eq!(&bytes[HEADER_LEN + 8..HEADER_LEN + 13], b"hello");
    }
}
