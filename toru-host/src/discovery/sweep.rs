//! Private copies of which nobody makes use any more.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::stage::file_name;

/// Removes private copies but those with these hashes, and what a process that died was about to copy.
///
/// Touches nothing that is not named as a copy, and a folder only where it is none by way of a link. Blocks; call it
/// while nobody copies anything.
pub(crate) fn sweep(cache_dir: &Path, kept: &[[u8; 32]]) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match rustix::fs::open(cache_dir, flags, Mode::empty()) {
        Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => return Ok(()),
        folder => folder?,
    };
    let kept: BTreeSet<String> = kept.iter().map(file_name).collect();
    let mut old = Vec::new();
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if is_copy(name) && !kept.contains(name) {
            old.push(name.to_owned());
        }
    }
    for name in old {
        rustix::fs::unlinkat(&folder, name, AtFlags::empty())?;
    }
    Ok(())
}

/// Whether a copy, whole or not, has such a name.
fn is_copy(name: &str) -> bool {
    let Some((hash, rest)) = name.split_once('.') else {
        return false;
    };
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_hash = hash.len() == 64 && hash.bytes().all(is_digit);
    is_hash && (rest == "so" || rest.ends_with(".tmp"))
}
