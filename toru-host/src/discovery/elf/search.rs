//! The two fallbacks for libraries whose note segments do not show the note.

use toru_plugin_api::abi::note::{HEADER_LEN, NOTE_MAGIC, NOTE_MAX};

use super::consts::*;
use super::header::{Header, Segment};
use super::{FoundNote, ReadAt, in_notes, read_vec};
use crate::discovery::DiscoverError;
use crate::discovery::bytes::{is_within, u32_at, u64_at};
use crate::discovery::note::announced_len;

const SECTION_NAME: &[u8] = b".note.toru\0";
const NAMES_MAX: u64 = 256 * 1024;
/// Most bytes of a file that are searched for the magic.
const SEARCH_MAX: u64 = 8 * 1024 * 1024;

/// The note in the section named `.note.toru`.
pub(super) fn section<R: ReadAt + ?Sized>(
    file: &R,
    header: &Header,
) -> Result<Option<FoundNote>, DiscoverError> {
    if header.sections_at == 0 {
        return Ok(None);
    }
    let table = read_vec(file, header.sections_at, header.sections_len())?;
    let sections = || table.chunks_exact(Header::SECTION_LEN);
    let range = |section: &[u8], limit: u64| {
        let (offset, len) = (u64_at(section, 24)?, u64_at(section, 32)?);
        (len <= limit && is_within(offset, len, file.len())).then_some((offset, len))
    };
    let names = sections()
        .nth(header.section_names.into())
        .and_then(|section| range(section, NAMES_MAX));
    let Some((names_at, names_len)) = names else {
        return Ok(None);
    };
    let names = read_vec(file, names_at, names_len)?;
    for section in sections() {
        let name = u32_at(section, 0).and_then(|name| names.get(name as usize..));
        if !name.is_some_and(|name| name.starts_with(SECTION_NAME)) {
            continue;
        }
        if let Some((offset, len)) = range(section, 2 * NOTE_MAX as u64) {
            let bytes = read_vec(file, offset, len)?;
            return in_notes(&bytes, offset, u64_at(section, 48).unwrap_or(4));
        }
    }
    Ok(None)
}

/// The first descriptor that starts with the magic in a segment that nobody writes to.
pub(super) fn magic<R: ReadAt + ?Sized>(
    file: &R,
    segments: &[Segment],
) -> Result<Option<FoundNote>, DiscoverError> {
    let mut left = SEARCH_MAX;
    for segment in segments
        .iter()
        .filter(|segment| segment.kind == PT_LOAD && !segment.is(PF_W))
    {
        let len = segment.file_len.min(left);
        left -= len;
        let bytes = read_vec(file, segment.offset, len)?;
        if let Some((at, descriptor_len)) = descriptor_in(&bytes) {
            return Ok(Some(FoundNote {
                descriptor: bytes[at..at + descriptor_len].to_vec(),
                offset: segment.offset + at as u64,
            }));
        }
    }
    Ok(None)
}

fn descriptor_in(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = bytes.get(from..)?.iter().position(|&byte| byte == NOTE_MAGIC[0]) {
        let at = from + found;
        let header = bytes.get(at..at + HEADER_LEN)?;
        if let Some(len) = announced_len(header).filter(|&len| bytes.len() - at >= len) {
            return Some((at, len));
        }
        from = at + 1;
    }
    None
}
