//! Opens files of the plugins folder, once and with care, before anything is read.

mod permissions;

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::Serialize;

use super::elf::FileAt;
use super::{DiscoverError, Policy};

pub(crate) use self::permissions::{check_component, check_folder};

/// Which version of a file it is; changes whenever its content does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct FileStamp {
    /// Device of the file system.
    pub dev: u64,
    /// Number of the file there.
    pub ino: u64,
    /// Length in bytes.
    pub len: u64,
    /// Time of the last write, in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// Time of the last change of the file or its permissions, in nanoseconds since 1970.
    pub ctime_ns: i128,
}

impl FileStamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, ns: i64| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
        Self {
            dev: metadata.dev(),
            ino: metadata.ino(),
            len: metadata.len(),
            mtime_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl FileStamp {
    /// Whether the file had not been changed for that long.
    pub(super) fn is_settled(&self, now: SystemTime, time: Duration) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let changed = u128::try_from(self.ctime_ns.max(self.mtime_ns)).unwrap_or(u128::MAX);
        now.checked_sub(changed)
            .is_some_and(|since| since >= time.as_nanos())
    }
}

/// The plugins folder, opened once; files are found relative to it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    handle: File,
    /// What is wrong with the folder or one above it, which then is wrong with every file.
    fault: Option<DiscoverError>,
}

impl Folder {
    pub(super) fn open(path: &Path, policy: &Policy) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = File::from(rustix::fs::open(&path, flags, Mode::empty())?);
        let fault = if policy.check_permissions {
            check_folder(&path).err()
        } else {
            None
        };
        Ok(Self { path, handle, fault })
    }

    /// Whether a name still leads to the same regular file, and nothing about it has changed.
    pub(super) fn is_unchanged(&self, name: &OsStr, stamp: &FileStamp) -> bool {
        let entry = self.path.join(name).symlink_metadata();
        let is_same = |entry: Metadata| entry.is_file() && FileStamp::of(&entry) == *stamp;
        self.fault.is_none() && entry.is_ok_and(is_same)
    }

    /// Opens a file of the folder after checking what it is and who could change it.
    pub(super) fn open_file(&self, name: &OsStr, policy: &Policy) -> Result<OpenFile, DiscoverError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let path = self.path.join(name);
        // Opening a device can have effects, so look first. The answer is checked again on the open file.
        let failed = |error| match Errno::from_io_error(&error) {
            Some(errno) => open_error(errno),
            None => DiscoverError::unreadable("opened", error),
        };
        let mut before = path.symlink_metadata().map_err(failed)?;
        let is_link = before.is_symlink();
        if is_link {
            before = path.metadata().map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => not_regular("a symbolic link to nothing"),
                _ => failed(error),
            })?;
        }
        check_kind(&before)?;
        let file = self.open_beneath(name)?;
        let metadata = file
            .metadata()
            .map_err(|error| DiscoverError::unreadable("examined", error))?;
        check_kind(&metadata)?;
        if metadata.len() > policy.max_file_bytes {
            return Err(DiscoverError::TooLarge {
                len: metadata.len(),
                limit: policy.max_file_bytes,
            });
        }
        if policy.check_permissions {
            permissions::check_file(&self.path, &path, is_link, &metadata)?;
        }
        Ok(OpenFile {
            stamp: FileStamp::of(&metadata),
            file,
        })
    }

    /// Opens without leaving the folder, blocking on a pipe, or becoming the owner of a terminal.
    fn open_beneath(&self, name: &OsStr) -> Result<File, DiscoverError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::ResolveFlags;
            let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            match rustix::fs::openat2(&self.handle, name, flags, Mode::empty(), beneath) {
                Ok(file) => return Ok(file.into()),
                // Kernels before 5.6, and sandboxes that do not know the call.
                Err(Errno::NOSYS | Errno::PERM) => {}
                Err(error) => return Err(open_error(error)),
            }
        }
        self.open_resolved(name, flags)
    }

    /// The same by hand: resolves links first and opens what they lead to without following any.
    fn open_resolved(&self, name: &OsStr, flags: OFlags) -> Result<File, DiscoverError> {
        let path = self.path.join(name);
        let path = path
            .canonicalize()
            .map_err(|error| DiscoverError::unreadable("examined", error))?;
        let Ok(inner) = path.strip_prefix(&self.path) else {
            return Err(open_error(Errno::XDEV));
        };
        rustix::fs::openat(&self.handle, inner, flags | OFlags::NOFOLLOW, Mode::empty())
            .map(File::from)
            .map_err(open_error)
    }
}

/// A regular file that was found acceptable, by its attributes, and stays open.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) stamp: FileStamp,
}

impl OpenFile {
    pub(super) fn reader(&self) -> FileAt<'_> {
        FileAt::new(&self.file, self.stamp.len)
    }
}

fn open_error(error: Errno) -> DiscoverError {
    match error {
        Errno::XDEV => not_regular("a symbolic link that leaves the plugins folder"),
        Errno::LOOP => not_regular("a symbolic link that leads in a circle"),
        Errno::NXIO => not_regular("a socket or device"),
        _ => DiscoverError::unreadable("opened", error),
    }
}

fn check_kind(metadata: &Metadata) -> Result<(), DiscoverError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    Err(not_regular(match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }))
}

fn not_regular(found: &'static str) -> DiscoverError {
    DiscoverError::NotARegularFile { found }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn without_openat2_links_are_held_to_the_same_rule() {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("plugins");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(outer.path().join("outside"), "").unwrap();
        std::fs::write(dir.join("inside"), "").unwrap();
        symlink("inside", dir.join("stays")).unwrap();
        symlink("../outside", dir.join("leaves")).unwrap();
        symlink("circle", dir.join("circle")).unwrap();
        let policy = Policy {
            check_permissions: false,
            ..Policy::default()
        };
        let folder = Folder::open(&dir, &policy).unwrap();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        for (name, is_good) in [
            ("inside", true),
            ("stays", true),
            ("leaves", false),
            ("circle", false),
        ] {
            let name = OsStr::new(name);
            assert_eq!(folder.open_beneath(name).is_ok(), is_good, "openat2, {name:?}");
            assert_eq!(
                folder.open_resolved(name, flags).is_ok(),
                is_good,
                "by hand, {name:?}"
            );
        }
    }
}
