//! Refuses libraries that the dynamic loader should not see.
//!
//! The dynamic loader believes what it reads: a damaged table makes it crash, and the host with it, before a single
//! check of the plugin could run. So every table that it follows is walked here first, over plain bytes and with
//! every bound checked. This is no defence against a hostile library, which could simply misbehave once opened; it
//! keeps half-finished uploads and broken builds from ending the host. Damage that leaves every table plausible is
//! what [seals](super::seal) are for.

mod arrays;
mod dynamic;
mod hash;
mod image;
mod names;
mod relocations;
mod sections;
mod segments;
mod symbols;
mod versions;

use std::fmt;

use self::dynamic::Dynamic;
use self::image::Image;
use self::symbols::Symbols;
use super::{DiscoverError, Policy};

/// Something unusual that does not keep a library from being opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The library exports more than `create_plugin`.
    ///
    /// Harmless where it is opened without making its names global, as this host does.
    ExtraSymbols {
        /// How many more.
        count: usize,
        /// The first few names.
        names: Vec<String>,
    },
}

impl Warning {
    /// The stable code of this kind of warning.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ExtraSymbols { .. } => "extra_symbols",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtraSymbols { count, names } => {
                write!(
                    f,
                    "the library exports {count} more symbols than create_plugin: {}",
                    names.join(", ")
                )
            }
        }
    }
}

/// Checks a whole library, without its note.
///
/// Takes time and memory in proportion to the library's tables, whatever is in them.
///
/// # Errors
///
/// [`MalformedLibrary`](DiscoverError::MalformedLibrary) for a broken structure,
/// [`ForbiddenFlag`](DiscoverError::ForbiddenFlag) for what the policy refuses,
/// [`SymbolMissing`](DiscoverError::SymbolMissing) without `create_plugin`.
pub fn check(library: &[u8], policy: &Policy) -> Result<Vec<Warning>, DiscoverError> {
    let image = Image::parse(library)?;
    segments::check(&image, policy)?;
    let dynamic = Dynamic::parse(&image)?;
    dynamic.check_policy(policy)?;
    let sections = sections::check(&image, &dynamic)?;
    let symbols = Symbols::parse(&image, &dynamic, sections.symbol_count)?;
    hash::check(&image, &dynamic, &symbols)?;
    versions::check(&image, &dynamic, &symbols)?;
    let relocations = relocations::check(&image, &dynamic, &symbols, sections.slots, policy)?;
    arrays::check(&image, &dynamic, &relocations)?;
    symbols.check_exports(&image)
}
