use std::collections::BTreeMap;
use std::env::consts::DLL_SUFFIX;
use std::ffi::{OsStr, OsString};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::file::{FileStamp, Folder};
use super::{DiscoverError, Policy, elf, note};
use crate::plugin::{PluginId, PluginMetadata};

/// A file of the plugins folder, and what it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// The file's path: the folder as it was passed in, and the file's name.
    pub path: PathBuf,
    /// Which version of the file was looked at; all zeros if it could not even be examined.
    pub file: FileStamp,
    /// What the file says about itself, or why it is refused.
    pub found: Result<PluginMetadata, DiscoverError>,
}

/// Lists the libraries of the plugins folder, sorted by file name.
///
/// A missing folder is created, with mode 0755. Files whose names start with a dot or do not end like a library's are
/// skipped. Of two files with the same plugin id, the second is refused. No code of any file runs, and only a few
/// kilobytes of each are read: whether a file is sound as a whole is for [`stage`](super::stage()) to say.
///
/// # Errors
///
/// The folder cannot be created or listed. What is wrong with a single file, or with the permissions of the folder, is
/// reported with each [`Candidate`].
pub fn scan(dir: &Path, policy: &Policy) -> io::Result<Vec<Candidate>> {
    DirBuilder::new().recursive(true).mode(0o755).create(dir)?;
    let folder = Folder::open(dir, policy)?;
    let mut names = std::fs::read_dir(dir)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .filter(|name| name.as_deref().map_or(true, is_library_name))
        .collect::<io::Result<Vec<OsString>>>()?;
    names.sort_unstable();
    let mut seen = BTreeMap::new();
    let look = |name: OsString| {
        let mut candidate = examine(&folder, dir, &name, policy);
        candidate.refuse_repeated_id(&mut seen);
        candidate
    };
    Ok(names.into_iter().map(look).collect())
}

impl Candidate {
    fn refuse_repeated_id(&mut self, seen: &mut BTreeMap<PluginId, PathBuf>) {
        let Ok(metadata) = &self.found else {
            return;
        };
        if let Some(first) = seen.get(&metadata.id) {
            self.found = Err(DiscoverError::DuplicateId {
                id: metadata.id.clone(),
                first: first.clone(),
                second: self.path.clone(),
            });
        } else {
            seen.insert(metadata.id.clone(), self.path.clone());
        }
    }
}

fn is_library_name(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(DLL_SUFFIX.as_bytes()) && !name.starts_with(b".")
}

fn examine(folder: &Folder, dir: &Path, name: &OsStr, policy: &Policy) -> Candidate {
    let path = dir.join(name);
    match folder.open_file(name, policy) {
        Ok(open) => Candidate {
            path,
            file: open.stamp,
            found: elf::find_note(&open.reader()).and_then(|found| note::parse(&found.descriptor, policy)),
        },
        Err(error) => Candidate {
            file: path
                .symlink_metadata()
                .map_or_else(|_| FileStamp::default(), |entry| FileStamp::of(&entry)),
            path,
            found: Err(error),
        },
    }
}
