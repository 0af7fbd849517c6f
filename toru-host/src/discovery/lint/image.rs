use crate::discovery::DiscoverError;
use crate::discovery::bytes::u64_at;
use crate::discovery::elf::consts::*;
use crate::discovery::elf::header::{Header, Segment};
use crate::discovery::error::{malformed, require};

/// A library's bytes, and where the dynamic loader will put them.
///
/// Addresses are relative to where the library is loaded.
pub(super) struct Image<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) header: Header,
    pub(super) segments: Vec<Segment>,
    /// The segments that are loaded, in the order of their addresses.
    pub(super) loads: Vec<Segment>,
}

impl<'a> Image<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, DiscoverError> {
        let header = Header::parse(bytes)?;
        let table_len = u64::from(header.segment_count) * Segment::LEN as u64;
        let table = slice(bytes, header.segments_at, table_len);
        let table = table.ok_or_else(|| malformed("it ends before its program headers"))?;
        let segments = Segment::table(table);
        let loads: Vec<_> = segments
            .iter()
            .filter(|segment| segment.kind == PT_LOAD)
            .copied()
            .collect();
        require(!loads.is_empty(), "it has nothing to load")?;
        Ok(Self {
            bytes,
            header,
            segments,
            loads,
        })
    }

    /// The only segment of a kind.
    pub(super) fn segment(&self, kind: u32) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.kind == kind)
    }

    /// Bytes of the file.
    pub(super) fn file(&self, offset: u64, len: u64) -> Option<&'a [u8]> {
        slice(self.bytes, offset, len)
    }

    /// Bytes at an address, as far as they come from the file.
    pub(super) fn at(&self, address: u64, len: u64) -> Option<&'a [u8]> {
        let load = self.load_at(address, len)?;
        let within = address - load.address;
        (within.checked_add(len)? <= load.file_len).then(|| self.file(load.offset + within, len))?
    }

    /// Bytes from an address to the end of what the file provides there.
    pub(super) fn from(&self, address: u64) -> Option<&'a [u8]> {
        let load = self.load_at(address, 0)?;
        let within = address - load.address;
        self.file(load.offset + within, load.file_len.checked_sub(within)?)
    }

    /// The segment that holds all of `address..address + len`.
    pub(super) fn load_at(&self, address: u64, len: u64) -> Option<&Segment> {
        let end = address.checked_add(len)?;
        let index = self
            .loads
            .partition_point(|load| load.address <= address)
            .checked_sub(1)?;
        self.loads.get(index).filter(|load| end <= load.end())
    }

    pub(super) fn is_code(&self, address: u64) -> bool {
        self.load_at(address, 1).is_some_and(|load| load.is(PF_X))
    }

    /// Whether a pointer to here makes sense: within the image, or just behind it.
    pub(super) fn spans(&self, address: u64) -> bool {
        let start = self.loads.first().map_or(0, |load| load.address);
        let end = self.loads.last().map_or(0, Segment::end);
        (start..=end).contains(&address)
    }

    /// A table of 64-bit words.
    pub(super) fn words(&self, address: u64, len: u64) -> Option<impl Iterator<Item = u64> + use<'a>> {
        let bytes = self.at(address, len).filter(|_| len.is_multiple_of(8))?;
        Some(bytes.chunks_exact(8).filter_map(|word| u64_at(word, 0)))
    }
}

fn slice(bytes: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(len).ok()?)?;
    bytes.get(start..end)
}
