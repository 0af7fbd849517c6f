//! Finds the note of a library by a few positioned reads, without mapping or opening it.
//!
//! Pure over anything that can be read at an offset, so that tests and fuzzers hand in plain bytes.

pub(super) mod consts;
pub(super) mod header;
mod notes;
mod read;
mod search;

use toru_plugin_api::abi::note::{NOTE_MAX, NOTE_OWNER, NOTE_TYPE};

use self::consts::*;
use self::header::{Header, Segment};
pub(super) use self::read::FileAt;
pub use self::read::ReadAt;
use super::DiscoverError;
use super::bytes::{is_within, u64_at};
use super::error::{malformed, require};

pub(super) use self::notes::Notes;

/// A descriptor and where it lies in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundNote {
    /// The descriptor, from its magic on.
    pub descriptor: Vec<u8>,
    /// Offset of the descriptor in the file, in bytes.
    pub offset: u64,
}

/// First read of a file: the header and the program headers of all common libraries.
const HEAD_LEN: usize = 64 + 15 * Segment::LEN;
/// Longest note segment that is read; build ids and properties have some hundred bytes.
const NOTES_MAX: u64 = 4 * NOTE_MAX as u64;
/// Longest dynamic section that is read to tell libraries from programs.
const DYNAMIC_MAX: u64 = 64 * 1024;

/// Finds the note in a library for this machine.
///
/// Looks at the note segments first, then for a section of the right name, and at last for the note's magic in
/// read-only segments: tools that rewrite libraries move notes and forget to say so.
///
/// # Errors
///
/// What the file is instead of a plugin: [`NotALibrary`](DiscoverError::NotALibrary),
/// [`WrongTarget`](DiscoverError::WrongTarget), [`MalformedLibrary`](DiscoverError::MalformedLibrary) or
/// [`NotAPlugin`](DiscoverError::NotAPlugin).
pub fn find_note<R: ReadAt + ?Sized>(file: &R) -> Result<FoundNote, DiscoverError> {
    if !cfg!(all(
        target_os = "linux",
        target_endian = "little",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )) {
        return Err(DiscoverError::UnsupportedPlatform);
    }
    let len = file.len();
    let mut head = [0; HEAD_LEN];
    let head = &mut head[..usize::try_from(len).map_or(HEAD_LEN, |len| len.min(HEAD_LEN))];
    file.read_at(0, head).map_err(read_error)?;
    let header = Header::parse(head)?;
    let segments = read_segments(file, &header, head)?;
    for segment in &segments {
        require(
            is_within(segment.offset, segment.file_len, len),
            "it ends before its last segment",
        )?;
    }
    require(
        header.sections_at == 0 || is_within(header.sections_at, header.sections_len(), len),
        "it ends before its section table",
    )?;
    refuse_program(file, &segments)?;
    for segment in segments.iter().filter(|segment| segment.kind == PT_NOTE) {
        if let Some(found) = in_note_segment(file, segment)? {
            return Ok(found);
        }
    }
    if let Some(found) = search::section(file, &header)? {
        return Ok(found);
    }
    search::magic(file, &segments)?.ok_or(DiscoverError::NotAPlugin)
}

fn read_segments<R: ReadAt + ?Sized>(
    file: &R,
    header: &Header,
    head: &[u8],
) -> Result<Vec<Segment>, DiscoverError> {
    let table_len = usize::from(header.segment_count) * Segment::LEN;
    require(
        is_within(header.segments_at, table_len as u64, file.len()),
        "it ends before its program headers",
    )?;
    let start = usize::try_from(header.segments_at).unwrap_or(usize::MAX);
    match start.checked_add(table_len).and_then(|end| head.get(start..end)) {
        Some(table) => Ok(Segment::table(table)),
        None => Ok(Segment::table(&read_vec(
            file,
            header.segments_at,
            table_len as u64,
        )?)),
    }
}

/// Programs are shared objects too since they are position-independent; they are told by flag and interpreter.
fn refuse_program<R: ReadAt + ?Sized>(file: &R, segments: &[Segment]) -> Result<(), DiscoverError> {
    let has_interpreter = segments.iter().any(|segment| segment.kind == PT_INTERP);
    let dynamic = segments.iter().find(|segment| segment.kind == PT_DYNAMIC);
    let (mut is_program, mut has_name) = (false, false);
    if let Some(dynamic) = dynamic {
        let bytes = read_vec(file, dynamic.offset, dynamic.file_len.min(DYNAMIC_MAX))?;
        for entry in bytes.chunks_exact(16) {
            match (u64_at(entry, 0), u64_at(entry, 8)) {
                (Some(DT_NULL), _) => break,
                (Some(DT_SONAME), _) => has_name = true,
                (Some(DT_FLAGS_1), Some(flags)) => is_program |= flags & DF_1_PIE != 0,
                _ => {}
            }
        }
    }
    if is_program || (has_interpreter && !has_name) {
        return Err(header::wrong_target("program (position-independent executable)"));
    }
    Ok(())
}

fn in_note_segment<R: ReadAt + ?Sized>(
    file: &R,
    segment: &Segment,
) -> Result<Option<FoundNote>, DiscoverError> {
    if segment.file_len > NOTES_MAX {
        return Ok(None);
    }
    let bytes = read_vec(file, segment.offset, segment.file_len)?;
    in_notes(&bytes, segment.offset, segment.align)
}

/// The plugin's note among `bytes`, which lie at `offset` in the file.
fn in_notes(bytes: &[u8], offset: u64, align: u64) -> Result<Option<FoundNote>, DiscoverError> {
    let mut found: Option<FoundNote> = None;
    for note in Notes::new(bytes, align).map_while(Result::ok) {
        if note.owner != NOTE_OWNER || note.kind != NOTE_TYPE {
            continue;
        }
        if found.is_some() {
            return Err(super::note::invalid("note", "is there twice"));
        }
        found = Some(FoundNote {
            descriptor: note.descriptor.to_vec(),
            offset: offset + note.descriptor_at as u64,
        });
    }
    Ok(found)
}

/// Reads `len` bytes, which the caller has bounded.
fn read_vec<R: ReadAt + ?Sized>(file: &R, offset: u64, len: u64) -> Result<Vec<u8>, DiscoverError> {
    let len = usize::try_from(len).map_err(|_| malformed("it announces more than fits into memory"))?;
    let mut bytes = vec![0; len];
    file.read_at(offset, &mut bytes).map_err(read_error)?;
    Ok(bytes)
}

fn read_error(error: std::io::Error) -> DiscoverError {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => malformed("it ends early"),
        _ => DiscoverError::unreadable("read", error),
    }
}

#[cfg(test)]
mod tests;
