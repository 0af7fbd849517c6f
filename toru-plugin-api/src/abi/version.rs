//! The version of the contract and the one rule of compatibility.

/// Major version. A host refuses a plugin whose major version differs, before any code of it runs.
pub const TORU_ABI_MAJOR: u16 = 1;
/// Minor version. Information for people: reads are guarded by `size`, so older and newer minors work together.
pub const TORU_ABI_MINOR: u16 = 0;
/// First field checked in a [`ToruPluginApi`](super::plugin::ToruPluginApi): cheap proof that the call did what was meant.
/// The bytes spell `ToruAPI1` in memory.
pub const TORU_API_MAGIC: u64 = 0x3149_5041_7572_6F54;

/// Whether a plugin built for `major` can run on a host that speaks this version.
#[must_use]
pub const fn is_compatible(major: u16) -> bool {
    major == TORU_ABI_MAJOR
}
