//! Relocations: the places that the dynamic loader writes to, and what it writes there.

use super::dynamic::Dynamic;
use super::image::Image;
use super::symbols::{Symbol, Symbols, THREAD_LOCAL};
use crate::discovery::bytes::{u32_at, u64_at};
use crate::discovery::elf::consts::*;
use crate::discovery::error::{malformed, require};
use crate::discovery::{DiscoverError, Forbidden, Policy};

const ENTRY_LEN: u64 = 24;

/// What a relocation does, in the terms that both supported machines share.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Relative,
    Symbol,
    /// The slot of an imported function or variable, through which code reaches it.
    Slot,
    Resolver,
    TlsModule,
    TlsOffset,
    TlsStatic,
    TlsDescriptor,
}

impl Kind {
    #[cfg(not(target_arch = "aarch64"))]
    fn of(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::None,
            1 => Self::Symbol,
            6 | 7 => Self::Slot,
            8 => Self::Relative,
            16 => Self::TlsModule,
            17 => Self::TlsOffset,
            18 => Self::TlsStatic,
            36 => Self::TlsDescriptor,
            37 => Self::Resolver,
            _ => return None,
        })
    }

    #[cfg(target_arch = "aarch64")]
    fn of(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::None,
            257 => Self::Symbol,
            1025 | 1026 => Self::Slot,
            1027 => Self::Relative,
            1028 => Self::TlsModule,
            1029 => Self::TlsOffset,
            1030 => Self::TlsStatic,
            1031 => Self::TlsDescriptor,
            1032 => Self::Resolver,
            _ => return None,
        })
    }

    fn is_tls(self) -> bool {
        matches!(
            self,
            Self::TlsModule | Self::TlsOffset | Self::TlsStatic | Self::TlsDescriptor
        )
    }

    /// Bytes that are written.
    fn len(self) -> u64 {
        match self {
            Self::None => 0,
            Self::TlsDescriptor => 16,
            _ => 8,
        }
    }
}

/// A place that is written to.
#[derive(Clone, Copy)]
struct Write {
    at: u64,
    len: u64,
    /// The address within the image that is written, if it is one.
    target: Option<u64>,
}

/// All places that are written to, in the order of their addresses.
pub(super) struct Relocations {
    writes: Vec<Write>,
}

impl Relocations {
    /// What is written at an address: nothing, something from elsewhere, or an address within the image.
    pub(super) fn written_at(&self, address: u64) -> Option<Option<u64>> {
        let index = self
            .writes
            .binary_search_by_key(&address, |write| write.at)
            .ok()?;
        Some(self.writes[index].target)
    }
}

pub(super) fn check(
    image: &Image<'_>,
    dynamic: &Dynamic<'_>,
    symbols: &Symbols<'_>,
    slots: Option<Vec<(u64, u64)>>,
    policy: &Policy,
) -> Result<Relocations, DiscoverError> {
    let checker = Checker {
        image,
        symbols,
        slots,
        policy,
    };
    let range = |at, len| {
        dynamic
            .value(at)
            .zip(dynamic.value(len))
            .filter(|range| range.1 > 0)
    };
    let mut writes = Vec::new();
    let main = range(DT_RELA, DT_RELASZ);
    if let Some((at, len)) = main {
        let leading = dynamic.value(DT_RELACOUNT).unwrap_or(0);
        checker.table(at, len, leading, &mut writes)?;
    }
    if let Some((at, len)) = range(DT_JMPREL, DT_PLTRELSZ) {
        let is_nested = main.is_some_and(|(start, total)| at >= start && at < start.saturating_add(total));
        if !is_nested {
            checker.table(at, len, 0, &mut writes)?;
        }
        let got = dynamic.value(DT_PLTGOT).and_then(|got| image.load_at(got, 8));
        require(
            got.is_some_and(|got| got.is(PF_W)),
            "its table of imported functions is not writable",
        )?;
    }
    if let Some((at, len)) = range(DT_RELR, DT_RELRSZ) {
        checker.compact(at, len, &mut writes)?;
    }
    writes.sort_unstable_by_key(|write| write.at);
    let overlap = |pair: &[Write]| pair[0].at + pair[0].len > pair[1].at;
    require(
        !writes.windows(2).any(overlap),
        "two relocations write to the same place",
    )?;
    Ok(Relocations { writes })
}

struct Checker<'c, 'a> {
    image: &'c Image<'a>,
    symbols: &'c Symbols<'a>,
    /// Where slots may be, if that is known.
    slots: Option<Vec<(u64, u64)>>,
    policy: &'c Policy,
}

impl Checker<'_, '_> {
    fn table(&self, at: u64, len: u64, leading: u64, writes: &mut Vec<Write>) -> Result<(), DiscoverError> {
        let table = self
            .image
            .at(at, len)
            .filter(|_| len.is_multiple_of(ENTRY_LEN) && leading <= len / ENTRY_LEN);
        let table = table.ok_or_else(|| malformed("its relocations are outside the file"))?;
        for (index, entry) in table.chunks_exact(24).enumerate() {
            let (Some(at), Some(number), Some(symbol), Some(addend)) = (
                u64_at(entry, 0),
                u32_at(entry, 8),
                u32_at(entry, 12),
                u64_at(entry, 16),
            ) else {
                break;
            };
            let kind = Kind::of(number).ok_or_else(|| malformed("a relocation is of unknown type"))?;
            require(
                index as u64 >= leading || kind == Kind::Relative,
                "its relocations are not in the order that it announces",
            )?;
            if entry.iter().all(|&byte| byte == 0) {
                // Linkers fill with these what they reserved too much.
                continue;
            }
            require(kind != Kind::None, "a relocation does nothing")?;
            self.place(at, kind.len())?;
            require(
                kind != Kind::Slot || (symbol != 0 && self.is_slot(at)),
                "an import goes where no slot is",
            )?;
            let target = self.target(kind, symbol, addend)?;
            let len = kind.len();
            writes.push(Write { at, len, target });
        }
        Ok(())
    }

    /// The place lies in writable memory, and not in the tables that are being followed.
    fn place(&self, at: u64, len: u64) -> Result<(), DiscoverError> {
        let load = self.image.load_at(at, len);
        let is_writable = load.is_some_and(|load| load.is(PF_W) || self.policy.allow_text_relocations);
        require(is_writable, "a relocation writes outside the writable segments")?;
        let is_dynamic = self
            .image
            .segment(PT_DYNAMIC)
            .is_some_and(|dynamic| at < dynamic.end() && at + len > dynamic.address);
        require(!is_dynamic, "a relocation writes to the dynamic section")
    }

    fn is_slot(&self, at: u64) -> bool {
        let is_within = |&(start, end): &(u64, u64)| at >= start && at + 8 <= end;
        at.is_multiple_of(8)
            && self
                .slots
                .as_ref()
                .is_none_or(|slots| slots.iter().any(is_within))
    }

    fn target(&self, kind: Kind, index: u32, addend: u64) -> Result<Option<u64>, DiscoverError> {
        let symbol = self.symbols.get(index.into());
        let symbol = symbol.ok_or_else(|| malformed("a relocation refers to no symbol"))?;
        let is_named = index != 0;
        match kind {
            kind if kind.is_tls() => self.check_tls(kind, is_named.then_some(symbol)).map(|()| None),
            Kind::Relative => {
                let is_sound = !is_named && self.image.spans(addend);
                require(is_sound, "a relocation points outside the image")?;
                Ok(Some(addend))
            }
            Kind::Resolver => {
                let is_sound = !is_named && self.image.is_code(addend);
                require(is_sound, "a relocation calls something that is no code")?;
                Ok(None)
            }
            _ if is_named && symbol.kind() == THREAD_LOCAL => Err(malformed(
                "a relocation takes the address of thread-local storage",
            )),
            _ if symbol.is_defined() && !symbol.is_absolute() => Ok(Some(symbol.value.wrapping_add(addend))),
            _ => Ok(None),
        }
    }

    /// Without a symbol, or with one of its own, the library has thread-local storage.
    fn check_tls(&self, kind: Kind, symbol: Option<Symbol>) -> Result<(), DiscoverError> {
        if kind == Kind::TlsStatic && !self.policy.allow_static_tls {
            return Err(DiscoverError::ForbiddenFlag {
                flag: Forbidden::StaticTls,
            });
        }
        let has_storage = self.image.segment(PT_TLS).is_some();
        let is_sound = match symbol {
            Some(symbol) if symbol.is_defined() => has_storage && symbol.kind() == THREAD_LOCAL,
            Some(_) => true,
            None => has_storage,
        };
        require(
            is_sound,
            "a relocation refers to thread-local storage that is not there",
        )
    }

    /// The compact form: an address, then bitmaps of the 63 words behind it each.
    ///
    /// Addresses rise, so there are no more of them than words in the file.
    fn compact(&self, at: u64, len: u64, writes: &mut Vec<Write>) -> Result<(), DiscoverError> {
        let words = self
            .image
            .words(at, len)
            .ok_or_else(|| malformed("its compact relocations are outside the file"))?;
        let mut next = None;
        for word in words {
            if word & 1 == 0 {
                require(
                    word % 8 == 0 && next.is_none_or(|next| word >= next),
                    "its compact relocations are out of order",
                )?;
                self.relative(word, writes)?;
                next = Some(word + 8);
                continue;
            }
            let base = next.ok_or_else(|| malformed("its compact relocations start nowhere"))?;
            for bit in (1..64).filter(|bit| word >> bit & 1 == 1) {
                self.relative(base + (bit - 1) * 8, writes)?;
            }
            next = Some(base + 63 * 8);
            // Far beyond any image; keeps the sums above small.
            require(base < u64::MAX / 2, "its compact relocations run away")?;
        }
        Ok(())
    }

    fn relative(&self, at: u64, writes: &mut Vec<Write>) -> Result<(), DiscoverError> {
        self.place(at, 8)?;
        let target = self.image.words(at, 8).and_then(|mut words| words.next());
        let target = target.filter(|&target| self.image.spans(target));
        require(target.is_some(), "a compact relocation points outside the image")?;
        writes.push(Write { at, len: 8, target });
        Ok(())
    }
}
