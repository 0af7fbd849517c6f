//! The program headers: what is mapped where, and with which rights.

use super::image::Image;
use crate::discovery::bytes::u32_at;
use crate::discovery::elf::Notes;
use crate::discovery::elf::consts::*;
use crate::discovery::elf::header::Segment;
use crate::discovery::error::require;
use crate::discovery::{DiscoverError, Forbidden, Policy};

const PAGE: u64 = 4096;
/// Largest image in memory; more is a damaged length.
const IMAGE_MAX: u64 = 4 << 30;
/// Largest thread-local storage; every thread of the host pays for it.
const TLS_MAX: u64 = 16 << 20;

type Check = Result<(), DiscoverError>;

pub(super) fn check(image: &Image<'_>, policy: &Policy) -> Check {
    for segment in &image.segments {
        check_bounds(image, segment)?;
    }
    check_layout(image)?;
    for segment in &image.segments {
        check_kind(image, segment)?;
    }
    for kind in [
        PT_DYNAMIC,
        PT_INTERP,
        PT_PHDR,
        PT_TLS,
        PT_GNU_EH_FRAME,
        PT_GNU_STACK,
        PT_GNU_RELRO,
    ] {
        let count = image
            .segments
            .iter()
            .filter(|segment| segment.kind == kind)
            .count();
        require(count <= 1, "a program header is there twice")?;
    }
    check_stack(image, policy)?;
    require(image.segment(PT_DYNAMIC).is_some(), "it has no dynamic section")
}

/// No sum over a segment's fields overflows once this holds.
fn check_bounds(image: &Image<'_>, segment: &Segment) -> Check {
    require(
        image.file(segment.offset, segment.file_len).is_some(),
        "it ends before its last segment",
    )?;
    let end = segment.address.checked_add(segment.memory_len);
    require(
        end.is_some_and(|end| end <= IMAGE_MAX),
        "a segment is larger than any library",
    )?;
    require(
        segment.align == 0 || segment.align.is_power_of_two(),
        "a segment's alignment is broken",
    )?;
    require(
        segment.flags & !(PF_R | PF_W | PF_X) == 0,
        "a segment has unknown flags",
    )
}

fn check_kind(image: &Image<'_>, segment: &Segment) -> Check {
    match segment.kind {
        PT_LOAD => check_load(segment),
        0 | PT_GNU_STACK => Ok(()),
        PT_NOTE => check_place(image, segment).and_then(|()| check_notes(image, segment)),
        PT_PHDR => {
            let len = u64::from(image.header.segment_count) * Segment::LEN as u64;
            require(
                segment.offset == image.header.segments_at && segment.file_len == len,
                "its program headers are not where it says",
            )?;
            check_place(image, segment)
        }
        PT_TLS => check_tls(image, segment),
        PT_GNU_EH_FRAME => check_place(image, segment).and_then(|()| check_unwinding(image, segment)),
        PT_GNU_RELRO => check_relro(image, segment),
        PT_DYNAMIC | PT_INTERP | PT_GNU_PROPERTY => check_place(image, segment),
        kind => require(kind >= PT_LOOS, "a program header is of unknown type"),
    }
}

fn check_load(load: &Segment) -> Check {
    require(
        load.file_len <= load.memory_len,
        "a segment is longer in the file than in memory",
    )?;
    require(load.is(PF_R), "a segment cannot be read")?;
    require(
        !(load.is(PF_W) && load.is(PF_X)),
        "a segment is both writable and executable",
    )?;
    require(
        load.align >= PAGE && load.address % load.align == load.offset % load.align,
        "a segment cannot be mapped where it says",
    )?;
    require(load.memory_len > 0, "a segment is empty")?;
    require(
        load.is(PF_W) || load.file_len == load.memory_len,
        "a read-only segment is longer in memory than in the file",
    )
}

/// Addresses rise, and no page belongs to two segments.
fn check_layout(image: &Image<'_>) -> Check {
    for pair in image.loads.windows(2) {
        let pages_end = pair[0].end().next_multiple_of(PAGE);
        require(
            pages_end <= pair[1].address / PAGE * PAGE,
            "its segments overlap or are out of order",
        )?;
    }
    require(
        image.loads[0].address < PAGE,
        "its first segment is not at the start",
    )
}

/// The segment lies in a loaded one, in memory as in the file.
fn check_place(image: &Image<'_>, segment: &Segment) -> Check {
    let is_placed = image
        .load_at(segment.address, segment.memory_len)
        .is_some_and(|load| {
            let within = segment.address - load.address;
            segment.file_len == segment.memory_len
                && within + segment.file_len <= load.file_len
                && load.offset.checked_add(within) == Some(segment.offset)
        });
    require(is_placed, "a program header points outside the loaded segments")
}

fn check_notes(image: &Image<'_>, segment: &Segment) -> Check {
    let bytes = image.file(segment.offset, segment.file_len).unwrap_or_default();
    let is_sound = Notes::new(bytes, segment.align).all(|note| note.is_ok());
    require(is_sound, "its notes are broken")
}

fn check_tls(image: &Image<'_>, tls: &Segment) -> Check {
    require(
        tls.file_len <= tls.memory_len && tls.memory_len <= TLS_MAX && tls.align <= PAGE,
        "its thread-local storage is broken",
    )?;
    let is_placed = image.load_at(tls.address, tls.file_len).is_some_and(|load| {
        let within = tls.address - load.address;
        within + tls.file_len <= load.file_len && load.offset.checked_add(within) == Some(tls.offset)
    });
    require(
        tls.file_len == 0 || is_placed,
        "its thread-local storage is outside the loaded segments",
    )
}

/// The table by which panics find their way; followed without checks when one happens.
fn check_unwinding(image: &Image<'_>, segment: &Segment) -> Check {
    const POINTER: u8 = 0x1B;
    const COUNT: u8 = 0x03;
    const TABLE: u8 = 0x3B;
    let bytes = image.file(segment.offset, segment.file_len).unwrap_or_default();
    let is_sound = match bytes {
        [1, POINTER, COUNT, TABLE, ..] => u32_at(bytes, 8).is_some_and(|count| {
            u64::from(count)
                .checked_mul(8)
                .is_some_and(|len| len + 12 <= segment.file_len)
        }),
        [1, ..] => true,
        _ => false,
    };
    require(is_sound, "its unwinding table is broken")
}

/// What becomes read-only after relocation starts where writable memory starts, and stays within it.
fn check_relro(image: &Image<'_>, relro: &Segment) -> Check {
    let last = relro.memory_len.saturating_sub(1);
    let is_sound = image.load_at(relro.address, 0).is_some_and(|load| {
        let pages_end = load.end().next_multiple_of(PAGE.max(load.align));
        load.is(PF_W) && relro.address == load.address && load.address + last < pages_end
    });
    require(
        relro.memory_len == 0 || is_sound,
        "its protected part is outside the writable segments",
    )
}

fn check_stack(image: &Image<'_>, policy: &Policy) -> Check {
    let is_executable = image.segment(PT_GNU_STACK).is_none_or(|stack| stack.is(PF_X));
    if is_executable && !policy.allow_executable_stack {
        return Err(DiscoverError::ForbiddenFlag {
            flag: Forbidden::ExecutableStack,
        });
    }
    Ok(())
}
