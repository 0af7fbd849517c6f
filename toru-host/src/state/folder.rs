//! The state folder: reading with suspicion, writing so that a loss of power leaves the old or the new.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::FileType;
use rustix::io::Errno;

use super::disk::Disk;
use super::{StateError, utc};
use crate::discovery::{check_component, check_folder};

/// A folder that was found acceptable and stays open.
#[derive(Debug)]
pub(crate) struct Folder {
    disk: Arc<dyn Disk>,
    /// Free of symbolic links.
    path: PathBuf,
    handle: File,
    check_permissions: bool,
}

/// What was found under a name.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing.
    Missing,
    /// A file that is acceptable by its attributes.
    Text(Vec<u8>),
    /// Something that is not read, and why.
    Refused(String),
}

impl Folder {
    /// Opens the folder, after making it where it is missing.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        check_permissions: bool,
    ) -> Result<Self, StateError> {
        let unreadable = |source| StateError::unreadable(path, source);
        make(&*disk, path).map_err(|source| StateError::unwritable(path, source))?;
        let path = retry(|| path.canonicalize()).map_err(unreadable)?;
        let handle = retry(|| disk.open_folder(&path)).map_err(unreadable)?;
        if check_permissions {
            check_folder(&path).map_err(|error| StateError::Insecure {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        }
        Ok(Self {
            disk,
            path,
            handle,
            check_permissions,
        })
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a file of at most `max` bytes. An error says nothing about the file: it may be good.
    pub(super) fn read(&self, name: &str, max: usize) -> io::Result<Found> {
        let stat = match retry(|| self.disk.stat(&self.handle, name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Missing),
            stat => stat?,
        };
        // Opening a device can have effects, so look first. The answer is checked again on the open file.
        if let Some(kind) = other_kind(FileType::from_raw_mode(stat.st_mode)) {
            return Ok(Found::Refused(format!("it is {kind}, not a file")));
        }
        let file = match retry(|| self.disk.open(&self.handle, name)) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
                return Ok(Found::Refused("it is a symbolic link, not a file".to_owned()));
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && self.is_foreign(stat.st_uid) => {
                return Ok(Found::Refused(format!("it belongs to user {}", stat.st_uid)));
            }
            file => file?,
        };
        let metadata = retry(|| self.disk.metadata(&file))?;
        if let Some(reason) = self.refusal(name, &metadata, max) {
            return Ok(Found::Refused(reason));
        }
        let mut text = Vec::new();
        let mut buffer = [0; 16 * 1024];
        loop {
            match retry(|| self.disk.read(&file, &mut buffer))? {
                0 => return Ok(Found::Text(text)),
                len => text.extend_from_slice(&buffer[..len]),
            }
            if text.len() > max {
                return Ok(Found::Refused(too_large(max)));
            }
        }
    }

    /// Opens an existing file, which was read before, to write at its end.
    pub(super) fn open_append(&self, name: &str) -> io::Result<File> {
        let file = retry(|| self.disk.open_append(&self.handle, name))?;
        let metadata = retry(|| self.disk.metadata(&file))?;
        match self.refusal(name, &metadata, usize::MAX) {
            Some(reason) => Err(io::Error::other(reason)),
            None => Ok(file),
        }
    }

    /// Makes a file with this content, on the device before it returns. A file left by an earlier attempt is removed.
    pub(super) fn write_new(&self, name: &str, content: &[u8]) -> io::Result<File> {
        self.remove(name)?;
        let file = retry(|| self.disk.create_new(&self.handle, name))?;
        self.append(&file, content)?;
        retry(|| self.disk.sync(&file))?;
        Ok(file)
    }

    /// Writes everything, however many calls that takes.
    pub(super) fn append(&self, file: &File, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match retry(|| self.disk.write(file, bytes))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                len => bytes = bytes.get(len..).unwrap_or_default(),
            }
        }
        Ok(())
    }

    pub(super) fn sync_data(&self, file: &File) -> io::Result<()> {
        retry(|| self.disk.sync_data(file))
    }

    /// Brings a file that somebody else may have written, and its name, to the device.
    pub(super) fn sync_file(&self, name: &str) -> io::Result<()> {
        let file = retry(|| self.disk.open(&self.handle, name))?;
        retry(|| self.disk.sync(&file))?;
        self.sync()
    }

    /// Brings the folder's names to the device.
    pub(super) fn sync(&self) -> io::Result<()> {
        retry(|| self.disk.sync(&self.handle))
    }

    /// Gives a file a second name in place of whatever has that name, or makes a copy where that is impossible.
    ///
    /// `content` is what the file contains.
    pub(super) fn duplicate(&self, name: &str, second: &str, content: &[u8]) -> io::Result<()> {
        let beside = format!("{second}.new");
        self.remove(&beside)?;
        if let Err(error) = retry(|| self.disk.link(&self.handle, name, &beside)) {
            if !is_linking_impossible(&error) {
                return Err(error);
            }
            self.write_new(&beside, content)?;
        }
        self.rename(&beside, second)?;
        // Renaming one of two names of a file to the other does nothing.
        self.remove(&beside)
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        retry(|| self.disk.rename(&self.handle, from, to))
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match retry(|| self.disk.remove(&self.handle, name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Renames what cannot be used, so that somebody can look at it; tells where it is now.
    pub(super) fn keep_aside(&self, name: &str) -> io::Result<PathBuf> {
        let time = utc::compact(SystemTime::now());
        for number in 0..100 {
            let aside = match number {
                0 => format!("{name}.bad-{time}"),
                _ => format!("{name}.bad-{time}-{number}"),
            };
            match retry(|| self.disk.rename_new(&self.handle, name, &aside)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => return result.map(|()| self.path_of(&aside)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn is_foreign(&self, owner: u32) -> bool {
        self.check_permissions && owner != 0 && owner != rustix::process::geteuid().as_raw()
    }

    /// Why an open file is not used.
    fn refusal(&self, name: &str, metadata: &Metadata, max: usize) -> Option<String> {
        if !metadata.is_file() {
            return Some("it is not a file".to_owned());
        }
        if usize::try_from(metadata.len()).map_or(true, |len| len > max) {
            return Some(too_large(max));
        }
        if self.check_permissions {
            let checked = check_component(&self.path_of(name), metadata);
            return checked.err().map(|error| error.to_string());
        }
        None
    }
}

/// Makes a folder and those above it, each on the device before the next.
fn make(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make(disk, parent)?;
    }
    match retry(|| disk.make_folder(path)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => match path.parent().map(Path::canonicalize) {
            Some(Ok(parent)) => {
                let parent = retry(|| disk.open_folder(&parent))?;
                retry(|| disk.sync(&parent))
            }
            Some(Err(error)) => Err(error),
            None => Ok(()),
        },
    }
}

/// Calls again for as long as a signal gets in between.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn other_kind(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile => None,
        FileType::Directory => Some("a folder"),
        FileType::Symlink => Some("a symbolic link"),
        FileType::Fifo => Some("a named pipe"),
        FileType::Socket => Some("a socket"),
        _ => Some("a device"),
    }
}

fn is_linking_impossible(error: &io::Error) -> bool {
    let impossible = [
        Errno::PERM,
        Errno::NOTSUP,
        Errno::OPNOTSUPP,
        Errno::NOSYS,
        Errno::MLINK,
    ];
    Errno::from_io_error(error).is_some_and(|error| impossible.contains(&error))
}

fn too_large(max: usize) -> String {
    format!("it has more than {max} bytes")
}
