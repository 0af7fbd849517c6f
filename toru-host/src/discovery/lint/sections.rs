//! The section table: not needed for loading, so where it is there it tells whether the rest was damaged.

use super::dynamic::Dynamic;
use super::image::Image;
use crate::discovery::DiscoverError;
use crate::discovery::bytes::{u32_at, u64_at};
use crate::discovery::elf::consts::*;
use crate::discovery::elf::header::{Header, Segment};
use crate::discovery::error::{malformed, require};

/// What the section table adds to the dynamic section.
#[derive(Default)]
pub(super) struct Sections {
    pub(super) symbol_count: Option<u64>,
    /// Address and end of the sections that hold the slots of imported functions and variables.
    pub(super) slots: Option<Vec<(u64, u64)>>,
}

struct Section {
    name: u32,
    kind: u32,
    flags: u64,
    address: u64,
    offset: u64,
    len: u64,
    link: u32,
    info: u32,
}

type Check = Result<(), DiscoverError>;

/// Sections that the dynamic section names too: type, and the tags of their address, length and count.
const TWICE_TOLD: [(u32, u64, Option<u64>, Option<u64>); 8] = [
    (SHT_GNU_HASH, DT_GNU_HASH, None, None),
    (SHT_HASH, DT_HASH, None, None),
    (SHT_GNU_VERSYM, DT_VERSYM, None, None),
    (SHT_GNU_VERNEED, DT_VERNEED, None, Some(DT_VERNEEDNUM)),
    (SHT_GNU_VERDEF, DT_VERDEF, None, Some(DT_VERDEFNUM)),
    (SHT_INIT_ARRAY, DT_INIT_ARRAY, Some(DT_INIT_ARRAYSZ), None),
    (SHT_FINI_ARRAY, DT_FINI_ARRAY, Some(DT_FINI_ARRAYSZ), None),
    (SHT_RELR, DT_RELR, Some(DT_RELRSZ), None),
];
/// Sections that the program writes to for as long as it runs.
const VARIABLES: [&[u8]; 2] = [b".data", b".bss"];

pub(super) fn check(image: &Image<'_>, dynamic: &Dynamic<'_>) -> Result<Sections, DiscoverError> {
    if image.header.sections_at == 0 {
        return Ok(Sections::default());
    }
    let table = image.file(image.header.sections_at, image.header.sections_len());
    let table = table.ok_or_else(|| malformed("it ends before its section table"))?;
    let sections: Vec<_> = table
        .chunks_exact(Header::SECTION_LEN)
        .filter_map(Section::parse)
        .collect();
    for section in &sections {
        section.check(image, sections.len())?;
    }
    let slots = check_names(image, dynamic, &sections)?;
    check_twice_told(dynamic, &sections)?;
    check_relocations(dynamic, &sections)?;
    let symbol_count = check_symbols(image, dynamic, &sections)?;
    Ok(Sections {
        symbol_count: Some(symbol_count),
        slots: Some(slots),
    })
}

impl Section {
    fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            name: u32_at(bytes, 0)?,
            kind: u32_at(bytes, 4)?,
            flags: u64_at(bytes, 8)?,
            address: u64_at(bytes, 16)?,
            offset: u64_at(bytes, 24)?,
            len: u64_at(bytes, 32)?,
            link: u32_at(bytes, 40)?,
            info: u32_at(bytes, 44)?,
        })
    }

    fn is_loaded(&self) -> bool {
        self.flags & SHF_ALLOC != 0
    }

    fn check(&self, image: &Image<'_>, count: usize) -> Check {
        require(
            self.link as usize <= count,
            "a section refers to one that is not there",
        )?;
        if self.kind == SHT_NOBITS {
            let is_placed = self.flags & SHF_TLS != 0
                || !self.is_loaded()
                || image.load_at(self.address, self.len).is_some();
            return require(is_placed, "a section is outside the loaded segments");
        }
        require(
            self.kind == 0 || image.file(self.offset, self.len).is_some(),
            "it ends before its last section",
        )?;
        let is_placed = image
            .load_at(self.address, self.len)
            .is_some_and(|load| is_backed(load, self));
        require(
            !self.is_loaded() || self.len == 0 || is_placed,
            "a section is outside the loaded segments",
        )
    }
}

/// The section's bytes in the file are those that the segment puts at its address.
fn is_backed(load: &Segment, section: &Section) -> bool {
    let within = section.address - load.address;
    within
        .checked_add(section.len)
        .is_some_and(|end| end <= load.file_len)
        && load.offset.checked_add(within) == Some(section.offset)
}

/// Returns where the slots are, which only the sections' names tell.
fn check_names(
    image: &Image<'_>,
    dynamic: &Dynamic<'_>,
    sections: &[Section],
) -> Result<Vec<(u64, u64)>, DiscoverError> {
    let names = sections.get(usize::from(image.header.section_names));
    let names = names.filter(|names| names.kind == SHT_STRTAB && names.len > 0);
    let names = names.and_then(|names| image.file(names.offset, names.len));
    let names = names.filter(|names| names.last() == Some(&0));
    let names = super::names::Names::new(names.ok_or_else(|| malformed("its sections have no names"))?);
    let mut slots = Vec::new();
    for section in sections {
        let name = names
            .get(section.name)
            .ok_or_else(|| malformed("a section has no name"))?;
        let end = section.address.saturating_add(section.len);
        if section.is_loaded() && name.starts_with(b".got") {
            slots.push((section.address, end));
        }
        let start = match name {
            b".init" => dynamic.value(DT_INIT),
            b".fini" => dynamic.value(DT_FINI),
            _ => None,
        };
        // Linkers can be told to take another function, which then starts where functions do.
        require(
            start.is_none_or(|start| start == section.address || start % 16 == 0),
            "what runs at its start or end is no function",
        )?;
        if VARIABLES.contains(&name) {
            let relro = image.segment(PT_GNU_RELRO);
            let overlaps = relro.is_some_and(|relro| section.address < relro.end() && relro.address < end);
            require(
                section.len == 0 || !overlaps,
                "its variables are in the part that becomes read-only",
            )?;
        }
    }
    require(slots.len() <= 8, "it has more tables of imports than any other")?;
    Ok(slots)
}

fn check_twice_told(dynamic: &Dynamic<'_>, sections: &[Section]) -> Check {
    let agree = |(kind, address, len, count): (u32, u64, Option<u64>, Option<u64>)| {
        let mut of_kind = sections
            .iter()
            .filter(|section| section.kind == kind && section.is_loaded() && section.len > 0);
        match (of_kind.next(), of_kind.next(), dynamic.value(address)) {
            (None, _, None) => true,
            (None, _, Some(_)) => len.is_some_and(|len| dynamic.value(len) == Some(0)),
            (Some(section), None, Some(at)) => {
                at == section.address
                    && len.is_none_or(|len| dynamic.value(len) == Some(section.len))
                    && count.is_none_or(|count| dynamic.value(count) == Some(section.info.into()))
            }
            _ => false,
        }
    };
    require(
        TWICE_TOLD.into_iter().all(agree),
        "its section table and its dynamic section contradict each other",
    )
}

/// Relocations are told as two ranges and held in one or two sections.
fn check_relocations(dynamic: &Dynamic<'_>, sections: &[Section]) -> Check {
    let value = |tag| dynamic.value(tag).unwrap_or(0);
    let held: Vec<_> = sections
        .iter()
        .filter(|section| section.kind == SHT_RELA && section.is_loaded() && section.len > 0)
        .collect();
    let starts_at = |address: u64| held.iter().any(|section| section.address == address);
    let ends_at = |end: Option<u64>| {
        held.iter()
            .any(|section| section.address.checked_add(section.len) == end)
    };
    let is_told = |at: u64, len: u64| len == 0 || (starts_at(at) && ends_at(at.checked_add(len)));
    let (dynamic_at, dynamic_len) = (value(DT_RELA), value(DT_RELASZ));
    let (plt_at, plt_len) = (value(DT_JMPREL), value(DT_PLTRELSZ));
    // Some linkers count the second range as part of the first.
    let is_nested = plt_len > 0
        && dynamic_len >= plt_len
        && plt_at >= dynamic_at
        && plt_at - dynamic_at <= dynamic_len - plt_len;
    let told = if is_nested {
        Some(dynamic_len)
    } else {
        dynamic_len.checked_add(plt_len)
    };
    let total = held
        .iter()
        .try_fold(0, |sum: u64, section| sum.checked_add(section.len));
    require(
        is_told(dynamic_at, dynamic_len) && is_told(plt_at, plt_len) && told == total,
        "its section table and its dynamic section contradict each other on relocations",
    )
}

fn check_symbols(
    image: &Image<'_>,
    dynamic: &Dynamic<'_>,
    sections: &[Section],
) -> Result<u64, DiscoverError> {
    let only = |kind| {
        let mut of_kind = sections.iter().filter(|section: &&Section| section.kind == kind);
        of_kind.next().filter(|_| of_kind.next().is_none())
    };
    let symbols = only(SHT_DYNSYM).filter(|symbols| symbols.len > 0 && symbols.len % 24 == 0);
    let names = symbols.and_then(|symbols| sections.get(symbols.link as usize));
    let (Some(symbols), Some(names)) = (symbols, names) else {
        return Err(malformed("its section table has no symbols"));
    };
    let segment = image.segment(PT_DYNAMIC);
    let dynamic_at = only(SHT_DYNAMIC).map(|section| section.address);
    let agrees = dynamic.value(DT_SYMTAB) == Some(symbols.address)
        && dynamic.value(DT_STRTAB) == Some(names.address)
        && dynamic.value(DT_STRSZ) == Some(names.len)
        && names.kind == SHT_STRTAB
        && dynamic_at == segment.map(|segment| segment.address);
    require(
        agrees,
        "its section table and its dynamic section contradict each other on symbols",
    )?;
    Ok(symbols.len / 24)
}
