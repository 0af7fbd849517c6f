//! The dynamic section: the loader's table of contents.

use super::image::Image;
use super::names::Names;
use crate::discovery::bytes::u64_at;
use crate::discovery::elf::consts::*;
use crate::discovery::error::{malformed, require};
use crate::discovery::{DiscoverError, Forbidden, Policy};

/// Tags whose value is an address within the image.
const ADDRESSES: [u64; 17] = [
    DT_PLTGOT,
    DT_HASH,
    DT_STRTAB,
    DT_SYMTAB,
    DT_RELA,
    DT_INIT,
    DT_FINI,
    DT_JMPREL,
    DT_INIT_ARRAY,
    DT_FINI_ARRAY,
    DT_RELR,
    DT_GNU_HASH,
    DT_TLSDESC_PLT,
    DT_TLSDESC_GOT,
    DT_VERSYM,
    DT_VERDEF,
    DT_VERNEED,
];
/// Tags whose value is a length, a count, a set of flags or a name.
const VALUES: [u64; 24] = [
    DT_NEEDED,
    DT_PLTRELSZ,
    DT_RELASZ,
    DT_RELAENT,
    DT_STRSZ,
    DT_SYMENT,
    DT_SONAME,
    DT_RPATH,
    DT_SYMBOLIC,
    DT_PLTREL,
    DT_DEBUG,
    DT_TEXTREL,
    DT_BIND_NOW,
    DT_INIT_ARRAYSZ,
    DT_FINI_ARRAYSZ,
    DT_RUNPATH,
    DT_FLAGS,
    DT_RELRSZ,
    DT_RELRENT,
    DT_RELACOUNT,
    DT_FLAGS_1,
    DT_VERDEFNUM,
    DT_VERNEEDNUM,
    DT_AUXILIARY,
];
/// Tags that bring other libraries between this one and those it uses.
const AUDITS: [u64; 4] = [DT_AUDIT, DT_DEPAUDIT, DT_FILTER, DT_AUXILIARY];
/// Tags that come together or not at all.
const PAIRS: [(u64, u64); 10] = [
    (DT_RELA, DT_RELASZ),
    (DT_RELA, DT_RELAENT),
    (DT_JMPREL, DT_PLTRELSZ),
    (DT_JMPREL, DT_PLTREL),
    (DT_RELR, DT_RELRSZ),
    (DT_RELR, DT_RELRENT),
    (DT_INIT_ARRAY, DT_INIT_ARRAYSZ),
    (DT_FINI_ARRAY, DT_FINI_ARRAYSZ),
    (DT_VERNEED, DT_VERNEEDNUM),
    (DT_VERDEF, DT_VERDEFNUM),
];
/// Tags that have one value where they are.
const FIXED: [(u64, u64); 4] = [
    (DT_SYMENT, 24),
    (DT_RELAENT, 24),
    (DT_RELRENT, 8),
    (DT_PLTREL, DT_RELA),
];
/// More libraries than any other needs.
const NEEDED_MAX: usize = 256;
const KNOWN_FLAGS: u64 = 0x1F;
const LOCAL_FLAGS_1: u64 = DF_1_NOW | DF_1_NODELETE | DF_1_ORIGIN;

/// The entries, and the names they refer to.
pub(super) struct Dynamic<'a> {
    entries: Vec<(u64, u64)>,
    pub(super) names: Names<'a>,
}

impl<'a> Dynamic<'a> {
    pub(super) fn parse(image: &Image<'a>) -> Result<Self, DiscoverError> {
        let segment = image
            .segment(PT_DYNAMIC)
            .ok_or_else(|| malformed("it has no dynamic section"))?;
        require(segment.address % 8 == 0, "its dynamic section is not aligned")?;
        let is_writable = image
            .load_at(segment.address, segment.memory_len)
            .is_some_and(|load| load.is(PF_W));
        require(is_writable, "its dynamic section is not writable")?;
        let table = image.file(segment.offset, segment.file_len).unwrap_or_default();
        let mut entries = Vec::new();
        let mut is_complete = false;
        for entry in table.chunks_exact(16) {
            let (Some(tag), Some(value)) = (u64_at(entry, 0), u64_at(entry, 8)) else {
                break;
            };
            if tag == DT_NULL {
                is_complete = true;
                break;
            }
            check_entry(image, tag, value)?;
            entries.push((tag, value));
        }
        require(is_complete, "its dynamic section does not end")?;
        let entries = sorted(entries)?;
        let find = |tag| value_in(&entries, tag);
        let (Some(at), Some(len)) = (find(DT_STRTAB), find(DT_STRSZ)) else {
            return Err(malformed("its dynamic section names no names"));
        };
        let bytes = image
            .at(at, len)
            .ok_or_else(|| malformed("its names are outside the file"))?;
        require(
            bytes.first() == Some(&0) && bytes.last() == Some(&0),
            "its names do not end",
        )?;
        let dynamic = Self {
            entries,
            names: Names::new(bytes),
        };
        dynamic.check()?;
        Ok(dynamic)
    }

    /// The value of an entry that is there at most once.
    pub(super) fn value(&self, tag: u64) -> Option<u64> {
        value_in(&self.entries, tag)
    }

    /// The libraries that this one needs.
    pub(super) fn needed(&self) -> impl Iterator<Item = u64> + '_ {
        self.entries
            .iter()
            .filter(|entry| entry.0 == DT_NEEDED)
            .map(|entry| entry.1)
    }

    fn check(&self) -> Result<(), DiscoverError> {
        let has = |tag| self.value(tag).is_some();
        require(
            has(DT_SYMTAB) && has(DT_SYMENT),
            "its dynamic section names no symbols",
        )?;
        require(
            has(DT_GNU_HASH) || has(DT_HASH),
            "its dynamic section names no symbol hash table",
        )?;
        require(
            PAIRS.iter().all(|&(a, b)| has(a) == has(b)),
            "its dynamic section is incomplete",
        )?;
        let is_fixed = |&(tag, fixed): &(u64, u64)| self.value(tag).is_none_or(|value| value == fixed);
        require(
            FIXED.iter().all(is_fixed),
            "an entry of its dynamic section has an impossible value",
        )?;
        require(
            self.value(DT_FLAGS).unwrap_or(0) & !KNOWN_FLAGS == 0,
            "its dynamic section has unknown flags",
        )?;
        for tag in [DT_SONAME, DT_RPATH, DT_RUNPATH] {
            require(
                self.value(tag).is_none_or(|name| self.names.get(name).is_some()),
                "a name of its dynamic section is outside its names",
            )?;
        }
        require(
            self.needed().count() <= NEEDED_MAX,
            "it needs more libraries than any other",
        )?;
        for name in self.needed() {
            let name = self.names.get(name).unwrap_or_default();
            let is_plain = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
            require(is_plain, "it needs a library whose name is damaged")?;
        }
        Ok(())
    }

    pub(super) fn check_policy(&self, policy: &Policy) -> Result<(), DiscoverError> {
        let has = |tag| self.value(tag).is_some();
        let flags = self.value(DT_FLAGS).unwrap_or(0);
        let is_path = |name| self.names.get(name).is_some_and(|name| name.contains(&b'/'));
        let rules = [
            (
                policy.allow_run_path,
                self.needed().any(is_path),
                Forbidden::DependencyPath,
            ),
            (
                policy.allow_run_path,
                has(DT_RPATH) || has(DT_RUNPATH),
                Forbidden::RunPath,
            ),
            (
                policy.allow_text_relocations,
                has(DT_TEXTREL) || flags & DF_TEXTREL != 0,
                Forbidden::TextRelocations,
            ),
            (
                policy.allow_static_tls,
                flags & DF_STATIC_TLS != 0,
                Forbidden::StaticTls,
            ),
            (policy.allow_audit, AUDITS.into_iter().any(has), Forbidden::Audit),
            (
                false,
                self.value(DT_FLAGS_1).unwrap_or(0) & !LOCAL_FLAGS_1 != 0,
                Forbidden::LoaderFlags,
            ),
        ];
        match rules
            .into_iter()
            .find(|&(is_allowed, is_there, _)| is_there && !is_allowed)
        {
            Some((_, _, flag)) => Err(DiscoverError::ForbiddenFlag { flag }),
            None => Ok(()),
        }
    }
}

fn check_entry(image: &Image<'_>, tag: u64, value: u64) -> Result<(), DiscoverError> {
    if ADDRESSES.contains(&tag) {
        return require(
            image.load_at(value, 0).is_some(),
            "an entry of its dynamic section points outside the image",
        );
    }
    // What systems and machines add is ignored by the loader unless it knows it.
    let is_extension = (0x6000_000D..0x6FFF_F000).contains(&tag)
        || (0x6FFF_FD00..0x6FFF_FE00).contains(&tag)
        || (DT_LOPROC..0x7FFF_FFF0).contains(&tag);
    require(
        VALUES.contains(&tag) || AUDITS.contains(&tag) || is_extension,
        "its dynamic section has an unknown entry",
    )
}

/// Sorted by tag; only needed libraries and filters may repeat.
fn sorted(mut entries: Vec<(u64, u64)>) -> Result<Vec<(u64, u64)>, DiscoverError> {
    entries.sort_by_key(|entry| entry.0);
    let repeats = |pair: &[(u64, u64)]| {
        pair[0].0 == pair[1].0 && ![DT_NEEDED, DT_AUXILIARY, DT_FILTER].contains(&pair[0].0)
    };
    require(
        !entries.windows(2).any(repeats),
        "an entry of its dynamic section is there twice",
    )?;
    Ok(entries)
}

fn value_in(entries: &[(u64, u64)], tag: u64) -> Option<u64> {
    let index = entries.binary_search_by_key(&tag, |entry| entry.0).ok()?;
    Some(entries[index].1)
}
