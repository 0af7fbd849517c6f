use super::consts::*;
use crate::discovery::DiscoverError;
use crate::discovery::bytes::{u16_at, u32_at, u64_at};
use crate::discovery::error::{malformed, require};

/// The machine of this build and the library it needs, in words.
#[cfg(not(target_arch = "aarch64"))]
const MACHINE: (u16, &str) = (EM_X86_64, "64-bit x86-64 shared library");
#[cfg(target_arch = "aarch64")]
const MACHINE: (u16, &str) = (EM_AARCH64, "64-bit ARM shared library");

/// The fields of a file header that are not constant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) segments_at: u64,
    pub(crate) segment_count: u16,
    pub(crate) sections_at: u64,
    pub(crate) section_count: u16,
    pub(crate) section_names: u16,
}

impl Header {
    pub(crate) const LEN: usize = 64;
    pub(crate) const SECTION_LEN: usize = 64;
    /// More program headers than any linker writes.
    const SEGMENTS_MAX: u16 = 64;

    /// Reads the header from the first bytes of a file.
    pub(crate) fn parse(head: &[u8]) -> Result<Self, DiscoverError> {
        let not_a_library = |found| DiscoverError::NotALibrary { found };
        if head.is_empty() {
            return Err(not_a_library("an empty file"));
        }
        if !head.starts_with(b"\x7FELF") {
            return Err(not_a_library(looks_like(head)));
        }
        if head.len() < Self::LEN {
            return Err(not_a_library("the first bytes of a file whose rest is missing"));
        }
        Self::check_target(head)?;
        Self::check_identity(head)?;
        Self::fields(head).ok_or_else(|| malformed("its header is broken"))
    }

    pub(crate) fn sections_len(&self) -> u64 {
        u64::from(self.section_count) * Self::SECTION_LEN as u64
    }

    fn check_target(head: &[u8]) -> Result<(), DiscoverError> {
        let big_endian = head[5] == 2;
        let number = |at: usize| {
            let number = u16_at(head, at).unwrap_or(0);
            if big_endian { number.swap_bytes() } else { number }
        };
        let (kind, machine) = (number(16), number(18));
        if (head[4], head[5], kind, machine) == (2, 1, ET_DYN, MACHINE.0) {
            return Ok(());
        }
        let width = match head[4] {
            1 => "32-bit",
            2 => "64-bit",
            _ => return Err(malformed("its header names no word size")),
        };
        let order = match head[5] {
            1 => "",
            2 => "big-endian ",
            _ => return Err(malformed("its header names no byte order")),
        };
        let machine = match machine {
            2 | 43 => "SPARC".into(),
            3 => "x86".into(),
            8 => "MIPS".into(),
            20 => "PowerPC".into(),
            21 => "PowerPC64".into(),
            22 => "S/390".into(),
            40 => "ARM".into(),
            EM_X86_64 => "x86-64".into(),
            EM_AARCH64 => "ARM".into(),
            243 => "RISC-V".into(),
            258 => "LoongArch".into(),
            other => format!("machine-{other}"),
        };
        let kind = match kind {
            1 => "object file",
            2 => "executable",
            3 => "shared library",
            4 => "core dump",
            _ => "file of unknown type",
        };
        Err(wrong_target(format!("{width} {order}{machine} {kind}")))
    }

    /// What the dynamic loader compares with constants.
    fn check_identity(head: &[u8]) -> Result<(), DiscoverError> {
        let system = match (head[7], head[8]) {
            (0, 0) => true,
            (3, version) => version < 4,
            _ => false,
        };
        let is_padded = head[9..16].iter().all(|&byte| byte == 0);
        require(
            head[6] == 1 && u32_at(head, 20) == Some(1) && system && is_padded,
            "its header is not that of a Linux library",
        )?;
        require(u32_at(head, 48) == Some(0), "its header has unknown flags")
    }

    fn fields(head: &[u8]) -> Option<Self> {
        let header = Self {
            segments_at: u64_at(head, 32)?,
            segment_count: u16_at(head, 56)?,
            sections_at: u64_at(head, 40)?,
            section_count: u16_at(head, 60)?,
            section_names: u16_at(head, 62)?,
        };
        let sizes = (u16_at(head, 52)?, u16_at(head, 54)?, u16_at(head, 58)?);
        let has_sections = header.sections_at != 0;
        let is_plausible = usize::from(sizes.0) == Self::LEN
            && usize::from(sizes.1) == Segment::LEN
            && (1..=Self::SEGMENTS_MAX).contains(&header.segment_count)
            && header.segments_at >= Self::LEN as u64
            && (!has_sections || usize::from(sizes.2) == Self::SECTION_LEN)
            && has_sections == (header.section_count > 0)
            && (!has_sections || header.section_names < header.section_count);
        is_plausible.then_some(header)
    }
}

pub(crate) fn wrong_target(found: impl Into<String>) -> DiscoverError {
    DiscoverError::WrongTarget {
        found: found.into(),
        expected: MACHINE.1,
    }
}

fn looks_like(head: &[u8]) -> &'static str {
    match head {
        [b'M', b'Z', ..] => "a Windows program file",
        [0xCF | 0xCE, 0xFA, 0xED, 0xFE, ..] | [0xCA, 0xFE, 0xBA, 0xBE, ..] => "a macOS program file",
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', ..] => "a static library",
        [b'P', b'K', 3, 4, ..] | [0x1F, 0x8B, ..] => "an archive",
        _ if head.iter().all(|&byte| byte == 0) => "a file of zeros",
        _ if head
            .iter()
            .all(|&byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) =>
        {
            "a text file"
        }
        _ => "some other file",
    }
}

/// A program header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) file_len: u64,
    pub(crate) memory_len: u64,
    pub(crate) align: u64,
}

impl Segment {
    pub(crate) const LEN: usize = 56;

    pub(crate) fn table(bytes: &[u8]) -> Vec<Self> {
        bytes.chunks_exact(Self::LEN).filter_map(Self::parse).collect()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            kind: u32_at(bytes, 0)?,
            flags: u32_at(bytes, 4)?,
            offset: u64_at(bytes, 8)?,
            address: u64_at(bytes, 16)?,
            file_len: u64_at(bytes, 32)?,
            memory_len: u64_at(bytes, 40)?,
            align: u64_at(bytes, 48)?,
        })
    }

    pub(crate) fn is(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// End in memory; 0 only if the sum overflows, which the checks refuse.
    pub(crate) fn end(&self) -> u64 {
        self.address.checked_add(self.memory_len).unwrap_or(0)
    }
}
