//! What the library needs and offers, for people; no rule of a host depends on it.

use object::elf::FileHeader64;
use object::read::elf::ElfFile;
use object::{LittleEndian, Object as _, ObjectSymbol as _};
use serde::Serialize;

/// What a library needs and offers.
#[derive(Debug, Serialize)]
pub(crate) struct Library {
    pub(crate) architecture: String,
    /// Without a symbol table; what is exported and imported is named nevertheless.
    pub(crate) is_stripped: bool,
    pub(crate) has_debug_info: bool,
    pub(crate) exports: Vec<String>,
    pub(crate) imports: Vec<String>,
    /// Libraries that the system has to have.
    pub(crate) needed: Vec<String>,
    /// Symbol versions that those have to have.
    pub(crate) versions: Vec<String>,
    /// The oldest C library of GNU that has all of them.
    pub(crate) glibc: Option<String>,
}

type Elf<'data> = ElfFile<'data, FileHeader64<LittleEndian>>;

/// Versions without a number, and the C library that brought them.
const UNNUMBERED: [(&str, [u32; 2]); 1] = [("GLIBC_ABI_DT_RELR", [2, 36])];

/// `None` where the bytes are no library that can be understood.
pub(crate) fn read(bytes: &[u8]) -> Option<Library> {
    let file = Elf::parse(bytes).ok()?;
    let (mut imports, mut exports): (Vec<_>, Vec<_>) = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_undefined() || symbol.is_definition() && symbol.is_global())
        .filter_map(|symbol| Some((symbol.is_undefined(), symbol.name().ok()?.to_owned())))
        .filter(|(_, name)| !name.is_empty())
        .partition(|(is_import, _)| *is_import);
    imports.sort_unstable();
    exports.sort_unstable();
    let versions = versions(&file).unwrap_or_default();
    Some(Library {
        architecture: format!("{:?}", file.architecture()).to_lowercase(),
        is_stripped: file.symbol_table().is_none(),
        has_debug_info: file.has_debug_symbols(),
        exports: exports.into_iter().map(|(_, name)| name).collect(),
        imports: imports.into_iter().map(|(_, name)| name).collect(),
        needed: needed(&file),
        glibc: glibc(&versions),
        versions,
    })
}

fn needed(file: &Elf<'_>) -> Vec<String> {
    let libraries = file.import_libraries().into_iter().flatten().flatten();
    libraries.map(|library| text(library.name())).collect()
}

/// All versions that the dynamic loader will look for, also those that belong to no symbol.
fn versions(file: &Elf<'_>) -> object::Result<Vec<String>> {
    let (endian, sections) = (file.endian(), file.elf_section_table());
    let Some((mut libraries, names)) = sections.gnu_verneed(endian, file.data())? else {
        return Ok(Vec::new());
    };
    let names = sections.strings(endian, file.data(), names)?;
    let mut versions = Vec::new();
    while let Some((_, mut needed)) = libraries.next()? {
        while let Some(version) = needed.next()? {
            versions.push(text(version.name(endian, names)?));
        }
    }
    versions.sort_unstable();
    versions.dedup();
    Ok(versions)
}

/// The highest of the versions that are of the C library.
fn glibc(versions: &[String]) -> Option<String> {
    let numbered = versions.iter().filter_map(|version| {
        let parts = version.strip_prefix("GLIBC_")?.split('.');
        parts.map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>()
    });
    let unnumbered = UNNUMBERED
        .iter()
        .filter(|(name, _)| versions.iter().any(|version| version == name))
        .map(|(_, number)| number.to_vec());
    let newest = numbered.chain(unnumbered).max()?;
    let parts: Vec<_> = newest.iter().map(u32::to_string).collect();
    Some(parts.join("."))
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(versions: &[&str]) -> Option<String> {
        let versions: Vec<_> = versions.iter().map(|&version| version.to_owned()).collect();
        glibc(&versions)
    }

    #[test]
    fn the_needed_c_library_is_compared_by_numbers() {
        assert_eq!(
            newest(&["GLIBC_2.2.5", "GLIBC_2.17", "GLIBC_2.4"]).unwrap(),
            "2.17"
        );
        assert_eq!(newest(&["GLIBC_2.9", "GLIBC_2.34", "GCC_3.0"]).unwrap(), "2.34");
        assert_eq!(newest(&["GLIBC_2.2.5", "GLIBC_ABI_DT_RELR"]).unwrap(), "2.36");
        assert_eq!(newest(&["GLIBC_2.2.5"]).unwrap(), "2.2.5");
        for other in [&[] as &[&str], &["GCC_4.2.0"], &["GLIBC_PRIVATE"]] {
            assert_eq!(newest(other), None);
        }
    }

    #[test]
    fn what_is_no_library_is_not_understood() {
        assert!(read(b"").is_none());
        assert!(read(b"#!/bin/sh\n").is_none());
        assert!(read(&[0x7f; 4096]).is_none());
    }
}
