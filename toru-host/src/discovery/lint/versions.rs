//! Symbol versions: the chains by which libraries agree on which `memcpy` is meant.

use super::dynamic::Dynamic;
use super::image::Image;
use super::names::sysv_hash;
use super::symbols::Symbols;
use crate::discovery::DiscoverError;
use crate::discovery::bytes::{u16_at, u32_at};
use crate::discovery::elf::consts::*;
use crate::discovery::error::require;

const HIDDEN: u16 = 0x8000;
/// Versions are numbered with 15 bits.
const VERSIONS_MAX: usize = 0x8000;

pub(super) fn check(
    image: &Image<'_>,
    dynamic: &Dynamic<'_>,
    symbols: &Symbols<'_>,
) -> Result<(), DiscoverError> {
    let mut known = vec![0, 1];
    if let Some((at, count)) = dynamic.value(DT_VERNEED).zip(dynamic.value(DT_VERNEEDNUM)) {
        let is_sound = walk_needed(image, dynamic, at, count, &mut known).is_some();
        require(is_sound, "its table of needed versions is broken")?;
    }
    if let Some((at, count)) = dynamic.value(DT_VERDEF).zip(dynamic.value(DT_VERDEFNUM)) {
        let is_sound = walk_defined(image, dynamic, at, count, &mut known).is_some();
        require(is_sound, "its table of defined versions is broken")?;
    }
    let Some(at) = dynamic.value(DT_VERSYM) else {
        return require(known.len() == 2, "its symbols have no versions");
    };
    known.sort_unstable();
    let is_known = |version: u16| known.binary_search(&(version & !HIDDEN)).is_ok();
    let table = image.at(at, symbols.count() * 2);
    let is_sound = table.is_some_and(|table| {
        table
            .chunks_exact(2)
            .all(|version| u16_at(version, 0).is_some_and(is_known))
    });
    require(is_sound, "the versions of its symbols are broken")
}

/// Every step goes forward and reads a name, so the walk ends with the table or the names' budget.
fn walk_needed(
    image: &Image<'_>,
    dynamic: &Dynamic<'_>,
    at: u64,
    count: u64,
    known: &mut Vec<u16>,
) -> Option<()> {
    let mut rest = image.from(at)?;
    for index in 0..count {
        let (version, entries, file) = (u16_at(rest, 0)?, u16_at(rest, 2)?, u32_at(rest, 4)?);
        let file = dynamic.names.get(file)?;
        let is_needed = dynamic.needed().any(|name| dynamic.names.get(name) == Some(file));
        if version != 1 || entries == 0 || !is_needed {
            return None;
        }
        let mut entry = forward(rest, u32_at(rest, 8)?, 16)?;
        for index in 0..entries {
            let name = dynamic.names.get(u32_at(entry, 8)?)?;
            let number = u16_at(entry, 6)? & !HIDDEN;
            if u32_at(entry, 0)? != sysv_hash(name)
                || name.is_empty()
                || number < 2
                || known.len() > VERSIONS_MAX
            {
                return None;
            }
            known.push(number);
            entry = step(entry, u32_at(entry, 12)?, index + 1 == entries)?;
        }
        rest = step(rest, u32_at(rest, 12)?, index + 1 == count)?;
    }
    Some(())
}

fn walk_defined(
    image: &Image<'_>,
    dynamic: &Dynamic<'_>,
    at: u64,
    count: u64,
    known: &mut Vec<u16>,
) -> Option<()> {
    let mut rest = image.from(at)?;
    for index in 0..count {
        let (version, number, entries) = (u16_at(rest, 0)?, u16_at(rest, 4)? & !HIDDEN, u16_at(rest, 6)?);
        if version != 1 || number == 0 || entries == 0 || known.len() > VERSIONS_MAX {
            return None;
        }
        let mut entry = forward(rest, u32_at(rest, 12)?, 20)?;
        for aux in 0..entries {
            let name = dynamic.names.get(u32_at(entry, 0)?)?;
            if name.is_empty() || (aux == 0 && u32_at(rest, 8)? != sysv_hash(name)) {
                return None;
            }
            entry = step(entry, u32_at(entry, 4)?, aux + 1 == entries)?;
        }
        known.push(number);
        rest = step(rest, u32_at(rest, 16)?, index + 1 == count)?;
    }
    Some(())
}

/// The next entry of a chain; the last one's link is 0.
fn step(bytes: &[u8], link: u32, is_last: bool) -> Option<&[u8]> {
    match (link, is_last) {
        (0, true) => Some(&[]),
        (0, false) | (_, true) => None,
        (link, false) => forward(bytes, link, 8),
    }
}

fn forward(bytes: &[u8], link: u32, least: u32) -> Option<&[u8]> {
    if link < least {
        return None;
    }
    bytes.get(usize::try_from(link).ok()?..)
}
