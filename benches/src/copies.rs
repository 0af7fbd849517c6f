//! Many copies of one plugin, each under an id of its own.

use std::fs;
use std::path::Path;

use toru_plugin_api::abi::note::{HEADER_LEN, NOTE_MAGIC, RECORD_HEADER_LEN, TAG_ID, crc32};

use crate::Result;

/// Writes `count` copies of `library` into `folder`; returns their ids.
///
/// # Errors
///
/// When the library has no note, or a file cannot be written.
pub fn copies(library: &Path, folder: &Path, count: usize) -> Result<Vec<String>> {
    let original = fs::read(library)?;
    let start = original
        .windows(NOTE_MAGIC.len())
        .position(|bytes| bytes == NOTE_MAGIC)
        .ok_or("the library has no note")?;
    let field = |at: usize| -> Result<usize> {
        let bytes = original
            .get(start + at..start + at + 4)
            .ok_or("the note is cut off")?;
        Ok(u32::from_le_bytes(bytes.try_into()?) as usize)
    };
    let end = start + field(20)?;
    let mut at = HEADER_LEN;
    while field(at)? & 0xFFFF != usize::from(TAG_ID) {
        at += RECORD_HEADER_LEN + (field(at + 4)? / 4 + 1) * 4;
    }
    let (id, len) = (start + at + RECORD_HEADER_LEN, field(at + 4)?);

    let mut ids = Vec::new();
    for number in 0..count {
        let mut bytes = original.clone();
        let name = format!("p{number:0>width$}", width = len - 1);
        bytes[id..id + len].copy_from_slice(name.as_bytes());
        let crc = crc32(&bytes[start..end], HEADER_LEN);
        bytes[start + 24..start + 28].copy_from_slice(&crc.to_le_bytes());
        fs::write(folder.join(format!("lib{name}.so")), bytes)?;
        ids.push(name);
    }
    Ok(ids)
}
