//! The naive library: a trait object, opened without any check.

#![expect(
    unsafe_code,
    reason = "opening a library and trusting the types of another image"
)]

use std::path::Path;

use libloading::Library;
use toru_benches_work::{MakeNaive, NAIVE_SYMBOL, NaivePlugin};

use crate::Result;

/// Opens the naive library for good.
///
/// # Errors
///
/// When it cannot be opened.
pub fn open(library: &Path) -> Result<Box<dyn NaivePlugin>> {
    // SAFETY: built by this program from `benches/naive-plugin`; it has no constructors of its own.
    let library = unsafe { Library::new(library) }?;
    // SAFETY: the symbol has this type there.
    let make = *unsafe { library.get::<MakeNaive>(NAIVE_SYMBOL) }?;
    // The plugin's code has to stay.
    std::mem::forget(library);
    Ok(make())
}

/// Opens every library for good, to see what is in it.
///
/// # Errors
///
/// When one cannot be opened.
pub fn open_all<'a>(libraries: impl IntoIterator<Item = &'a Path>) -> Result {
    for library in libraries {
        // SAFETY: built by this program from `benches/smallest-plugin`; it has no constructors of its own.
        let library = unsafe { Library::new(library) }?;
        std::mem::forget(library);
    }
    Ok(())
}
