use std::collections::{BTreeMap, HashMap};
use std::env::consts::DLL_SUFFIX;
use std::ffi::{OsStr, OsString};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

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
    scan_again(dir, policy, &mut Known::default())
}

/// What the files of a folder were found to be, so that the next look opens none that has not changed since.
#[derive(Debug, Default)]
pub(crate) struct Known(HashMap<OsString, (FileStamp, PluginMetadata)>);

/// How long a file must have been left alone before it is believed to be the same by its stamp: what changes within one tick
/// of its file system's clock has the same times.
const SETTLED: Duration = Duration::from_secs(3);

/// The same for a folder that was looked at before, by the same policy.
///
/// # Errors
///
/// As [`scan`].
pub(crate) fn scan_again(dir: &Path, policy: &Policy, known: &mut Known) -> io::Result<Vec<Candidate>> {
    let before = std::mem::take(&mut known.0);
    let now = SystemTime::now();
    DirBuilder::new().recursive(true).mode(0o755).create(dir)?;
    let folder = Folder::open(dir, policy)?;
    let mut names = std::fs::read_dir(dir)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .filter(|name| name.as_deref().map_or(true, is_library_name))
        .collect::<io::Result<Vec<OsString>>>()?;
    names.sort_unstable();
    let mut seen = BTreeMap::new();
    let look = |name: OsString| {
        let unchanged = before
            .get(&name)
            .filter(|(stamp, _)| folder.is_unchanged(&name, stamp));
        let mut candidate = match unchanged {
            Some((stamp, metadata)) => Candidate {
                path: dir.join(&name),
                file: *stamp,
                found: Ok(metadata.clone()),
            },
            None => examine(&folder, dir, &name, policy),
        };
        if let Ok(metadata) = &candidate.found
            && candidate.file.is_settled(now, SETTLED)
        {
            known.0.insert(name, (candidate.file, metadata.clone()));
        }
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

#[cfg(test)]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn metadata(id: &str) -> PluginMetadata {
        PluginMetadata {
            id: PluginId::new(id).unwrap(),
            name: "A".into(),
            version: "1".into(),
            author: None,
            icon: None,
            route: None,
            description: None,
            abi: (1, 0),
            requires: Vec::new(),
            uses: Vec::new(),
            panic: crate::plugin::PanicStrategy::Unwind,
            compiler: None,
            target: None,
            sdk: None,
            license: None,
        }
    }

    /// What is believed of a file that was found to be this plugin, and was left alone since.
    fn known(dir: &Path, name: &str, id: &str) -> Known {
        let stamp = FileStamp::of(&dir.join(name).symlink_metadata().unwrap());
        Known([(name.into(), (stamp, metadata(id)))].into())
    }

    fn is_believed(dir: &Path, policy: &Policy, mut known: Known) -> bool {
        let found = scan_again(dir, policy, &mut known).unwrap();
        // The file itself is no library: only what is known can make it one.
        found[0].found.is_ok()
    }

    #[test]
    fn a_file_is_believed_to_be_what_it_was_until_anything_about_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let path = dir.join("a.so");
        let policy = Policy::default();
        type Change = fn(&Path);
        let changes: [(Change, bool); 6] = [
            (|_| {}, true),
            (|path| fs::write(path, "other").unwrap(), false),
            (
                |path| fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap(),
                false,
            ),
            (
                |path| {
                    fs::remove_file(path).unwrap();
                    fs::write(path, "text").unwrap();
                },
                false,
            ),
            (
                |path| {
                    let file = File::options().write(true).open(path).unwrap();
                    file.set_modified(SystemTime::now() - HOUR).unwrap();
                },
                false,
            ),
            (
                |path| {
                    fs::rename(path, path.with_extension("kept")).unwrap();
                    symlink(path.with_extension("kept"), path).unwrap();
                },
                false,
            ),
        ];
        for (n, (change, believed)) in changes.into_iter().enumerate() {
            let _ = fs::remove_file(&path);
            fs::write(&path, "text").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
            let known = known(dir, "a.so", "a");
            change(&path);
            assert_eq!(is_believed(dir, &policy, known), believed, "change {n}");
        }
    }

    #[test]
    fn a_folder_that_others_may_write_to_makes_nothing_of_it_believed() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        fs::write(dir.join("a.so"), "text").unwrap();
        fs::set_permissions(dir.join("a.so"), Permissions::from_mode(0o644)).unwrap();
        let known = known(dir, "a.so", "a");
        fs::set_permissions(dir, Permissions::from_mode(0o777)).unwrap();
        assert!(!is_believed(dir, &Policy::default(), known));
    }

    #[test]
    fn what_changed_a_moment_ago_is_opened_again() {
        let now = SystemTime::now();
        let at = |time: SystemTime| {
            let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            FileStamp {
                ctime_ns: i128::try_from(since.as_nanos()).unwrap(),
                ..FileStamp::default()
            }
        };
        assert!(at(now - HOUR).is_settled(now, SETTLED));
        for odd in [at(now), at(now + HOUR), at(now - SETTLED / 2)] {
            assert!(!odd.is_settled(now, SETTLED));
        }
    }
}
