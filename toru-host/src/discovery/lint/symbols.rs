//! The dynamic symbols: what the library offers and what it needs.

use toru_plugin_api::abi::entry::CREATE_PLUGIN_SYMBOL;

use super::dynamic::Dynamic;
use super::image::Image;
use super::names::Names;
use super::{Warning, hash};
use crate::discovery::DiscoverError;
use crate::discovery::bytes::{u16_at, u32_at, u64_at};
use crate::discovery::elf::consts::*;
use crate::discovery::error::{malformed, require};

const UNDEFINED: u16 = 0;
const ABSOLUTE: u16 = 0xFFF1;
const RESERVED: u16 = 0xFF00;
const LOCAL: u8 = 0;
const FUNCTION: u8 = 2;
pub(super) const THREAD_LOCAL: u8 = 6;
const INDIRECT_FUNCTION: u8 = 10;
const WARNED_NAMES: usize = 8;

#[derive(Clone, Copy, Debug)]
pub(super) struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    pub(super) value: u64,
    size: u64,
}

impl Symbol {
    fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            name: u32_at(bytes, 0)?,
            info: *bytes.get(4)?,
            other: *bytes.get(5)?,
            section: u16_at(bytes, 6)?,
            value: u64_at(bytes, 8)?,
            size: u64_at(bytes, 16)?,
        })
    }

    pub(super) fn kind(self) -> u8 {
        self.info & 0xF
    }

    fn binding(self) -> u8 {
        self.info >> 4
    }

    pub(super) fn is_defined(self) -> bool {
        self.section != UNDEFINED
    }

    pub(super) fn is_absolute(self) -> bool {
        self.section == ABSOLUTE
    }

    /// Defined, and visible to other libraries: neither local nor hidden nor internal.
    pub(super) fn is_exported(self) -> bool {
        self.is_defined() && self.binding() != LOCAL && matches!(self.other & 3, 0 | 3)
    }

    fn check(self, image: &Image<'_>) -> Result<(), DiscoverError> {
        let is_known = matches!(self.binding(), 0..=2 | 10) && matches!(self.kind(), 0..=4 | 6 | 10);
        require(is_known, "a symbol is of unknown type")?;
        if !self.is_defined() {
            // The loader takes a local or hidden symbol for defined, at address 0.
            let is_null = self.name == 0 && self.info == 0 && self.value == 0;
            let is_import = self.binding() != LOCAL && self.other & 3 == 0;
            return require(is_null || is_import, "an imported symbol is not visible");
        }
        if self.is_absolute() {
            return Ok(());
        }
        let has_sections = image.header.section_count > 0;
        let is_in_section =
            self.section < RESERVED && (!has_sections || self.section < image.header.section_count);
        require(is_in_section, "a symbol is in no section")?;
        if self.kind() == THREAD_LOCAL {
            let len = image.segment(PT_TLS).map(|tls| tls.memory_len);
            let is_inside =
                len.is_some_and(|len| self.value.checked_add(self.size).is_some_and(|end| end <= len));
            return require(is_inside, "a symbol is outside the thread-local storage");
        }
        require(
            image.load_at(self.value, self.size).is_some(),
            "a symbol is outside the image",
        )?;
        let is_function = matches!(self.kind(), FUNCTION | INDIRECT_FUNCTION);
        require(
            !is_function || image.is_code(self.value),
            "a function is outside the code",
        )
    }
}

/// The symbol table, each of whose entries has been checked.
pub(super) struct Symbols<'a> {
    table: &'a [u8],
    names: Names<'a>,
}

impl<'a> Symbols<'a> {
    pub(super) const LEN: u64 = 24;

    pub(super) fn parse(
        image: &Image<'a>,
        dynamic: &Dynamic<'a>,
        count: Option<u64>,
    ) -> Result<Self, DiscoverError> {
        let count = count.map_or_else(|| hash::symbol_count(image, dynamic), Ok)?;
        let table = dynamic
            .value(DT_SYMTAB)
            .zip(count.checked_mul(Self::LEN))
            .and_then(|(at, len)| image.at(at, len))
            .filter(|table| !table.is_empty() && table[..24].iter().all(|&byte| byte == 0))
            .ok_or_else(|| malformed("its symbols are outside the file"))?;
        let symbols = Self {
            table,
            names: dynamic.names.clone(),
        };
        for symbol in symbols.iter() {
            require(
                symbols.names.get(symbol.name).is_some(),
                "a symbol's name is outside its names",
            )?;
            symbol.check(image)?;
        }
        Ok(symbols)
    }

    pub(super) fn count(&self) -> u64 {
        self.table.len() as u64 / Self::LEN
    }

    pub(super) fn get(&self, index: u64) -> Option<Symbol> {
        let at = usize::try_from(index.checked_mul(Self::LEN)?).ok()?;
        Symbol::parse(self.table.get(at..)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.table.chunks_exact(24).filter_map(Symbol::parse)
    }

    /// The name of a symbol; empty only if it has none.
    pub(super) fn name(&self, symbol: Symbol) -> &'a [u8] {
        self.names.get(symbol.name).unwrap_or_default()
    }

    /// One way in, and a warning about everything else on offer.
    pub(super) fn check_exports(&self, image: &Image<'_>) -> Result<Vec<Warning>, DiscoverError> {
        let entry = CREATE_PLUGIN_SYMBOL.as_bytes();
        let missing = |reason| Err(DiscoverError::SymbolMissing { reason });
        let is_entry = |symbol: &Symbol| self.name(*symbol) == entry;
        let mut entries = self.iter().filter(|symbol| symbol.is_exported()).filter(is_entry);
        match (entries.next(), entries.next()) {
            (None, _) => return missing("there is no such symbol"),
            (Some(_), Some(_)) => return missing("there are several versions of it"),
            (Some(symbol), None) if symbol.kind() != FUNCTION => {
                return missing("the symbol is not a function");
            }
            (Some(symbol), None) if symbol.is_absolute() || !image.is_code(symbol.value) => {
                return missing("the symbol is not in executable memory");
            }
            (Some(_), None) => {}
        }
        let others = || {
            self.iter()
                .filter(|symbol| symbol.is_exported() && !is_entry(symbol))
        };
        let count = others().count();
        if count == 0 {
            return Ok(Vec::new());
        }
        let shown = |symbol| {
            String::from_utf8_lossy(self.name(symbol))
                .chars()
                .take(80)
                .collect()
        };
        Ok(vec![Warning::ExtraSymbols {
            count,
            names: others().take(WARNED_NAMES).map(shown).collect(),
        }])
    }
}
