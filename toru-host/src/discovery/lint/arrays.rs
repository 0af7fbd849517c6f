//! The functions that run when a library is opened and when the process ends.

use super::dynamic::Dynamic;
use super::image::Image;
use super::relocations::Relocations;
use crate::discovery::DiscoverError;
use crate::discovery::elf::consts::*;
use crate::discovery::error::{malformed, require};

/// Each function that the loader would call is code of this library or comes from another one by name.
pub(super) fn check(
    image: &Image<'_>,
    dynamic: &Dynamic<'_>,
    relocations: &Relocations,
) -> Result<(), DiscoverError> {
    for tag in [DT_INIT, DT_FINI] {
        let is_code = dynamic.value(tag).is_none_or(|function| image.is_code(function));
        require(is_code, "a function that runs at its start or end is no code")?;
    }
    for (at, len) in [(DT_INIT_ARRAY, DT_INIT_ARRAYSZ), (DT_FINI_ARRAY, DT_FINI_ARRAYSZ)] {
        let Some((at, len)) = dynamic
            .value(at)
            .zip(dynamic.value(len))
            .filter(|range| range.1 > 0)
        else {
            continue;
        };
        let words = image.words(at, len).filter(|_| at % 8 == 0);
        let words = words.ok_or_else(|| malformed("its start functions are outside the file"))?;
        for (index, _) in words.enumerate() {
            let is_sound = match relocations.written_at(at + index as u64 * 8) {
                Some(Some(function)) => image.is_code(function),
                Some(None) => true,
                None => false,
            };
            require(is_sound, "a function that runs at its start or end is no code")?;
        }
    }
    Ok(())
}
