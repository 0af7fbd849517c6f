//! The calls to the file system, in one place so that tests can make each of them fail.

#[cfg(test)]
pub(super) mod faulty;
#[cfg(test)]
pub(super) mod platter;

use std::fmt;
use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, Stat};

/// One call to the file system a method; nothing is retried. Names are looked up in an open folder.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Makes one folder, mode 0700.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Opens a folder; `path` is free of symbolic links.
    fn open_folder(&self, path: &Path) -> io::Result<File>;
    /// Looks at an entry without following or opening it.
    fn stat(&self, folder: &File, name: &str) -> io::Result<Stat>;
    /// Opens a file to read; never follows a link, never waits.
    fn open(&self, folder: &File, name: &str) -> io::Result<File>;
    /// Opens a file to write at its end; never follows a link, never waits.
    fn open_append(&self, folder: &File, name: &str) -> io::Result<File>;
    /// Makes a file that must not exist, mode 0600, to write at its end.
    fn create_new(&self, folder: &File, name: &str) -> io::Result<File>;
    fn metadata(&self, file: &File) -> io::Result<Metadata>;
    fn read(&self, file: &File, buffer: &mut [u8]) -> io::Result<usize>;
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize>;
    /// Flushes a file or folder to the device.
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Flushes a file's content and length.
    fn sync_data(&self, file: &File) -> io::Result<()>;
    /// Gives a file a second name that must not exist.
    fn link(&self, folder: &File, name: &str, second: &str) -> io::Result<()>;
    /// Renames over whatever is there.
    fn rename(&self, folder: &File, from: &str, to: &str) -> io::Result<()>;
    /// Renames to a name that must not exist.
    fn rename_new(&self, folder: &File, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, folder: &File, name: &str) -> io::Result<()>;
}

/// The file system itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealDisk;

/// For every file: no other program inherits it, no link is followed, no pipe or terminal is waited for.
const CAREFUL: OFlags = OFlags::CLOEXEC
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

impl Disk for RealDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn open_folder(&self, path: &Path) -> io::Result<File> {
        let flags = CAREFUL | OFlags::RDONLY | OFlags::DIRECTORY;
        Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
    }

    fn stat(&self, folder: &File, name: &str) -> io::Result<Stat> {
        Ok(rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    fn open(&self, folder: &File, name: &str) -> io::Result<File> {
        Ok(rustix::fs::openat(folder, name, CAREFUL | OFlags::RDONLY, Mode::empty())?.into())
    }

    fn open_append(&self, folder: &File, name: &str) -> io::Result<File> {
        let flags = CAREFUL | OFlags::WRONLY | OFlags::APPEND;
        Ok(rustix::fs::openat(folder, name, flags, Mode::empty())?.into())
    }

    fn create_new(&self, folder: &File, name: &str) -> io::Result<File> {
        let flags = CAREFUL | OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
        Ok(rustix::fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    fn metadata(&self, file: &File) -> io::Result<Metadata> {
        file.metadata()
    }

    fn read(&self, mut file: &File, buffer: &mut [u8]) -> io::Result<usize> {
        file.read(buffer)
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn link(&self, folder: &File, name: &str, second: &str) -> io::Result<()> {
        Ok(rustix::fs::linkat(
            folder,
            name,
            folder,
            second,
            AtFlags::empty(),
        )?)
    }

    fn rename(&self, folder: &File, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(folder, from, folder, to)?)
    }

    fn rename_new(&self, folder: &File, from: &str, to: &str) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::RenameFlags;
            use rustix::io::Errno;
            match rustix::fs::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
                // The file system does not know the flag.
                Err(Errno::INVAL | Errno::NOSYS) => {}
                result => return Ok(result?),
            }
        }
        match self.stat(folder, to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.rename(folder, from, to),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, folder: &File, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?)
    }
}
