//! The seal: a hash of the whole file, written into its own note.
//!
//! A sealed library that was damaged or changed afterwards is never opened. It is no signature: whoever can change
//! the file can seal it anew.

use sha2::{Digest, Sha256};
use toru_plugin_api::abi::note::{SEAL_LEN, SEAL_OFFSET};

use super::DiscoverError;
use super::elf::{self, FoundNote};
use super::error::malformed;

/// Seals a finished library and returns the seal.
///
/// Sealing is the last step: whatever changes the file afterwards, `strip` included, breaks the seal.
///
/// # Errors
///
/// Those of [`find_note`](elf::find_note): only a plugin can be sealed.
pub fn seal(library: &mut [u8]) -> Result<[u8; SEAL_LEN], DiscoverError> {
    let at = seal_offset(&elf::find_note(&*library)?, library)?;
    let seal = hash_around(library, at);
    library[at..at + SEAL_LEN].copy_from_slice(&seal);
    Ok(seal)
}

/// Compares a library with its seal. `false` means that it has none.
///
/// # Errors
///
/// [`MalformedLibrary`](DiscoverError::MalformedLibrary) when the seal does not match, and those of
/// [`find_note`](elf::find_note).
pub fn verify(library: &[u8]) -> Result<bool, DiscoverError> {
    verify_note(library, &elf::find_note(library)?)
}

pub(super) fn verify_note(library: &[u8], note: &FoundNote) -> Result<bool, DiscoverError> {
    let at = seal_offset(note, library)?;
    let seal = &library[at..at + SEAL_LEN];
    if seal.iter().all(|&byte| byte == 0) {
        return Ok(false);
    }
    if hash_around(library, at) != *seal {
        return Err(malformed(
            "the file does not match its seal: it was damaged or changed after it was sealed",
        ));
    }
    Ok(true)
}

/// Where the seal lies in the file; its bytes are within it.
fn seal_offset(note: &FoundNote, library: &[u8]) -> Result<usize, DiscoverError> {
    let seal_end = SEAL_OFFSET + SEAL_LEN;
    let at = usize::try_from(note.offset)
        .ok()
        .filter(|_| note.descriptor.len() >= seal_end);
    at.map(|at| at + SEAL_OFFSET)
        .filter(|&at| library.len() >= at + SEAL_LEN)
        .ok_or_else(|| super::note::invalid("note", "is shorter than its header"))
}

/// SHA-256 of the file with the seal as zeros.
fn hash_around(library: &[u8], at: usize) -> [u8; SEAL_LEN] {
    let mut hash = Sha256::new();
    hash.update(&library[..at]);
    hash.update([0; SEAL_LEN]);
    hash.update(&library[at + SEAL_LEN..]);
    hash.finalize().into()
}
