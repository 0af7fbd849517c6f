//! What would be left of a folder if the machine lost its power now.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What has been flushed, by number of the file; nothing else survives.
#[derive(Debug, Default)]
pub(super) struct Platter {
    contents: HashMap<u64, Vec<u8>>,
    names: BTreeMap<String, u64>,
    /// What a failed flush has dropped: the system takes it for written.
    dropped: HashMap<u64, Vec<Range<usize>>>,
}

/// Which names survive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Names {
    /// Those that were flushed with the folder.
    Flushed,
    /// All, and files are cut off where they were: the file system was slower with contents alone.
    All,
}

impl Platter {
    /// Takes a folder for flushed as it is.
    pub(super) fn of(folder: &Path) -> Self {
        let mut platter = Self {
            names: names(folder),
            ..Self::default()
        };
        for name in platter.names.keys() {
            let file = File::open(folder.join(name)).unwrap();
            platter.contents.insert(number(&file), content(&file));
        }
        platter
    }

    pub(super) fn made(&mut self, file: &File) {
        self.contents.insert(number(file), Vec::new());
        self.dropped.remove(&number(file));
    }

    pub(super) fn flushed(&mut self, file: &File) {
        if file.metadata().unwrap().is_dir() {
            self.names = names(&path(file));
            return;
        }
        let mut content = content(file);
        for dropped in self.dropped.get(&number(file)).into_iter().flatten() {
            content[dropped.clone()].fill(0);
        }
        self.contents.insert(number(file), content);
    }

    pub(super) fn failed_to_flush(&mut self, file: &File) {
        if !file.metadata().unwrap().is_dir() {
            let flushed = self.contents.get(&number(file)).map_or(0, Vec::len);
            let dropped = flushed..content(file).len();
            self.dropped.entry(number(file)).or_default().push(dropped);
        }
    }

    /// A folder with what survives.
    pub(super) fn survivor(&self, folder: &Path, which: Names) -> tempfile::TempDir {
        let survivor = tempfile::tempdir().unwrap();
        let names = match which {
            Names::Flushed => self.names.clone(),
            Names::All => names(folder),
        };
        for (name, number) in names {
            let mut content = self.contents.get(&number).cloned().unwrap_or_default();
            if matches!(which, Names::All) {
                let len = fs::metadata(folder.join(&name)).unwrap().len();
                content.truncate(usize::try_from(len).unwrap());
            }
            fs::write(survivor.path().join(name), content).unwrap();
        }
        survivor
    }
}

fn names(folder: &Path) -> BTreeMap<String, u64> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let entries = entries.map(|entry| {
        (
            entry.file_name().into_string().unwrap(),
            entry.metadata().unwrap().ino(),
        )
    });
    entries.collect()
}

fn number(file: &File) -> u64 {
    file.metadata().unwrap().ino()
}

fn content(file: &File) -> Vec<u8> {
    fs::read(path(file)).unwrap()
}

/// Leads to an open file, whatever has become of its name, and however it was opened.
fn path(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}
